/* Commands by other names. */
#include <CUnit/Basic.h>

#include "broker/dispatch/naming.h"

void suite_naming(void);

static bool rename_to(struct naming *naming, const char *from, const char *to)
{
    struct trouble ignored;

    return naming_rename(naming, slice_text(from), slice_text(to), &ignored);
}

/* The own name of the command that is found by a full name; "" if there is none. */
static const char *own_name(const struct naming *naming, const char *name)
{
    const struct command *command = naming_find(naming, slice_text(name));

    return command == NULL ? "" : command->full_name;
}

static void a_command_is_found_by_its_new_name_alone(void)
{
    struct naming *naming = naming_new();
    struct slice word = SLICE("Badger");

    CU_ASSERT_TRUE(naming_is_empty(naming) && naming_is_empty(NULL));
    CU_ASSERT_TRUE(rename_to(naming, "FLUSHDB", "badger"));
    CU_ASSERT_FALSE(naming_is_empty(naming));
    CU_ASSERT_EQUAL(naming_translate(naming, &word), NAMED_ANEW);
    CU_ASSERT_TRUE(slice_equal(word, SLICE("flushdb")));
    CU_ASSERT_EQUAL(naming_translate(naming, &word), NAMED_NO_MORE);
    word = SLICE("get");
    CU_ASSERT_EQUAL(naming_translate(naming, &word), NAMED_AS_EVER);
    CU_ASSERT_STRING_EQUAL(own_name(naming, "BADGER"), "flushdb");
    CU_ASSERT_STRING_EQUAL(own_name(naming, "flushdb"), "");
    CU_ASSERT_STRING_EQUAL(own_name(naming, "get"), "get");
    naming_free(naming);
}

static void subcommands_go_with_their_container(void)
{
    struct naming *naming = naming_new();
    struct slice words[2] = { SLICE("xg"), SLICE("CREATE") };

    CU_ASSERT_TRUE(rename_to(naming, "xgroup", "xg"));
    CU_ASSERT_STRING_EQUAL(own_name(naming, "xg|create"), "xgroup|create");
    CU_ASSERT_STRING_EQUAL(own_name(naming, "xg|no"), "");
    CU_ASSERT_STRING_EQUAL(own_name(naming, "xgroup|create"), "");
    CU_ASSERT_STRING_EQUAL(own_name(naming, "xinfo|stream"), "xinfo|stream");
    CU_ASSERT_STRING_EQUAL(naming_find_words(naming, words, 2)->full_name, "xgroup|create");
    words[0] = SLICE("XGROUP");
    CU_ASSERT_PTR_NULL(naming_find_words(naming, words, 2));
    CU_ASSERT_FALSE(rename_to(naming, "xg|create", "make"));
    naming_free(naming);
}

static void a_name_that_was_left_may_be_taken(void)
{
    struct naming *naming = naming_new();

    CU_ASSERT_FALSE(rename_to(naming, "set", "get"));
    CU_ASSERT_TRUE(rename_to(naming, "get", "fetch"));
    CU_ASSERT_FALSE(rename_to(naming, "get", "again"));
    CU_ASSERT_FALSE(rename_to(naming, "set", "FETCH"));
    CU_ASSERT_TRUE(rename_to(naming, "set", "get"));
    CU_ASSERT_STRING_EQUAL(own_name(naming, "get"), "set");
    CU_ASSERT_TRUE(rename_to(naming, "fetch", "take"));
    CU_ASSERT_STRING_EQUAL(own_name(naming, "take"), "get");
    CU_ASSERT_STRING_EQUAL(own_name(naming, "fetch"), "");
    CU_ASSERT_TRUE(rename_to(naming, "get", "set"));
    CU_ASSERT_STRING_EQUAL(own_name(naming, "set"), "set");
    naming_free(naming);
}

static void a_command_without_a_name_is_hidden(void)
{
    struct naming *naming = naming_new();

    CU_ASSERT_TRUE(rename_to(naming, "config", ""));
    CU_ASSERT_FALSE(rename_to(naming, "", "config"));
    CU_ASSERT_STRING_EQUAL(own_name(naming, "config"), "");
    CU_ASSERT_STRING_EQUAL(own_name(naming, ""), "");
    CU_ASSERT_TRUE(naming_hides(naming, command_named(SLICE("config"))));
    CU_ASSERT_TRUE(naming_hides(naming, command_named(SLICE("config|get"))));
    CU_ASSERT_FALSE(naming_hides(naming, command_named(SLICE("get"))));
    CU_ASSERT_TRUE(rename_to(naming, "set", "config"));
    CU_ASSERT_STRING_EQUAL(own_name(naming, "config"), "set");
    CU_ASSERT_FALSE(rename_to(naming, "no such", "x"));
    naming_free(naming);
}

void suite_naming(void)
{
    CU_pSuite suite = CU_add_suite("naming", NULL, NULL);

    CU_add_test(suite, "a command is found by its new name alone",
                a_command_is_found_by_its_new_name_alone);
    CU_add_test(suite, "subcommands go with their container", subcommands_go_with_their_container);
    CU_add_test(suite, "a name that was left may be taken", a_name_that_was_left_may_be_taken);
    CU_add_test(suite, "a command without a name is hidden", a_command_without_a_name_is_hidden);
}
