/* WATCH: which changes make an EXEC fail, and when a session watches no longer. */
#include "broker/effects/watch.h"

#include <CUnit/CUnit.h>

#include "tests/unit/broker/house.h"

void suite_watch(void);

/* A house with one who watches, and one who changes keys. */
struct desk {
    struct house    house;
    struct watch   *watch;
    struct session *watcher;
    struct session *writer;
};

static void begin(struct desk *desk)
{
    house_open(&desk->house);
    desk->watch = desk->house.broker.watch;
    desk->watcher = house_guest(&desk->house);
    desk->writer = house_guest(&desk->house);
}

static void end(struct desk *desk)
{
    house_close(&desk->house);
}

#define ASK(desk, who, request) house_ask(&(desk)->house, (desk)->who, request)

/* Whether a transaction of the one who watches is run. */
static bool may_run(struct desk *desk)
{
    (void)ASK(desk, watcher, "MULTI");
    (void)ASK(desk, watcher, "PING");
    return strcmp(ASK(desk, watcher, "EXEC"), "*1\r\n+PONG\r\n") == 0;
}

static void a_change_of_a_watched_key_fails_the_next_exec_only(void)
{
    struct desk desk;

    begin(&desk);
    (void)ASK(&desk, watcher, "WATCH k l");
    CU_ASSERT_EQUAL(watch_keys(desk.watch), 2);
    CU_ASSERT_EQUAL(watch_sessions(desk.watch), 1);
    (void)ASK(&desk, writer, "SET k 1");
    CU_ASSERT(desk.watcher->watch_failed);
    CU_ASSERT(!may_run(&desk));
    CU_ASSERT_EQUAL(watch_keys(desk.watch), 0);
    (void)ASK(&desk, writer, "SET k 2");
    CU_ASSERT(may_run(&desk));
    end(&desk);
}

static void what_changes_nothing_fails_nothing(void)
{
    struct desk desk;

    begin(&desk);
    (void)ASK(&desk, writer, "SET k 1");
    (void)ASK(&desk, watcher, "WATCH k nothing");
    (void)ASK(&desk, writer, "GET k");
    (void)ASK(&desk, writer, "DEL nothing");
    (void)ASK(&desk, writer, "SET other 1");
    (void)ASK(&desk, writer, "SELECT 1");
    (void)ASK(&desk, writer, "SET k 1");
    CU_ASSERT(!desk.watcher->watch_failed);
    CU_ASSERT(may_run(&desk));
    end(&desk);
}

static void ones_own_changes_count_too(void)
{
    struct desk desk;

    begin(&desk);
    (void)ASK(&desk, watcher, "WATCH k");
    (void)ASK(&desk, watcher, "SET k 1");
    CU_ASSERT(!may_run(&desk));
    end(&desk);
}

static void emptying_a_database_changes_the_keys_that_were_there(void)
{
    struct desk desk;

    begin(&desk);
    (void)ASK(&desk, watcher, "WATCH nothing");
    (void)ASK(&desk, writer, "FLUSHDB");
    CU_ASSERT(may_run(&desk));
    (void)ASK(&desk, writer, "SET k 1");
    (void)ASK(&desk, watcher, "WATCH k");
    (void)ASK(&desk, writer, "FLUSHDB");
    CU_ASSERT(!may_run(&desk));
    end(&desk);
}

static void a_key_that_expires_meanwhile_has_changed(void)
{
    struct desk desk;

    begin(&desk);
    (void)ASK(&desk, writer, "SET k 1 PX 100");
    (void)ASK(&desk, watcher, "WATCH k");
    CU_ASSERT(!watch_any_past(desk.watch, desk.watcher));
    house_later(&desk.house, 101);
    CU_ASSERT(watch_any_past(desk.watch, desk.watcher));
    CU_ASSERT(!may_run(&desk));
    /* What was gone when it was watched does not go again. */
    (void)ASK(&desk, watcher, "WATCH k");
    house_later(&desk.house, 101);
    CU_ASSERT(may_run(&desk));
    end(&desk);
}

static void who_unwatches_or_leaves_is_forgotten(void)
{
    struct desk desk;

    begin(&desk);
    (void)ASK(&desk, watcher, "WATCH k k k");
    CU_ASSERT_EQUAL(watch_keys(desk.watch), 1);
    (void)ASK(&desk, writer, "SET k 1");
    (void)ASK(&desk, watcher, "UNWATCH");
    CU_ASSERT(may_run(&desk));
    (void)ASK(&desk, watcher, "WATCH k");
    house_leave(&desk.house, desk.watcher);
    CU_ASSERT_EQUAL(watch_keys(desk.watch), 0);
    CU_ASSERT_EQUAL(watch_sessions(desk.watch), 0);
    (void)ASK(&desk, writer, "SET k 1");
    end(&desk);
}

void suite_watch(void)
{
    CU_pSuite suite = CU_add_suite("effects: watch", NULL, NULL);

    CU_add_test(suite, "a change of a watched key fails the next EXEC only",
                a_change_of_a_watched_key_fails_the_next_exec_only);
    CU_add_test(suite, "what changes nothing fails nothing", what_changes_nothing_fails_nothing);
    CU_add_test(suite, "one's own changes count too", ones_own_changes_count_too);
    CU_add_test(suite, "emptying a database changes the keys that were there",
                emptying_a_database_changes_the_keys_that_were_there);
    CU_add_test(suite, "a key that expires meanwhile has changed",
                a_key_that_expires_meanwhile_has_changed);
    CU_add_test(suite, "who unwatches or leaves is forgotten",
                who_unwatches_or_leaves_is_forgotten);
}
