/* What goes on by itself: at ticks, at deadlines, and in turns while there is more to do. */
#include "broker/upkeep/upkeep.h"

#include <CUnit/CUnit.h>
#include <stdio.h>

#include "broker/dispatch/caller.h"
#include "broker/metrics/metrics.h"
#include "broker/net/loop.h"
#include "broker/session/sessions.h"
#include "storage/keyspace/keyspace.h"
#include "tests/unit/broker/house.h"

void suite_upkeep(void);

enum { PATIENCE = 5000 /* milliseconds until a tick must have come */ };

/* A house whose loop turns, and somebody who asks. */
struct yard {
    struct house    house;
    struct session *guest;
    int             ticks;
};

static void count_tick(void *who)
{
    ((struct yard *)who)->ticks++;
}

static void begin(struct yard *yard)
{
    *yard = (struct yard){ .ticks = 0 };
    house_open(&yard->house);
    yard->guest = house_guest(&yard->house);
    upkeep_add(yard->house.broker.upkeep, count_tick, yard);
}

static const char *ask(struct yard *yard, const char *request)
{
    return house_ask(&yard->house, yard->guest, request);
}

/* Turns until so many ticks have come. */
static void wait_ticks(struct yard *yard, int more)
{
    int until = yard->ticks + more;

    for (int turns = 0; turns < 1000 && yard->ticks < until; turns++)
        loop_turn(yard->house.broker.loop, PATIENCE);
    CU_ASSERT(yard->ticks >= until);
}

static size_t keys(struct yard *yard)
{
    return keyspace_count(keyspaces_at(yard->house.broker.keyspaces, 0));
}

static void ticks_come_by_themselves_unless_they_are_paused(void)
{
    struct yard yard;

    begin(&yard);
    wait_ticks(&yard, 2);
    upkeep_pause(yard.house.broker.upkeep, true);
    CU_ASSERT_TRUE(upkeep_is_paused(yard.house.broker.upkeep));
    yard.ticks = 0;
    for (int turns = 0; turns < 3; turns++)
        loop_turn(yard.house.broker.loop, 100);
    CU_ASSERT_EQUAL(yard.ticks, 0);
    upkeep_pause(yard.house.broker.upkeep, false);
    wait_ticks(&yard, 1);
    house_close(&yard.house);
}

static void keys_past_their_time_go_though_nobody_asks(void)
{
    struct yard yard;

    begin(&yard);
    (void)ask(&yard, "SET short 1 PX 10");
    (void)ask(&yard, "SET long 1 PX 100000");
    (void)ask(&yard, "SET ever 1");
    wait_ticks(&yard, 1);
    CU_ASSERT_EQUAL(keys(&yard), 3);
    clock_move(yard.house.clock, 11000);
    wait_ticks(&yard, 1);
    CU_ASSERT_EQUAL(keys(&yard), 2);
    CU_ASSERT_STRING_EQUAL(ask(&yard, "EXISTS short long ever"), ":2\r\n");
    house_close(&yard.house);
}

static void they_stay_while_nobody_is_to_remove_them(void)
{
    struct yard yard;

    begin(&yard);
    (void)ask(&yard, "SET short 1 PX 10");
    upkeep_expire_actively(yard.house.broker.upkeep, false);
    clock_move(yard.house.clock, 11000);
    wait_ticks(&yard, 1);
    CU_ASSERT_EQUAL(keys(&yard), 1);
    CU_ASSERT_STRING_EQUAL(ask(&yard, "GET short"), "$-1\r\n"); /* but they are not seen */
    upkeep_expire_actively(yard.house.broker.upkeep, true);
    house_close(&yard.house);
}

/* Many keys whose time ends at once must not hold up who asks: a step removes some of them. */
static void many_keys_go_in_steps_and_each_says_that_there_is_more(void)
{
    struct yard yard;
    char request[64];
    size_t left;
    int steps = 0;

    begin(&yard);
    for (int i = 0; i < 1000; i++) {
        (void)snprintf(request, sizeof(request), "SET key:%d 1 PX 10", i);
        (void)ask(&yard, request);
    }
    CU_ASSERT_FALSE(upkeep_step(yard.house.broker.upkeep));
    clock_move(yard.house.clock, 11000);
    wait_ticks(&yard, 1);
    left = keys(&yard);
    CU_ASSERT(left > 0 && left < 1000);
    while (upkeep_step(yard.house.broker.upkeep)) {
        CU_ASSERT(left - keys(&yard) > 0 && left - keys(&yard) < 500);
        left = keys(&yard);
        steps++;
    }
    CU_ASSERT(steps > 1);
    CU_ASSERT_EQUAL(keys(&yard), 0);
    CU_ASSERT(yard.house.broker.metrics->expired_time_cap_reached_count > 1);
    house_close(&yard.house);
}

static void who_waits_is_answered_when_the_time_is_over(void)
{
    struct yard yard;

    begin(&yard);
    CU_ASSERT_STRING_EQUAL(ask(&yard, "BLPOP nothing 0.05"), "");
    (void)upkeep_step(yard.house.broker.upkeep); /* sets the timer */
    upkeep_pause(yard.house.broker.upkeep, true); /* so that no tick does it */
    clock_move(yard.house.clock, 51000);
    for (int turns = 0; turns < 10 && outbox_pending(yard.guest->reply.out) == 0 &&
                        yard.guest->waiter != NULL; turns++)
        loop_turn(yard.house.broker.loop, 100);
    CU_ASSERT_PTR_NULL(yard.guest->waiter);
    house_close(&yard.house);
}

static void who_says_nothing_for_too_long_is_sent_away(void)
{
    struct yard yard;
    struct sessions *sessions;

    begin(&yard);
    sessions = yard.house.broker.sessions;
    (void)house_guest(&yard.house);
    CU_ASSERT_STRING_EQUAL(ask(&yard, "CONFIG SET timeout 5"), "+OK\r\n");
    clock_move(yard.house.clock, 4000000);
    yard.guest->active = caller_begin(yard.house.broker.caller); /* as a request notes it */
    wait_ticks(&yard, 1);
    CU_ASSERT_EQUAL(sessions_count(sessions), 2);
    clock_move(yard.house.clock, 1500000);
    wait_ticks(&yard, 1);
    loop_turn(yard.house.broker.loop, 0);
    CU_ASSERT_EQUAL(sessions_count(sessions), 1);
    CU_ASSERT_PTR_EQUAL(sessions_find(sessions, yard.guest->id), yard.guest);
    house_close(&yard.house);
}

void suite_upkeep(void)
{
    CU_pSuite suite = CU_add_suite("upkeep", NULL, NULL);

    CU_ADD_TEST(suite, ticks_come_by_themselves_unless_they_are_paused);
    CU_ADD_TEST(suite, keys_past_their_time_go_though_nobody_asks);
    CU_ADD_TEST(suite, they_stay_while_nobody_is_to_remove_them);
    CU_ADD_TEST(suite, many_keys_go_in_steps_and_each_says_that_there_is_more);
    CU_ADD_TEST(suite, who_waits_is_answered_when_the_time_is_over);
    CU_ADD_TEST(suite, who_says_nothing_for_too_long_is_sent_away);
}
