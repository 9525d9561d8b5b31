#include "broker/protocol/outbox.h"

#include <CUnit/CUnit.h>

#include "storage/base/buffer.h"
#include "storage/base/memory.h"
#include "storage/base/random.h"

enum { STEPS = 3000 };

static void put_much(struct outbox *outbox, size_t bytes)
{
    char text[1000] = { 0 };

    for (; bytes >= sizeof(text); bytes -= sizeof(text))
        outbox_put(outbox, slice_of(text, sizeof(text)));
}

static void what_is_put_comes_out_in_order(void)
{
    struct outbox_pool *pool = outbox_pool_new();
    struct outbox outbox;
    struct buffer expected = { 0 };
    struct buffer seen = { 0 };
    struct random random;

    random_seed(&random, 5);
    outbox_init(&outbox, pool);
    for (int i = 0; i < STEPS; i++) {
        char text[3000];
        size_t len = (size_t)random_below(&random, sizeof(text));

        memset(text, 'a' + i % 26, len);
        if (random_below(&random, 4) == 0) {
            struct bytes *bytes = bytes_copy(slice_of(text, len));

            outbox_share(&outbox, bytes, bytes_slice(bytes));
            bytes_drop(bytes);
        } else {
            outbox_put(&outbox, slice_of(text, len));
        }
        buffer_add(&expected, slice_of(text, len));
        if (random_below(&random, 3) == 0 && outbox_pending(&outbox) > 0) {
            size_t sent = (size_t)random_below(&random, outbox_pending(&outbox) + 1);

            buffer_rewind(&seen);
            outbox_copy_to(&outbox, &seen);
            CU_ASSERT_FATAL(slice_equal(buffer_slice(&seen), buffer_slice(&expected)));
            outbox_sent(&outbox, sent);
            buffer_drop_front(&expected, sent);
        }
        CU_ASSERT_EQUAL_FATAL(outbox_pending(&outbox), expected.len);
        CU_ASSERT_FATAL(outbox_memory(&outbox) >= outbox_pending(&outbox));
    }
    outbox_clear(&outbox);
    CU_ASSERT_EQUAL(outbox_memory(&outbox), 0);
    outbox_pool_free(pool);
    buffer_clear(&expected);
    buffer_clear(&seen);
}

static void of_what_is_shared_each_holder_has_a_part(void)
{
    struct outbox_pool *pool = outbox_pool_new();
    struct outbox one;
    struct outbox two;
    struct bytes *bytes = bytes_new_zeroed(100000);

    outbox_init(&one, pool);
    outbox_init(&two, pool);
    outbox_share(&one, bytes, bytes_slice(bytes));
    outbox_share(&two, bytes, bytes_slice(bytes));
    bytes_drop(bytes);
    CU_ASSERT(outbox_memory(&one) >= 100000);
    CU_ASSERT(outbox_memory_own(&one) >= 50000 && outbox_memory_own(&one) < 52000);
    outbox_clear(&two);
    CU_ASSERT(outbox_memory_own(&one) >= 100000);
    outbox_clear(&one);
    outbox_pool_free(pool);
}

static void beyond_its_limit_it_swallows(void)
{
    struct outbox_pool *pool = outbox_pool_new();
    struct outbox outbox;
    struct outbox_mark mark;
    struct outbox_hole hole;

    outbox_init(&outbox, pool);
    outbox_limit(&outbox, 100000);
    put_much(&outbox, 90000);
    CU_ASSERT_FALSE(outbox.choked);
    mark = outbox_mark(&outbox);
    hole = outbox_open_hole(&outbox);
    put_much(&outbox, 50 * 1000 * 1000);
    CU_ASSERT_TRUE(outbox.choked);
    CU_ASSERT(outbox_pending(&outbox) > 100000);
    CU_ASSERT(outbox_memory(&outbox) < 10000);
    outbox_fill_hole(&outbox, hole, SLICE("*3\r\n"));
    outbox_rewind(&outbox, mark);
    hole = outbox_open_hole(&outbox);
    outbox_fill_hole(&outbox, hole, SLICE("*3\r\n"));
    (void)outbox_reserve(&outbox, 200000);
    outbox_commit(&outbox, 200000);
    CU_ASSERT(outbox_memory(&outbox) < 300000);
    outbox_clear(&outbox);
    CU_ASSERT_EQUAL(outbox_memory(&outbox), 0);
    CU_ASSERT_FALSE(outbox.choked);
    outbox_pool_free(pool);
}

static void the_pool_gives_back_what_it_keeps(void)
{
    struct outbox_pool *pool = outbox_pool_new();
    struct outbox outbox;
    size_t empty = outbox_pool_memory(pool);

    outbox_init(&outbox, pool);
    put_much(&outbox, 500000);
    outbox_sent(&outbox, outbox_pending(&outbox));
    CU_ASSERT(outbox_pool_memory(pool) > empty);
    outbox_pool_trim(pool);
    CU_ASSERT_EQUAL(outbox_pool_memory(pool), empty);
    put_much(&outbox, 5000);
    outbox_clear(&outbox);
    outbox_pool_free(pool);
}

void suite_outbox(void);

void suite_outbox(void)
{
    CU_pSuite suite = CU_add_suite("outbox", NULL, NULL);

    CU_add_test(suite, "What is put comes out in order", what_is_put_comes_out_in_order);
    CU_add_test(suite, "Of what is shared each holder has a part",
                of_what_is_shared_each_holder_has_a_part);
    CU_add_test(suite, "Beyond its limit it swallows", beyond_its_limit_it_swallows);
    CU_add_test(suite, "The pool gives back what it keeps", the_pool_gives_back_what_it_keeps);
}
