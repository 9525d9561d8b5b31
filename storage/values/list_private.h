/* What a list is made of: for storage/values/list*.c only. list.c says what always holds. */
#ifndef STORAGE_VALUES_LIST_PRIVATE_H
#define STORAGE_VALUES_LIST_PRIVATE_H

#include "storage/values/list.h"
#include "storage/values/list_spine.h"

/* A cold node that cannot be remembered stays open: it is the 2^24th at least. */
enum { NOTHING_WARM = (1 << 24) - 1, DEPTH_MOST = UINT8_MAX };
#define LENGTH_MASK ((UINT64_C(1) << 40) - 1)

struct list {
    struct value value;     /* its form is the depth: how many nodes at either end are not packed */
    int16_t      node_size; /* list-max-listpack-size when the list was made */
    uint32_t     nodes;
    union {
        struct list_node sole;
        struct {
            struct list_spine spine;
            uint64_t          length : 40;
            uint64_t          warm : 24; /* the cold node that is open, or NOTHING_WARM */
        } many;
    } in;
};
_Static_assert(sizeof(struct list) == 32, "a small list is a small header and a block");

static inline struct list_node_limit list_limit(const struct list *list)
{
    return list_node_limit_of(list->node_size);
}

static inline struct list_node *list_node_by(const struct list *list, uint32_t index)
{
    if (list->nodes == 1)
        return (struct list_node *)(uintptr_t)&list->in.sole;
    return list_spine_at(&list->in.many.spine, index);
}

static inline bool list_is_cold(const struct list *list, uint32_t index)
{
    uint32_t depth = list->value.form;

    return depth > 0 && index >= depth && list->nodes > depth && index < list->nodes - depth;
}

#endif
