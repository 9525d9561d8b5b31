#include <CUnit/CUnit.h>

#include "broker/config/options.h"

void suite_options(void);

/* Parses one word into one option and tells whether it was accepted. */
static bool set(struct options *options, const char *name, const char *value,
                struct trouble *trouble)
{
    struct slice word = slice_text(value);

    return options_parse(options, options_find(slice_text(name)), &word, 1, trouble);
}

/* Whether setting fails with just this reason. */
static bool refuses(const char *name, const char *value, const char *reason)
{
    struct options options;
    struct trouble trouble = { 0 };
    bool fine;

    options_init(&options);
    fine = !set(&options, name, value, &trouble) && strcmp(trouble.text, reason) == 0;
    options_clear(&options);
    return fine;
}

/* Whether a value, once set, is shown like this. */
static bool shows(const char *name, const char *value, const char *shown)
{
    struct options options;
    struct trouble trouble;
    struct buffer text = { 0 };
    bool fine;

    options_init(&options);
    fine = set(&options, name, value, &trouble);
    options_print(&options, options_find(slice_text(name)), &text);
    fine = fine && slice_equal(buffer_slice(&text), slice_text(shown));
    buffer_clear(&text);
    options_clear(&options);
    return fine;
}

static void every_value_shown_is_accepted_and_shown_again(void)
{
    struct options options;
    struct options other;

    options_init(&options);
    options_init(&other);
    for (size_t i = 0; i < options_count(); i++) {
        const struct option *option = options_at(i);
        struct buffer shown = { 0 };
        struct trouble trouble = { 0 };
        struct slice word;

        buffer_reserve(&shown, 1);
        options_print(&options, option, &shown);
        word = buffer_slice(&shown);
        CU_ASSERT_TRUE(options_parse(&other, option, &word, 1, &trouble));
        CU_ASSERT_TRUE(options_equal(&options, &other, option));
        CU_ASSERT_PTR_EQUAL(options_find(slice_text(option->name)), option);
        if (option->alias != NULL)
            CU_ASSERT_PTR_EQUAL(options_find(slice_text(option->alias)), option);
        buffer_clear(&shown);
    }
    options_clear(&options);
    options_clear(&other);
}

static void values_are_read_and_shown_as_redis_does(void)
{
    CU_ASSERT_TRUE(shows("appendonly", "YES", "yes"));
    CU_ASSERT_TRUE(shows("hz", "0", "1"));
    CU_ASSERT_TRUE(shows("hz", "99999", "500"));
    CU_ASSERT_TRUE(shows("client-query-buffer-limit", "1mB", "1048576"));
    CU_ASSERT_TRUE(shows("list-max-ziplist-size", "-3", "-3"));
    CU_ASSERT_TRUE(shows("unixsocketperm", "700", "700"));
    CU_ASSERT_TRUE(shows("appendfsync", "ALWAYS", "always"));
    CU_ASSERT_TRUE(shows("bind", "127.0.0.1  ::1", "127.0.0.1 ::1"));
    CU_ASSERT_TRUE(shows("bind", "", ""));
    CU_ASSERT_TRUE(shows("notify-keyspace-events", "KEA", "AKE"));
    CU_ASSERT_TRUE(shows("notify-keyspace-events", "KEAm", "AKEm"));
    CU_ASSERT_TRUE(shows("notify-keyspace-events", "coE", "Eoc"));
    CU_ASSERT_TRUE(shows("notify-keyspace-events", "Ex$", "$xE"));
    CU_ASSERT_TRUE(shows("client-output-buffer-limit", "normal 1mb 2mb 60",
                         "normal 1048576 2097152 60 slave 268435456 67108864 60 "
                         "pubsub 33554432 8388608 60"));
    CU_ASSERT_TRUE(shows("client-output-buffer-limit", "replica 0 0 0 pubsub 1 2 3",
                         "normal 0 0 0 slave 0 0 0 pubsub 1 2 3"));
}

static void bad_values_are_refused_in_redis_words(void)
{
    CU_ASSERT_TRUE(refuses("hz", "abc", "argument couldn't be parsed into an integer"));
    CU_ASSERT_TRUE(refuses("hz", "+1", "argument couldn't be parsed into an integer"));
    CU_ASSERT_TRUE(refuses("hz", "", "argument couldn't be parsed into an integer"));
    CU_ASSERT_TRUE(refuses("hz", "-1", "argument must be between 0 and 2147483647 inclusive"));
    CU_ASSERT_TRUE(refuses("appendonly", "maybe", "argument must be 'yes' or 'no'"));
    CU_ASSERT_TRUE(refuses("appendfsync", "x",
                           "argument(s) must be one of the following: everysec, always, no"));
    CU_ASSERT_TRUE(refuses("proto-max-bulk-len", "-1", "argument must be a memory value"));
    CU_ASSERT_TRUE(
        refuses("unixsocketperm", "999", "argument couldn't be parsed as an octal number"));
    CU_ASSERT_TRUE(
        refuses("appendfilename", "a/b", "appendfilename can't be a path, just a filename"));
    CU_ASSERT_TRUE(refuses("appenddirname", "", "appenddirname can't be empty"));
    CU_ASSERT_TRUE(refuses("notify-keyspace-events", "q",
                           "Invalid event class character. Use 'Ag$lshzxeKEtmdn'."));
    CU_ASSERT_TRUE(refuses("client-output-buffer-limit", "normal 1 2",
                           "Wrong number of arguments in buffer limit configuration."));
    CU_ASSERT_TRUE(refuses("client-output-buffer-limit", "foo 1 2 3",
                           "Invalid client class specified in buffer limit configuration."));
    CU_ASSERT_TRUE(
        refuses("bind", "1 2 3 4 5 6 7 8 9 a b c d e f g h", "Too many bind addresses specified."));
}

static void what_does_not_exist_yet_is_refused_and_not_ignored(void)
{
    CU_ASSERT_TRUE(
        refuses("cluster-enabled", "yes", "'yes' is not supported yet: there is no cluster mode"));
    CU_ASSERT_TRUE(refuses("save", "900", "Invalid save parameters"));
    CU_ASSERT_TRUE(shows("save", "900 1 60 5", "900 1 60 5"));
    CU_ASSERT_TRUE(shows("save", "", ""));
    CU_ASSERT_TRUE(shows("cluster-enabled", "NO", "no"));
    CU_ASSERT_TRUE(shows("slave-read-only", "no", "no"));
    CU_ASSERT_TRUE(shows("sanitize-dump-payload", "clients", "no"));
    CU_ASSERT_TRUE(shows("replicaof", "NO ONE", ""));
    CU_ASSERT_TRUE(shows("slaveof", "10.0.0.1 6380", "10.0.0.1 6380"));
    CU_ASSERT_TRUE(refuses("replicaof", "10.0.0.1 65536", "Invalid master port"));
    CU_ASSERT_TRUE(refuses("replicaof", "10.0.0.1", "wrong number of arguments"));
    CU_ASSERT_TRUE(refuses("sanitize-dump-payload", "no|yes",
                           "'no|yes' is not supported yet: what is loaded is always checked to "
                           "the last byte"));
}

static void a_text_with_a_nul_byte_is_refused(void)
{
    struct options options;
    struct trouble trouble;
    struct slice word = SLICE("a\0b");

    options_init(&options);
    CU_ASSERT_FALSE(
        options_parse(&options, options_find(SLICE("unixsocket")), &word, 1, &trouble));
    CU_ASSERT_FALSE(options_parse(&options, options_find(SLICE("bind")), &word, 1, &trouble));
    CU_ASSERT_STRING_EQUAL(options.unixsocket, "");
    options_clear(&options);
}

static void a_copy_shares_nothing(void)
{
    struct options one;
    struct options two;
    struct trouble trouble;

    options_init(&one);
    CU_ASSERT_TRUE(set(&one, "requirepass", "secret", &trouble));
    options_copy(&two, &one);
    options_clear(&one);
    CU_ASSERT_STRING_EQUAL(two.requirepass.at, "secret");
    CU_ASSERT_EQUAL(two.bind.count, 2);
    CU_ASSERT_STRING_EQUAL(two.bind.at[1], "-::*");
    options_clear(&two);
}

void suite_options(void)
{
    CU_pSuite suite = CU_add_suite("options", NULL, NULL);

    CU_add_test(suite, "every value shown is accepted and shown again",
                every_value_shown_is_accepted_and_shown_again);
    CU_add_test(suite, "values are read and shown as Redis does",
                values_are_read_and_shown_as_redis_does);
    CU_add_test(suite, "bad values are refused in Redis's words",
                bad_values_are_refused_in_redis_words);
    CU_add_test(suite, "what does not exist yet is refused and not ignored",
                what_does_not_exist_yet_is_refused_and_not_ignored);
    CU_add_test(suite, "a text with a NUL byte is refused", a_text_with_a_nul_byte_is_refused);
    CU_add_test(suite, "a copy shares nothing", a_copy_shares_nothing);
}
