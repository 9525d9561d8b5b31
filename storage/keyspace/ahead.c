/* What is known of keys before they are searched for: their hashes, and that many will come. */
#include "storage/keyspace/keyspace_private.h"

#include "storage/base/memory.h"

enum {
    WIDE_KEYS = 4096,
    WIDE_BYTES = 8 * 1024 * 1024, /* of all data: some of it must be a large collection, or many */
    WIDE_MEMBERS = 4096
};

void keyspaces_hint(struct keyspaces *all, struct slice key, uint64_t hash)
{
    all->hinted = key;
    all->hint = hash;
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

bool keyspace_is_wide(const struct keyspace *keys)
{
    return table_count(&keys->items) >= WIDE_KEYS || memory_used() >= WIDE_BYTES;
}

/* Where a member will be looked for. */
struct lookup {
    const struct value *value;
    const struct table *table; /* NULL: in nothing large */
    struct slice        member;
    uint64_t            hash;
};

/* What a glance means in the item that was found for it, which is on its way. */
static struct lookup lookup_of(const struct glance *glance, const struct item *item)
{
    struct lookup lookup = { .value = item_value(item), .table = NULL };

    if (lookup.value == NULL)
        return lookup;
    __builtin_prefetch(lookup.value);
    lookup.member = item_kind(item) == VALUE_ZSET ? glance->last : glance->member;
    return lookup;
}

/* Asks for the bucket, unless the collection is small. */
static void look_up(const struct value_types *types, struct lookup *lookup)
{
    const struct value_type *type = types->of[lookup->value->kind];

    if (type->members == NULL)
        return;
    lookup->table = type->members(lookup->value);
    if (lookup->table == NULL)
        return;
    if (table_count(lookup->table) < WIDE_MEMBERS) {
        lookup->table = NULL;
        return;
    }
    lookup->hash = table_hash(lookup->table, lookup->member);
    table_prefetch(lookup->table, lookup->hash);
}

/* The second half of a glance: into the collections. */
static void glance_into(const struct glance *glances, const struct item *const *items,
                        size_t count)
{
    struct lookup lookups[GLANCES_MOST];
    size_t found = 0;

    for (size_t i = 0; i < count; i++) {
        if (items[i] == NULL || glances[i].member.len == 0)
            continue;
        lookups[found] = lookup_of(&glances[i], items[i]);
        found += lookups[found].value != NULL;
    }
    for (size_t i = 0; i < found; i++)
        look_up(glances[0].keys->all->types, &lookups[i]);
    for (size_t i = 0; i < found; i++) {
        if (lookups[i].table != NULL)
            (void)table_prefetch_item(lookups[i].table, lookups[i].hash);
    }
}

void keyspace_glance(struct glance *glances, size_t count)
{
    const struct item *items[GLANCES_MOST];

    must(count <= GLANCES_MOST);
    for (size_t i = 0; i < count; i++) {
        glances[i].hash = table_hash(&glances[i].keys->items, glances[i].key);
        table_prefetch(&glances[i].keys->items, glances[i].hash);
    }
    for (size_t i = 0; i < count; i++)
        items[i] = table_prefetch_item(&glances[i].keys->items, glances[i].hash);
    glance_into(glances, items, count);
}

void keyspace_reserve(struct keyspace *keys, size_t count)
{
    table_reserve(&keys->items, count);
}

void keyspace_hold_size(struct keyspace *keys, bool hold)
{
    table_hold_size(&keys->items, hold);
}
