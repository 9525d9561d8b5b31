/*
 * Taking members off either end of a sorted set, and waiting until there are some.
 *
 * Those that choose a key or wait say to others what they came to: ZPOPMIN or
 * ZPOPMAX on one key.
 */
#include "handlers.h"

#include "broker/commands/do_zset_private.h"

/* Which end is popped from. */
enum zset_end { ZSET_MIN, ZSET_MAX };

/* Pops up to `count` members and replies with them as a list of members and scores, which the
 * caller has announced; each is a pair of its own if `nested`. */
static void pop_members(struct call *call, struct slice key, struct zset *zset, enum zset_end end,
                        size_t count, bool nested)
{
    size_t all = zset_count(zset);
    struct zset_span span = { 0, count };
    struct zset_walk walk;
    struct slice member;
    double score;

    if (end == ZSET_MAX)
        span = (struct zset_span){ all - count, all };
    zset_walk_begin(&walk, zset, span, end == ZSET_MIN ? ZSET_RISING : ZSET_FALLING);
    while (zset_walk_next(&walk, &member, &score)) {
        if (nested)
            reply_array(call->reply, 2);
        reply_bulk(call->reply, member);
        reply_double(call->reply, score);
    }
    zset_remove_span(zset, span);
    note_removal(call, key, zset, count, end == ZSET_MIN ? "zpopmin" : "zpopmax");
}

static size_t fewer(const struct zset *zset, int64_t count)
{
    size_t all = zset_count(zset);

    return (uint64_t)count < all ? (size_t)count : all;
}

static enum verdict pop(struct call *call, enum zset_end end)
{
    struct slice key = args_next(call->args);
    bool counted = args_more(call->args);
    bool nested = counted && call->reply->resp3;
    int64_t count = 1;
    struct zset *zset;

    if (args_left(call->args) > 1)
        return call_refuse(call, REFUSAL_SYNTAX);
    if (counted && call_next_integer(call, 0, INT64_MAX, REFUSAL_NOT_POSITIVE, &count))
        return call_refuse(call, REFUSAL_NOT_POSITIVE);

    enum refusal refusal = find_zset(call, key, LOOK_WRITE, &zset);
    if (refusal != REFUSAL_NONE)
        return call_refuse(call, refusal);
    if (zset == NULL || count == 0) {
        reply_array(call->reply, 0);
        return VERDICT_DONE;
    }
    count = (int64_t)fewer(zset, count);
    reply_array(call->reply, nested ? (size_t)count : 2 * (size_t)count);
    pop_members(call, key, zset, end, (size_t)count, nested);
    return VERDICT_DONE;
}

/* ZPOPMIN key [count]: the members with the lowest scores. */
enum verdict do_zpopmin(struct call *call)
{
    return pop(call, ZSET_MIN);
}

/* ZPOPMAX key [count]: the members with the highest scores, the highest first. */
enum verdict do_zpopmax(struct call *call)
{
    return pop(call, ZSET_MAX);
}

/* The first of several keys that has members. A key of another kind in front of it is a refusal,
 * but not to a command that waited: then it is as good as missing. */
static enum refusal find_first(struct call *call, const struct slice *keys, size_t count,
                               struct slice *key, struct zset **zset)
{
    *zset = NULL;
    for (size_t i = 0; i < count && *zset == NULL; i++) {
        enum refusal refusal = find_zset(call, keys[i], LOOK_WRITE, zset);

        *key = keys[i];
        if (refusal != REFUSAL_NONE && !call->again)
            return refusal;
    }
    return REFUSAL_NONE;
}

static struct slice command_of(enum zset_end end)
{
    return end == ZSET_MIN ? SLICE("ZPOPMIN") : SLICE("ZPOPMAX");
}

static enum verdict wait_for(struct call *call, const struct slice *keys, size_t count,
                             millis timeout)
{
    return call_wait(call, &(struct wait){ .keys = keys,
                                           .count = count,
                                           .kind = VALUE_ZSET,
                                           .timeout = timeout,
                                           .nil_array = true });
}

/* Pops one member from the first key that has some, or waits. The timeout is the last word. */
static enum verdict wait_pop(struct call *call, enum zset_end end)
{
    const struct slice *keys = call->args->words + args_position(call->args);
    size_t count = args_left(call->args) - 1;
    struct zset *zset;
    struct slice key;
    millis timeout;
    enum refusal refusal = call_read_timeout(keys[count], &timeout);

    if (refusal == REFUSAL_NONE)
        refusal = find_first(call, keys, count, &key, &zset);
    if (refusal != REFUSAL_NONE)
        return call_refuse(call, refusal);
    if (zset == NULL)
        return wait_for(call, keys, count, timeout);
    reply_array(call->reply, 3);
    reply_bulk(call->reply, key);
    pop_members(call, key, zset, end, 1, false);
    ledger_say(call->ledger, (const struct slice[]){ command_of(end), key }, 2);
    return VERDICT_DONE;
}

/* BZPOPMIN key [key ...] timeout: a key, its member with the lowest score, and that score. */
enum verdict do_bzpopmin(struct call *call)
{
    return wait_pop(call, ZSET_MIN);
}

/* BZPOPMAX key [key ...] timeout: a key, its member with the highest score, and that score. */
enum verdict do_bzpopmax(struct call *call)
{
    return wait_pop(call, ZSET_MAX);
}

/* What ZMPOP and BZMPOP are asked for. */
struct zset_mpop {
    const struct slice *keys; /* borrowed from the words */
    size_t count;
    enum zset_end end;
    int64_t most;
};

static enum refusal next_zset_mpop(struct call *call, struct zset_mpop *mpop)
{
    struct args *args = call->args;
    int64_t count;
    enum refusal refusal = call_next_integer(call, 1, INT64_MAX, REFUSAL_NUMKEYS, &count);

    if (refusal != REFUSAL_NONE)
        return refusal;
    if ((uint64_t)count >= args_left(args))
        return REFUSAL_SYNTAX;
    *mpop = (struct zset_mpop){ .keys = args->words + args_position(args),
                                .count = (size_t)count,
                                .most = 1 };
    args_rewind(args, args_position(args) + mpop->count);
    if (args_take(args, SLICE("max")))
        mpop->end = ZSET_MAX;
    else if (!args_take(args, SLICE("min")))
        return REFUSAL_SYNTAX;
    if (!args_more(args))
        return REFUSAL_NONE;
    if (!args_take(args, SLICE("count")) || !args_more(args))
        return REFUSAL_SYNTAX;
    refusal = call_next_integer(call, 1, INT64_MAX, REFUSAL_COUNT_POSITIVE, &mpop->most);
    return refusal == REFUSAL_NONE && args_more(args) ? REFUSAL_SYNTAX : refusal;
}

/* Pops from the first key that has members, and says the pop. False if there is none. */
static bool pop_from_first(struct call *call, const struct zset_mpop *mpop, enum refusal *refusal)
{
    char digits[NUMBER_INTEGER_MAX];
    struct zset *zset;
    struct slice key;
    size_t count;

    *refusal = find_first(call, mpop->keys, mpop->count, &key, &zset);
    if (*refusal != REFUSAL_NONE || zset == NULL)
        return false;
    count = fewer(zset, mpop->most);
    reply_array(call->reply, 2);
    reply_bulk(call->reply, key);
    reply_array(call->reply, count);
    pop_members(call, key, zset, mpop->end, count, true);
    ledger_say(call->ledger,
               (const struct slice[]){
                   command_of(mpop->end), key, { digits, number_put(digits, (int64_t)count) } },
               3);
    return true;
}

/* ZMPOP numkeys key [key ...] MIN|MAX [COUNT count]: the key popped from, and what was popped. */
enum verdict do_zmpop(struct call *call)
{
    struct zset_mpop mpop;
    enum refusal refusal = next_zset_mpop(call, &mpop);

    if (refusal == REFUSAL_NONE && pop_from_first(call, &mpop, &refusal))
        return VERDICT_DONE;
    if (refusal != REFUSAL_NONE)
        return call_refuse(call, refusal);
    reply_nil_array(call->reply);
    return VERDICT_DONE;
}

/* BZMPOP timeout numkeys key [key ...] MIN|MAX [COUNT count]: a key and what was popped. */
enum verdict do_bzmpop(struct call *call)
{
    struct slice word = args_next(call->args);
    struct zset_mpop mpop;
    millis timeout;
    enum refusal refusal = next_zset_mpop(call, &mpop);

    if (refusal == REFUSAL_NONE)
        refusal = call_read_timeout(word, &timeout);
    if (refusal == REFUSAL_NONE && pop_from_first(call, &mpop, &refusal))
        return VERDICT_DONE;
    if (refusal != REFUSAL_NONE)
        return call_refuse(call, refusal);
    return wait_for(call, mpop.keys, mpop.count, timeout);
}
