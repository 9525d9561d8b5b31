/* What is known of keys before they are searched for: their hashes, and that many will come. */
#include "storage/keyspace/keyspace_private.h"

void keyspaces_hint(struct keyspaces *all, struct slice key, uint64_t hash)
{
    all->hinted = key;
    all->hint = hash;
}

void keyspace_prefetch_bucket(const struct keyspace *keys, uint64_t hash)
{
    table_prefetch(&keys->items, hash);
}

bool keyspace_prefetch_item(const struct keyspace *keys, uint64_t hash)
{
    return table_prefetch_item(&keys->items, hash) != NULL;
}

size_t keyspace_ask_ahead(const struct keyspace *keys, const struct slice *words, size_t stride,
                          size_t count, uint64_t *hashes)
{
    size_t there = 0;

    for (size_t i = 0; i < count; i++) {
        hashes[i] = table_hash(&keys->items, words[i * stride]);
        table_prefetch(&keys->items, hashes[i]);
    }
    for (size_t i = 0; count > 1 && i < count; i++)
        there += table_prefetch_item(&keys->items, hashes[i]) != NULL;
    return there;
}

void keyspace_reserve(struct keyspace *keys, size_t count)
{
    table_reserve(&keys->items, count);
}

void keyspace_hold_size(struct keyspace *keys, bool hold)
{
    table_hold_size(&keys->items, hold);
}
