/* The ledger: what is said, wrapped, kept silent; who is shown lines; what time removes. */
#include <CUnit/Basic.h>
#include <string.h>

#include "broker/dispatch/ledger.h"

void suite_ledger(void);

static bool feed_is(struct ledger *ledger, const char *wanted)
{
    struct buffer *feed = ledger_feed(ledger);
    bool same = slice_equal(buffer_slice(feed), slice_text(wanted));

    buffer_rewind(feed);
    return same;
}

/* Runs a call that says its own request. */
static void call(struct ledger *ledger, uint32_t db, bool changes)
{
    struct slice words[2] = { SLICE("INCR"), SLICE("k") };
    struct ledger_mark mark = ledger_open(ledger, db);

    if (changes)
        ledger_changed(ledger, words[1], EVENT_STRING, "incrby");
    ledger_close(ledger, mark, words, 2, SLICE(""));
}

#define SELECT_0 "*2\r\n$6\r\nSELECT\r\n$1\r\n0\r\n"
#define SELECT_3 "*2\r\n$6\r\nSELECT\r\n$1\r\n3\r\n"
#define INCR_K   "*2\r\n$4\r\nINCR\r\n$1\r\nk\r\n"
#define MULTI    "*1\r\n$5\r\nMULTI\r\n"
#define EXEC     "*1\r\n$4\r\nEXEC\r\n"

static void a_change_says_the_request_itself(void)
{
    struct ledger *ledger = ledger_new();

    ledger_listen(ledger, LISTENER_FEED, true);
    call(ledger, 0, false);
    CU_ASSERT(feed_is(ledger, ""));
    call(ledger, 0, true);
    CU_ASSERT(feed_is(ledger, SELECT_0 INCR_K));
    call(ledger, 0, true);
    CU_ASSERT(feed_is(ledger, INCR_K));
    call(ledger, 3, true);
    CU_ASSERT(feed_is(ledger, SELECT_3 INCR_K));
    ledger_feed_restart(ledger);
    call(ledger, 3, true);
    CU_ASSERT(feed_is(ledger, SELECT_3 INCR_K));
    CU_ASSERT_EQUAL(ledger_changes(ledger), 4);
    ledger_free(ledger);
}

static void bytes_of_the_request_are_handed_on(void)
{
    struct ledger *ledger = ledger_new();
    struct ledger_mark mark;

    ledger_listen(ledger, LISTENER_FEED, true);
    mark = ledger_open(ledger, 0);
    ledger_changed(ledger, SLICE("k"), EVENT_STRING, "incrby");
    ledger_close(ledger, mark, NULL, 0, SLICE("*2\r\n$4\r\nincr\r\n$1\r\nk\r\n"));
    CU_ASSERT(feed_is(ledger, SELECT_0 "*2\r\n$4\r\nincr\r\n$1\r\nk\r\n"));
    ledger_free(ledger);
}

static void calls_within_a_call_are_one_unit(void)
{
    struct ledger *ledger = ledger_new();
    struct slice exec[1] = { SLICE("EXEC") };
    struct ledger_mark mark;

    ledger_listen(ledger, LISTENER_FEED, true);
    mark = ledger_open(ledger, 0);
    call(ledger, 0, true);
    call(ledger, 0, false);
    call(ledger, 3, true);
    ledger_say_nothing(ledger);
    ledger_close(ledger, mark, exec, 1, SLICE(""));
    CU_ASSERT(feed_is(ledger, SELECT_0 MULTI INCR_K SELECT_3 INCR_K EXEC));
    mark = ledger_open(ledger, 0);
    call(ledger, 3, true);
    ledger_say_nothing(ledger);
    ledger_close(ledger, mark, exec, 1, SLICE(""));
    CU_ASSERT(feed_is(ledger, INCR_K));
    ledger_free(ledger);
}

static void a_handler_may_say_something_else_or_nothing(void)
{
    struct ledger *ledger = ledger_new();
    struct slice words[2] = { SLICE("DEL"), SLICE("k") };
    struct ledger_mark mark;

    ledger_listen(ledger, LISTENER_FEED, true);
    mark = ledger_open(ledger, 0);
    ledger_changed(ledger, SLICE("k"), EVENT_GENERIC, "del");
    ledger_say(ledger, words, 2);
    ledger_close(ledger, mark, NULL, 0, SLICE("x"));
    CU_ASSERT(feed_is(ledger, SELECT_0 "*2\r\n$3\r\nDEL\r\n$1\r\nk\r\n"));
    mark = ledger_open(ledger, 0);
    ledger_changed(ledger, SLICE("k"), EVENT_GENERIC, "del");
    ledger_say_nothing(ledger);
    ledger_close(ledger, mark, NULL, 0, SLICE("x"));
    CU_ASSERT(feed_is(ledger, ""));
    mark = ledger_open(ledger, 0);
    ledger_say_anyway(ledger);
    ledger_close(ledger, mark, NULL, 0, SLICE("*1\r\n$7\r\nFLUSHDB\r\n"));
    CU_ASSERT(feed_is(ledger, "*1\r\n$7\r\nFLUSHDB\r\n"));
    ledger_free(ledger);
}

static void what_time_removes_is_said_in_front(void)
{
    struct ledger *ledger = ledger_new();
    const struct change_sink *sink = ledger_change_sink(ledger);
    const struct ledger_line *lines;
    struct slice words[2] = { SLICE("INCR"), SLICE("k") };
    struct ledger_mark mark;

    ledger_listen(ledger, LISTENER_FEED, true);
    ledger_listen(ledger, LISTENER_WATCH, true);
    mark = ledger_open(ledger, 0);
    sink->tell(sink->who, 0, SLICE("k"), CHANGE_EXPIRED);
    ledger_changed(ledger, words[1], EVENT_STRING, "incrby");
    ledger_close(ledger, mark, words, 2, SLICE(""));
    CU_ASSERT(feed_is(ledger, SELECT_0 MULTI "*2\r\n$3\r\nDEL\r\n$1\r\nk\r\n" INCR_K EXEC));
    CU_ASSERT_EQUAL(ledger_lines(ledger, &lines), 2);
    CU_ASSERT_STRING_EQUAL(lines[0].event, "expired");
    CU_ASSERT_STRING_EQUAL(lines[1].event, "incrby");
    ledger_settle(ledger);
    mark = ledger_open(ledger, 0);
    sink->tell(sink->who, 0, SLICE("k"), CHANGE_EXPIRED);
    ledger_close(ledger, mark, words, 2, SLICE(""));
    CU_ASSERT(feed_is(ledger, "*2\r\n$3\r\nDEL\r\n$1\r\nk\r\n"));
    ledger_settle(ledger);
    ledger_free(ledger);
}

static void lines_are_kept_only_for_those_who_listen(void)
{
    struct ledger *ledger = ledger_new();
    const struct ledger_line *lines;
    char key[] = "key";

    call(ledger, 0, true);
    CU_ASSERT_EQUAL(ledger_lines(ledger, &lines), 0);
    ledger_listen(ledger, LISTENER_WAITERS, true);
    for (int i = 0; i < 1000; i++)
        ledger_changed(ledger, slice_of(key, 3), EVENT_LIST, "lpush");
    memset(key, 'x', 3);
    CU_ASSERT_EQUAL(ledger_lines(ledger, &lines), 1000);
    CU_ASSERT(slice_equal(lines[999].key, SLICE("key")));
    ledger_settle(ledger);
    CU_ASSERT_EQUAL(ledger_lines(ledger, &lines), 0);
    ledger_listen(ledger, LISTENER_WAITERS, false);
    ledger_event(ledger, SLICE("k"), EVENT_MISS, "keymiss");
    CU_ASSERT_EQUAL(ledger_lines(ledger, &lines), 0);
    ledger_free(ledger);
}

static void a_muted_ledger_says_nothing_of_calls_within(void)
{
    struct ledger *ledger = ledger_new();
    struct ledger_mark mark;

    ledger_listen(ledger, LISTENER_FEED, true);
    mark = ledger_open(ledger, 0);
    call(ledger, 0, true);
    ledger_set_audience(ledger, AUDIENCE_NOBODY);
    call(ledger, 0, true);
    ledger_set_audience(ledger, AUDIENCE_ALL);
    ledger_say_nothing(ledger);
    ledger_close(ledger, mark, NULL, 0, SLICE(""));
    CU_ASSERT(feed_is(ledger, SELECT_0 INCR_K));
    ledger_free(ledger);
}

static void what_is_unsaid_leaves_what_was_said_before(void)
{
    struct ledger *ledger = ledger_new();
    struct ledger_mark mark;

    ledger_listen(ledger, LISTENER_FEED, true);
    call(ledger, 0, true);
    mark = ledger_open(ledger, 0);
    CU_ASSERT_EQUAL(ledger_feed_finished(ledger), strlen(SELECT_0 INCR_K));
    call(ledger, 0, true);
    call(ledger, 3, true);
    ledger_say_nothing(ledger);
    ledger_unsay(ledger);
    ledger_close(ledger, mark, NULL, 0, SLICE(""));
    CU_ASSERT(feed_is(ledger, SELECT_0 INCR_K));
    /* Whoever reads the feed may have been told of another database: it is named again. */
    call(ledger, 0, true);
    CU_ASSERT(feed_is(ledger, SELECT_0 INCR_K));
    ledger_free(ledger);
}

static void what_is_finished_can_be_taken_in_the_midst_of_a_call(void)
{
    struct ledger *ledger = ledger_new();
    struct ledger_mark mark;

    ledger_listen(ledger, LISTENER_FEED, true);
    call(ledger, 0, true);
    mark = ledger_open(ledger, 0);
    call(ledger, 0, true);
    ledger_feed_drop_finished(ledger);
    CU_ASSERT_EQUAL(ledger_feed_finished(ledger), 0);
    call(ledger, 0, true);
    ledger_say_nothing(ledger);
    ledger_close(ledger, mark, NULL, 0, SLICE(""));
    CU_ASSERT(feed_is(ledger, MULTI INCR_K INCR_K EXEC));
    ledger_free(ledger);
}

/* What replicas are told of the whole feed. */
static bool replicas_hear(struct ledger *ledger, const char *expected)
{
    struct buffer told = { 0 };
    bool same;

    ledger_tell_replicas(ledger, ledger_feed(ledger)->len, &told);
    same = slice_equal(buffer_slice(&told), slice_text(expected));
    buffer_clear(&told);
    return same;
}

static void replicas_may_hear_something_else_than_the_log(void)
{
    static const struct slice publish[] = { { "P", 1 } };
    struct ledger *ledger = ledger_new();
    struct ledger_mark mark;

    ledger_listen(ledger, LISTENER_FEED, true);
    mark = ledger_open(ledger, 0);
    ledger_say_to_replicas(ledger, publish, 1);
    ledger_close(ledger, mark, NULL, 0, SLICE(""));
    CU_ASSERT_FALSE(ledger_has_asides(ledger));
    ledger_listen(ledger, LISTENER_REPLICAS, true);
    call(ledger, 0, true);
    mark = ledger_open(ledger, 0);
    call(ledger, 0, true);
    ledger_say_to_replicas(ledger, publish, 1);
    ledger_set_audience(ledger, AUDIENCE_LOG);
    call(ledger, 0, true);
    ledger_set_audience(ledger, AUDIENCE_ALL);
    call(ledger, 0, true);
    ledger_say_nothing(ledger);
    ledger_close(ledger, mark, NULL, 0, SLICE(""));
    CU_ASSERT(replicas_hear(ledger,
                            SELECT_0 INCR_K MULTI INCR_K "*1\r\n$1\r\nP\r\n" INCR_K EXEC));
    mark = ledger_open(ledger, 0);
    ledger_feed_drop_finished(ledger);
    CU_ASSERT_FALSE(ledger_has_asides(ledger));
    CU_ASSERT(feed_is(ledger, ""));
    ledger_say_to_replicas(ledger, publish, 1);
    ledger_close(ledger, mark, NULL, 0, SLICE(""));
    CU_ASSERT(replicas_hear(ledger, "*1\r\n$1\r\nP\r\n"));
    ledger_forget_asides(ledger);
    CU_ASSERT_FALSE(ledger_has_asides(ledger));
    ledger_free(ledger);
}

void suite_ledger(void)
{
    CU_pSuite suite = CU_add_suite("ledger", NULL, NULL);

    CU_add_test(suite, "a change says the request itself", a_change_says_the_request_itself);
    CU_add_test(suite, "bytes of the request are handed on", bytes_of_the_request_are_handed_on);
    CU_add_test(suite, "calls within a call are one unit", calls_within_a_call_are_one_unit);
    CU_add_test(suite, "a handler may say something else or nothing",
                a_handler_may_say_something_else_or_nothing);
    CU_add_test(suite, "what time removes is said in front", what_time_removes_is_said_in_front);
    CU_add_test(suite, "lines are kept only for those who listen",
                lines_are_kept_only_for_those_who_listen);
    CU_add_test(suite, "a muted ledger says nothing of calls within",
                a_muted_ledger_says_nothing_of_calls_within);
    CU_add_test(suite, "what is unsaid leaves what was said before",
                what_is_unsaid_leaves_what_was_said_before);
    CU_add_test(suite, "replicas may hear something else than the log",
                replicas_may_hear_something_else_than_the_log);
    CU_add_test(suite, "what is finished can be taken in the midst of a call",
                what_is_finished_can_be_taken_in_the_midst_of_a_call);
}
