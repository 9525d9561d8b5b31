/* Digests against published vectors and against the plainest way to compute them. */
#include <CUnit/Basic.h>
#include <ctype.h>

#include "storage/base/digest.h"
#include "storage/base/random.h"

void suite_digest(void);

/* SipHash byte by byte, as the paper describes it. */
static uint64_t turn(uint64_t word, int by)
{
    return word << by | word >> (64 - by);
}

static void plain_round(uint64_t v[4])
{
    v[0] += v[1];
    v[1] = turn(v[1], 13) ^ v[0];
    v[0] = turn(v[0], 32);
    v[2] += v[3];
    v[3] = turn(v[3], 16) ^ v[2];
    v[0] += v[3];
    v[3] = turn(v[3], 21) ^ v[0];
    v[2] += v[1];
    v[1] = turn(v[1], 17) ^ v[2];
    v[2] = turn(v[2], 32);
}

static uint64_t plain_sip(const char *at, size_t len, const struct hash_key *key)
{
    uint64_t v[4] = { key->words[0] ^ UINT64_C(0x736f6d6570736575),
                      key->words[1] ^ UINT64_C(0x646f72616e646f6d),
                      key->words[0] ^ UINT64_C(0x6c7967656e657261),
                      key->words[1] ^ UINT64_C(0x7465646279746573) };
    uint64_t word = 0;

    for (size_t i = 0; i <= (len | 7); i++) {
        uint64_t byte = i < len ? (unsigned char)at[i] : 0;

        if (i == (len | 7))
            byte = len & 255;
        word |= byte << (8 * (i & 7));
        if ((i & 7) == 7) {
            v[3] ^= word;
            plain_round(v);
            v[0] ^= word;
            word = 0;
        }
    }
    v[2] ^= 0xff;
    for (int i = 0; i < 3; i++)
        plain_round(v);
    return v[0] ^ v[1] ^ v[2] ^ v[3];
}

static void siphash_agrees_with_the_plain_way_at_every_length(void)
{
    struct random random;
    struct hash_key key;
    char text[80];

    random_seed(&random, 4);
    for (int round = 0; round < 200; round++) {
        key = (struct hash_key){ { random_next(&random), random_next(&random) } };
        for (size_t i = 0; i < sizeof(text); i++)
            text[i] = (char)random_next(&random);
        for (size_t len = 0; len <= sizeof(text); len++) {
            /* From the end of the array, so that a sanitizer sees a read past it. */
            const char *at = text + sizeof(text) - len;

            CU_ASSERT_EQUAL_FATAL(digest_sip(slice_of(at, len), &key), plain_sip(at, len, &key));
        }
    }
}

static void siphash_without_case_is_siphash_of_lower_case(void)
{
    struct random random;
    struct hash_key key = { { 1, 2 } };
    char text[40];
    char lower[40];

    random_seed(&random, 5);
    for (int round = 0; round < 2000; round++) {
        size_t len = random_below(&random, sizeof(text) + 1);

        for (size_t i = 0; i < len; i++) {
            text[i] = (char)random_next(&random);
            lower[i] = text[i] >= 'A' && text[i] <= 'Z' ? (char)(text[i] | 0x20) : text[i];
        }
        CU_ASSERT_EQUAL_FATAL(digest_sip_nocase(slice_of(text, len), &key),
                              digest_sip(slice_of(lower, len), &key));
    }
    CU_ASSERT_EQUAL(digest_sip_nocase(SLICE("@[`{AZaz"), &key),
                    digest_sip(SLICE("@[`{azaz"), &key));
}

static void checksums_have_their_check_values(void)
{
    CU_ASSERT_EQUAL(digest_crc16(SLICE("123456789")), 0x31c3);
    CU_ASSERT_EQUAL(digest_crc16(SLICE("")), 0);
    CU_ASSERT_EQUAL(digest_crc64(0, SLICE("123456789")), UINT64_C(0xe9c6d914c4b8d9ca));
    CU_ASSERT_EQUAL(digest_crc64(7, SLICE("")), 7);
}

static void a_checksum_may_be_continued_anywhere(void)
{
    static const char text[] = "The wheel turns while there is water in the race, and not longer.";
    size_t len = sizeof(text) - 1;
    uint64_t whole = digest_crc64(0, slice_of(text, len));

    for (size_t cut = 0; cut <= len; cut++) {
        uint64_t first = digest_crc64(0, slice_of(text, cut));

        CU_ASSERT_EQUAL(digest_crc64(first, slice_of(text + cut, len - cut)), whole);
    }
}

static bool sha1_is(struct slice bytes, const char *hex)
{
    unsigned char digest[DIGEST_SHA1_SIZE];
    char text[2 * DIGEST_SHA1_SIZE + 1];

    digest_sha1(bytes, digest);
    digest_hex(digest, sizeof(digest), text);
    return strcmp(text, hex) == 0;
}

static bool sha256_is(struct slice bytes, const char *hex)
{
    unsigned char digest[DIGEST_SHA256_SIZE];
    char text[2 * DIGEST_SHA256_SIZE + 1];

    digest_sha256(bytes, digest);
    digest_hex(digest, sizeof(digest), text);
    return strcmp(text, hex) == 0;
}

static void sha_has_the_published_digests(void)
{
    static const char two_blocks[] = "abcdbcdecdefdefgefghfghighijhijkijkljklmklmnlmnomnopnopq";
    static char million[1000000];

    memset(million, 'a', sizeof(million));
    CU_ASSERT_TRUE(sha1_is(SLICE(""), "da39a3ee5e6b4b0d3255bfef95601890afd80709"));
    CU_ASSERT_TRUE(sha1_is(SLICE("abc"), "a9993e364706816aba3e25717850c26c9cd0d89d"));
    CU_ASSERT_TRUE(sha1_is(slice_text(two_blocks), "84983e441c3bd26ebaae4aa1f95129e5e54670f1"));
    CU_ASSERT_TRUE(
        sha1_is(slice_of(million, sizeof(million)), "34aa973cd4c4daa4f61eeb2bdbad27316534016f"));
    CU_ASSERT_TRUE(
        sha256_is(SLICE(""), "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855"));
    CU_ASSERT_TRUE(sha256_is(SLICE("abc"),
                             "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad"));
    CU_ASSERT_TRUE(sha256_is(slice_text(two_blocks),
                             "248d6a61d20638b8e5c026930c3e6039a33ce45964ff2167f6ecedd419db06c1"));
    CU_ASSERT_TRUE(sha256_is(slice_of(million, sizeof(million)),
                             "cdc76e5c9914fb9281a1c7e284d73e67f1809a48a497200e046d39ccc7112cd0"));
}

static void xxh3_has_the_published_digests(void)
{
    /* The first is in the specification; the second was met in the field, with its zeros. */
    CU_ASSERT_EQUAL(digest_xxh3(SLICE("")), UINT64_C(0x2d06800538d394c2));
    CU_ASSERT_EQUAL(digest_xxh3(SLICE("v8lf0c11xh8ymlqztfd3eeq16kfn4sspw7fqmnuuq3k3t75em5wdizgcdw7u"
                                      "c26nnf961u2jkfzkjytls2kwlj7626sd")),
                    UINT64_C(0x00006c38adf31777));
}

void suite_digest(void)
{
    CU_pSuite suite = CU_add_suite("digest", NULL, NULL);

    CU_add_test(suite, "SipHash agrees with the plain way at every length",
                siphash_agrees_with_the_plain_way_at_every_length);
    CU_add_test(suite, "SipHash without case is SipHash of lower case",
                siphash_without_case_is_siphash_of_lower_case);
    CU_add_test(suite, "checksums have their check values", checksums_have_their_check_values);
    CU_add_test(suite, "a checksum may be continued anywhere",
                a_checksum_may_be_continued_anywhere);
    CU_add_test(suite, "SHA has the published digests", sha_has_the_published_digests);
    CU_add_test(suite, "XXH3 has the published digests", xxh3_has_the_published_digests);
}
