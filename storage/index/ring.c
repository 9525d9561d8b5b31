/*
 * The circular array.
 *
 * What always holds:
 *   (1) The capacity is 0 or a power of two of at least RING_SMALLEST.
 *   (2) begin < capacity, or both are 0; count <= capacity.
 *   (3) slots is NULL exactly where the capacity is 0.
 *   (4) More than a quarter of a capacity above RING_SMALLEST is in use.
 */
#include "storage/index/ring.h"

#include <string.h>

#include "storage/base/memory.h"

enum { RING_SMALLEST = 4 };

void ring_init(struct ring *ring)
{
    *ring = (struct ring){ .slots = NULL };
}

void ring_clear(struct ring *ring)
{
    memory_free(ring->slots);
    ring_init(ring);
}

struct ring *ring_new(void)
{
    return memory_new_zeroed(1, sizeof(struct ring));
}

void ring_free(struct ring *ring)
{
    if (ring == NULL)
        return;
    ring_clear(ring);
    memory_free(ring);
}

static size_t slot_of(const struct ring *ring, size_t index)
{
    return (ring->begin + index) & (ring->capacity - 1);
}

/* Puts the elements in order into slots of another capacity. */
static void resize(struct ring *ring, size_t capacity)
{
    void **slots = memory_new(capacity * sizeof(void *));
    size_t upper = ring->capacity - ring->begin;

    if (upper > ring->count)
        upper = ring->count;
    if (ring->count > 0) {
        memcpy(slots, ring->slots + ring->begin, upper * sizeof(void *));
        memcpy(slots + upper, ring->slots, (ring->count - upper) * sizeof(void *));
    }
    memory_free(ring->slots);
    ring->slots = slots;
    ring->begin = 0;
    ring->capacity = capacity;
}

static void grow_if_full(struct ring *ring)
{
    if (UNLIKELY(ring->count == ring->capacity))
        resize(ring, ring->capacity > 0 ? 2 * ring->capacity : RING_SMALLEST);
}

static void shrink_if_sparse(struct ring *ring)
{
    if (ring->count == 0 && ring->capacity > RING_SMALLEST)
        ring_clear(ring);
    else if (ring->capacity > RING_SMALLEST && ring->count <= ring->capacity / 4)
        resize(ring, ring->capacity / 2);
}

void ring_push_last(struct ring *ring, void *element)
{
    grow_if_full(ring);
    ring->slots[slot_of(ring, ring->count++)] = element;
}

void ring_push_first(struct ring *ring, void *element)
{
    grow_if_full(ring);
    ring->begin = slot_of(ring, ring->capacity - 1);
    ring->slots[ring->begin] = element;
    ring->count++;
}

void *ring_pop_last(struct ring *ring)
{
    void *element;

    if (ring->count == 0)
        return NULL;
    element = ring_at(ring, ring->count - 1);
    ring->count--;
    shrink_if_sparse(ring);
    return element;
}

void *ring_pop_first(struct ring *ring)
{
    void *element;

    if (ring->count == 0)
        return NULL;
    element = ring->slots[ring->begin];
    ring->begin = slot_of(ring, 1);
    ring->count--;
    shrink_if_sparse(ring);
    return element;
}

void ring_insert(struct ring *ring, size_t index, void *element)
{
    must(index <= ring->count);
    if (index < ring->count / 2) {
        ring_push_first(ring, element);
        for (size_t i = 0; i < index; i++)
            ring_set(ring, i, ring_at(ring, i + 1));
    } else {
        ring_push_last(ring, element);
        for (size_t i = ring->count - 1; i > index; i--)
            ring_set(ring, i, ring_at(ring, i - 1));
    }
    ring_set(ring, index, element);
}

void *ring_remove(struct ring *ring, size_t index)
{
    void *element;

    must(index < ring->count);
    element = ring_at(ring, index);
    if (index < ring->count / 2) {
        for (size_t i = index; i > 0; i--)
            ring_set(ring, i, ring_at(ring, i - 1));
        (void)ring_pop_first(ring);
    } else {
        for (size_t i = index; i + 1 < ring->count; i++)
            ring_set(ring, i, ring_at(ring, i + 1));
        (void)ring_pop_last(ring);
    }
    return element;
}

void ring_drop_first(struct ring *ring, size_t count)
{
    if (count >= ring->count) {
        ring_clear(ring);
        return;
    }
    ring->begin = slot_of(ring, count);
    ring->count -= count;
    if (ring->count <= ring->capacity / 4) {
        size_t capacity = ring->capacity;

        while (capacity > RING_SMALLEST && ring->count <= capacity / 4)
            capacity /= 2;
        resize(ring, capacity);
    }
}

size_t ring_partition(const struct ring *ring, bool (*reached)(const void *element, void *who),
                      void *who)
{
    size_t low = 0;
    size_t count = ring->count;

    while (count > 0) {
        size_t half = count / 2;

        if (reached(ring_at(ring, low + half), who)) {
            count = half;
        } else {
            low += half + 1;
            count -= half + 1;
        }
    }
    return low;
}

size_t ring_memory(const struct ring *ring)
{
    return memory_usable(ring->slots);
}

void ring_check(const struct ring *ring)
{
    must((ring->slots == NULL) == (ring->capacity == 0));
    must(ring->capacity == 0 || ring->capacity >= RING_SMALLEST);
    must((ring->capacity & (ring->capacity - 1)) == 0);
    must(ring->capacity == 0 ? ring->begin == 0 : ring->begin < ring->capacity);
    must(ring->count <= ring->capacity);
    must(ring->capacity <= RING_SMALLEST || ring->count > ring->capacity / 4);
}
