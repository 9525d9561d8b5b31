/* CLIENT PAUSE: who waits, for how long, and what a pause does to what expires. */
#include "broker/dispatch/pausing.h"

#include <CUnit/CUnit.h>

#include "broker/metrics/metrics.h"
#include "broker/net/loop.h"
#include "storage/base/memory.h"
#include "storage/keyspace/keyspace.h"

void suite_pausing(void);

static const struct value_type string_type = { .name = "string" };
static const struct value_types types = { .of = { [VALUE_STRING] = &string_type } };
static const struct hash_key secret = { { 3, 4 } };

/* Somebody who asks; that the connection is there is all that is looked at. */
struct stage {
    struct loop      *loop;
    struct keyspaces *keyspaces;
    struct metrics    metrics;
    struct pausing   *pausing;
    struct session    session;
    struct call       call;
};

static void begin(struct stage *stage)
{
    *stage = (struct stage){ .session = { .id = 1 } };
    stage->loop = loop_new();
    stage->keyspaces = keyspaces_new(&(struct keyspaces_setup){
        .count = 1, .types = &types, .secret = &secret, .changes = NULL, .reclaim = NULL });
    stage->pausing = pausing_new(stage->loop, stage->keyspaces, &stage->metrics);
    stage->session.connection = (struct connection *)(void *)stage;
    chain_init(&stage->session.held);
    stage->call.session = &stage->session;
}

static void end(struct stage *stage)
{
    pausing_free(stage->pausing);
    keyspaces_free(stage->keyspaces);
    loop_free(stage->loop);
}

static void nobody_waits_unless_something_is_paused(void)
{
    struct stage stage;

    begin(&stage);
    CU_ASSERT(!pausing_is_on(stage.pausing));
    CU_ASSERT_EQUAL(pausing_guard(stage.pausing, &stage.call), PASS_ON);
    pausing_end(stage.pausing);
    CU_ASSERT_EQUAL(keyspaces_held(stage.keyspaces), 0);
    end(&stage);
}

static void who_asks_meanwhile_goes_on_at_the_end(void)
{
    struct stage stage;

    begin(&stage);
    pausing_begin(stage.pausing, 1000, 60000, true);
    CU_ASSERT(pausing_is_on(stage.pausing));
    CU_ASSERT_EQUAL(keyspaces_held(stage.keyspaces), HOLD_PAUSED);
    CU_ASSERT_EQUAL(pausing_guard(stage.pausing, &stage.call), PASS_HOLD);
    CU_ASSERT(stage.session.paused && stage.session.held_until == 60000);
    CU_ASSERT_EQUAL(stage.metrics.blocked_clients, 1);
    pausing_end(stage.pausing);
    CU_ASSERT(!stage.session.paused);
    CU_ASSERT_EQUAL(stage.metrics.blocked_clients, 0);
    CU_ASSERT_EQUAL(keyspaces_held(stage.keyspaces), 0);
    CU_ASSERT_EQUAL(pausing_guard(stage.pausing, &stage.call), PASS_ON);
    end(&stage);
}

static void a_second_pause_never_shortens_the_first(void)
{
    struct stage stage;

    begin(&stage);
    pausing_begin(stage.pausing, 1000, 60000, true);
    pausing_begin(stage.pausing, 1000, 2000, true);
    CU_ASSERT_EQUAL(pausing_guard(stage.pausing, &stage.call), PASS_HOLD);
    CU_ASSERT_EQUAL(stage.session.held_until, 60000);
    pausing_forget(stage.pausing, &stage.session);
    CU_ASSERT_EQUAL(stage.metrics.blocked_clients, 0);
    pausing_begin(stage.pausing, 1000, 90000, true);
    CU_ASSERT_EQUAL(pausing_guard(stage.pausing, &stage.call), PASS_HOLD);
    CU_ASSERT_EQUAL(stage.session.held_until, 90000);
    pausing_forget(stage.pausing, &stage.session);
    end(&stage);
}

static void replicas_and_the_log_never_wait(void)
{
    struct stage stage;

    begin(&stage);
    pausing_begin(stage.pausing, 1000, 60000, true);
    stage.session.is_replica = true;
    CU_ASSERT_EQUAL(pausing_guard(stage.pausing, &stage.call), PASS_ON);
    stage.session.is_replica = false;
    stage.session.connection = NULL;
    CU_ASSERT_EQUAL(pausing_guard(stage.pausing, &stage.call), PASS_ON);
    end(&stage);
}

void suite_pausing(void)
{
    CU_pSuite suite = CU_add_suite("dispatch: pausing", NULL, NULL);

    CU_add_test(suite, "nobody waits unless something is paused",
                nobody_waits_unless_something_is_paused);
    CU_add_test(suite, "who asks meanwhile goes on at the end",
                who_asks_meanwhile_goes_on_at_the_end);
    CU_add_test(suite, "a second pause never shortens the first",
                a_second_pause_never_shortens_the_first);
    CU_add_test(suite, "replicas and the log never wait", replicas_and_the_log_never_wait);
}
