/*
 * Moving the nodes of a tree, a leaf at a time.
 *
 * An inner node is looked at when the leaf at hand is the first below it, so a
 * pass over all leaves meets each node once. Inner nodes have copies of the first
 * record below each child: they are written again where that record was mended.
 */
#include "storage/base/memory.h"
#include "storage/base/mover.h"
#include "storage/index/ordered_private.h"

/* Whoever pointed at a node at a level, 0 for leaves, points at another block. */
static void point_at(struct ordered *tree, const struct ordered_path *path, unsigned level,
                     void *moved)
{
    if (level == tree->height)
        tree->root = moved;
    else
        inner_children(tree, path->step[level].node)[path->step[level].index] = moved;
}

static bool move_node(struct ordered *tree, struct mover *mover, void **node)
{
    size_t before = memory_usable(*node);

    if (!mover_move(mover, node))
        return false;
    tree->bytes = tree->bytes - before + memory_usable(*node);
    return true;
}

static void move_leaf(struct ordered *tree, struct mover *mover, struct ordered_path *path)
{
    void *node = path->leaf;
    struct ordered_leaf *leaf;

    if (!move_node(tree, mover, &node))
        return;
    leaf = path->leaf = node;
    *(leaf->previous != NULL ? &leaf->previous->next : &tree->first) = leaf;
    *(leaf->next != NULL ? &leaf->next->previous : &tree->last) = leaf;
    point_at(tree, path, 0, leaf);
}

/* The nodes above a leaf of which it is the first. */
static void move_above(struct ordered *tree, struct mover *mover, struct ordered_path *path)
{
    for (unsigned level = 0; level < tree->height && path->step[level].index == 0; level++) {
        void *node = path->step[level].node;

        if (!move_node(tree, mover, &node))
            continue;
        path->step[level].node = node;
        point_at(tree, path, level + 1, node);
    }
}

/* Copies the first record of a leaf to where nodes above it have it. */
static void tell_first(const struct ordered *tree, const struct ordered_path *path)
{
    for (unsigned level = 0; level < tree->height; level++) {
        uint32_t index = path->step[level].index;

        memcpy(inner_first(tree, path->step[level].node, index), leaf_record(tree, path->leaf, 0),
               tree->kind->record_size);
        if (index > 0)
            return;
    }
}

size_t ordered_move(struct ordered *tree, struct mover *mover, size_t rank,
                    void (*mend)(void *who, void *record), void *who)
{
    struct ordered_path path;

    if (rank >= tree->count)
        return 0;
    ordered_find_rank(tree, rank, &path);
    for (uint32_t i = 0; mend != NULL && i < path.leaf->count; i++)
        mend(who, leaf_record(tree, path.leaf, i));
    if (mend != NULL)
        tell_first(tree, &path);
    move_leaf(tree, mover, &path);
    move_above(tree, mover, &path);
    rank += path.leaf->count - path.index;
    return rank < tree->count ? rank : 0;
}
