/*
 * What every value in the keyspace has in common, and what a type must do.
 *
 * Strings are kept by the item itself (storage/keyspace/item.h). All other
 * values begin with `struct value`, so that a pointer to one says what it is.
 * The rooms that save, measure, copy or free values know no type: they ask the
 * registry, which broker.c fills. That is how a stream, which lives above
 * storage, is a value like any other.
 */
#ifndef STORAGE_VALUES_VALUE_H
#define STORAGE_VALUES_VALUE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "storage/base/digest.h"
#include "storage/base/slice.h"
#include "storage/values/fingerprint.h"

struct mover;
struct rdb_reader;
struct rdb_writer;
struct table;

/* The types, in the order of Redis's own numbering. */
enum value_kind {
    VALUE_STRING,
    VALUE_LIST,
    VALUE_SET,
    VALUE_ZSET,
    VALUE_HASH,
    VALUE_STREAM,
    VALUE_KINDS
};

/* The first member of every list, set, zset, hash and stream. */
struct value {
    uint8_t kind; /* enum value_kind */
    uint8_t form; /* the type's own: packed, large, ... */
};

/* Receives statements, word by word lists that rebuild a value. */
struct statement_sink {
    void (*say)(void *who, const struct slice *words, size_t count);
    void *who;
};

/* When the small form of a type becomes the large one; set by options. */
struct value_limits {
    int32_t  list_node_size;      /* list-max-listpack-size: > 0 elements, -1..-5 kilobytes */
    uint32_t list_compress_depth; /* list-compress-depth */
    uint32_t hash_entries;        /* hash-max-listpack-entries */
    uint32_t hash_value;          /* hash-max-listpack-value, bytes */
    uint32_t set_ints;            /* set-max-intset-entries */
    uint32_t set_entries;         /* set-max-listpack-entries */
    uint32_t set_value;           /* set-max-listpack-value, bytes */
    uint32_t zset_entries;        /* zset-max-listpack-entries */
    uint32_t zset_value;          /* zset-max-listpack-value, bytes */
    uint32_t stream_node_bytes;   /* stream-node-max-bytes */
    uint32_t stream_node_entries; /* stream-node-max-entries */
    uint32_t hll_sparse_bytes;    /* hll-sparse-max-bytes */
    const struct hash_key *secret; /* of the values' hash tables, which it outlives */
};

/* Redis's defaults, with a secret that everybody knows: for tests. */
extern const struct value_limits value_limits_default;

/* What a type must do to live in the keyspace. Every member is set, but for `weigh` and `members`. */
struct value_type {
    const char *name; /* what TYPE answers */

    /* Frees the value and all that it holds. */
    void (*free)(struct value *value);

    /* A deep copy, owned by the caller. */
    struct value *(*copy)(const struct value *value);

    /* What OBJECT ENCODING answers, as Redis 7.0 names it. */
    const char *(*encoding)(const struct value *value);

    /* How many blocks freeing it gives back, roughly; large ones go to a worker. O(1). */
    size_t (*effort)(const struct value *value);

    /*
     * Bytes of memory, roughly, as a function of the value alone. O(1). NULL for types
     * whose sum nobody keeps: only what serves as a queue has one.
     */
    size_t (*weigh)(const struct value *value);

    /*
     * The table in which the words of commands are looked up, borrowed until the value
     * changes; NULL while there is none. Only a help to ask for memory early. A type
     * without such tables has NULL for the function.
     */
    const struct table *(*members)(const struct value *value);

    /* Bytes of memory; looks at `samples` elements and extrapolates, 0 for all of them. */
    size_t (*measure)(const struct value *value, size_t samples);

    /* Adds the value to a fingerprint: equal values, equal fingerprints, in any form. */
    void (*digest)(const struct value *value, struct fingerprint *into);

    /* What the fingerprint of Redis leaves out, groups say; NULL if there is nothing. */
    void (*digest_rest)(const struct value *value, struct fingerprint *into);

    /* Says the shortest statements that rebuild the value under `key`, at most 64 elements each. */
    void (*rewrite)(const struct value *value, struct slice key, const struct statement_sink *to);

    /* How `save` writes it in its form of now: an enum rdb_type (format/rdb_format.h). */
    int (*rdb_type)(const struct value *value);

    /* Writes the value in the RDB format, without its type. */
    void (*save)(const struct value *value, struct rdb_writer *to);

    /*
     * Reads a value of an RDB type that is one of this kind (codec.h), owned by
     * the caller. Nothing is trusted. NULL if it is none: from->reason says why,
     * or from->empty is set because it is well formed but has no elements.
     */
    struct value *(*load)(struct rdb_reader *from, int rdb_type,
                          const struct value_limits *limits);

    /*
     * Moves blocks of the value (storage/base/mover.h): some of them, so that nobody
     * waits long; the header, at which `value` points, with the first. `at` is 0 at
     * first, and what is returned goes on later, whatever became of the value in
     * between; 0 is the end.
     */
    uint64_t (*defragment)(struct value **value, struct mover *mover, uint64_t at);

    /*
     * What the RDB format has no place for, NULL if there never is any: a snapshot
     * has it behind the value, in a field that other servers pass over. Reading
     * is false if it is damaged.
     */
    bool (*has_rest)(const struct value *value);
    void (*save_rest)(const struct value *value, struct rdb_writer *to);
    bool (*load_rest)(struct value *value, struct rdb_reader *from);
};

/* One type for each kind; strings have a row for their name only. */
struct value_types {
    const struct value_type *of[VALUE_KINDS];
};

/* Frees a value by its own type. NULL is fine. */
void value_free(const struct value_types *types, struct value *value);

#endif
