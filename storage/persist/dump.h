/*
 * One value by itself, as DUMP shows it and RESTORE takes it:
 *
 *   type u8 | value | [field] | version u16 | CRC64 of all before u64
 *
 * The field is what the value has that the format has no place for (RDB_REST in
 * rdb_content.h); other servers do not look behind the value.
 *
 * Numbers are little-endian. Format source: the documentation of DUMP, and
 * what redis-server 7.0.15 answers.
 */
#ifndef STORAGE_PERSIST_DUMP_H
#define STORAGE_PERSIST_DUMP_H

#include "storage/persist/rdb_content.h"

/* Appends what an item holds. O(n). */
void dump_put(const struct item *item, const struct value_types *types, struct buffer *to);

/* Whether version and checksum are right; the latter is not looked at with `trusting`. */
bool dump_is_whole(struct slice payload, bool trusting);

/*
 * Reads a payload that is whole. `reader` is made by it, lives until
 * dump_end, and lends the content its text. False: it is no value.
 */
struct dump {
    struct reader    *bytes;
    struct rdb_reader reader;
};
MUST_USE bool dump_begin(struct dump *dump, struct slice payload, const struct value_types *types,
                         const struct value_limits *limits, struct rdb_content *content);
void dump_end(struct dump *dump);

#endif
