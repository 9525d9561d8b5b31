/* Replies and the outbox under them: both protocols, holes, sharing, rewinding, partial sends. */
#include <CUnit/Basic.h>
#include <string.h>

#include "broker/protocol/reply.h"
#include "storage/base/buffer.h"
#include "storage/base/random.h"

void suite_reply(void);

/* A reply and everything under it. */
struct stage {
    struct outbox_pool *pool;
    struct outbox       outbox;
    struct reply        reply;
};

static void stage_init(struct stage *stage, bool resp3)
{
    *stage = (struct stage){ .pool = outbox_pool_new() };
    outbox_init(&stage->outbox, stage->pool);
    stage->reply = (struct reply){ .out = &stage->outbox, .resp3 = resp3 };
}

static void stage_clear(struct stage *stage)
{
    outbox_clear(&stage->outbox);
    outbox_pool_free(stage->pool);
}

/* Whether exactly this is to be sent; sends it. */
static bool sends(struct stage *stage, const char *wanted)
{
    struct buffer got = { 0 };
    bool same;

    outbox_copy_to(&stage->outbox, &got);
    same = slice_equal(buffer_slice(&got), slice_text(wanted));
    same = same && outbox_pending(&stage->outbox) == strlen(wanted);
    outbox_sent(&stage->outbox, outbox_pending(&stage->outbox));
    buffer_clear(&got);
    return same && outbox_memory(&stage->outbox) <= 1024;
}

static void write_one_of_each(struct reply *reply)
{
    reply_simple(reply, SLICE("a b"));
    reply_error(reply, SLICE("ERR two\r\nlines"));
    reply_bulk(reply, SLICE("0123456789"));
    reply_bulk_integer(reply, -12);
    reply_integer(reply, -7);
    reply_integer(reply, 1234567);
    reply_double(reply, 1.5);
    reply_nil(reply);
    reply_nil_array(reply);
    reply_boolean(reply, true);
    reply_verbatim(reply, SLICE("txt"), "mkd");
    reply_big_number(reply, SLICE("12"));
    reply_array(reply, 2);
    reply_map(reply, 3);
    reply_set(reply, 4);
    reply_push(reply, 5);
}

static void each_type_has_its_form_in_resp2(void)
{
    struct stage stage;

    stage_init(&stage, false);
    write_one_of_each(&stage.reply);
    CU_ASSERT(sends(&stage, "+a b\r\n-ERR two  lines\r\n$10\r\n0123456789\r\n$3\r\n-12\r\n:-7\r\n"
                            ":1234567\r\n$3\r\n1.5\r\n$-1\r\n*-1\r\n:1\r\n$3\r\ntxt\r\n$2\r\n12\r\n"
                            "*2\r\n*6\r\n*4\r\n*5\r\n"));
    CU_ASSERT_EQUAL(stage.reply.errors, 1);
    stage_clear(&stage);
}

static void each_type_has_its_form_in_resp3(void)
{
    struct stage stage;

    stage_init(&stage, true);
    write_one_of_each(&stage.reply);
    CU_ASSERT(sends(&stage, "+a b\r\n-ERR two  lines\r\n$10\r\n0123456789\r\n$3\r\n-12\r\n:-7\r\n"
                            ":1234567\r\n,1.5\r\n_\r\n_\r\n#t\r\n=7\r\nmkd:txt\r\n(12\r\n"
                            "*2\r\n%3\r\n~4\r\n>5\r\n"));
    stage_clear(&stage);
}

static void an_array_of_unknown_length_is_counted_at_its_end(void)
{
    struct stage stage;
    struct outbox_hole outer;
    struct outbox_hole inner;
    struct outbox_hole cursor;

    stage_init(&stage, false);
    reply_ok(&stage.reply);
    outer = reply_open(&stage.reply);
    reply_integer(&stage.reply, 1);
    inner = reply_open(&stage.reply);
    reply_bulk(&stage.reply, SLICE("x"));
    reply_close_array(&stage.reply, inner, 1);
    cursor = reply_open(&stage.reply);
    reply_ok(&stage.reply);
    reply_close_cursor(&stage.reply, cursor, UINT64_MAX);
    reply_close_map(&stage.reply, outer, 100);
    CU_ASSERT(sends(&stage, "+OK\r\n*200\r\n:1\r\n*1\r\n$1\r\nx\r\n$20\r\n18446744073709551615\r\n"
                            "+OK\r\n"));
    stage_clear(&stage);
}

static void large_bytes_are_shared_not_copied(void)
{
    struct bytes *bytes = bytes_new(100000);
    struct iovec vectors[8];
    struct stage stage;
    int count;

    memset(bytes->at, 'x', bytes_len(bytes));
    stage_init(&stage, false);
    reply_bulk_shared(&stage.reply, bytes);
    CU_ASSERT_FALSE(bytes_sole(bytes));
    count = outbox_vectors(&stage.outbox, vectors, 8);
    CU_ASSERT_EQUAL(count, 3);
    CU_ASSERT_PTR_EQUAL(vectors[1].iov_base, bytes->at);
    outbox_sent(&stage.outbox, outbox_pending(&stage.outbox));
    CU_ASSERT(bytes_sole(bytes));
    bytes_drop(bytes);
    stage_clear(&stage);
}

static void what_was_put_since_a_mark_can_be_taken_back(void)
{
    struct stage stage;
    struct outbox_mark mark;

    stage_init(&stage, false);
    mark = outbox_mark(&stage.outbox);
    for (int i = 0; i < 5000; i++)
        reply_integer(&stage.reply, i);
    outbox_rewind(&stage.outbox, mark);
    CU_ASSERT_EQUAL(outbox_pending(&stage.outbox), 0);
    reply_ok(&stage.reply);
    mark = outbox_mark(&stage.outbox);
    for (int i = 0; i < 5000; i++)
        reply_integer(&stage.reply, i);
    outbox_rewind(&stage.outbox, mark);
    reply_nil(&stage.reply);
    CU_ASSERT(sends(&stage, "+OK\r\n$-1\r\n"));
    stage_clear(&stage);
}

/* Puts random things, sends random amounts; what arrives is what was put. */
static void nothing_is_lost_in_partial_sends(void)
{
    struct random random;
    struct stage stage;
    struct buffer put = { 0 };
    struct buffer got = { 0 };
    char text[3000];

    random_seed(&random, 7);
    for (size_t i = 0; i < sizeof(text); i++)
        text[i] = (char)('a' + i % 26);
    stage_init(&stage, false);
    for (int step = 0; step < 20000; step++) {
        struct slice part = slice_of(text, (size_t)random_below(&random, sizeof(text)));
        struct iovec vectors[4];
        size_t before = got.len;
        size_t take;
        int count;

        if (random_below(&random, 3) == 0) {
            struct bytes *bytes = bytes_copy(part);

            outbox_share(&stage.outbox, bytes, bytes_slice(bytes));
            bytes_drop(bytes);
        } else {
            outbox_put(&stage.outbox, part);
        }
        buffer_add(&put, part);
        count = outbox_vectors(&stage.outbox, vectors, 4);
        take = (size_t)random_below(&random, 4000);
        for (int i = 0; i < count && take > 0; i++) {
            size_t len = vectors[i].iov_len < take ? vectors[i].iov_len : take;

            buffer_add(&got, slice_of(vectors[i].iov_base, len));
            take -= len;
        }
        outbox_sent(&stage.outbox, got.len - before);
    }
    outbox_copy_to(&stage.outbox, &got);
    CU_ASSERT(slice_equal(buffer_slice(&put), buffer_slice(&got)));
    buffer_clear(&put);
    buffer_clear(&got);
    stage_clear(&stage);
}

void suite_reply(void)
{
    CU_pSuite suite = CU_add_suite("reply", NULL, NULL);

    CU_add_test(suite, "each type has its form in RESP2", each_type_has_its_form_in_resp2);
    CU_add_test(suite, "each type has its form in RESP3", each_type_has_its_form_in_resp3);
    CU_add_test(suite, "an array of unknown length is counted at its end",
                an_array_of_unknown_length_is_counted_at_its_end);
    CU_add_test(suite, "large bytes are shared, not copied", large_bytes_are_shared_not_copied);
    CU_add_test(suite, "what was put since a mark can be taken back",
                what_was_put_since_a_mark_can_be_taken_back);
    CU_add_test(suite, "nothing is lost in partial sends", nothing_is_lost_in_partial_sends);
}
