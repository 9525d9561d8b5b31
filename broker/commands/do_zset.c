/* Sorted sets: giving scores, removing members, looking them up. */
#include "handlers.h"

#include "broker/commands/do_scan_private.h"
#include "broker/commands/do_zset_private.h"
#include "broker/commands/sampling.h"
#include "storage/base/memory.h"

/* ---- What the family shares ---- */

enum refusal find_zset(struct call *call, struct slice key, enum look why, struct zset **zset)
{
    struct value *value;
    enum refusal refusal = call_find(call, key, VALUE_ZSET, why, &value);

    *zset = (struct zset *)(void *)value;
    return refusal;
}

void put_zset(struct call *call, struct slice key, struct zset *zset)
{
    struct value *value = (struct value *)(void *)zset;

    keyspace_put_value(call->keys, key, &value);
}

enum verdict store_zset(struct call *call, struct slice key, struct zset *zset, const char *event)
{
    size_t count = zset_count(zset);

    if (count > 0) {
        put_zset(call, key, zset);
        ledger_changed(call->ledger, key, EVENT_ZSET, event);
    } else {
        zset_free(zset);
        if (keyspace_remove(call->keys, key, true))
            ledger_changed(call->ledger, key, EVENT_GENERIC, "del");
    }
    reply_integer(call->reply, (int64_t)count);
    return VERDICT_DONE;
}

/* Announces members, with their scores or without. */
static void reply_member_count(struct call *call, size_t count, bool with_scores)
{
    reply_array(call->reply, with_scores && !call->reply->resp3 ? 2 * count : count);
}

/* Replies with a member and its score, if that is asked for: a pair of its own in RESP3. */
static void reply_member(struct call *call, struct slice member, double score, bool with_score)
{
    if (with_score && call->reply->resp3)
        reply_array(call->reply, 2);
    reply_bulk(call->reply, member);
    if (with_score)
        reply_double(call->reply, score);
}

void reply_span(struct call *call, const struct zset *zset, struct zset_span span,
                enum zset_direction direction, bool with_scores)
{
    struct zset_walk walk;
    struct slice member;
    double score;

    reply_member_count(call, span.to - span.from, with_scores);
    zset_walk_begin(&walk, zset, span, direction);
    while (zset_walk_next(&walk, &member, &score))
        reply_member(call, member, score, with_scores);
}

void note_removal(struct call *call, struct slice key, const struct zset *zset, size_t count,
                  const char *event)
{
    if (count == 0)
        return;
    ledger_changed(call->ledger, key, EVENT_ZSET, event);
    ledger_count(call->ledger, count - 1);
    if (zset_count(zset) == 0)
        call_remove_empty(call, key);
}

/* ---- Giving scores ---- */

/* What ZADD is asked for. */
struct zadd {
    struct slice key;
    const struct slice *pairs; /* score, member, score, member, ... */
    size_t count;              /* pairs */
    double *scores;            /* of all pairs */
    unsigned terms;            /* enum zset_terms */
    bool changes;              /* CH: those that changed are counted too */
};

static void next_terms(struct args *args, struct zadd *zadd)
{
    while (args_more(args)) {
        if (args_take(args, SLICE("nx")))
            zadd->terms |= ZSET_IF_NEW;
        else if (args_take(args, SLICE("xx")))
            zadd->terms |= ZSET_IF_THERE;
        else if (args_take(args, SLICE("ch")))
            zadd->changes = true;
        else if (args_take(args, SLICE("incr")))
            zadd->terms |= ZSET_INCREASE;
        else if (args_take(args, SLICE("gt")))
            zadd->terms |= ZSET_IF_GREATER;
        else if (args_take(args, SLICE("lt")))
            zadd->terms |= ZSET_IF_LESS;
        else
            return;
    }
}

/* Whether terms contradict each other, or cannot be had of so many pairs. */
static enum refusal judge_terms(const struct zadd *zadd)
{
    bool fresh = zadd->terms & ZSET_IF_NEW;
    bool greater = zadd->terms & ZSET_IF_GREATER;
    bool less = zadd->terms & ZSET_IF_LESS;

    if (fresh && zadd->terms & ZSET_IF_THERE)
        return REFUSAL_ZADD_XX_NX;
    if ((greater && less) || (fresh && (greater || less)))
        return REFUSAL_ZADD_GT_LT_NX;
    if (zadd->terms & ZSET_INCREASE && zadd->count > 1)
        return REFUSAL_ZADD_INCR_PAIRS;
    return REFUSAL_NONE;
}

/* Reads the words to the end, all scores before anything is changed. */
static enum refusal next_zadd(struct call *call, struct zadd *zadd)
{
    struct args *args = call->args;
    enum refusal refusal;

    zadd->key = args_next(args);
    next_terms(args, zadd);
    if (args_left(args) == 0 || args_left(args) % 2 != 0)
        return REFUSAL_SYNTAX;
    zadd->pairs = args->words + args_position(args);
    zadd->count = args_left(args) / 2;
    refusal = judge_terms(zadd);
    if (refusal != REFUSAL_NONE)
        return refusal;
    zadd->scores = arena_take(call->arena, zadd->count * sizeof(double));
    for (size_t i = 0; i < zadd->count; i++) {
        if (!number_read_double(zadd->pairs[2 * i], &zadd->scores[i]))
            return REFUSAL_NOT_FLOAT;
    }
    return REFUSAL_NONE;
}

/* What became of all pairs. */
struct zadd_outcome {
    size_t added;
    size_t moved;
    bool given;   /* the last one has the score it was to have */
    double score; /* then this one */
};

enum { TOGETHER = 16 }; /* members that are put together, so that one's misses hide another's */

static enum refusal add_pairs(struct call *call, const struct zadd *zadd, struct zset *zset,
                              struct zadd_outcome *outcome)
{
    *outcome = (struct zadd_outcome){ 0 };
    for (size_t i = 0; i < zadd->count; i++) {
        size_t left = zadd->count - i;

        if (i % TOGETHER == 0 && left > 1)
            zset_ask_ahead(zset, zadd->pairs + 2 * i + 1, left < TOGETHER ? left : TOGETHER, left);

        enum zset_outcome one = zset_add(zset, call->limits, zadd->pairs[2 * i + 1],
                                         zadd->scores[i], zadd->terms, &outcome->score);

        if (one == ZSET_NAN)
            return REFUSAL_SCORE_NAN;
        outcome->added += one == ZSET_ADDED;
        outcome->moved += one == ZSET_MOVED;
        outcome->given = one != ZSET_KEPT;
    }
    if (outcome->added + outcome->moved > 0) {
        ledger_changed(call->ledger, zadd->key, EVENT_ZSET,
                       zadd->terms & ZSET_INCREASE ? "zincr" : "zadd");
        ledger_count(call->ledger, outcome->added + outcome->moved - 1);
    }
    return REFUSAL_NONE;
}

static enum verdict give_scores(struct call *call, struct zadd *zadd)
{
    struct zadd_outcome outcome = { 0 };
    struct zset *zset;
    enum refusal refusal = next_zadd(call, zadd);

    if (refusal == REFUSAL_NONE)
        refusal = find_zset(call, zadd->key, LOOK_WRITE, &zset);
    if (refusal == REFUSAL_NONE && zset == NULL && !(zadd->terms & ZSET_IF_THERE)) {
        zset = zset_new();
        put_zset(call, zadd->key, zset);
    }
    if (refusal == REFUSAL_NONE && zset != NULL)
        refusal = add_pairs(call, zadd, zset, &outcome);
    if (refusal != REFUSAL_NONE)
        return call_refuse(call, refusal);

    if (!(zadd->terms & ZSET_INCREASE))
        reply_integer(call->reply, (int64_t)(outcome.added + (zadd->changes ? outcome.moved : 0)));
    else if (outcome.given)
        reply_double(call->reply, outcome.score);
    else
        reply_nil(call->reply);
    return VERDICT_DONE;
}

/* ZADD key [NX|XX] [GT|LT] [CH] [INCR] score member [score member ...]: how many are new, or the
 * new score. */
enum verdict do_zadd(struct call *call)
{
    return give_scores(call, &(struct zadd){ 0 });
}

/* ZINCRBY key increment member: the member's new score. */
enum verdict do_zincrby(struct call *call)
{
    return give_scores(call, &(struct zadd){ .terms = ZSET_INCREASE });
}

/* ZREM key member [member ...]: how many members were there and are gone. */
enum verdict do_zrem(struct call *call)
{
    struct slice key = args_next(call->args);
    size_t removed = 0;
    struct zset *zset;
    enum refusal refusal = find_zset(call, key, LOOK_WRITE, &zset);

    if (refusal != REFUSAL_NONE)
        return call_refuse(call, refusal);
    while (zset != NULL && args_more(call->args))
        removed += zset_remove(zset, args_next(call->args));
    note_removal(call, key, zset, removed, "zrem");
    reply_integer(call->reply, (int64_t)removed);
    return VERDICT_DONE;
}

/* ---- Looking ---- */

/* ZCARD key: how many members there are. */
enum verdict do_zcard(struct call *call)
{
    struct zset *zset;
    enum refusal refusal = find_zset(call, args_next(call->args), LOOK_READ, &zset);

    if (refusal != REFUSAL_NONE)
        return call_refuse(call, refusal);
    reply_integer(call->reply, zset != NULL ? (int64_t)zset_count(zset) : 0);
    return VERDICT_DONE;
}

static void reply_score(struct call *call, const struct zset *zset, struct slice member)
{
    double score;

    if (zset != NULL && zset_score(zset, member, &score))
        reply_double(call->reply, score);
    else
        reply_nil(call->reply);
}

/* ZSCORE key member: the member's score. */
enum verdict do_zscore(struct call *call)
{
    struct zset *zset;
    enum refusal refusal = find_zset(call, args_next(call->args), LOOK_READ, &zset);

    if (refusal != REFUSAL_NONE)
        return call_refuse(call, refusal);
    reply_score(call, zset, args_next(call->args));
    return VERDICT_DONE;
}

/* ZMSCORE key member [member ...]: the score of each member. */
enum verdict do_zmscore(struct call *call)
{
    struct zset *zset;
    enum refusal refusal = find_zset(call, args_next(call->args), LOOK_READ, &zset);

    if (refusal != REFUSAL_NONE)
        return call_refuse(call, refusal);
    reply_array(call->reply, args_left(call->args));
    while (args_more(call->args))
        reply_score(call, zset, args_next(call->args));
    return VERDICT_DONE;
}

static enum verdict reply_rank(struct call *call, enum zset_direction direction)
{
    struct slice key = args_next(call->args);
    struct slice member = args_next(call->args);
    bool with_score = args_take(call->args, SLICE("withscore"));
    struct zset *zset;
    double score;
    size_t rank;

    if (args_more(call->args))
        return call_refuse(call, REFUSAL_SYNTAX);

    enum refusal refusal = find_zset(call, key, LOOK_READ, &zset);
    if (refusal != REFUSAL_NONE)
        return call_refuse(call, refusal);
    if (zset == NULL || !zset_rank(zset, member, &rank)) {
        if (with_score)
            reply_nil_array(call->reply);
        else
            reply_nil(call->reply);
        return VERDICT_DONE;
    }
    if (direction == ZSET_FALLING)
        rank = zset_count(zset) - 1 - rank;
    if (with_score)
        reply_array(call->reply, 2);
    reply_integer(call->reply, (int64_t)rank);
    if (with_score && zset_score(zset, member, &score))
        reply_double(call->reply, score);
    return VERDICT_DONE;
}

/* ZRANK key member [WITHSCORE]: how many members come before it. */
enum verdict do_zrank(struct call *call)
{
    return reply_rank(call, ZSET_RISING);
}

/* ZREVRANK key member [WITHSCORE]: how many members come after it. */
enum verdict do_zrevrank(struct call *call)
{
    return reply_rank(call, ZSET_FALLING);
}

static const struct zset *scanned(const struct scan *scan)
{
    return (const struct zset *)(const void *)scan->value;
}

static void show_member(void *who, struct slice member, double score)
{
    struct scan *scan = who;
    struct reply *reply = scan->call->reply;
    char digits[NUMBER_DOUBLE_MAX];

    if (!scan_meets(scan, member))
        return;
    /* A score is text here, in RESP3 too; where it is packed it is shown as it is packed. */
    reply_bulk(reply, member);
    if (!zset_is_large(scanned(scan)) && zset_packs_integer(score))
        reply_bulk_integer(reply, (int64_t)score);
    else
        reply_bulk(reply, slice_of(digits, number_put_double(digits, score)));
    scan->shown += 2;
}

static uint64_t step_members(struct scan *scan, uint64_t cursor)
{
    return zset_scan(scanned(scan), cursor, show_member, scan);
}

/* ZSCAN key cursor [MATCH pattern] [COUNT count]: a cursor, and some members with their scores. */
enum verdict do_zscan(struct call *call)
{
    return scan_value(call, VALUE_ZSET, SCAN_MEMBERS, step_members);
}

/* ---- Chance ---- */

static struct slice random_member(struct call *call, const struct zset *zset,
                                  struct zset_room *room, double *score)
{
    return zset_at(zset, random_below(call->random, zset_count(zset)), room, score);
}

/* A member of a large sorted set, borrowed. */
struct listed {
    struct slice member;
    double       score;
};

enum { WORTH_LISTING = 8 };

/* Draws from a list of all members, some at a time, so that one's misses hide another's. */
static void draw_from(struct call *call, const struct listed *all, size_t length, size_t count,
                      bool with_scores)
{
    const struct listed *drawn[TOGETHER];

    while (count > 0 && !reply_is_lost(call->reply)) {
        size_t some = count < TOGETHER ? count : TOGETHER;

        for (size_t i = 0; i < some; i++) {
            drawn[i] = &all[random_below(call->random, length)];
            __builtin_prefetch(drawn[i]);
        }
        for (size_t i = 0; i < some; i++)
            __builtin_prefetch(drawn[i]->member.at);
        for (size_t i = 0; i < some; i++)
            reply_member(call, drawn[i]->member, drawn[i]->score, with_scores);
        count -= some;
    }
}

/* Replies with members of a large set, from which much is to be drawn. */
static void draw_many(struct call *call, const struct zset *zset, size_t count, bool with_scores)
{
    struct listed *all = memory_new(zset_count(zset) * sizeof(*all));
    struct zset_walk walk;
    size_t length = 0;

    zset_walk_begin(&walk, zset, zset_all(zset), ZSET_RISING);
    while (length < zset_count(zset) &&
           zset_walk_next(&walk, &all[length].member, &all[length].score))
        length++;
    draw_from(call, all, length, count, with_scores);
    memory_free(all);
}

/* Replies with `count` members chosen one by one, the same one perhaps again. */
static void reply_random_members(struct call *call, const struct zset *zset, size_t count,
                                 bool with_scores)
{
    reply_member_count(call, count, with_scores);
    if (zset_table(zset) != NULL && count > zset_count(zset) / WORTH_LISTING) {
        draw_many(call, zset, count, with_scores);
        return;
    }
    for (; count > 0 && !reply_is_lost(call->reply); count--) {
        struct zset_room room;
        double score;
        struct slice member = random_member(call, zset, &room, &score);

        reply_member(call, member, score, with_scores);
    }
}

/* Replies with `count` different members, at most as many as there are. */
static void reply_sample(struct call *call, const struct zset *zset, size_t count, bool with_scores)
{
    size_t length = zset_count(zset);
    struct sampling sampling;
    struct zset_walk walk;
    struct slice member;
    double score;

    if (count > length)
        count = length;
    reply_member_count(call, count, with_scores);
    if (sampling_is_sparse(count, length)) {
        struct sampling_seen seen;

        sampling_seen_begin(&seen, call, count);
        while (seen.count < count) {
            struct zset_room room;

            member = random_member(call, zset, &room, &score);
            if (sampling_is_new(&seen, member))
                reply_member(call, member, score, with_scores);
        }
        sampling_seen_end(&seen);
        return;
    }
    sampling_begin(&sampling, count, length);
    zset_walk_begin(&walk, zset, zset_all(zset), ZSET_RISING);
    while (sampling.wanted > 0 && zset_walk_next(&walk, &member, &score)) {
        if (sampling_takes(&sampling, call->random))
            reply_member(call, member, score, with_scores);
    }
}

/* ZRANDMEMBER key [count [WITHSCORES]]: members chosen by chance; a negative count may repeat
 * them. */
enum verdict do_zrandmember(struct call *call)
{
    struct slice key = args_next(call->args);
    bool counted = args_more(call->args);
    bool with_scores = false;
    int64_t count = 1;
    struct zset *zset;
    enum refusal refusal = REFUSAL_NONE;

    if (counted) {
        refusal = sampling_next_count(call, &count);
        if (refusal == REFUSAL_NONE && args_more(call->args)) {
            with_scores = args_take(call->args, SLICE("withscores"));
            if (!with_scores || args_more(call->args))
                refusal = REFUSAL_SYNTAX;
            else if (count < -INT64_MAX / 2 || count > INT64_MAX / 2)
                refusal = REFUSAL_OUT_OF_RANGE;
        }
    }
    if (refusal == REFUSAL_NONE)
        refusal = find_zset(call, key, LOOK_READ, &zset);
    if (refusal != REFUSAL_NONE)
        return call_refuse(call, refusal);

    if (!counted && zset == NULL) {
        reply_nil(call->reply);
    } else if (!counted) {
        struct zset_room room;
        double score;

        reply_bulk(call->reply, random_member(call, zset, &room, &score));
    } else if (zset == NULL || count == 0) {
        reply_array(call->reply, 0);
    } else if (sampling_is_too_much(call, count)) {
        return call_refuse(call, REFUSAL_OUT_OF_RANGE);
    } else if (count < 0) {
        reply_random_members(call, zset, (size_t)-count, with_scores);
    } else {
        reply_sample(call, zset, (size_t)count, with_scores);
    }
    return VERDICT_DONE;
}
