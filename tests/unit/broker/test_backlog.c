#include <CUnit/CUnit.h>

#include "broker/protocol/outbox.h"
#include "broker/replication/backlog.h"
#include "storage/base/buffer.h"
#include "storage/base/random.h"

void suite_backlog(void);

enum { SIZE = 64 * 1024, MOST = 1024 * 1024 };

static char byte_at(int64_t offset)
{
    return (char)(offset * 7 + offset / 251);
}

/* Appends so many bytes, each of which tells its offset. */
static void grow(struct backlog *backlog, size_t len)
{
    char part[4096];

    while (len > 0) {
        size_t some = len < sizeof(part) ? len : sizeof(part);
        int64_t next = backlog_next(backlog);

        for (size_t i = 0; i < some; i++)
            part[i] = byte_at(next + (int64_t)i);
        backlog_append(backlog, slice_of(part, some));
        backlog_check(backlog);
        backlog_trim(backlog);
        backlog_check(backlog);
        len -= some;
    }
}

static bool tells_offsets(struct slice bytes, int64_t from)
{
    for (size_t i = 0; i < bytes.len; i++) {
        if (bytes.at[i] != byte_at(from + (int64_t)i))
            return false;
    }
    return true;
}

static bool holds_from(const struct backlog *backlog, int64_t offset)
{
    struct buffer copy = { 0 };
    bool fine;

    backlog_copy_to(backlog, offset, &copy);
    fine = (int64_t)copy.len == backlog_next(backlog) - offset &&
           tells_offsets(buffer_slice(&copy), offset);
    buffer_clear(&copy);
    return fine;
}

static void a_new_one_has_nothing_but_what_comes_next(void)
{
    struct backlog *backlog = backlog_new(1, SIZE);

    backlog_check(backlog);
    CU_ASSERT_EQUAL(backlog_first(backlog), 1);
    CU_ASSERT_EQUAL(backlog_length(backlog), 0);
    CU_ASSERT_TRUE(backlog_has(backlog, 1));
    CU_ASSERT_FALSE(backlog_has(backlog, 0));
    CU_ASSERT_FALSE(backlog_has(backlog, 2));
    CU_ASSERT_TRUE(holds_from(backlog, 1));
    backlog_free(backlog);
}

static void the_latest_bytes_are_kept_and_the_oldest_go(void)
{
    struct backlog *backlog = backlog_new(1000, SIZE);

    grow(backlog, SIZE);
    CU_ASSERT_EQUAL(backlog_first(backlog), 1000);
    grow(backlog, SIZE);
    CU_ASSERT_EQUAL(backlog_next(backlog), 1000 + 2 * SIZE);
    CU_ASSERT_TRUE(backlog_length(backlog) >= SIZE);
    CU_ASSERT_TRUE(backlog_length(backlog) <= SIZE + SIZE / 4);
    CU_ASSERT_FALSE(backlog_has(backlog, 1000));
    CU_ASSERT_TRUE(holds_from(backlog, backlog_first(backlog)));
    CU_ASSERT_TRUE(holds_from(backlog, backlog_first(backlog) + 17000));
    CU_ASSERT_TRUE(holds_from(backlog, backlog_next(backlog)));
    backlog_resize(backlog, SIZE / 2);
    backlog_check(backlog);
    CU_ASSERT_TRUE(backlog_length(backlog) < SIZE);
    backlog_free(backlog);
}

static void what_somebody_holds_stays(void)
{
    struct backlog *backlog = backlog_new(1, SIZE);
    struct bytes *held = backlog_hold(backlog, 1);

    grow(backlog, 4 * SIZE);
    CU_ASSERT_TRUE(backlog_has(backlog, 1));
    CU_ASSERT_TRUE(holds_from(backlog, 1));
    bytes_drop(held);
    backlog_trim(backlog);
    backlog_check(backlog);
    CU_ASSERT_FALSE(backlog_has(backlog, 1));
    CU_ASSERT_TRUE(backlog_length(backlog) <= SIZE + SIZE / 4);
    backlog_free(backlog);
}

static void what_was_appended_is_there_until_it_was_shared(void)
{
    struct backlog *backlog = backlog_new(1, 0);
    char part[100] = { 0 };

    for (int i = 0; i < 1000; i++)
        backlog_append(backlog, slice_of(part, sizeof(part)));
    backlog_check(backlog);
    CU_ASSERT_TRUE(backlog_has(backlog, 1));
    backlog_trim(backlog);
    CU_ASSERT_FALSE(backlog_has(backlog, 1));
    backlog_free(backlog);
}

static void outboxes_share_the_bytes_and_outlive_the_backlog(void)
{
    struct outbox_pool *pool = outbox_pool_new();
    struct backlog *backlog = backlog_new(1, SIZE);
    struct buffer sent = { 0 };
    struct outbox out;
    size_t memory;

    outbox_init(&out, pool);
    grow(backlog, 100);
    memory = backlog_memory(backlog);
    backlog_share(backlog, 51, &out);
    CU_ASSERT_EQUAL(outbox_pending(&out), 50);
    for (int i = 0; i < 1000; i++) {
        int64_t from = backlog_next(backlog);

        grow(backlog, 40);
        backlog_share(backlog, from, &out);
    }
    CU_ASSERT_EQUAL(outbox_pending(&out), 50 + 40000);
    CU_ASSERT_TRUE(backlog_memory(backlog) <= memory + 40000);
    /* What follows what is there already takes no further room in the list of spans. */
    CU_ASSERT_TRUE(outbox_memory(&out) < 41000);
    backlog_free(backlog);
    outbox_copy_to(&out, &sent);
    CU_ASSERT_TRUE(tells_offsets(buffer_slice(&sent), 51));
    buffer_clear(&sent);
    outbox_clear(&out);
    outbox_pool_free(pool);
}

static void a_random_walk_keeps_what_it_must(void)
{
    struct random random;
    struct backlog *backlog = backlog_new(1, SIZE);
    struct bytes *held = NULL;
    int64_t from = 0;
    size_t size = SIZE;

    random_seed(&random, 20);
    for (int i = 0; i < 2000; i++) {
        uint64_t what = random_below(&random, 20);

        if (what == 0 && held == NULL) {
            from = backlog_first(backlog) +
                   (int64_t)random_below(&random, (uint64_t)backlog_length(backlog) + 1);
            held = backlog_hold(backlog, from);
        } else if (what == 1) {
            bytes_drop(held);
            held = NULL;
            backlog_trim(backlog);
        } else if (what == 2) {
            size = random_below(&random, MOST);
            backlog_resize(backlog, size);
        } else {
            grow(backlog, random_below(&random, what == 3 ? 100000 : 300));
        }
        backlog_check(backlog);
        CU_ASSERT_TRUE(held == NULL || backlog_has(backlog, from));
    }
    CU_ASSERT_TRUE(holds_from(backlog, backlog_first(backlog)));
    bytes_drop(held);
    backlog_free(backlog);
}

void suite_backlog(void)
{
    CU_pSuite suite = CU_add_suite("backlog", NULL, NULL);

    CU_add_test(suite, "a new one has nothing but what comes next",
                a_new_one_has_nothing_but_what_comes_next);
    CU_add_test(suite, "the latest bytes are kept and the oldest go",
                the_latest_bytes_are_kept_and_the_oldest_go);
    CU_add_test(suite, "what somebody holds stays", what_somebody_holds_stays);
    CU_add_test(suite, "what was appended is there until it was shared",
                what_was_appended_is_there_until_it_was_shared);
    CU_add_test(suite, "outboxes share the bytes and outlive the backlog",
                outboxes_share_the_bytes_and_outlive_the_backlog);
    CU_add_test(suite, "a random walk keeps what it must", a_random_walk_keeps_what_it_must);
}
