/*
 * What insertion and removal of the ordered tree share: nodes, the entries that
 * tell of them, and the way from the root to a record.
 */
#include "storage/base/memory.h"
#include "storage/index/ordered_private.h"

/* -- Nodes. */

static void *counted_block(struct ordered *tree, void *block)
{
    tree->bytes += memory_usable(block);
    return block;
}

void ordered_free_node(struct ordered *tree, void *node)
{
    tree->bytes -= memory_usable(node);
    memory_free(node);
}

static size_t leaf_bytes(const struct ordered *tree, uint32_t capacity)
{
    return sizeof(struct ordered_leaf) + (size_t)capacity * tree->kind->record_size;
}

size_t ordered_entry_bytes(const struct ordered_kind *kind)
{
    return (size_t)kind->record_size + sizeof(void *) + sizeof(uint64_t) + kind->summary_size;
}

struct ordered_leaf *ordered_new_leaf(struct ordered *tree, uint32_t capacity)
{
    struct ordered_leaf *leaf = counted_block(tree, memory_new(leaf_bytes(tree, capacity)));

    *leaf = (struct ordered_leaf){ .capacity = capacity };
    return leaf;
}

struct ordered_inner *ordered_new_inner(struct ordered *tree, uint32_t capacity)
{
    size_t bytes = sizeof(struct ordered_inner) + capacity * ordered_entry_bytes(tree->kind);
    struct ordered_inner *node = counted_block(tree, memory_new(bytes));

    *node = (struct ordered_inner){ .capacity = capacity };
    return node;
}

void ordered_copy_children(const struct ordered *tree, struct ordered_inner *target, uint32_t to,
                           const struct ordered_inner *source, uint32_t from, uint32_t count)
{
    if (count == 0)
        return;
    memmove(inner_first(tree, target, to), inner_first(tree, source, from),
            (size_t)count * tree->kind->record_size);
    memmove(inner_children(tree, target) + to, inner_children(tree, source) + from,
            count * sizeof(void *));
    memmove(inner_counts(tree, target) + to, inner_counts(tree, source) + from,
            count * sizeof(uint64_t));
    memmove(inner_summary(tree, target, to), inner_summary(tree, source, from),
            (size_t)count * tree->kind->summary_size);
}

void ordered_copy_records(const struct ordered *tree, struct ordered_leaf *target, uint32_t to,
                          const struct ordered_leaf *source, uint32_t from, uint32_t count)
{
    memmove(leaf_record(tree, target, to), leaf_record(tree, source, from),
            (size_t)count * tree->kind->record_size);
}

void ordered_refresh(const struct ordered *tree, struct ordered_inner *node, unsigned level,
                     uint32_t index)
{
    const void *child = inner_children(tree, node)[index];
    void *summary = inner_summary(tree, node, index);
    bool begun = false;
    uint64_t count = 0;

    if (level == 0) {
        const struct ordered_leaf *leaf = child;

        memcpy(inner_first(tree, node, index), leaf->records, tree->kind->record_size);
        count = leaf->count;
        if (tree->kind->summary_size > 0)
            ordered_fold_leaf(tree, leaf, leaf->count, summary, &begun);
    } else {
        const struct ordered_inner *inner = child;

        memcpy(inner_first(tree, node, index), inner->arrays, tree->kind->record_size);
        for (uint32_t i = 0; i < inner->count; i++)
            count += inner_counts(tree, inner)[i];
        if (tree->kind->summary_size > 0)
            ordered_fold_inner(tree, inner, inner->count, summary, &begun);
    }
    inner_counts(tree, node)[index] = count;
}

void ordered_insert_child(const struct ordered *tree, struct ordered_inner *node, unsigned level,
                          uint32_t index, void *child)
{
    ordered_copy_children(tree, node, index + 1, node, index, node->count - index);
    node->count++;
    inner_children(tree, node)[index] = child;
    ordered_refresh(tree, node, level, index);
}

void ordered_remove_child(const struct ordered *tree, struct ordered_inner *node, uint32_t index)
{
    ordered_copy_children(tree, node, index, node, index + 1, node->count - index - 1);
    node->count--;
}

/* Only a root leaf is ever smaller than the others. */
void ordered_resize_root_leaf(struct ordered *tree, uint32_t capacity)
{
    struct ordered_leaf *leaf = tree->root;
    size_t room = memory_good_size(leaf_bytes(tree, capacity)) - sizeof(struct ordered_leaf);

    capacity = (uint32_t)(room / tree->kind->record_size);
    if (capacity > tree->leaf_capacity)
        capacity = tree->leaf_capacity;
    tree->bytes -= memory_usable(leaf);
    leaf = counted_block(tree, memory_resize(leaf, leaf_bytes(tree, capacity)));
    leaf->capacity = capacity;
    tree->root = leaf;
    tree->first = leaf;
    tree->last = leaf;
}

/* -- Paths. */

void ordered_find_path(const struct ordered *tree, const void *probe, struct ordered_path *path)
{
    void *node = tree->root;

    for (unsigned level = tree->height; level-- > 0;) {
        struct ordered_inner *inner = node;
        uint32_t index = ordered_enter(tree, inner, probe, true);

        path->step[level].node = inner;
        path->step[level].index = index;
        node = inner_children(tree, inner)[index];
        ordered_ask_for(tree, node);
    }
    path->leaf = node;
    path->index = ordered_search(tree, path->leaf->records, path->leaf->count, probe, false);
}

void ordered_find_rank(const struct ordered *tree, size_t rank, struct ordered_path *path)
{
    void *node = tree->root;

    for (unsigned level = tree->height; level-- > 0;) {
        struct ordered_inner *inner = node;
        uint32_t index = 0;

        while (rank >= inner_counts(tree, inner)[index])
            rank -= inner_counts(tree, inner)[index++];
        path->step[level].node = inner;
        path->step[level].index = index;
        node = inner_children(tree, inner)[index];
    }
    path->leaf = node;
    path->index = (uint32_t)rank;
}

bool ordered_path_meets(const struct ordered *tree, const struct ordered_path *path,
                        const void *probe)
{
    return path->index < path->leaf->count &&
           ordered_compare(tree, probe, leaf_record(tree, path->leaf, path->index)) == 0;
}

void ordered_refresh_path(const struct ordered *tree, const struct ordered_path *path,
                          unsigned from_level, uint64_t difference)
{
    uint64_t before[ORDERED_SUMMARY_MAX / sizeof(uint64_t)];
    size_t size = tree->kind->summary_size;
    bool differs = true;

    for (unsigned level = from_level; level < tree->height; level++) {
        struct ordered_inner *node = path->step[level].node;
        uint32_t index = path->step[level].index;
        const void *child = inner_children(tree, node)[index];

        if (size > 0 && differs) {
            memcpy(before, inner_summary(tree, node, index), size);
            ordered_refresh(tree, node, level, index);
            differs = memcmp(before, inner_summary(tree, node, index), size) != 0;
            continue;
        }
        memcpy(inner_first(tree, node, index),
               level == 0 ? ((const struct ordered_leaf *)child)->records
                          : ((const struct ordered_inner *)child)->arrays,
               tree->kind->record_size);
        inner_counts(tree, node)[index] += difference;
    }
}
