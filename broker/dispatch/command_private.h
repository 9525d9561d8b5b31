/*
 * What the generated table and command.c agree on, and the words of the table.
 *
 * A command's words are looked up by value, not by text: the folded name is put
 * into three 64-bit numbers, first byte lowest, zeros behind it. Names of more
 * than 24 bytes are therefore not names of commands; a test of the generator.
 */
#ifndef BROKER_DISPATCH_COMMAND_PRIVATE_H
#define BROKER_DISPATCH_COMMAND_PRIVATE_H

#include <stdint.h>

#include "broker/dispatch/command.h"

enum { COMMAND_NAME_MAX = 24, COMMAND_NAME_WORDS = COMMAND_NAME_MAX / 8 };

/* A place of the open-addressed index: half a line of cache, so that a hit reads one line. */
struct command_slot {
    uint64_t word[COMMAND_NAME_WORDS];
    uint16_t row;
    uint16_t container; /* 1 + the row of the container, 0 for a top-level name */
    uint8_t length;     /* of the name; 0 marks an empty place, where a search ends */
};

/* From the generated commands.c. */
extern const struct command command_rows[];
extern const uint16_t command_row_count;
extern const uint16_t command_top_rows;
extern const struct command_slot command_slots[]; /* a power of two, at most half full */
extern const uint64_t command_seed;
extern const uint8_t command_slot_shift; /* 64 less the logarithm of the number of slots */

/* Where a search begins. The generator calls it too, so the two cannot disagree. */
static inline uint64_t command_hash(const uint64_t word[COMMAND_NAME_WORDS], uint64_t container,
                                    uint64_t seed)
{
    uint64_t mixed = word[0] ^ (container << 48);

    mixed += word[1] * 0x9e3779b97f4a7c15u + word[2] * 0xc2b2ae3d27d4eb4fu;
    mixed ^= mixed >> 29;
    return mixed * seed;
}

/* enum command_flags and the words COMMAND INFO uses for them, in its order. */
#define COMMAND_FLAG_WORDS(FLAG)                 \
    FLAG(WRITE, "write")                         \
    FLAG(READONLY, "readonly")                   \
    FLAG(DENYOOM, "denyoom")                     \
    FLAG(ADMIN, "admin")                         \
    FLAG(PUBSUB, "pubsub")                       \
    FLAG(NOSCRIPT, "noscript")                   \
    FLAG(BLOCKING, "blocking")                   \
    FLAG(LOADING, "loading")                     \
    FLAG(STALE, "stale")                         \
    FLAG(SKIP_MONITOR, "skip_monitor")           \
    FLAG(SKIP_SLOWLOG, "skip_slowlog")           \
    FLAG(ASKING, "asking")                       \
    FLAG(FAST, "fast")                           \
    FLAG(NO_AUTH, "no_auth")                     \
    FLAG(MAY_REPLICATE, "may_replicate")         \
    FLAG(NO_MULTI, "no_multi")                   \
    FLAG(MOVABLE_KEYS, "movablekeys")            \
    FLAG(ALLOW_BUSY, "allow_busy")               \
    FLAG(NO_ASYNC_LOADING, "no_async_loading")   \
    FLAG(NO_MANDATORY_KEYS, "no_mandatory_keys") \
    FLAG(PROTECTED, "protected")

/* enum command_category and the words of ACL rules. */
#define COMMAND_CATEGORY_WORDS(CATEGORY) \
    CATEGORY(KEYSPACE, "keyspace")       \
    CATEGORY(READ, "read")               \
    CATEGORY(WRITE, "write")             \
    CATEGORY(SET, "set")                 \
    CATEGORY(SORTEDSET, "sortedset")     \
    CATEGORY(LIST, "list")               \
    CATEGORY(HASH, "hash")               \
    CATEGORY(STRING, "string")           \
    CATEGORY(BITMAP, "bitmap")           \
    CATEGORY(HYPERLOGLOG, "hyperloglog") \
    CATEGORY(GEO, "geo")                 \
    CATEGORY(STREAM, "stream")           \
    CATEGORY(PUBSUB, "pubsub")           \
    CATEGORY(ADMIN, "admin")             \
    CATEGORY(FAST, "fast")               \
    CATEGORY(SLOW, "slow")               \
    CATEGORY(BLOCKING, "blocking")       \
    CATEGORY(DANGEROUS, "dangerous")     \
    CATEGORY(CONNECTION, "connection")   \
    CATEGORY(TRANSACTION, "transaction") \
    CATEGORY(SCRIPTING, "scripting")

/* enum key_flags and the words COMMAND GETKEYSANDFLAGS uses for them. */
#define KEY_FLAG_WORDS(FLAG)       \
    FLAG(RO, "RO")                 \
    FLAG(RW, "RW")                 \
    FLAG(OW, "OW")                 \
    FLAG(RM, "RM")                 \
    FLAG(ACCESS, "access")         \
    FLAG(UPDATE, "update")         \
    FLAG(INSERT, "insert")         \
    FLAG(DELETE, "delete")         \
    FLAG(NOT_KEY, "not_key")       \
    FLAG(INCOMPLETE, "incomplete") \
    FLAG(VARIABLE, "variable_flags")

#endif
