/*
 * Ranges of sorted sets, by rank, score or name: shown, stored, counted, removed.
 *
 * ZRANGE chooses kind and direction by its options; the older commands are born
 * with both. Of whatever kind, a range is a span of ranks before anything is
 * done with it (zset_range.h).
 */
#include "handlers.h"

#include <math.h>
#include <stdlib.h>

#include "broker/commands/do_zset_private.h"
#include "storage/values/zset_range.h"

enum range_kind { RANGE_RANKS, RANGE_SCORES, RANGE_NAMES };

/* What is asked for. */
struct range {
    enum range_kind kind;
    enum zset_direction direction;
    struct slice least; /* the words of the bounds: the lower first, whatever the direction */
    struct slice most;
    int64_t offset;
    int64_t limit; /* below 0: none */
    bool with_scores;
    union {
        struct {
            int64_t start, stop;
        } ranks;
        struct zset_scores scores;
        struct zset_names names;
    } of;
};

/* ---- Reading bounds ---- */

/* A score, perhaps open. The number is read as the C library reads it: blanks in front, an empty
 * word for 0 and what overflows to infinity are allowed here, unlike in ZADD. */
static bool read_score(struct call *call, struct slice word, double *score, bool *open)
{
    char *text;
    char *end;

    *open = word.len > 0 && word.at[0] == '(';
    if (*open)
        word = slice_after(word, 1);
    if (number_read_double(word, score))
        return true;
    text = arena_take(call->arena, word.len + 1);
    if (word.len > 0)
        memcpy(text, word.at, word.len);
    text[word.len] = '\0';
    *score = strtod(text, &end);
    return *end == '\0' && !isnan(*score);
}

/* [name, (name, - for what is before all names, + for what is behind them. */
static bool read_name(struct slice word, struct zset_name *name)
{
    char sign = word.len > 0 ? word.at[0] : '\0';

    *name = (struct zset_name){ .open = true };
    switch (sign) {
    case '-':
    case '+':
        name->place = sign == '-' ? ZSET_NAME_LEAST : ZSET_NAME_MOST;
        return word.len == 1 || word.at[1] == '\0';
    case '[':
    case '(':
        name->place = ZSET_NAME_IS;
        name->open = sign == '(';
        name->name = slice_after(word, 1);
        return true;
    default:
        return false;
    }
}

static enum refusal read_bounds(struct call *call, struct range *range)
{
    switch (range->kind) {
    case RANGE_RANKS:
        if (!number_read(range->least, &range->of.ranks.start) ||
            !number_read(range->most, &range->of.ranks.stop))
            return REFUSAL_NOT_INTEGER;
        break;
    case RANGE_SCORES:
        if (!read_score(call, range->least, &range->of.scores.min, &range->of.scores.min_open) ||
            !read_score(call, range->most, &range->of.scores.max, &range->of.scores.max_open))
            return REFUSAL_SCORE_BOUND;
        break;
    case RANGE_NAMES:
        if (!read_name(range->least, &range->of.names.min) ||
            !read_name(range->most, &range->of.names.max))
            return REFUSAL_NAME_BOUND;
        break;
    }
    return REFUSAL_NONE;
}

static struct zset_span span_of(const struct zset *zset, const struct range *range)
{
    struct zset_span span = { 0, 0 };

    switch (range->kind) {
    case RANGE_RANKS:
        span = zset_span_of_ranks(zset, range->of.ranks.start, range->of.ranks.stop);
        return range->direction == ZSET_RISING ? span : zset_span_mirror(zset, span);
    case RANGE_SCORES:
        span = zset_span_of_scores(zset, &range->of.scores);
        break;
    case RANGE_NAMES:
        span = zset_span_of_names(zset, &range->of.names);
        break;
    }
    return zset_span_limit(span, range->direction, range->offset, range->limit);
}

/* ---- Reading options ---- */

/* Which options a command takes beside LIMIT. */
enum range_option {
    RANGE_MAY_REVERSE = 1 << 0,    /* REV */
    RANGE_MAY_CHOOSE = 1 << 1,     /* BYSCORE and BYLEX */
    RANGE_MAY_HAVE_SCORES = 1 << 2 /* WITHSCORES */
};

static enum refusal next_option(struct call *call, struct range *range, unsigned *options)
{
    struct args *args = call->args;

    if (*options & RANGE_MAY_HAVE_SCORES && args_take(args, SLICE("withscores"))) {
        range->with_scores = true;
    } else if (args_left(args) > 2 && args_take(args, SLICE("limit"))) {
        if (!args_next_integer(args, &range->offset) || !args_next_integer(args, &range->limit))
            return REFUSAL_NOT_INTEGER;
    } else if (*options & RANGE_MAY_REVERSE && args_take(args, SLICE("rev"))) {
        range->direction = ZSET_FALLING;
        *options &= ~(unsigned)RANGE_MAY_REVERSE;
    } else if (*options & RANGE_MAY_CHOOSE && args_take(args, SLICE("bylex"))) {
        range->kind = RANGE_NAMES;
        *options &= ~(unsigned)RANGE_MAY_CHOOSE;
    } else if (*options & RANGE_MAY_CHOOSE && args_take(args, SLICE("byscore"))) {
        range->kind = RANGE_SCORES;
        *options &= ~(unsigned)RANGE_MAY_CHOOSE;
    } else {
        return REFUSAL_SYNTAX;
    }
    return REFUSAL_NONE;
}

/* Reads the bounds and all that follows them. */
static enum refusal next_range(struct call *call, struct range *range, unsigned options)
{
    range->least = args_next(call->args);
    range->most = args_next(call->args);
    range->limit = -1;
    while (args_more(call->args)) {
        enum refusal refusal = next_option(call, range, &options);

        if (refusal != REFUSAL_NONE)
            return refusal;
    }
    if (range->limit != -1 && range->kind == RANGE_RANKS)
        return REFUSAL_ZRANGE_LIMIT;
    if (range->with_scores && range->kind == RANGE_NAMES)
        return REFUSAL_ZRANGE_LEX_SCORES;
    if (range->direction == ZSET_FALLING && range->kind != RANGE_RANKS) {
        struct slice least = range->least;

        range->least = range->most;
        range->most = least;
    }
    return read_bounds(call, range);
}

/* ---- Showing ---- */

static enum verdict show_range(struct call *call, enum range_kind kind,
                               enum zset_direction direction, unsigned options)
{
    struct range range = { .kind = kind, .direction = direction };
    struct slice key = args_next(call->args);
    struct zset *zset;
    enum refusal refusal = next_range(call, &range, options);

    if (refusal == REFUSAL_NONE)
        refusal = find_zset(call, key, LOOK_READ, &zset);
    if (refusal != REFUSAL_NONE)
        return call_refuse(call, refusal);
    if (zset != NULL)
        reply_span(call, zset, span_of(zset, &range), range.direction, range.with_scores);
    else
        reply_array(call->reply, 0);
    return VERDICT_DONE;
}

/* ZRANGE key start stop [BYSCORE|BYLEX] [REV] [LIMIT offset count] [WITHSCORES]: the members. */
enum verdict do_zrange(struct call *call)
{
    return show_range(call, RANGE_RANKS, ZSET_RISING,
                      RANGE_MAY_REVERSE | RANGE_MAY_CHOOSE | RANGE_MAY_HAVE_SCORES);
}

/* ZREVRANGE key start stop [WITHSCORES]: the members, counted from the highest score. */
enum verdict do_zrevrange(struct call *call)
{
    return show_range(call, RANGE_RANKS, ZSET_FALLING, RANGE_MAY_HAVE_SCORES);
}

/* ZRANGEBYSCORE key min max [WITHSCORES] [LIMIT offset count]: the members. */
enum verdict do_zrangebyscore(struct call *call)
{
    return show_range(call, RANGE_SCORES, ZSET_RISING, RANGE_MAY_HAVE_SCORES);
}

/* ZREVRANGEBYSCORE key max min [WITHSCORES] [LIMIT offset count]: the members, highest first. */
enum verdict do_zrevrangebyscore(struct call *call)
{
    return show_range(call, RANGE_SCORES, ZSET_FALLING, RANGE_MAY_HAVE_SCORES);
}

/* ZRANGEBYLEX key min max [LIMIT offset count]: the members. */
enum verdict do_zrangebylex(struct call *call)
{
    return show_range(call, RANGE_NAMES, ZSET_RISING, RANGE_MAY_HAVE_SCORES);
}

/* ZREVRANGEBYLEX key max min [LIMIT offset count]: the members, the last name first. */
enum verdict do_zrevrangebylex(struct call *call)
{
    return show_range(call, RANGE_NAMES, ZSET_FALLING, RANGE_MAY_HAVE_SCORES);
}

/* ZRANGESTORE dst src min max [BYSCORE|BYLEX] [REV] [LIMIT offset count]: how many were stored. */
enum verdict do_zrangestore(struct call *call)
{
    struct range range = { .kind = RANGE_RANKS };
    struct slice destination = args_next(call->args);
    struct slice source = args_next(call->args);
    struct zset_walk walk;
    struct slice member;
    struct zset *zset, *outcome;
    double score;
    enum refusal refusal = next_range(call, &range, RANGE_MAY_REVERSE | RANGE_MAY_CHOOSE);

    if (refusal == REFUSAL_NONE)
        refusal = find_zset(call, source, LOOK_READ, &zset);
    if (refusal != REFUSAL_NONE)
        return call_refuse(call, refusal);
    outcome = zset_new();
    if (zset != NULL) {
        struct zset_span span = span_of(zset, &range);

        /* As Redis does it, since it shows in the form of the outcome and in what becomes of -0. */
        if (range.kind == RANGE_RANKS)
            zset_reserve(outcome, call->limits, zset_span_count(span));
        zset_walk_begin(&walk, zset, span, range.direction);
        while (zset_walk_next(&walk, &member, &score))
            zset_add(outcome, call->limits, member, score, 0, NULL);
    }
    return store_zset(call, destination, outcome, "zrangestore");
}

/* ---- Counting and removing ---- */

static enum verdict count_range(struct call *call, enum range_kind kind)
{
    struct range range = { .kind = kind };
    struct slice key = args_next(call->args);
    struct zset *zset;
    enum refusal refusal = next_range(call, &range, 0);

    if (refusal == REFUSAL_NONE)
        refusal = find_zset(call, key, LOOK_READ, &zset);
    if (refusal != REFUSAL_NONE)
        return call_refuse(call, refusal);
    reply_integer(call->reply, zset != NULL ? (int64_t)zset_span_count(span_of(zset, &range)) : 0);
    return VERDICT_DONE;
}

/* ZCOUNT key min max: how many members have a score between the two. */
enum verdict do_zcount(struct call *call)
{
    return count_range(call, RANGE_SCORES);
}

/* ZLEXCOUNT key min max: how many members lie between two names. */
enum verdict do_zlexcount(struct call *call)
{
    return count_range(call, RANGE_NAMES);
}

static enum verdict remove_range(struct call *call, enum range_kind kind, const char *event)
{
    struct range range = { .kind = kind };
    struct slice key = args_next(call->args);
    struct zset *zset;
    size_t removed = 0;
    enum refusal refusal = next_range(call, &range, 0);

    if (refusal == REFUSAL_NONE)
        refusal = find_zset(call, key, LOOK_WRITE, &zset);
    if (refusal != REFUSAL_NONE)
        return call_refuse(call, refusal);
    if (zset != NULL)
        removed = zset_remove_span(zset, span_of(zset, &range));
    note_removal(call, key, zset, removed, event);
    reply_integer(call->reply, (int64_t)removed);
    return VERDICT_DONE;
}

/* ZREMRANGEBYSCORE key min max: how many members were removed. */
enum verdict do_zremrangebyscore(struct call *call)
{
    return remove_range(call, RANGE_SCORES, "zremrangebyscore");
}

/* ZREMRANGEBYRANK key start stop: how many members were removed. */
enum verdict do_zremrangebyrank(struct call *call)
{
    return remove_range(call, RANGE_RANKS, "zremrangebyrank");
}

/* ZREMRANGEBYLEX key min max: how many members were removed. */
enum verdict do_zremrangebylex(struct call *call)
{
    return remove_range(call, RANGE_NAMES, "zremrangebylex");
}
