/* The arrival of data: by length and by mark, in pieces of every size, and lies. */
#include <CUnit/Basic.h>
#include <string.h>

#include "broker/replication/arrival.h"
#include "storage/base/buffer.h"

void suite_arrival(void);

#define MARK "0123456789abcdefghij0123456789abcdefghij"

static void keep(void *who, struct slice bytes)
{
    buffer_add(who, bytes);
}

/* Hears all of it in pieces; returns how much was taken, and what was shown. */
static size_t hear(struct arrival *arrival, struct slice all, size_t piece, struct buffer *shown)
{
    size_t taken = 0;
    size_t came = 0;

    buffer_rewind(shown);
    arrival_begin(arrival);
    while (arrival->state != ARRIVAL_DONE && arrival->state != ARRIVAL_BROKEN) {
        struct slice rest;

        came = came + piece < all.len ? came + piece : all.len;
        rest = slice_of(all.at + taken, came - taken);
        if (arrival->state == ARRIVAL_AWAITED)
            taken += arrival_head(arrival, rest);
        taken += arrival_take(arrival, slice_of(all.at + taken, came - taken), keep, shown);
        if (came == all.len)
            break;
    }
    return taken;
}

static void pieces_of_every_size_make_the_same(const char *text, const char *data, size_t end)
{
    struct buffer shown = { 0 };
    struct arrival arrival;

    for (size_t piece = 1; piece <= strlen(text); piece++) {
        CU_ASSERT_EQUAL(hear(&arrival, slice_text(text), piece, &shown), end);
        CU_ASSERT_EQUAL(arrival.state, ARRIVAL_DONE);
        CU_ASSERT_TRUE(slice_equal(buffer_slice(&shown), slice_text(data)));
        CU_ASSERT_EQUAL(arrival.came, strlen(data));
    }
    buffer_clear(&shown);
}

static void so_many_bytes_are_taken_as_were_said(void)
{
    pieces_of_every_size_make_the_same("\n\n$5\r\nhello*1\r\n$4\r\nPING\r\n", "hello", 11);
}

static void bytes_are_taken_up_to_the_mark(void)
{
    const char *text = "\n$EOF:" MARK "\r\nsome data, 01234567890123456789" MARK "behind";

    pieces_of_every_size_make_the_same(text, "some data, 01234567890123456789",
                                       strlen(text) - strlen("behind"));
}

static void what_begins_like_the_mark_is_data(void)
{
    const char *text = "$EOF:" MARK "\r\n0123456789abcdefghij0123456789" MARK;

    pieces_of_every_size_make_the_same(text, "0123456789abcdefghij0123456789", strlen(text));
}

static void no_data_at_all_may_come_before_the_mark(void)
{
    const char *text = "$EOF:" MARK "\r\n" MARK;

    pieces_of_every_size_make_the_same(text, "", strlen(text));
}

static void heads_that_lie_are_refused(void)
{
    static const char *const heads[] = { "$-1\r\n", "$0\r\n", "$x\r\n", "$\r\n", "+OK\r\n", "*1\r\n",
                                         "$EOF:short\r\n", "$9223372036854775808\r\n", "x\n" };
    struct buffer shown = { 0 };
    struct arrival arrival;

    for (size_t i = 0; i < sizeof(heads) / sizeof(heads[0]); i++) {
        (void)hear(&arrival, slice_text(heads[i]), 3, &shown);
        CU_ASSERT_EQUAL(arrival.state, ARRIVAL_BROKEN);
        CU_ASSERT_TRUE(strstr(arrival.reason, "Bad protocol") != NULL);
    }
    buffer_clear(&shown);
}

static void an_error_is_told_as_it_came(void)
{
    struct arrival arrival;

    arrival_begin(&arrival);
    CU_ASSERT_EQUAL(arrival_head(&arrival, SLICE("-ERR no\r\n")), 9);
    CU_ASSERT_EQUAL(arrival.state, ARRIVAL_BROKEN);
    CU_ASSERT_STRING_EQUAL(arrival.reason, "MASTER aborted replication with an error: ERR no");
}

static void an_endless_head_is_refused(void)
{
    struct arrival arrival;
    char line[ARRIVAL_HEAD_MOST + 2];

    memset(line, '$', sizeof(line));
    arrival_begin(&arrival);
    CU_ASSERT_EQUAL(arrival_head(&arrival, slice_of(line, ARRIVAL_HEAD_MOST)), 0);
    CU_ASSERT_EQUAL(arrival.state, ARRIVAL_AWAITED);
    (void)arrival_head(&arrival, slice_of(line, sizeof(line)));
    CU_ASSERT_EQUAL(arrival.state, ARRIVAL_BROKEN);
}

void suite_arrival(void)
{
    CU_pSuite suite = CU_add_suite("arrival", NULL, NULL);

    CU_ADD_TEST(suite, so_many_bytes_are_taken_as_were_said);
    CU_ADD_TEST(suite, bytes_are_taken_up_to_the_mark);
    CU_ADD_TEST(suite, what_begins_like_the_mark_is_data);
    CU_ADD_TEST(suite, no_data_at_all_may_come_before_the_mark);
    CU_ADD_TEST(suite, heads_that_lie_are_refused);
    CU_ADD_TEST(suite, an_error_is_told_as_it_came);
    CU_ADD_TEST(suite, an_endless_head_is_refused);
}
