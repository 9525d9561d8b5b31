/*
 * The options as plain data, and how a value is read and shown.
 *
 * options.def has one row for each option; the struct, the table of rows and
 * the defaults are made from it. Modules are handed a `const struct options *`
 * and read its fields; it stays at one address for the life of the broker, and
 * what CONFIG SET changes is seen by the next read. Who must act on a change
 * registers with config_on_change (config.h).
 *
 * Defaults are those of Redis 7.0. Values are read as redis.conf writes them.
 */
#ifndef BROKER_CONFIG_OPTIONS_H
#define BROKER_CONFIG_OPTIONS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "storage/base/buffer.h"
#include "storage/base/must.h"
#include "storage/base/slice.h"
#include "storage/base/trouble.h"

/* Whether oom-score-adj is set, and whether its values are added to the score or are the score. */
enum option_oom { OPTION_OOM_NO, OPTION_OOM_YES, OPTION_OOM_RELATIVE, OPTION_OOM_ABSOLUTE };

/* Who hears that we are ready: nobody, systemd, or systemd if it started us as Type=notify. */
enum option_supervised {
    OPTION_SUPERVISED_NO,
    OPTION_SUPERVISED_SYSTEMD,
    OPTION_SUPERVISED_AUTO
};

/* Who may: nobody, everybody, or sessions that came through loopback or the unix socket. */
enum option_local { OPTION_LOCAL_NO, OPTION_LOCAL_YES, OPTION_LOCAL_LOCAL };

/* A statement that ends in an error is passed over, ends the server, or ends it only as a replica. */
enum option_propagation {
    OPTION_PROPAGATION_IGNORE,
    OPTION_PROPAGATION_PANIC,
    OPTION_PROPAGATION_PANIC_ON_REPLICAS
};

/* What new users may hear: nothing, or all channels. */
enum option_channels { OPTION_CHANNELS_NONE, OPTION_CHANNELS_ALL };

/* When a replica loads from the socket: never, if it has no keys, or beside what it has. */
enum option_diskless {
    OPTION_DISKLESS_DISABLED,
    OPTION_DISKLESS_ON_EMPTY,
    OPTION_DISKLESS_SWAP
};

/* Whose lines ours are in the system's log: the others of local0 to local7 follow. */
enum option_facility { OPTION_FACILITY_USER, OPTION_FACILITY_LOCAL0 };

/* When the AOF is forced to disk. */
enum option_fsync { OPTION_FSYNC_EVERYSEC, OPTION_FSYNC_ALWAYS, OPTION_FSYNC_NO };

/* Which keys go when memory is short. */
enum option_policy {
    OPTION_POLICY_VOLATILE_LRU,
    OPTION_POLICY_VOLATILE_LFU,
    OPTION_POLICY_VOLATILE_RANDOM,
    OPTION_POLICY_VOLATILE_TTL,
    OPTION_POLICY_VOLATILE_LRM,
    OPTION_POLICY_ALLKEYS_LRU,
    OPTION_POLICY_ALLKEYS_LFU,
    OPTION_POLICY_ALLKEYS_RANDOM,
    OPTION_POLICY_ALLKEYS_LRM,
    OPTION_POLICY_NONE
};

/* Bits of types of values, in the order of enum value_kind of storage/values/value.h. */
enum option_types { OPTION_TYPES_AUTO = 0, OPTION_TYPES_ALL = 0x3F };

/* Bits of how a signal ends it; the words of SHUTDOWN mean the same. */
enum option_ends {
    OPTION_END_SAVE = 1 << 0,
    OPTION_END_NOSAVE = 1 << 1,
    OPTION_END_NOW = 1 << 2,
    OPTION_END_FORCE = 1 << 3
};

/* In the order of enum log_level of storage/base/log.h. */
enum option_log { OPTION_LOG_DEBUG, OPTION_LOG_VERBOSE, OPTION_LOG_NOTICE, OPTION_LOG_WARNING };

/* Bits of notify-keyspace-events; the letter of each is beside it. */
enum option_notices {
    OPTION_NOTICE_KEYSPACE = 1 << 0, /* K: published on __keyspace@ */
    OPTION_NOTICE_KEYEVENT = 1 << 1, /* E: published on __keyevent@ */
    OPTION_NOTICE_GENERIC = 1 << 2,  /* g */
    OPTION_NOTICE_STRING = 1 << 3,   /* $ */
    OPTION_NOTICE_LIST = 1 << 4,     /* l */
    OPTION_NOTICE_SET = 1 << 5,      /* s */
    OPTION_NOTICE_HASH = 1 << 6,     /* h */
    OPTION_NOTICE_ZSET = 1 << 7,     /* z */
    OPTION_NOTICE_EXPIRED = 1 << 8,  /* x */
    OPTION_NOTICE_EVICTED = 1 << 9,  /* e */
    OPTION_NOTICE_STREAM = 1 << 10,  /* t */
    OPTION_NOTICE_MISS = 1 << 11,    /* m: a key was looked for and not there; not in A */
    OPTION_NOTICE_OVERWRITTEN = 1 << 12, /* o: all a key held gave way to something else; not in A */
    OPTION_NOTICE_MODULE = 1 << 13,  /* d */
    OPTION_NOTICE_NEW = 1 << 14,     /* n: a key came to be; not in A */
    OPTION_NOTICE_FIELDS_OF_KEY = 1 << 15,   /* S: fields that changed, on __subkeyspace@ */
    OPTION_NOTICE_FIELDS_OF_EVENT = 1 << 16, /* T: on __subkeyevent@ */
    OPTION_NOTICE_ONE_FIELD = 1 << 17,       /* I: on __subkeyspaceitem@, each for itself */
    OPTION_NOTICE_FIELDS_OF_BOTH = 1 << 18,  /* V: on __subkeyspaceevent@ */
    OPTION_NOTICE_FIELDS = 0xF << 15,        /* any of the four */
    OPTION_NOTICE_RETYPED = 1 << 19,         /* c: and that is of another type; not in A */
    OPTION_NOTICE_CLASSES = 0x87FFC,         /* of events: A, m, n, o and c */
    OPTION_NOTICE_ALL = 0x27FC       /* A: g$lshzxetd */
};

/* Classes of client-output-buffer-limit. */
enum option_class {
    OPTION_CLASS_NORMAL,
    OPTION_CLASS_REPLICA,
    OPTION_CLASS_PUBSUB,
    OPTION_CLASSES
};

/* One class's limits; 0 is no limit. */
struct option_limit {
    int64_t hard;         /* bytes that close a session at once */
    int64_t soft;         /* bytes that close it if they stay ... */
    int64_t soft_seconds; /* ... for so long */
};

struct option_limits {
    struct option_limit of[OPTION_CLASSES];
};

/* A list of words, NUL-terminated each; owned by the options. */
struct option_words {
    char **at;
    size_t count;
};

/* Any bytes; owned by the options, with a NUL behind them that is none of them. */
struct option_bytes {
    char *at;
    size_t len;
};

/* A list of percentages, 0 to 100. */
enum { OPTION_PERCENTS_MOST = 16 };
struct option_percents {
    double at[OPTION_PERCENTS_MOST];
    size_t count;
};

/* Rules: a snapshot after so many seconds, if there were so many changes. */
enum { OPTION_SAVES_MOST = 32 };
struct option_saves {
    struct option_save {
        int64_t seconds;
        int64_t changes;
    } at[OPTION_SAVES_MOST];
    size_t count;
};

/* Every option that may differ from one broker to another, by its name with underscores. */
struct options {
#define OPTION_BOOL(field, name, alias, usual, when, sentence)                      bool field;
#define OPTION_NUMBER(field, name, alias, least, most, usual, unit, when, sentence) int64_t field;
#define OPTION_CHOICE(field, name, alias, words, usual, when, sentence)             int field;
#define OPTION_TEXT(field, name, alias, usual, when, sentence)                      char *field; /* never NULL */
#define OPTION_NAME(field, name, alias, usual, noun, when, sentence)                char *field; /* not empty */
#define OPTION_BYTES(field, name, alias, when, sentence)                            struct option_bytes field;
#define OPTION_WORDS(field, name, alias, usual, most, when, sentence)               struct option_words field;
#define OPTION_NOTICES(field, name, alias, when, sentence)                          uint32_t field;
#define OPTION_LIMITS(field, name, alias, when, sentence)                           struct option_limits field;
#define OPTION_PERCENTS(field, name, alias, usual, when, sentence)                  struct option_percents field;
#define OPTION_TYPES(field, name, alias, usual, when, sentence)                     uint32_t field;
#define OPTION_SAVES(field, name, alias, usual, when, sentence)                     struct option_saves field;
#define OPTION_ENDS(field, name, alias, when, sentence)                             uint32_t field;
#define OPTION_PEER(field, name, alias, when, sentence)                             struct option_words field;
#define OPTION_FIXED(name, alias, value, when, reason)
#include "broker/config/options.def"
};

enum option_when { OPTION_LIVE, OPTION_START, OPTION_PROTECTED, OPTION_HIDDEN };

enum option_kind {
    OPTION_KIND_BOOL,
    OPTION_KIND_NUMBER,
    OPTION_KIND_CHOICE,
    OPTION_KIND_TEXT,
    OPTION_KIND_NAME,
    OPTION_KIND_BYTES,
    OPTION_KIND_WORDS,
    OPTION_KIND_NOTICES,
    OPTION_KIND_LIMITS,
    OPTION_KIND_PERCENTS,
    OPTION_KIND_TYPES,
    OPTION_KIND_ENDS,
    OPTION_KIND_SAVES,
    OPTION_KIND_FIXED
};

enum option_unit {
    OPTION_UNIT_PLAIN,
    OPTION_UNIT_MEMORY,
    OPTION_UNIT_SHARE,
    OPTION_UNIT_OCTAL,
    OPTION_UNIT_PEER /* WORDS: a host and a port, or nothing */
};

/* One row of options.def. */
struct option {
    const char *name;
    const char *alias;        /* an old name, or NULL */
    const char *usual;        /* TEXT, NAME, WORDS, PERCENTS, SAVES: the default; FIXED: the only value */
    const char *sentence;     /* what it is for; a FIXED option's reason */
    const char *const *words; /* CHOICE: its words; NAME: its noun; then NULL */
    int64_t least, most;      /* NUMBER: the range; WORDS: most words */
    size_t offset;            /* of its field in struct options */
    uint8_t kind;             /* enum option_kind */
    uint8_t unit;             /* enum option_unit */
    uint8_t when;             /* enum option_when */
};

/* Fills in the defaults; options_clear frees what they own. */
void options_init(struct options *options);
void options_clear(struct options *options);

/* A deep copy into a struct that was not initialised before. */
void options_copy(struct options *to, const struct options *from);

/* The row at a position, in the order of options.def; index < options_count(). */
const struct option *options_at(size_t index);
size_t options_count(void);

/* Finds a row by name or alias, any case. Returns NULL if there is none. O(rows). */
const struct option *options_find(struct slice name);

/*
 * Reads a value: the words that follow the name in a file, or the one word of
 * CONFIG SET, which is split at blanks where the option takes several. Returns
 * false with the reason as Redis words it, changing nothing.
 */
bool options_parse(struct options *options, const struct option *option, const struct slice *words,
                   size_t count, struct trouble *trouble);

/* Appends the value as CONFIG GET shows it. */
void options_print(const struct options *options, const struct option *option, struct buffer *to);

/* Whether an option has the same value in both. */
bool options_equal(const struct options *a, const struct options *b, const struct option *option);

#endif
