/*
 * The kinds of range over a sorted set: by rank, by score, by the bytes of the
 * member. Each comes down to a span of ranks, so that walking, counting,
 * removing, limiting and going backwards are the same for all of them.
 *
 * Costs: O(log n) for a large zset, O(n) for a packed one.
 */
#ifndef STORAGE_VALUES_ZSET_RANGE_H
#define STORAGE_VALUES_ZSET_RANGE_H

#include "storage/values/zset.h"

/* Scores from one to another. An open end does not belong to the range. */
struct zset_scores {
    double min;
    double max;
    bool   min_open;
    bool   max_open;
};

/* One end of a range of members. */
struct zset_name {
    enum { ZSET_NAME_LEAST = -1, ZSET_NAME_IS = 0, ZSET_NAME_MOST = 1 } place;
    bool         open; /* the name itself does not belong to the range */
    struct slice name; /* where place is ZSET_NAME_IS */
};

/* Members from one to another, of a zset whose scores are all equal. */
struct zset_names {
    struct zset_name min;
    struct zset_name max;
};

/* From one index to another, both inclusive, either counted from the end if negative. */
struct zset_span zset_span_of_ranks(const struct zset *zset, int64_t start, int64_t stop);

/* The members whose scores lie in the range. */
struct zset_span zset_span_of_scores(const struct zset *zset, const struct zset_scores *scores);

/* The members that lie in the range. Where scores differ it is some span, as good as any. */
struct zset_span zset_span_of_names(const struct zset *zset, const struct zset_names *names);

/* How many members a span has. */
static inline size_t zset_span_count(struct zset_span span)
{
    return span.from < span.to ? span.to - span.from : 0;
}

/* What is left of a span, seen in a direction, behind the first `offset` members and of them at
 * most `count`; a negative count is all, a negative offset leaves nothing. O(1). */
struct zset_span zset_span_limit(struct zset_span span, enum zset_direction direction,
                                 int64_t offset, int64_t count);

/* The span of the same members counted from the highest score. */
static inline struct zset_span zset_span_mirror(const struct zset *zset, struct zset_span span)
{
    size_t count = zset_count(zset);

    return (struct zset_span){ count - span.to, count - span.from };
}

#endif
