/*
 * A counted tree beside a sorted array of numbers, each of which stands for a record of the
 * tree: whatever is done is done to both, and both must then have the same.
 */
#ifndef TESTS_UNIT_STORAGE_ORDERED_PAIR_H
#define TESTS_UNIT_STORAGE_ORDERED_PAIR_H

#include "storage/base/random.h"
#include "storage/index/ordered.h"
#include "tests/unit/storage/scored.h"

/* Three shapes: the first `lead` decides the order as a double, as an ID, or not at all. */
struct held {
    uint64_t ms;
    uint64_t seq;
    int64_t since;
    uint64_t holder;
    uint64_t padding[3];
};

struct held_summary {
    int64_t earliest;
    uint64_t holders;
    uint64_t sum;
};

union record {
    struct scored scored;
    struct held held;
    int64_t number;
};

extern const struct ordered_kind pair_scored; /* doubles with ties */
extern const struct ordered_kind pair_held;   /* IDs, with a least time, a mask and a sum */
extern const struct ordered_kind pair_number; /* whose comparisons are counted */

enum { PAIR_MODEL_MAX = 20000 };

struct model {
    int64_t number[PAIR_MODEL_MAX];
    size_t count;
};

/* One tree beside its model. */
struct pair {
    const struct ordered_kind *kind;
    struct ordered *tree;
    struct model *model;
    struct random random;
    uint64_t compared;
};

struct pair *pair_new(const struct ordered_kind *kind, uint64_t seed);
void pair_free(struct pair *pair);

/* The record of a number: four numbers share a lead, so that ties are met. And back. */
union record pair_record(const struct ordered_kind *kind, int64_t number);
int64_t pair_number_of(const struct ordered_kind *kind, const void *bytes);

/* How many numbers of the array are below this one. */
size_t pair_rank(const struct pair *pair, int64_t number);

/* Takes numbers out of the array alone: the tree has let them go already. */
void pair_drop(struct pair *pair, size_t rank, size_t count);

void pair_insert(struct pair *pair, int64_t number); /* nothing if it is there */
void pair_remove(struct pair *pair, int64_t number); /* nothing if it is not */

/* Looks for a number in every way there is, and at some rank by chance. */
void pair_look(struct pair *pair, int64_t number);

/* The cursor must be at a rank, and at nothing if that is beyond the last. */
void pair_expect(const struct pair *pair, struct ordered_cursor cursor, size_t rank);

#endif
