/*
 * A circular array of nodes.
 *
 * What always holds: capacity is 0 or a power of two, first < capacity, and
 * once there are a few nodes at least an eighth of the slots are in use.
 */
#include "storage/values/list_spine.h"

#include "storage/base/memory.h"

enum { SPINE_LEAST = 4 };

static void set_capacity(struct list_spine *spine, uint32_t count, uint32_t capacity)
{
    struct list_slots *slots;

    must(capacity <= UINT32_MAX / 2);
    slots = memory_new(sizeof(*slots) + capacity * sizeof(struct list_node));
    slots->bytes = spine->slots != NULL ? spine->slots->bytes : 0;
    for (uint32_t i = 0; i < count; i++)
        slots->at[i] = *list_spine_at(spine, i);
    list_spine_clear(spine);
    spine->slots = slots;
    spine->capacity = capacity;
}

struct list_node *list_spine_insert(struct list_spine *spine, uint32_t count, uint32_t index)
{
    struct list_node *fresh;

    if (count == spine->capacity)
        set_capacity(spine, count, count == 0 ? SPINE_LEAST : count * 2);
    if (index == 0 || index < count / 2) {
        spine->first = (spine->first - 1) & (spine->capacity - 1);
        for (uint32_t i = 0; i < index; i++)
            *list_spine_at(spine, i) = *list_spine_at(spine, i + 1);
    } else {
        for (uint32_t i = count; i > index; i--)
            *list_spine_at(spine, i) = *list_spine_at(spine, i - 1);
    }
    fresh = list_spine_at(spine, index);
    *fresh = (struct list_node){ 0 };
    return fresh;
}

void list_spine_remove(struct list_spine *spine, uint32_t count, uint32_t index, uint32_t some)
{
    uint32_t behind = count - index - some;

    if (index < behind) {
        for (uint32_t i = index; i > 0; i--)
            *list_spine_at(spine, i + some - 1) = *list_spine_at(spine, i - 1);
        spine->first = (spine->first + some) & (spine->capacity - 1);
    } else {
        for (uint32_t i = index; i < index + behind; i++)
            *list_spine_at(spine, i) = *list_spine_at(spine, i + some);
    }
    if (spine->capacity > SPINE_LEAST && count - some <= spine->capacity / 8)
        set_capacity(spine, count - some, spine->capacity / 4 > SPINE_LEAST ? spine->capacity / 4
                                                                            : SPINE_LEAST);
}

void list_spine_clear(struct list_spine *spine)
{
    memory_free(spine->slots);
    *spine = (struct list_spine){ 0 };
}
