/*
 * Which words of a request are keys, and what is done to each of them.
 *
 * A rule says where a run of keys begins (a fixed word, or the word after a
 * keyword) and how it goes on (to a fixed last word, or as many as a count
 * says). These are the key specifications of COMMAND INFO, field by field, so
 * that the table can be shown to those who route by it. Rules cannot express four
 * commands (SORT with STORE, MIGRATE with KEYS, and SET and BITFIELD, whose access
 * depends on their words): a reader in key_rule.c knows each of them.
 *
 * Words are only looked at. Nothing here allocates, and a walk touches every
 * word at most twice, so that its cost is O(count).
 */
#ifndef BROKER_DISPATCH_KEY_RULE_H
#define BROKER_DISPATCH_KEY_RULE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "storage/base/slice.h"

struct command;

/* What a command does to a key. The names are those of COMMAND GETKEYSANDFLAGS. */
enum key_flags {
    KEY_RO = 1 << 0,         /* reads the value, never changes it */
    KEY_RW = 1 << 1,         /* reads and changes the value */
    KEY_OW = 1 << 2,         /* replaces the value without looking at it */
    KEY_RM = 1 << 3,         /* removes the value without looking at it */
    KEY_ACCESS = 1 << 4,     /* what the value holds comes out, in a reply or in another key */
    KEY_UPDATE = 1 << 5,     /* what the value holds is changed */
    KEY_INSERT = 1 << 6,     /* something is added, nothing that was there changes */
    KEY_DELETE = 1 << 7,     /* something is taken away */
    KEY_NOT_KEY = 1 << 8,    /* not a key, but routed as one: a shard channel */
    KEY_INCOMPLETE = 1 << 9, /* the rule may miss some keys */
    KEY_VARIABLE = 1 << 10,  /* the access depends on the other words */
};

/* Where a run of keys begins. */
enum key_begin {
    KEY_BEGIN_UNKNOWN, /* the words do not tell */
    KEY_BEGIN_INDEX,   /* at a fixed word */
    KEY_BEGIN_KEYWORD, /* behind a keyword */
};

/* How a run of keys goes on. */
enum key_find {
    KEY_FIND_UNKNOWN, /* the words do not tell */
    KEY_FIND_RANGE,   /* up to a last word */
    KEY_FIND_COUNT,   /* as many as a word says */
};

/* One run of keys. Plain data, made by the table generator, in the terms of COMMAND INFO. */
struct key_rule {
    uint16_t flags;      /* enum key_flags */
    uint8_t begin;       /* enum key_begin */
    uint8_t find;        /* enum key_find */
    int16_t index;       /* INDEX: the word where the run begins */
    int16_t start_from;  /* KEYWORD: where to look from; negative counts from the end, backwards */
    int16_t last;        /* RANGE: after the first key; negative counts from the end: -1 the last */
    int16_t limit;       /* RANGE: if last is -1, how much is left: 2 is the first half of it */
    int16_t count_at;    /* COUNT: where the count is, after the beginning */
    int16_t first_at;    /* COUNT: where the first key is, after the beginning */
    int16_t step;        /* from one key to the next */
    const char *keyword; /* KEYWORD: in capitals; any case matches */
};

/* Commands whose keys are not told by their rules alone. */
enum key_reader {
    KEY_READER_RULES,
    KEY_READER_SORT,     /* STORE may stand anywhere, the last one counts */
    KEY_READER_MIGRATE,  /* KEYS are keys only if the key argument is empty */
    KEY_READER_SET,      /* GET makes it read as well as write */
    KEY_READER_DELEX,    /* a condition makes it read as well as remove */
    KEY_READER_BITFIELD, /* nothing but GET makes it only read */
};

/* Which of the words a rule finds are wanted. */
enum key_scope {
    KEYS_ONLY,
    KEYS_AND_CHANNELS, /* shard channels too: cluster slots are made of both */
};

/* One key among the words. */
struct key_place {
    size_t word;    /* its position; word 0 is the command's name */
    uint32_t flags; /* enum key_flags */
};

/* A walk over the keys of a request; on the stack of whoever walks. */
struct key_walk {
    /* Private. */
    const struct command *command;
    const struct slice *words;
    size_t count;
    size_t next, last, step; /* the run under way, while next <= last */
    uint32_t flags;          /* of the run under way */
    uint8_t rule;            /* the next rule to begin */
    bool with_channels;
    bool broken;
};

/* Begins a walk. Both command and words are borrowed until its end. O(1). */
void key_rule_begin(struct key_walk *walk, const struct command *command, const struct slice *words,
                    size_t count, enum key_scope scope);

/*
 * Finds the next key, in the order of the rules. Returns false at the end, and
 * also where the words make no sense (a count that is no number, or promises
 * more keys than there are words): key_rule_broken then tells.
 */
bool key_rule_next(struct key_walk *walk, struct key_place *place);

/* Whether the walk ended early because a rule did not fit the words. */
bool key_rule_broken(const struct key_walk *walk);

/*
 * The position of the first key, or 0 if the words have none: for prefetching
 * an item before its command runs. O(1) where the key has a fixed place.
 */
size_t key_rule_first(const struct command *command, const struct slice *words, size_t count);

/* First and last key and the step between, as COMMAND INFO told before there were rules. */
struct key_range {
    int first; /* 0: there are no keys at fixed places */
    int last;  /* negative counts from the end */
    int step;
};

/* What of the rules can be said as one range; keys behind keywords and counts are left out. */
struct key_range key_rule_range(const struct command *command);

/* The word for one flag as COMMAND prints it: "RW", "access", "not_key". */
const char *key_flag_name(enum key_flags flag);

#endif
