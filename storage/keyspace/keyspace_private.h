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
    uint32_t          db;
};

struct keyspaces {
    struct keyspace        *at; /* count of them */
    uint32_t                count;
    bool                    keep_expired;
    millis                  now;
    const struct value_types *types;
    const struct hash_key  *secret;
    const struct change_sink *changes;
    struct worker          *reclaim;
    struct keyspace_counts  counts;
    struct slice            hinted; /* a key whose hash is known: see keyspaces_hint */
    uint64_t                hint;
};

/* When an item expires; the record of `dues`. */
struct due {
    int64_t      at;
    struct item *item;
};

extern const struct ordered_kind due_kind;

/* Tells the change sink, if there is one. */
static inline void keyspace_tell(const struct keyspace *keys, struct slice key,
                                 enum change_kind kind)
{
    const struct change_sink *changes = keys->all->changes;

    if (changes != NULL)
        changes->tell(changes->who, keys->db, key, kind);
}

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

/* Makes the item at a slot another block with the same key; both indexes are mended. */
struct item *keyspace_rebuild(struct keyspace *keys, void **slot, const struct item_content *content,
                              millis due);

/* Takes an item out of both indexes and frees it. */
void keyspace_drop(struct keyspace *keys, struct item *item, uint64_t hash, bool lazily);

/* Tells the change sink, then drops an item past its time. */
void keyspace_let_expire(struct keyspace *keys, struct item *item, uint64_t hash);

/* Frees what an item's payload points at: storage/keyspace/reclaim.c. */
void reclaim_content(struct keyspaces *all, const struct item_content *content, bool lazily);

/* Frees a whole database's items and indexes. */
void reclaim_keyspace(struct keyspaces *all, struct keyspace *emptied, bool lazily);

/* Frees an item with all it holds, on the spot. */
void item_free(struct item *item, const struct value_types *types);

#endif
