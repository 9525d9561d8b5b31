/* Who waits for keys: in what order they are served, for how long, and how it ends. */
#include "broker/dispatch/waiting.h"

#include <CUnit/CUnit.h>

#include "broker/metrics/metrics.h"
#include "broker/session/sessions.h"
#include "tests/unit/broker/house.h"

void suite_waiting(void);

/* A house with some who wait and one who gives. */
struct queue {
    struct house    house;
    struct session *giver;
    struct session *first;
    struct session *second;
    struct session *third;
};

static void begin(struct queue *queue)
{
    house_open(&queue->house);
    queue->giver = house_guest(&queue->house);
    queue->first = house_guest(&queue->house);
    queue->second = house_guest(&queue->house);
    queue->third = house_guest(&queue->house);
}

static void end(struct queue *queue)
{
    house_close(&queue->house);
}

#define HEARS(queue, who, text) \
    CU_ASSERT_STRING_EQUAL(house_heard(&(queue)->house, (queue)->who), text)
#define ASK(queue, who, request) house_ask(&(queue)->house, (queue)->who, request)

/* Asks for what is not there. */
static void wait_with(struct queue *queue, struct session *who, const char *request)
{
    CU_ASSERT_STRING_EQUAL(house_ask(&queue->house, who, request), "");
    CU_ASSERT(who->paused && who->waiter != NULL);
}

static void first_come_first_served(void)
{
    struct queue queue;

    begin(&queue);
    wait_with(&queue, queue.first, "BLPOP k 0");
    wait_with(&queue, queue.second, "BLPOP k 0");
    wait_with(&queue, queue.third, "BLPOP k 0");
    CU_ASSERT_EQUAL(queue.house.broker.metrics->blocked_clients, 3);
    CU_ASSERT_STRING_EQUAL(ASK(&queue, giver, "RPUSH k a b"), ":2\r\n");
    HEARS(&queue, first, "*2\r\n$1\r\nk\r\n$1\r\na\r\n");
    HEARS(&queue, second, "*2\r\n$1\r\nk\r\n$1\r\nb\r\n");
    HEARS(&queue, third, "");
    CU_ASSERT(!queue.first->paused && queue.first->waiter == NULL);
    CU_ASSERT(queue.third->paused);
    CU_ASSERT_EQUAL(queue.house.broker.metrics->blocked_clients, 1);
    CU_ASSERT_STRING_EQUAL(ASK(&queue, giver, "EXISTS k"), ":0\r\n");
    end(&queue);
}

static void who_named_several_keys_is_answered_once(void)
{
    struct queue queue;

    begin(&queue);
    wait_with(&queue, queue.first, "BLPOP k l k k 0");
    CU_ASSERT_EQUAL(waiting_keys(queue.house.broker.waiting), 2);
    (void)ASK(&queue, giver, "MULTI");
    (void)ASK(&queue, giver, "RPUSH k a");
    (void)ASK(&queue, giver, "RPUSH l b");
    (void)ASK(&queue, giver, "EXEC");
    HEARS(&queue, first, "*2\r\n$1\r\nk\r\n$1\r\na\r\n");
    CU_ASSERT_EQUAL(waiting_keys(queue.house.broker.waiting), 0);
    CU_ASSERT_STRING_EQUAL(ASK(&queue, giver, "LLEN l"), ":1\r\n");
    end(&queue);
}

static void a_value_of_another_kind_wakes_nobody(void)
{
    struct queue queue;

    begin(&queue);
    wait_with(&queue, queue.first, "BLPOP k 0");
    (void)ASK(&queue, giver, "SET k v");
    (void)ASK(&queue, giver, "DEL k");
    (void)ASK(&queue, giver, "ZADD k 1 m");
    HEARS(&queue, first, "");
    wait_with(&queue, queue.second, "BZPOPMIN j 0");
    CU_ASSERT_EQUAL(waiting_keys(queue.house.broker.waiting), 2);
    end(&queue);
}

static void what_a_served_call_gives_serves_others(void)
{
    struct queue queue;

    begin(&queue);
    wait_with(&queue, queue.first, "BLMOVE k l LEFT LEFT 0");
    wait_with(&queue, queue.second, "BLMOVE l m LEFT LEFT 0");
    (void)ASK(&queue, giver, "RPUSH k a");
    HEARS(&queue, first, "$1\r\na\r\n");
    HEARS(&queue, second, "$1\r\na\r\n");
    CU_ASSERT_STRING_EQUAL(ASK(&queue, giver, "LLEN m"), ":1\r\n");
    end(&queue);
}

static void all_readers_of_a_stream_are_served(void)
{
    static const char *const entry =
        "*1\r\n*2\r\n$1\r\ns\r\n*1\r\n*2\r\n$3\r\n1-1\r\n*2\r\n$1\r\nf\r\n$1\r\nv\r\n";
    struct queue queue;

    begin(&queue);
    wait_with(&queue, queue.first, "XREAD BLOCK 0 STREAMS s $");
    wait_with(&queue, queue.second, "XREAD BLOCK 0 STREAMS s 5-0");
    wait_with(&queue, queue.third, "XREAD BLOCK 0 STREAMS s $");
    (void)ASK(&queue, giver, "XADD s 1-1 f v");
    HEARS(&queue, first, entry);
    HEARS(&queue, second, "");
    HEARS(&queue, third, entry);
    /* Who found nothing keeps his place. */
    (void)ASK(&queue, giver, "XADD s 5-1 f v");
    CU_ASSERT(!queue.second->paused);
    end(&queue);
}

static void who_waits_for_a_group_hears_that_it_is_gone(void)
{
    struct queue queue;

    begin(&queue);
    (void)ASK(&queue, giver, "XGROUP CREATE s g $ MKSTREAM");
    wait_with(&queue, queue.first, "XREADGROUP GROUP g c BLOCK 0 STREAMS s >");
    wait_with(&queue, queue.second, "XREAD BLOCK 0 STREAMS s $");
    CU_ASSERT_EQUAL(waiting_keys_on_gone(queue.house.broker.waiting), 1);
    (void)ASK(&queue, giver, "DEL s");
    CU_ASSERT_EQUAL(strncmp(house_heard(&queue.house, queue.first), "-NOGROUP ", 9), 0);
    HEARS(&queue, second, "");
    end(&queue);
}

static void time_runs_out_for_each_at_its_own_deadline(void)
{
    struct queue queue;
    millis now;

    begin(&queue);
    CU_ASSERT_EQUAL(waiting_next_deadline(queue.house.broker.waiting), -1);
    wait_with(&queue, queue.first, "BLPOP k 2");
    wait_with(&queue, queue.second, "BLMOVE k l LEFT LEFT 1");
    wait_with(&queue, queue.third, "BLPOP k 0");
    now = clock_wall(queue.house.clock) / 1000;
    CU_ASSERT_EQUAL(waiting_next_deadline(queue.house.broker.waiting), now + 1000);
    house_later(&queue.house, 999);
    HEARS(&queue, second, "");
    house_later(&queue.house, 1);
    HEARS(&queue, second, "*-1\r\n");
    HEARS(&queue, first, "");
    CU_ASSERT_EQUAL(waiting_next_deadline(queue.house.broker.waiting), now + 2000);
    /* Running its call again moves no deadline. */
    (void)ASK(&queue, giver, "ZADD k 1 m");
    house_later(&queue.house, 1000);
    HEARS(&queue, first, "*-1\r\n");
    CU_ASSERT_EQUAL(waiting_next_deadline(queue.house.broker.waiting), -1);
    CU_ASSERT(queue.third->paused);
    end(&queue);
}

static void who_is_unblocked_goes_on_with_nothing_or_an_error(void)
{
    struct queue queue;
    struct waiting *waiting;

    begin(&queue);
    waiting = queue.house.broker.waiting;
    wait_with(&queue, queue.first, "BLPOP k 0");
    wait_with(&queue, queue.second, "BLPOP k 0");
    CU_ASSERT(waiting_unblock(waiting, queue.house.broker.caller, queue.first, SLICE("")));
    HEARS(&queue, first, "*-1\r\n");
    CU_ASSERT(waiting_unblock(waiting, queue.house.broker.caller, queue.second,
                              SLICE("UNBLOCKED enough")));
    HEARS(&queue, second, "-UNBLOCKED enough\r\n");
    CU_ASSERT(!waiting_unblock(waiting, queue.house.broker.caller, queue.second, SLICE("")));
    HEARS(&queue, second, "");
    CU_ASSERT_EQUAL(waiting_keys(waiting), 0);
    end(&queue);
}

static void who_leaves_gives_his_place_up(void)
{
    struct queue queue;

    begin(&queue);
    wait_with(&queue, queue.first, "BLPOP k 5");
    wait_with(&queue, queue.second, "BLPOP k 0");
    house_leave(&queue.house, queue.first);
    CU_ASSERT_EQUAL(waiting_next_deadline(queue.house.broker.waiting), -1);
    CU_ASSERT_EQUAL(queue.house.broker.metrics->blocked_clients, 1);
    (void)ASK(&queue, giver, "RPUSH k a");
    HEARS(&queue, second, "*2\r\n$1\r\nk\r\n$1\r\na\r\n");
    end(&queue);
}

static void databases_keep_their_waiters_apart(void)
{
    struct queue queue;

    begin(&queue);
    (void)ASK(&queue, first, "SELECT 1");
    wait_with(&queue, queue.first, "BLPOP k 0");
    wait_with(&queue, queue.second, "BLPOP k 0");
    (void)ASK(&queue, giver, "RPUSH k a");
    HEARS(&queue, first, "");
    HEARS(&queue, second, "*2\r\n$1\r\nk\r\n$1\r\na\r\n");
    /* What was in the other database stands here now. */
    (void)ASK(&queue, giver, "RPUSH k b");
    (void)ASK(&queue, giver, "SWAPDB 0 1");
    HEARS(&queue, first, "*2\r\n$1\r\nk\r\n$1\r\nb\r\n");
    end(&queue);
}

void suite_waiting(void)
{
    CU_pSuite suite = CU_add_suite("dispatch: waiting", NULL, NULL);

    CU_add_test(suite, "first come, first served", first_come_first_served);
    CU_add_test(suite, "who named several keys is answered once",
                who_named_several_keys_is_answered_once);
    CU_add_test(suite, "a value of another kind wakes nobody",
                a_value_of_another_kind_wakes_nobody);
    CU_add_test(suite, "what a served call gives serves others",
                what_a_served_call_gives_serves_others);
    CU_add_test(suite, "all readers of a stream are served", all_readers_of_a_stream_are_served);
    CU_add_test(suite, "who waits for a group hears that it is gone",
                who_waits_for_a_group_hears_that_it_is_gone);
    CU_add_test(suite, "time runs out for each at its own deadline",
                time_runs_out_for_each_at_its_own_deadline);
    CU_add_test(suite, "who is unblocked goes on with nothing or an error",
                who_is_unblocked_goes_on_with_nothing_or_an_error);
    CU_add_test(suite, "who leaves gives his place up", who_leaves_gives_his_place_up);
    CU_add_test(suite, "databases keep their waiters apart", databases_keep_their_waiters_apart);
}
