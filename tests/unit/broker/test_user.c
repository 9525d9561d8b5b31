#include <CUnit/CUnit.h>

#include "broker/acl/user.h"

void suite_user(void);

/* Applies words, ended by NULL, to a user; on failure the trouble stays. */
static bool apply(struct user *user, const char *const *rules, struct rule_trouble *trouble)
{
    struct slice words[32];
    size_t count = 0;
    bool fine;

    for (; rules[count] != NULL; count++)
        words[count] = slice_text(rules[count]);
    fine = user_apply_all(user, words, count, false, trouble);
    user_check(user);
    return fine;
}

#define RULES(...) ((const char *const[]){ __VA_ARGS__, NULL })

static struct user *made_of(const char *const *rules)
{
    struct user *user = user_new(SLICE("u"), false);
    struct rule_trouble trouble;

    CU_ASSERT_TRUE(apply(user, rules, &trouble));
    rule_trouble_clear(&trouble);
    return user;
}

static bool prints(const char *const *rules, const char *text)
{
    struct user *user = made_of(rules);
    struct buffer line = { 0 };
    bool same;

    user_print(user, &line);
    same = slice_equal(buffer_slice(&line), slice_text(text));
    buffer_clear(&line);
    user_free(user);
    return same;
}

/* Whether rules are refused with this rule and this sentence, NULL for a parenthesis. */
static bool refuses(const char *const *rules, const char *rule, const char *sentence)
{
    struct user *user = user_new(SLICE("u"), false);
    struct rule_trouble trouble;
    bool same = !apply(user, rules, &trouble) &&
                slice_equal(buffer_slice(&trouble.rule), slice_text(rule)) &&
                (sentence == NULL ? trouble.sentence == NULL
                                  : trouble.sentence != NULL &&
                                        strcmp(trouble.sentence, sentence) == 0);

    rule_trouble_clear(&trouble);
    user_free(user);
    return same;
}

static struct denial asks(const struct user *user, const char *const *request)
{
    struct slice words[16];
    size_t count = 0;

    for (; request[count] != NULL; count++)
        words[count] = slice_text(request[count]);
    return user_asks(user, command_find(words, count), words, count);
}

static bool denied(const struct user *user, enum denied what, size_t word,
                   const char *const *request)
{
    struct denial denial = asks(user, request);

    return denial.what == what && denial.word == word;
}

static void passwords_are_kept_as_digests(void)
{
    static const char line[] =
        "user u on #148de9c5a7a44d19e56cd9ae1a554bf67847afb0c58f6e12fa29ac7ddfca9940 "
        "resetchannels -@all";

    CU_ASSERT_TRUE(prints(RULES("on", ">p"), line));
    CU_ASSERT_TRUE(prints(RULES("on", ">p", ">p"), line));
    CU_ASSERT_TRUE(prints(RULES("on", "nopass", ">p"), line));
    CU_ASSERT_TRUE(prints(RULES("on", ">p", ">q", "<q"), line));
    CU_ASSERT_TRUE(prints(RULES("on", ">p", "nopass"), "user u on nopass resetchannels -@all"));
    CU_ASSERT_TRUE(prints(RULES("on", ">p", "resetpass"), "user u on resetchannels -@all"));
}

static void the_right_password_lets_in(void)
{
    struct user *user = made_of(RULES("on", ">one", ">two"));

    CU_ASSERT_TRUE(user_takes_password(user, SLICE("one")));
    CU_ASSERT_TRUE(user_takes_password(user, SLICE("two")));
    CU_ASSERT_FALSE(user_takes_password(user, SLICE("")));
    CU_ASSERT_FALSE(user_takes_password(user, SLICE("One")));
    CU_ASSERT_PTR_NULL(user_apply(user, SLICE("off"), false));
    CU_ASSERT_FALSE(user_takes_password(user, SLICE("one")));
    CU_ASSERT_PTR_NULL(user_apply(user, SLICE("on"), false));
    CU_ASSERT_PTR_NULL(user_apply(user, SLICE("nopass"), false));
    CU_ASSERT_TRUE(user_takes_password(user, SLICE("whatever")));
    user_free(user);
}

static void flags_are_printed_in_their_order(void)
{
    CU_ASSERT_TRUE(prints(RULES("reset", "on", "nopass"),
                          "user u on nopass sanitize-payload resetchannels -@all"));
    CU_ASSERT_TRUE(prints(RULES("skip-sanitize-payload"),
                          "user u off skip-sanitize-payload resetchannels -@all"));
}

static void selectors_may_be_spread_over_words(void)
{
    CU_ASSERT_TRUE(prints(RULES("(+get", "~k1", "&ch)", "( +set allkeys allchannels )"),
                          "user u off resetchannels -@all (~k1 resetchannels &ch -@all +get) "
                          "(~* &* -@all +set)"));
    CU_ASSERT_TRUE(prints(RULES("()", "( )", "clearselectors", "()"),
                          "user u off resetchannels -@all (resetchannels -@all)"));
    CU_ASSERT_TRUE(refuses(RULES("(~a"), "(~a", NULL));
    CU_ASSERT_TRUE(refuses(RULES("+get", "(~a +get", ") foo"), "(~a +get", NULL));
    CU_ASSERT_TRUE(refuses(RULES("("), "(", NULL));
    CU_ASSERT_TRUE(refuses(RULES("(foo", "bar)"), "(foo bar)", "Syntax error"));
    CU_ASSERT_TRUE(refuses(RULES("(+get", "(+set)", ")"), "(+get (+set)", "Syntax error"));
    CU_ASSERT_TRUE(refuses(RULES("(on)"), "(on)", "Syntax error"));
    CU_ASSERT_TRUE(refuses(RULES("((+get))"), "((+get))", "Syntax error"));
    CU_ASSERT_TRUE(refuses(RULES(")"), ")", "Syntax error"));
    CU_ASSERT_TRUE(refuses(RULES("(~a) +get)"), "(~a) +get)", "Syntax error"));
}

static void bad_passwords_are_refused_in_redis_words(void)
{
    static const char digest[] = "The password hash must be exactly 64 characters and contain only "
                                 "lowercase hexadecimal characters";
    static const char gone[] =
        "The password you are trying to remove from the user does not exist";
    static const char upper[] = "#148DE9c5a7a44d19e56cd9ae1a554bf67847afb0c58f6e12fa29ac7ddfca9940";

    CU_ASSERT_TRUE(refuses(RULES("#3434"), "#3434", digest));
    CU_ASSERT_TRUE(refuses(RULES("!3434"), "!3434", digest));
    CU_ASSERT_TRUE(refuses(RULES(upper), upper, digest));
    CU_ASSERT_TRUE(refuses(RULES(">a", "<b"), "<b", gone));
}

static void what_goes_furthest_is_blamed(void)
{
    struct user *user = made_of(RULES("+mget", "~key", "(+mget ~key ~other)", "&c*", "+publish"));

    CU_ASSERT_TRUE(denied(user, DENIED_COMMAND, 0, RULES("get", "key")));
    CU_ASSERT_TRUE(denied(user, DENIED_NOTHING, 0, RULES("mget", "key", "other")));
    CU_ASSERT_TRUE(denied(user, DENIED_KEY, 2, RULES("mget", "other", "some")));
    CU_ASSERT_TRUE(denied(user, DENIED_KEY, 3, RULES("mget", "key", "other", "some")));
    CU_ASSERT_TRUE(denied(user, DENIED_CHANNEL, 1, RULES("publish", "d", "x")));
    CU_ASSERT_TRUE(denied(user, DENIED_NOTHING, 0, RULES("publish", "c", "x")));
    user_free(user);
}

static void signing_in_is_never_denied_and_odd_words_have_no_keys(void)
{
    struct user *user = made_of(RULES("-@all"));

    CU_ASSERT_TRUE(denied(user, DENIED_NOTHING, 0, RULES("auth", "x")));
    CU_ASSERT_TRUE(denied(user, DENIED_NOTHING, 0, RULES("hello", "3")));
    CU_ASSERT_PTR_NULL(user_apply(user, SLICE("+eval"), false));
    CU_ASSERT_TRUE(denied(user, DENIED_KEY, 3, RULES("eval", "", "1", "k")));
    CU_ASSERT_TRUE(denied(user, DENIED_NOTHING, 0, RULES("eval", "", "3", "k", "k")));
    user_free(user);
}

static void reading_all_takes_one_selector_for_both(void)
{
    struct slice words[] = { SLICE("sort"), SLICE("mylist") };
    const struct command *sort = command_find(words, 2);
    struct user *user = made_of(RULES("(+sort ~mylist)", "(+get ~*)"));

    CU_ASSERT_FALSE(user_may_read_all(user, sort, words, 2));
    CU_ASSERT_PTR_NULL(user_apply(user, SLICE("(+sort ~mylist %W~*)"), false));
    CU_ASSERT_FALSE(user_may_read_all(user, sort, words, 2));
    CU_ASSERT_PTR_NULL(user_apply(user, SLICE("(+sort ~mylist %R~*)"), false));
    CU_ASSERT_TRUE(user_may_read_all(user, sort, words, 2));
    user_free(user);
}

static void a_copy_is_the_same_and_its_own(void)
{
    struct user *user = made_of(RULES("on", ">p", "~a", "&b", "+@read", "+select|0", "(+get ~b)"));
    struct user *copy = user_copy(user);

    CU_ASSERT_TRUE(user_equal(user, copy));
    CU_ASSERT_PTR_NULL(user_apply(copy, SLICE("reset"), false));
    CU_ASSERT_FALSE(user_equal(user, copy));
    user_swap(user, copy);
    CU_ASSERT_FALSE(user_is_on(user));
    CU_ASSERT_TRUE(user_is_on(copy));
    user_free(copy);
    user_free(user);
}

static void names_are_one_word(void)
{
    CU_ASSERT_TRUE(user_name_is_fine(SLICE("alice")));
    CU_ASSERT_TRUE(user_name_is_fine(SLICE("\xff")));
    CU_ASSERT_FALSE(user_name_is_fine(SLICE("a b")));
    CU_ASSERT_FALSE(user_name_is_fine(SLICE("a\nb")));
    CU_ASSERT_FALSE(user_name_is_fine(slice_of("a\0b", 3)));
    CU_ASSERT_FALSE(user_name_is_fine(SLICE("")));
}

void suite_user(void)
{
    CU_pSuite suite = CU_add_suite("user", NULL, NULL);

    CU_add_test(suite, "passwords are kept as digests", passwords_are_kept_as_digests);
    CU_add_test(suite, "the right password lets in", the_right_password_lets_in);
    CU_add_test(suite, "flags are printed in their order", flags_are_printed_in_their_order);
    CU_add_test(suite, "selectors may be spread over words", selectors_may_be_spread_over_words);
    CU_add_test(suite, "bad passwords are refused in Redis's words",
                bad_passwords_are_refused_in_redis_words);
    CU_add_test(suite, "what goes furthest is blamed", what_goes_furthest_is_blamed);
    CU_add_test(suite, "signing in is never denied, and odd words have no keys",
                signing_in_is_never_denied_and_odd_words_have_no_keys);
    CU_add_test(suite, "reading all takes one selector for both",
                reading_all_takes_one_selector_for_both);
    CU_add_test(suite, "a copy is the same and its own", a_copy_is_the_same_and_its_own);
    CU_add_test(suite, "names are one word", names_are_one_word);
}
