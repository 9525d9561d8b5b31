/*
 * Union, intersection and difference of sorted sets, replied, stored or counted.
 * Where a sorted set may stand a set may, its members having the score 1.
 */
#include "handlers.h"

#include "broker/commands/do_zset_private.h"
#include "storage/values/zset_algebra.h"

enum combination { COMBINE_UNION, COMBINE_INTERSECTION, COMBINE_DIFFERENCE };

/* What is asked for. */
struct combining {
    enum combination how;
    struct zset_source *sources; /* in the call's arena */
    size_t count;
    enum zset_fold fold;
    bool with_scores;
};

/* Which options a command takes. */
enum combine_option {
    COMBINE_MAY_WEIGH = 1 << 0,      /* WEIGHTS and AGGREGATE */
    COMBINE_MAY_HAVE_SCORES = 1 << 1 /* WITHSCORES */
};

/* The sorted set, or set, of the next key. */
static enum refusal next_source(struct call *call, struct zset_source *source)
{
    struct item *item = keyspace_find(call->keys, args_next(call->args), LOOK_READ);

    *source = (struct zset_source){ .weight = 1 };
    if (item == NULL)
        return REFUSAL_NONE;
    if (item_kind(item) == VALUE_ZSET)
        source->zset = (const struct zset *)(void *)item_value(item);
    else if (item_kind(item) == VALUE_SET)
        source->set = (const struct set *)(void *)item_value(item);
    else
        return REFUSAL_WRONG_TYPE;
    return REFUSAL_NONE;
}

/* Reads numkeys and the keys. Answers the request itself, and returns false, if they are wrong. */
static bool next_sources(struct call *call, struct combining *combining)
{
    int64_t count;

    if (!args_next_integer(call->args, &count)) {
        call_refuse(call, REFUSAL_NOT_INTEGER);
        return false;
    }
    if (count < 1) {
        call_refuse_with(call, "ERR at least 1 input key is needed for '%s' command",
                         call->command->full_name);
        return false;
    }
    if ((uint64_t)count > args_left(call->args)) {
        call_refuse(call, REFUSAL_SYNTAX);
        return false;
    }
    combining->count = (size_t)count;
    combining->sources = arena_take(call->arena, combining->count * sizeof(struct zset_source));
    for (size_t i = 0; i < combining->count; i++) {
        enum refusal refusal = next_source(call, &combining->sources[i]);

        if (refusal != REFUSAL_NONE) {
            call_refuse(call, refusal);
            return false;
        }
    }
    return true;
}

/* Takes how scores of one member are brought together. With COUNT each is its source's weight. */
static enum refusal next_fold(struct call *call, struct combining *combining)
{
    bool counts = args_take(call->args, SLICE("count"));

    if (counts || args_take(call->args, SLICE("sum")))
        combining->fold = ZSET_FOLD_SUM;
    else if (args_take(call->args, SLICE("min")))
        combining->fold = ZSET_FOLD_MIN;
    else if (args_take(call->args, SLICE("max")))
        combining->fold = ZSET_FOLD_MAX;
    else
        return REFUSAL_SYNTAX;
    for (size_t i = 0; i < combining->count; i++)
        combining->sources[i].counts = counts;
    return REFUSAL_NONE;
}

static enum refusal next_options(struct call *call, struct combining *combining, unsigned options)
{
    struct args *args = call->args;
    enum refusal refusal = REFUSAL_NONE;

    while (args_more(args) && refusal == REFUSAL_NONE) {
        if (options & COMBINE_MAY_WEIGH && args_left(args) > combining->count &&
            args_take(args, SLICE("weights"))) {
            for (size_t i = 0; i < combining->count; i++) {
                if (!number_read_double(args_next(args), &combining->sources[i].weight))
                    return REFUSAL_WEIGHT_FLOAT;
            }
        } else if (options & COMBINE_MAY_WEIGH && args_left(args) > 1 &&
                   args_take(args, SLICE("aggregate"))) {
            refusal = next_fold(call, combining);
        } else if (options & COMBINE_MAY_HAVE_SCORES && args_take(args, SLICE("withscores"))) {
            combining->with_scores = true;
        } else {
            return REFUSAL_SYNTAX;
        }
    }
    return refusal;
}

static struct zset *combine(const struct combining *combining, const struct value_limits *limits)
{
    switch (combining->how) {
    case COMBINE_UNION:
        return zset_union(combining->sources, combining->count, combining->fold, limits);
    case COMBINE_INTERSECTION:
        return zset_intersection(combining->sources, combining->count, combining->fold, limits);
    case COMBINE_DIFFERENCE:
        break;
    }
    return zset_difference(combining->sources, combining->count, limits);
}

static unsigned options_of(enum combination how)
{
    return how == COMBINE_DIFFERENCE ? 0 : COMBINE_MAY_WEIGH;
}

static enum verdict reply_combination(struct call *call, enum combination how)
{
    struct combining combining = { .how = how };
    struct value_limits limits = *call->limits;
    struct zset *zset;
    enum refusal refusal;

    if (!next_sources(call, &combining))
        return VERDICT_REFUSED;
    refusal = next_options(call, &combining, options_of(how) | COMBINE_MAY_HAVE_SCORES);
    if (refusal != REFUSAL_NONE)
        return call_refuse(call, refusal);
    /* It is not kept, so packing it would be in vain, and -0 would become 0. */
    limits.zset_entries = 0;
    zset = combine(&combining, &limits);
    reply_span(call, zset, zset_all(zset), ZSET_RISING, combining.with_scores);
    zset_free(zset);
    return VERDICT_DONE;
}

static enum verdict store_combination(struct call *call, enum combination how, const char *event)
{
    struct slice destination = args_next(call->args);
    struct combining combining = { .how = how };
    enum refusal refusal;

    if (!next_sources(call, &combining))
        return VERDICT_REFUSED;
    refusal = next_options(call, &combining, options_of(how));
    if (refusal != REFUSAL_NONE)
        return call_refuse(call, refusal);
    return store_zset(call, destination, combine(&combining, call->limits), event);
}

/* ZUNION numkeys key [key ...] [WEIGHTS weight ...] [AGGREGATE SUM|MIN|MAX|COUNT] [WITHSCORES]: the
 * members that any has. */
enum verdict do_zunion(struct call *call)
{
    return reply_combination(call, COMBINE_UNION);
}

/* ZINTER numkeys key [key ...] [WEIGHTS weight ...] [AGGREGATE SUM|MIN|MAX|COUNT] [WITHSCORES]: the
 * members that all have. */
enum verdict do_zinter(struct call *call)
{
    return reply_combination(call, COMBINE_INTERSECTION);
}

/* ZDIFF numkeys key [key ...] [WITHSCORES]: the members of the first that no other has. */
enum verdict do_zdiff(struct call *call)
{
    return reply_combination(call, COMBINE_DIFFERENCE);
}

/* ZUNIONSTORE destination numkeys key [key ...] [WEIGHTS weight ...] [AGGREGATE SUM|MIN|MAX|COUNT]: how
 * many members were stored. */
enum verdict do_zunionstore(struct call *call)
{
    return store_combination(call, COMBINE_UNION, "zunionstore");
}

/* ZINTERSTORE destination numkeys key [key ...] [WEIGHTS weight ...] [AGGREGATE SUM|MIN|MAX|COUNT]: how
 * many members were stored. */
enum verdict do_zinterstore(struct call *call)
{
    return store_combination(call, COMBINE_INTERSECTION, "zinterstore");
}

/* ZDIFFSTORE destination numkeys key [key ...]: how many members were stored. */
enum verdict do_zdiffstore(struct call *call)
{
    return store_combination(call, COMBINE_DIFFERENCE, "zdiffstore");
}

/* ZINTERCARD numkeys key [key ...] [LIMIT limit]: how many members all have. */
enum verdict do_zintercard(struct call *call)
{
    struct combining combining = { .how = COMBINE_INTERSECTION };
    int64_t most = 0;

    if (!next_sources(call, &combining))
        return VERDICT_REFUSED;
    while (args_more(call->args)) {
        if (!args_take(call->args, SLICE("limit")) || !args_more(call->args))
            return call_refuse(call, REFUSAL_SYNTAX);
        if (call_next_integer(call, 0, INT64_MAX, REFUSAL_LIMIT_NEGATIVE, &most))
            return call_refuse(call, REFUSAL_LIMIT_NEGATIVE);
    }
    reply_integer(call->reply,
                  (int64_t)zset_intersection_count(combining.sources, combining.count,
                                                   most > 0 ? (size_t)most : SIZE_MAX));
    return VERDICT_DONE;
}
