/*
 * The shrinking half of the tree: removing, merging, lowering the root.
 *
 * A removal merges a leaf with a neighbour once both fit in seven eighths of
 * one. A queue, which is emptied from the left, so moves no record at all: its
 * neighbour is full until the leaf is empty and goes.
 */
#include "storage/base/memory.h"
#include "storage/index/ordered_private.h"

void ordered_unlink_leaf(struct ordered *tree, struct ordered_leaf *leaf)
{
    if (leaf->previous != NULL)
        leaf->previous->next = leaf->next;
    else
        tree->first = leaf->next;
    if (leaf->next != NULL)
        leaf->next->previous = leaf->previous;
    else
        tree->last = leaf->previous;
    ordered_free_node(tree, leaf);
}

bool ordered_merge_with_right(struct ordered *tree, struct ordered_inner *node, unsigned level,
                              uint32_t index)
{
    void **child = inner_children(tree, node) + index;

    if (index + 1 >= node->count)
        return false;
    if (level == 0) {
        struct ordered_leaf *left = child[0];
        struct ordered_leaf *right = child[1];
        const uint64_t *counts = inner_counts(tree, node) + index;

        /* The counts are at hand; the neighbour is touched only if it is merged. */
        if (counts[0] + counts[1] > tree->leaf_capacity - tree->leaf_capacity / 8)
            return false;
        ordered_copy_records(tree, left, left->count, right, 0, right->count);
        left->count += right->count;
        ordered_unlink_leaf(tree, right);
    } else {
        struct ordered_inner *left = child[0];
        struct ordered_inner *right = child[1];
        uint32_t most = tree->inner_capacity;

        if (left->count + right->count > most - most / 4)
            return false;
        ordered_copy_children(tree, left, left->count, right, 0, right->count);
        left->count += right->count;
        ordered_free_node(tree, right);
    }
    ordered_remove_child(tree, node, index + 1);
    ordered_refresh(tree, node, level, index);
    return true;
}

/* Takes an empty leaf out, and nodes above that lose their only child. Returns the level above
 * the one that lost a child and stayed. */
static unsigned drop_leaf(struct ordered *tree, struct ordered_path *path, uint64_t difference)
{
    unsigned level = 0;

    ordered_unlink_leaf(tree, path->leaf);
    for (; level < tree->height; level++) {
        struct ordered_inner *node = path->step[level].node;

        ordered_remove_child(tree, node, path->step[level].index);
        if (node->count > 0)
            break;
        ordered_free_node(tree, node);
    }
    if (level == tree->height) {
        tree->root = NULL;
        tree->height = 0;
        return 0;
    }
    ordered_refresh_path(tree, path, level + 1, difference);
    return level + 1;
}

void ordered_lower_root(struct ordered *tree)
{
    while (tree->height > 0 && ((struct ordered_inner *)tree->root)->count == 1) {
        struct ordered_inner *root = tree->root;

        tree->root = inner_children(tree, root)[0];
        tree->height--;
        ordered_free_node(tree, root);
    }
}

/* After a removal: merges what became thin, from a level up, and lowers the root. */
static void settle(struct ordered *tree, const struct ordered_path *path, unsigned level)
{
    for (; level < tree->height; level++) {
        struct ordered_inner *node = path->step[level].node;
        uint32_t index = path->step[level].index;

        /* Where nothing was merged nothing above became thin. */
        if (!ordered_merge_with_right(tree, node, level, index) &&
            (index == 0 || !ordered_merge_with_right(tree, node, level, index - 1)))
            break;
    }
    ordered_lower_root(tree);
    if (tree->height == 0 && tree->root != NULL) {
        const struct ordered_leaf *leaf = tree->root;

        if (leaf->capacity > ORDERED_SMALLEST && leaf->count <= leaf->capacity / 4)
            ordered_resize_root_leaf(tree, leaf->capacity / 2);
    }
}

/* Removes `count` records of one leaf, from where the path points on. */
static void remove_here(struct ordered *tree, struct ordered_path *path, uint32_t count)
{
    struct ordered_leaf *leaf = path->leaf;
    uint64_t difference = 0 - (uint64_t)count;
    unsigned level = 0;

    leaf->count -= count;
    tree->count -= count;
    if (leaf->count == 0) {
        level = drop_leaf(tree, path, difference);
    } else {
        ordered_copy_records(tree, leaf, path->index, leaf, path->index + count,
                             leaf->count - path->index);
        ordered_refresh_path(tree, path, 0, difference);
    }
    settle(tree, path, level);
}

bool ordered_remove(struct ordered *tree, const void *probe, void *removed)
{
    struct ordered_path path;

    if (tree->root == NULL)
        return false;
    ordered_find_path(tree, probe, &path);
    if (!ordered_path_meets(tree, &path, probe))
        return false;
    if (removed != NULL)
        memcpy(removed, leaf_record(tree, path.leaf, path.index), tree->kind->record_size);
    remove_here(tree, &path, 1);
    return true;
}

size_t ordered_remove_range(struct ordered *tree, size_t from, size_t to, ordered_visitor *visit,
                            void *who)
{
    size_t left;
    size_t wanted;

    if (to > tree->count)
        to = tree->count;
    wanted = from < to ? to - from : 0;
    for (left = wanted; left > 0;) {
        struct ordered_path path;
        uint32_t count;

        ordered_find_rank(tree, from, &path);
        count = path.leaf->count - path.index;
        if (count > left)
            count = (uint32_t)left;
        for (uint32_t i = 0; visit != NULL && i < count; i++)
            visit(who, leaf_record(tree, path.leaf, path.index + i));
        remove_here(tree, &path, count);
        left -= count;
    }
    return wanted;
}
