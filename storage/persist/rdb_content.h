/*
 * What one key holds, to and from the RDB format: the part that snapshots,
 * DUMP and RESTORE share. The type is one byte, which stands by itself: in a
 * snapshot the key comes between it and the value.
 */
#ifndef STORAGE_PERSIST_RDB_CONTENT_H
#define STORAGE_PERSIST_RDB_CONTENT_H

#include "storage/format/rdb_format.h"
#include "storage/keyspace/keyspace.h"

/*
 * The name of the field that stands behind a value which has more to it (value.h). Other
 * servers pass over it in a snapshot as a field they do not know, and at the end of what
 * DUMP shows since they read no further than the value.
 */
#define RDB_REST SLICE("millrace-rest")

/* What was read and is not yet under a key. */
struct rdb_content {
    enum value_kind kind;
    struct value   *value;      /* owned; NULL for a string */
    bool            is_integer; /* of a string */
    int64_t         integer;
    struct slice    text;       /* borrowed from the reader until it reads on */
};

/* The type an item is written as: an enum rdb_type. */
int rdb_content_type(const struct item *item, const struct value_types *types);

/* Writes what an item holds, without its type. O(n). */
void rdb_content_put(const struct item *item, const struct value_types *types,
                     struct rdb_writer *to);

/* Writes what the value has besides, if it has, as such a field. O(n). */
void rdb_content_put_rest(const struct item *item, const struct value_types *types,
                          struct rdb_writer *to);

/* Reads what such a field holds into a value of some kind. False: it is damaged. */
MUST_USE bool rdb_content_get_rest(struct value *value, enum value_kind kind,
                                   const struct value_types *types, struct slice rest);

/* Whether a byte is the type of something that can be read. */
bool rdb_content_is_type(unsigned type);

/*
 * Reads what a key holds. False if it is none: from->reason says why, or
 * from->empty is set because it has no elements.
 */
MUST_USE bool rdb_content_get(struct rdb_reader *from, unsigned type,
                              const struct value_types *types, const struct value_limits *limits,
                              struct rdb_content *content);

/* Puts it under a key, which is not there or is overwritten; nothing is left of the content. */
struct item *rdb_content_place(struct keyspace *keys, struct slice key,
                               struct rdb_content *content);

#endif
