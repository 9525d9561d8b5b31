/* The manifest: which files make up the log. */
#include <CUnit/Basic.h>

#include "storage/base/buffer.h"
#include "storage/base/random.h"
#include "storage/base/trouble.h"
#include "storage/persist/aof_manifest.h"

void suite_aof_manifest(void);

static const char full[] = "file a.3.base.aof seq 3 type b\n"
                           "file a.2.base.aof seq 2 type h\n"
                           "file a.6.incr.aof seq 6 type h\n"
                           "file a.7.incr.aof seq 7 type i\n"
                           "file a.9.incr.aof seq 9 type i\n";

static void assert_prints(const struct aof_manifest *manifest, const char *text)
{
    struct buffer printed = { 0 };

    aof_manifest_check(manifest);
    aof_manifest_print(manifest, &printed);
    CU_ASSERT_TRUE(slice_equal(buffer_slice(&printed), slice_text(text)));
    buffer_clear(&printed);
}

static void what_is_read_prints_back(void)
{
    struct trouble trouble;
    struct aof_manifest *manifest = aof_manifest_parse(slice_text(full), &trouble);
    struct aof_manifest *copy;

    CU_ASSERT_PTR_NOT_NULL_FATAL(manifest);
    copy = aof_manifest_copy(manifest);
    assert_prints(copy, full);
    CU_ASSERT_STRING_EQUAL(aof_manifest_base(copy)->name, "a.3.base.aof");
    CU_ASSERT_STRING_EQUAL(aof_manifest_last(copy)->name, "a.9.incr.aof");
    CU_ASSERT_TRUE(aof_manifest_names(copy, "a.6.incr.aof"));
    aof_manifest_free(copy);
    aof_manifest_free(manifest);
}

static bool always(void *who, const char *name)
{
    (void)who;
    (void)name;
    return true;
}

static void a_rewrite_turns_over_all_files(void)
{
    struct trouble trouble;
    struct aof_manifest *manifest = aof_manifest_parse(
        SLICE("file x.1.base.aof seq 1 type b\nfile x.1.incr.aof seq 1 type i\n"), &trouble);

    CU_ASSERT_STRING_EQUAL(aof_manifest_add_increment(manifest, "x")->name, "x.2.incr.aof");
    aof_manifest_retire(manifest, 1);
    CU_ASSERT_STRING_EQUAL(aof_manifest_set_base(manifest, "x", NULL)->name, "x.2.base.aof");
    assert_prints(manifest, "file x.2.base.aof seq 2 type b\n"
                            "file x.1.base.aof seq 1 type h\n"
                            "file x.1.incr.aof seq 1 type h\n"
                            "file x.2.incr.aof seq 2 type i\n");
    aof_manifest_forget(manifest, always, NULL);
    assert_prints(manifest,
                  "file x.2.base.aof seq 2 type b\nfile x.2.incr.aof seq 2 type i\n");
    aof_manifest_free(manifest);
}

static void a_name_in_the_history_is_not_used_again(void)
{
    struct trouble trouble;
    struct aof_manifest *manifest =
        aof_manifest_parse(SLICE("file x.1.incr.aof seq 1 type h\n"), &trouble);

    CU_ASSERT_STRING_EQUAL(aof_manifest_add_increment(manifest, "x")->name, "x.2.incr.aof");
    aof_manifest_free(manifest);
}

static void unusual_names_stand_in_quotes(void)
{
    struct trouble trouble;
    struct aof_manifest *manifest = aof_manifest_new();
    const char *text = "file \"a b\\\"c\\x01.1.base.aof\" seq 1 type b\n";

    (void)aof_manifest_set_base(manifest, "a b\"c\x01", NULL);
    assert_prints(manifest, text);
    aof_manifest_free(manifest);
    manifest = aof_manifest_parse(slice_text(text), &trouble);
    CU_ASSERT_PTR_NOT_NULL_FATAL(manifest);
    CU_ASSERT_STRING_EQUAL(aof_manifest_base(manifest)->name, "a b\"c\x01.1.base.aof");
    aof_manifest_free(manifest);
}

static void comments_and_further_words_are_passed_over(void)
{
    struct trouble trouble;
    struct aof_manifest *manifest =
        aof_manifest_parse(SLICE("# hello\nfile a seq 1 type b more words\n"), &trouble);

    CU_ASSERT_PTR_NOT_NULL_FATAL(manifest);
    assert_prints(manifest, "file a seq 1 type b\n");
    aof_manifest_free(manifest);
}

static void each_fault_is_named(void)
{
    static const struct {
        const char *text, *why;
    } rows[] = {
        { "", "Found an empty AOF manifest" },
        { "# only this\n", "Found an empty AOF manifest" },
        { "\n", "Invalid AOF manifest file format" },
        { "file a seq 1 type b", "cut short" },
        { "file a seq 1\n", "Invalid AOF manifest file format" },
        { "file a seq x type b\n", "Invalid AOF manifest file format" },
        { "file a seq 0 type b\n", "Invalid AOF manifest file format" },
        { "file a seq 1 type x\n", "Unknown AOF file type" },
        { "file ../a seq 1 type b\n", "File can't be a path" },
        { "file a seq 1 type b\nfile b seq 2 type b\n", "at line 2" },
        { "file a seq 1 type b\nfile b seq 2 type b\n", "Found duplicate base" },
        { "file a seq 2 type i\nfile b seq 1 type i\n", "non-monotonic" },
        { "file a seq 1 type i\nfile a seq 2 type i\n", "named twice" },
        { "file \"a seq 1 type b\n", "Invalid AOF manifest file format" },
    };

    for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
        struct trouble trouble = { 0 };

        CU_ASSERT_PTR_NULL(aof_manifest_parse(slice_text(rows[i].text), &trouble));
        CU_ASSERT_PTR_NOT_NULL(strstr(trouble.text, rows[i].why));
    }
}

/* Whatever bytes come, the answer is a manifest that holds its invariants, or a reason. */
static void garbage_is_refused_or_harmless(void)
{
    struct random random;
    char bytes[sizeof(full)];

    random_seed(&random, 7);
    for (int round = 0; round < 20000; round++) {
        struct trouble trouble = { 0 };
        struct aof_manifest *manifest;
        size_t changes = random_below(&random, 6);

        memcpy(bytes, full, sizeof(full));
        for (size_t i = 0; i < changes; i++)
            bytes[random_below(&random, sizeof(full) - 1)] = (char)random_next(&random);
        manifest = aof_manifest_parse(slice_of(bytes, random_below(&random, sizeof(full))),
                                      &trouble);
        if (manifest != NULL)
            aof_manifest_check(manifest);
        CU_ASSERT(manifest != NULL || trouble.text[0] != '\0');
        aof_manifest_free(manifest);
    }
}

void suite_aof_manifest(void)
{
    CU_pSuite suite = CU_add_suite("aof_manifest", NULL, NULL);

    CU_add_test(suite, "what is read prints back", what_is_read_prints_back);
    CU_add_test(suite, "a rewrite turns over all files", a_rewrite_turns_over_all_files);
    CU_add_test(suite, "a name in the history is not used again",
                a_name_in_the_history_is_not_used_again);
    CU_add_test(suite, "unusual names stand in quotes", unusual_names_stand_in_quotes);
    CU_add_test(suite, "comments and further words are passed over",
                comments_and_further_words_are_passed_over);
    CU_add_test(suite, "each fault is named", each_fault_is_named);
    CU_add_test(suite, "garbage is refused or harmless", garbage_is_refused_or_harmless);
}
