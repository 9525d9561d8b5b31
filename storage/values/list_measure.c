/* What a list takes, and the check of what list.c believes. */
#include "storage/base/memory.h"
#include "storage/values/list_private.h"

size_t list_nodes(const struct list *list)
{
    return list->nodes;
}

uint32_t list_pack_depth(const struct list *list)
{
    return list->value.form;
}

void list_run_bytes(const struct list *list, uint64_t *whole, uint64_t *kept)
{
    *whole = 0;
    *kept = 0;
    for (uint32_t i = 0; i < list->nodes; i++) {
        const struct list_node *node = list_node_by(list, i);

        *whole += list_node_used(node);
        *kept += list_node_is_packed(node) ? node->room : list_node_used(node);
    }
}

size_t list_block_bytes(const struct list *list, size_t index)
{
    const struct list_node *node = list_node_by(list, (uint32_t)index);

    return node->room > 0 ? memory_good_size(node->room) : 0;
}

/* Blocks are made as large as their size class, nearly all of them: no allocator is asked. */
size_t list_weight(const struct list *list)
{
    if (list->nodes == 1)
        return sizeof(*list) + list->in.sole.room;
    return sizeof(*list) + list_spine_bytes(&list->in.many.spine) +
           list->in.many.spine.slots->bytes;
}

size_t list_header_bytes(const struct list *list)
{
    size_t bytes = memory_good_size(sizeof(*list));

    if (list->nodes > 1)
        bytes += memory_good_size(list_spine_bytes(&list->in.many.spine));
    return bytes;
}

void list_check(const struct list *list)
{
    uint64_t length = 0;
    uint64_t bytes = 0;

    must(list->value.kind == VALUE_LIST && list->nodes >= 1);
    for (uint32_t i = 0; i < list->nodes; i++) {
        const struct list_node *node = list_node_by(list, i);

        list_node_check(node);
        must(list_is_cold(list, i) || !list_node_is_packed(node));
        must(node->count > 0 || list->nodes == 1);
        must(node->count <= 1 || (list_node_used(node) + 7 <= list_limit(list).bytes &&
                                  node->count <= list_limit(list).count));
        length += node->count;
        bytes += node->room;
    }
    must(length == list_length(list));
    must(list->nodes == 1 || bytes == list->in.many.spine.slots->bytes);
}
