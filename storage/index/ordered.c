/*
 * The growing half of the tree: inserting, and making room for it.
 *
 * An insertion that meets a full leaf makes room by one change of shape, which
 * touches the leaf, one neighbour and their parent only, and begins anew from
 * the root. A change of shape is rare and leaves what lies above its parent as
 * it was, so nothing has to be carried up or down.
 *
 * A full leaf first gives records to a neighbour under the same parent, and is
 * split only when both are full too: random keys fill leaves to about four
 * fifths instead of two thirds. At the right and at the left edge it is split
 * next to its end, so that rising and falling keys fill them completely.
 *
 * What always holds:
 *   (1) Records rise strictly through all leaves, which are linked in order;
 *       no leaf is empty.
 *   (2) An entry of an inner node has the first record, the number of records
 *       and the fold of summaries of its child, exactly.
 *   (3) All leaves have the same depth. All but a root leaf have full capacity.
 *   (4) A root that is an inner node has at least two children.
 */
#include "storage/index/ordered.h"

#include "storage/base/memory.h"
#include "storage/index/ordered_private.h"

enum { ORDERED_SMALLEST_INNER = 8 };

/* -- Making and ending. */

struct ordered *ordered_new(const struct ordered_kind *kind, void *who)
{
    struct ordered *tree = memory_new(sizeof(*tree));
    size_t leaf_room = ORDERED_LEAF_BYTES - sizeof(struct ordered_leaf);
    size_t inner_room = ORDERED_INNER_BYTES - sizeof(struct ordered_inner);

    must(kind->record_size > 0 && kind->record_size <= ORDERED_RECORD_MAX);
    must(kind->record_size % 8 == 0);
    must(kind->summary_size <= ORDERED_SUMMARY_MAX && kind->summary_size % 8 == 0);
    *tree = (struct ordered){
        .kind = kind,
        .who = who,
        .leaf_capacity = (uint32_t)(leaf_room / kind->record_size),
        .inner_capacity = (uint16_t)(inner_room / ordered_entry_bytes(kind)),
    };
    return tree;
}

static void free_below(struct ordered *tree, void *node, unsigned height)
{
    struct ordered_inner *inner = node;

    for (uint32_t i = 0; height > 0 && i < inner->count; i++)
        free_below(tree, inner_children(tree, inner)[i], height - 1);
    ordered_free_node(tree, node);
}

void ordered_clear(struct ordered *tree)
{
    if (tree->root != NULL)
        free_below(tree, tree->root, tree->height);
    tree->root = NULL;
    tree->first = NULL;
    tree->last = NULL;
    tree->count = 0;
    tree->height = 0;
}

void ordered_free(struct ordered *tree)
{
    if (tree == NULL)
        return;
    ordered_clear(tree);
    memory_free_sized(tree, sizeof(*tree));
}

/* Tells the entries on the way up of one inserted record, whose summary is folded in. */
static void refresh_inserted(const struct ordered *tree, const struct ordered_path *path,
                             const void *record)
{
    uint64_t summary[ORDERED_SUMMARY_MAX / sizeof(uint64_t)];
    bool leftmost = path->index == 0;

    if (tree->height > 0 && tree->kind->summary_size > 0)
        tree->kind->summarise(summary, record);
    for (unsigned level = 0; level < tree->height; level++) {
        struct ordered_inner *node = path->step[level].node;
        uint32_t index = path->step[level].index;

        inner_counts(tree, node)[index]++;
        if (tree->kind->summary_size > 0)
            tree->kind->combine(inner_summary(tree, node, index), summary);
        if (leftmost)
            memcpy(inner_first(tree, node, index), record, tree->kind->record_size);
        leftmost = leftmost && index == 0;
    }
}

/* -- Changing the shape so that there is room. */

static void resize_root_inner(struct ordered *tree)
{
    struct ordered_inner *old = tree->root;
    uint32_t capacity = 2 * old->capacity;
    struct ordered_inner *node;

    node =
        ordered_new_inner(tree, capacity < tree->inner_capacity ? capacity : tree->inner_capacity);
    ordered_copy_children(tree, node, 0, old, 0, old->count);
    node->count = old->count;
    ordered_free_node(tree, old);
    tree->root = node;
}

/* Puts a root above the root; only for a moment does it have one child. */
static void add_root(struct ordered *tree)
{
    struct ordered_inner *node = ordered_new_inner(tree, ORDERED_SMALLEST_INNER);

    must(tree->height < ORDERED_HEIGHT_MAX);
    ordered_insert_child(tree, node, tree->height, 0, tree->root);
    tree->root = node;
    tree->height++;
}

/* Whether the place lies at the very end of what is below a level: keys that rise or fall. */
static bool at_right_edge(const struct ordered *tree, const struct ordered_path *path)
{
    return path->leaf == tree->last && path->index == path->leaf->count;
}

static bool at_left_edge(const struct ordered *tree, const struct ordered_path *path)
{
    return path->leaf == tree->first && path->index == 0;
}

/* How many of a full node's records or children stay in it when it is split. */
static uint32_t split_point(const struct ordered *tree, const struct ordered_path *path,
                            uint32_t count)
{
    if (at_right_edge(tree, path))
        return count - 1;
    return at_left_edge(tree, path) ? 1 : count / 2;
}

static void split_leaf(struct ordered *tree, const struct ordered_path *path)
{
    struct ordered_leaf *leaf = path->leaf;
    struct ordered_leaf *right = ordered_new_leaf(tree, tree->leaf_capacity);
    uint32_t keep = split_point(tree, path, leaf->count);

    ordered_copy_records(tree, right, 0, leaf, keep, leaf->count - keep);
    right->count = leaf->count - keep;
    leaf->count = keep;
    right->previous = leaf;
    right->next = leaf->next;
    if (leaf->next != NULL)
        leaf->next->previous = right;
    else
        tree->last = right;
    leaf->next = right;
    ordered_refresh(tree, path->step[0].node, 0, path->step[0].index);
    ordered_insert_child(tree, path->step[0].node, 0, path->step[0].index + 1, right);
}

/* Splits the node of a level, whose parent has room. */
static void split_inner(struct ordered *tree, const struct ordered_path *path, unsigned level)
{
    struct ordered_inner *node = path->step[level].node;
    struct ordered_inner *right = ordered_new_inner(tree, tree->inner_capacity);
    struct ordered_inner *parent = path->step[level + 1].node;
    uint32_t index = path->step[level + 1].index;
    uint32_t keep = split_point(tree, path, node->count);

    ordered_copy_children(tree, right, 0, node, keep, node->count - keep);
    right->count = node->count - keep;
    node->count = keep;
    ordered_refresh(tree, parent, level + 1, index);
    ordered_insert_child(tree, parent, level + 1, index + 1, right);
}

/* Lets a full leaf give records to a neighbour under the same parent that has clearly fewer. */
static bool share_with_neighbour(struct ordered *tree, const struct ordered_path *path)
{
    struct ordered_inner *parent = path->step[0].node;
    uint32_t index = path->step[0].index;
    struct ordered_leaf *leaf = path->leaf;
    uint32_t least = tree->leaf_capacity / 16 + 1;
    const uint64_t *counts = inner_counts(tree, parent);

    if (index > 0 && counts[index - 1] + 2 * least <= leaf->count) {
        struct ordered_leaf *left = leaf->previous;
        uint32_t given = (leaf->count - left->count) / 2;

        ordered_copy_records(tree, left, left->count, leaf, 0, given);
        left->count += given;
        leaf->count -= given;
        ordered_copy_records(tree, leaf, 0, leaf, given, leaf->count);
        ordered_refresh(tree, parent, 0, index - 1);
    } else if (index + 1 < parent->count && counts[index + 1] + 2 * least <= leaf->count) {
        struct ordered_leaf *right = leaf->next;
        uint32_t given = (leaf->count - right->count) / 2;

        ordered_copy_records(tree, right, given, right, 0, right->count);
        leaf->count -= given;
        right->count += given;
        ordered_copy_records(tree, right, 0, leaf, leaf->count, given);
        ordered_refresh(tree, parent, 0, index + 1);
    } else {
        return false;
    }
    ordered_refresh(tree, parent, 0, index);
    return true;
}

static bool is_full(const struct ordered_inner *node)
{
    return node->count == node->capacity;
}

/* One step towards room in a full leaf. The path is of no use afterwards. */
static void make_room(struct ordered *tree, const struct ordered_path *path)
{
    unsigned level = 0;

    if (tree->height == 0 && path->leaf->capacity < tree->leaf_capacity) {
        ordered_resize_root_leaf(tree, path->leaf->capacity + path->leaf->capacity / 2);
        return;
    }
    if (tree->height > 0 && !at_right_edge(tree, path) && !at_left_edge(tree, path) &&
        share_with_neighbour(tree, path))
        return;
    while (level < tree->height && is_full(path->step[level].node))
        level++;
    if (level < tree->height) {
        if (level == 0)
            split_leaf(tree, path);
        else
            split_inner(tree, path, level - 1);
    } else if (level > 0 && path->step[level - 1].node->capacity < tree->inner_capacity) {
        resize_root_inner(tree);
    } else {
        add_root(tree);
    }
}

bool ordered_insert(struct ordered *tree, const void *record)
{
    struct ordered_path path;
    struct ordered_leaf *leaf;

    if (tree->root == NULL) {
        uint32_t most = tree->leaf_capacity;

        tree->root = ordered_new_leaf(tree, most < ORDERED_SMALLEST ? most : ORDERED_SMALLEST);
        tree->first = tree->root;
        tree->last = tree->root;
    }
    ordered_find_path(tree, record, &path);
    if (ordered_path_meets(tree, &path, record))
        return false;
    while (path.leaf->count == path.leaf->capacity) {
        make_room(tree, &path);
        ordered_find_path(tree, record, &path);
    }
    leaf = path.leaf;
    ordered_copy_records(tree, leaf, path.index + 1, leaf, path.index, leaf->count - path.index);
    memcpy(leaf_record(tree, leaf, path.index), record, tree->kind->record_size);
    leaf->count++;
    tree->count++;
    refresh_inserted(tree, &path, record);
    return true;
}

bool ordered_replace(struct ordered *tree, const void *record)
{
    struct ordered_path path;

    if (tree->root == NULL)
        return false;
    ordered_find_path(tree, record, &path);
    if (!ordered_path_meets(tree, &path, record))
        return false;
    memcpy(leaf_record(tree, path.leaf, path.index), record, tree->kind->record_size);
    ordered_refresh_path(tree, &path, 0, 0);
    return true;
}
