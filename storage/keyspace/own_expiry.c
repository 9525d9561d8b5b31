/*
 * Notes lie one behind the other: database, length, name. They are few, for keys
 * written on a replica are; past NOTES_MOST bytes no more are taken.
 */
#include "storage/keyspace/own_expiry.h"

#include "storage/keyspace/keyspace_private.h"

enum { NOTES_MOST = 16 * 1024 * 1024 };

struct head {
    uint32_t db;
    uint32_t len;
};

void own_expiry_note(struct keyspaces *all, uint32_t db, struct slice key)
{
    struct head head = { db, (uint32_t)key.len };

    if (all->own.len + sizeof(head) + key.len > NOTES_MOST)
        return;
    buffer_add(&all->own, slice_of((const char *)&head, sizeof(head)));
    buffer_add(&all->own, key);
    all->own_count++;
}

/* Whether a key is still to be looked after. */
static bool looks_after(struct keyspaces *all, uint32_t db, struct slice key)
{
    struct keyspace *keys = &all->at[db];
    uint64_t hash = keyspace_hash(keys, key);
    struct item *item = table_find(&keys->items, key, hash);

    if (item == NULL || !item_expires(item))
        return false;
    if (!keyspace_is_past(keys, item))
        return true;
    keyspace_let_expire(keys, item, hash);
    return false;
}

void own_expiry_sweep(struct keyspaces *all)
{
    char *notes = all->own.at;
    size_t at = 0;
    size_t kept = 0;

    while (at < all->own.len) {
        struct head head;
        size_t size;

        memcpy(&head, notes + at, sizeof(head));
        size = sizeof(head) + head.len;
        if (looks_after(all, head.db, slice_of(notes + at + sizeof(head), head.len))) {
            memmove(notes + kept, notes + at, size);
            kept += size;
        } else {
            all->own_count--;
        }
        at += size;
    }
    all->own.len = kept;
    if (kept == 0)
        buffer_clear(&all->own);
}

void own_expiry_forget(struct keyspaces *all)
{
    buffer_clear(&all->own);
    all->own_count = 0;
}

size_t own_expiry_count(const struct keyspaces *all)
{
    return all->own_count;
}
