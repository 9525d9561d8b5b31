/* What waits for a subscriber who does not read, and what is dropped. */
#include "broker/session/overflow.h"

#include <CUnit/CUnit.h>
#include <stdio.h>

#include "broker/config/options.h"
#include "broker/metrics/metrics.h"
#include "pubsub/sink.h"
#include "storage/base/buffer.h"
#include "storage/base/memory.h"

void suite_overflow(void);

enum { FULL = 200 * 1024, BODY = 1000 };

/* A session with an outbox of its own, whose peer reads when the test says so. */
struct stage {
    struct outbox_pool *pool;
    struct outbox       outbox;
    struct session      session;
    struct metrics      metrics;
    struct options      options;
};

static struct stage *begin(enum overflow_mode mode, size_t most, bool resp3)
{
    struct stage *stage = memory_new_zeroed(1, sizeof(*stage));

    stage->pool = outbox_pool_new();
    outbox_init(&stage->outbox, stage->pool);
    stage->session.reply.out = &stage->outbox;
    stage->session.reply.resp3 = resp3;
    overflow_set(&stage->session, mode, most, &stage->metrics);
    return stage;
}

static void end(struct stage *stage)
{
    overflow_end(&stage->session);
    outbox_clear(&stage->outbox);
    outbox_pool_free(stage->pool);
    memory_free(stage);
}

static void fill_outbox(struct stage *stage)
{
    char text[1024] = { 0 };

    for (int i = 0; i < FULL / 1024; i++)
        outbox_put(&stage->outbox, slice_of(text, sizeof(text)));
}

/* Publishes message `number` on a channel of two letters; true if it went the long way. */
static bool publish(struct stage *stage, const char *channel, int number)
{
    struct bytes *body = bytes_new(BODY);
    struct message message = { .head = SLICE("3\r\n$7\r\nmessage\r\n"), .body = body,
                               .channel = 8 };
    bool taken;

    memset(body->at, '.', BODY);
    (void)snprintf(body->at, BODY, "$2\r\n%s\r\n<%d>", channel, number);
    taken = overflow_takes(&stage->session, &message, &stage->options);
    bytes_drop(body);
    return taken;
}

/* The peer reads all there is: returns it. */
static struct buffer read_all(struct stage *stage)
{
    struct buffer seen = { 0 };

    while (outbox_pending(&stage->outbox) > 0) {
        outbox_copy_to(&stage->outbox, &seen);
        outbox_sent(&stage->outbox, outbox_pending(&stage->outbox));
        overflow_go_on(&stage->session);
    }
    return seen;
}

static bool has(const struct buffer *seen, const char *text)
{
    return memmem(seen->at, seen->len, text, strlen(text)) != NULL;
}

static void who_chose_nothing_is_left_to_the_limits(void)
{
    struct stage *stage = begin(OVERFLOW_DISCONNECT, 0, false);

    fill_outbox(stage);
    CU_ASSERT(!publish(stage, "aa", 1));
    overflow_end(&stage->session);
    CU_ASSERT(!publish(stage, "aa", 2));
    CU_ASSERT_EQUAL(overflow_mode_of(&stage->session), OVERFLOW_DISCONNECT);
    CU_ASSERT_EQUAL(overflow_dropped(&stage->session), 0);
    end(stage);
}

static void nothing_waits_while_the_outbox_has_room(void)
{
    struct stage *stage = begin(OVERFLOW_DROP_OLDEST, 0, false);

    CU_ASSERT(!publish(stage, "aa", 1));
    fill_outbox(stage);
    CU_ASSERT(publish(stage, "aa", 2));
    CU_ASSERT(overflow_memory(&stage->session) > BODY);
    CU_ASSERT_EQUAL(overflow_dropped(&stage->session), 0);
    struct buffer seen = read_all(stage);

    CU_ASSERT(has(&seen, "<2>"));
    CU_ASSERT(!publish(stage, "aa", 3));
    buffer_clear(&seen);
    end(stage);
}

static void the_oldest_or_the_newest_go(void)
{
    for (int newest = 0; newest < 2; newest++) {
        struct stage *stage =
            begin(newest ? OVERFLOW_DROP_NEWEST : OVERFLOW_DROP_OLDEST, 10 * BODY, true);

        fill_outbox(stage);
        for (int i = 100; i < 200; i++)
            CU_ASSERT(publish(stage, "aa", i));
        CU_ASSERT(overflow_memory(&stage->session) < 12 * BODY);
        CU_ASSERT_EQUAL(stage->metrics.dropped_messages, overflow_dropped(&stage->session));
        CU_ASSERT(overflow_dropped(&stage->session) > 85);
        struct buffer seen = read_all(stage);

        CU_ASSERT_EQUAL(has(&seen, "<100>"), newest);
        CU_ASSERT_EQUAL(has(&seen, "<199>"), !newest);
        CU_ASSERT(has(&seen, "dropped"));
        buffer_clear(&seen);
        end(stage);
    }
}

static void of_each_channel_the_latest_stays(void)
{
    struct stage *stage = begin(OVERFLOW_LATEST, 0, false);

    fill_outbox(stage);
    for (int i = 100; i < 200; i++)
        CU_ASSERT(publish(stage, i % 2 == 0 ? "aa" : "bb", i));
    CU_ASSERT_EQUAL(overflow_dropped(&stage->session), 98);
    CU_ASSERT(overflow_memory(&stage->session) < 3 * BODY);
    struct buffer seen = read_all(stage);

    CU_ASSERT(has(&seen, "<198>") && has(&seen, "<199>"));
    CU_ASSERT(!has(&seen, "<197>") && !has(&seen, "dropped"));
    buffer_clear(&seen);
    end(stage);
}

static void another_mode_drops_what_waits_and_counts_it(void)
{
    struct stage *stage = begin(OVERFLOW_LATEST, 0, false);

    fill_outbox(stage);
    CU_ASSERT(publish(stage, "aa", 1) && publish(stage, "bb", 2));
    overflow_set(&stage->session, OVERFLOW_DROP_NEWEST, 0, &stage->metrics);
    CU_ASSERT_EQUAL(overflow_dropped(&stage->session), 2);
    CU_ASSERT_EQUAL(stage->metrics.dropped_messages, 2);
    CU_ASSERT_EQUAL(overflow_mode_of(&stage->session), OVERFLOW_DROP_NEWEST);
    CU_ASSERT_STRING_EQUAL(overflow_mode_name(OVERFLOW_DROP_NEWEST), "drop-newest");
    end(stage);
}

static void a_soft_limit_warns_once_until_all_was_read(void)
{
    struct stage *stage = begin(OVERFLOW_DROP_OLDEST, 0, true);
    struct buffer seen;

    overflow_warn(&stage->session, 2000, 1000);
    overflow_warn(&stage->session, 3000, 1000);
    seen = read_all(stage);
    CU_ASSERT(has(&seen, "warning") && has(&seen, ":2000") && !has(&seen, ":3000"));
    buffer_clear(&seen);
    overflow_warn(&stage->session, 4000, 1000);
    seen = read_all(stage);
    CU_ASSERT(has(&seen, ":4000"));
    buffer_clear(&seen);
    end(stage);
}

void suite_overflow(void)
{
    CU_pSuite suite = CU_add_suite("session: overflow", NULL, NULL);

    CU_add_test(suite, "who chose nothing is left to the limits",
                who_chose_nothing_is_left_to_the_limits);
    CU_add_test(suite, "nothing waits while the outbox has room",
                nothing_waits_while_the_outbox_has_room);
    CU_add_test(suite, "the oldest or the newest go", the_oldest_or_the_newest_go);
    CU_add_test(suite, "of each channel the latest stays", of_each_channel_the_latest_stays);
    CU_add_test(suite, "another mode drops what waits and counts it",
                another_mode_drops_what_waits_and_counts_it);
    CU_add_test(suite, "a soft limit warns once until all was read",
                a_soft_limit_warns_once_until_all_was_read);
}
