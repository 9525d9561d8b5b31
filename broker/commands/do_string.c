/* Strings: SET and GET in all their forms, counters, and edits in place. */
#include "handlers.h"

#include <math.h>

#include "broker/commands/do_expire_private.h"
#include "broker/commands/do_string_private.h"
#include "broker/config/options.h"

/* What the options of SET ask for. */
struct set_options {
    bool         nx;
    bool         xx;
    bool         get;
    bool         keep_expiry;
    struct expiry expiry;
    struct comparison comparison;
};

static enum refusal read_set_options(struct call *call, struct set_options *options)
{
    struct args *args = call->args;

    *options = (struct set_options){ .expiry = { .at = -1 } };
    while (args_more(args)) {
        bool compares = options->comparison.how != COMPARE_NOTHING;

        if (!options->xx && !compares && args_take(args, SLICE("nx")))
            options->nx = true;
        else if (!options->nx && !compares && args_take(args, SLICE("xx")))
            options->xx = true;
        else if (!options->nx && !options->xx && !compares &&
                 comparison_take(args, &options->comparison))
            continue;
        else if (args_take(args, SLICE("get")))
            options->get = true;
        else if (options->expiry.unit == EXPIRY_NONE && args_take(args, SLICE("keepttl")))
            options->keep_expiry = true;
        else if (options->keep_expiry || !expiry_take_option(call, &options->expiry))
            return REFUSAL_SYNTAX;
    }
    return REFUSAL_NONE;
}

static void reply_string(struct call *call, const struct item *item)
{
    struct item_digits digits;

    if (item->form == ITEM_BYTES)
        reply_bulk_shared(call->reply, item_bytes(item));
    else
        reply_bulk(call->reply, item_string(item, &digits));
}

/* Notes a SET, saying its expiry as a date if it has one. */
static void note_set(struct call *call, struct slice key, struct slice value,
                     const struct expiry *expiry)
{
    char digits[NUMBER_INTEGER_MAX];
    struct slice words[5] = { SLICE("SET"), key, value, SLICE("PXAT"), { digits, 0 } };

    ledger_changed(call->ledger, key, EVENT_STRING, "set");
    if (expiry->unit == EXPIRY_NONE)
        return;
    ledger_followed(call->ledger, key, EVENT_GENERIC, "expire");
    words[4].len = number_put(digits, expiry->at);
    ledger_say(call->ledger, words, 5);
}

/* Stores a string with its expiry; a date that is past already removes the key instead. */
static void store(struct call *call, struct slice key, struct slice value,
                  const struct set_options *options)
{
    struct item *item = keyspace_put_string(call->keys, key, value, options->keep_expiry);

    if (options->expiry.unit != EXPIRY_NONE)
        (void)keyspace_expire_at(call->keys, item, options->expiry.at);
    note_set(call, key, value, &options->expiry);
}

/* Says a SET that compared as one that does not: the others hold what was compared. */
static void say_compared(struct call *call, struct slice key, struct slice value, bool keep_expiry)
{
    const struct slice words[4] = { SLICE("SET"), key, value, SLICE("KEEPTTL") };

    ledger_say(call->ledger, words, keep_expiry ? 4 : 3);
}

/* Whether the condition holds under which SET sets; answers if it cannot be told. */
static bool settle_condition(struct call *call, const struct set_options *options,
                             const struct item *item, bool *holds)
{
    *holds = !(options->nx && item != NULL) && !(options->xx && item == NULL);
    if (LIKELY(options->comparison.how == COMPARE_NOTHING))
        return true;
    return comparison_settle(call, &options->comparison, item, holds);
}

/*
 * SET key value [NX|XX|IFEQ value|IFNE value|IFDEQ digest|IFDNE digest] [GET]
 * [EX s|PX ms|EXAT s|PXAT ms|KEEPTTL]
 */
enum verdict do_set(struct call *call)
{
    struct slice key = args_next(call->args);
    struct slice value = args_next(call->args);
    struct set_options options;
    struct item *item = NULL;
    enum refusal refusal;
    bool holds;

    if (LIKELY(!args_more(call->args))) {
        (void)keyspace_put_string(call->keys, key, value, false);
        ledger_changed(call->ledger, key, EVENT_STRING, "set");
        reply_ok(call->reply);
        return VERDICT_DONE;
    }
    refusal = read_set_options(call, &options);
    if (refusal != REFUSAL_NONE)
        return call_refuse(call, refusal);
    if (!expiry_settle(call, &options.expiry))
        return VERDICT_REFUSED;

    item = keyspace_find(call->keys, key, options.get ? LOOK_READ : LOOK_WRITE);
    if (options.get && item != NULL && item_kind(item) != VALUE_STRING)
        return call_refuse(call, REFUSAL_WRONG_TYPE);
    if (!settle_condition(call, &options, item, &holds))
        return VERDICT_REFUSED;
    if (options.get) {
        if (item != NULL)
            reply_string(call, item);
        else
            reply_nil(call->reply);
    }
    if (!holds) {
        if (!options.get)
            reply_nil(call->reply);
        return VERDICT_DONE;
    }
    store(call, key, value, &options);
    if (options.comparison.how != COMPARE_NOTHING && options.expiry.unit == EXPIRY_NONE)
        say_compared(call, key, value, options.keep_expiry);
    if (!options.get)
        reply_ok(call->reply);
    return VERDICT_DONE;
}

/* SETNX key value */
enum verdict do_setnx(struct call *call)
{
    struct slice key = args_next(call->args);
    struct slice value = args_next(call->args);

    if (keyspace_find(call->keys, key, LOOK_WRITE) != NULL) {
        reply_integer(call->reply, 0);
        return VERDICT_DONE;
    }
    (void)keyspace_put_string(call->keys, key, value, false);
    ledger_changed(call->ledger, key, EVENT_STRING, "set");
    reply_integer(call->reply, 1);
    return VERDICT_DONE;
}

static enum verdict set_for(struct call *call, enum expiry_unit unit)
{
    struct set_options options = { .expiry = { .unit = unit, .at = -1 } };
    struct slice key = args_next(call->args);
    struct slice value;

    options.expiry.word = args_next(call->args);
    value = args_next(call->args);
    if (!expiry_settle(call, &options.expiry))
        return VERDICT_REFUSED;
    store(call, key, value, &options);
    reply_ok(call->reply);
    return VERDICT_DONE;
}

/* SETEX key seconds value */
enum verdict do_setex(struct call *call)
{
    return set_for(call, EXPIRY_SECONDS);
}

/* PSETEX key milliseconds value */
enum verdict do_psetex(struct call *call)
{
    return set_for(call, EXPIRY_MILLIS);
}

/* GET key */
enum verdict do_get(struct call *call)
{
    struct slice key = args_next(call->args);
    struct item *item;
    enum refusal refusal = call_find_string(call, key, LOOK_READ, &item);

    if (UNLIKELY(refusal != REFUSAL_NONE))
        return call_refuse(call, refusal);
    if (item == NULL)
        reply_nil(call->reply);
    else
        reply_string(call, item);
    return VERDICT_DONE;
}

/* GETDEL key */
enum verdict do_getdel(struct call *call)
{
    struct slice key = args_next(call->args);
    struct slice words[2] = { SLICE("DEL"), key };
    struct item *item;
    enum refusal refusal = call_find_string(call, key, LOOK_READ, &item);

    if (refusal != REFUSAL_NONE)
        return call_refuse(call, refusal);
    if (item == NULL) {
        reply_nil(call->reply);
        return VERDICT_DONE;
    }
    reply_string(call, item);
    (void)keyspace_remove(call->keys, key, false);
    ledger_changed(call->ledger, key, EVENT_GENERIC, "del");
    ledger_say(call->ledger, words, 2);
    return VERDICT_DONE;
}

/* GETSET key value */
enum verdict do_getset(struct call *call)
{
    struct slice key = args_next(call->args);
    struct slice value = args_next(call->args);
    struct slice words[3] = { SLICE("SET"), key, value };
    struct item *item;
    enum refusal refusal = call_find_string(call, key, LOOK_READ, &item);

    if (refusal != REFUSAL_NONE)
        return call_refuse(call, refusal);
    if (item == NULL)
        reply_nil(call->reply);
    else
        reply_string(call, item);
    (void)keyspace_put_string(call->keys, key, value, false);
    ledger_changed(call->ledger, key, EVENT_STRING, "set");
    ledger_say(call->ledger, words, 3);
    return VERDICT_DONE;
}

/* Sets or takes away the expiry of a key that GETEX has answered for. */
static void touch_expiry(struct call *call, struct slice key, struct item *item, bool persist,
                         const struct expiry *expiry)
{
    if (persist) {
        struct slice words[2] = { SLICE("PERSIST"), key };

        if (!item_expires(item))
            return;
        (void)keyspace_expire_at(call->keys, item, -1);
        ledger_changed(call->ledger, key, EVENT_GENERIC, "persist");
        ledger_say(call->ledger, words, 2);
        return;
    }
    expiry_apply(call, key, item, expiry->at);
}

/* GETEX key [EX s|PX ms|EXAT s|PXAT ms|PERSIST] */
enum verdict do_getex(struct call *call)
{
    struct slice key = args_next(call->args);
    struct expiry expiry = { .at = -1 };
    bool persist = false;
    struct item *item;
    enum refusal refusal;

    while (args_more(call->args)) {
        if (expiry.unit == EXPIRY_NONE && args_take(call->args, SLICE("persist")))
            persist = true;
        else if (persist || !expiry_take_option(call, &expiry))
            return call_refuse(call, REFUSAL_SYNTAX);
    }
    refusal = call_find_string(call, key, LOOK_READ, &item);
    if (item == NULL) {
        reply_nil(call->reply);
        return VERDICT_DONE;
    }
    if (refusal != REFUSAL_NONE)
        return call_refuse(call, refusal);
    if (!expiry_settle(call, &expiry))
        return VERDICT_REFUSED;

    reply_string(call, item);
    if (persist || expiry.unit != EXPIRY_NONE)
        touch_expiry(call, key, item, persist, &expiry);
    return VERDICT_DONE;
}

enum { TOGETHER = 16 }; /* keys that are asked for together, so that one's misses hide another's */

static void reply_some_strings(struct call *call)
{
    size_t count = args_left(call->args) < TOGETHER ? args_left(call->args) : TOGETHER;
    uint64_t hashes[TOGETHER];

    (void)keyspace_ask_ahead(call->keys, call->args->words + args_position(call->args), 1, count,
                             hashes);
    for (size_t i = 0; i < count; i++) {
        struct slice key = args_next(call->args);
        struct item *item;

        keyspaces_hint(call->keyspaces, key, hashes[i]);
        item = keyspace_find(call->keys, key, LOOK_READ);
        if (item == NULL || item_kind(item) != VALUE_STRING)
            reply_nil(call->reply);
        else
            reply_string(call, item);
    }
}

/* MGET key [key ...] */
enum verdict do_mget(struct call *call)
{
    reply_array(call->reply, args_left(call->args));
    while (args_more(call->args))
        reply_some_strings(call);
    keyspaces_hint(call->keyspaces, slice_of(NULL, 0), 0);
    return VERDICT_DONE;
}

/* Sets up to so many pairs whose keys are asked for together. */
static void set_some_pairs(struct call *call)
{
    size_t left = args_left(call->args) / 2;
    size_t count = left < TOGETHER ? left : TOGETHER;
    uint64_t hashes[TOGETHER];
    size_t there = keyspace_ask_ahead(call->keys, call->args->words + args_position(call->args), 2,
                                      count, hashes);

    if (left > TOGETHER && there <= TOGETHER / 2)
        keyspace_reserve(call->keys, keyspace_count(call->keys) + left);
    for (size_t i = 0; i < count; i++) {
        struct slice key = args_next(call->args);

        keyspaces_hint(call->keyspaces, key, hashes[i]);
        (void)keyspace_put_string(call->keys, key, args_next(call->args), false);
        ledger_changed(call->ledger, key, EVENT_STRING, "set");
    }
}

static void set_pairs(struct call *call)
{
    while (args_more(call->args))
        set_some_pairs(call);
    keyspaces_hint(call->keyspaces, slice_of(NULL, 0), 0);
}

/* MSET key value [key value ...] */
enum verdict do_mset(struct call *call)
{
    if (args_left(call->args) % 2 != 0)
        return call_refuse_arity(call);
    set_pairs(call);
    reply_ok(call->reply);
    return VERDICT_DONE;
}

/* MSETNX key value [key value ...] */
enum verdict do_msetnx(struct call *call)
{
    size_t first = args_position(call->args);

    if (args_left(call->args) % 2 != 0)
        return call_refuse_arity(call);
    while (args_more(call->args)) {
        if (keyspace_find(call->keys, args_next(call->args), LOOK_WRITE) != NULL) {
            reply_integer(call->reply, 0);
            return VERDICT_DONE;
        }
        (void)args_next(call->args);
    }
    args_rewind(call->args, first);
    set_pairs(call);
    reply_integer(call->reply, 1);
    return VERDICT_DONE;
}

/* Adds to the integer of a key, which is created as 0. */
static enum verdict add_to(struct call *call, struct slice key, int64_t amount)
{
    int64_t value = 0;
    struct item_digits digits;
    struct item *item;
    enum refusal refusal = call_find_string(call, key, LOOK_WRITE, &item);

    if (refusal != REFUSAL_NONE)
        return call_refuse(call, refusal);
    if (item != NULL && !item_integer(item, &value) &&
        !number_read(item_string(item, &digits), &value))
        return call_refuse(call, REFUSAL_NOT_INTEGER);
    if (__builtin_add_overflow(value, amount, &value))
        return call_refuse(call, REFUSAL_OVERFLOW);

    (void)keyspace_put_integer(call->keys, key, value);
    ledger_changed(call->ledger, key, EVENT_STRING, "incrby");
    reply_integer(call->reply, value);
    return VERDICT_DONE;
}

/* INCR key */
enum verdict do_incr(struct call *call)
{
    return add_to(call, args_next(call->args), 1);
}

/* DECR key */
enum verdict do_decr(struct call *call)
{
    return add_to(call, args_next(call->args), -1);
}

/* INCRBY key increment */
enum verdict do_incrby(struct call *call)
{
    struct slice key = args_next(call->args);
    int64_t amount;

    if (!args_next_integer(call->args, &amount))
        return call_refuse(call, REFUSAL_NOT_INTEGER);
    return add_to(call, key, amount);
}

/* DECRBY key decrement */
enum verdict do_decrby(struct call *call)
{
    struct slice key = args_next(call->args);
    int64_t amount;

    if (!args_next_integer(call->args, &amount))
        return call_refuse(call, REFUSAL_NOT_INTEGER);
    if (amount == INT64_MIN)
        return call_refuse_with(call, "ERR decrement would overflow");
    return add_to(call, key, -amount);
}

/* INCRBYFLOAT key increment */
enum verdict do_incrbyfloat(struct call *call)
{
    struct slice key = args_next(call->args);
    struct slice word = args_next(call->args);
    char text[NUMBER_LONG_DOUBLE_MAX];
    struct slice words[4] = { SLICE("SET"), key, { text, 0 }, SLICE("KEEPTTL") };
    long double value = 0;
    long double amount;
    struct item_digits digits;
    struct item *item;
    enum refusal refusal = call_find_string(call, key, LOOK_WRITE, &item);

    if (refusal != REFUSAL_NONE)
        return call_refuse(call, refusal);
    if ((item != NULL && !number_read_long_double(item_string(item, &digits), &value)) ||
        !number_read_long_double(word, &amount))
        return call_refuse(call, REFUSAL_NOT_FLOAT);
    value += amount;
    if (isnan(value) || isinf(value))
        return call_refuse(call, REFUSAL_FLOAT_NAN);

    words[2].len = number_put_long_double(text, value);
    (void)keyspace_put_text(call->keys, key, words[2]);
    ledger_changed(call->ledger, key, EVENT_STRING, "incrbyfloat");
    ledger_say(call->ledger, words, 4);
    reply_bulk(call->reply, words[2]);
    return VERDICT_DONE;
}

static size_t string_length(const struct item *item)
{
    struct item_digits digits;

    return item == NULL ? 0 : item_string(item, &digits).len;
}

/* Whether a string may become so long. */
static bool length_fits(const struct call *call, uint64_t offset, size_t len)
{
    uint64_t most = (uint64_t)call->options->proto_max_bulk_len;

    return len <= most && offset <= most - len;
}

/* APPEND key value */
enum verdict do_append(struct call *call)
{
    struct slice key = args_next(call->args);
    struct slice value = args_next(call->args);
    struct item *item;
    enum refusal refusal = call_find_string(call, key, LOOK_WRITE, &item);
    size_t before;
    char *at;

    if (refusal != REFUSAL_NONE)
        return call_refuse(call, refusal);
    before = string_length(item);
    if (!length_fits(call, before, value.len))
        return call_refuse(call, REFUSAL_STRING_TOO_LONG);

    if (item == NULL) {
        (void)keyspace_put_string(call->keys, key, value, false);
    } else {
        at = keyspace_edit_string(call->keys, key, item, before + value.len);
        if (value.len > 0)
            memcpy(at + before, value.at, value.len);
    }
    ledger_changed(call->ledger, key, EVENT_STRING, "append");
    reply_integer(call->reply, (int64_t)(before + value.len));
    return VERDICT_DONE;
}

/* STRLEN key */
enum verdict do_strlen(struct call *call)
{
    struct slice key = args_next(call->args);
    struct item *item;
    enum refusal refusal = call_find_string(call, key, LOOK_READ, &item);

    if (refusal != REFUSAL_NONE)
        return call_refuse(call, refusal);
    reply_integer(call->reply, (int64_t)string_length(item));
    return VERDICT_DONE;
}

/* SETRANGE key offset value */
enum verdict do_setrange(struct call *call)
{
    struct slice key = args_next(call->args);
    int64_t offset;
    struct slice value;
    struct item *item;
    enum refusal refusal;
    char *at;

    if (!args_next_integer(call->args, &offset))
        return call_refuse(call, REFUSAL_NOT_INTEGER);
    value = args_next(call->args);
    if (offset < 0)
        return call_refuse(call, REFUSAL_OFFSET_RANGE);
    refusal = call_find_string(call, key, LOOK_WRITE, &item);
    if (refusal != REFUSAL_NONE)
        return call_refuse(call, refusal);
    if (value.len == 0) {
        reply_integer(call->reply, (int64_t)string_length(item));
        return VERDICT_DONE;
    }
    if (!length_fits(call, (uint64_t)offset, value.len))
        return call_refuse(call, REFUSAL_STRING_TOO_LONG);

    at = keyspace_edit_string(call->keys, key, item, (size_t)offset + value.len);
    memcpy(at + offset, value.at, value.len);
    ledger_changed(call->ledger, key, EVENT_STRING, "setrange");
    item = keyspace_find(call->keys, key, LOOK_QUIET);
    reply_integer(call->reply, (int64_t)string_length(item));
    return VERDICT_DONE;
}

/* GETRANGE key start end: negative offsets count from the end. */
enum verdict do_getrange(struct call *call)
{
    struct slice key = args_next(call->args);
    struct item_digits digits;
    struct item *item;
    struct slice text;
    int64_t start;
    int64_t end;
    int64_t len;
    enum refusal refusal;

    if (!args_next_integer(call->args, &start) || !args_next_integer(call->args, &end))
        return call_refuse(call, REFUSAL_NOT_INTEGER);
    refusal = call_find_string(call, key, LOOK_READ, &item);
    if (refusal != REFUSAL_NONE)
        return call_refuse(call, refusal);
    text = item == NULL ? SLICE("") : item_string(item, &digits);
    len = (int64_t)text.len;
    if (start < 0 && end < 0 && start > end) {
        reply_bulk(call->reply, SLICE(""));
        return VERDICT_DONE;
    }
    start = start < 0 ? (start + len < 0 ? 0 : start + len) : start;
    end = end < 0 ? (end + len < 0 ? 0 : end + len) : end;
    end = end >= len ? len - 1 : end;
    if (start > end || len == 0)
        reply_bulk(call->reply, SLICE(""));
    else
        reply_bulk(call->reply, slice_of(text.at + start, (size_t)(end - start + 1)));
    return VERDICT_DONE;
}

/* SUBSTR key start end: the old name of GETRANGE. */
enum verdict do_substr(struct call *call)
{
    return do_getrange(call);
}
