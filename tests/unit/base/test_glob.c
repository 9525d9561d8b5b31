/* Patterns, the odd ones as Redis 7 answered them. */
#include <CUnit/Basic.h>
#include <time.h>

#include "storage/base/glob.h"
#include "storage/base/memory.h"
#include "storage/base/random.h"

void suite_glob(void);

static bool matches(const char *pattern, const char *text)
{
    return glob_match(slice_text(pattern), slice_text(text));
}

static bool matches_nocase(const char *pattern, const char *text)
{
    return glob_match_nocase(slice_text(pattern), slice_text(text));
}

static void plain_bytes_match_themselves(void)
{
    CU_ASSERT_TRUE(matches("hello", "hello"));
    CU_ASSERT_FALSE(matches("hello", "hell"));
    CU_ASSERT_FALSE(matches("hell", "hello"));
    CU_ASSERT_FALSE(matches("hello", "Hello"));
    CU_ASSERT_TRUE(glob_match(slice_of("a\0b", 3), slice_of("a\0b", 3)));
}

static void stars_match_any_run(void)
{
    CU_ASSERT_TRUE(matches("*", "anything"));
    CU_ASSERT_TRUE(matches("h*llo", "hllo"));
    CU_ASSERT_TRUE(matches("h*llo", "heeeello"));
    CU_ASSERT_TRUE(matches("a**b***", "ab"));
    CU_ASSERT_TRUE(matches("*ab*ab", "abaabab"));
    CU_ASSERT_FALSE(matches("*ab*ab", "aab"));
    CU_ASSERT_TRUE(matches("a*", "a"));
    CU_ASSERT_FALSE(matches("a*b", "ac"));
}

static void a_question_mark_matches_one_byte(void)
{
    CU_ASSERT_TRUE(matches("h?llo", "hallo"));
    CU_ASSERT_FALSE(matches("h?llo", "hllo"));
    CU_ASSERT_TRUE(matches("*?", "a"));
    CU_ASSERT_FALSE(matches("?", ""));
}

static void classes_hold_bytes_and_ranges(void)
{
    CU_ASSERT_TRUE(matches("h[ae]llo", "hallo"));
    CU_ASSERT_FALSE(matches("h[ae]llo", "hillo"));
    CU_ASSERT_TRUE(matches("[a-c]x", "bx"));
    CU_ASSERT_FALSE(matches("[a-c]x", "dx"));
    CU_ASSERT_TRUE(matches("[^a-c]x", "dx"));
    CU_ASSERT_FALSE(matches("[^a-c]x", "ax"));
    CU_ASSERT_TRUE(matches("[a-cx-z]*[0-9]", "y and 7"));
    CU_ASSERT_TRUE(matches("[\x80-\xff]", "\xc3"));
}

static void odd_classes_mean_what_they_mean_to_redis(void)
{
    CU_ASSERT_TRUE(matches("[c-a]", "b")); /* a range may be reversed */
    CU_ASSERT_TRUE(matches("[ab", "b"));   /* a class may lack its end */
    CU_ASSERT_FALSE(matches("[ab", "c"));
    CU_ASSERT_FALSE(matches("[]", "]"));   /* an empty class holds nothing */
    CU_ASSERT_TRUE(matches("[^]", "x"));   /* and its opposite everything */
    CU_ASSERT_TRUE(matches("[\\]]", "]")); /* a backslash shields the end */
    CU_ASSERT_TRUE(matches("[a\\-c]", "-"));
    CU_ASSERT_FALSE(matches("[a\\-c]", "b"));
    CU_ASSERT_TRUE(matches("[a-]", "`")); /* a range may end with the bracket */
    CU_ASSERT_TRUE(matches("[-]", "-"));
    CU_ASSERT_FALSE(matches("[", "["));
}

static void a_backslash_shields_a_byte(void)
{
    CU_ASSERT_TRUE(matches("a\\*", "a*"));
    CU_ASSERT_FALSE(matches("a\\*", "ab"));
    CU_ASSERT_TRUE(matches("\\[a]", "[a]"));
    CU_ASSERT_TRUE(matches("a\\", "a\\"));
    CU_ASSERT_TRUE(matches("\\\\", "\\"));
}

static void the_empty_text_matches_only_the_empty_pattern(void)
{
    CU_ASSERT_TRUE(matches("", ""));
    CU_ASSERT_FALSE(matches("", "a"));
    CU_ASSERT_FALSE(matches("*", ""));
    CU_ASSERT_FALSE(matches("**", ""));
}

static void case_can_be_ignored(void)
{
    CU_ASSERT_TRUE(matches_nocase("MAX*", "maxmemory"));
    CU_ASSERT_TRUE(matches_nocase("max*", "MaxMemory"));
    CU_ASSERT_TRUE(matches_nocase("[A-C]x", "bX"));
    CU_ASSERT_TRUE(matches_nocase("\\Max", "max"));
    /* In a class, a shielded byte keeps its case, and a range is put in order first. */
    CU_ASSERT_FALSE(matches_nocase("[\\M]", "m"));
    CU_ASSERT_FALSE(matches_nocase("[a-C]", "b"));
}

/* The definition, as directly as it can be said. Exponential, for short patterns only. */
static bool plainly(struct slice pattern, struct slice text)
{
    if (pattern.len == 0)
        return text.len == 0;
    if (pattern.at[0] == '*') {
        for (size_t i = 0; i <= text.len; i++) {
            if (plainly(slice_after(pattern, 1), slice_after(text, i)))
                return true;
        }
        return false;
    }
    if (text.len == 0 || (pattern.at[0] != '?' && pattern.at[0] != text.at[0]))
        return false;
    return plainly(slice_after(pattern, 1), slice_after(text, 1));
}

static void random_patterns_match_as_the_definition_says(void)
{
    struct random random;
    char pattern[10];
    char text[10];

    random_seed(&random, 7);
    for (int round = 0; round < 100000; round++) {
        struct slice p = { pattern, random_below(&random, sizeof(pattern)) };
        struct slice t = { text, 1 + random_below(&random, sizeof(text) - 1) };

        for (size_t i = 0; i < p.len; i++)
            pattern[i] = "ab*?*"[random_below(&random, 5)];
        for (size_t i = 0; i < t.len; i++)
            text[i] = "ab"[random_below(&random, 2)];
        CU_ASSERT_EQUAL_FATAL(glob_match(p, t), plainly(p, t));
    }
}

static void a_hostile_pattern_takes_no_long_time(void)
{
    static char pattern[2001];
    static char text[20000];
    clock_t began = clock();

    for (size_t i = 0; i < 2000; i += 2)
        memcpy(pattern + i, "a*", 2);
    pattern[2000] = 'b';
    memset(text, 'a', sizeof(text));
    CU_ASSERT_FALSE(glob_match(slice_of(pattern, sizeof(pattern)), slice_of(text, sizeof(text))));
    CU_ASSERT_TRUE(clock() - began < CLOCKS_PER_SEC);
}

/* A run of `a` to be found in a longer one, and a class that is as long as the text. */
static void a_pattern_as_long_as_a_long_text_is_given_up(void)
{
    enum { TEXT = 1000000, RUN = 500000 };
    char *text = memory_new(TEXT);
    char *pattern = memory_new(RUN + 2);
    struct slice run = slice_of(pattern, RUN + 2);
    clock_t began = clock();

    memset(text, 'a', TEXT);
    memset(pattern, 'a', RUN + 2);
    pattern[0] = pattern[RUN] = '*';
    CU_ASSERT_TRUE(glob_match(run, slice_of(text, TEXT)));
    pattern[RUN - 1] = 'b';
    CU_ASSERT_FALSE(glob_match(run, slice_of(text, TEXT)));
    memset(pattern, 'b', RUN + 2);
    memcpy(pattern, "*[", 2);
    pattern[RUN] = ']';
    CU_ASSERT_FALSE(glob_match_nocase(run, slice_of(text, TEXT)));
    CU_ASSERT_TRUE(clock() - began < CLOCKS_PER_SEC * 2);
    memory_free(pattern);
    memory_free(text);
}

static void the_fixed_prefix_ends_at_the_first_sign(void)
{
    CU_ASSERT_EQUAL(glob_fixed_prefix(SLICE("news.*")), 5);
    CU_ASSERT_EQUAL(glob_fixed_prefix(SLICE("news.sport")), 10);
    CU_ASSERT_EQUAL(glob_fixed_prefix(SLICE("a\\*")), 1);
    CU_ASSERT_EQUAL(glob_fixed_prefix(SLICE("[a]")), 0);
    CU_ASSERT_EQUAL(glob_fixed_prefix(SLICE("ab?")), 2);
    CU_ASSERT_EQUAL(glob_fixed_prefix(SLICE("")), 0);
}

void suite_glob(void)
{
    CU_pSuite suite = CU_add_suite("glob", NULL, NULL);

    CU_add_test(suite, "plain bytes match themselves", plain_bytes_match_themselves);
    CU_add_test(suite, "stars match any run", stars_match_any_run);
    CU_add_test(suite, "a question mark matches one byte", a_question_mark_matches_one_byte);
    CU_add_test(suite, "classes hold bytes and ranges", classes_hold_bytes_and_ranges);
    CU_add_test(suite, "odd classes mean what they mean to Redis",
                odd_classes_mean_what_they_mean_to_redis);
    CU_add_test(suite, "a backslash shields a byte", a_backslash_shields_a_byte);
    CU_add_test(suite, "the empty text matches only the empty pattern",
                the_empty_text_matches_only_the_empty_pattern);
    CU_add_test(suite, "case can be ignored", case_can_be_ignored);
    CU_add_test(suite, "random patterns match as the definition says",
                random_patterns_match_as_the_definition_says);
    CU_add_test(suite, "a hostile pattern takes no long time",
                a_hostile_pattern_takes_no_long_time);
    CU_add_test(suite, "a pattern as long as a long text is given up",
                a_pattern_as_long_as_a_long_text_is_given_up);
    CU_add_test(suite, "the fixed prefix ends at the first sign",
                the_fixed_prefix_ends_at_the_first_sign);
}
