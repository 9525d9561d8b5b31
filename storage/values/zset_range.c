/* Ranges of a sorted set as spans of ranks. */
#include "storage/values/zset_range.h"

#include "storage/values/zset_private.h"

static const struct zset_span nothing = { 0, 0 };

struct zset_span zset_span_of_ranks(const struct zset *zset, int64_t start, int64_t stop)
{
    int64_t count = (int64_t)zset_count(zset);

    if (start < 0)
        start = start + count > 0 ? start + count : 0;
    if (stop < 0)
        stop += count;
    if (stop >= count)
        stop = count - 1;
    if (start > stop)
        return nothing;
    return (struct zset_span){ (size_t)start, (size_t)stop + 1 };
}

/* How many members of a packed zset, from the lowest on, `belongs` is false of. */
static size_t count_packed(const struct packed *packed,
                           bool (*belongs)(const struct packed *packed, size_t place,
                                           const void *bound),
                           const void *bound)
{
    size_t place = packed != NULL ? packed_first(packed) : 0;
    size_t count = 0;

    while (place != 0 && !belongs(packed, place, bound)) {
        place = packed_next(packed, packed_next(packed, place));
        count++;
    }
    return count;
}

/* -- By score. */

/* A line between scores: in front of all that have one, or behind them. */
struct score_bound {
    double score;
    bool behind;
};

static bool is_past_score(const struct packed *packed, size_t place, const void *item)
{
    const struct score_bound *bound = item;
    double score = zset_packed_score(packed, packed_next(packed, place));

    return bound->behind ? score > bound->score : score >= bound->score;
}

static size_t rank_of_bound(const struct zset *zset, struct score_bound bound)
{
    struct zset_record probe = { bound.score, bound.behind ? &zset_behind_all : ZSET_BEFORE_ALL };

    if (zset->value.form == ZSET_PACKED)
        return count_packed(zset->of.packed, is_past_score, &bound);
    return ordered_rank(zset->of.large->tree, &probe);
}

struct zset_span zset_span_of_scores(const struct zset *zset, const struct zset_scores *scores)
{
    struct zset_span span;

    if (scores->min > scores->max)
        return nothing;
    span.from = rank_of_bound(zset, (struct score_bound){ scores->min, scores->min_open });
    span.to = rank_of_bound(zset, (struct score_bound){ scores->max, !scores->max_open });
    return span.from < span.to ? span : nothing;
}

/* -- By member. */

/* Whether a name lies at or behind the line that begins a range or, if `upper`, behind it all. */
struct name_bound {
    struct zset_name bound;
    bool upper;
};

static bool is_past(const struct name_bound *line, struct slice name)
{
    int order = line->bound.place == ZSET_NAME_IS ? slice_compare(name, line->bound.name)
                                                  : -(int)line->bound.place;

    return order > 0 || (order == 0 && line->bound.open == line->upper);
}

static bool is_past_name(const struct packed *packed, size_t place, const void *item)
{
    char room[PACKED_TEXT_MAX];

    return is_past(item, packed_print(packed_get(packed, place), room));
}

static bool record_is_past(const void *item, void *who)
{
    return is_past(who, zset_block_name(((const struct zset_record *)item)->block));
}

static size_t rank_of_name(const struct zset *zset, struct name_bound line)
{
    size_t rank;

    if (zset->value.form == ZSET_PACKED)
        return count_packed(zset->of.packed, is_past_name, &line);
    (void)ordered_partition(zset->of.large->tree, record_is_past, &line, &rank);
    return rank;
}

struct zset_span zset_span_of_names(const struct zset *zset, const struct zset_names *names)
{
    struct zset_span span = {
        rank_of_name(zset, (struct name_bound){ names->min, false }),
        rank_of_name(zset, (struct name_bound){ names->max, true }),
    };

    return span.from < span.to ? span : nothing;
}

/* -- Spans. */

struct zset_span zset_span_limit(struct zset_span span, enum zset_direction direction,
                                 int64_t offset, int64_t count)
{
    size_t all = zset_span_count(span);
    size_t left;

    if (offset < 0 || (uint64_t)offset >= all)
        return nothing;
    left = all - (size_t)offset;
    if (count >= 0 && (uint64_t)count < left)
        left = (size_t)count;
    if (direction == ZSET_RISING) {
        span.from += (size_t)offset;
        span.to = span.from + left;
    } else {
        span.to -= (size_t)offset;
        span.from = span.to - left;
    }
    return span;
}
