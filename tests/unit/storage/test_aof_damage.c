/* What a crash and what an accident leave of the log: torn ends, flipped bits, missing files. */
#include <CUnit/Basic.h>
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "storage/persist/aof_rewrite.h"
#include "tests/unit/storage/aof_mill.h"

void suite_aof_damage(void);

static void assert_refuses(struct mill *mill, const char *why)
{
    struct trouble trouble = { 0 };
    bool started = mill_start(mill, &trouble);

    CU_ASSERT_FALSE(started);
    if (!started && strstr(trouble.text, why) == NULL)
        fprintf(stderr, "refused, but: %s\n", trouble.text);
    CU_ASSERT_PTR_NOT_NULL(strstr(trouble.text, why));
}

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
        mill_expect_start(&mill);
        mill_crash(&mill);
        mill_write_file(&mill, INCR(1), slice_of(small, len));
        mill_expect_start(&mill);
        CU_ASSERT_EQUAL(mill_number(&mill, "n"), increments_in(len));
        /* What is said after the repair is there at the next start too. */
        mill_say(&mill, SLICE(INCR_N));
        mill_expect_start(&mill);
        CU_ASSERT_EQUAL(mill_number(&mill, "n"), increments_in(len) + 1);
        mill_end(&mill);
    }
}

static void without_leave_a_torn_end_is_refused(void)
{
    struct mill mill;

    mill_begin(&mill);
    mill_expect_start(&mill);
    mill_crash(&mill);
    mill_write_file(&mill, INCR(1), slice_of(small, sizeof(small) - 3));
    mill.policy.cut_torn_tail = false;
    assert_refuses(&mill, "Unexpected end of file reading the append only file");
    mill.policy.cut_torn_tail = true;
    mill_expect_start(&mill);
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
        mill_expect_start(&mill);
        mill_crash(&mill);
        buffer_add(&content, SLICE(INCR_N INCR_N));
        buffer_add(&content, tails[i]);
        mill_write_file(&mill, INCR(1), buffer_slice(&content));
        mill_expect_start(&mill);
        CU_ASSERT_EQUAL(mill_number(&mill, "n"), 2);
        mill_expect_file(&mill, INCR(1), INCR_N INCR_N);
        buffer_clear(&content);
        mill_end(&mill);
    }
}

static void damage_before_more_of_the_log_is_refused(void)
{
    struct mill mill;

    mill_begin(&mill);
    mill_expect_start(&mill);
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
    mill_expect_start(&mill);
    mill_crash(&mill);
    mill_write_file(&mill, INCR(1), SLICE("*2\r\n$3\r\nbla\r\n$1\r\nx\r\n"));
    assert_refuses(&mill, "Unknown command 'bla' reading the append only file");
    mill_end(&mill);
}

/* Makes a log of base 2 and increment 2, and ends its server. */
static void begin_rewritten(struct mill *mill)
{
    mill_begin(mill);
    mill_expect_start(mill);
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
    mill_expect_start(&mill);
    CU_ASSERT_EQUAL(mill_number(&mill, "n"), 2);
    mill_expect_gone(&mill, "appendonly.aof");
    mill_expect_file(&mill, MANIFEST, "file appendonly.aof seq 1 type b\n"
                                 "file appendonly.aof.1.incr.aof seq 1 type i\n");
    mill_say(&mill, SLICE(INCR_N));
    mill_rewrite(&mill);
    mill_wait(&mill, 2);
    mill_expect_gone(&mill, "appendonlydir/appendonly.aof");
    mill_expect_start(&mill);
    CU_ASSERT_EQUAL(mill_number(&mill, "n"), 3);
    mill_end(&mill);
}

static void where_no_snapshots_are_read_they_are_refused(void)
{
    struct mill mill;

    mill_begin(&mill);
    mill_expect_start(&mill);
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
    mill_expect_start(mill);
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
            mill_expect_start(&mill);
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
        mill_expect_start(&mill);
        for (int i = 0; i < 200; i++)
            mill_turn(&mill);
        mill_crash(&mill); /* without a last seal */
    }
    mill_expect_start(&mill);
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
    mill_expect_start(&mill);
    mill_crash(&mill);
    mill_write_file(&mill, MANIFEST, SLICE("file appendonly.aof.1.base.aof seq 1 type b\n"
                                           "file appendonly.aof.1.incr.aof seq 1 type i\n"
                                           "file appendonly.aof.4.incr.aof seq 4 type i\n"));
    mill_write_file(&mill, INCR(1), SLICE(INCR_N "*2\r\n"));
    mill_write_file(&mill, INCR(4), SLICE(INCR_N));
    assert_refuses(&mill, "not the last file");
    mill_write_file(&mill, INCR(1), SLICE(INCR_N "#TS:1700000000\r\n"));
    mill_expect_start(&mill);
    CU_ASSERT_EQUAL(mill_number(&mill, "n"), 2);
    mill_end(&mill);
}

void suite_aof_damage(void)
{
    CU_pSuite suite = CU_add_suite("aof damage", NULL, NULL);

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
