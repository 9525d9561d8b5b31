/*
 * The nodes of an ordered tree and the search inside one, for the files of
 * this module alone.
 *
 * An inner node is four arrays behind one header, each as long as its capacity:
 *
 *     header | first records | children | counts | summaries
 *
 * so that a search by key, by rank or by summary touches only what it needs.
 * Level 0 is the parents of leaves; the root is at level height - 1, or is a
 * leaf where the height is 0.
 */
#ifndef STORAGE_INDEX_ORDERED_PRIVATE_H
#define STORAGE_INDEX_ORDERED_PRIVATE_H

#include <string.h>

#include "storage/base/must.h"
#include "storage/index/ordered.h"

enum {
    ORDERED_LEAF_BYTES = 1024,
    ORDERED_INNER_BYTES = 2048,
    ORDERED_HEIGHT_MAX = 16,
    ORDERED_SMALLEST = 4 /* records of the smallest leaf */
};

struct ordered_leaf {
    struct ordered_leaf *previous;
    struct ordered_leaf *next;
    uint32_t             count;
    uint32_t             capacity;
    unsigned char        records[];
};

struct ordered_inner {
    uint32_t      count;
    uint32_t      capacity;
    unsigned char arrays[];
};

struct ordered {
    const struct ordered_kind *kind;
    void                      *who;
    void                      *root; /* NULL: no records */
    struct ordered_leaf       *first;
    struct ordered_leaf       *last;
    size_t                     count;
    size_t                     bytes; /* of all nodes */
    uint32_t                   leaf_capacity;
    uint16_t                   inner_capacity;
    uint8_t                    height;
};

/* The way from the root to a place: at each level a node and which child was entered. */
struct ordered_path {
    struct {
        struct ordered_inner *node;
        uint32_t              index;
    } step[ORDERED_HEIGHT_MAX];
    struct ordered_leaf *leaf;
    uint32_t             index;
};

static inline unsigned char *leaf_record(const struct ordered *tree,
                                         const struct ordered_leaf *leaf, size_t index)
{
    return (unsigned char *)(uintptr_t)leaf->records + index * tree->kind->record_size;
}

static inline unsigned char *inner_first(const struct ordered *tree,
                                         const struct ordered_inner *node, size_t index)
{
    return (unsigned char *)(uintptr_t)node->arrays + index * tree->kind->record_size;
}

static inline void **inner_children(const struct ordered *tree, const struct ordered_inner *node)
{
    return (void **)(void *)inner_first(tree, node, node->capacity);
}

static inline uint64_t *inner_counts(const struct ordered *tree, const struct ordered_inner *node)
{
    return (uint64_t *)(void *)(inner_children(tree, node) + node->capacity);
}

static inline unsigned char *inner_summary(const struct ordered *tree,
                                           const struct ordered_inner *node, size_t index)
{
    return (unsigned char *)(inner_counts(tree, node) + node->capacity) +
           index * tree->kind->summary_size;
}

/* Compares by the lead, known to the compiler, and where that is equal by the owner's function. */
static inline __attribute__((always_inline)) int
ordered_compare_by(enum ordered_lead lead, const struct ordered *tree, const void *a,
                   const void *b)
{
    if (lead == ORDERED_LEAD_DOUBLE) {
        const double *x = a;
        const double *y = b;

        if (*x < *y || *x > *y)
            return *x < *y ? -1 : 1;
    } else if (lead == ORDERED_LEAD_SIGNED) {
        const int64_t *x = a;
        const int64_t *y = b;

        if (*x != *y)
            return *x < *y ? -1 : 1;
    } else if (lead == ORDERED_LEAD_ID) {
        const uint64_t *x = a;
        const uint64_t *y = b;

        if (x[0] != y[0])
            return x[0] < y[0] ? -1 : 1;
        return (x[1] > y[1]) - (x[1] < y[1]);
    }
    return tree->kind->compare(a, b, tree->who);
}

static inline int ordered_compare(const struct ordered *tree, const void *a, const void *b)
{
    return ordered_compare_by(tree->kind->lead, tree, a, b);
}

/*
 * Asks for the lines of a node that a search in it may look at: of a leaf all, of an
 * inner node the first records. A binary search meets them one after the other, and
 * waits for each. A tree of few records lies in the processor's caches.
 */
static inline void ordered_ask_for(const struct ordered *tree, const void *node)
{
    enum { FEW = 16 * 1024, LINE = 64 };
    const char *at = node;

    if (tree->count < FEW)
        return;
    for (size_t line = 0; line < ORDERED_LEAF_BYTES; line += LINE)
        __builtin_prefetch(at + line);
}

/* How many of the records are less than the probe, or also those that equal it. */
uint32_t ordered_search(const struct ordered *tree, const unsigned char *records, uint32_t count,
                        const void *probe, bool also_equal);

/* The child to enter: the last whose first record is less than the probe (or equals it), or 0. */
static inline uint32_t ordered_enter(const struct ordered *tree, const struct ordered_inner *node,
                                     const void *probe, bool also_equal)
{
    uint32_t before = ordered_search(tree, node->arrays, node->count, probe, also_equal);

    return before > 0 ? before - 1 : 0;
}

/* Folds the summaries of one leaf's records, or of one inner node's children, [0, count). */
void ordered_fold_leaf(const struct ordered *tree, const struct ordered_leaf *leaf, uint32_t count,
                       void *summary, bool *begun);
void ordered_fold_inner(const struct ordered *tree, const struct ordered_inner *node,
                        uint32_t count, void *summary, bool *begun);

/* -- Shared by insertion and removal (ordered_node.c): nodes, empty when new. */
struct ordered_leaf *ordered_new_leaf(struct ordered *tree, uint32_t capacity);
struct ordered_inner *ordered_new_inner(struct ordered *tree, uint32_t capacity);
void ordered_free_node(struct ordered *tree, void *node);

/* Bytes that one child takes in an inner node. */
size_t ordered_entry_bytes(const struct ordered_kind *kind);

/* Changes the capacity of a leaf that is the root; to what its size class has room for. */
void ordered_resize_root_leaf(struct ordered *tree, uint32_t capacity);

/* Copies [from, from + count) of one node over those of another, or of itself, from `to` on. */
void ordered_copy_children(const struct ordered *tree, struct ordered_inner *target, uint32_t to,
                           const struct ordered_inner *source, uint32_t from, uint32_t count);
void ordered_copy_records(const struct ordered *tree, struct ordered_leaf *target, uint32_t to,
                          const struct ordered_leaf *source, uint32_t from, uint32_t count);

/* Makes an entry say of its child what is true of it now. `level` is the node's own. */
void ordered_refresh(const struct ordered *tree, struct ordered_inner *node, unsigned level,
                     uint32_t index);

/* Gives a node, which has room, one more child; takes one from it. */
void ordered_insert_child(const struct ordered *tree, struct ordered_inner *node, unsigned level,
                          uint32_t index, void *child);
void ordered_remove_child(const struct ordered *tree, struct ordered_inner *node, uint32_t index);

/* Takes a leaf, empty or merged into another, out of the links, and frees it. */
void ordered_unlink_leaf(struct ordered *tree, struct ordered_leaf *leaf);

/* Merges the child at an index with its right neighbour if both fit well into one. */
bool ordered_merge_with_right(struct ordered *tree, struct ordered_inner *node, unsigned level,
                              uint32_t index);

/* Drops roots that have one child only. */
void ordered_lower_root(struct ordered *tree);

/* The way to where a probe is or would be: `index` counts the lesser records of the leaf. */
void ordered_find_path(const struct ordered *tree, const void *probe, struct ordered_path *path);

/* The way to the record of a rank, which is less than the count. */
void ordered_find_rank(const struct ordered *tree, size_t rank, struct ordered_path *path);

/* Whether a record equal to the probe is where the way to it led. */
bool ordered_path_meets(const struct ordered *tree, const struct ordered_path *path,
                        const void *probe);

/*
 * Makes the entries on the way up, from a level on, true again after what is
 * below changed. The count differs by `difference`. Summaries are folded anew
 * as far up as they come out different.
 */
void ordered_refresh_path(const struct ordered *tree, const struct ordered_path *path,
                          unsigned from_level, uint64_t difference);

#endif
