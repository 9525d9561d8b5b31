#include <CUnit/CUnit.h>

#include "broker/acl/users.h"
#include "broker/config/options.h"

void suite_users(void);

static bool set(struct users *users, const char *name, const char *rule)
{
    struct slice word = slice_text(rule);
    struct rule_trouble trouble;
    struct user *user = users_set(users, slice_text(name), &word, 1, &trouble);

    rule_trouble_clear(&trouble);
    users_check(users);
    return user != NULL;
}

static void default_is_there_and_may_do_everything(void)
{
    struct options options;
    struct users *users;

    options_init(&options);
    users = users_new(&options);
    CU_ASSERT_EQUAL(users_count(users), 1);
    CU_ASSERT_TRUE(user_may_all(users_default(users)));
    CU_ASSERT_TRUE(user_takes_password(users_default(users), SLICE("x")));
    users_set_default_password(users, SLICE("secret word"));
    CU_ASSERT_FALSE(user_takes_password(users_default(users), SLICE("x")));
    CU_ASSERT_TRUE(user_takes_password(users_default(users), SLICE("secret word")));
    users_set_default_password(users, SLICE(""));
    CU_ASSERT_TRUE(user_needs_no_password(users_default(users)));
    users_check(users);
    users_free(users);
    options_clear(&options);
}

static void all_rules_are_followed_or_none(void)
{
    struct options options;
    struct users *users;
    struct slice rules[] = { SLICE("on"), SLICE("+nosuch") };
    struct rule_trouble trouble;

    options_init(&options);
    users = users_new(&options);
    CU_ASSERT_PTR_NULL(users_set(users, SLICE("b"), rules, 2, &trouble));
    rule_trouble_clear(&trouble);
    CU_ASSERT_PTR_NULL(users_find(users, SLICE("b")));
    CU_ASSERT_TRUE(set(users, "b", "+get"));
    CU_ASSERT_PTR_NULL(users_set(users, SLICE("b"), rules, 2, &trouble));
    rule_trouble_clear(&trouble);
    CU_ASSERT_FALSE(user_is_on(users_find(users, SLICE("b"))));
    users_free(users);
    options_clear(&options);
}

static void users_keep_their_address_and_the_order_of_their_names(void)
{
    struct options options;
    struct users *users;
    struct user *bob;

    options_init(&options);
    users = users_new(&options);
    CU_ASSERT_TRUE(set(users, "zoe", "on"));
    CU_ASSERT_TRUE(set(users, "bob", "on"));
    CU_ASSERT_TRUE(set(users, "alice", "on"));
    bob = users_find(users, SLICE("bob"));
    CU_ASSERT_TRUE(set(users, "bob", "off"));
    CU_ASSERT_PTR_EQUAL(bob, users_find(users, SLICE("bob")));
    CU_ASSERT_FALSE(user_is_on(bob));
    users_take(users, bob);
    user_free(bob);
    CU_ASSERT_PTR_NULL(users_find(users, SLICE("bob")));
    users_check(users);
    users_free(users);
    options_clear(&options);
}

static void what_new_users_may_hear_is_an_option(void)
{
    struct options options;
    struct users *users;

    options_init(&options);
    users = users_new(&options);
    CU_ASSERT_TRUE(set(users, "a", "on"));
    CU_ASSERT_FALSE(user_may_hear(users_find(users, SLICE("a")), SLICE("c"), false));
    options.acl_pubsub_default = OPTION_CHANNELS_ALL;
    CU_ASSERT_TRUE(set(users, "b", "on"));
    CU_ASSERT_TRUE(user_may_hear(users_find(users, SLICE("b")), SLICE("c"), false));
    users_free(users);
    options_clear(&options);
}

/* Whether a file of this text is refused with these words, before the warning at the end. */
static bool refuses(const char *text, const char *said)
{
    static const char end[] = "WARNING: ACL errors detected, no change to the previously active "
                              "ACL rules was performed";
    struct options options;
    struct buffer errors = { 0 };
    struct users *users;
    bool same;

    options_init(&options);
    users = users_read(&options, "x.acl", slice_text(text), &errors);
    same = users == NULL && errors.len == strlen(said) + sizeof(end) - 1 &&
           memcmp(errors.at, said, strlen(said)) == 0 &&
           memcmp(errors.at + strlen(said), end, sizeof(end) - 1) == 0;
    users_free(users);
    buffer_clear(&errors);
    options_clear(&options);
    return same;
}

static void a_bad_file_is_refused_with_all_that_is_wrong(void)
{
    CU_ASSERT_TRUE(refuses("foo\n", "x.acl:1 should start with user keyword followed by the "
                                    "username. "));
    CU_ASSERT_TRUE(refuses("\n# remark\n", "x.acl:2 should start with user keyword followed by the "
                                           "username. "));
    CU_ASSERT_TRUE(refuses("user\n", "x.acl:1 should start with user keyword followed by the "
                                     "username. "));
    CU_ASSERT_TRUE(refuses("user a on\nuser a on\n", "WARNING: Duplicate user 'a' found on line "
                                                     "2. "));
    CU_ASSERT_TRUE(refuses("user default on\nuser default off",
                           "WARNING: Duplicate user 'default' found on line 2. "));
    CU_ASSERT_TRUE(refuses("user d (+get\nuser e +nosuch\n",
                           "x.acl:1: Unmatched parenthesis in selector definition.x.acl:2: Error "
                           "in applying operation '+nosuch': Unknown command or category name in "
                           "ACL. "));
}

static void what_is_printed_is_read_back(void)
{
    struct options options;
    struct users *users;
    struct users *again;
    struct buffer text = { 0 };
    struct buffer errors = { 0 };

    options_init(&options);
    users = users_read(&options, "x", SLICE("  user a on >p ~a* %R~b &c +@read -get +select|0 "
                                            "(+set ~x) (%RW~* ~y %R~z)\n\n\r\n"
                                            "user b %RW~*\nuser default off nopass +@all -get"),
                       &errors);
    CU_ASSERT_PTR_NOT_NULL_FATAL(users);
    users_check(users);
    CU_ASSERT_FALSE(user_is_on(users_default(users)));
    users_print(users, &text);
    again = users_read(&options, "y", buffer_slice(&text), &errors);
    CU_ASSERT_PTR_NOT_NULL_FATAL(again);
    CU_ASSERT_EQUAL(users_count(again), 3);
    for (size_t i = 0; i < users_count(again); i++)
        CU_ASSERT_TRUE(user_equal(users_at(again, i), users_at(users, i)));
    users_replace(users, again);
    users_check(users);
    CU_ASSERT_EQUAL(users_count(users), 3);
    users_free(users);
    buffer_clear(&text);
    buffer_clear(&errors);
    options_clear(&options);
}

static void a_user_may_have_very_many_rules(void)
{
    struct options options;
    struct users *users;
    struct buffer text = { 0 };
    struct buffer printed = { 0 };
    struct buffer errors = { 0 };

    options_init(&options);
    buffer_print(&text, "user a off");
    for (int i = 0; i < 3000; i++)
        buffer_print(&text, " ~%d", i);
    buffer_print(&text, " resetchannels -@all\nuser default on nopass ~* &* +@all\n");
    users = users_read(&options, "x", buffer_slice(&text), &errors);
    CU_ASSERT_PTR_NOT_NULL_FATAL(users);
    users_print(users, &printed);
    CU_ASSERT_TRUE(slice_equal(buffer_slice(&text), buffer_slice(&printed)));
    users_free(users);
    buffer_clear(&text);
    buffer_clear(&printed);
    buffer_clear(&errors);
    options_clear(&options);
}

static bool line_complains(const char *name, const char *rule, const char *said)
{
    struct slice words[] = { slice_text(name), slice_text(rule) };
    struct trouble trouble;

    return !users_check_line(words, 2, &trouble) && strcmp(trouble.text, said) == 0;
}

static void lines_of_a_configuration_are_checked(void)
{
    struct slice words[] = { SLICE("a"), SLICE("on"), SLICE("(+get"), SLICE("~x)") };
    struct options options;
    struct users *users;
    struct trouble trouble;

    CU_ASSERT_TRUE(line_complains("a", "+nosuch", "Unknown command or category name in ACL"));
    CU_ASSERT_TRUE(line_complains("a", "(+get", "Unmatched parenthesis in selector definition"));
    CU_ASSERT_TRUE(line_complains("a b", "on", "Spaces not allowed in ACL usernames"));
    CU_ASSERT_TRUE(users_check_line(words, 4, &trouble));
    options_init(&options);
    users = users_new(&options);
    users_follow_line(users, words, 4);
    CU_ASSERT_TRUE(user_is_on(users_find(users, SLICE("a"))));
    users_check(users);
    users_free(users);
    options_clear(&options);
}

void suite_users(void)
{
    CU_pSuite suite = CU_add_suite("users", NULL, NULL);

    CU_add_test(suite, "default is there and may do everything",
                default_is_there_and_may_do_everything);
    CU_add_test(suite, "all rules are followed or none", all_rules_are_followed_or_none);
    CU_add_test(suite, "users keep their address and the order of their names",
                users_keep_their_address_and_the_order_of_their_names);
    CU_add_test(suite, "what new users may hear is an option",
                what_new_users_may_hear_is_an_option);
    CU_add_test(suite, "a bad file is refused with all that is wrong",
                a_bad_file_is_refused_with_all_that_is_wrong);
    CU_add_test(suite, "what is printed is read back", what_is_printed_is_read_back);
    CU_add_test(suite, "a user may have very many rules", a_user_may_have_very_many_rules);
    CU_add_test(suite, "lines of a configuration are checked",
                lines_of_a_configuration_are_checked);
}
