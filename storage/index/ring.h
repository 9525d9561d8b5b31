/*
 * A growable circular array of pointers: a queue with both ends open, whose
 * elements have numbers, so that a sorted ring can be searched by halves.
 *
 *     slots   [ d  e  .  .  a  b  c ]      at(0) = a ... at(4) = e
 *                           ^ begin
 *
 * The pointers are the owner's. Capacity is a power of two, doubled when full
 * and halved when three quarters are empty. An empty ring owns no memory.
 */
#ifndef STORAGE_INDEX_RING_H
#define STORAGE_INDEX_RING_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "storage/base/must.h"

struct ring {
    /* Private; shown for the inline functions and so that owners may embed it. */
    void   **slots;
    size_t   begin;
    size_t   count;
    size_t   capacity;
};

/* A ring that is part of another struct: all zero bytes are an empty ring too. */
void ring_init(struct ring *ring);

/* Frees the slots, not what they point at; the ring is empty again. */
void ring_clear(struct ring *ring);

struct ring *ring_new(void);
void ring_free(struct ring *ring); /* NULL is fine. */

static inline size_t ring_count(const struct ring *ring)
{
    return ring->count;
}

/* The element at an index, which is less than the count. O(1). */
static inline void *ring_at(const struct ring *ring, size_t index)
{
    must_dear(index < ring->count);
    return ring->slots[(ring->begin + index) & (ring->capacity - 1)];
}

/* Puts another element at an index. O(1). */
static inline void ring_set(struct ring *ring, size_t index, void *element)
{
    must_dear(index < ring->count);
    ring->slots[(ring->begin + index) & (ring->capacity - 1)] = element;
}

/* NULL if the ring is empty. O(1). */
static inline void *ring_first(const struct ring *ring)
{
    return ring->count > 0 ? ring_at(ring, 0) : NULL;
}

static inline void *ring_last(const struct ring *ring)
{
    return ring->count > 0 ? ring_at(ring, ring->count - 1) : NULL;
}

/* Adds at the end or at the front. Amortised O(1). */
void ring_push_last(struct ring *ring, void *element);
void ring_push_first(struct ring *ring, void *element);

/* Takes from the end or from the front; NULL if the ring is empty. Amortised O(1). */
void *ring_pop_last(struct ring *ring);
void *ring_pop_first(struct ring *ring);

/* Inserts `element` so that it is at `index`, which is at most the count. Moves the shorter side.
 * O(count). */
void ring_insert(struct ring *ring, size_t index, void *element);

/* Takes out the element at an index, which is less than the count. Moves the shorter side. */
void *ring_remove(struct ring *ring, size_t index);

/* Takes out the first `count` elements, or all, without looking at them. */
void ring_drop_first(struct ring *ring, size_t count);

/*
 * The index of the first element of which `reached` is true, or the count. It
 * must be false for all before and true for all after that one. O(log count).
 */
size_t ring_partition(const struct ring *ring, bool (*reached)(const void *element, void *who),
                      void *who);

/* Bytes of the slots. */
size_t ring_memory(const struct ring *ring);

/* Asserts every invariant. O(1). */
void ring_check(const struct ring *ring);

#endif
