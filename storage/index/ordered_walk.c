/*
 * The reading half of the tree: searching, ranks, cursors, folds, the search
 * by summary, and the check of what ordered.c believes.
 */
#include "storage/base/must.h"
#include "storage/index/ordered_private.h"

/* -- Inside one node. */

static inline __attribute__((always_inline)) uint32_t
search_by(enum ordered_lead lead, const struct ordered *tree, const unsigned char *records,
          uint32_t count, const void *probe, bool also_equal)
{
    size_t size = tree->kind->record_size;
    uint32_t low = 0;

    while (count > 0) {
        uint32_t half = count / 2;
        int order = ordered_compare_by(lead, tree, probe, records + (low + half) * size);

        if (order > 0 || (order == 0 && also_equal)) {
            low += half + 1;
            count -= half + 1;
        } else {
            count = half;
        }
    }
    return low;
}

uint32_t ordered_search(const struct ordered *tree, const unsigned char *records, uint32_t count,
                        const void *probe, bool also_equal)
{
    switch (tree->kind->lead) {
    case ORDERED_LEAD_DOUBLE:
        return search_by(ORDERED_LEAD_DOUBLE, tree, records, count, probe, also_equal);
    case ORDERED_LEAD_SIGNED:
        return search_by(ORDERED_LEAD_SIGNED, tree, records, count, probe, also_equal);
    case ORDERED_LEAD_ID:
        return search_by(ORDERED_LEAD_ID, tree, records, count, probe, also_equal);
    case ORDERED_LEAD_NONE:
        break;
    }
    return search_by(ORDERED_LEAD_NONE, tree, records, count, probe, also_equal);
}

static void fold(const struct ordered *tree, void *summary, const void *other, bool *begun)
{
    if (*begun)
        tree->kind->combine(summary, other);
    else
        memcpy(summary, other, tree->kind->summary_size);
    *begun = true;
}

void ordered_fold_leaf(const struct ordered *tree, const struct ordered_leaf *leaf, uint32_t count,
                       void *summary, bool *begun)
{
    uint64_t one[ORDERED_SUMMARY_MAX / sizeof(uint64_t)];

    for (uint32_t i = 0; i < count; i++) {
        tree->kind->summarise(one, leaf_record(tree, leaf, i));
        fold(tree, summary, one, begun);
    }
}

void ordered_fold_inner(const struct ordered *tree, const struct ordered_inner *node,
                        uint32_t count, void *summary, bool *begun)
{
    for (uint32_t i = 0; i < count; i++)
        fold(tree, summary, inner_summary(tree, node, i), begun);
}

/* -- Cursors: without a leaf, index 0 is the place behind the last record. */

enum { ORDERED_BEFORE = 1 /* the place in front of the first */ };

static struct ordered_cursor cursor_at(const struct ordered *tree, struct ordered_leaf *leaf,
                                       uint32_t index)
{
    if (leaf != NULL && index >= leaf->count) {
        leaf = leaf->next;
        index = 0;
    }
    return (struct ordered_cursor){
        .record = leaf != NULL ? leaf_record(tree, leaf, index) : NULL,
        .leaf = leaf,
        .index = index,
    };
}

struct ordered_cursor ordered_first(const struct ordered *tree)
{
    return cursor_at(tree, tree->first, 0);
}

struct ordered_cursor ordered_last(const struct ordered *tree)
{
    return tree->last != NULL ? cursor_at(tree, tree->last, tree->last->count - 1)
                              : cursor_at(tree, NULL, 0);
}

struct ordered_cursor ordered_next(const struct ordered *tree, struct ordered_cursor cursor)
{
    struct ordered_leaf *leaf = cursor.leaf;

    if (leaf == NULL)
        return cursor;
    if (cursor.index + 1 < leaf->count) {
        cursor.index++;
        cursor.record = leaf_record(tree, leaf, cursor.index);
        return cursor;
    }
    if (leaf->next != NULL)
        __builtin_prefetch(leaf->next->next);
    return cursor_at(tree, leaf->next, 0);
}

struct ordered_cursor ordered_previous(const struct ordered *tree, struct ordered_cursor cursor)
{
    struct ordered_leaf *leaf = cursor.leaf;

    if (leaf == NULL)
        return cursor.index == ORDERED_BEFORE ? cursor : ordered_last(tree);
    if (cursor.index > 0)
        return cursor_at(tree, leaf, cursor.index - 1);
    leaf = leaf->previous;
    return leaf != NULL ? cursor_at(tree, leaf, leaf->count - 1)
                        : (struct ordered_cursor){ .index = ORDERED_BEFORE };
}

size_t ordered_count(const struct ordered *tree)
{
    return tree->count;
}

size_t ordered_memory(const struct ordered *tree)
{
    return sizeof(*tree) + tree->bytes;
}

/* -- By key. */

/* The leaf where a probe belongs, and in `index` how many of its records lie before. */
static struct ordered_leaf *leaf_of(const struct ordered *tree, const void *probe, bool also_equal,
                                    uint32_t *index)
{
    const void *node = tree->root;
    const struct ordered_leaf *leaf;

    for (unsigned level = tree->height; level > 0; level--) {
        node = inner_children(tree, node)[ordered_enter(tree, node, probe, also_equal)];
        ordered_ask_for(tree, node);
    }
    leaf = node;
    *index = leaf == NULL ? 0 : ordered_search(tree, leaf->records, leaf->count, probe, also_equal);
    return (struct ordered_leaf *)(uintptr_t)leaf;
}

const void *ordered_find(const struct ordered *tree, const void *probe)
{
    uint32_t index;
    const struct ordered_leaf *leaf = leaf_of(tree, probe, true, &index);
    const void *record;

    if (index == 0)
        return NULL;
    record = leaf_record(tree, leaf, index - 1);
    return ordered_compare(tree, probe, record) == 0 ? record : NULL;
}

struct ordered_cursor ordered_lower_bound(const struct ordered *tree, const void *probe)
{
    uint32_t index;
    struct ordered_leaf *leaf = leaf_of(tree, probe, false, &index);

    return cursor_at(tree, leaf, index);
}

struct ordered_cursor ordered_upper_bound(const struct ordered *tree, const void *probe)
{
    uint32_t index;
    struct ordered_leaf *leaf = leaf_of(tree, probe, true, &index);

    return cursor_at(tree, leaf, index);
}

static uint32_t not_reached(const struct ordered *tree, const unsigned char *records,
                            uint32_t count, bool (*reached)(const void *record, void *who),
                            void *who)
{
    uint32_t low = 0;

    while (count > 0) {
        uint32_t half = count / 2;

        if (reached(records + (size_t)(low + half) * tree->kind->record_size, who)) {
            count = half;
        } else {
            low += half + 1;
            count -= half + 1;
        }
    }
    return low;
}

static size_t sum(const uint64_t *counts, uint32_t count)
{
    size_t total = 0;

    for (uint32_t i = 0; i < count; i++)
        total += counts[i];
    return total;
}

struct ordered_cursor ordered_partition(const struct ordered *tree,
                                        bool (*reached)(const void *record, void *who), void *who,
                                        size_t *rank)
{
    void *node = tree->root;
    struct ordered_leaf *leaf;
    size_t before = 0;
    uint32_t index = 0;

    for (unsigned level = tree->height; level > 0; level--) {
        struct ordered_inner *inner = node;

        index = not_reached(tree, inner->arrays, inner->count, reached, who);
        index = index > 0 ? index - 1 : 0;
        before += rank != NULL ? sum(inner_counts(tree, inner), index) : 0;
        node = inner_children(tree, inner)[index];
    }
    leaf = node;
    index = leaf != NULL ? not_reached(tree, leaf->records, leaf->count, reached, who) : 0;
    if (rank != NULL)
        *rank = before + index;
    return cursor_at(tree, leaf, index);
}

/* -- By rank. */

size_t ordered_rank(const struct ordered *tree, const void *probe)
{
    const void *node = tree->root;
    const struct ordered_leaf *leaf;
    size_t rank = 0;

    if (node == NULL)
        return 0;
    for (unsigned level = tree->height; level > 0; level--) {
        uint32_t index = ordered_enter(tree, node, probe, false);
        const void *child = inner_children(tree, node)[index];

        ordered_ask_for(tree, child);
        rank += sum(inner_counts(tree, node), index);
        node = child;
    }
    leaf = node;
    return rank + ordered_search(tree, leaf->records, leaf->count, probe, false);
}

struct ordered_cursor ordered_at(const struct ordered *tree, size_t rank)
{
    void *node = tree->root;

    if (rank >= tree->count)
        return cursor_at(tree, NULL, 0);
    for (unsigned level = tree->height; level > 0; level--) {
        const uint64_t *counts = inner_counts(tree, node);
        uint32_t index = 0;

        while (rank >= counts[index])
            rank -= counts[index++];
        node = inner_children(tree, node)[index];
    }
    return cursor_at(tree, node, (uint32_t)rank);
}

/* -- By summary. */

size_t ordered_fold_before(const struct ordered *tree, const void *probe, void *summary)
{
    bool summed = summary != NULL && tree->kind->summary_size > 0;
    const void *node = tree->root;
    const struct ordered_leaf *leaf;
    bool begun = false;
    size_t before = 0;
    uint32_t index;

    if (summed)
        memset(summary, 0, tree->kind->summary_size);
    if (node == NULL)
        return 0;
    for (unsigned level = tree->height; level > 0; level--) {
        const struct ordered_inner *inner = node;

        index = probe != NULL ? ordered_enter(tree, inner, probe, false) : inner->count;
        before += sum(inner_counts(tree, inner), index);
        if (summed)
            ordered_fold_inner(tree, inner, index, summary, &begun);
        if (probe == NULL)
            return before;
        node = inner_children(tree, inner)[index];
    }
    leaf = node;
    index = probe != NULL ? ordered_search(tree, leaf->records, leaf->count, probe, false)
                          : leaf->count;
    if (summed)
        ordered_fold_leaf(tree, leaf, index, summary, &begun);
    return before + index;
}

/* What one search by summary wants. */
struct seeking {
    const struct ordered *tree;
    bool (*wanted)(const void *summary, void *who);
    void *who;
    struct ordered_cursor found;
};

static bool seek_leaf(struct seeking *seeking, struct ordered_leaf *leaf, const void *from)
{
    const struct ordered *tree = seeking->tree;
    uint32_t i = from != NULL ? ordered_search(tree, leaf->records, leaf->count, from, false) : 0;
    uint64_t summary[ORDERED_SUMMARY_MAX / sizeof(uint64_t)];

    for (; i < leaf->count; i++) {
        tree->kind->summarise(summary, leaf_record(tree, leaf, i));
        if (!seeking->wanted(summary, seeking->who))
            continue;
        seeking->found = cursor_at(tree, leaf, i);
        return true;
    }
    return false;
}

/* As deep as the tree is high, which is 16 at most. */
static bool seek_below(struct seeking *seeking, void *node, unsigned height, const void *from)
{
    const struct ordered *tree = seeking->tree;
    struct ordered_inner *inner = node;
    uint32_t i;

    if (height == 0)
        return seek_leaf(seeking, node, from);
    i = from != NULL ? ordered_enter(tree, inner, from, false) : 0;
    for (; i < inner->count; i++) {
        if (seeking->wanted(inner_summary(tree, inner, i), seeking->who) &&
            seek_below(seeking, inner_children(tree, inner)[i], height - 1, from))
            return true;
        /* Only the first child may hold records before `from`. */
        from = NULL;
    }
    return false;
}

struct ordered_cursor ordered_seek(const struct ordered *tree, const void *from,
                                   bool (*wanted)(const void *summary, void *who), void *who)
{
    struct seeking seeking = { .tree = tree, .wanted = wanted, .who = who };

    must(tree->kind->summary_size > 0);
    if (tree->root != NULL)
        (void)seek_below(&seeking, tree->root, tree->height, from);
    return seeking.found;
}

/* -- The check. */

struct checking {
    const struct ordered *tree;
    const struct ordered_leaf *leaf; /* the last one met */
    const void *record;
};

static size_t check_leaf(struct checking *checking, const struct ordered_leaf *leaf)
{
    const struct ordered *tree = checking->tree;

    must(leaf->count > 0 && leaf->count <= leaf->capacity);
    must(leaf->capacity <= tree->leaf_capacity);
    must(tree->height == 0 || leaf->capacity == tree->leaf_capacity);
    must(leaf->previous == checking->leaf);
    must(checking->leaf != NULL ? checking->leaf->next == leaf : tree->first == leaf);
    for (uint32_t i = 0; i < leaf->count; i++) {
        const void *record = leaf_record(tree, leaf, i);

        if (checking->record != NULL) {
            must(tree->kind->compare(checking->record, record, tree->who) < 0);
            must(ordered_compare(tree, checking->record, record) < 0);
        }
        checking->record = record;
    }
    checking->leaf = leaf;
    return leaf->count;
}

static size_t check_below(struct checking *checking, const void *node, unsigned height)
{
    const struct ordered *tree = checking->tree;
    const struct ordered_inner *inner = node;
    size_t total = 0;

    if (height == 0)
        return check_leaf(checking, node);
    must(inner->count > 0 && inner->count <= inner->capacity);
    must(inner->capacity <= tree->inner_capacity);
    for (uint32_t i = 0; i < inner->count; i++) {
        uint64_t summary[ORDERED_SUMMARY_MAX / sizeof(uint64_t)];
        const void *child = inner_children(tree, inner)[i];
        const void *first = height == 1 ? leaf_record(tree, child, 0) : inner_first(tree, child, 0);
        size_t count = check_below(checking, child, height - 1);
        bool begun = false;

        must(memcmp(inner_first(tree, inner, i), first, tree->kind->record_size) == 0);
        must(inner_counts(tree, inner)[i] == count);
        total += count;
        if (tree->kind->summary_size == 0)
            continue;
        if (height == 1)
            ordered_fold_leaf(tree, child, ((const struct ordered_leaf *)child)->count, summary,
                              &begun);
        else
            ordered_fold_inner(tree, child, ((const struct ordered_inner *)child)->count, summary,
                               &begun);
        must(memcmp(summary, inner_summary(tree, inner, i), tree->kind->summary_size) == 0);
    }
    return total;
}

void ordered_check(const struct ordered *tree)
{
    struct checking checking = { .tree = tree };

    if (tree->root == NULL) {
        must(tree->count == 0 && tree->height == 0);
        must(tree->first == NULL && tree->last == NULL);
        must(tree->bytes == 0);
        return;
    }
    must(check_below(&checking, tree->root, tree->height) == tree->count);
    must(checking.leaf == tree->last && tree->last->next == NULL);
    must(tree->height == 0 || ((const struct ordered_inner *)tree->root)->count > 1);
}
