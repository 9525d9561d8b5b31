/*
 * Lists. Each handler reads words, finds the list, acts, notes and replies; an
 * element is replied with before it is taken out, since it is borrowed.
 */
#include "handlers.h"

#include "broker/commands/do_list_private.h"

/* ---- What the family shares ---- */

enum refusal find_list(struct call *call, struct slice key, enum look why, struct list **list)
{
    struct value *value;
    enum refusal refusal = call_find(call, key, VALUE_LIST, why, &value);

    *list = (struct list *)(void *)value;
    return refusal;
}

enum refusal next_list_end(struct call *call, enum list_end *end)
{
    if (!args_more(call->args))
        return REFUSAL_SYNTAX;
    if (args_take(call->args, SLICE("left")))
        *end = LIST_FRONT;
    else if (args_take(call->args, SLICE("right")))
        *end = LIST_BACK;
    else
        return REFUSAL_SYNTAX;
    return REFUSAL_NONE;
}

struct list *create_list(struct call *call, struct slice key)
{
    struct list *list = list_new(call->limits);
    struct value *value = (struct value *)(void *)list;

    keyspace_put_value(call->keys, key, &value);
    return list;
}

void note_push(struct call *call, struct slice key, enum list_end end)
{
    ledger_changed(call->ledger, key, EVENT_LIST, end == LIST_FRONT ? "lpush" : "rpush");
}

void note_pop(struct call *call, struct slice key, const struct list *list, enum list_end end)
{
    ledger_changed(call->ledger, key, EVENT_LIST, end == LIST_FRONT ? "lpop" : "rpop");
    if (list_length(list) == 0)
        call_remove_empty(call, key);
}

void pop_element(struct call *call, struct slice key, struct list *list, enum list_end end)
{
    struct list_room room;
    struct slice element;
    bool found = list_peek(list, end, &room, &element);

    must(found);
    reply_bulk(call->reply, element);
    list_drop(list, end, 1);
    note_pop(call, key, list, end);
}

/* Replies with `count` elements from an index on, towards the back or the front. */
static void reply_elements(struct call *call, const struct list *list, size_t index, size_t count,
                           enum list_end towards)
{
    struct list_walk walk;
    struct slice element;

    reply_array(call->reply, count);
    list_walk_begin(&walk, list, index, towards);
    for (; count > 0 && list_walk_next(&walk, &element); count--)
        reply_bulk(call->reply, element);
}

/* The same for up to `count` elements, replied as an array. Returns how many they were. */
static size_t pop_elements(struct call *call, struct slice key, struct list *list, enum list_end end,
                    size_t count)
{
    size_t length = list_length(list);

    if (count > length)
        count = length;
    if (end == LIST_FRONT)
        reply_elements(call, list, 0, count, LIST_BACK);
    else
        reply_elements(call, list, length - 1, count, LIST_FRONT);
    list_drop(list, end, count);
    note_pop(call, key, list, end);
    ledger_count(call->ledger, count - 1);
    return count;
}

enum refusal move_element(struct call *call, const struct list_move *move, struct list *list)
{
    struct list *destination;
    struct list_room room;
    struct slice element;
    bool found = list_peek(list, move->from, &room, &element);
    enum refusal refusal = find_list(call, move->destination, LOOK_WRITE, &destination);

    must(found);
    if (refusal != REFUSAL_NONE)
        return refusal;
    reply_bulk(call->reply, element);
    if (destination == list) {
        /* Pushing may move the block in which the element stands. */
        element = arena_copy(call->arena, element);
        list_drop(list, move->from, 1);
        list_push(list, move->to, element);
    } else {
        if (destination == NULL)
            destination = create_list(call, move->destination);
        list_push(destination, move->to, element);
        list_drop(list, move->from, 1);
    }
    /* One element moved: that is one change, with two events. */
    ledger_followed(call->ledger, move->destination, EVENT_LIST,
                    move->to == LIST_FRONT ? "lpush" : "rpush");
    note_pop(call, move->source, list, move->from);
    return REFUSAL_NONE;
}

enum refusal next_list_mpop(struct call *call, struct list_mpop *mpop)
{
    struct args *args = call->args;
    int64_t count;
    enum refusal refusal = call_next_integer(call, 1, INT64_MAX, REFUSAL_NUMKEYS, &count);

    if (refusal != REFUSAL_NONE)
        return refusal;
    if ((uint64_t)count >= args_left(args))
        return REFUSAL_SYNTAX;
    mpop->keys = args->words + args_position(args);
    mpop->count = (size_t)count;
    mpop->most = 1;
    args_rewind(args, args_position(args) + mpop->count);
    refusal = next_list_end(call, &mpop->end);
    if (refusal != REFUSAL_NONE || !args_more(args))
        return refusal;
    if (!args_take(args, SLICE("count")) || !args_more(args))
        return REFUSAL_SYNTAX;
    refusal = call_next_integer(call, 1, INT64_MAX, REFUSAL_COUNT_POSITIVE, &mpop->most);
    if (refusal == REFUSAL_NONE && args_more(args))
        return REFUSAL_SYNTAX;
    return refusal;
}

bool pop_from_first(struct call *call, const struct list_mpop *mpop, enum refusal *refusal)
{
    char digits[NUMBER_INTEGER_MAX];
    struct list *list = NULL;
    struct slice key;
    size_t popped;

    *refusal = REFUSAL_NONE;
    for (size_t i = 0; i < mpop->count && list == NULL; i++) {
        key = mpop->keys[i];
        *refusal = find_list(call, key, LOOK_WRITE, &list);
        if (*refusal != REFUSAL_NONE && !call->again)
            return false;
    }
    *refusal = REFUSAL_NONE;
    if (list == NULL)
        return false;
    reply_array(call->reply, 2);
    reply_bulk(call->reply, key);
    popped = pop_elements(call, key, list, mpop->end, (size_t)mpop->most);
    ledger_say(call->ledger,
               (const struct slice[]){ mpop->end == LIST_FRONT ? SLICE("LPOP") : SLICE("RPOP"),
                                       key, { digits, number_put(digits, (int64_t)popped) } },
               3);
    return true;
}

/* ---- Pushing and popping ---- */

static enum verdict push(struct call *call, enum list_end end, bool may_create)
{
    struct slice key = args_next(call->args);
    size_t count = args_left(call->args);
    struct list *list;
    enum refusal refusal = find_list(call, key, LOOK_WRITE, &list);

    if (refusal != REFUSAL_NONE)
        return call_refuse(call, refusal);
    if (list == NULL) {
        if (!may_create) {
            reply_integer(call->reply, 0);
            return VERDICT_DONE;
        }
        list = create_list(call, key);
    }
    while (args_more(call->args))
        list_push(list, end, args_next(call->args));
    note_push(call, key, end);
    ledger_count(call->ledger, count - 1);
    reply_integer(call->reply, (int64_t)list_length(list));
    return VERDICT_DONE;
}

/* LPUSH key element [element ...]: the list's new length. */
enum verdict do_lpush(struct call *call)
{
    return push(call, LIST_FRONT, true);
}

/* RPUSH key element [element ...]: the list's new length. */
enum verdict do_rpush(struct call *call)
{
    return push(call, LIST_BACK, true);
}

/* LPUSHX key element [element ...]: the list's new length, or 0 if there is none. */
enum verdict do_lpushx(struct call *call)
{
    return push(call, LIST_FRONT, false);
}

/* RPUSHX key element [element ...]: the list's new length, or 0 if there is none. */
enum verdict do_rpushx(struct call *call)
{
    return push(call, LIST_BACK, false);
}

static enum verdict pop(struct call *call, enum list_end end)
{
    struct slice key = args_next(call->args);
    bool counted = args_more(call->args);
    int64_t count = 1;
    struct list *list;

    if (args_left(call->args) > 1)
        return call_refuse_arity(call);
    if (counted && call_next_integer(call, 0, INT64_MAX, REFUSAL_NOT_POSITIVE, &count))
        return call_refuse(call, REFUSAL_NOT_POSITIVE);

    enum refusal refusal = find_list(call, key, LOOK_WRITE, &list);
    if (refusal != REFUSAL_NONE)
        return call_refuse(call, refusal);

    if (!counted && list != NULL)
        pop_element(call, key, list, end);
    else if (!counted)
        reply_nil(call->reply);
    else if (list == NULL)
        reply_nil_array(call->reply);
    else if (count == 0)
        reply_array(call->reply, 0);
    else
        (void)pop_elements(call, key, list, end, (size_t)count);
    return VERDICT_DONE;
}

/* LPOP key [count]: the first element, or the first several. */
enum verdict do_lpop(struct call *call)
{
    return pop(call, LIST_FRONT);
}

/* RPOP key [count]: the last element, or the last several, the last one first. */
enum verdict do_rpop(struct call *call)
{
    return pop(call, LIST_BACK);
}

/* LMPOP numkeys key [key ...] LEFT|RIGHT [COUNT count]: the key popped from, and what was popped. */
enum verdict do_lmpop(struct call *call)
{
    struct list_mpop mpop;
    enum refusal refusal = next_list_mpop(call, &mpop);

    if (refusal != REFUSAL_NONE)
        return call_refuse(call, refusal);
    if (!pop_from_first(call, &mpop, &refusal)) {
        if (refusal != REFUSAL_NONE)
            return call_refuse(call, refusal);
        reply_nil_array(call->reply);
    }
    return VERDICT_DONE;
}

static enum verdict move_between(struct call *call, const struct list_move *move)
{
    struct list *list;
    enum refusal refusal = find_list(call, move->source, LOOK_WRITE, &list);

    if (refusal == REFUSAL_NONE && list == NULL) {
        reply_nil(call->reply);
        return VERDICT_DONE;
    }
    if (refusal == REFUSAL_NONE)
        refusal = move_element(call, move, list);
    return refusal == REFUSAL_NONE ? VERDICT_DONE : call_refuse(call, refusal);
}

/* LMOVE source destination LEFT|RIGHT LEFT|RIGHT: the element that was moved. */
enum verdict do_lmove(struct call *call)
{
    struct list_move move = { .source = args_next(call->args) };

    move.destination = args_next(call->args);
    if (next_list_end(call, &move.from) || next_list_end(call, &move.to))
        return call_refuse(call, REFUSAL_SYNTAX);
    return move_between(call, &move);
}

/* RPOPLPUSH source destination: the element that was moved. */
enum verdict do_rpoplpush(struct call *call)
{
    struct list_move move = { args_next(call->args), { 0 }, LIST_BACK, LIST_FRONT };

    move.destination = args_next(call->args);
    return move_between(call, &move);
}

/* ---- Looking ---- */

/* LLEN key: how many elements the list has. */
enum verdict do_llen(struct call *call)
{
    struct list *list;
    enum refusal refusal = find_list(call, args_next(call->args), LOOK_READ, &list);

    if (refusal != REFUSAL_NONE)
        return call_refuse(call, refusal);
    reply_integer(call->reply, list != NULL ? (int64_t)list_length(list) : 0);
    return VERDICT_DONE;
}

/* An index counted from the front, given one that may count from the end; below 0 if outside. */
static int64_t from_front(int64_t index, const struct list *list)
{
    return index < 0 ? index + (int64_t)list_length(list) : index;
}

/* LINDEX key index: the element of an index, -1 being the last. */
enum verdict do_lindex(struct call *call)
{
    struct slice key = args_next(call->args);
    struct list_room room;
    struct slice element;
    struct list *list;
    int64_t index;
    enum refusal refusal = find_list(call, key, LOOK_READ, &list);

    if (refusal != REFUSAL_NONE)
        return call_refuse(call, refusal);
    if (list == NULL) {
        reply_nil(call->reply);
        return VERDICT_DONE;
    }
    if (!args_next_integer(call->args, &index))
        return call_refuse(call, REFUSAL_NOT_INTEGER);
    index = from_front(index, list);
    if (index >= 0 && list_at(list, (size_t)index, &room, &element))
        reply_bulk(call->reply, element);
    else
        reply_nil(call->reply);
    return VERDICT_DONE;
}

/* The part of a list that a start and a stop name, both inclusive and either counted from the end. */
static size_t clip_range(const struct list *list, int64_t start, int64_t stop, size_t *first)
{
    int64_t length = (int64_t)list_length(list);

    start = from_front(start, list);
    stop = from_front(stop, list);
    if (start < 0)
        start = 0;
    if (stop >= length)
        stop = length - 1;
    *first = (size_t)start;
    return start > stop ? 0 : (size_t)(stop - start + 1);
}

/* LRANGE key start stop: the elements from one index to another. */
enum verdict do_lrange(struct call *call)
{
    struct slice key = args_next(call->args);
    int64_t start, stop;
    struct list *list;
    size_t first, count;

    if (!args_next_integer(call->args, &start) || !args_next_integer(call->args, &stop))
        return call_refuse(call, REFUSAL_NOT_INTEGER);

    enum refusal refusal = find_list(call, key, LOOK_READ, &list);
    if (refusal != REFUSAL_NONE)
        return call_refuse(call, refusal);

    count = list != NULL ? clip_range(list, start, stop, &first) : 0;
    if (count > 0)
        reply_elements(call, list, first, count, LIST_BACK);
    else
        reply_array(call->reply, 0);
    return VERDICT_DONE;
}

/* ---- Changing inside ---- */

/* LSET key index element: puts an element in place of another. */
enum verdict do_lset(struct call *call)
{
    struct slice key = args_next(call->args);
    struct list *list;
    int64_t index;
    enum refusal refusal = find_list(call, key, LOOK_WRITE, &list);

    if (refusal == REFUSAL_NONE && list == NULL)
        refusal = REFUSAL_NO_SUCH_KEY;
    if (refusal == REFUSAL_NONE && !args_next_integer(call->args, &index))
        refusal = REFUSAL_NOT_INTEGER;
    if (refusal != REFUSAL_NONE)
        return call_refuse(call, refusal);
    index = from_front(index, list);
    if (index < 0 || (uint64_t)index >= list_length(list))
        return call_refuse(call, REFUSAL_INDEX_RANGE);
    list_set(list, (size_t)index, args_next(call->args));
    ledger_changed(call->ledger, key, EVENT_LIST, "lset");
    reply_ok(call->reply);
    return VERDICT_DONE;
}

/* LINSERT key BEFORE|AFTER pivot element: the list's new length, -1 without the pivot, 0 without list. */
enum verdict do_linsert(struct call *call)
{
    struct slice key = args_next(call->args);
    bool after = args_take(call->args, SLICE("after"));
    struct list *list;

    if (!after && !args_take(call->args, SLICE("before")))
        return call_refuse(call, REFUSAL_SYNTAX);

    struct slice pivot = args_next(call->args);
    struct slice element = args_next(call->args);
    enum refusal refusal = find_list(call, key, LOOK_WRITE, &list);
    if (refusal != REFUSAL_NONE)
        return call_refuse(call, refusal);

    if (list == NULL) {
        reply_integer(call->reply, 0);
    } else if (!list_insert(list, pivot, after, element)) {
        reply_integer(call->reply, -1);
    } else {
        ledger_changed(call->ledger, key, EVENT_LIST, "linsert");
        reply_integer(call->reply, (int64_t)list_length(list));
    }
    return VERDICT_DONE;
}

/* LREM key count element: how many elements equal to this one were taken out. */
enum verdict do_lrem(struct call *call)
{
    struct slice key = args_next(call->args);
    struct list *list;
    int64_t count;
    size_t removed = 0;

    if (!args_next_integer(call->args, &count))
        return call_refuse(call, REFUSAL_NOT_INTEGER);

    enum refusal refusal = find_list(call, key, LOOK_WRITE, &list);
    if (refusal != REFUSAL_NONE)
        return call_refuse(call, refusal);

    if (list != NULL) {
        size_t most = count == 0 ? SIZE_MAX : count < 0 ? 0 - (size_t)count : (size_t)count;

        removed = list_remove(list, count < 0 ? LIST_BACK : LIST_FRONT, args_next(call->args),
                              most);
    }
    if (removed > 0) {
        ledger_changed(call->ledger, key, EVENT_LIST, "lrem");
        ledger_count(call->ledger, removed - 1);
        if (list_length(list) == 0)
            call_remove_empty(call, key);
    }
    reply_integer(call->reply, (int64_t)removed);
    return VERDICT_DONE;
}

/* LTRIM key start stop: keeps the elements from one index to another. */
enum verdict do_ltrim(struct call *call)
{
    struct slice key = args_next(call->args);
    int64_t start, stop;
    struct list *list;

    if (!args_next_integer(call->args, &start) || !args_next_integer(call->args, &stop))
        return call_refuse(call, REFUSAL_NOT_INTEGER);

    enum refusal refusal = find_list(call, key, LOOK_WRITE, &list);
    if (refusal != REFUSAL_NONE)
        return call_refuse(call, refusal);

    if (list != NULL) {
        size_t before = list_length(list);
        size_t first;
        size_t kept = clip_range(list, start, stop, &first);

        list_trim(list, kept > 0 ? first : before, kept);
        /* If nothing went, the key was touched all the same, for those who watch it. */
        ledger_followed(call->ledger, key, EVENT_LIST, "ltrim");
        ledger_count(call->ledger, before - kept);
        if (kept == 0)
            call_remove_empty(call, key);
    }
    reply_ok(call->reply);
    return VERDICT_DONE;
}
