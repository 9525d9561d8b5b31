/*
 * A hash: fields, each with a value.
 *
 *     packed   one block: field value field value ...        (index/packed.h)
 *     table    a table of entries, each one allocation:      (index/table.h)
 *              length of field | field | length of value | value
 *
 * A hash begins packed and becomes a table, for good, when it has more fields
 * or a longer field or value than the limits allow. The header is 16 bytes; an
 * entry of a table costs its bytes, two of lengths and about 17 of table.
 *
 * Fields may expire: see hash_expiry.h. A hash without such fields pays nothing
 * for it, and here fields past their time are shown until they are taken out.
 *
 * An empty hash is legal here; the keyspace does not keep one.
 *
 * What is returned is borrowed: from the hash, until the hash is next changed,
 * or from the `room` that the caller gave, if it was packed as an integer.
 *
 * Costs: in the packed form O(n) with a factor of a few nanoseconds, where n
 * is at most hash-max-listpack-entries; in a table O(1).
 */
#ifndef STORAGE_VALUES_HASH_H
#define STORAGE_VALUES_HASH_H

#include "storage/base/clock.h"
#include "storage/base/must.h"
#include "storage/base/number.h"
#include "storage/base/random.h"
#include "storage/index/packed.h"
#include "storage/index/table.h"
#include "storage/values/value.h"

struct hash;

/* Room for a field and a value that are packed as integers. */
struct hash_room {
    char field[NUMBER_INTEGER_MAX];
    char value[NUMBER_INTEGER_MAX];
};

/* What the registry of types knows of hashes. */
extern const struct value_type hash_type;

struct hash *hash_new(void);
void hash_free(struct hash *hash); /* NULL is fine. */

/* A deep copy, owned by the caller. O(n). */
struct hash *hash_copy(const struct hash *hash);

/* How many fields. O(1). */
size_t hash_length(const struct hash *hash);

/* The value of a field. False if there is none such. */
MUST_USE bool hash_get(const struct hash *hash, struct slice field, struct hash_room *room,
                       struct slice *value);

/* Whether there is such a field, also one that is past its time. */
bool hash_has(const struct hash *hash, struct slice field);

/* Gives a field a value, neither borrowed from this hash. True if the field is new. A field that
 * was to expire is not any more. */
bool hash_put(struct hash *hash, const struct value_limits *limits, struct slice field,
              struct slice value);

/* The same, but a field that was to expire still is. */
bool hash_change(struct hash *hash, const struct value_limits *limits, struct slice field,
                 struct slice value);

/*
 * Says which fields are to be put next: every second of `words`, `count` of them, out
 * of `coming` in all. In a table this prefetches what the searches will look at, so
 * that their cache misses overlap; and if the first of them are new, it makes room for
 * all. For a packed hash it does nothing.
 */
void hash_ask_ahead(struct hash *hash, const struct slice *words, size_t count, size_t coming);

/*
 * Says that these fields and values, in turn, are to be put into a hash that is empty. What it
 * asks for is not too much, so that nothing has to be given back.
 */
void hash_reserve(struct hash *hash, const struct value_limits *limits, const struct slice *words,
                  size_t count);

/* Takes a field out. False if there is none such. */
bool hash_remove(struct hash *hash, struct slice field);

/*
 * A walk over all fields, in the order of insertion while packed. The hash must
 * not change meanwhile. Every walk is ended.
 *
 *     hash_walk_begin(&walk, hash);
 *     while (hash_walk_next(&walk, &field, &value))
 *         ...
 *     hash_walk_end(&walk);
 */
struct hash_walk {
    /* Private. */
    const struct packed *packed; /* NULL: it is a table */
    size_t               place;
    struct table_walk    table;
    void                *entry;
    const struct hash   *hiding; /* what is past `now`, or NULL: nothing is */
    millis               now;
    struct hash_room     room;
};
void hash_walk_begin(struct hash_walk *walk, const struct hash *hash);

/* The same, but fields past their time are not shown. */
void hash_walk_begin_at(struct hash_walk *walk, const struct hash *hash, millis now);
MUST_USE bool hash_walk_next(struct hash_walk *walk, struct slice *field, struct slice *value);
void hash_walk_end(struct hash_walk *walk);

/* Is shown a field and its value; it must not touch the hash. */
typedef void hash_visitor(void *who, struct slice field, struct slice value);

/*
 * Shows some fields and returns the next cursor, 0 when all is seen. Begin with
 * 0. What is there from the first call to the last is shown at least once.
 */
uint64_t hash_scan(const struct hash *hash, uint64_t cursor, hash_visitor *visit, void *who);

/* A field chosen by chance, and its value; the hash is not empty. */
void hash_random(const struct hash *hash, struct random *random, struct hash_room *room,
                 struct slice *field, struct slice *value);

/* -- For saving, loading and measuring. */

/* Whether it has become a table. */
bool hash_is_table(const struct hash *hash);

/* Bytes of memory; looks at `samples` entries of a table, 0 for all of them, and extrapolates. */
size_t hash_bytes(const struct hash *hash, size_t samples);

/*
 * For loaders, on a hash to which nothing was ever added: makes a block its body, of fields with their
 * values, none twice, which the limits allow to be packed; or makes it a table with room for `fields`.
 */
void hash_take_block(struct hash *hash, struct packed **taken);
void hash_begin_table(struct hash *hash, const struct value_limits *limits, size_t fields);

/* The block of a packed hash, or NULL if it is a table or empty. */
const struct packed *hash_packed(const struct hash *hash);

/* The table of a large hash, borrowed; NULL while it is packed. */
const struct table *hash_table(const struct hash *hash);

/* Asserts every invariant. O(n), O(n * n) while packed. */
void hash_check(const struct hash *hash);

#endif
