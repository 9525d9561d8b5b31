/*
 * What a database is made of: for storage/keyspace only.
 *
 * What always holds:
 *   (1) Every item is in `items` once, by its key.
 *   (2) An item is in `dues`, by when it expires, if and only if ITEM_EXPIRES is set.
 *   (3) Whoever moves the block of an item mends both.
 *   (4) A hash with fields that expire is in `fields`, by the due time that it
 *       has noted, if and only if it has noted one; between calls that is the
 *       earliest of its fields.
 */
#ifndef STORAGE_KEYSPACE_KEYSPACE_PRIVATE_H
#define STORAGE_KEYSPACE_KEYSPACE_PRIVATE_H

#include "storage/base/buffer.h"
#include "storage/base/worker.h"
#include "storage/index/ordered.h"
#include "storage/index/table.h"
#include "storage/keyspace/item_private.h"
#include "storage/keyspace/keyspace.h"

struct keyspace {
    struct keyspaces *all;
    struct table      items;
    struct ordered   *dues;
    struct ordered   *fields; /* hashes by their earliest field due */
    size_t            weight[VALUE_KINDS]; /* of all lists, all streams */
    uint32_t          db;
};

/* What a queue weighed when a call first looked at it. */
struct weight_note {
    struct keyspace    *keys;
    const struct value *value;
    size_t              before;
};

/* Why reading leaves no marks of use. */
enum unmarked {
    UNMARKED_SAVING = 1 << 0, /* a child would have pages copied */
    UNMARKED_ASKED = 1 << 1,  /* who reads asked for it */
};

struct keyspaces {
    struct keyspace        *at; /* count of them */
    uint32_t                count;
    bool                    keep_expired;
    uint8_t                 held; /* enum hold: why nothing goes by itself */
    struct buffer           own;       /* notes of own_expiry.c */
    size_t                  own_count;
    uint8_t                 unmarked; /* enum unmarked: why use leaves no marks for now */
    uint8_t                 use;      /* enum use: what marks it */
    uint32_t                clock;    /* now, in ticks of USE_TICK milliseconds */
    uint32_t                use_factor; /* lfu-log-factor */
    uint32_t                use_decay;  /* lfu-decay-time, minutes */
    const struct item      *counted;    /* the item whose use was counted last, by a search */
    struct random           random;
    millis                  now;
    const struct value_types *types;
    const struct hash_key  *secret;
    const struct change_sink *changes;
    bool                    hushed; /* nobody is told of changes for now */
    struct worker          *reclaim;
    struct keyspace_counts  counts;
    struct slice            hinted; /* a key whose hash is known: see keyspaces_hint */
    uint64_t                hint;
    size_t                  room; /* for tables to grow */
    size_t                  weight[VALUE_KINDS];
    struct weight_note     *notes;
    size_t                  note_count;
    size_t                  note_capacity;
};

/* When an item expires; the record of `dues`. */
struct due {
    int64_t      at;
    struct item *item;
};

extern const struct ordered_kind due_kind;

/* Notes that a key was given a time to live here, not by a primary (own_expiry.h). */
void own_expiry_note(struct keyspaces *all, uint32_t db, struct slice key);

/* Tells the change sink, if there is one. */
static inline void keyspace_tell(const struct keyspace *keys, struct slice key,
                                 enum change_kind kind)
{
    const struct change_sink *changes = keys->all->changes;

    if (changes != NULL && !keys->all->hushed)
        changes->tell(changes->who, keys->db, key, kind);
}

/*
 * Marks of use: storage/keyspace/eviction.c. While use is counted by moments a
 * mark is one store.
 */
uint32_t item_clock_at_first(const struct keyspaces *all);
void item_count_use(struct keyspaces *all, struct item *item);

static inline void item_mark_read(struct keyspaces *all, struct item *item)
{
    if (UNLIKELY(all->unmarked != 0))
        return;
    if (LIKELY(all->use == USE_READ))
        item->clock = all->clock;
    else if (all->use == USE_COUNTED)
        item_count_use(all, item);
}

static inline void item_mark_written(struct keyspaces *all, struct item *item)
{
    if (LIKELY(all->use != USE_COUNTED))
        item->clock = all->clock;
    else
        item_count_use(all, item);
}

/* What is put over an item that was just searched for is one use, not two. */
static inline void item_mark_put(struct keyspaces *all, struct item *item)
{
    if (UNLIKELY(all->use == USE_COUNTED && all->counted == item))
        all->counted = NULL;
    else
        item_mark_written(all, item);
}

/*
 * The weight of queues: storage/keyspace/weights.c. An item with a value is looked
 * at before it may change, enters a database, leaves it.
 */
void weight_look(struct keyspace *keys, const struct item *item);
void weight_enter(struct keyspace *keys, const struct item *item);
void weight_leave(struct keyspace *keys, const struct item *item);
void weights_forget(struct keyspace *keys);
void weights_swap(struct keyspace *one, struct keyspace *two);

/* The index of expiry: storage/keyspace/expiry.c. */
void due_add(struct keyspace *keys, struct item *item);
void due_remove(struct keyspace *keys, const struct item *item);

/* The index of hashes with fields that expire; of other items these do nothing. */
void fields_add(struct keyspace *keys, struct item *item);
void fields_remove(struct keyspace *keys, const struct item *item);

/* The hash an item holds, or NULL. */
static inline struct hash *item_hash(const struct item *item)
{
    if (item->kind != VALUE_HASH)
        return NULL;
    return (struct hash *)(void *)item_value(item);
}

/* Makes a database that is not there yet, and empty. */
void keyspace_begin(struct keyspace *keys, struct keyspaces *all, uint32_t db);

/* Takes an item out of both indexes and frees it. */
void keyspace_drop(struct keyspace *keys, struct item *item, uint64_t hash, bool lazily);

/* Tells the change sink, then drops an item past its time. */
void keyspace_let_expire(struct keyspace *keys, struct item *item, uint64_t hash);

/* Frees what an item's payload points at: storage/keyspace/reclaim.c. */
void reclaim_content(struct keyspaces *all, const struct item_content *content, bool lazily);

/* Frees a whole database's items and indexes. */
void reclaim_keyspace(struct keyspaces *all, struct keyspace *emptied, bool lazily);

#endif
