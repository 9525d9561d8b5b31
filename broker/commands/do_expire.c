/* When keys expire: EXPIRE and its kin, TTL and its kin, PERSIST. */
#include "handlers.h"

#include "broker/commands/do_expire_private.h"

/* Seconds beyond which a date in milliseconds would overflow. */
#define SECONDS_MOST (INT64_MAX / 1000)

bool expiry_take_option(struct call *call, struct expiry *expiry)
{
    static const struct {
        struct slice     word;
        enum expiry_unit unit;
    } options[] = {
        { { "ex", 2 }, EXPIRY_SECONDS },
        { { "px", 2 }, EXPIRY_MILLIS },
        { { "exat", 4 }, EXPIRY_SECONDS_DATE },
        { { "pxat", 4 }, EXPIRY_MILLIS_DATE },
    };

    if (args_left(call->args) < 2)
        return false;
    for (size_t i = 0; i < sizeof(options) / sizeof(options[0]); i++) {
        /* The same twice is fine, and the last one holds. */
        if ((expiry->unit == EXPIRY_NONE || expiry->unit == options[i].unit) &&
            args_take(call->args, options[i].word)) {
            expiry->unit = options[i].unit;
            expiry->word = args_next(call->args);
            return true;
        }
    }
    return false;
}

static bool refuse_expiry(struct call *call)
{
    (void)call_refuse_with(call, "ERR invalid expire time in '%s' command",
                           call->command->full_name);
    return false;
}

bool expiry_settle(struct call *call, struct expiry *expiry)
{
    bool seconds = expiry->unit == EXPIRY_SECONDS || expiry->unit == EXPIRY_SECONDS_DATE;
    bool date = expiry->unit == EXPIRY_SECONDS_DATE || expiry->unit == EXPIRY_MILLIS_DATE;
    int64_t value;

    if (expiry->unit == EXPIRY_NONE)
        return true;
    if (!number_read(expiry->word, &value)) {
        (void)call_refuse(call, REFUSAL_NOT_INTEGER);
        return false;
    }
    if (value <= 0 || (seconds && value > SECONDS_MOST))
        return refuse_expiry(call);
    value = seconds ? value * 1000 : value;
    if (!date && __builtin_add_overflow(value, call->now, &value))
        return refuse_expiry(call);
    expiry->at = value;
    return true;
}

/* The key goes at once: a date in the past is a way to delete. */
static void expire_now(struct call *call, struct slice key)
{
    struct slice words[2] = { SLICE("DEL"), key };

    (void)keyspace_remove(call->keys, key, true);
    ledger_changed(call->ledger, key, EVENT_GENERIC, "del");
    ledger_say(call->ledger, words, 2);
}

void expiry_apply(struct call *call, struct slice key, struct item *item, millis at)
{
    char digits[NUMBER_INTEGER_MAX];
    struct slice words[3] = { SLICE("PEXPIREAT"), key, { digits, 0 } };
    bool replaying = call->session->connection == NULL;

    if (at <= call->now && !replaying) {
        expire_now(call, key);
        return;
    }
    (void)keyspace_expire_at(call->keys, item, at < 0 ? 0 : at);
    ledger_changed(call->ledger, key, EVENT_GENERIC, "expire");
    words[2].len = number_put(digits, at);
    ledger_say(call->ledger, words, 3);
}

/* Conditions of EXPIRE. */
struct conditions {
    bool nx;
    bool xx;
    bool gt;
    bool lt;
};

static bool read_conditions(struct call *call, struct conditions *conditions)
{
    struct args *args = call->args;

    *conditions = (struct conditions){ 0 };
    while (args_more(args)) {
        if (args_take(args, SLICE("nx"))) {
            conditions->nx = true;
        } else if (args_take(args, SLICE("xx"))) {
            conditions->xx = true;
        } else if (args_take(args, SLICE("gt"))) {
            conditions->gt = true;
        } else if (args_take(args, SLICE("lt"))) {
            conditions->lt = true;
        } else {
            struct slice word = args_next(args);

            (void)call_refuse_with(call, "ERR Unsupported option %.*s",
                                   (int)(word.len > INT16_MAX ? INT16_MAX : word.len), word.at);
            return false;
        }
    }
    if (conditions->nx && (conditions->xx || conditions->gt || conditions->lt)) {
        (void)call_refuse_with(call, "ERR NX and XX, GT or LT options at the same time are not "
                                     "compatible");
        return false;
    }
    if (conditions->gt && conditions->lt) {
        (void)call_refuse_with(call, "ERR GT and LT options at the same time are not compatible");
        return false;
    }
    return true;
}

/* Whether an expiry may replace the one there is; none counts as for ever. */
static bool conditions_hold(const struct conditions *conditions, const struct item *item,
                            millis at)
{
    millis due = item_due(item);

    if (conditions->nx && due >= 0)
        return false;
    if (conditions->xx && due < 0)
        return false;
    if (conditions->gt && (due < 0 || at <= due))
        return false;
    return !(conditions->lt && due >= 0 && at >= due);
}

/* Works out the date of EXPIRE and kin: base 0 for dates, now for durations. */
static bool read_date(struct call *call, struct slice word, bool seconds, millis base, millis *at)
{
    int64_t value;

    if (!number_read(word, &value)) {
        (void)call_refuse(call, REFUSAL_NOT_INTEGER);
        return false;
    }
    if (seconds && (value > SECONDS_MOST || value < -SECONDS_MOST))
        return refuse_expiry(call);
    value = seconds ? value * 1000 : value;
    if (__builtin_add_overflow(value, base, &value))
        return refuse_expiry(call);
    *at = value;
    return true;
}

static enum verdict expire(struct call *call, bool seconds, millis base)
{
    struct slice key = args_next(call->args);
    struct slice word = args_next(call->args);
    struct conditions conditions;
    struct item *item;
    millis at;

    if (!read_conditions(call, &conditions) || !read_date(call, word, seconds, base, &at))
        return VERDICT_REFUSED;
    item = keyspace_find(call->keys, key, LOOK_WRITE);
    if (item == NULL || !conditions_hold(&conditions, item, at)) {
        reply_integer(call->reply, 0);
        return VERDICT_DONE;
    }
    expiry_apply(call, key, item, at);
    reply_integer(call->reply, 1);
    return VERDICT_DONE;
}

/* EXPIRE key seconds [NX|XX|GT|LT] */
enum verdict do_expire(struct call *call)
{
    return expire(call, true, call->now);
}

/* PEXPIRE key milliseconds [NX|XX|GT|LT] */
enum verdict do_pexpire(struct call *call)
{
    return expire(call, false, call->now);
}

/* EXPIREAT key unix-seconds [NX|XX|GT|LT] */
enum verdict do_expireat(struct call *call)
{
    return expire(call, true, 0);
}

/* PEXPIREAT key unix-milliseconds [NX|XX|GT|LT] */
enum verdict do_pexpireat(struct call *call)
{
    return expire(call, false, 0);
}

/* -2 without a key, -1 without an expiry, else the date or what is left, in the unit given. */
static enum verdict tell_expiry(struct call *call, bool seconds, bool left)
{
    struct item *item = keyspace_find(call->keys, args_next(call->args), LOOK_ASIDE);
    millis value;

    if (item == NULL || !item_expires(item)) {
        reply_integer(call->reply, item == NULL ? -2 : -1);
        return VERDICT_DONE;
    }
    value = item_due(item) - (left ? call->now : 0);
    if (value < 0)
        value = 0;
    if (seconds)
        value = (value + 500) / 1000;
    reply_integer(call->reply, value);
    return VERDICT_DONE;
}

/* TTL key */
enum verdict do_ttl(struct call *call)
{
    return tell_expiry(call, true, true);
}

/* PTTL key */
enum verdict do_pttl(struct call *call)
{
    return tell_expiry(call, false, true);
}

/* EXPIRETIME key */
enum verdict do_expiretime(struct call *call)
{
    return tell_expiry(call, true, false);
}

/* PEXPIRETIME key */
enum verdict do_pexpiretime(struct call *call)
{
    return tell_expiry(call, false, false);
}

/* PERSIST key */
enum verdict do_persist(struct call *call)
{
    struct slice key = args_next(call->args);
    struct item *item = keyspace_find(call->keys, key, LOOK_WRITE);

    if (item == NULL || !item_expires(item)) {
        reply_integer(call->reply, 0);
        return VERDICT_DONE;
    }
    (void)keyspace_expire_at(call->keys, item, -1);
    ledger_changed(call->ledger, key, EVENT_GENERIC, "persist");
    reply_integer(call->reply, 1);
    return VERDICT_DONE;
}
