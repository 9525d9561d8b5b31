/*
 * Eviction: which items go when memory is short, and taking them out.
 *
 * Every item wears a clock (keyspace.h, enum use): when it was last used or
 * written, or how often it is used. Eviction looks at a few items at random,
 * remembers the best candidates seen so far in a small pool, and takes the best
 * of them. An item that was used since it came into the pool is spared. Items
 * that expire are in order of their time already, so for EVICTION_DUE nothing
 * is sampled.
 *
 * What may go at all is said by rules: everything or only what expires, by
 * type, by prefixes of keys. What goes is told the change sink (CHANGE_EVICTED).
 */
#ifndef STORAGE_KEYSPACE_EVICTION_H
#define STORAGE_KEYSPACE_EVICTION_H

#include "storage/keyspace/keyspace.h"

struct eviction;

/* Who goes first. */
enum eviction_order {
    EVICTION_UNUSED, /* what was last used longest ago; needs USE_READ or USE_WRITTEN */
    EVICTION_RARE,   /* what is used least often; needs USE_COUNTED */
    EVICTION_RANDOM,
    EVICTION_DUE,    /* what expires next */
};

enum { EVICTION_PREFIXES = 32 };

/* What may be evicted, and who goes first. */
struct eviction_rules {
    enum eviction_order order;
    bool     nobody;        /* nothing is evicted at all */
    bool     expiring_only; /* only items that expire */
    uint32_t samples;       /* looked at for each that goes; at least 1 */
    uint32_t kinds;         /* 1 << enum value_kind of what may go */

    /* If there are any, only keys that begin so go; and none that begins with one of the others. */
    struct slice prefixes[EVICTION_PREFIXES];
    size_t       prefix_count;
    struct slice kept[EVICTION_PREFIXES];
    size_t       kept_count;
};

/* Evicts nothing until there are rules. The keyspaces are borrowed. */
struct eviction *eviction_new(struct keyspaces *all);

/* Frees it. NULL is fine. */
void eviction_free(struct eviction *eviction);

/* Follows other rules from now on; slices must outlive them. */
void eviction_follow(struct eviction *eviction, const struct eviction_rules *rules);

/* How an attempt ended. */
enum eviction_result {
    EVICTION_TOOK,     /* an item went */
    EVICTION_HANDED,   /* an item went; a worker frees its value, which is large */
    EVICTION_SEARCHES, /* none was found so far: what may go is rare; try again */
    EVICTION_NOTHING   /* there is nothing that may go */
};

/*
 * Takes one item out. Bounded: a few dozen cache misses, or a slice of a walk
 * over everything where what may go is rare.
 */
enum eviction_result eviction_take(struct eviction *eviction);

/* After EVICTION_HANDED: how many bytes that value has, roughly. */
size_t eviction_handed(const struct eviction *eviction);

/* Estimates from a sample how many of all items the rules allow to be evicted. For reports. */
void eviction_estimate(struct eviction *eviction, size_t *evictable, size_t *items);

#endif
