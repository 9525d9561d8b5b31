/*
 * A command: one row of the table that is made from the files in broker/commands/spec.
 *
 * The rows are constant and in one flat array: first the commands by name,
 * then the subcommands of each container, together. What changes (how often a
 * command ran, and how long) is kept elsewhere, in arrays indexed by
 * command->index.
 *
 * A row is in the table only if its handler is written: `do_get` for GET,
 * `do_xgroup_create` for XGROUP CREATE. A container is there if one of its
 * subcommands is.
 */
#ifndef BROKER_DISPATCH_COMMAND_H
#define BROKER_DISPATCH_COMMAND_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "broker/dispatch/key_rule.h"
#include "broker/dispatch/verdict.h"
#include "storage/base/slice.h"

struct call;

/* What a command is like; guards and the call decide by these. */
enum command_flags {
    COMMAND_WRITE = 1 << 0,              /* may change the keyspace */
    COMMAND_READONLY = 1 << 1,           /* reads keys, never changes one */
    COMMAND_DENYOOM = 1 << 2,            /* refused while memory is over its limit */
    COMMAND_ADMIN = 1 << 3,              /* for the operator */
    COMMAND_PUBSUB = 1 << 4,             /* about channels */
    COMMAND_NOSCRIPT = 1 << 5,           /* not from scripts */
    COMMAND_BLOCKING = 1 << 6,           /* may wait */
    COMMAND_LOADING = 1 << 7,            /* allowed while data is loading */
    COMMAND_STALE = 1 << 8,              /* allowed on a replica that lost its primary */
    COMMAND_SKIP_MONITOR = 1 << 9,       /* MONITOR does not show it */
    COMMAND_SKIP_SLOWLOG = 1 << 10,      /* SLOWLOG does not keep it */
    COMMAND_ASKING = 1 << 11,            /* accepted for a slot that is being imported */
    COMMAND_FAST = 1 << 12,              /* O(1) or O(log n) */
    COMMAND_NO_AUTH = 1 << 13,           /* allowed before signing in */
    COMMAND_MAY_REPLICATE = 1 << 14,     /* may say something to replicas without being a write */
    COMMAND_NO_MULTI = 1 << 15,          /* not inside MULTI */
    COMMAND_MOVABLE_KEYS = 1 << 16,      /* keys are not all at fixed words */
    COMMAND_ALLOW_BUSY = 1 << 17,        /* allowed while a script runs too long */
    COMMAND_NO_ASYNC_LOADING = 1 << 18,  /* refused while a replica loads beside its old data */
    COMMAND_NO_MANDATORY_KEYS = 1 << 19, /* keys may be missing */
    COMMAND_PROTECTED = 1 << 20,         /* only where the options allow it: DEBUG, MODULE */
};

/* The categories of ACL rules; a bit each of command->categories. */
enum command_category {
    CATEGORY_KEYSPACE,
    CATEGORY_READ,
    CATEGORY_WRITE,
    CATEGORY_SET,
    CATEGORY_SORTEDSET,
    CATEGORY_LIST,
    CATEGORY_HASH,
    CATEGORY_STRING,
    CATEGORY_BITMAP,
    CATEGORY_HYPERLOGLOG,
    CATEGORY_GEO,
    CATEGORY_STREAM,
    CATEGORY_PUBSUB,
    CATEGORY_ADMIN,
    CATEGORY_FAST,
    CATEGORY_SLOW,
    CATEGORY_BLOCKING,
    CATEGORY_DANGEROUS,
    CATEGORY_CONNECTION,
    CATEGORY_TRANSACTION,
    CATEGORY_SCRIPTING,
    CATEGORY_COUNT
};

/* What kind of word an argument is. */
enum argument_type {
    ARGUMENT_STRING,
    ARGUMENT_INTEGER,
    ARGUMENT_DOUBLE,
    ARGUMENT_KEY,
    ARGUMENT_PATTERN,
    ARGUMENT_TIME,  /* a moment: seconds or milliseconds since 1970 */
    ARGUMENT_TOKEN, /* a literal word and no value */
    ARGUMENT_ONEOF, /* exactly one of its parts */
    ARGUMENT_BLOCK, /* all of its parts, in order */
};

enum argument_flags {
    ARGUMENT_OPTIONAL = 1 << 0,       /* may be missing */
    ARGUMENT_MULTIPLE = 1 << 1,       /* may be repeated */
    ARGUMENT_MULTIPLE_TOKEN = 1 << 2, /* and its token with it */
};

/* A node of the argument tree, as COMMAND DOCS shows it. Strings are NULL where there is none. */
struct command_argument {
    const char *name;
    const char *token;            /* the literal word in front of the value, or the word itself */
    const char *since;            /* only where younger than the command */
    const char *deprecated_since; /* the version that advised against it */
    const struct command_argument *parts;
    uint8_t part_count;
    uint8_t type;    /* enum argument_type */
    uint8_t flags;   /* enum argument_flags */
    int8_t key_rule; /* which rule finds it, -1 for none */
};

enum command_docs_flags {
    DOCS_DEPRECATED = 1 << 0,
    DOCS_SYSTEM = 1 << 1, /* spoken between servers, not by people */
};

/* What only those who read about a command need; kept away from the row that runs it. */
struct command_docs {
    const char *summary;
    const char *since;
    const char *group;
    const char *complexity;       /* NULL if nothing is to be said */
    const char *deprecated_since; /* NULL unless DOCS_DEPRECATED */
    const char *replaced_by;
    const char *const *tips; /* tip_count of them */
    const struct command_argument *arguments;
    uint8_t tip_count;
    uint8_t argument_count;
    uint8_t flags; /* enum command_docs_flags */
};

/* One row. What the hot path reads comes first. */
struct command {
    enum verdict (*run)(struct call *call); /* NULL for a container that is no command itself */
    uint32_t flags;                         /* enum command_flags */
    int16_t arity;       /* words including the name; negative: at least so many */
    uint16_t index;      /* its position in the flat table */
    uint64_t categories; /* 1 << enum command_category */
    const struct key_rule *key_rules;
    uint8_t key_rule_count;
    uint8_t key_reader; /* enum key_reader */
    uint8_t first_key;  /* word of the first key where that is fixed, else 0 */
    uint8_t name_length;
    uint8_t full_name_length;
    uint16_t subcommand_count;
    const char *name;             /* "get"; of a subcommand its own word: "create" */
    const char *full_name;        /* "get", "xgroup|create" */
    const struct command *parent; /* the container, or NULL */
    const struct command *subcommands;
    const struct command_docs *docs;
};

/*
 * Finds the command that the words ask for; count is at least 1. Case does not
 * matter. About ten nanoseconds; a miss costs the same.
 *
 * Returns NULL if the first word names no command. If it names a container, the
 * second word chooses the subcommand; where that is missing or unknown the
 * container's own row is returned: see command_lacks_subcommand.
 */
const struct command *command_find(const struct slice *words, size_t count);

/* What was found last by a name of up to eight bytes; all zero at first. */
struct command_memo {
    uint64_t              name; /* the bytes as they came */
    size_t                len;
    const struct command *command; /* has no subcommands */
};

/* The same for a stream of requests: where one names the command of the one before, this takes a
 * quarter of the time. */
const struct command *command_find_again(struct command_memo *memo, const struct slice *words,
                                         size_t count);

/*
 * Whether command_find ended at a container because it does not know the second
 * of count words. (With no second word a container is only a matter of arity.)
 */
static inline bool command_lacks_subcommand(const struct command *command, size_t count)
{
    return command->subcommand_count > 0 && count > 1;
}

/* Whether so many words, the name included, satisfy the arity. */
static inline bool command_takes(const struct command *command, size_t count)
{
    return command->arity >= 0 ? count == (size_t)command->arity : count >= (size_t)-command->arity;
}

/* Finds by full name, "config|get" or "get", as ACL rules and COMMAND INFO write it. */
const struct command *command_named(struct slice full_name);

/* The row at a position of the flat table, subcommands included; index < command_count(). */
const struct command *command_at(size_t index);
size_t command_count(void);

/* How many of the rows, all at the front of the table, are commands and not subcommands. */
size_t command_top_count(void);

/* A row's names as slices: "create", "xgroup|create". */
static inline struct slice command_name(const struct command *command)
{
    return (struct slice){ command->name, command->name_length };
}
static inline struct slice command_full_name(const struct command *command)
{
    return (struct slice){ command->full_name, command->full_name_length };
}

/* The word for one flag as COMMAND INFO prints it, or NULL for a flag it does not show. */
const char *command_flag_name(enum command_flags flag);

/* The word for a category without its @: "sortedset". */
const char *command_category_name(enum command_category category);

/* Finds a category by its word, any case. Returns false if there is none such. */
bool command_category_find(struct slice name, enum command_category *category);

#endif
