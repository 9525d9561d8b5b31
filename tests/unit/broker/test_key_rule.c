/* Which words are keys: as COMMAND GETKEYSANDFLAGS of redis-server 7.0.15 says. */
#include <CUnit/Basic.h>
#include <stdbool.h>
#include <stdio.h>
#include <string.h>

#include "broker/dispatch/command.h"

void suite_key_rule(void);

enum { WORDS_MAX = 12, TOLD_MAX = 256 };

struct request_case {
    const char *words[WORDS_MAX]; /* ends with NULL */
    const char *keys;             /* word:flag,flag ... or "none" */
};

/* clang-format off */
static const struct request_case cases[] = {
    { { "xread", "streams", "a", "b", "0", "0" },
      "a:RO,access b:RO,access" },
    { { "xread", "count", "2", "streams", "a", "0" },
      "a:RO,access" },
    { { "xread", "streams", "streams", "a", "0" },
      "streams:RO,access" },
    { { "xread", "block", "3", "a", "0" },
      "none" },
    { { "xreadgroup", "group", "streams", "c", "streams", "k", ">" },
      "k:RO,access" },
    { { "eval", "s", "0" },
      "none" },
    { { "eval", "s", "2", "a" },
      "none" },
    { { "eval", "s", "x", "a" },
      "none" },
    { { "eval", "s", "-1", "a" },
      "none" },
    { { "eval", "s", "2", "a", "b", "c" },
      "a:RW,access,update b:RW,access,update" },
    { { "sort", "k" },
      "k:RO,access" },
    { { "sort", "k", "store", "d" },
      "k:RO,access d:OW,update" },
    { { "sort", "k", "by", "b", "limit", "1", "2", "get", "store", "store", "d" },
      "k:RO,access d:OW,update" },
    { { "sort", "k", "store", "d", "store", "e" },
      "k:RO,access e:OW,update" },
    { { "sort", "k", "get" },
      "k:RO,access" },
    { { "sort", "k", "store" },
      "k:RO,access" },
    { { "sort_ro", "k", "by", "x" },
      "k:RO,access" },
    { { "migrate", "h", "1", "k", "0", "1" },
      "k:RW,access,delete" },
    { { "migrate", "h", "1", "", "0", "1", "keys", "a", "b" },
      "a:RW,access,delete b:RW,access,delete" },
    { { "migrate", "h", "1", "k", "0", "1", "keys", "a", "b" },
      "none" },
    { { "zunionstore", "d", "2", "a", "b", "weights", "1", "2" },
      "d:OW,update a:RO,access b:RO,access" },
    { { "zunionstore", "d", "3", "a", "b" },
      "none" },
    { { "set", "a", "b", "get" },
      "a:RW,access,update" },
    { { "set", "a", "b" },
      "a:OW,update" },
    { { "set", "a", "b", "ex", "10" },
      "a:OW,update" },
    { { "set", "a", "b", "EX", "get" },
      "a:RW,access,update" },
    { { "bitfield", "k", "get", "u8", "0" },
      "k:RO,access" },
    { { "bitfield", "k", "get", "u8", "0", "set", "u8", "0", "1" },
      "k:RW,access,update" },
    { { "bitfield", "k" },
      "k:RO,access" },
    { { "bitfield", "k", "overflow", "wrap" },
      "k:RO,access" },
    { { "georadius", "k", "1", "2", "3", "m", "store", "d" },
      "k:RO,access d:OW,update" },
    { { "georadius", "k", "1", "2", "3", "m", "storedist", "d", "store", "e" },
      "k:RO,access e:OW,update d:OW,update" },
    { { "georadius", "k", "1", "2", "3", "m", "withdist" },
      "k:RO,access" },
    { { "georadiusbymember", "k", "m", "3", "m", "store", "d" },
      "k:RO,access d:OW,update" },
    { { "memory", "usage", "k" },
      "k:RO" },
    { { "lmpop", "2", "a", "b", "left" },
      "a:RW,access,delete b:RW,access,delete" },
    { { "lmpop", "0", "a", "left" },
      "none" },
    { { "lmpop", "2", "a", "left" },
      "a:RW,access,delete left:RW,access,delete" },
    { { "blmpop", "0", "2", "a", "b", "left" },
      "a:RW,access,delete b:RW,access,delete" },
    { { "ssubscribe", "a", "b" },
      "none" },
    { { "spublish", "c", "m" },
      "none" },
    { { "xgroup", "create", "k", "g", "0" },
      "k:RW,insert" },
    { { "object", "encoding", "k" },
      "k:RO" },
    { { "mset", "a", "1", "b", "2" },
      "a:OW,update b:OW,update" },
    { { "mset", "a", "1", "b" },
      "a:OW,update b:OW,update" },
    { { "msetnx", "a", "1", "b", "2" },
      "a:OW,insert b:OW,insert" },
    { { "blpop", "a", "b", "0" },
      "a:RW,access,delete b:RW,access,delete" },
    { { "rename", "a", "b" },
      "a:RW,access,delete b:OW,update" },
    { { "copy", "a", "b", "db", "3" },
      "a:RO,access b:OW,update" },
    { { "fcall", "f", "1", "k" },
      "k:RW,access,update" },
    { { "bitop", "and", "d", "a", "b" },
      "d:OW,update a:RO,access b:RO,access" },
    { { "pfmerge", "d", "a", "b" },
      "d:RW,access,insert a:RO,access b:RO,access" },
    { { "smove", "a", "b", "m" },
      "a:RW,access,delete b:RW,insert" },
    { { "restore", "k", "0", "v" },
      "k:OW,update" },
    { { "sintercard", "2", "a", "b", "limit", "1" },
      "a:RO,access b:RO,access" },
    { { "debug", "object", "k" },
      "none" },
    { { "config", "get", "k" },
      "none" },
    { { "del", "a", "b", "c" },
      "a:RM,delete b:RM,delete c:RM,delete" },
    { { "publish", "c", "m" },
      "none" },
    { { "zdiffstore", "d", "1", "a" },
      "d:OW,update a:RO,access" },
    { { "eval_ro", "s", "1", "k" },
      "k:RO,access" },
    { { "eval", "s", "0", "k" },
      "none" },
    { { "zmpop", "1", "a", "min", "count", "2" },
      "a:RW,access,delete" },
    { { "migrate", "h", "1", "", "0", "1", "auth", "keys", "keys", "a" },
      "a:RW,access,delete" },
    { { "migrate", "h", "1", "", "0", "1", "auth2", "keys", "x", "keys", "a" },
      "a:RW,access,delete" },
    { { "migrate", "h", "1", "", "0", "1" },
      ":RW,access,delete" },
    { { "bitfield_ro", "k", "get", "u8", "0" },
      "k:RO,access" },
    { { "bitfield", "k", "foo" },
      "k:RW,access,update" },
    { { "bitfield", "k", "get", "u8" },
      "k:RW,access,update" },
    { { "bitfield", "k", "set", "u8", "0" },
      "k:RW,access,update" },
    { { "migrate", "h", "1", "", "0", "1", "keys" },
      ":RW,access,delete" },
    { { "migrate", "h", "1", "k", "0", "1", "copy", "keys" },
      "k:RW,access,delete" },
    { { "xread", "count", "1", "streams" },
      "none" },
    { { "sort", "k", "limit", "1", "store", "x" },
      "k:RO,access" },
    { { "sort", "k", "asc", "store", "x" },
      "k:RO,access x:OW,update" },
    { { "zunionstore", "d", "0", "a" },
      "none" },
    { { "zunionstore", "d", "-1", "a" },
      "none" },
    { { "zunionstore", "d", "x", "a" },
      "none" },
    { { "XREAD", "COUNT", "1", "Streams", "a", "b", "c", "0", "0", "0" },
      "a:RO,access b:RO,access c:RO,access" },
    { { "xread", "streams", "a", "b", "0" },
      "a:RO,access" },
    { { "georadius", "k", "1", "2", "3", "m", "store" },
      "k:RO,access" },
    { { "object", "help" },
      "none" },
    { { "GeoRadiusByMember", "k", "m", "1", "m", "STOREDIST", "x" },
      "k:RO,access x:OW,update" },
    { { "msetnx", "a", "b" },
      "a:OW,insert" },
    { { "lcs", "a", "b" },
      "a:RO,access b:RO,access" },
    { { "spop", "k" },
      "k:RW,access,delete" },
    { { "xinfo", "stream", "k", "full" },
      "k:RO,access" },
    { { "bzpopmin", "a", "b", "c", "0" },
      "a:RW,access,delete b:RW,access,delete c:RW,access,delete" },
    { { "brpoplpush", "a", "b", "0" },
      "a:RW,access,delete b:RW,insert" },
    { { "blmove", "a", "b", "left", "right", "0" },
      "a:RW,access,delete b:RW,insert" },
    { { "lmove", "a", "b", "left", "right" },
      "a:RW,access,delete b:RW,insert" },
    { { "sdiff", "a", "b", "c" },
      "a:RO,access b:RO,access c:RO,access" },
    { { "sinterstore", "d", "a", "b" },
      "d:RW,update a:RO,access b:RO,access" },
    { { "zrangestore", "a", "b", "0", "1" },
      "a:OW,update b:RO,access" },
    { { "xclaim", "k", "g", "c", "1", "1-1" },
      "k:RW,update" },
    { { "xautoclaim", "k", "g", "c", "0", "0" },
      "k:RW,delete" },
    { { "expire", "k", "1" },
      "k:RW,update" },
    { { "touch", "a", "b" },
      "a:RO b:RO" },
    { { "unlink", "a" },
      "a:RM,delete" },
    { { "watch", "a", "b" },
      "a:RO b:RO" },
    { { "getex", "k" },
      "k:RW,access,update" },
    { { "append", "k", "v" },
      "k:RW,insert" },
    { { "exists", "a", "b" },
      "a:RO b:RO" },
    { { "pfcount", "a", "b" },
      "a:RW,access b:RW,access" },
};
/* clang-format on */

static size_t take_words(const struct request_case *one, struct slice *words)
{
    size_t count = 0;

    while (count < WORDS_MAX && one->words[count] != NULL) {
        words[count] = slice_text(one->words[count]);
        count++;
    }
    return count;
}

static void tell(char *told, const char *text, size_t length)
{
    size_t used = strlen(told);

    if (used + length < TOLD_MAX) {
        memcpy(told + used, text, length);
        told[used + length] = '\0';
    }
}

/* Writes what a walk finds in the form of the cases. */
static void tell_keys(const struct command *command, const struct slice *words, size_t count,
                      char *told)
{
    struct key_walk walk;
    struct key_place place;

    told[0] = '\0';
    key_rule_begin(&walk, command, words, count, KEYS_ONLY);
    while (key_rule_next(&walk, &place)) {
        bool first = true;

        if (told[0] != '\0')
            tell(told, " ", 1);
        tell(told, words[place.word].at, words[place.word].len);
        for (unsigned bit = 0; bit < 11; bit++) {
            const char *name = key_flag_name((enum key_flags)(1u << bit));

            if ((place.flags & 1u << bit) == 0)
                continue;
            tell(told, first ? ":" : ",", 1);
            tell(told, name, strlen(name));
            first = false;
        }
    }
    if (key_rule_broken(&walk) || told[0] == '\0')
        memcpy(told, "none", 5);
}

static void test_agrees_with_the_oracle(void)
{
    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        struct slice words[WORDS_MAX];
        char told[TOLD_MAX];
        size_t count = take_words(&cases[i], words);
        const struct command *command = command_find(words, count);

        if (command == NULL || command_lacks_subcommand(command, count))
            continue; /* not written yet */
        tell_keys(command, words, count, told);
        if (strcmp(told, cases[i].keys) != 0)
            printf("\n  %s %s: %s, not %s\n", cases[i].words[0], cases[i].words[1], told,
                   cases[i].keys);
        CU_ASSERT_STRING_EQUAL(told, cases[i].keys);
    }
}

static void test_first_key_is_the_first_of_the_walk(void)
{
    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        struct slice words[WORDS_MAX];
        struct key_walk walk;
        struct key_place place;
        size_t count = take_words(&cases[i], words);
        const struct command *command = command_find(words, count);

        if (command == NULL || command_lacks_subcommand(command, count))
            continue;
        key_rule_begin(&walk, command, words, count, KEYS_ONLY);
        size_t first = key_rule_next(&walk, &place) ? place.word : 0;
        CU_ASSERT_EQUAL(key_rule_first(command, words, count), first);
    }
}

/* Rows of our own, so that this is tested before the commands are written. */
static void test_channels_are_seen_only_if_asked_for(void)
{
    static const struct key_rule rule = { .flags = KEY_NOT_KEY,
                                          .begin = KEY_BEGIN_INDEX,
                                          .find = KEY_FIND_RANGE,
                                          .index = 1,
                                          .last = -1,
                                          .step = 1 };
    static const struct command command = { .key_rules = &rule, .key_rule_count = 1 };
    const struct slice words[] = { SLICE("ssubscribe"), SLICE("a"), SLICE("b") };
    struct key_walk walk;
    struct key_place place;

    key_rule_begin(&walk, &command, words, 3, KEYS_ONLY);
    CU_ASSERT_FALSE(key_rule_next(&walk, &place));
    CU_ASSERT_EQUAL(key_rule_first(&command, words, 3), 0);
    key_rule_begin(&walk, &command, words, 3, KEYS_AND_CHANNELS);
    CU_ASSERT_TRUE(key_rule_next(&walk, &place));
    CU_ASSERT_EQUAL(place.word, 1);
    CU_ASSERT_TRUE(key_rule_next(&walk, &place));
    CU_ASSERT_EQUAL(place.word, 2);
    CU_ASSERT_FALSE(key_rule_next(&walk, &place));
    CU_ASSERT_FALSE(key_rule_broken(&walk));
}

static void test_counts_that_lie_break_the_walk(void)
{
    static const char *const lies[] = {
        "2", "-1", "x", "", "9223372036854775807", "9223372036854775808", "4294967297"
    };
    static const struct key_rule rule = { .flags = KEY_RO,
                                          .begin = KEY_BEGIN_INDEX,
                                          .find = KEY_FIND_COUNT,
                                          .index = 1,
                                          .first_at = 1,
                                          .step = 1 };
    static const struct command command = { .key_rules = &rule, .key_rule_count = 1 };

    for (size_t i = 0; i < sizeof(lies) / sizeof(lies[0]); i++) {
        const struct slice words[] = { SLICE("zunion"), slice_text(lies[i]), SLICE("a") };
        struct key_walk walk;
        struct key_place place;

        key_rule_begin(&walk, &command, words, 3, KEYS_ONLY);
        CU_ASSERT_FALSE(key_rule_next(&walk, &place));
        CU_ASSERT_TRUE(key_rule_broken(&walk));
    }
}

static void test_too_few_words_break_the_walk(void)
{
    static const struct key_rule rule = { .flags = KEY_RO,
                                          .begin = KEY_BEGIN_INDEX,
                                          .find = KEY_FIND_RANGE,
                                          .index = 1,
                                          .last = -2,
                                          .step = 1 };
    static const struct command command = { .key_rules = &rule, .key_rule_count = 1 };
    const struct slice words[] = { SLICE("blpop"), SLICE("0") };
    struct key_walk walk;
    struct key_place place;

    for (size_t count = 1; count <= 2; count++) {
        key_rule_begin(&walk, &command, words, count, KEYS_ONLY);
        CU_ASSERT_FALSE(key_rule_next(&walk, &place));
        CU_ASSERT_TRUE(key_rule_broken(&walk));
    }
}

void suite_key_rule(void)
{
    CU_pSuite suite = CU_add_suite("key_rule", NULL, NULL);

    CU_add_test(suite, "keys and their flags are those of the oracle", test_agrees_with_the_oracle);
    CU_add_test(suite, "the first key is the first of the walk",
                test_first_key_is_the_first_of_the_walk);
    CU_add_test(suite, "channels are seen only if asked for",
                test_channels_are_seen_only_if_asked_for);
    CU_add_test(suite, "counts that lie break the walk", test_counts_that_lie_break_the_walk);
    CU_add_test(suite, "too few words break the walk", test_too_few_words_break_the_walk);
}
