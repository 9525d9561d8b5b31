/*
 * Union, intersection and difference of sorted sets, and of sets, whose members
 * count as having the score 1. The same source may be given more than once.
 *
 * A score is multiplied by its source's weight, then folded with those of the
 * same member in other sources, the smallest source first. Where that would be
 * NaN it is 0.
 *
 * Costs: k is how many sources, n their members together, s those of the
 * smallest, f those of the first, m those of the outcome; finding a member is
 * O(1) in all but small sources. Whatever is made costs O(m log m) more.
 */
#ifndef STORAGE_VALUES_ZSET_ALGEBRA_H
#define STORAGE_VALUES_ZSET_ALGEBRA_H

#include "storage/values/set.h"
#include "storage/values/zset.h"

/* One of `zset` and `set`, or neither: then it is empty. */
struct zset_source {
    const struct zset *zset;
    const struct set  *set;
    double             weight; /* 1 if it is not to matter; no meaning to a difference */
    bool               counts; /* each of its members has a score of 1 here */
    size_t             turn;   /* Private: where it stood when it was given. */
};

enum zset_fold { ZSET_FOLD_SUM, ZSET_FOLD_MIN, ZSET_FOLD_MAX };

/* A new zset of all members that any source has. Sources are put in order of size. O(n). */
struct zset *zset_union(struct zset_source *sources, size_t count, enum zset_fold fold,
                        const struct value_limits *limits);

/* A new zset of the members that all sources have. Sources are put in order of size. O(s * k). */
struct zset *zset_intersection(struct zset_source *sources, size_t count, enum zset_fold fold,
                               const struct value_limits *limits);

/* How many members all sources have, but at most `most`. Sources are put in order of size. O(s * k). */
size_t zset_intersection_count(struct zset_source *sources, size_t count, size_t most);

/* A new zset of the members of the first source that no other has, with their scores. O(f * k). */
struct zset *zset_difference(const struct zset_source *sources, size_t count,
                             const struct value_limits *limits);

#endif
