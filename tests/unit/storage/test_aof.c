/* The log: what was acknowledged is there, whatever the disk does. */
#include <CUnit/Basic.h>
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "storage/keyspace/keyspace.h"
#include "storage/persist/aof_rewrite.h"
#include "tests/unit/storage/aof_mill.h"

void suite_aof(void);

static void a_new_log_has_the_files_redis_makes(void)
{
    struct buffer base = { 0 };
    struct mill mill;

    mill_begin(&mill);
    mill_expect_start(&mill);
    mill_expect_file(&mill, MANIFEST, "file appendonly.aof.1.base.aof seq 1 type b\n"
                                 "file appendonly.aof.1.incr.aof seq 1 type i\n");
    mill_read_file(&mill, BASE(1), &base);
    CU_ASSERT_NSTRING_EQUAL(base.at, "#millrace base\r\n#sum 16 ", 24);
    buffer_clear(&base);
    mill_say(&mill, SLICE(INCR_N));
    mill_expect_file(&mill, INCR(1), INCR_N);
    mill_end(&mill);
}

static void what_was_appended_is_there_after_a_crash(void)
{
    struct mill mill;

    mill_begin(&mill);
    mill_expect_start(&mill);
    for (int life = 0; life < 5; life++) {
        for (int i = 0; i < 10; i++)
            mill_turn(&mill);
        mill_expect_start(&mill);
        CU_ASSERT_EQUAL(mill_number(&mill, "n"), mill.acked);
    }
    CU_ASSERT_EQUAL(mill.acked, 50);
    mill_end(&mill);
}

static void a_rewrite_replaces_all_files(void)
{
    struct mill mill;
    struct aof_figures figures;

    mill_begin(&mill);
    mill_expect_start(&mill);
    mill_say(&mill, SLICE(INCR_N INCR_N SET_A));
    mill_rewrite(&mill);
    mill_say(&mill, SLICE(INCR_N));
    mill_wait(&mill, 2);
    mill_expect_file(&mill, MANIFEST, "file appendonly.aof.2.base.aof seq 2 type b\n"
                                 "file appendonly.aof.2.incr.aof seq 2 type i\n");
    mill_expect_gone(&mill, BASE(1));
    mill_expect_gone(&mill, INCR(1));
    mill_expect_file(&mill, INCR(2), INCR_N);
    aof_figures(mill.aof, &figures);
    CU_ASSERT_EQUAL(figures.rewrites, 1);
    CU_ASSERT_TRUE(figures.last_bgrewrite_ok);
    CU_ASSERT(figures.base_size > 0 && figures.current_size == figures.base_size + strlen(INCR_N));
    mill_expect_start(&mill);
    CU_ASSERT_EQUAL(mill_number(&mill, "n"), 3);
    CU_ASSERT_EQUAL(mill_number(&mill, "a"), 1);
    mill_end(&mill);
}

static void what_is_said_during_a_rewrite_is_kept(void)
{
    struct mill mill;
    struct trouble trouble;

    mill_begin(&mill);
    mill.policy.key_delay = 20000;
    mill_expect_start(&mill);
    mill_say(&mill, SLICE(INCR_N SET_A));
    aof_rewrite_request(mill.aof);
    CU_ASSERT_TRUE(aof_rewrite_wanted(mill.aof));
    CU_ASSERT_TRUE(aof_rewrite_begin(mill.aof, &trouble));
    mill_say(&mill, SLICE(INCR_N));
    CU_ASSERT_TRUE(aof_rewrite_runs(mill.aof));
    while (aof_rewrite_runs(mill.aof)) {
        mill_say(&mill, SLICE(INCR_N));
        mill_wait(&mill, 1);
    }
    mill.acked = mill_number(&mill, "n");
    mill_expect_start(&mill);
    CU_ASSERT_EQUAL(mill_number(&mill, "n"), mill.acked);
    mill_end(&mill);
}

static void a_crash_during_a_rewrite_loses_nothing(void)
{
    struct mill mill;
    struct trouble trouble;

    mill_begin(&mill);
    mill.policy.key_delay = 20000;
    mill_expect_start(&mill);
    for (int i = 0; i < 5; i++) {
        mill_turn(&mill);
        CU_ASSERT_TRUE(aof_rewrite_begin(mill.aof, &trouble));
        mill_turn(&mill);
        mill_expect_start(&mill);
        CU_ASSERT_EQUAL(mill_number(&mill, "n"), mill.acked);
    }
    mill_end(&mill);
}

static void an_aborted_rewrite_leaves_the_log_as_it_was(void)
{
    struct mill mill;
    struct trouble trouble;

    mill_begin(&mill);
    mill.policy.key_delay = 1000000;
    mill_expect_start(&mill);
    mill_turn(&mill);
    CU_ASSERT_TRUE(aof_rewrite_begin(mill.aof, &trouble));
    mill_turn(&mill);
    aof_rewrite_abort(mill.aof);
    CU_ASSERT_FALSE(aof_rewrite_runs(mill.aof));
    mill_turn(&mill);
    mill_expect_start(&mill);
    CU_ASSERT_EQUAL(mill_number(&mill, "n"), 3);
    mill_end(&mill);
}

static void it_rewrites_by_itself_when_it_has_grown(void)
{
    struct mill mill;
    int begun = 0;
    struct trouble trouble;

    mill_begin(&mill);
    mill.policy.growth_percentage = 100;
    mill.policy.growth_least = 1000;
    mill_expect_start(&mill);
    for (int i = 0; i < 200; i++) {
        mill_turn(&mill);
        if (aof_rewrite_wanted(mill.aof)) {
            CU_ASSERT_TRUE(aof_rewrite_begin(mill.aof, &trouble));
            begun++;
        }
        while (aof_rewrite_runs(mill.aof))
            mill_wait(&mill, 1);
    }
    CU_ASSERT(begun >= 2 && begun <= 10);
    mill_end(&mill);
}

static void failures_in_a_row_make_longer_pauses(void)
{
    struct mill mill;
    struct trouble trouble;
    struct aof_figures figures;
    int tries = 0;

    mill_begin(&mill);
    mill.policy.growth_percentage = 1;
    mill_expect_start(&mill);
    mill_turn(&mill);
    faults_arm(mill.faults, "fork", 1, 1000, ENOMEM);
    for (int i = 0; i < 7 * 600; i++) {
        clock_move(mill.clock, 100000);
        if (aof_rewrite_wanted(mill.aof)) {
            CU_ASSERT_FALSE(aof_rewrite_begin(mill.aof, &trouble));
            CU_ASSERT_PTR_NOT_NULL(strstr(trouble.text, "fork"));
            tries++;
            do {
                mill_wait(&mill, 1);
                aof_figures(mill.aof, &figures);
            } while (figures.rewrite_in_progress);
        }
    }
    /* After three quick ones: 1, 2 and 4 minutes. */
    CU_ASSERT_EQUAL(tries, 5);
    aof_figures(mill.aof, &figures);
    CU_ASSERT_EQUAL(figures.rewrites_consecutive_failures, 5);
    CU_ASSERT_FALSE(figures.last_bgrewrite_ok);
    mill_end(&mill);
}

static void it_is_turned_on_with_the_data_there_is(void)
{
    struct mill mill;
    struct trouble trouble = { 0 };

    mill_begin(&mill);
    mill_expect_start(&mill);
    mill_turn(&mill);
    aof_stop(mill.aof);
    CU_ASSERT_FALSE(aof_is_on(mill.aof));
    mill_turn(&mill);
    CU_ASSERT_TRUE(aof_start(mill.aof, &trouble));
    CU_ASSERT_TRUE(aof_is_on(mill.aof));
    CU_ASSERT_FALSE(aof_hears(mill.aof));
    CU_ASSERT_TRUE(aof_rewrite_wanted(mill.aof));
    CU_ASSERT_TRUE(aof_rewrite_begin(mill.aof, &trouble));
    CU_ASSERT_TRUE(aof_hears(mill.aof));
    mill_turn(&mill);
    while (aof_rewrite_runs(mill.aof))
        mill_wait(&mill, 1);
    mill_turn(&mill);
    mill_wait(&mill, 2);
    mill_expect_file(&mill, MANIFEST, "file appendonly.aof.2.base.aof seq 2 type b\n"
                                 "file appendonly.aof.2.incr.aof seq 2 type i\n");
    mill_expect_start(&mill);
    CU_ASSERT_EQUAL(mill_number(&mill, "n"), 4);
    mill_end(&mill);
}

static void a_rewrite_while_off_writes_a_base(void)
{
    struct mill mill;

    mill_begin(&mill);
    mill_expect_start(&mill);
    aof_stop(mill.aof);
    mill_turn(&mill);
    mill_turn(&mill);
    mill_rewrite(&mill);
    CU_ASSERT_FALSE(aof_is_on(mill.aof));
    mill_expect_file(&mill, MANIFEST, "file appendonly.aof.2.base.aof seq 2 type b\n");
    mill_expect_start(&mill);
    CU_ASSERT_EQUAL(mill_number(&mill, "n"), 2);
    mill_end(&mill);
}

static void a_second_server_is_refused(void)
{
    struct mill mill;
    struct trouble trouble = { 0 };
    struct aof_setup setup = { 0 };
    struct aof *other;

    mill_begin(&mill);
    mill_expect_start(&mill);
    setup = (struct aof_setup){ mill.dir, "appendonlydir", "appendonly.aof", mill.policy,
                                mill.keys, mill.clock, NULL, NULL, { NULL, NULL }, NULL, NULL,
                                NULL, NULL };
    other = aof_new(&setup);
    CU_ASSERT_FALSE(aof_open(other, &trouble));
    CU_ASSERT_PTR_NOT_NULL(strstr(trouble.text, "another server"));
    aof_free(other);
    mill_turn(&mill);
    mill_expect_start(&mill);
    CU_ASSERT_EQUAL(mill_number(&mill, "n"), 1);
    mill_end(&mill);
}

/* ---- Each second ---- */

static void each_second_the_file_is_synced(void)
{
    struct mill mill;
    int before;

    mill_begin(&mill);
    mill.policy.sync = AOF_SYNC_EVERYSEC;
    mill_expect_start(&mill);
    before = faults_asked(mill.faults, "fsync");
    mill_turn(&mill);
    mill_wait(&mill, 5);
    CU_ASSERT_EQUAL(faults_asked(mill.faults, "fsync"), before);
    mill_wait(&mill, 7);
    CU_ASSERT_EQUAL(faults_asked(mill.faults, "fsync"), before + 1);
    mill_wait(&mill, 30);
    CU_ASSERT_EQUAL(faults_asked(mill.faults, "fsync"), before + 1);
    mill_end(&mill);
}

/* What the scribe has not written a crash of the process would take: answers wait for it. */
static void each_second_answers_wait_for_the_file_but_not_for_long(void)
{
    struct mill mill;
    int asked;

    mill_begin(&mill);
    mill.policy.sync = AOF_SYNC_EVERYSEC;
    mill_expect_start(&mill);
    aof_delay_writes(mill.aof, 200000);
    asked = mill.asked_later;
    CU_ASSERT(aof_append(mill.aof, slice_text("*1\r\n$4\r\nPING\r\n")));
    aof_collect(mill.aof);
    CU_ASSERT(aof_promised(mill.aof) < aof_appended(mill.aof));
    CU_ASSERT(mill.asked_later > asked);
    clock_move(mill.clock, 150000);
    aof_collect(mill.aof);
    CU_ASSERT_EQUAL(aof_promised(mill.aof), aof_appended(mill.aof));
    mill_end(&mill);
}

static void a_failed_sync_refuses_writes_until_it_works(void)
{
    struct mill mill;

    mill_begin(&mill);
    mill.policy.sync = AOF_SYNC_EVERYSEC;
    mill_expect_start(&mill);
    mill_turn(&mill);
    faults_arm(mill.faults, "fsync", 1, 3, EIO);
    mill_wait(&mill, 12);
    CU_ASSERT_FALSE(aof_admits(mill.aof, 10));
    CU_ASSERT_PTR_NOT_NULL(strstr(aof_trouble(mill.aof), "Input/output error"));
    mill_wait(&mill, 40);
    CU_ASSERT_TRUE(aof_admits(mill.aof, 10));
    /* What the kernel may have dropped is written anew. */
    CU_ASSERT_TRUE(aof_rewrite_wanted(mill.aof));
    mill_end(&mill);
}

static void always_syncs_before_it_returns(void)
{
    struct mill mill;
    int before;

    mill_begin(&mill);
    mill_expect_start(&mill);
    for (int i = 0; i < 5; i++) {
        before = faults_asked(mill.faults, "fsync");
        mill_turn(&mill);
        CU_ASSERT_EQUAL(faults_asked(mill.faults, "fsync"), before + 1);
    }
    mill_end(&mill);
}

static void a_full_disk_is_noticed_before_the_change(void)
{
    struct mill mill;

    mill_begin(&mill);
    mill_expect_start(&mill);
    faults_arm(mill.faults, "reserve", 1, 4, ENOSPC);
    mill_turn(&mill);
    mill_turn(&mill);
    CU_ASSERT_EQUAL(mill.applied, 0);
    CU_ASSERT_PTR_NOT_NULL(strstr(aof_trouble(mill.aof), "No space left"));
    mill_turn(&mill);
    CU_ASSERT_EQUAL(mill.applied, 1);
    CU_ASSERT_EQUAL(mill.acked, 1);
    mill_end(&mill);
}

static void a_disk_without_promises_is_used_all_the_same(void)
{
    struct mill mill;

    mill_begin(&mill);
    mill_expect_start(&mill);
    faults_arm(mill.faults, "reserve", 1, 1000, EOPNOTSUPP);
    mill_turn(&mill);
    mill_turn(&mill);
    CU_ASSERT_EQUAL(mill.acked, 2);
    mill_end(&mill);
}

/* ---- Everything fails once, at each place ---- */

/* A life with turns, rewrites and quiet; false if it did not start. */
static bool live(struct mill *mill, struct trouble *trouble)
{
    if (!mill_start(mill, trouble))
        return false;
    CU_ASSERT(mill_number(mill, "n") >= mill->acked);
    mill->applied = mill_number(mill, "n");
    for (int i = 0; i < 6; i++)
        mill_turn(mill);
    mill_rewrite(mill);
    for (int i = 0; i < 3; i++)
        mill_turn(mill);
    mill_wait(mill, 12);
    mill_rewrite(mill);
    for (int i = 0; i < 3; i++)
        mill_turn(mill);
    mill_settle(mill);
    return true;
}

static void live_with_fault(const char *what, int nth, bool quick, bool *reached)
{
    struct trouble trouble = { 0 };
    int64_t before;
    struct mill mill;

    mill_begin(&mill);
    mill.quick = quick;
    mill.policy.sync = nth % 4 == 0 ? AOF_SYNC_EVERYSEC : AOF_SYNC_ALWAYS;
    CU_ASSERT_TRUE(live(&mill, &trouble));
    mill_crash(&mill);
    faults_free(mill.faults);
    mill.faults = faults_new();
    faults_arm(mill.faults, what, nth, nth % 3 + 1, EIO);
    if (live(&mill, &trouble)) {
        /* The cause is gone: service goes on. */
        before = mill.acked;
        for (int i = 0; i < 8 && (mill.acked != mill.applied || mill.acked == before); i++) {
            mill_wait(&mill, 12);
            before = mill.acked;
            mill_turn(&mill); /* for which, perhaps, the fault has waited */
        }
        mill_settle(&mill);
        CU_ASSERT_EQUAL(mill.acked, mill.applied);
        CU_ASSERT(mill.acked > before);
    } else {
        CU_ASSERT_NOT_EQUAL(trouble.text[0], '\0');
    }
    *reached = faults_asked(mill.faults, what) >= nth;
    mill_crash(&mill);
    faults_free(mill.faults);
    mill.faults = NULL;
    before = mill.acked;
    CU_ASSERT_TRUE(mill_start(&mill, &trouble));
    CU_ASSERT(mill_number(&mill, "n") >= before);
    CU_ASSERT(mill_number(&mill, "n") <= mill.applied || mill.applied < before);
    mill_end(&mill);
}

static void whatever_fails_nothing_acknowledged_is_lost(void)
{
    static const char *const whats[] = { "write", "fsync", "open",   "rename",  "truncate",
                                         "fork",  "mkdir", "unlink", "reserve" };

    for (size_t i = 0; i < 2 * sizeof(whats) / sizeof(whats[0]); i++) {
        bool reached = true;
        int beyond = 0; /* the child counts on by itself: some more are tried */

        for (int nth = 1; beyond < 3; nth++) {
            live_with_fault(whats[i / 2], nth, i % 2 == 1, &reached);
            beyond += !reached;
        }
    }
}

static void a_quick_disk_is_used_by_the_main_thread(void)
{
    struct mill mill;
    struct trouble trouble;
    int asked;

    mill_begin(&mill);
    mill.quick = true;
    mill_expect_start(&mill);
    asked = faults_asked(mill.faults, "fsync");
    for (int i = 0; i < 50; i++)
        mill_turn(&mill);
    CU_ASSERT_EQUAL(mill.acked, 50);
    CU_ASSERT_EQUAL(faults_asked(mill.faults, "fsync"), asked + 50);
    /* While a child rewrites the disk is not trusted; everything is kept all the same. */
    mill_rewrite(&mill);
    mill_turn(&mill);
    mill_crash(&mill);
    CU_ASSERT_TRUE(mill_start(&mill, &trouble));
    CU_ASSERT_EQUAL(mill_number(&mill, "n"), 51);
    mill_end(&mill);
}

void suite_aof(void)
{
    CU_pSuite suite = CU_add_suite("aof", NULL, NULL);

    CU_add_test(suite, "a new log has the files Redis makes", a_new_log_has_the_files_redis_makes);
    CU_add_test(suite, "what was appended is there after a crash",
                what_was_appended_is_there_after_a_crash);
    CU_add_test(suite, "a rewrite replaces all files", a_rewrite_replaces_all_files);
    CU_add_test(suite, "what is said during a rewrite is kept",
                what_is_said_during_a_rewrite_is_kept);
    CU_add_test(suite, "a crash during a rewrite loses nothing",
                a_crash_during_a_rewrite_loses_nothing);
    CU_add_test(suite, "an aborted rewrite leaves the log as it was",
                an_aborted_rewrite_leaves_the_log_as_it_was);
    CU_add_test(suite, "it rewrites by itself when it has grown",
                it_rewrites_by_itself_when_it_has_grown);
    CU_add_test(suite, "failures in a row make longer pauses",
                failures_in_a_row_make_longer_pauses);
    CU_add_test(suite, "it is turned on with the data there is",
                it_is_turned_on_with_the_data_there_is);
    CU_add_test(suite, "a rewrite while off writes a base", a_rewrite_while_off_writes_a_base);
    CU_add_test(suite, "a second server is refused", a_second_server_is_refused);
    CU_add_test(suite, "each second the file is synced", each_second_the_file_is_synced);
    CU_add_test(suite, "each second answers wait for the file but not for long",
                each_second_answers_wait_for_the_file_but_not_for_long);
    CU_add_test(suite, "a failed sync refuses writes until it works",
                a_failed_sync_refuses_writes_until_it_works);
    CU_add_test(suite, "always syncs before it returns", always_syncs_before_it_returns);
    CU_add_test(suite, "a full disk is noticed before the change",
                a_full_disk_is_noticed_before_the_change);
    CU_add_test(suite, "a disk without promises is used all the same",
                a_disk_without_promises_is_used_all_the_same);
    CU_add_test(suite, "whatever fails, nothing acknowledged is lost",
                whatever_fails_nothing_acknowledged_is_lost);
    CU_add_test(suite, "a quick disk is used by the main thread",
                a_quick_disk_is_used_by_the_main_thread);
}
