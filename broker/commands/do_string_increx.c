/*
 * INCREX: adds to a number within bounds and may set its time limit, which is a
 * counter of requests in a window, in one step.
 *
 * The outcome is decided before anything is changed: added, held at a bound, or
 * declined, which leaves the key and its time limit as they are. What is said
 * is the outcome: a SET.
 */
#include "handlers.h"

#include <float.h>
#include <math.h>

#include "broker/commands/do_expire_private.h"

struct increx {
    bool          floats;
    bool          none_there; /* NX */
    bool          there;      /* XX */
    bool          saturate;
    bool          persist;
    bool          only_without; /* ENX */
    bool          bounded_below;
    bool          bounded_above;
    struct slice  amount;       /* empty: 1 */
    struct slice  lower;
    struct slice  upper;
    struct expiry expiry;
};

/* A number before and after, and what was added. */
struct integers {
    int64_t old, sum, applied;
};
struct floats {
    long double old, sum, applied;
};

enum outcome { ADDED, DECLINED, REFUSED };

static enum outcome refuse(struct call *call, const char *sentence)
{
    (void)call_refuse_with(call, "ERR %s", sentence);
    return REFUSED;
}

/* ---- Words ---- */

static bool take_value(struct args *args, struct slice option, bool *there, struct slice *word)
{
    if (*there || args_left(args) < 2 || !args_take(args, option))
        return false;
    *there = true;
    *word = args_next(args);
    return true;
}

static bool take_option(struct call *call, struct increx *increx)
{
    struct args *args = call->args;
    bool amount = increx->amount.at != NULL;

    if (take_value(args, SLICE("byint"), &amount, &increx->amount))
        return true;
    if (take_value(args, SLICE("byfloat"), &amount, &increx->amount))
        return increx->floats = true;
    if (take_value(args, SLICE("lbound"), &increx->bounded_below, &increx->lower) ||
        take_value(args, SLICE("ubound"), &increx->bounded_above, &increx->upper))
        return true;
    if (args_take(args, SLICE("saturate")))
        return increx->saturate = true;
    if (!increx->there && args_take(args, SLICE("nx")))
        return increx->none_there = true;
    if (!increx->none_there && args_take(args, SLICE("xx")))
        return increx->there = true;
    if (increx->expiry.unit == EXPIRY_NONE && !increx->only_without &&
        args_take(args, SLICE("persist")))
        return increx->persist = true;
    if (!increx->persist && args_take(args, SLICE("enx")))
        return increx->only_without = true;
    return !increx->persist && expiry_take_option(call, &increx->expiry);
}

static bool read_options(struct call *call, struct increx *increx)
{
    while (args_more(call->args)) {
        if (!take_option(call, increx))
            return call_refuse(call, REFUSAL_SYNTAX), false;
    }
    if (increx->only_without && increx->expiry.unit == EXPIRY_NONE)
        return refuse(call, "ENX flag requires an expiration option"), false;
    return expiry_settle(call, &increx->expiry);
}

/* ---- Adding ---- */

static enum outcome add_integers(struct call *call, const struct increx *increx,
                                 const struct item *item, struct integers *to)
{
    int64_t amount = 1, lower = INT64_MIN, upper = INT64_MAX;
    struct item_digits digits;
    bool below, above, over;

    if (increx->amount.at != NULL && !number_read(increx->amount, &amount))
        return refuse(call, "Increment is not an integer or out of range");
    if (increx->bounded_below && !number_read(increx->lower, &lower))
        return refuse(call, "LBOUND is not an integer or out of range");
    if (increx->bounded_above && !number_read(increx->upper, &upper))
        return refuse(call, "UBOUND is not an integer or out of range");
    if (lower > upper)
        return refuse(call, "LBOUND can't be greater than UBOUND");
    if (item != NULL && !number_read(item_string(item, &digits), &to->old))
        return refuse(call, "value is not an integer or out of range");

    over = __builtin_add_overflow(to->old, amount, &to->sum);
    below = over ? amount < 0 : to->sum < lower;
    above = over ? amount > 0 : to->sum > upper;
    if (below || above) {
        if (!increx->saturate)
            return DECLINED;
        to->sum = below ? lower : upper;
    }
    if (__builtin_sub_overflow(to->sum, to->old, &to->applied))
        return refuse(call, "applied increment would overflow");
    return ADDED;
}

static enum outcome add_floats(struct call *call, const struct increx *increx,
                               const struct item *item, struct floats *to)
{
    long double amount = 1, lower = -LDBL_MAX, upper = LDBL_MAX;
    struct item_digits digits;
    bool below, above;

    if (!number_read_long_double(increx->amount, &amount))
        return refuse(call, "Increment is not a valid float");
    if (isinf(amount))
        return refuse(call, "BYFLOAT increment cannot be Infinity");
    if (increx->bounded_below && !number_read_long_double(increx->lower, &lower))
        return refuse(call, "LBOUND is not a valid float");
    if (increx->bounded_above && !number_read_long_double(increx->upper, &upper))
        return refuse(call, "UBOUND is not a valid float");
    if (lower > upper)
        return refuse(call, "LBOUND can't be greater than UBOUND");
    if (item != NULL && !number_read_long_double(item_string(item, &digits), &to->old))
        return refuse(call, "value is not a valid float");
    if (isinf(to->old))
        return refuse(call, "value cannot be Infinity");

    to->sum = to->old + amount;
    below = to->sum < lower || to->sum < -LDBL_MAX;
    above = to->sum > upper || to->sum > LDBL_MAX;
    if (below || above) {
        if (!increx->saturate)
            return DECLINED;
        to->sum = below ? lower : upper;
    }
    to->applied = to->sum - to->old;
    if (isinf(to->applied) || isinf(to->sum))
        return refuse(call, "applied increment would be Infinity");
    return ADDED;
}

/* ---- Answering ---- */

/* A long double as people write it: a double in RESP3, a bulk in RESP2. */
static void reply_float(struct call *call, long double value)
{
    char text[NUMBER_LONG_DOUBLE_MAX + 3] = ",";
    size_t len = number_put_long_double(text + 1, value);

    if (!call->reply->resp3) {
        reply_bulk(call->reply, slice_of(text + 1, len));
        return;
    }
    memcpy(text + 1 + len, "\r\n", 2);
    reply_raw(call->reply, slice_of(text, len + 3));
}

/* The value that there is, and that nothing was added. */
static enum verdict reply_declined(struct call *call, const struct increx *increx,
                                   const struct integers *integers, const struct floats *floats)
{
    reply_array(call->reply, 2);
    if (increx->floats) {
        reply_float(call, floats->old);
        reply_float(call, 0);
    } else {
        reply_integer(call->reply, integers->old);
        reply_integer(call->reply, 0);
    }
    return VERDICT_DONE;
}

/* ---- Changing ---- */

/* The key goes at once: its time limit is past. What was not there leaves no trace. */
static void remove_key(struct call *call, struct slice key, bool there)
{
    struct slice words[2] = { SLICE("DEL"), key };

    if (!there)
        return;
    (void)keyspace_remove(call->keys, key, true);
    ledger_changed(call->ledger, key, EVENT_GENERIC, "del");
    ledger_say(call->ledger, words, 2);
}

/* Stores the new number with its time limit, notes it and says it. */
static void store(struct call *call, struct slice key, struct item *item,
                  const struct increx *increx, struct slice text)
{
    char digits[NUMBER_INTEGER_MAX];
    struct slice words[5] = { SLICE("SET"), key, text, SLICE("KEEPTTL"), { digits, 0 } };
    bool expires = item != NULL && item_expires(item);
    bool dated = increx->expiry.unit != EXPIRY_NONE && !(increx->only_without && expires);
    size_t count = 4;

    if (dated && increx->expiry.at <= call->now) {
        remove_key(call, key, item != NULL);
        return;
    }
    item = keyspace_revise_string(call->keys, key, text);
    ledger_changed(call->ledger, key, EVENT_STRING, increx->floats ? "incrbyfloat" : "incrby");
    if (dated) {
        (void)keyspace_expire_at(call->keys, item, increx->expiry.at);
        ledger_followed(call->ledger, key, EVENT_GENERIC, "expire");
        words[3] = SLICE("PXAT");
        words[4].len = number_put(digits, increx->expiry.at);
        count = 5;
    } else if (increx->persist && expires) {
        (void)keyspace_expire_at(call->keys, item, -1);
        ledger_changed(call->ledger, key, EVENT_GENERIC, "persist");
        count = 3;
    }
    ledger_say(call->ledger, words, count);
}

/* Whether NX or XX forbids it. */
static bool is_forbidden(const struct increx *increx, const struct item *item)
{
    return (increx->none_there && item != NULL) || (increx->there && item == NULL);
}

/*
 * INCREX key [NX|XX] [BYINT n|BYFLOAT x] [LBOUND a] [UBOUND b] [SATURATE]
 * [EX s|PX ms|EXAT s|PXAT ms|PERSIST] [ENX]: the value, and what was added.
 */
enum verdict do_increx(struct call *call)
{
    struct slice key = args_next(call->args);
    struct increx increx = { .expiry = { .at = -1 } };
    struct integers integers = { 0 };
    struct floats floats = { 0 };
    char text[NUMBER_LONG_DOUBLE_MAX];
    enum outcome outcome;
    struct item *item;
    size_t len;

    if (!read_options(call, &increx))
        return VERDICT_REFUSED;

    enum refusal refusal = call_find_string(call, key, LOOK_WRITE, &item);
    if (refusal != REFUSAL_NONE)
        return call_refuse(call, refusal);
    outcome = increx.floats ? add_floats(call, &increx, item, &floats)
                            : add_integers(call, &increx, item, &integers);
    if (outcome == REFUSED)
        return VERDICT_REFUSED;
    if (outcome == DECLINED || is_forbidden(&increx, item))
        return reply_declined(call, &increx, &integers, &floats);

    reply_array(call->reply, 2);
    if (increx.floats) {
        reply_float(call, floats.sum);
        reply_float(call, floats.applied);
        len = number_put_long_double(text, floats.sum);
    } else {
        reply_integer(call->reply, integers.sum);
        reply_integer(call->reply, integers.applied);
        len = number_put(text, integers.sum);
    }
    store(call, key, item, &increx, slice_of(text, len));
    return VERDICT_DONE;
}
