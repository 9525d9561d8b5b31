/*
 * The writing half of the tree: inserting, removing, splitting, merging.
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
 * A removal merges a leaf with a neighbour once both fit in seven eighths of
 * one. A queue, which is emptied from the left, so moves no record at all: its
 * neighbour is full until the leaf is empty and goes.
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

enum { ORDERED_SMALLEST = 4, ORDERED_SMALLEST_INNER = 8 };

/* -- Nodes. */

static void *counted_block(struct ordered *tree, void *block)
{
    tree->bytes += memory_usable(block);
    return block;
}

static void free_node(struct ordered *tree, void *node)
{
    tree->bytes -= memory_usable(node);
    memory_free(node);
}

static size_t leaf_bytes(const struct ordered *tree, uint32_t capacity)
{
    return sizeof(struct ordered_leaf) + (size_t)capacity * tree->kind->record_size;
}

static size_t inner_entry_bytes(const struct ordered_kind *kind)
{
    return (size_t)kind->record_size + sizeof(void *) + sizeof(uint64_t) + kind->summary_size;
}

static struct ordered_leaf *new_leaf(struct ordered *tree, uint32_t capacity)
{
    struct ordered_leaf *leaf = counted_block(tree, memory_new(leaf_bytes(tree, capacity)));

    *leaf = (struct ordered_leaf){ .capacity = capacity };
    return leaf;
}

static struct ordered_inner *new_inner(struct ordered *tree, uint32_t capacity)
{
    size_t bytes = sizeof(struct ordered_inner) + capacity * inner_entry_bytes(tree->kind);
    struct ordered_inner *node = counted_block(tree, memory_new(bytes));

    *node = (struct ordered_inner){ .capacity = capacity };
    return node;
}

/* Copies children [from, from + count) of one node over those of another from `to` on. */
static void copy_children(const struct ordered *tree, struct ordered_inner *target, uint32_t to,
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

static void copy_records(const struct ordered *tree, struct ordered_leaf *target, uint32_t to,
                         const struct ordered_leaf *source, uint32_t from, uint32_t count)
{
    memmove(leaf_record(tree, target, to), leaf_record(tree, source, from),
            (size_t)count * tree->kind->record_size);
}

/* Makes an entry say of its child what is true of it now. `level` is the node's own. */
static void refresh(const struct ordered *tree, struct ordered_inner *node, unsigned level,
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

/* Gives a node, which has room, one more child. */
static void insert_child(const struct ordered *tree, struct ordered_inner *node, unsigned level,
                         uint32_t index, void *child)
{
    copy_children(tree, node, index + 1, node, index, node->count - index);
    node->count++;
    inner_children(tree, node)[index] = child;
    refresh(tree, node, level, index);
}

static void remove_child(const struct ordered *tree, struct ordered_inner *node, uint32_t index)
{
    copy_children(tree, node, index, node, index + 1, node->count - index - 1);
    node->count--;
}

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
        .inner_capacity = (uint16_t)(inner_room / inner_entry_bytes(kind)),
    };
    return tree;
}

static void free_below(struct ordered *tree, void *node, unsigned height)
{
    struct ordered_inner *inner = node;

    for (uint32_t i = 0; height > 0 && i < inner->count; i++)
        free_below(tree, inner_children(tree, inner)[i], height - 1);
    free_node(tree, node);
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

/* -- Paths. */

/* The way to where a probe is or would be: `index` counts the lesser records of the leaf. */
static void find_path(const struct ordered *tree, const void *probe, struct ordered_path *path)
{
    void *node = tree->root;

    for (unsigned level = tree->height; level-- > 0;) {
        struct ordered_inner *inner = node;
        uint32_t index = ordered_enter(tree, inner, probe, true);

        path->step[level].node = inner;
        path->step[level].index = index;
        node = inner_children(tree, inner)[index];
    }
    path->leaf = node;
    path->index = ordered_search(tree, path->leaf->records, path->leaf->count, probe, false);
}

static void find_path_of_rank(const struct ordered *tree, size_t rank, struct ordered_path *path)
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

static bool path_meets(const struct ordered *tree, const struct ordered_path *path,
                       const void *probe)
{
    return path->index < path->leaf->count &&
           ordered_compare(tree, probe, leaf_record(tree, path->leaf, path->index)) == 0;
}

/*
 * Makes the entries on the way up true again after the records of a leaf
 * changed. The count is the difference. Summaries are folded anew as far up as
 * they come out different.
 */
static void refresh_path(const struct ordered *tree, const struct ordered_path *path,
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
            refresh(tree, node, level, index);
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

/* The same after one record was inserted, which is cheaper: its summary is folded in. */
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

/* Only a root leaf is ever smaller than the others. */
static void resize_root_leaf(struct ordered *tree, uint32_t capacity)
{
    struct ordered_leaf *leaf = tree->root;

    if (capacity > tree->leaf_capacity)
        capacity = tree->leaf_capacity;
    tree->bytes -= memory_usable(leaf);
    leaf = counted_block(tree, memory_resize(leaf, leaf_bytes(tree, capacity)));
    leaf->capacity = capacity;
    tree->root = leaf;
    tree->first = leaf;
    tree->last = leaf;
}

static void resize_root_inner(struct ordered *tree)
{
    struct ordered_inner *old = tree->root;
    uint32_t capacity = 2 * old->capacity;
    struct ordered_inner *node;

    node = new_inner(tree, capacity < tree->inner_capacity ? capacity : tree->inner_capacity);
    copy_children(tree, node, 0, old, 0, old->count);
    node->count = old->count;
    free_node(tree, old);
    tree->root = node;
}

/* Puts a root above the root; only for a moment does it have one child. */
static void add_root(struct ordered *tree)
{
    struct ordered_inner *node = new_inner(tree, ORDERED_SMALLEST_INNER);

    must(tree->height < ORDERED_HEIGHT_MAX);
    insert_child(tree, node, tree->height, 0, tree->root);
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
    struct ordered_leaf *right = new_leaf(tree, tree->leaf_capacity);
    uint32_t keep = split_point(tree, path, leaf->count);

    copy_records(tree, right, 0, leaf, keep, leaf->count - keep);
    right->count = leaf->count - keep;
    leaf->count = keep;
    right->previous = leaf;
    right->next = leaf->next;
    if (leaf->next != NULL)
        leaf->next->previous = right;
    else
        tree->last = right;
    leaf->next = right;
    refresh(tree, path->step[0].node, 0, path->step[0].index);
    insert_child(tree, path->step[0].node, 0, path->step[0].index + 1, right);
}

/* Splits the node of a level, whose parent has room. */
static void split_inner(struct ordered *tree, const struct ordered_path *path, unsigned level)
{
    struct ordered_inner *node = path->step[level].node;
    struct ordered_inner *right = new_inner(tree, tree->inner_capacity);
    struct ordered_inner *parent = path->step[level + 1].node;
    uint32_t index = path->step[level + 1].index;
    uint32_t keep = split_point(tree, path, node->count);

    copy_children(tree, right, 0, node, keep, node->count - keep);
    right->count = node->count - keep;
    node->count = keep;
    refresh(tree, parent, level + 1, index);
    insert_child(tree, parent, level + 1, index + 1, right);
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

        copy_records(tree, left, left->count, leaf, 0, given);
        left->count += given;
        leaf->count -= given;
        copy_records(tree, leaf, 0, leaf, given, leaf->count);
        refresh(tree, parent, 0, index - 1);
    } else if (index + 1 < parent->count && counts[index + 1] + 2 * least <= leaf->count) {
        struct ordered_leaf *right = leaf->next;
        uint32_t given = (leaf->count - right->count) / 2;

        copy_records(tree, right, given, right, 0, right->count);
        leaf->count -= given;
        right->count += given;
        copy_records(tree, right, 0, leaf, leaf->count, given);
        refresh(tree, parent, 0, index + 1);
    } else {
        return false;
    }
    refresh(tree, parent, 0, index);
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
        resize_root_leaf(tree, 2 * path->leaf->capacity);
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

        tree->root = new_leaf(tree, most < ORDERED_SMALLEST ? most : ORDERED_SMALLEST);
        tree->first = tree->root;
        tree->last = tree->root;
    }
    find_path(tree, record, &path);
    if (path_meets(tree, &path, record))
        return false;
    while (path.leaf->count == path.leaf->capacity) {
        make_room(tree, &path);
        find_path(tree, record, &path);
    }
    leaf = path.leaf;
    copy_records(tree, leaf, path.index + 1, leaf, path.index, leaf->count - path.index);
    memcpy(leaf_record(tree, leaf, path.index), record, tree->kind->record_size);
    leaf->count++;
    tree->count++;
    refresh_inserted(tree, &path, record);
    return true;
}

/* -- Removing. */

static void unlink_leaf(struct ordered *tree, struct ordered_leaf *leaf)
{
    if (leaf->previous != NULL)
        leaf->previous->next = leaf->next;
    else
        tree->first = leaf->next;
    if (leaf->next != NULL)
        leaf->next->previous = leaf->previous;
    else
        tree->last = leaf->previous;
    free_node(tree, leaf);
}

/* Merges the child at an index with its right neighbour if both fit well into one. */
static bool merge_with_right(struct ordered *tree, struct ordered_inner *node, unsigned level,
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
        copy_records(tree, left, left->count, right, 0, right->count);
        left->count += right->count;
        unlink_leaf(tree, right);
    } else {
        struct ordered_inner *left = child[0];
        struct ordered_inner *right = child[1];
        uint32_t most = tree->inner_capacity;

        if (left->count + right->count > most - most / 4)
            return false;
        copy_children(tree, left, left->count, right, 0, right->count);
        left->count += right->count;
        free_node(tree, right);
    }
    remove_child(tree, node, index + 1);
    refresh(tree, node, level, index);
    return true;
}

/* Takes an empty leaf out, and nodes above that lose their only child. Returns the level above
 * the one that lost a child and stayed. */
static unsigned drop_leaf(struct ordered *tree, struct ordered_path *path, uint64_t difference)
{
    unsigned level = 0;

    unlink_leaf(tree, path->leaf);
    for (; level < tree->height; level++) {
        struct ordered_inner *node = path->step[level].node;

        remove_child(tree, node, path->step[level].index);
        if (node->count > 0)
            break;
        free_node(tree, node);
    }
    if (level == tree->height) {
        tree->root = NULL;
        tree->height = 0;
        return 0;
    }
    refresh_path(tree, path, level + 1, difference);
    return level + 1;
}

/* After a removal: merges what became thin, from a level up, and lowers the root. */
static void settle(struct ordered *tree, const struct ordered_path *path, unsigned level)
{
    for (; level < tree->height; level++) {
        struct ordered_inner *node = path->step[level].node;
        uint32_t index = path->step[level].index;

        /* Where nothing was merged nothing above became thin. */
        if (!merge_with_right(tree, node, level, index) &&
            (index == 0 || !merge_with_right(tree, node, level, index - 1)))
            break;
    }
    while (tree->height > 0 && ((struct ordered_inner *)tree->root)->count == 1) {
        struct ordered_inner *root = tree->root;

        tree->root = inner_children(tree, root)[0];
        tree->height--;
        free_node(tree, root);
    }
    if (tree->height == 0 && tree->root != NULL) {
        const struct ordered_leaf *leaf = tree->root;

        if (leaf->capacity > ORDERED_SMALLEST && leaf->count <= leaf->capacity / 4)
            resize_root_leaf(tree, leaf->capacity / 2);
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
        copy_records(tree, leaf, path->index, leaf, path->index + count,
                     leaf->count - path->index);
        refresh_path(tree, path, 0, difference);
    }
    settle(tree, path, level);
}

bool ordered_remove(struct ordered *tree, const void *probe, void *removed)
{
    struct ordered_path path;

    if (tree->root == NULL)
        return false;
    find_path(tree, probe, &path);
    if (!path_meets(tree, &path, probe))
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

        find_path_of_rank(tree, from, &path);
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

bool ordered_replace(struct ordered *tree, const void *record)
{
    struct ordered_path path;

    if (tree->root == NULL)
        return false;
    find_path(tree, record, &path);
    if (!path_meets(tree, &path, record))
        return false;
    memcpy(leaf_record(tree, path.leaf, path.index), record, tree->kind->record_size);
    refresh_path(tree, &path, 0, 0);
    return true;
}
