/* The checksum of a snapshot that comes in pieces. */
#include <CUnit/Basic.h>
#include <string.h>

#include "broker/replication/seal.h"
#include "storage/base/digest.h"

void suite_seal(void);

enum { BODY = 40, ALL = BODY + SEAL_SUM };

/* Something that begins like a snapshot, with the sum that it should have. */
static void make(char bytes[ALL], const char *head)
{
    uint64_t sum;

    for (int i = 0; i < BODY; i++)
        bytes[i] = (char)(i * 37);
    memcpy(bytes, head, SEAL_HEAD);
    sum = digest_crc64(0, slice_of(bytes, BODY));
    for (int i = 0; i < SEAL_SUM; i++)
        bytes[BODY + i] = (char)(sum >> 8 * i);
}

/* What comes in pieces of so many bytes. */
static bool is_whole(const char *bytes, size_t len, size_t piece)
{
    struct seal seal = { 0 };

    for (size_t at = 0; at < len; at += piece)
        seal_take(&seal, slice_of(bytes + at, piece < len - at ? piece : len - at));
    return seal_is_whole(&seal);
}

static void what_came_as_it_was_sent_is_whole_in_any_pieces(void)
{
    char bytes[ALL];

    make(bytes, "REDIS0010");
    for (size_t piece = 1; piece <= ALL; piece++)
        CU_ASSERT_TRUE(is_whole(bytes, ALL, piece));
}

static void a_bit_that_turned_is_seen_in_any_pieces(void)
{
    char bytes[ALL];

    make(bytes, "REDIS0010");
    for (size_t piece = 1; piece <= ALL; piece++) {
        for (size_t bit = 8 * SEAL_HEAD; bit < 8 * ALL; bit++) {
            bytes[bit / 8] = (char)(bytes[bit / 8] ^ 1 << bit % 8);
            CU_ASSERT_FALSE(is_whole(bytes, ALL, piece));
            bytes[bit / 8] = (char)(bytes[bit / 8] ^ 1 << bit % 8);
        }
    }
}

static void what_was_cut_is_not_whole(void)
{
    char bytes[ALL];

    make(bytes, "REDIS0010");
    for (size_t len = 0; len < ALL; len++)
        CU_ASSERT_FALSE(is_whole(bytes, len, 5));
}

static void no_sum_and_no_check_where_there_is_none(void)
{
    char bytes[ALL];

    make(bytes, "REDIS0010");
    memset(bytes + BODY, 0, SEAL_SUM);
    CU_ASSERT_TRUE(is_whole(bytes, ALL, 7));
    make(bytes, "REDIS0004");
    bytes[BODY] ^= 1;
    CU_ASSERT_TRUE(is_whole(bytes, ALL, 7));
    make(bytes, "REDIS00x0");
    CU_ASSERT_FALSE(is_whole(bytes, ALL, 7));
    make(bytes, "garbage:)");
    CU_ASSERT_FALSE(is_whole(bytes, ALL, 7));
}

void suite_seal(void)
{
    CU_pSuite suite = CU_add_suite("seal", NULL, NULL);

    CU_ADD_TEST(suite, what_came_as_it_was_sent_is_whole_in_any_pieces);
    CU_ADD_TEST(suite, a_bit_that_turned_is_seen_in_any_pieces);
    CU_ADD_TEST(suite, what_was_cut_is_not_whole);
    CU_ADD_TEST(suite, no_sum_and_no_check_where_there_is_none);
}
