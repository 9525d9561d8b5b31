/* First lines of scripts and libraries. */
#include <CUnit/Basic.h>

#include "broker/script/first_line.h"
#include "broker/script/script_run.h"

void suite_first_line(void);

static void a_text_without_one_is_left_alone(void)
{
    struct first_line line;

    CU_ASSERT_FALSE(first_line_read(&line, SLICE("return 1")));
    CU_ASSERT(slice_equal(line.rest, SLICE("return 1")));
    CU_ASSERT_FALSE(first_line_read(&line, SLICE("#")));
    CU_ASSERT_FALSE(first_line_read(&line, SLICE("")));
}

static void words_are_taken_apart_and_the_end_of_the_line_stays(void)
{
    struct first_line line;

    CU_ASSERT_TRUE(first_line_read(&line, SLICE("#!lua  name=\"my lib\"\tflags=a\nreturn 1")));
    CU_ASSERT_EQUAL_FATAL(line.count, 3);
    CU_ASSERT(slice_equal(line.words[0], SLICE("#!lua")));
    CU_ASSERT(slice_equal(line.words[1], SLICE("name=my lib")));
    CU_ASSERT(slice_equal(line.words[2], SLICE("flags=a")));
    CU_ASSERT(slice_equal(line.rest, SLICE("\nreturn 1")));
    first_line_clear(&line);
}

static void a_line_that_cannot_be_read_is_told(void)
{
    struct first_line line;

    CU_ASSERT_TRUE(first_line_read(&line, SLICE("#!lua"))); /* no end */
    CU_ASSERT_EQUAL(line.count, -1);
    first_line_clear(&line);
    CU_ASSERT_TRUE(first_line_read(&line, SLICE("#!lua \"name\n")));
    CU_ASSERT_EQUAL(line.count, -1);
    first_line_clear(&line);
    CU_ASSERT_TRUE(first_line_read(&line, SLICE("#! 1 2 3 4 5 6 7 8 9 0 1 2 3 4 5 6 7 8 9 0 1 2 3 4 5 6"
                                                " 7 8 9 0 1 2 3 4 5 6 7 8 9 0\n")));
    CU_ASSERT_EQUAL(line.count, -1); /* more words than anybody needs */
    first_line_clear(&line);
}

static void flags_have_names_both_ways(void)
{
    const char *names[SCRIPT_FLAGS];
    uint32_t all = 0;

    CU_ASSERT_EQUAL(script_flag(SLICE("no-writes")), SCRIPT_NO_WRITES);
    CU_ASSERT_EQUAL(script_flag(SLICE("No-Writes")), 0);
    CU_ASSERT_EQUAL(script_flag_nocase(SLICE("No-Writes")), SCRIPT_NO_WRITES);
    CU_ASSERT_EQUAL(script_flag(SLICE("")), 0);
    CU_ASSERT_EQUAL(script_flag_names(0, names), 0);
    CU_ASSERT_EQUAL(script_flag_names(UINT32_MAX, names), SCRIPT_FLAGS);
    for (int i = 0; i < SCRIPT_FLAGS; i++)
        all |= script_flag(slice_text(names[i]));
    CU_ASSERT_EQUAL(script_flag_names(all, names), SCRIPT_FLAGS);
}

void suite_first_line(void)
{
    CU_pSuite suite = CU_add_suite("first_line", NULL, NULL);

    CU_add_test(suite, "a text without one is left alone", a_text_without_one_is_left_alone);
    CU_add_test(suite, "words are taken apart and the end of the line stays",
                words_are_taken_apart_and_the_end_of_the_line_stays);
    CU_add_test(suite, "a line that cannot be read is told", a_line_that_cannot_be_read_is_told);
    CU_add_test(suite, "flags have names, both ways", flags_have_names_both_ways);
}
