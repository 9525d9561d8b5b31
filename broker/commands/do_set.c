/* Sets: members, and members chosen by chance. */
#include "handlers.h"

#include "broker/commands/do_scan_private.h"
#include "broker/commands/do_set_private.h"
#include "broker/commands/sampling.h"
#include "storage/base/memory.h"

/* ---- What the family shares ---- */

enum refusal find_set(struct call *call, struct slice key, enum look why, struct set **set)
{
    struct value *value;
    enum refusal refusal = call_find(call, key, VALUE_SET, why, &value);

    *set = (struct set *)(void *)value;
    return refusal;
}

void put_set(struct call *call, struct slice key, struct set *set)
{
    struct value *value = (struct value *)(void *)set;

    keyspace_put_value(call->keys, key, &value);
}

enum verdict reply_members(struct call *call, const struct set *set)
{
    struct set_walk walk;
    struct slice member;

    reply_set(call->reply, set != NULL ? set_count(set) : 0);
    if (set == NULL)
        return VERDICT_DONE;
    set_walk_begin(&walk, set);
    while (set_walk_next(&walk, &member))
        reply_bulk(call->reply, member);
    set_walk_end(&walk);
    return VERDICT_DONE;
}

/* ---- Adding and removing ---- */

enum { TOGETHER = 16 }; /* members that are put together if there are more than so many */

/* Adds the words to the end; how many were new. */
static int64_t add_members(struct call *call, struct set *set)
{
    struct args *args = call->args;
    bool has_room = false;
    int64_t added = 0;

    while (args_left(args) > TOGETHER) {
        if (!has_room && set_is_table(set)) {
            set_make_room(set, args_left(args));
            has_room = true;
        }
        set_ask_ahead(set, args->words + args_position(args), TOGETHER);
        for (unsigned i = 0; i < TOGETHER; i++)
            added += set_add(set, call->limits, args_next(args));
    }
    while (args_more(args))
        added += set_add(set, call->limits, args_next(args));
    return added;
}

/* SADD key member [member ...]: how many members are new. */
enum verdict do_sadd(struct call *call)
{
    struct slice key = args_next(call->args);
    struct set *set;
    int64_t added;
    enum refusal refusal = find_set(call, key, LOOK_WRITE, &set);

    if (refusal != REFUSAL_NONE)
        return call_refuse(call, refusal);
    if (set == NULL) {
        set = set_new();
        put_set(call, key, set);
    }
    added = add_members(call, set);
    if (added > 0) {
        ledger_changed(call->ledger, key, EVENT_SET, "sadd");
        ledger_count(call->ledger, (uint64_t)added - 1);
    }
    reply_integer(call->reply, added);
    return VERDICT_DONE;
}

/* SREM key member [member ...]: how many members were there and are gone. */
enum verdict do_srem(struct call *call)
{
    struct slice key = args_next(call->args);
    struct set *set;
    int64_t removed = 0;
    enum refusal refusal = find_set(call, key, LOOK_WRITE, &set);

    if (refusal != REFUSAL_NONE)
        return call_refuse(call, refusal);
    while (set != NULL && args_more(call->args))
        removed += set_remove(set, args_next(call->args));
    if (removed > 0) {
        ledger_changed(call->ledger, key, EVENT_SET, "srem");
        ledger_count(call->ledger, (uint64_t)removed - 1);
        if (set_count(set) == 0)
            call_remove_empty(call, key);
    }
    reply_integer(call->reply, removed);
    return VERDICT_DONE;
}

/* SMOVE source destination member: 1 if the member was in the source and now is in the other. */
enum verdict do_smove(struct call *call)
{
    struct slice source = args_next(call->args);
    struct slice destination = args_next(call->args);
    struct slice member = args_next(call->args);
    struct set *from, *to;
    enum refusal refusal = find_set(call, source, LOOK_WRITE, &from);

    if (refusal == REFUSAL_NONE && from != NULL)
        refusal = find_set(call, destination, LOOK_WRITE, &to);
    if (refusal != REFUSAL_NONE)
        return call_refuse(call, refusal);

    if (from == NULL || from == to) {
        reply_integer(call->reply, from != NULL && set_has(from, member));
        return VERDICT_DONE;
    }
    if (!set_remove(from, member)) {
        reply_integer(call->reply, 0);
        return VERDICT_DONE;
    }
    ledger_changed(call->ledger, source, EVENT_SET, "srem");
    if (set_count(from) == 0)
        call_remove_empty(call, source);
    if (to == NULL) {
        to = set_new();
        put_set(call, destination, to);
    }
    if (set_add(to, call->limits, member))
        ledger_changed(call->ledger, destination, EVENT_SET, "sadd");
    reply_integer(call->reply, 1);
    return VERDICT_DONE;
}

/* ---- Looking ---- */

/* SISMEMBER key member: 1 if the set has it. */
enum verdict do_sismember(struct call *call)
{
    struct slice key = args_next(call->args);
    struct set *set;
    enum refusal refusal = find_set(call, key, LOOK_READ, &set);

    if (refusal != REFUSAL_NONE)
        return call_refuse(call, refusal);
    reply_integer(call->reply, set != NULL && set_has(set, args_next(call->args)));
    return VERDICT_DONE;
}

/* SMISMEMBER key member [member ...]: for each 1 if the set has it. */
enum verdict do_smismember(struct call *call)
{
    struct slice key = args_next(call->args);
    struct set *set;
    enum refusal refusal = find_set(call, key, LOOK_READ, &set);

    if (refusal != REFUSAL_NONE)
        return call_refuse(call, refusal);
    reply_array(call->reply, args_left(call->args));
    while (args_more(call->args)) {
        struct slice member = args_next(call->args);

        reply_integer(call->reply, set != NULL && set_has(set, member));
    }
    return VERDICT_DONE;
}

/* SCARD key: how many members there are. */
enum verdict do_scard(struct call *call)
{
    struct set *set;
    enum refusal refusal = find_set(call, args_next(call->args), LOOK_READ, &set);

    if (refusal != REFUSAL_NONE)
        return call_refuse(call, refusal);
    reply_integer(call->reply, set != NULL ? (int64_t)set_count(set) : 0);
    return VERDICT_DONE;
}

/* SMEMBERS key: all members. */
enum verdict do_smembers(struct call *call)
{
    struct set *set;
    enum refusal refusal = find_set(call, args_next(call->args), LOOK_READ, &set);

    if (refusal != REFUSAL_NONE)
        return call_refuse(call, refusal);
    return reply_members(call, set);
}

static void show_member(void *who, struct slice member)
{
    struct scan *scan = who;

    if (!scan_meets(scan, member))
        return;
    reply_bulk(scan->call->reply, member);
    scan->shown++;
}

static uint64_t step_members(struct scan *scan, uint64_t cursor)
{
    return set_scan((const struct set *)(const void *)scan->value, cursor, show_member, scan);
}

/* SSCAN key cursor [MATCH pattern] [COUNT count]: a cursor, and some members. */
enum verdict do_sscan(struct call *call)
{
    return scan_value(call, VALUE_SET, SCAN_MEMBERS, step_members);
}

/* ---- Chance ---- */

/* Says what was popped; a chance is not left to who hears it. */
static void say_removed(struct call *call, struct slice key, struct slice *words, size_t count)
{
    words[0] = SLICE("SREM");
    words[1] = key;
    ledger_say(call->ledger, words, 2 + count);
}

/* SPOP key: a member chosen by chance, which is gone then. */
static enum verdict pop_member(struct call *call, struct slice key, struct set *set)
{
    struct set_room room;
    struct slice words[3];

    if (set == NULL) {
        reply_nil(call->reply);
        return VERDICT_DONE;
    }
    words[2] = set_random(set, call->random, &room);
    reply_bulk(call->reply, words[2]);
    say_removed(call, key, words, 1);
    set_remove(set, words[2]);
    ledger_changed(call->ledger, key, EVENT_SET, "spop");
    if (set_count(set) == 0)
        call_remove_empty(call, key);
    return VERDICT_DONE;
}

/* Pops `count` members, which are not all there are. */
static void pop_members(struct call *call, struct slice key, struct set *set, size_t count)
{
    enum { EACH = 1024 };
    struct slice words[2 + EACH];
    struct set_room room;
    size_t waiting = 0; /* popped but not said */

    reply_set(call->reply, count);
    for (size_t i = 0; i < count; i++) {
        struct slice member = set_random(set, call->random, &room);

        reply_bulk(call->reply, member);
        words[2 + waiting++] = arena_copy(call->arena, member);
        set_remove(set, member);
        if (waiting == EACH || i + 1 == count) {
            say_removed(call, key, words, waiting);
            waiting = 0;
        }
    }
}

/* SPOP key [count]: members chosen by chance, which are gone then. */
enum verdict do_spop(struct call *call)
{
    struct slice key = args_next(call->args);
    bool counted = args_more(call->args);
    int64_t count = 1;
    struct set *set;

    if (args_left(call->args) > 1)
        return call_refuse(call, REFUSAL_SYNTAX);
    if (counted && call_next_integer(call, 0, INT64_MAX, REFUSAL_NOT_POSITIVE, &count))
        return call_refuse(call, REFUSAL_NOT_POSITIVE);

    enum refusal refusal = find_set(call, key, LOOK_WRITE, &set);
    if (refusal != REFUSAL_NONE)
        return call_refuse(call, refusal);

    if (!counted)
        return pop_member(call, key, set);
    if (set == NULL || count == 0)
        return reply_members(call, NULL);
    if ((uint64_t)count >= set_count(set)) {
        reply_members(call, set);
        ledger_changed(call->ledger, key, EVENT_SET, "spop");
        ledger_count(call->ledger, set_count(set) - 1);
        call_remove_empty(call, key);
        ledger_say(call->ledger, (const struct slice[]){ SLICE("DEL"), key }, 2);
        return VERDICT_DONE;
    }
    pop_members(call, key, set, (size_t)count);
    ledger_changed(call->ledger, key, EVENT_SET, "spop");
    ledger_count(call->ledger, (uint64_t)count - 1);
    return VERDICT_DONE;
}

enum { DRAWN_TOGETHER = 16, WORTH_LISTING = 8 };

/* Draws from a list of all members, some at a time, so that one's misses hide another's. */
static void draw_from(struct call *call, const struct slice *members, size_t all, size_t count)
{
    const struct slice *drawn[DRAWN_TOGETHER];

    while (count > 0 && !reply_is_lost(call->reply)) {
        size_t some = count < DRAWN_TOGETHER ? count : DRAWN_TOGETHER;

        for (size_t i = 0; i < some; i++) {
            drawn[i] = &members[random_below(call->random, all)];
            __builtin_prefetch(drawn[i]);
        }
        for (size_t i = 0; i < some; i++)
            __builtin_prefetch(drawn[i]->at);
        for (size_t i = 0; i < some; i++)
            reply_bulk(call->reply, *drawn[i]);
        count -= some;
    }
}

/* The same as below of a large set, from which much is to be drawn. */
static void draw_many(struct call *call, const struct set *set, size_t count)
{
    size_t all = set_count(set);
    struct slice *members = memory_new(all * sizeof(*members));
    struct set_walk walk;
    size_t listed = 0;

    set_walk_begin(&walk, set);
    while (listed < all && set_walk_next(&walk, &members[listed]))
        listed++;
    set_walk_end(&walk);
    draw_from(call, members, listed, count);
    memory_free(members);
}

/* Replies with `count` members chosen one by one, the same one perhaps again. */
static void reply_random_members(struct call *call, const struct set *set, size_t count)
{
    struct set_room room;

    reply_array(call->reply, count);
    if (set_is_table(set) && count > set_count(set) / WORTH_LISTING) {
        draw_many(call, set, count);
        return;
    }
    for (; count > 0 && !reply_is_lost(call->reply); count--)
        reply_bulk(call->reply, set_random(set, call->random, &room));
}

/* Replies with `count` different members, at most as many as there are. */
static void reply_sample(struct call *call, const struct set *set, size_t count)
{
    size_t all = set_count(set);
    struct sampling sampling;
    struct set_walk walk;
    struct set_room room;
    struct slice member;

    if (count > all)
        count = all;
    reply_array(call->reply, count);
    if (sampling_is_sparse(count, all)) {
        struct sampling_seen seen;

        sampling_seen_begin(&seen, call, count);
        while (seen.count < count) {
            member = set_random(set, call->random, &room);
            if (sampling_is_new(&seen, member))
                reply_bulk(call->reply, member);
        }
        sampling_seen_end(&seen);
        return;
    }
    sampling_begin(&sampling, count, all);
    set_walk_begin(&walk, set);
    while (sampling.wanted > 0 && set_walk_next(&walk, &member)) {
        if (sampling_takes(&sampling, call->random))
            reply_bulk(call->reply, member);
    }
    set_walk_end(&walk);
}

/* SRANDMEMBER key [count]: members chosen by chance; a negative count may repeat them. */
enum verdict do_srandmember(struct call *call)
{
    struct slice key = args_next(call->args);
    bool counted = args_more(call->args);
    int64_t count = 1;
    struct set_room room;
    struct set *set;
    enum refusal refusal = REFUSAL_NONE;

    if (args_left(call->args) > 1)
        return call_refuse(call, REFUSAL_SYNTAX);
    if (counted)
        refusal = sampling_next_count(call, &count);
    if (refusal == REFUSAL_NONE)
        refusal = find_set(call, key, LOOK_READ, &set);
    if (refusal != REFUSAL_NONE)
        return call_refuse(call, refusal);

    /* Two arrays, one of them nearly empty, are drawn from with more tries. */
    if (set != NULL)
        set_step(set);
    if (!counted && set == NULL)
        reply_nil(call->reply);
    else if (!counted)
        reply_bulk(call->reply, set_random(set, call->random, &room));
    else if (set == NULL || count == 0)
        reply_array(call->reply, 0);
    else if (sampling_is_too_much(call, count))
        return call_refuse(call, REFUSAL_OUT_OF_RANGE);
    else if (count < 0)
        reply_random_members(call, set, (size_t)-count);
    else
        reply_sample(call, set, (size_t)count);
    return VERDICT_DONE;
}
