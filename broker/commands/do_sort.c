/*
 * SORT: the elements of a list, set or sorted set in the order of their own
 * weights or of others', and what patterns name for each of them.
 */
#include "handlers.h"

#include "broker/acl/acl.h"
#include "broker/commands/do_list_private.h"
#include "storage/base/buffer.h"
#include "storage/base/memory.h"
#include "storage/values/hash_expiry.h"
#include "storage/values/set.h"
#include "storage/values/sorting.h"
#include "storage/values/zset.h"

/* What is asked for. */
struct sort_request {
    struct slice key;
    struct slice destination;        /* STORE */
    bool stored;
    bool weighed;                    /* BY */
    bool sorted;                     /* not BY a pattern that names nothing */
    bool text;                       /* ALPHA */
    bool falling;                    /* DESC */
    struct sorting_pattern by;
    struct sorting_pattern *gets;    /* GET, in the call's arena */
    size_t get_count;
    int64_t offset;                  /* LIMIT */
    int64_t most;
};

/* The elements, and those of them that are asked for. */
struct sort_run {
    struct call *call;
    const struct sort_request *request;
    struct sorting_element *elements;
    size_t count;
    size_t from;
    size_t to;
    struct buffer key; /* that a pattern names */
};

/* ---- Reading the words ---- */

static enum refusal next_limit(struct call *call, struct sort_request *request)
{
    if (!args_next_integer(call->args, &request->offset) ||
        !args_next_integer(call->args, &request->most))
        return REFUSAL_NOT_INTEGER;
    return REFUSAL_NONE;
}

static enum refusal next_options(struct call *call, struct sort_request *request, bool may_store)
{
    struct args *args = call->args;
    enum refusal refusal = REFUSAL_NONE;

    request->gets = arena_take(call->arena, args_left(args) / 2 * sizeof *request->gets);
    while (args_more(args) && refusal == REFUSAL_NONE) {
        size_t left = args_left(args);

        if (args_take(args, SLICE("asc"))) {
            request->falling = false;
        } else if (args_take(args, SLICE("desc"))) {
            request->falling = true;
        } else if (args_take(args, SLICE("alpha"))) {
            request->text = true;
        } else if (left > 2 && args_take(args, SLICE("limit"))) {
            refusal = next_limit(call, request);
        } else if (may_store && left > 1 && args_take(args, SLICE("store"))) {
            request->destination = args_next(args);
            request->stored = true;
        } else if (left > 1 && args_take(args, SLICE("by"))) {
            request->by = sorting_read_pattern(args_next(args));
            request->weighed = !request->by.fixed;
            request->sorted = request->sorted && request->weighed;
        } else if (left > 1 && args_take(args, SLICE("get"))) {
            request->gets[request->get_count++] = sorting_read_pattern(args_next(args));
        } else {
            refusal = REFUSAL_SYNTAX;
        }
    }
    return refusal;
}

/* ---- What patterns name ---- */

/* The string that a pattern names for an element; false if there is none. Valid until the next. */
static bool look_up(struct sort_run *run, const struct sorting_pattern *pattern,
                    struct slice element, struct hash_room *room, struct slice *found)
{
    struct keyspace *keys = run->call->keys;
    size_t len = sorting_key_length(pattern, element);
    struct item_digits digits;
    struct item *item;

    if (pattern->itself) {
        *found = element;
        return true;
    }
    if (pattern->fixed)
        return false;
    buffer_rewind(&run->key);
    sorting_put_key(buffer_reserve(&run->key, len), pattern, element);
    item = keyspace_find(keys, slice_of(run->key.at, len), LOOK_READ);
    if (item == NULL)
        return false;
    if (pattern->field.len > 0) {
        const struct hash *hash = (const struct hash *)(const void *)item_value(item);

        return item_kind(item) == VALUE_HASH &&
               !keyspace_field_is_past(keys, hash, pattern->field) &&
               hash_get(hash, pattern->field, room, found);
    }
    if (item_kind(item) != VALUE_STRING)
        return false;
    *found = item_string(item, &digits);
    if (found->at == digits.at) {
        memcpy(room->value, digits.at, found->len);
        found->at = room->value;
    }
    return true;
}

static bool weigh(struct sort_run *run, struct sorting_element *element)
{
    bool text = run->request->text;
    struct slice weight = element->bytes;
    struct hash_room room;

    if (run->request->weighed &&
        !look_up(run, &run->request->by, element->bytes, &room, &weight)) {
        /* Without a weight it is the least as text, and 0 as a number. */
        if (text)
            element->weight.text = slice_of(NULL, 0);
        else
            element->weight.number = 0;
        return true;
    }
    if (!text)
        return sorting_read_number(weight, &element->weight.number);
    element->weight.text = run->request->weighed ? arena_copy(run->call->arena, weight) : weight;
    if (element->weight.text.at == NULL)
        element->weight.text.at = "";
    return true;
}

/* ---- Gathering elements ---- */

/* Elements are copied: what is borrowed from a list lasts only until the next is read. */
static void gather_one(struct sort_run *run, struct slice element)
{
    run->elements[run->count] = (struct sorting_element){
        .bytes = arena_copy(run->call->arena, element),
        .turn = run->count
    };
    run->count++;
}

static void gather_list(struct sort_run *run, const struct list *list, bool backwards)
{
    size_t length = list_length(list);
    struct list_walk walk;
    struct slice element;

    list_walk_begin(&walk, list, backwards ? length - 1 : 0, backwards ? LIST_FRONT : LIST_BACK);
    while (list_walk_next(&walk, &element))
        gather_one(run, element);
}

static void gather_set(struct sort_run *run, const struct set *set)
{
    struct set_walk walk;
    struct slice element;

    set_walk_begin(&walk, set);
    while (set_walk_next(&walk, &element))
        gather_one(run, element);
    set_walk_end(&walk);
}

static void gather_zset(struct sort_run *run, const struct zset *zset, bool backwards)
{
    struct zset_walk walk;
    struct slice element;
    double score;

    zset_walk_begin(&walk, zset, zset_all(zset), backwards ? ZSET_FALLING : ZSET_RISING);
    while (zset_walk_next(&walk, &element, &score))
        gather_one(run, element);
}

static size_t count_elements(const struct value *value)
{
    const void *body = value;

    if (value == NULL)
        return 0;
    if (value->kind == VALUE_LIST)
        return list_length(body);
    return value->kind == VALUE_SET ? set_count(body) : zset_count(body);
}

/* All elements; those of lists and sorted sets in their order, in either direction. */
static void gather(struct sort_run *run, const struct value *value)
{
    bool backwards = !run->request->sorted && run->request->falling;
    size_t count = count_elements(value);
    const void *body = value;

    run->elements = memory_new(count * sizeof *run->elements);
    if (count == 0)
        return;
    if (value->kind == VALUE_LIST)
        gather_list(run, body, backwards);
    else if (value->kind == VALUE_SET)
        gather_set(run, body);
    else
        gather_zset(run, body, backwards);
}

/* Cuts what LIMIT asks for out of all places. */
static void limit(struct sort_run *run)
{
    uint64_t from = run->request->offset > 0 ? (uint64_t)run->request->offset : 0;
    size_t count = run->count;

    run->from = from < count ? (size_t)from : count;
    run->to = count;
    if (run->request->most >= 0 && (uint64_t)run->request->most < count - run->from)
        run->to = run->from + (size_t)run->request->most;
}

static enum refusal put_in_order(struct sort_run *run)
{
    const struct sort_request *request = run->request;

    limit(run);
    if (!request->sorted)
        return REFUSAL_NONE;
    for (size_t i = 0; i < run->count; i++) {
        if (!weigh(run, &run->elements[i]))
            return REFUSAL_SORT_NUMBER;
    }
    sorting_place(run->elements, run->count, run->from, run->to,
                  (request->text ? SORTING_TEXT : 0u) | (request->falling ? SORTING_FALLING : 0u));
    return REFUSAL_NONE;
}

/* ---- The outcome ---- */

static void show(struct sort_run *run)
{
    const struct sort_request *request = run->request;
    struct reply *reply = run->call->reply;
    struct hash_room room;
    struct slice found;

    reply_array(reply, (run->to - run->from) * (request->get_count > 0 ? request->get_count : 1));
    for (size_t i = run->from; i < run->to; i++) {
        struct slice element = run->elements[i].bytes;

        if (request->get_count == 0)
            reply_bulk(reply, element);
        for (size_t k = 0; k < request->get_count; k++) {
            if (look_up(run, &request->gets[k], element, &room, &found))
                reply_bulk(reply, found);
            else
                reply_nil(reply);
        }
    }
}

/* A list of the outcome; what is not there is an empty string. */
static struct list *make_list(struct sort_run *run)
{
    const struct sort_request *request = run->request;
    struct list *list = list_new(run->call->limits);
    struct hash_room room;

    for (size_t i = run->from; i < run->to; i++) {
        struct slice element = run->elements[i].bytes;

        if (request->get_count == 0)
            list_push(list, LIST_BACK, element);
        for (size_t k = 0; k < request->get_count; k++) {
            struct slice found = SLICE("");

            if (!look_up(run, &request->gets[k], element, &room, &found))
                found = SLICE("");
            list_push(list, LIST_BACK, found);
        }
    }
    return list;
}

static void store(struct sort_run *run)
{
    struct call *call = run->call;
    struct slice key = run->request->destination;
    struct list *list = make_list(run);
    size_t length = list_length(list);

    if (length > 0) {
        struct value *value = (struct value *)(void *)list;

        keyspace_put_value(call->keys, key, &value);
        ledger_changed(call->ledger, key, EVENT_LIST, "sortstore");
        ledger_count(call->ledger, length - 1);
    } else {
        list_free(list);
        if (keyspace_remove(call->keys, key, true))
            ledger_changed(call->ledger, key, EVENT_GENERIC, "del");
    }
    reply_integer(call->reply, (int64_t)length);
}

/* The value to be sorted, NULL if there is none. */
static enum refusal find_elements(struct call *call, struct slice key, const struct value **value)
{
    struct item *item = keyspace_find(call->keys, key, LOOK_READ);

    *value = NULL;
    if (item == NULL)
        return REFUSAL_NONE;
    if (item_kind(item) != VALUE_LIST && item_kind(item) != VALUE_SET &&
        item_kind(item) != VALUE_ZSET)
        return REFUSAL_WRONG_TYPE;
    *value = item_value(item);
    return REFUSAL_NONE;
}

static enum verdict sort_key(struct call *call, bool may_store)
{
    struct sort_request request = { .key = args_next(call->args), .sorted = true, .most = -1 };
    struct sort_run run = { .call = call, .request = &request };
    const struct value *value;
    enum refusal refusal = next_options(call, &request, may_store);

    /* A pattern may name any key. */
    if (refusal == REFUSAL_NONE && (request.weighed || request.get_count > 0) &&
        !acl_may_read_all(call))
        return call_refuse_with(call, "ERR %s option of SORT denied due to insufficient ACL "
                                      "permissions.",
                                request.weighed ? "BY" : "GET");
    if (refusal == REFUSAL_NONE)
        refusal = find_elements(call, request.key, &value);
    if (refusal != REFUSAL_NONE)
        return call_refuse(call, refusal);

    /* A set has no order that a replica would have too: what is stored of it, or told to a
     * script, is sorted. */
    if (!request.sorted && (request.stored || call->scripted) && value != NULL && value->kind == VALUE_SET) {
        request.sorted = request.text = true;
        request.weighed = false;
    }
    gather(&run, value);
    refusal = put_in_order(&run);
    if (refusal == REFUSAL_NONE && request.stored)
        store(&run);
    else if (refusal == REFUSAL_NONE)
        show(&run);
    buffer_clear(&run.key);
    memory_free(run.elements);
    return refusal == REFUSAL_NONE ? VERDICT_DONE : call_refuse(call, refusal);
}

/* SORT key [BY pattern] [LIMIT offset count] [GET pattern ...] [ASC|DESC] [ALPHA]
 * [STORE destination]: the elements in order, or how many were stored. */
enum verdict do_sort(struct call *call)
{
    return sort_key(call, true);
}

/* SORT_RO key [BY pattern] [LIMIT offset count] [GET pattern ...] [ASC|DESC] [ALPHA]: the elements
 * in order. */
enum verdict do_sort_ro(struct call *call)
{
    return sort_key(call, false);
}
