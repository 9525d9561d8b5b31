/*
 * A counted B+tree of small records: by key, by rank, in both directions, and
 * by a summary that its owner defines.
 *
 * Records are held by value in leaves of up to 1,024 bytes, which are linked
 * both ways. An inner node keeps, for each child, its first record, the number
 * of records below and a summary of them.
 *
 *                   [ first, count, summary | first, count, summary | ... ]
 *                      |                       |
 *            [ record record record ] <-> [ record record ] <-> ...
 *
 * A summary is folded from the records below: their sum, their least time, a
 * mask. It lets ordered_seek find the next record that satisfies something
 * without looking at those that cannot, and ordered_fold_before add up all
 * records in front of a place, both in O(log n).
 *
 * Rising keys fill leaves completely, falling keys too; random ones to about
 * four fifths. A tree of a few records is one small block.
 *
 * Costs: n is the number of records.
 */
#ifndef STORAGE_INDEX_ORDERED_H
#define STORAGE_INDEX_ORDERED_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum { ORDERED_RECORD_MAX = 64, ORDERED_SUMMARY_MAX = 32 };

/*
 * How a record begins. Where the lead differs it decides the order and compare
 * is not called; where it is equal, compare decides (ORDERED_LEAD_ID: two equal
 * IDs are equal records). Only a way to be faster; compare must agree with it.
 */
enum ordered_lead {
    ORDERED_LEAD_NONE,
    ORDERED_LEAD_DOUBLE, /* a double, never NaN */
    ORDERED_LEAD_SIGNED, /* an int64_t */
    ORDERED_LEAD_ID,     /* two uint64_t, the first counting more */
};

/* What the owner says about its records. Sizes are multiples of 8; records and summaries are
 * aligned to 8 bytes. */
struct ordered_kind {
    uint16_t          record_size;
    uint16_t          summary_size; /* 0: no summaries, and the two functions are not called */
    enum ordered_lead lead;
    /* Less than, equal to or greater than 0. In searches `a` is the probe, which may be less
     * than a whole record. `who` was given to ordered_new. */
    int (*compare)(const void *a, const void *b, void *who);
    /* Writes the summary of one record. */
    void (*summarise)(void *summary, const void *record);
    /* Folds another summary into one; in any order and grouping the outcome must be the same. */
    void (*combine)(void *summary, const void *other);
};

struct ordered;

/* A place in a tree: valid until the tree is next changed. */
struct ordered_cursor {
    const void          *record; /* NULL: no such place (past an end) */
    struct ordered_leaf *leaf;   /* Private. */
    uint32_t             index;  /* Private. */
};

/* Is shown a record; it must not touch the tree. */
typedef void ordered_visitor(void *who, const void *record);

/* A new empty tree. The kind is borrowed; `who` is handed to compare. */
struct ordered *ordered_new(const struct ordered_kind *kind, void *who);

/* Frees the tree; what records point at is the owner's affair. NULL is fine. O(n / leaf). */
void ordered_free(struct ordered *tree);

/* Removes all records. */
void ordered_clear(struct ordered *tree);

/* How many records there are. O(1). */
size_t ordered_count(const struct ordered *tree);

/* Copies a record into the tree. False, changing nothing, if one is equal. O(log n). */
bool ordered_insert(struct ordered *tree, const void *record);

/* Removes the record equal to the probe, copying it to `removed` (may be NULL). False if there is
 * none. O(log n). */
bool ordered_remove(struct ordered *tree, const void *probe, void *removed);

/*
 * Removes the records of ranks from <= rank < to, each shown to the visitor (may
 * be NULL) in order before it goes. Returns how many. O(log n + records).
 */
size_t ordered_remove_range(struct ordered *tree, size_t from, size_t to, ordered_visitor *visit,
                            void *who);

/*
 * Takes the first `count` records, or all, out of the tree: they are a tree of
 * their own now, which the caller frees. O(log n + a visit to a node for each
 * thousand records taken).
 */
struct ordered *ordered_take_front(struct ordered *tree, size_t count);

/*
 * Removes the records of which `goes` is true; it is asked once of each record
 * below the summaries that make `wanted` true, in order. Returns how many went.
 * O(records asked about). Needs summaries.
 */
size_t ordered_remove_where(struct ordered *tree,
                            bool (*wanted)(const void *summary, void *who),
                            bool (*goes)(void *who, const void *record), void *who);

/* Puts a record in the place of the equal one and refreshes summaries: for what does not decide
 * the order. False if there is none. O(log n). */
bool ordered_replace(struct ordered *tree, const void *record);

/* The record equal to the probe or NULL, borrowed until the next change. O(log n). */
const void *ordered_find(const struct ordered *tree, const void *probe);

/* The first record not less than the probe. O(log n). */
struct ordered_cursor ordered_lower_bound(const struct ordered *tree, const void *probe);

/* The first record greater than the probe. O(log n). */
struct ordered_cursor ordered_upper_bound(const struct ordered *tree, const void *probe);

/*
 * The first record of which `reached` is true; it must be false for all before
 * and true for all after that record. For searches that no probe can express. Sets
 * `rank`, if not NULL, to the number of records before it. O(log n).
 */
struct ordered_cursor ordered_partition(const struct ordered *tree,
                                        bool (*reached)(const void *record, void *who), void *who,
                                        size_t *rank);

/* How many records are less than the probe: its rank, if it is in the tree. O(log n). */
size_t ordered_rank(const struct ordered *tree, const void *probe);

/* The record of a rank; no place if rank >= count. O(log n). */
struct ordered_cursor ordered_at(const struct ordered *tree, size_t rank);

/* Either end; no place if the tree is empty. O(1). */
struct ordered_cursor ordered_first(const struct ordered *tree);
struct ordered_cursor ordered_last(const struct ordered *tree);

/* The neighbour on the right and on the left; no place behind the ends. On the left of the end
 * (of a bound that found nothing, for example) is the last record. O(1). */
struct ordered_cursor ordered_next(const struct ordered *tree, struct ordered_cursor cursor);
struct ordered_cursor ordered_previous(const struct ordered *tree, struct ordered_cursor cursor);

/*
 * The first record not less than `from` (NULL: of all) whose own summary makes
 * `wanted` true. A subtree is entered only if its summary does so, hence wanted
 * must be true of a fold whenever it is true of a part of it. O(log n) when
 * summaries do not deceive. Needs summaries.
 */
struct ordered_cursor ordered_seek(const struct ordered *tree, const void *from,
                                   bool (*wanted)(const void *summary, void *who), void *who);

/*
 * Folds the records less than the probe (NULL: all records) into `summary` (may
 * be NULL) and returns how many they are. Of no records the summary is all
 * zero bytes. O(log n).
 */
size_t ordered_fold_before(const struct ordered *tree, const void *probe, void *summary);

/*
 * Moves the leaf (storage/base/mover.h) in which the record of a rank is, and nodes
 * above it; first shows each of its records to `mend`, which may change what does
 * not decide the order, a pointer to something moved, and may be NULL. Returns the
 * rank of the first record behind that leaf, 0 behind the last. The tree's own
 * block has one pointer, which its owner moves. O(log n + records of a leaf).
 */
struct mover;
size_t ordered_move(struct ordered *tree, struct mover *mover, size_t rank,
                    void (*mend)(void *who, void *record), void *who);

/* Bytes of the tree: exact for a single leaf, else counted from its nodes. O(1). */
size_t ordered_memory(const struct ordered *tree);

/* Asserts every invariant. O(n). */
void ordered_check(const struct ordered *tree);

#endif
