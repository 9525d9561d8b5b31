/*
 * All databases together: made and freed, told the time and what they may not do for now,
 * and exchanged, one for another or all for those of somebody else.
 */
#include "storage/base/memory.h"
#include "storage/keyspace/keyspace_private.h"

struct keyspaces *keyspaces_new(const struct keyspaces_setup *setup)
{
    struct keyspaces *all = memory_new_zeroed(1, sizeof(*all));
    uint64_t seed;

    all->count = setup->count;
    all->types = setup->types;
    all->secret = setup->secret;
    all->changes = setup->changes;
    all->reclaim = setup->reclaim;
    all->room = SIZE_MAX;
    random_secret(&seed, sizeof(seed));
    random_seed(&all->random, seed);
    keyspaces_count_use(all, USE_READ, 10, 1);
    all->at = memory_new_zeroed(setup->count, sizeof(struct keyspace));
    for (uint32_t db = 0; db < setup->count; db++)
        keyspace_begin(&all->at[db], all, db);
    return all;
}

void keyspaces_free(struct keyspaces *all)
{
    if (all == NULL)
        return;
    for (uint32_t db = 0; db < all->count; db++)
        reclaim_keyspace(all, &all->at[db], false);
    memory_free(all->notes);
    buffer_clear(&all->own);
    memory_free(all->at);
    memory_free(all);
}

uint32_t keyspaces_count(const struct keyspaces *all)
{
    return all->count;
}

const struct value_types *keyspaces_types(const struct keyspaces *all)
{
    return all->types;
}

struct keyspace *keyspaces_at(struct keyspaces *all, uint32_t db)
{
    must(db < all->count);
    return &all->at[db];
}

void keyspaces_set_now(struct keyspaces *all, millis now)
{
    all->now = now;
    all->clock = (uint32_t)((uint64_t)now / USE_TICK);
}

millis keyspaces_now(const struct keyspaces *all)
{
    return all->now;
}

void keyspaces_keep_expired(struct keyspaces *all, bool keep)
{
    all->keep_expired = keep;
}

void keyspaces_set_room(struct keyspaces *all, size_t room)
{
    bool followed = all->room != room && room == SIZE_MAX;

    all->room = room;
    for (uint32_t db = 0; followed && db < all->count; db++)
        table_set_cramped(&all->at[db].items, false);
}

void keyspaces_hold(struct keyspaces *all, enum hold why, bool on)
{
    all->held = (uint8_t)(on ? all->held | why : all->held & ~(unsigned)why);
}

unsigned keyspaces_held(const struct keyspaces *all)
{
    return all->held;
}

void keyspaces_hush(struct keyspaces *all, bool on)
{
    all->hushed = on;
}

bool keyspaces_keeps_expired(const struct keyspaces *all)
{
    return all->keep_expired;
}

void keyspaces_leave_unmarked(struct keyspaces *all, bool on)
{
    all->unmarked = (uint8_t)((all->unmarked & ~UNMARKED_ASKED) | (on ? UNMARKED_ASKED : 0));
}

void keyspaces_pause_resizing(struct keyspaces *all, bool pause)
{
    /* A mark of use is a write too, for which a page is copied. */
    all->unmarked = (uint8_t)((all->unmarked & ~UNMARKED_SAVING) | (pause ? UNMARKED_SAVING : 0));
    for (uint32_t db = 0; db < all->count; db++)
        table_set_reluctant(&all->at[db].items, pause);
}

struct keyspace_counts *keyspaces_counts(struct keyspaces *all)
{
    return &all->counts;
}

void keyspaces_swap(struct keyspaces *all, uint32_t a, uint32_t b)
{
    struct keyspace *one = keyspaces_at(all, a);
    struct keyspace *two = keyspaces_at(all, b);
    struct keyspace kept = *one;

    weights_swap(one, two);
    one->items = two->items;
    one->dues = two->dues;
    one->fields = two->fields;
    two->items = kept.items;
    two->dues = kept.dues;
    two->fields = kept.fields;
}

void keyspaces_exchange(struct keyspaces *one, struct keyspaces *two)
{
    must(one->count == two->count && one->secret == two->secret);
    keyspaces_settle(one);
    keyspaces_settle(two);
    for (uint32_t db = 0; db < one->count; db++) {
        struct keyspace *mine = &one->at[db];
        struct keyspace *theirs = &two->at[db];
        struct keyspace kept = *mine;

        *mine = *theirs;
        *theirs = kept;
        mine->all = one;
        theirs->all = two;
    }
    for (int kind = 0; kind < VALUE_KINDS; kind++) {
        size_t weight = one->weight[kind];

        one->weight[kind] = two->weight[kind];
        two->weight[kind] = weight;
    }
    one->counted = NULL;
    two->counted = NULL;
}
