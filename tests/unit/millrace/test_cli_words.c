/* How millrace-cli takes a line apart. Its source is included: it is in no archive. */
#include <CUnit/Basic.h>

#include "clients/cli/cli_words.c"

void suite_cli_words(void);

void *cli_memory(void *old, size_t size)
{
    void *memory = realloc(old, size);

    CU_ASSERT_PTR_NOT_NULL_FATAL(memory);
    return memory;
}

/* True if a line has these words, which are given up to a NULL. */
static bool has_words(const char *line, const char *const *expected)
{
    struct cli_words words;
    bool same;
    size_t i = 0;

    cli_words_init(&words);
    same = cli_words_split(&words, line);
    for (; same && expected[i] != NULL; i++)
        same = i < words.count && words.lengths[i] == strlen(expected[i]) &&
               strcmp(words.words[i], expected[i]) == 0;
    same = same && i == words.count;
    cli_words_clear(&words);
    return same;
}
#define HAS(line, ...) CU_ASSERT(has_words(line, (const char *const[]){ __VA_ARGS__, NULL }))

static void blanks_separate(void)
{
    HAS("set key value", "set", "key", "value");
    HAS("  set \t key\r\n", "set", "key");
    CU_ASSERT(has_words("", (const char *const[]){ NULL }));
    CU_ASSERT(has_words(" \t ", (const char *const[]){ NULL }));
}

static void double_quotes_know_escapes(void)
{
    HAS("set k \"two words\"", "set", "k", "two words");
    HAS("\"\\n\\r\\t\\b\\a\\\"\\\\\"", "\n\r\t\b\a\"\\");
    HAS("\"\\x41\\x7a\\q\\xg1\"", "Azqxg1");
    HAS("\"\"", "");
    HAS("a\"b c\"", "ab c");
}

static void a_zero_byte_is_a_byte(void)
{
    struct cli_words words;

    cli_words_init(&words);
    CU_ASSERT_TRUE(cli_words_split(&words, "\"a\\x00b\""));
    CU_ASSERT_EQUAL(words.count, 1);
    CU_ASSERT_EQUAL(words.lengths[0], 3);
    CU_ASSERT_EQUAL(memcmp(words.words[0], "a\0b", 4), 0);
    cli_words_clear(&words);
}

static void single_quotes_know_themselves_only(void)
{
    HAS("'as it\\n is'", "as it\\n is");
    HAS("'it\\'s'", "it's");
    HAS("'\"'", "\"");
}

static void a_wrong_quote_is_told_and_words_before_it_are_kept(void)
{
    static const char *const wrong[] = { "set \"abc", "set 'abc", "set \"abc\"d", "set 'a'b",
                                         "set \"abc\\", "set \"abc\\\"" };

    for (size_t i = 0; i < sizeof wrong / sizeof wrong[0]; i++) {
        struct cli_words words;

        cli_words_init(&words);
        CU_ASSERT_FALSE(cli_words_split(&words, wrong[i]));
        CU_ASSERT_EQUAL(words.count, 1);
        CU_ASSERT_TRUE(cli_words_is(&words, 0, "SET"));
        cli_words_clear(&words);
    }
}

static void words_are_added_and_dropped_in_order(void)
{
    struct cli_words words;
    char name[16];

    cli_words_init(&words);
    for (int i = 0; i < 100; i++) {
        snprintf(name, sizeof name, "w%d", i);
        cli_words_add(&words, name, strlen(name));
    }
    cli_words_drop(&words, 98);
    CU_ASSERT_EQUAL(words.count, 2);
    CU_ASSERT_TRUE(cli_words_is(&words, 0, "W98"));
    CU_ASSERT_TRUE(cli_words_is(&words, 1, "w99"));
    CU_ASSERT_FALSE(cli_words_is(&words, 2, "w99"));
    cli_words_drop(&words, 2);
    CU_ASSERT_EQUAL(words.count, 0);
    cli_words_clear(&words);
}

void suite_cli_words(void)
{
    CU_pSuite suite = CU_add_suite("cli_words", NULL, NULL);

    CU_add_test(suite, "blanks separate", blanks_separate);
    CU_add_test(suite, "double quotes know escapes", double_quotes_know_escapes);
    CU_add_test(suite, "a zero byte is a byte", a_zero_byte_is_a_byte);
    CU_add_test(suite, "single quotes know themselves only", single_quotes_know_themselves_only);
    CU_add_test(suite, "a wrong quote is told, and words before it are kept",
                a_wrong_quote_is_told_and_words_before_it_are_kept);
    CU_add_test(suite, "words are added and dropped in order",
                words_are_added_and_dropped_in_order);
}
