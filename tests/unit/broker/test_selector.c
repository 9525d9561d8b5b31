#include <CUnit/CUnit.h>

#include "broker/acl/selector.h"
#include "storage/base/random.h"

void suite_selector(void);

/* A selector after rules with blanks between; NULL if one cannot be followed. */
static struct selector *made_of(const char *rules)
{
    struct selector *selector = selector_new(false);
    struct slice left = slice_text(rules);

    while (left.len > 0) {
        const char *blank = memchr(left.at, ' ', left.len);
        size_t len = blank != NULL ? (size_t)(blank - left.at) : left.len;

        if (selector_apply(selector, slice_of(left.at, len)) != NULL) {
            selector_free(selector);
            return NULL;
        }
        left = slice_after(left, blank != NULL ? len + 1 : len);
    }
    selector_settle(selector);
    selector_check(selector);
    return selector;
}

static bool prints(const char *rules, const char *text)
{
    struct selector *selector = made_of(rules);
    struct buffer printed = { 0 };
    bool same;

    if (selector == NULL)
        return false;
    selector_print(selector, &printed);
    same = slice_equal(buffer_slice(&printed), slice_text(text));
    buffer_clear(&printed);
    selector_free(selector);
    return same;
}

static bool complains(const char *rule, const char *sentence)
{
    struct selector *selector = selector_new(false);
    const char *said = selector_apply(selector, slice_text(rule));
    bool same = said != NULL && strcmp(said, sentence) == 0;

    selector_check(selector);
    selector_free(selector);
    return same;
}

static bool allows(const char *rules, const char *first, const char *second)
{
    struct selector *selector = made_of(rules);
    struct slice words[] = { slice_text(first), slice_text(second) };
    const struct command *command = command_find(words, 2);
    bool may;

    if (selector == NULL || command == NULL)
        return false;
    may = selector_allows_command(selector, command, words, 2);
    selector_free(selector);
    return may;
}

static bool allows_key(const char *rules, const char *key, uint32_t flags)
{
    struct selector *selector = made_of(rules);
    bool may = selector_allows_key(selector, slice_text(key), flags);

    selector_free(selector);
    return may;
}

static void commands_and_categories_are_allowed_and_denied_in_order(void)
{
    CU_ASSERT_TRUE(allows("+get", "get", "k"));
    CU_ASSERT_FALSE(allows("+get", "set", "k"));
    CU_ASSERT_TRUE(allows("+@all -@string +get", "get", "k"));
    CU_ASSERT_FALSE(allows("+@all -@string +get", "set", "k"));
    CU_ASSERT_FALSE(allows("+get -@all", "get", "k"));
    CU_ASSERT_TRUE(allows("ALLCOMMANDS", "get", "k"));
    CU_ASSERT_FALSE(allows("allcommands nocommands", "get", "k"));
    CU_ASSERT_TRUE(allows("+GET", "GeT", "k"));
}

static void a_container_is_all_of_its_subcommands(void)
{
    CU_ASSERT_TRUE(allows("+config", "config", "get"));
    CU_ASSERT_TRUE(allows("+config -config|set", "config", "get"));
    CU_ASSERT_FALSE(allows("+config -config|set", "config", "set"));
    CU_ASSERT_TRUE(allows("+config|set", "CONFIG", "SET"));
    CU_ASSERT_FALSE(allows("+config|set", "config", "get"));
}

static void a_first_word_is_an_exception_to_a_denial(void)
{
    CU_ASSERT_TRUE(allows("+select|0", "select", "0"));
    CU_ASSERT_FALSE(allows("+select|0", "select", "1"));
    CU_ASSERT_FALSE(allows("+select|0 -select", "select", "0"));
    CU_ASSERT_FALSE(allows("+select|0 -@connection", "select", "0"));
    CU_ASSERT_TRUE(prints("+select|0 +select|1 +select|0", "resetchannels -@all +select|0 +select|1"));
    CU_ASSERT_TRUE(prints("+select|0 +select", "resetchannels -@all +select"));
    CU_ASSERT_TRUE(prints("+@all +select|0", "resetchannels +@all"));
}

static void rules_that_matter_no_longer_are_not_printed(void)
{
    CU_ASSERT_TRUE(prints("", "resetchannels -@all"));
    CU_ASSERT_TRUE(prints("-@all +@string +@hash -hget",
                          "resetchannels -@all +@string +@hash -hget"));
    CU_ASSERT_TRUE(prints("+@hash +hset +hget", "resetchannels -@all +@hash"));
    CU_ASSERT_TRUE(prints("+hset +hget +@hash", "resetchannels -@all +@hash"));
    CU_ASSERT_TRUE(prints("+@all +get +set -get", "resetchannels +@all -get"));
    CU_ASSERT_TRUE(prints("+@read -@read", "resetchannels -@all"));
    CU_ASSERT_TRUE(prints("+@all -get +get", "resetchannels +@all"));
    CU_ASSERT_TRUE(prints("+client|id +client|kill -client|id", "resetchannels -@all +client|kill"));
    CU_ASSERT_TRUE(prints("+memory|doctor +memory", "resetchannels -@all +memory"));
    CU_ASSERT_TRUE(prints("+@all -@dangerous +config|get +debug|object -config",
                          "resetchannels +@all -@dangerous -config +debug|object"));
}

static void keys_are_matched_by_what_is_done_to_them(void)
{
    CU_ASSERT_TRUE(allows_key("~a*", "ab", KEY_ACCESS | KEY_UPDATE));
    CU_ASSERT_FALSE(allows_key("~a*", "b", 0));
    CU_ASSERT_TRUE(allows_key("%R~a*", "ab", KEY_ACCESS));
    CU_ASSERT_FALSE(allows_key("%R~a*", "ab", KEY_UPDATE));
    CU_ASSERT_TRUE(allows_key("%W~a*", "ab", KEY_INSERT));
    CU_ASSERT_FALSE(allows_key("%W~a*", "ab", KEY_ACCESS | KEY_INSERT));
    /* Who may only ask whether it is there needs either way. */
    CU_ASSERT_TRUE(allows_key("%W~a*", "ab", 0));
    /* Two rules do not add up to one. */
    CU_ASSERT_FALSE(allows_key("%R~a* %W~ab", "ab", KEY_ACCESS | KEY_UPDATE));
    CU_ASSERT_TRUE(allows_key("%R~ab %W~ab", "ab", KEY_ACCESS | KEY_UPDATE));
    CU_ASSERT_FALSE(allows_key("allkeys resetkeys", "ab", 0));
}

static void patterns_are_printed_in_their_order(void)
{
    CU_ASSERT_TRUE(prints("~a* %R~b* %W~c* %RW~d* %wr~e* %R~f %W~f &x &y* &x",
                          "~a* %R~b* %W~c* ~d* ~e* ~f resetchannels &x &y* -@all"));
    CU_ASSERT_TRUE(prints("allkeys allchannels +@all", "~* &* +@all"));
    CU_ASSERT_TRUE(prints("~a ~* &a &*", "~* &* -@all"));
    CU_ASSERT_TRUE(prints("%R~* %W~*", "~* resetchannels -@all"));
    CU_ASSERT_TRUE(prints("%R~* ~b", "%R~* ~b resetchannels -@all"));
}

static void what_makes_no_sense_is_refused_in_redis_words(void)
{
    static const char unknown[] = "Unknown command or category name in ACL";
    static const char syntax[] = "Syntax error";
    static const char *const unknowns[] = { "+nosuch", "-nosuch", "+@nosuch", "+config|nosuch",
                                            "+get|a|b", "-get|a", "+|", "+", "-", "-select|0" };
    static const char *const wrongs[] = { "foo", "+get|", "%", "%~", "%R", "%X~a", "%RR~a",
                                          "~a b", "&a b", "@all", "(", ")", "on" };

    for (size_t i = 0; i < sizeof(unknowns) / sizeof(unknowns[0]); i++)
        CU_ASSERT_TRUE(complains(unknowns[i], unknown));
    for (size_t i = 0; i < sizeof(wrongs) / sizeof(wrongs[0]); i++)
        CU_ASSERT_TRUE(complains(wrongs[i], syntax));
    CU_ASSERT_TRUE(complains("+config|get|x", "Allowing first-arg of a subcommand is not supported"));
    CU_ASSERT_PTR_NULL(made_of("~* ~a"));
    CU_ASSERT_PTR_NULL(made_of("&* &a"));
}

static void only_a_literal_pattern_may_be_subscribed_to(void)
{
    struct selector *selector = made_of("&news:* &a");

    CU_ASSERT_TRUE(selector_allows_channel(selector, SLICE("news:1"), false));
    CU_ASSERT_TRUE(selector_allows_channel(selector, SLICE("news:*"), true));
    CU_ASSERT_FALSE(selector_allows_channel(selector, SLICE("news:1*"), true));
    CU_ASSERT_FALSE(selector_allows_channel(selector, SLICE("b"), false));
    selector_free(selector);
}

static void only_all_of_everything_needs_no_looking_up(void)
{
    static const char *const less[] = { "+@all ~*", "+@all &*", "~* &*", "+@all ~* &* -get" };
    struct selector *selector = made_of("+@all ~* &* -get +get");

    CU_ASSERT_TRUE(selector_allows_all(selector));
    selector_free(selector);
    for (size_t i = 0; i < sizeof(less) / sizeof(less[0]); i++) {
        selector = made_of(less[i]);
        CU_ASSERT_FALSE(selector_allows_all(selector));
        selector_free(selector);
    }
}

/* One more random rule on a command, subcommand or category. */
static void add_random_rule(struct random *random, struct selector *selector, uint64_t *bits)
{
    bool allow = random_below(random, 2) == 0;
    bool category = random_below(random, 4) == 0;
    size_t which = random_below(random, category ? CATEGORY_COUNT : command_count());
    struct buffer rule = { 0 };
    const char *wrong;

    buffer_print(&rule, "%c%s%s", allow ? '+' : '-', category ? "@" : "",
                 category ? command_category_name((enum command_category)which)
                          : command_at(which)->full_name);
    wrong = selector_apply(selector, buffer_slice(&rule));
    CU_ASSERT_PTR_NULL(wrong);
    buffer_clear(&rule);
    for (size_t i = 0; i < command_count(); i++) {
        const struct command *command = command_at(i);
        bool hit = category ? (command->categories >> which & 1) != 0
                            : i == which || (command->parent != NULL &&
                                             command->parent->index == which);

        if (hit)
            bits[i] = allow;
    }
}

static bool agrees(const struct selector *selector, const uint64_t *bits)
{
    struct slice word = SLICE("x");

    for (size_t i = 0; i < command_count(); i++) {
        if (selector_allows_command(selector, command_at(i), &word, 1) != (bits[i] != 0))
            return false;
    }
    return true;
}

static void random_rules_give_the_same_as_a_naive_list_and_survive_printing(void)
{
    struct random random;
    struct selector *selector = selector_new(false);
    uint64_t bits[1024] = { 0 };

    random_seed(&random, 7);
    CU_ASSERT_FATAL(command_count() <= 1024);
    for (int step = 0; step < 400; step++) {
        struct buffer text = { 0 };
        struct selector *again;

        add_random_rule(&random, selector, bits);
        selector_check(selector);
        if (step % 3 == 0)
            selector_settle(selector);
        selector_check(selector);
        CU_ASSERT_TRUE(agrees(selector, bits));
        selector_print(selector, &text);
        buffer_add_byte(&text, '\0');
        again = made_of(text.at);
        CU_ASSERT_TRUE(again != NULL && selector_equal(selector, again));
        selector_free(again);
        buffer_clear(&text);
        if (step % 100 == 99) {
            again = selector_copy(selector);
            selector_free(selector);
            selector = again;
        }
    }
    selector_free(selector);
}

void suite_selector(void)
{
    CU_pSuite suite = CU_add_suite("selector", NULL, NULL);

    CU_add_test(suite, "commands and categories are allowed and denied in order",
                commands_and_categories_are_allowed_and_denied_in_order);
    CU_add_test(suite, "a container is all of its subcommands",
                a_container_is_all_of_its_subcommands);
    CU_add_test(suite, "a first word is an exception to a denial",
                a_first_word_is_an_exception_to_a_denial);
    CU_add_test(suite, "rules that matter no longer are not printed",
                rules_that_matter_no_longer_are_not_printed);
    CU_add_test(suite, "keys are matched by what is done to them",
                keys_are_matched_by_what_is_done_to_them);
    CU_add_test(suite, "patterns are printed in their order", patterns_are_printed_in_their_order);
    CU_add_test(suite, "what makes no sense is refused in Redis's words",
                what_makes_no_sense_is_refused_in_redis_words);
    CU_add_test(suite, "only a literal pattern may be subscribed to",
                only_a_literal_pattern_may_be_subscribed_to);
    CU_add_test(suite, "only all of everything needs no looking up",
                only_all_of_everything_needs_no_looking_up);
    CU_add_test(suite, "random rules give the same as a naive list and survive printing",
                random_rules_give_the_same_as_a_naive_list_and_survive_printing);
}
