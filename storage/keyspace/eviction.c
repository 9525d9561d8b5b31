/*
 * Clocks and the candidate pool.
 *
 * The clock of an item, 32 bits:
 *
 *   USE_READ, USE_WRITTEN   the moment, in ticks of USE_TICK milliseconds
 *   USE_COUNTED             24 bits: minutes when it was counted; 8 bits: the count
 *
 * A count is a logarithm: it rises by one with a chance of 1 / ((count - 5) *
 * factor + 1) and falls by one for every `decay` minutes without use. New items
 * begin at 5, so that they are not the first to go.
 *
 * What always holds of the pool:
 *   (1) Its candidates are in rising order of score; the last is the best.
 *   (2) A candidate is an address that may be stale: it is looked at only after
 *       its table was seen to hold it.
 */
#include "storage/keyspace/eviction.h"

#include "storage/base/memory.h"
#include "storage/keyspace/keyspace_private.h"

enum {
    COUNT_AT_FIRST = 5,
    COUNT_MOST = 255,
    MINUTE = 60 * 1000,
    POOL = 16,
    SAMPLES_MOST = 64,
    ROUNDS = 8,         /* of sampling, before everything is walked over */
    WALK_STEPS = 256,   /* of the scan in one attempt */
    BARREN_FOR = 100,   /* milliseconds for which nothing is looked for again */
    LARGE_EFFORT = 128, /* blocks of a value that a worker had better free */
    LARGE_TEXT = 1 << 18, /* bytes of a string, likewise: its pages go back to the kernel */
    SAMPLES_OF_LARGE = 5  /* elements that are looked at to tell its size */
};

/* Somebody who may go. */
struct candidate {
    struct item *item;
    uint64_t     hash;
    uint64_t     score; /* higher goes first */
    uint32_t     db;
};

struct eviction {
    struct keyspaces     *all;
    struct eviction_rules rules;
    struct candidate      pool[POOL];
    size_t                count;
    uint32_t              next_db;   /* for EVICTION_RANDOM, and the walk */
    uint64_t              cursor;    /* of the walk */
    uint32_t              walked;    /* databases it has seen the end of without finding any */
    millis                barren_until;
    size_t                handed; /* bytes that the last one handed to the worker has */
};

/* ---- Clocks ---- */

void keyspaces_count_use(struct keyspaces *all, enum use use, uint32_t factor, uint32_t decay)
{
    all->use = (uint8_t)use;
    all->use_factor = factor;
    all->use_decay = decay;
}

static uint32_t minutes_of(const struct keyspaces *all)
{
    return (uint32_t)(all->now / MINUTE) & 0xFFFFFF;
}

uint32_t item_clock_at_first(const struct keyspaces *all)
{
    return all->use == USE_COUNTED ? minutes_of(all) << 8 | COUNT_AT_FIRST : all->clock;
}

uint32_t keyspaces_frequency(const struct keyspaces *all, const struct item *item)
{
    uint32_t count = item->clock & 0xFF;
    uint32_t passed = (minutes_of(all) - (item->clock >> 8)) & 0xFFFFFF;
    uint32_t fallen = all->use_decay > 0 ? passed / all->use_decay : 0;

    return fallen < count ? count - fallen : 0;
}

void item_count_use(struct keyspaces *all, struct item *item)
{
    uint32_t count = keyspaces_frequency(all, item);
    uint32_t above = count > COUNT_AT_FIRST ? count - COUNT_AT_FIRST : 0;

    if (count < COUNT_MOST &&
        random_fraction(&all->random) * ((double)above * all->use_factor + 1) < 1)
        count++;
    item->clock = minutes_of(all) << 8 | count;
    all->counted = item;
}

millis keyspaces_idle(const struct keyspaces *all, const struct item *item)
{
    int32_t ticks = (int32_t)(all->clock - item->clock);

    /* The clock may have been set back; half of its range is a year. */
    return ticks > 0 ? (millis)ticks * USE_TICK : 0;
}

void keyspaces_set_use(const struct keyspaces *all, struct item *item, millis idle, int frequency)
{
    if (all->use == USE_COUNTED && frequency >= 0)
        item->clock = minutes_of(all) << 8 | ((uint32_t)frequency & 0xFF);
    else if (all->use != USE_COUNTED && idle >= 0)
        item->clock = all->clock - (uint32_t)(idle / USE_TICK);
}

/* ---- Rules ---- */

struct eviction *eviction_new(struct keyspaces *all)
{
    struct eviction *eviction = memory_new_zeroed(1, sizeof(*eviction));

    eviction->all = all;
    eviction->rules.nobody = true;
    return eviction;
}

void eviction_free(struct eviction *eviction)
{
    memory_free(eviction);
}

void eviction_follow(struct eviction *eviction, const struct eviction_rules *rules)
{
    eviction->rules = *rules;
    eviction->count = 0;
    eviction->walked = 0;
    eviction->cursor = 0;
    eviction->barren_until = 0;
    if (eviction->rules.samples > SAMPLES_MOST)
        eviction->rules.samples = SAMPLES_MOST;
}

static bool begins_with_any(struct slice key, const struct slice *prefixes, size_t count)
{
    for (size_t i = 0; i < count; i++) {
        if (key.len >= prefixes[i].len && memcmp(key.at, prefixes[i].at, prefixes[i].len) == 0)
            return true;
    }
    return false;
}

/* Whether the rules let an item go. */
static bool may_take(const struct eviction *eviction, const struct item *item)
{
    const struct eviction_rules *rules = &eviction->rules;

    if (rules->nobody || (rules->kinds & 1u << item->kind) == 0 ||
        (rules->expiring_only && !item_expires(item)))
        return false;
    if (rules->kept_count > 0 &&
        begins_with_any(item_key_of(item), rules->kept, rules->kept_count))
        return false;
    return rules->prefix_count == 0 ||
           begins_with_any(item_key_of(item), rules->prefixes, rules->prefix_count);
}

/* ---- The pool ---- */

static uint64_t score_of(const struct eviction *eviction, const struct item *item)
{
    const struct keyspaces *all = eviction->all;

    if (eviction->rules.order == EVICTION_RARE)
        /* Of those used as often, who was not used for longest. */
        return (uint64_t)(COUNT_MOST - keyspaces_frequency(all, item)) << 24 |
               ((minutes_of(all) - (item->clock >> 8)) & 0xFFFFFF);
    return (uint64_t)keyspaces_idle(all, item);
}

/* Puts a candidate at its place, unless all in a full pool are better. */
static void offer(struct eviction *eviction, struct keyspace *keys, struct item *item)
{
    struct candidate one = { .item = item, .score = score_of(eviction, item), .db = keys->db };
    struct candidate *pool = eviction->pool;
    size_t place = 0;

    if (eviction->count == POOL && one.score <= pool[0].score)
        return;
    for (size_t i = 0; i < eviction->count; i++) {
        if (pool[i].item == item)
            return;
    }
    while (place < eviction->count && pool[place].score < one.score)
        place++;
    one.hash = keyspace_hash(keys, item_key_of(item));
    if (eviction->count < POOL) {
        memmove(&pool[place + 1], &pool[place], (eviction->count++ - place) * sizeof(one));
        pool[place] = one;
    } else {
        memmove(&pool[0], &pool[1], (place - 1) * sizeof(one));
        pool[place - 1] = one;
    }
}

/* Items of one database at random; of those that expire where only they may go. */
static size_t sample(struct eviction *eviction, struct keyspace *keys, void **items)
{
    struct keyspaces *all = eviction->all;
    size_t wanted = eviction->rules.samples;
    size_t expiring = ordered_count(keys->dues);

    /* Where most expire the table is the cheaper place to look, and the rules sift it. */
    if (!eviction->rules.expiring_only || expiring > table_count(&keys->items) / 2)
        return table_sample(&keys->items, &all->random, items, wanted, 2 * SAMPLES_MOST);
    if (expiring == 0)
        return 0;
    for (size_t i = 0; i < wanted; i++) {
        struct ordered_cursor at =
            ordered_at(keys->dues, random_below(&all->random, expiring));

        items[i] = ((const struct due *)at.record)->item;
    }
    return wanted;
}

static void fill_pool(struct eviction *eviction)
{
    void *items[2 * SAMPLES_MOST];

    for (uint32_t db = 0; db < eviction->all->count; db++) {
        struct keyspace *keys = &eviction->all->at[db];
        size_t count = sample(eviction, keys, items);

        for (size_t i = 0; i < count; i++) {
            if (may_take(eviction, items[i]))
                offer(eviction, keys, items[i]);
        }
    }
}

/* The bytes of what takes long to free, roughly; 0 for all else. */
static size_t large_bytes(const struct keyspaces *all, const struct item *item)
{
    struct item_content content = item_content(item);
    const struct value_type *type = all->types->of[content.kind];

    if (content.value != NULL)
        return type->effort(content.value) > LARGE_EFFORT
                   ? type->measure(content.value, SAMPLES_OF_LARGE) | 1
                   : 0;
    /* Who shares a string with others frees nothing. */
    return content.bytes != NULL && bytes_len(content.bytes) >= LARGE_TEXT && bytes_sole(content.bytes)
               ? bytes_len(content.bytes)
               : 0;
}

static void drop_bytes(void *what)
{
    bytes_drop(what);
}

size_t eviction_handed(const struct eviction *eviction)
{
    return eviction->handed;
}

static enum eviction_result take(struct eviction *eviction, struct keyspace *keys,
                                 struct item *item, uint64_t hash)
{
    struct keyspaces *all = eviction->all;
    size_t large = all->reclaim != NULL ? large_bytes(all, item) : 0;
    struct item_content content = item_content(item);

    eviction->walked = 0;
    eviction->handed = large;
    all->counts.evicted++;
    keyspace_tell(keys, item_key_of(item), CHANGE_EVICTED);
    if (large > 0 && content.bytes != NULL)
        (void)bytes_share(content.bytes);
    keyspace_drop(keys, item, hash, large > 0);
    if (large > 0 && content.bytes != NULL) {
        all->counts.handed++;
        keyspaces_reclaim(all, drop_bytes, content.bytes);
    }
    return large > 0 ? EVICTION_HANDED : EVICTION_TOOK;
}

/* The best candidate that is still what it was; false if the pool is empty. */
static bool best_of_pool(struct eviction *eviction, struct candidate *best)
{
    while (eviction->count > 0) {
        struct candidate *last = &eviction->pool[--eviction->count];

        if (!table_holds(&eviction->all->at[last->db].items, last->item, last->hash) ||
            !may_take(eviction, last->item) ||
            score_of(eviction, last->item) < last->score)
            continue;
        *best = *last;
        /* Another item may have taken its place in memory, and then has another hash. */
        best->hash = keyspace_hash(&eviction->all->at[best->db], item_key_of(best->item));
        return true;
    }
    return false;
}

static enum eviction_result take_from_pool(struct eviction *eviction)
{
    struct candidate best;

    fill_pool(eviction);
    if (!best_of_pool(eviction, &best))
        return EVICTION_SEARCHES;
    return take(eviction, &eviction->all->at[best.db], best.item, best.hash);
}

/* ---- Other orders ---- */

static enum eviction_result take_random(struct eviction *eviction)
{
    struct keyspaces *all = eviction->all;
    void *items[2 * SAMPLES_MOST];

    for (uint32_t tries = 0; tries < all->count; tries++) {
        struct keyspace *keys = &all->at[eviction->next_db];
        size_t count = sample(eviction, keys, items);
        size_t first = count > 0 ? random_below(&all->random, count) : 0;

        eviction->next_db = (eviction->next_db + 1) % all->count;
        for (size_t i = 0; i < count; i++) {
            struct item *item = items[(first + i) % count];

            if (may_take(eviction, item))
                return take(eviction, keys, item, keyspace_hash(keys, item_key_of(item)));
        }
    }
    return EVICTION_SEARCHES;
}

/* The first of one database that may go, among the next few to expire. */
static struct item *next_due(const struct eviction *eviction, const struct keyspace *keys)
{
    struct ordered_cursor at = ordered_first(keys->dues);

    for (int i = 0; i < SAMPLES_MOST && at.record != NULL; i++) {
        struct item *item = ((const struct due *)at.record)->item;

        if (may_take(eviction, item))
            return item;
        at = ordered_next(keys->dues, at);
    }
    return NULL;
}

static enum eviction_result take_next_due(struct eviction *eviction)
{
    struct keyspaces *all = eviction->all;
    struct keyspace *where = NULL;
    struct item *first = NULL;

    for (uint32_t db = 0; db < all->count; db++) {
        struct item *item = next_due(eviction, &all->at[db]);

        if (item != NULL && (first == NULL || item_due(item) < item_due(first))) {
            first = item;
            where = &all->at[db];
        }
    }
    if (first == NULL)
        return take_random(eviction);
    return take(eviction, where, first, keyspace_hash(where, item_key_of(first)));
}

/* ---- Where what may go is rare ---- */

struct walk {
    const struct eviction *eviction;
    struct item           *found;
};

static void look_at(void *who, void *item)
{
    struct walk *walk = who;

    if (walk->found == NULL && may_take(walk->eviction, item))
        walk->found = item;
}

/* Goes on through everything; says EVICTION_NOTHING after a whole round without finding any. */
static enum eviction_result walk_on(struct eviction *eviction)
{
    struct keyspaces *all = eviction->all;
    struct walk walk = { .eviction = eviction };

    for (int steps = 0; steps < WALK_STEPS; steps++) {
        struct keyspace *keys = &all->at[eviction->next_db];

        if (table_count(&keys->items) > 0)
            eviction->cursor = table_scan(&keys->items, eviction->cursor, look_at, &walk);
        else
            eviction->cursor = 0;
        if (walk.found != NULL)
            return take(eviction, keys, walk.found,
                        keyspace_hash(keys, item_key_of(walk.found)));
        if (eviction->cursor != 0)
            continue;
        eviction->next_db = (eviction->next_db + 1) % all->count;
        /* The walk began in the middle: one database is seen once more. */
        if (++eviction->walked > all->count) {
            eviction->walked = 0;
            eviction->barren_until = all->now + BARREN_FOR;
            return EVICTION_NOTHING;
        }
    }
    return EVICTION_SEARCHES;
}

enum eviction_result eviction_take(struct eviction *eviction)
{
    enum eviction_result result = EVICTION_SEARCHES;

    if (eviction->rules.nobody || eviction->all->now < eviction->barren_until)
        return EVICTION_NOTHING;
    for (int round = 0; round < ROUNDS && result == EVICTION_SEARCHES; round++) {
        switch (eviction->rules.order) {
        case EVICTION_UNUSED:
        case EVICTION_RARE:
            result = take_from_pool(eviction);
            break;
        case EVICTION_RANDOM:
            result = take_random(eviction);
            break;
        case EVICTION_DUE:
            result = take_next_due(eviction);
            break;
        }
    }
    return result == EVICTION_SEARCHES ? walk_on(eviction) : result;
}

void eviction_estimate(struct eviction *eviction, size_t *evictable, size_t *items)
{
    struct keyspaces *all = eviction->all;
    void *seen[2 * SAMPLES_MOST];

    *evictable = *items = 0;
    for (uint32_t db = 0; db < all->count; db++) {
        struct keyspace *keys = &all->at[db];
        size_t count = table_sample(&keys->items, &all->random, seen, SAMPLES_MOST,
                                    2 * SAMPLES_MOST);
        size_t may = 0;

        for (size_t i = 0; i < count; i++)
            may += may_take(eviction, seen[i]);
        *items += table_count(&keys->items);
        if (count > 0)
            *evictable += table_count(&keys->items) * may / count;
    }
}
