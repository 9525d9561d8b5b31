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

#define INCR_N "*2\r\n$4\r\nINCR\r\n$1\r\nn\r\n"
#define SET_A "*3\r\n$3\r\nSET\r\n$1\r\na\r\n$1\r\n1\r\n"
#define MULTI "*1\r\n$5\r\nMULTI\r\n"
#define EXEC "*1\r\n$4\r\nEXEC\r\n"
#define MANIFEST "appendonlydir/appendonly.aof.manifest"
#define BASE(n) "appendonlydir/appendonly.aof." #n ".base.aof"
#define INCR(n) "appendonlydir/appendonly.aof." #n ".incr.aof"

static void assert_starts(struct mill *mill)
{
    struct trouble trouble = { 0 };
    bool started = mill_start(mill, &trouble);

    if (!started)
        fprintf(stderr, "did not start: %s\n", trouble.text);
    CU_ASSERT_TRUE_FATAL(started);
}

static void assert_refuses(struct mill *mill, const char *why)
{
    struct trouble trouble = { 0 };
    bool started = mill_start(mill, &trouble);

    CU_ASSERT_FALSE(started);
    if (!started && strstr(trouble.text, why) == NULL)
        fprintf(stderr, "refused, but: %s\n", trouble.text);
    CU_ASSERT_PTR_NOT_NULL(strstr(trouble.text, why));
}

/* A file goes at the latest when the other thread has come to remove it. */
static void assert_gone(struct mill *mill, const char *name)
{
    for (int tries = 0; tries < 500 && mill_has_file(mill, name); tries++)
        mill_wait(mill, 1);
    CU_ASSERT_FALSE(mill_has_file(mill, name));
}

/* What is in a file, at the latest when the other thread has removed what it replaces. */
static void assert_file(struct mill *mill, const char *name, const char *content)
{
    struct buffer text = { 0 };
    bool same = false;

    for (int tries = 0; tries < 500 && !same; tries++) {
        if (tries > 0)
            mill_wait(mill, 1);
        buffer_rewind(&text);
        mill_read_file(mill, name, &text);
        same = slice_equal(buffer_slice(&text), slice_text(content));
    }
    if (!same)
        fprintf(stderr, "%s holds: %.*s\n", name, (int)text.len, text.at);
    CU_ASSERT_TRUE(same);
    buffer_clear(&text);
}

static void a_new_log_has_the_files_redis_makes(void)
{
    struct buffer base = { 0 };
    struct mill mill;

    mill_begin(&mill);
    assert_starts(&mill);
    assert_file(&mill, MANIFEST, "file appendonly.aof.1.base.aof seq 1 type b\n"
                                 "file appendonly.aof.1.incr.aof seq 1 type i\n");
    mill_read_file(&mill, BASE(1), &base);
    CU_ASSERT_NSTRING_EQUAL(base.at, "#millrace base\r\n#sum 16 ", 24);
    buffer_clear(&base);
    mill_say(&mill, SLICE(INCR_N));
    assert_file(&mill, INCR(1), INCR_N);
    mill_end(&mill);
}

static void what_was_appended_is_there_after_a_crash(void)
{
    struct mill mill;

    mill_begin(&mill);
    assert_starts(&mill);
    for (int life = 0; life < 5; life++) {
        for (int i = 0; i < 10; i++)
            mill_turn(&mill);
        assert_starts(&mill);
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
    assert_starts(&mill);
    mill_say(&mill, SLICE(INCR_N INCR_N SET_A));
    mill_rewrite(&mill);
    mill_say(&mill, SLICE(INCR_N));
    mill_wait(&mill, 2);
    assert_file(&mill, MANIFEST, "file appendonly.aof.2.base.aof seq 2 type b\n"
                                 "file appendonly.aof.2.incr.aof seq 2 type i\n");
    assert_gone(&mill, BASE(1));
    assert_gone(&mill, INCR(1));
    assert_file(&mill, INCR(2), INCR_N);
    aof_figures(mill.aof, &figures);
    CU_ASSERT_EQUAL(figures.rewrites, 1);
    CU_ASSERT_TRUE(figures.last_bgrewrite_ok);
    CU_ASSERT(figures.base_size > 0 && figures.current_size == figures.base_size + strlen(INCR_N));
    assert_starts(&mill);
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
    assert_starts(&mill);
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
    assert_starts(&mill);
    CU_ASSERT_EQUAL(mill_number(&mill, "n"), mill.acked);
    mill_end(&mill);
}

static void a_crash_during_a_rewrite_loses_nothing(void)
{
    struct mill mill;
    struct trouble trouble;

    mill_begin(&mill);
    mill.policy.key_delay = 20000;
    assert_starts(&mill);
    for (int i = 0; i < 5; i++) {
        mill_turn(&mill);
        CU_ASSERT_TRUE(aof_rewrite_begin(mill.aof, &trouble));
        mill_turn(&mill);
        assert_starts(&mill);
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
    assert_starts(&mill);
    mill_turn(&mill);
    CU_ASSERT_TRUE(aof_rewrite_begin(mill.aof, &trouble));
    mill_turn(&mill);
    aof_rewrite_abort(mill.aof);
    CU_ASSERT_FALSE(aof_rewrite_runs(mill.aof));
    mill_turn(&mill);
    assert_starts(&mill);
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
    assert_starts(&mill);
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
    assert_starts(&mill);
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
    assert_starts(&mill);
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
    assert_file(&mill, MANIFEST, "file appendonly.aof.2.base.aof seq 2 type b\n"
                                 "file appendonly.aof.2.incr.aof seq 2 type i\n");
    assert_starts(&mill);
    CU_ASSERT_EQUAL(mill_number(&mill, "n"), 4);
    mill_end(&mill);
}

static void a_rewrite_while_off_writes_a_base(void)
{
    struct mill mill;

    mill_begin(&mill);
    assert_starts(&mill);
    aof_stop(mill.aof);
    mill_turn(&mill);
    mill_turn(&mill);
    mill_rewrite(&mill);
    CU_ASSERT_FALSE(aof_is_on(mill.aof));
    assert_file(&mill, MANIFEST, "file appendonly.aof.2.base.aof seq 2 type b\n");
    assert_starts(&mill);
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
    assert_starts(&mill);
    setup = (struct aof_setup){ mill.dir, "appendonlydir", "appendonly.aof", mill.policy,
                                mill.keys, mill.clock, NULL, NULL, { NULL, NULL }, NULL, NULL,
                                NULL, NULL };
    other = aof_new(&setup);
    CU_ASSERT_FALSE(aof_open(other, &trouble));
    CU_ASSERT_PTR_NOT_NULL(strstr(trouble.text, "another server"));
    aof_free(other);
    mill_turn(&mill);
    assert_starts(&mill);
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
    assert_starts(&mill);
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
    assert_starts(&mill);
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
    assert_starts(&mill);
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
    assert_starts(&mill);
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
    assert_starts(&mill);
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
    assert_starts(&mill);
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
    assert_starts(&mill);
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

/* ---- What a crash and what an accident leave ---- */

static const char small[] = "*2\r\n$6\r\nSELECT\r\n$1\r\n0\r\n" INCR_N MULTI INCR_N INCR_N EXEC
                            INCR_N;

/* How many increments the first `len` bytes of the small log hold in whole units. */
static int64_t increments_in(size_t len)
{
    size_t first = 23 + strlen(INCR_N);
    size_t unit = first + strlen(MULTI INCR_N INCR_N EXEC);

    return (len >= first) + 2 * (len >= unit) + (len >= sizeof(small) - 1);
}

static void every_cut_loads_all_whole_units(void)
{
    for (size_t len = 0; len < sizeof(small); len++) {
        struct mill mill;

        mill_begin(&mill);
        assert_starts(&mill);
        mill_crash(&mill);
        mill_write_file(&mill, INCR(1), slice_of(small, len));
        assert_starts(&mill);
        CU_ASSERT_EQUAL(mill_number(&mill, "n"), increments_in(len));
        /* What is said after the repair is there at the next start too. */
        mill_say(&mill, SLICE(INCR_N));
        assert_starts(&mill);
        CU_ASSERT_EQUAL(mill_number(&mill, "n"), increments_in(len) + 1);
        mill_end(&mill);
    }
}

static void without_leave_a_torn_end_is_refused(void)
{
    struct mill mill;

    mill_begin(&mill);
    assert_starts(&mill);
    mill_crash(&mill);
    mill_write_file(&mill, INCR(1), slice_of(small, sizeof(small) - 3));
    mill.policy.cut_torn_tail = false;
    assert_refuses(&mill, "Unexpected end of file reading the append only file");
    mill.policy.cut_torn_tail = true;
    assert_starts(&mill);
    mill_end(&mill);
}

static void a_tail_of_zeros_or_garbage_is_cut(void)
{
    static const struct slice tails[] = { { "\0\0\0\0\0\0\0\0", 8 }, { "!!!", 3 }, { "*x\r\n", 4 },
                                          { "\377\376*1", 4 } };

    for (size_t i = 0; i < sizeof(tails) / sizeof(tails[0]); i++) {
        struct buffer content = { 0 };
        struct mill mill;

        mill_begin(&mill);
        assert_starts(&mill);
        mill_crash(&mill);
        buffer_add(&content, SLICE(INCR_N INCR_N));
        buffer_add(&content, tails[i]);
        mill_write_file(&mill, INCR(1), buffer_slice(&content));
        assert_starts(&mill);
        CU_ASSERT_EQUAL(mill_number(&mill, "n"), 2);
        assert_file(&mill, INCR(1), INCR_N INCR_N);
        buffer_clear(&content);
        mill_end(&mill);
    }
}

static void damage_before_more_of_the_log_is_refused(void)
{
    struct mill mill;

    mill_begin(&mill);
    assert_starts(&mill);
    mill_crash(&mill);
    mill_write_file(&mill, INCR(1), SLICE(INCR_N "!!!" INCR_N));
    assert_refuses(&mill, "Bad file format reading the append only file");
    assert_refuses(&mill, "offset 21");
    mill_end(&mill);
}

static void an_unknown_command_is_refused(void)
{
    struct mill mill;

    mill_begin(&mill);
    assert_starts(&mill);
    mill_crash(&mill);
    mill_write_file(&mill, INCR(1), SLICE("*2\r\n$3\r\nbla\r\n$1\r\nx\r\n"));
    assert_refuses(&mill, "Unknown command 'bla' reading the append only file");
    mill_end(&mill);
}

/* Makes a log of base 2 and increment 2, and ends its server. */
static void begin_rewritten(struct mill *mill)
{
    mill_begin(mill);
    assert_starts(mill);
    mill_say(mill, SLICE(INCR_N));
    mill_rewrite(mill);
    mill_say(mill, SLICE(INCR_N));
    mill_wait(mill, 2);
    mill_crash(mill);
}

static void remove_file(struct mill *mill, const char *name)
{
    char path[256];

    mill_path(mill, name, path, sizeof(path));
    CU_ASSERT_EQUAL(unlink(path), 0);
}

static void missing_parts_are_named(void)
{
    struct mill mill;

    begin_rewritten(&mill);
    remove_file(&mill, MANIFEST);
    assert_refuses(&mill, "appendonly.aof.manifest is missing");
    mill_end(&mill);

    begin_rewritten(&mill);
    remove_file(&mill, BASE(2));
    assert_refuses(&mill, "appendonly.aof.2.base.aof");
    mill_end(&mill);

    begin_rewritten(&mill);
    remove_file(&mill, INCR(2));
    assert_refuses(&mill, "appendonly.aof.2.incr.aof");
    mill_end(&mill);

    begin_rewritten(&mill);
    mill_write_file(&mill, BASE(2), SLICE(""));
    assert_refuses(&mill, "appendonly.aof.2.base.aof is empty");
    mill_end(&mill);
}

static void a_manifest_cut_anywhere_is_refused(void)
{
    struct buffer text = { 0 };
    size_t len;

    do {
        struct mill mill;

        begin_rewritten(&mill);
        mill_read_file(&mill, MANIFEST, &text);
        len = text.len;
        for (size_t cut = 0; cut < len; cut++) {
            mill_write_file(&mill, MANIFEST, slice_of(text.at, cut));
            assert_refuses(&mill, "manifest");
        }
        mill_end(&mill);
    } while (len == 0);
    buffer_clear(&text);
}

static void a_base_cut_anywhere_is_refused(void)
{
    struct buffer base = { 0 };
    struct mill mill;

    begin_rewritten(&mill);
    mill_read_file(&mill, BASE(2), &base);
    for (size_t cut = 0; cut < base.len; cut++) {
        mill_write_file(&mill, BASE(2), slice_of(base.at, cut));
        assert_refuses(&mill, "appendonly.aof.2.base.aof");
    }
    buffer_clear(&base);
    mill_end(&mill);
}

static void an_old_single_file_is_taken_in(void)
{
    struct mill mill;

    mill_begin(&mill);
    mill_write_file(&mill, "appendonly.aof", SLICE(INCR_N INCR_N "*2\r\n$4\r\nIN"));
    assert_starts(&mill);
    CU_ASSERT_EQUAL(mill_number(&mill, "n"), 2);
    assert_gone(&mill, "appendonly.aof");
    assert_file(&mill, MANIFEST, "file appendonly.aof seq 1 type b\n"
                                 "file appendonly.aof.1.incr.aof seq 1 type i\n");
    mill_say(&mill, SLICE(INCR_N));
    mill_rewrite(&mill);
    mill_wait(&mill, 2);
    assert_gone(&mill, "appendonlydir/appendonly.aof");
    assert_starts(&mill);
    CU_ASSERT_EQUAL(mill_number(&mill, "n"), 3);
    mill_end(&mill);
}

static void where_no_snapshots_are_read_they_are_refused(void)
{
    struct mill mill;

    mill_begin(&mill);
    assert_starts(&mill);
    mill_crash(&mill);
    mill_write_file(&mill, BASE(1), SLICE("REDIS0010\372"));
    assert_refuses(&mill, "a snapshot, which cannot be read here");
    mill_end(&mill);

    mill_begin(&mill);
    mill_write_file(&mill, "appendonly.aof", SLICE("REDIS0010\372"));
    assert_refuses(&mill, "a snapshot, which cannot be read here");
    mill_end(&mill);
}

/* Makes a log of some kilobytes, sealed to its end, and shows its increment. */
static void make_sealed(struct mill *mill, struct buffer *content)
{
    struct trouble trouble = { 0 };

    mill_begin(mill);
    assert_starts(mill);
    for (int i = 0; i < 400; i++)
        mill_turn(mill);
    CU_ASSERT_TRUE(aof_flush_and_sync(mill->aof, &trouble));
    mill_crash(mill);
    mill_read_file(mill, INCR(1), content);
}

static void a_bit_flipped_anywhere_in_the_log_is_noticed(void)
{
    struct buffer content = { 0 };
    struct mill mill;
    size_t refused = 0, loaded = 0;

    make_sealed(&mill, &content);
    CU_ASSERT(content.len > 8192);
    for (size_t bit = 0; bit < 8 * content.len; bit += 61) {
        struct trouble trouble = { 0 };

        content.at[bit / 8] ^= (char)(1 << bit % 8);
        mill_write_file(&mill, INCR(1), buffer_slice(&content));
        if (mill_start(&mill, &trouble)) {
            /* Only the last seal itself may go without a word: it holds no data. */
            CU_ASSERT_EQUAL(mill_number(&mill, "n"), 400);
            loaded++;
        } else {
            CU_ASSERT_PTR_NOT_NULL(strstr(trouble.text, "appendonly.aof.1.incr.aof"));
            CU_ASSERT_PTR_NOT_NULL(strstr(trouble.text, "offset"));
            refused++;
        }
        content.at[bit / 8] ^= (char)(1 << bit % 8);
    }
    CU_ASSERT(refused > 50 * loaded);
    buffer_clear(&content);
    mill_end(&mill);
}

static int count_turns(struct slice text)
{
    int count = 0;
    const char *found;

    while ((found = memmem(text.at, text.len, "INCR", 4)) != NULL) {
        count++;
        text = slice_after(text, (size_t)(found - text.at) + 4);
    }
    return count;
}

/* A process may be killed between its statements and their seal. */
static void a_log_without_its_last_seal_has_all_that_was_said(void)
{
    struct buffer content = { 0 };
    struct mill mill;
    const char *seal;
    size_t at = 0;

    make_sealed(&mill, &content);
    while ((seal = memmem(content.at + at, content.len - at, "#sum", 4)) != NULL) {
        at = (size_t)(seal - content.at);
        for (size_t more = 0; more < 24; more += 8) {
            struct slice part = slice_of(content.at, at + more);

            mill_write_file(&mill, INCR(1), part);
            assert_starts(&mill);
            CU_ASSERT_EQUAL(mill_number(&mill, "n"), count_turns(part));
            mill_crash(&mill);
        }
        at += 4;
    }
    buffer_clear(&content);
    mill_end(&mill);
}

static void seals_go_on_where_they_ended(void)
{
    struct buffer content = { 0 };
    struct mill mill;

    make_sealed(&mill, &content);
    for (int life = 0; life < 3; life++) {
        assert_starts(&mill);
        for (int i = 0; i < 200; i++)
            mill_turn(&mill);
        mill_crash(&mill); /* without a last seal */
    }
    assert_starts(&mill);
    CU_ASSERT_EQUAL(mill_number(&mill, "n"), 1000);
    mill_crash(&mill);
    mill_read_file(&mill, INCR(1), &content);
    content.at[content.len / 2] ^= 1;
    mill_write_file(&mill, INCR(1), buffer_slice(&content));
    assert_refuses(&mill, "offset");
    buffer_clear(&content);
    mill_end(&mill);
}

static void a_torn_end_of_a_file_that_is_not_the_last_is_refused(void)
{
    struct mill mill;

    mill_begin(&mill);
    assert_starts(&mill);
    mill_crash(&mill);
    mill_write_file(&mill, MANIFEST, SLICE("file appendonly.aof.1.base.aof seq 1 type b\n"
                                           "file appendonly.aof.1.incr.aof seq 1 type i\n"
                                           "file appendonly.aof.4.incr.aof seq 4 type i\n"));
    mill_write_file(&mill, INCR(1), SLICE(INCR_N "*2\r\n"));
    mill_write_file(&mill, INCR(4), SLICE(INCR_N));
    assert_refuses(&mill, "not the last file");
    mill_write_file(&mill, INCR(1), SLICE(INCR_N "#TS:1700000000\r\n"));
    assert_starts(&mill);
    CU_ASSERT_EQUAL(mill_number(&mill, "n"), 2);
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
    CU_add_test(suite, "every cut loads all whole units", every_cut_loads_all_whole_units);
    CU_add_test(suite, "without leave a torn end is refused", without_leave_a_torn_end_is_refused);
    CU_add_test(suite, "a tail of zeros or garbage is cut", a_tail_of_zeros_or_garbage_is_cut);
    CU_add_test(suite, "damage before more of the log is refused",
                damage_before_more_of_the_log_is_refused);
    CU_add_test(suite, "a bit flipped anywhere in the log is noticed",
                a_bit_flipped_anywhere_in_the_log_is_noticed);
    CU_add_test(suite, "a log without its last seal has all that was said",
                a_log_without_its_last_seal_has_all_that_was_said);
    CU_add_test(suite, "seals go on where they ended", seals_go_on_where_they_ended);
    CU_add_test(suite, "an unknown command is refused", an_unknown_command_is_refused);
    CU_add_test(suite, "missing parts are named", missing_parts_are_named);
    CU_add_test(suite, "a manifest cut anywhere is refused", a_manifest_cut_anywhere_is_refused);
    CU_add_test(suite, "a base cut anywhere is refused", a_base_cut_anywhere_is_refused);
    CU_add_test(suite, "an old single file is taken in", an_old_single_file_is_taken_in);
    CU_add_test(suite, "where no snapshots are read they are refused", where_no_snapshots_are_read_they_are_refused);
    CU_add_test(suite, "a torn end of a file that is not the last is refused",
                a_torn_end_of_a_file_that_is_not_the_last_is_refused);
}
