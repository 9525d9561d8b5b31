/*
 * Removing much of a tree at once: its front, in O(log n), and whatever answers
 * a description, leaf by leaf.
 *
 * The front is cut off along the way from the root to the first record that
 * stays. On each level the node on the way is divided: what is left of the way
 * goes to a new node of the front, the way itself stays. Below and beside that
 * way nothing is touched.
 *
 *            [ a | b | c ]                [ a | b' ]      [ b | c ]
 *              /   |   \         =>         /    \          /   \
 *            ..  [..^..] ..               ..    [..]      [..]   ..
 */
#include "storage/base/memory.h"
#include "storage/index/ordered_private.h"

/* -- The front. */

/* Leaves the records from an index on; those before are in a leaf of the front, or there are
 * none. Leaves stay linked in order. */
static struct ordered_leaf *cut_leaf(struct ordered *front, struct ordered_leaf *leaf,
                                     uint32_t index)
{
    struct ordered_leaf *left;

    if (index == 0)
        return NULL;
    left = ordered_new_leaf(front, front->leaf_capacity);
    ordered_copy_records(front, left, 0, leaf, 0, index);
    left->count = index;
    leaf->count -= index;
    ordered_copy_records(front, leaf, 0, leaf, index, leaf->count);
    left->previous = leaf->previous;
    if (left->previous != NULL)
        left->previous->next = left;
    leaf->previous = left;
    return left;
}

/* Leaves the children from an index on; those before, and what was cut off below, are in a node
 * of the front. */
static struct ordered_inner *cut_inner(struct ordered *front, struct ordered_inner *node,
                                       unsigned level, uint32_t index, void *below)
{
    struct ordered_inner *left = ordered_new_inner(front, front->inner_capacity);

    ordered_copy_children(front, left, 0, node, 0, index);
    left->count = index;
    if (below != NULL)
        ordered_insert_child(front, left, level, index, below);
    node->count -= index;
    ordered_copy_children(front, node, 0, node, index, node->count);
    if (below != NULL)
        ordered_refresh(front, node, level, 0);
    return left;
}

/* Bytes of the nodes below one, itself included. All leaves of a height are alike. */
static size_t bytes_below(const struct ordered *tree, const void *node, unsigned height)
{
    const struct ordered_inner *inner = node;
    size_t bytes = memory_usable(node);

    if (height == 1)
        return bytes + inner->count * memory_usable(inner_children(tree, inner)[0]);
    for (uint32_t i = 0; height > 0 && i < inner->count; i++)
        bytes += bytes_below(tree, inner_children(tree, inner)[i], height - 1);
    return bytes;
}

/* Takes the leaves before one out of the links of its tree. */
static void unlink_front(struct ordered *tree, struct ordered *front, struct ordered_leaf *leaf,
                         struct ordered_leaf *cut)
{
    front->first = tree->first != leaf ? tree->first : cut;
    front->last = leaf->previous;
    front->last->next = NULL;
    leaf->previous = NULL;
    tree->first = leaf;
}

struct ordered *ordered_take_front(struct ordered *tree, size_t count)
{
    struct ordered *front = ordered_new(tree->kind, tree->who);
    struct ordered_path path;
    struct ordered_leaf *cut;
    void *below;

    if (count >= tree->count) {
        struct ordered empty = *front;

        *front = *tree;
        *tree = empty;
        return front;
    }
    if (count == 0)
        return front;
    ordered_find_rank(tree, count, &path);
    cut = cut_leaf(front, path.leaf, path.index);
    below = cut;
    for (unsigned level = 0; level < tree->height; level++) {
        if (path.step[level].index > 0 || below != NULL)
            below = cut_inner(front, path.step[level].node, level, path.step[level].index, below);
    }
    front->root = below;
    front->height = tree->height;
    front->count = count;
    tree->count -= count;
    unlink_front(tree, front, path.leaf, cut);
    ordered_lower_root(front);
    ordered_lower_root(tree);
    tree->bytes += front->bytes;
    front->bytes = bytes_below(front, front->root, front->height);
    tree->bytes -= front->bytes;
    return front;
}

/* -- Whatever answers a description. */

struct sweeping {
    struct ordered *tree;
    bool (*wanted)(const void *summary, void *who);
    bool (*goes)(void *who, const void *record);
    void  *who;
    size_t removed;
};

static bool sweep_leaf(struct sweeping *sweeping, struct ordered_leaf *leaf)
{
    const struct ordered *tree = sweeping->tree;
    uint32_t count = leaf->count;
    uint32_t kept = 0;

    for (uint32_t i = 0; i < count; i++) {
        if (sweeping->goes(sweeping->who, leaf_record(tree, leaf, i)))
            continue;
        if (kept != i)
            ordered_copy_records(tree, leaf, kept, leaf, i, 1);
        kept++;
    }
    leaf->count = kept;
    sweeping->removed += count - kept;
    return kept < count;
}

static bool sweep(struct sweeping *sweeping, void *node, unsigned height);

/* Sweeps one child. False if nothing is left of it, and it is freed. */
static bool sweep_child(struct sweeping *sweeping, struct ordered_inner *node, unsigned level,
                        uint32_t index, bool *changed)
{
    struct ordered *tree = sweeping->tree;
    void *child = inner_children(tree, node)[index];

    if (!sweeping->wanted(inner_summary(tree, node, index), sweeping->who) ||
        !sweep(sweeping, child, level))
        return true;
    *changed = true;
    if (level == 0 && ((const struct ordered_leaf *)child)->count == 0) {
        ordered_unlink_leaf(tree, child);
        return false;
    }
    if (level > 0 && ((const struct ordered_inner *)child)->count == 0) {
        ordered_free_node(tree, child);
        return false;
    }
    ordered_refresh(tree, node, level, index);
    return true;
}

/* As deep as the tree is high, which is 16 at most. True if anything went. */
static bool sweep(struct sweeping *sweeping, void *node, unsigned height)
{
    struct ordered *tree = sweeping->tree;
    struct ordered_inner *inner = node;
    bool changed = false;
    uint32_t kept = 0;

    if (height == 0)
        return sweep_leaf(sweeping, node);
    for (uint32_t i = 0; i < inner->count; i++) {
        if (!sweep_child(sweeping, inner, height - 1, i, &changed))
            continue;
        if (kept != i)
            ordered_copy_children(tree, inner, kept, inner, i, 1);
        kept++;
    }
    inner->count = kept;
    for (uint32_t i = kept; changed && i-- > 1;)
        (void)ordered_merge_with_right(tree, inner, height - 1, i - 1);
    return changed;
}

size_t ordered_remove_where(struct ordered *tree,
                            bool (*wanted)(const void *summary, void *who),
                            bool (*goes)(void *who, const void *record), void *who)
{
    struct sweeping sweeping = { .tree = tree, .wanted = wanted, .goes = goes, .who = who };

    must(tree->kind->summary_size > 0);
    if (tree->root != NULL)
        (void)sweep(&sweeping, tree->root, tree->height);
    tree->count -= sweeping.removed;
    if (tree->count == 0)
        ordered_clear(tree);
    else
        ordered_lower_root(tree);
    return sweeping.removed;
}
