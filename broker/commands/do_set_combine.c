/*
 * Intersection, union and difference of sets, replied or stored.
 *
 * All keys are looked at before anything is done, so that one of another kind
 * refuses the command even where its value would not matter.
 */
#include "handlers.h"

#include "broker/commands/do_set_private.h"
#include "storage/values/set_algebra.h"

/* The sets of the next `count` words, in the call's arena; NULL for a key that is not there. */
static enum refusal next_sets(struct call *call, size_t count, const struct set ***sets)
{
    *sets = arena_take(call->arena, count * sizeof(struct set *));
    for (size_t i = 0; i < count; i++) {
        struct set *set;
        enum refusal refusal = find_set(call, args_next(call->args), LOOK_READ, &set);

        if (refusal != REFUSAL_NONE)
            return refusal;
        (*sets)[i] = set;
    }
    return REFUSAL_NONE;
}

/* What a member that all sets have is shown to. */
struct gathering {
    struct call *call;
    struct set  *into;  /* NULL: it is replied */
    uint64_t     count;
    uint64_t     most;  /* 0: no limit */
};

static bool gather(void *who, struct slice member)
{
    struct gathering *gathering = who;

    gathering->count++;
    if (gathering->into != NULL)
        (void)set_add(gathering->into, gathering->call->limits, member);
    else
        reply_bulk(gathering->call->reply, member);
    return true;
}

static bool count_up(void *who, struct slice member)
{
    struct gathering *gathering = who;

    (void)member;
    return ++gathering->count != gathering->most;
}

/* SINTER key [key ...]: the members that all sets have. */
enum verdict do_sinter(struct call *call)
{
    struct gathering gathering = { .call = call };
    size_t count = args_left(call->args);
    const struct set **sets;
    struct outbox_hole hole;
    enum refusal refusal = next_sets(call, count, &sets);

    if (refusal != REFUSAL_NONE)
        return call_refuse(call, refusal);
    hole = reply_open(call->reply);
    set_intersection(sets, count, gather, &gathering);
    reply_close_set(call->reply, hole, gathering.count);
    return VERDICT_DONE;
}

/* What a command that counts is asked for. */
struct counting {
    const struct set **sets; /* in the call's arena */
    size_t             count;
    size_t             most; /* 0: no limit */
};

/* Reads numkeys, the keys and LIMIT, for SUNIONCARD also APPROX; finds the sets. */
static enum refusal next_counting(struct call *call, bool approximate, struct counting *counting)
{
    struct args *args = call->args;
    int64_t count;
    int64_t most = 0;
    size_t first;

    if (call_next_integer(call, 1, INT64_MAX, REFUSAL_NUMKEYS, &count))
        return REFUSAL_NUMKEYS;
    if ((uint64_t)count > args_left(args))
        return REFUSAL_TOO_MANY_KEYS;

    first = args_position(args);
    args_rewind(args, first + (size_t)count);
    while (args_more(args)) {
        if (approximate && args_take(args, SLICE("approx")))
            continue;
        if (!args_take(args, SLICE("limit")) || !args_more(args))
            return REFUSAL_SYNTAX;
        if (call_next_integer(call, 0, INT64_MAX, REFUSAL_LIMIT_NEGATIVE, &most))
            return REFUSAL_LIMIT_NEGATIVE;
    }
    args_rewind(args, first);
    counting->count = (size_t)count;
    counting->most = (size_t)most;
    return next_sets(call, counting->count, &counting->sets);
}

/* SINTERCARD numkeys key [key ...] [LIMIT limit]: how many members all sets have. */
enum verdict do_sintercard(struct call *call)
{
    struct gathering gathering = { .call = call };
    struct counting counting;
    enum refusal refusal = next_counting(call, false, &counting);

    if (refusal != REFUSAL_NONE)
        return call_refuse(call, refusal);
    gathering.most = counting.most;
    set_intersection(counting.sets, counting.count, count_up, &gathering);
    reply_integer(call->reply, (int64_t)gathering.count);
    return VERDICT_DONE;
}

/* SUNIONCARD numkeys key [key ...] [APPROX] [LIMIT limit]: how many members any set has; the
 * number is exact whether that is asked for or not. */
enum verdict do_sunioncard(struct call *call)
{
    struct counting counting;
    enum refusal refusal = next_counting(call, true, &counting);

    if (refusal != REFUSAL_NONE)
        return call_refuse(call, refusal);
    reply_integer(call->reply, (int64_t)set_union_count(counting.sets, counting.count,
                                                        call->limits, counting.most));
    return VERDICT_DONE;
}

/* SDIFFCARD numkeys key [key ...] [LIMIT limit]: how many members the first has and no other. */
enum verdict do_sdiffcard(struct call *call)
{
    struct counting counting;
    enum refusal refusal = next_counting(call, false, &counting);

    if (refusal != REFUSAL_NONE)
        return call_refuse(call, refusal);
    reply_integer(call->reply, (int64_t)set_difference_count(counting.sets, counting.count,
                                                             counting.most));
    return VERDICT_DONE;
}

enum combination { COMBINE_INTERSECTION, COMBINE_UNION, COMBINE_DIFFERENCE };

static struct set *combine(struct call *call, enum combination how, const struct set **sets,
                           size_t count)
{
    struct gathering gathering = { .call = call };

    switch (how) {
    case COMBINE_UNION:
        return set_union(sets, count, call->limits);
    case COMBINE_DIFFERENCE:
        return set_difference(sets, count, call->limits);
    case COMBINE_INTERSECTION:
        break;
    }
    gathering.into = set_new();
    set_intersection(sets, count, gather, &gathering);
    return gathering.into;
}

static enum verdict reply_combination(struct call *call, enum combination how)
{
    size_t count = args_left(call->args);
    const struct set **sets;
    struct set *result;
    enum refusal refusal = next_sets(call, count, &sets);

    if (refusal != REFUSAL_NONE)
        return call_refuse(call, refusal);
    result = combine(call, how, sets, count);
    reply_members(call, result);
    set_free(result);
    return VERDICT_DONE;
}

/* SUNION key [key ...]: the members that any set has. */
enum verdict do_sunion(struct call *call)
{
    return reply_combination(call, COMBINE_UNION);
}

/* SDIFF key [key ...]: the members of the first set that no other has. */
enum verdict do_sdiff(struct call *call)
{
    return reply_combination(call, COMBINE_DIFFERENCE);
}

/* Puts a combination under the first key, whatever that held; none takes the key away. */
static enum verdict store_combination(struct call *call, enum combination how, const char *event)
{
    struct slice destination = args_next(call->args);
    size_t count = args_left(call->args);
    const struct set **sets;
    struct set *result;
    size_t members;
    enum refusal refusal = next_sets(call, count, &sets);

    if (refusal != REFUSAL_NONE)
        return call_refuse(call, refusal);
    result = combine(call, how, sets, count);
    members = set_count(result);
    if (members > 0) {
        put_set(call, destination, result);
        ledger_changed(call->ledger, destination, EVENT_SET, event);
    } else {
        set_free(result);
        if (keyspace_remove(call->keys, destination, true))
            ledger_changed(call->ledger, destination, EVENT_GENERIC, "del");
    }
    reply_integer(call->reply, (int64_t)members);
    return VERDICT_DONE;
}

/* SINTERSTORE destination key [key ...]: how many members the intersection has. */
enum verdict do_sinterstore(struct call *call)
{
    return store_combination(call, COMBINE_INTERSECTION, "sinterstore");
}

/* SUNIONSTORE destination key [key ...]: how many members the union has. */
enum verdict do_sunionstore(struct call *call)
{
    return store_combination(call, COMBINE_UNION, "sunionstore");
}

/* SDIFFSTORE destination key [key ...]: how many members the difference has. */
enum verdict do_sdiffstore(struct call *call)
{
    return store_combination(call, COMBINE_DIFFERENCE, "sdiffstore");
}
