/*
 * The nodes of a list in a circular array, by value: adding and taking at
 * either end is cheap, and finding an index reads nothing but neighbouring
 * counts, eight nodes in three lines of cache.
 */
#ifndef STORAGE_VALUES_LIST_SPINE_H
#define STORAGE_VALUES_LIST_SPINE_H

#include <stddef.h>

#include "storage/values/list_node.h"

/* The array, and in front of it what its owner keeps: the sum of its nodes' `room`. */
struct list_slots {
    uint64_t         bytes;
    struct list_node at[];
};

/* All zero has no nodes and owns nothing. Its nodes' blocks are its owner's affair. */
struct list_spine {
    struct list_slots *slots;
    uint32_t          first;    /* slot of the first node */
    uint32_t          capacity; /* slots, a power of two or 0 */
};

static inline struct list_node *list_spine_at(const struct list_spine *spine, uint32_t index)
{
    return &spine->slots->at[(spine->first + index) & (spine->capacity - 1)];
}

/*
 * Makes place for an empty node at an index, at most `count`, where `count` is
 * how many nodes there are, and returns it. Moves the shorter side.
 */
struct list_node *list_spine_insert(struct list_spine *spine, uint32_t count, uint32_t index);

/* Takes `some` nodes, which must be empty, out from an index on. Moves the shorter side. */
void list_spine_remove(struct list_spine *spine, uint32_t count, uint32_t index, uint32_t some);

/* Bytes of the array. */
static inline size_t list_spine_bytes(const struct list_spine *spine)
{
    return sizeof(*spine->slots) + spine->capacity * sizeof(struct list_node);
}

/* Frees the array. */
void list_spine_clear(struct list_spine *spine);

#endif
