/*
 * A hash table whose bucket is one line of cache.
 *
 * A bucket holds seven items and one byte of each one's hash. A search looks at
 * one line, and at an item only when its byte agrees, so it costs about two
 * cache misses. A full bucket gives up its seventh slot for a link to another.
 *
 *     buckets   0          1          2          3
 *            +------+   +------+   +------+   +------+
 *            | 7 of |   |      |   | link-+-+ |      |
 *            +------+   +------+   +------+ | +------+
 *                                           +-> another bucket
 *
 * The table grows and shrinks step by step: while it does there are two arrays,
 * each write moves a few buckets, and an item is in exactly one place that its
 * hash tells. Items are the owner's; the table keeps pointers and frees none.
 *
 * The hash is computed once by the caller (table_hash) and handed to each
 * function, so that a batch of searches can first be hashed, then prefetched.
 *
 * Memory: 48 bytes of header, nothing more while empty, then 64 bytes for up to
 * 7 items; a large table takes 13 to 24 bytes an item.
 */
#ifndef STORAGE_INDEX_TABLE_H
#define STORAGE_INDEX_TABLE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "storage/base/digest.h"
#include "storage/base/must.h"
#include "storage/base/random.h"
#include "storage/base/slice.h"

enum { TABLE_SLOTS = 7, TABLE_CHAINED = 0x80 };

/* What the owner says of its items. */
struct table_kind {
    struct slice (*key)(const void *item); /* the item's key, borrowed from the item */
};

struct table_bucket {
    uint8_t used;              /* bit i: slot i holds an item; bit 7: slot 6 is a link */
    uint8_t tag[TABLE_SLOTS];  /* of each item; 0 where there is none */
    void   *slot[TABLE_SLOTS];
};
_Static_assert(sizeof(struct table_bucket) == 64, "one bucket, one line of cache");

struct table {
    /* Private; shown for the inline search and so that owners may embed it. */
    const struct table_kind *kind;
    const struct hash_key   *key;
    struct table_bucket     *buckets;
    struct table_bucket     *old;   /* what is being left behind, or NULL */
    size_t                   count;
    uint32_t                 moved; /* old buckets below this index are empty */
    uint8_t                  exponent;
    uint8_t                  old_exponent;
    uint8_t                  walks; /* while not 0, nothing is moved */
    bool                     reluctant : 1; /* a child saves: see table_set_reluctant */
    bool                     cramped : 1; /* see table_set_cramped */
    bool                     held : 1; /* see table_hold_size */
};

struct buffer;

/* A visitor is shown an item. It must not change the table. */
typedef void table_visitor(void *who, void *item);

/* A new empty table. Kind and key are borrowed and must outlive it. */
struct table *table_new(const struct table_kind *kind, const struct hash_key *key);

/* Frees the table; each item is shown to `free_item`, which may be NULL, first. NULL is fine. */
void table_free(struct table *table, table_visitor *free_item, void *who);

/* The same for a table that is part of another struct. */
void table_init(struct table *table, const struct table_kind *kind, const struct hash_key *key);
void table_clear(struct table *table, table_visitor *free_item, void *who);

static inline size_t table_count(const struct table *table)
{
    return table->count;
}

/* The hash of a key, as every function below wants it. */
static inline uint64_t table_hash(const struct table *table, struct slice key)
{
    return digest_sip(key, table->key);
}

/* Private: the one byte of a hash that its bucket keeps; never 0. */
static inline uint8_t table_tag(uint64_t hash)
{
    uint8_t tag = (uint8_t)(hash >> 56);

    return tag != 0 ? tag : 1;
}

/* Private: the bucket in which everything with this hash is. */
static inline struct table_bucket *table_home(const struct table *table, uint64_t hash)
{
    if (UNLIKELY(table->old != NULL)) {
        uint64_t index = hash & ((UINT64_C(1) << table->old_exponent) - 1);

        if (index >= table->moved)
            return &table->old[index];
    }
    return &table->buckets[hash & ((UINT64_C(1) << table->exponent) - 1)];
}

/* Private: bit 8 * i + 15 is set where slot i has the tag. */
static inline uint64_t table_matches(const struct table_bucket *bucket, uint8_t tag)
{
    const uint64_t low = UINT64_C(0x7f7f7f7f7f7f7f7f);
    uint64_t line;

    memcpy(&line, bucket, sizeof(line));
    line ^= tag * UINT64_C(0x0101010101010101);
    return ~(((line & low) + low) | line | low) & ~UINT64_C(0xff);
}

/* Private: the bucket behind this one, or NULL. */
static inline struct table_bucket *table_next_bucket(const struct table_bucket *bucket)
{
    return bucket->used & TABLE_CHAINED ? bucket->slot[TABLE_SLOTS - 1] : NULL;
}

/*
 * table_find_slot for a key function known to the compiler, which then inlines
 * it: the fastest way to search. `key_of` must agree with the table's kind.
 */
static inline __attribute__((always_inline)) void **
table_find_slot_by(const struct table *table, struct slice key, uint64_t hash,
                   struct slice (*key_of)(const void *item))
{
    struct table_bucket *bucket = table_home(table, hash);
    uint8_t tag = table_tag(hash);

    do {
        for (uint64_t match = table_matches(bucket, tag); match != 0; match &= match - 1) {
            void **slot = &bucket->slot[(__builtin_ctzll(match) >> 3) - 1];

            if (LIKELY(slice_equal(key_of(*slot), key)))
                return slot;
        }
        bucket = table_next_bucket(bucket);
    } while (UNLIKELY(bucket != NULL));
    return NULL;
}

/*
 * The slot that holds the item with this key, or NULL. The owner may put another
 * item with an equal key there (the same one moved, say). The slot is valid until
 * the table is next changed.
 */
void **table_find_slot(const struct table *table, struct slice key, uint64_t hash);

/* The item with this key, or NULL. */
static inline void *table_find(const struct table *table, struct slice key, uint64_t hash)
{
    void **slot = table_find_slot(table, key, hash);

    return slot != NULL ? *slot : NULL;
}

/*
 * Adds an item, whose key must not be in the table yet. Amortised O(1); no call
 * moves more than a few buckets. Not during a walk.
 */
void table_add(struct table *table, void *item, uint64_t hash);

/* Takes the item with this key out and returns it, or NULL if there is none. */
void *table_remove(struct table *table, struct slice key, uint64_t hash);

/* The same for this very item, which is compared by address. True if it was there. */
bool table_remove_item(struct table *table, const void *item, uint64_t hash);

/* First stage of a batch: asks for the line of the bucket. */
static inline void table_prefetch(const struct table *table, uint64_t hash)
{
    __builtin_prefetch(table_home(table, hash));
}

/* Second stage, some work later: asks for the first item that may be the one, and returns it
 * (unread, so that the owner may ask for more of it) or NULL. */
static inline void *table_prefetch_item(const struct table *table, uint64_t hash)
{
    struct table_bucket *bucket = table_home(table, hash);
    uint64_t match = table_matches(bucket, table_tag(hash));
    void *item;

    if (match == 0)
        return NULL;
    item = bucket->slot[(__builtin_ctzll(match) >> 3) - 1];
    __builtin_prefetch(item);
    return item;
}

/*
 * Both stages for every `stride`-th of some words, `count` keys in all: their misses
 * overlap. How many of them seem to be in the table.
 */
size_t table_ask_ahead(const struct table *table, const struct slice *words, size_t stride,
                       size_t count);

/*
 * Shows the items of one or a few buckets to the visitor and returns the next
 * cursor, 0 when all is seen. Begin with 0. Whatever is in the table from the
 * first call to the last is seen at least once, however the table is resized in
 * between; nothing else is promised. Any number is a legal cursor.
 */
uint64_t table_scan(const struct table *table, uint64_t cursor, table_visitor *visit, void *who);

/*
 * The same for someone who wants so many items: if that is less than a bucket holds,
 * only a part of one is shown, one item or none as a rule. All calls of one scan may
 * want different numbers.
 */
uint64_t table_scan_some(const struct table *table, uint64_t cursor, size_t wanted,
                         table_visitor *visit, void *who);

/*
 * Moves blocks of the table itself (storage/base/mover.h) and shows the slots of
 * one or a few buckets to `mend`, which may put the same item there, moved. Cursors
 * as for table_scan. Not during a walk. `mend` may be NULL.
 */
struct mover;
uint64_t table_move(struct table *table, struct mover *mover, uint64_t cursor,
                    void (*mend)(void *who, void **slot), void *who);

/* An item chosen by chance, each with about the same probability; NULL if empty. */
void *table_random(const struct table *table, struct random *random);

/*
 * Some items from one random place: those of a bucket, and of the following ones
 * until there are `least`. At most `most` are put into `items`, at least twice as
 * many as `least`. Returns how many; none if the table is empty or that place is.
 * Far cheaper than asking for as many one by one.
 */
size_t table_sample(const struct table *table, struct random *random, void **items, size_t least,
                    size_t most);

/* Whether this very item is in the table, compared by address and not looked at. */
bool table_holds(const struct table *table, const void *item, uint64_t hash);

/*
 * A walk over all items. Each is met once. Items, the current one too, may be
 * removed meanwhile, none added; the table does not resize until the walk ends.
 * At most 255 walks at a time.
 *
 *     struct table_walk walk;
 *     for (void *item = table_walk_begin(&walk, table); item; item = table_walk_next(&walk))
 *         ...
 *     table_walk_end(&walk);
 */
struct table_walk {
    struct table        *table;  /* Private. */
    struct table_bucket *bucket; /* Private. */
    size_t               index;  /* Private. */
    unsigned             slot;   /* Private. */
    bool                 in_old; /* Private. */
};
void *table_walk_begin(struct table_walk *walk, struct table *table);
void *table_walk_next(struct table_walk *walk);
void table_walk_end(struct table_walk *walk);

/* While held the table does not shrink; when let go it shrinks at once if it is empty. */
void table_hold_size(struct table *table, bool hold);

/* Makes the table as large as `count` items want it; at once if it is empty. */
void table_reserve(struct table *table, size_t count);

/* Whether it is being resized. */
static inline bool table_is_resizing(const struct table *table)
{
    return table->old != NULL;
}

/* Moves up to `buckets` buckets in idle time. True if there is more to do. */
bool table_resize_step(struct table *table, size_t buckets);

/*
 * While a child process saves, every page that is written to is copied. A reluctant
 * table does not shrink, pauses a resize that has begun, and begins to grow only
 * when it is five times too full.
 */
void table_set_reluctant(struct table *table, bool reluctant);

/*
 * While there is no memory for the next larger array, a cramped table grows only when
 * it is five times too full; it shrinks, and goes on with what it began.
 */
void table_set_cramped(struct table *table, bool cramped);

/* Bytes of the array that it would grow into. */
size_t table_next_bytes(const struct table *table);

/* How many buckets its arrays have (DEBUG HTSTATS, INFO). */
size_t table_buckets(const struct table *table);

/* Bytes of the table without its items; estimated from a sample when large. O(1). */
size_t table_memory(const struct table *table);

/* Appends, for people, how its items lie: buckets, how many items each has. O(n). */
void table_describe(const struct table *table, struct buffer *to);

/* Asserts every invariant. O(n). */
void table_check(const struct table *table);

#endif
