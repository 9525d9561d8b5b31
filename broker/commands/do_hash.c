/* Hashes: fields and values. */
#include "handlers.h"

#include <math.h>

#include "broker/commands/do_hash_private.h"
#include "broker/commands/do_scan_private.h"
#include "broker/commands/sampling.h"

enum refusal find_hash(struct call *call, struct slice key, enum look why, struct hash **hash)
{
    struct value *value;
    enum refusal refusal = call_find(call, key, VALUE_HASH, why, &value);

    *hash = (struct hash *)(void *)value;
    return refusal;
}

enum refusal find_or_create_hash(struct call *call, struct slice key, struct hash **hash)
{
    enum refusal refusal = find_hash(call, key, LOOK_WRITE, hash);

    if (refusal == REFUSAL_NONE && *hash == NULL) {
        struct value *value;

        *hash = hash_new();
        value = (struct value *)(void *)*hash;
        keyspace_put_value(call->keys, key, &value);
    }
    return refusal;
}

void fields_removed(struct call *call, struct slice key, struct hash *hash)
{
    if (hash_length(hash) == 0)
        call_remove_empty(call, key);
    else
        follow_fields(call, key, hash);
}

/* ---- Setting ---- */

/* Finds the hash that pairs are put into, without those of their fields that are past their time. */
static enum refusal find_for_pairs(struct call *call, struct slice key, struct hash **hash)
{
    const struct args *args = call->args;
    enum refusal refusal = find_or_create_hash(call, key, hash);

    if (refusal != REFUSAL_NONE || LIKELY(!hash_expires(*hash)))
        return refusal;
    *hash = keyspace_expire_these(call->keys, key, *hash, args->words + args_position(args),
                                  args_left(args) / 2, 2);
    return *hash != NULL ? REFUSAL_NONE : find_or_create_hash(call, key, hash);
}

enum { TOGETHER = 16 }; /* fields that are put together, so that one's misses hide another's */

/* Sets the pairs that are left of the words; `created` counts the new fields. */
static enum refusal set_pairs(struct call *call, struct slice key, int64_t *created)
{
    struct args *args = call->args;
    size_t pairs = args_left(args) / 2;
    struct hash *hash;
    enum refusal refusal = find_for_pairs(call, key, &hash);

    if (refusal != REFUSAL_NONE)
        return refusal;
    if (pairs > 1 && hash_length(hash) == 0)
        hash_reserve(hash, call->limits, args->words + args_position(args), 2 * pairs);
    *created = 0;
    while (args_more(args)) {
        size_t some = args_left(args) / 2 < TOGETHER ? args_left(args) / 2 : TOGETHER;

        if (some > 1)
            hash_ask_ahead(hash, args->words + args_position(args), some, args_left(args) / 2);
        for (; some > 0; some--) {
            struct slice field = args_next(args);

            *created += hash_put(hash, call->limits, field, args_next(args));
            ledger_field(call->ledger, field);
        }
    }
    follow_fields(call, key, hash);
    ledger_changed(call->ledger, key, EVENT_HASH, "hset");
    ledger_count(call->ledger, pairs - 1);
    return REFUSAL_NONE;
}

/* HSET key field value [field value ...]: how many fields are new. */
enum verdict do_hset(struct call *call)
{
    struct slice key = args_next(call->args);
    int64_t created;

    if (args_left(call->args) % 2 != 0)
        return call_refuse_arity(call);

    enum refusal refusal = set_pairs(call, key, &created);
    if (refusal != REFUSAL_NONE)
        return call_refuse(call, refusal);
    reply_integer(call->reply, created);
    return VERDICT_DONE;
}

/* HMSET key field value [field value ...]: OK. */
enum verdict do_hmset(struct call *call)
{
    struct slice key = args_next(call->args);
    int64_t created;

    if (args_left(call->args) % 2 != 0)
        return call_refuse_arity(call);

    enum refusal refusal = set_pairs(call, key, &created);
    if (refusal != REFUSAL_NONE)
        return call_refuse(call, refusal);
    reply_ok(call->reply);
    return VERDICT_DONE;
}

/* HSETNX key field value: 1 if the field was not there and now is. */
enum verdict do_hsetnx(struct call *call)
{
    struct slice key = args_next(call->args);
    struct slice field = args_next(call->args);
    struct slice value = args_next(call->args);
    struct hash *hash;
    enum refusal refusal = find_or_create_hash(call, key, &hash);

    if (refusal == REFUSAL_NONE && expire_field(call, key, hash, field) == NULL)
        refusal = find_or_create_hash(call, key, &hash);
    if (refusal != REFUSAL_NONE)
        return call_refuse(call, refusal);
    if (hash_has(hash, field)) {
        reply_integer(call->reply, 0);
        return VERDICT_DONE;
    }
    hash_put(hash, call->limits, field, value);
    ledger_field(call->ledger, field);
    ledger_changed(call->ledger, key, EVENT_HASH, "hset");
    reply_integer(call->reply, 1);
    return VERDICT_DONE;
}

/* HINCRBY key field increment: the field's new value. */
enum verdict do_hincrby(struct call *call)
{
    struct slice key = args_next(call->args);
    struct slice field = args_next(call->args);
    char digits[NUMBER_INTEGER_MAX];
    int64_t increment;
    int64_t sum = 0;
    struct hash_room room;
    struct slice value;
    struct hash *hash;

    if (!args_next_integer(call->args, &increment))
        return call_refuse(call, REFUSAL_NOT_INTEGER);

    enum refusal refusal = find_hash(call, key, LOOK_WRITE, &hash);
    if (refusal == REFUSAL_NONE)
        hash = expire_field(call, key, hash, field);
    if (refusal == REFUSAL_NONE && hash != NULL && hash_get(hash, field, &room, &value) &&
        !number_read(value, &sum))
        refusal = REFUSAL_HASH_NOT_INTEGER;
    if (refusal == REFUSAL_NONE && __builtin_add_overflow(sum, increment, &sum))
        refusal = REFUSAL_OVERFLOW;
    if (refusal == REFUSAL_NONE && hash == NULL)
        refusal = find_or_create_hash(call, key, &hash);
    if (refusal != REFUSAL_NONE)
        return call_refuse(call, refusal);

    hash_change(hash, call->limits, field, slice_of(digits, number_put(digits, sum)));
    ledger_field(call->ledger, field);
    ledger_changed(call->ledger, key, EVENT_HASH, "hincrby");
    reply_integer(call->reply, sum);
    return VERDICT_DONE;
}

/*
 * Says a field's new value rather than the sum to be done: a float may come out
 * otherwise elsewhere. A field that expires is said to go on to.
 */
static void say_field(struct call *call, struct slice key, const struct hash *hash,
                      struct slice field, struct slice value)
{
    const struct slice plain[] = { SLICE("HSET"), key, field, value };
    const struct slice expiring[] = { SLICE("HSETEX"), key, SLICE("KEEPTTL"), SLICE("FIELDS"),
                                      SLICE("1"), field, value };

    if (LIKELY(hash_due(hash, field) < 0))
        ledger_say(call->ledger, plain, sizeof(plain) / sizeof(plain[0]));
    else
        ledger_say(call->ledger, expiring, sizeof(expiring) / sizeof(expiring[0]));
}

/* HINCRBYFLOAT key field increment: the field's new value. */
enum verdict do_hincrbyfloat(struct call *call)
{
    struct slice key = args_next(call->args);
    struct slice field = args_next(call->args);
    char digits[NUMBER_LONG_DOUBLE_MAX];
    long double increment;
    long double sum = 0;
    struct hash_room room;
    struct slice value;
    struct hash *hash;

    if (!number_read_long_double(args_next(call->args), &increment))
        return call_refuse(call, REFUSAL_NOT_FLOAT);
    if (!isfinite(increment))
        return call_refuse(call, REFUSAL_NOT_FINITE);

    enum refusal refusal = find_hash(call, key, LOOK_WRITE, &hash);
    if (refusal == REFUSAL_NONE)
        hash = expire_field(call, key, hash, field);
    if (refusal == REFUSAL_NONE && hash != NULL && hash_get(hash, field, &room, &value) &&
        !number_read_long_double(value, &sum))
        refusal = REFUSAL_HASH_NOT_FLOAT;
    sum += increment;
    if (refusal == REFUSAL_NONE && !isfinite(sum))
        refusal = REFUSAL_FLOAT_NAN;
    if (refusal == REFUSAL_NONE && hash == NULL)
        refusal = find_or_create_hash(call, key, &hash);
    if (refusal != REFUSAL_NONE)
        return call_refuse(call, refusal);

    value = slice_of(digits, number_put_long_double(digits, sum));
    hash_change(hash, call->limits, field, value);
    ledger_field(call->ledger, field);
    ledger_changed(call->ledger, key, EVENT_HASH, "hincrbyfloat");
    say_field(call, key, hash, field, value);
    reply_bulk(call->reply, value);
    return VERDICT_DONE;
}

/* HDEL key field [field ...]: how many fields were there and are gone. */
enum verdict do_hdel(struct call *call)
{
    struct slice key = args_next(call->args);
    struct hash *hash;
    int64_t removed = 0;
    enum refusal refusal = find_hash(call, key, LOOK_WRITE, &hash);

    if (refusal != REFUSAL_NONE)
        return call_refuse(call, refusal);
    while (hash != NULL && args_more(call->args)) {
        struct slice field = args_next(call->args);

        if (!hash_remove(hash, field))
            continue;
        ledger_field(call->ledger, field);
        removed++;
    }
    if (removed > 0) {
        ledger_changed(call->ledger, key, EVENT_HASH, "hdel");
        ledger_count(call->ledger, (uint64_t)removed - 1);
        fields_removed(call, key, hash);
    }
    reply_integer(call->reply, removed);
    return VERDICT_DONE;
}

/* ---- Getting ---- */

/* HGET key field: the value. */
enum verdict do_hget(struct call *call)
{
    struct slice key = args_next(call->args);
    struct hash_room room;
    struct slice value;
    struct hash *hash;
    enum refusal refusal = find_hash(call, key, LOOK_READ, &hash);

    if (refusal != REFUSAL_NONE)
        return call_refuse(call, refusal);
    hash = expire_field(call, key, hash, args_peek(call->args));
    if (hash != NULL && hash_get(hash, args_next(call->args), &room, &value))
        reply_bulk(call->reply, value);
    else
        reply_nil(call->reply);
    return VERDICT_DONE;
}

/* HMGET key field [field ...]: the value of each field. */
enum verdict do_hmget(struct call *call)
{
    struct slice key = args_next(call->args);
    struct hash_room room;
    struct slice value;
    struct hash *hash;
    enum refusal refusal = find_hash(call, key, LOOK_READ, &hash);

    if (refusal != REFUSAL_NONE)
        return call_refuse(call, refusal);
    if (UNLIKELY(hash != NULL && hash_expires(hash)))
        hash = keyspace_expire_these(call->keys, key, hash,
                                     call->args->words + args_position(call->args),
                                     args_left(call->args), 1);
    reply_array(call->reply, args_left(call->args));
    while (args_more(call->args)) {
        struct slice field = args_next(call->args);

        if (hash != NULL && hash_get(hash, field, &room, &value))
            reply_bulk(call->reply, value);
        else
            reply_nil(call->reply);
    }
    return VERDICT_DONE;
}

enum hash_part { HASH_FIELDS = 1 << 0, HASH_VALUES = 1 << 1 };

/* Replies with all fields, all values, or both as a map. */
static enum verdict reply_all(struct call *call, unsigned parts)
{
    struct slice key = args_next(call->args);
    struct slice field, value;
    struct hash_walk walk;
    struct hash *hash;
    size_t length;
    millis now;
    enum refusal refusal = find_hash(call, key, LOOK_READ, &hash);

    if (refusal != REFUSAL_NONE)
        return call_refuse(call, refusal);
    now = keyspace_fields_now(call->keys);
    length = hash != NULL ? hash_length(hash) - hash_past(hash, now) : 0;
    if (parts == (HASH_FIELDS | HASH_VALUES))
        reply_map(call->reply, length);
    else
        reply_array(call->reply, length);
    if (hash == NULL)
        return VERDICT_DONE;
    hash_walk_begin_at(&walk, hash, now);
    while (hash_walk_next(&walk, &field, &value)) {
        if (parts & HASH_FIELDS)
            reply_bulk(call->reply, field);
        if (parts & HASH_VALUES)
            reply_bulk(call->reply, value);
    }
    hash_walk_end(&walk);
    return VERDICT_DONE;
}

/* HGETALL key: all fields and their values. */
enum verdict do_hgetall(struct call *call)
{
    return reply_all(call, HASH_FIELDS | HASH_VALUES);
}

/* HKEYS key: all fields. */
enum verdict do_hkeys(struct call *call)
{
    return reply_all(call, HASH_FIELDS);
}

/* HVALS key: all values. */
enum verdict do_hvals(struct call *call)
{
    return reply_all(call, HASH_VALUES);
}

/* HLEN key: how many fields there are, with those past their time that nobody asked for yet. */
enum verdict do_hlen(struct call *call)
{
    struct hash *hash;
    enum refusal refusal = find_hash(call, args_next(call->args), LOOK_READ, &hash);

    if (refusal != REFUSAL_NONE)
        return call_refuse(call, refusal);
    reply_integer(call->reply, hash != NULL ? (int64_t)hash_length(hash) : 0);
    return VERDICT_DONE;
}

/* HEXISTS key field: 1 if the field is there. */
enum verdict do_hexists(struct call *call)
{
    struct slice key = args_next(call->args);
    struct hash *hash;
    enum refusal refusal = find_hash(call, key, LOOK_READ, &hash);

    if (refusal != REFUSAL_NONE)
        return call_refuse(call, refusal);
    hash = expire_field(call, key, hash, args_peek(call->args));
    reply_integer(call->reply, hash != NULL && hash_has(hash, args_next(call->args)));
    return VERDICT_DONE;
}

/* HSTRLEN key field: how long the value is. */
enum verdict do_hstrlen(struct call *call)
{
    struct slice key = args_next(call->args);
    struct slice value = { NULL, 0 };
    struct hash_room room;
    struct hash *hash;
    enum refusal refusal = find_hash(call, key, LOOK_READ, &hash);

    if (refusal != REFUSAL_NONE)
        return call_refuse(call, refusal);
    hash = expire_field(call, key, hash, args_peek(call->args));
    if (hash != NULL && !hash_get(hash, args_next(call->args), &room, &value))
        value.len = 0;
    reply_integer(call->reply, (int64_t)value.len);
    return VERDICT_DONE;
}

static const struct hash *scanned(const struct scan *scan)
{
    return (const struct hash *)(const void *)scan->value;
}

static void show_field(void *who, struct slice field, struct slice value)
{
    struct scan *scan = who;

    if (!scan_meets(scan, field))
        return;
    if (UNLIKELY(hash_expires(scanned(scan))) &&
        keyspace_field_is_past(scan->call->keys, scanned(scan), field))
        return;
    reply_bulk(scan->call->reply, field);
    if (!scan->options.no_values)
        reply_bulk(scan->call->reply, value);
    scan->shown += scan->options.no_values ? 1 : 2;
}

static uint64_t step_fields(struct scan *scan, uint64_t cursor)
{
    return hash_scan(scanned(scan), cursor, show_field, scan);
}

/*
 * HSCAN key cursor [MATCH pattern] [COUNT count] [NOVALUES]: a cursor, and some
 * fields, with their values if nothing else is asked for.
 */
enum verdict do_hscan(struct call *call)
{
    return scan_value(call, VALUE_HASH, SCAN_FIELDS, step_fields);
}

/* ---- Chance ---- */

/* Replies with a field, and its value if that is asked for: a pair of its own in RESP3. */
static void reply_field(struct call *call, struct slice field, struct slice value, bool with_value)
{
    if (with_value && call->reply->resp3)
        reply_array(call->reply, 2);
    reply_bulk(call->reply, field);
    if (with_value)
        reply_bulk(call->reply, value);
}

/* Announces so many of them. */
static void reply_field_count(struct call *call, size_t count, bool with_values)
{
    reply_array(call->reply, with_values && !call->reply->resp3 ? count * 2 : count);
}

/* Replies with `count` fields chosen one by one, the same one perhaps again. */
static void reply_random_fields(struct call *call, const struct hash *hash, size_t count,
                                bool with_values)
{
    reply_field_count(call, count, with_values);
    for (; count > 0 && !reply_is_lost(call->reply); count--) {
        struct hash_room room;
        struct slice field, value;

        hash_random(hash, call->random, &room, &field, &value);
        reply_field(call, field, value, with_values);
    }
}

/* Replies with `count` different fields, at most as many as there are. */
static void reply_sample(struct call *call, const struct hash *hash, size_t count,
                         bool with_values)
{
    size_t length = hash_length(hash);
    struct slice field, value;
    struct sampling sampling;
    struct hash_walk walk;

    if (count > length)
        count = length;
    reply_field_count(call, count, with_values);
    if (sampling_is_sparse(count, length)) {
        struct sampling_seen seen;

        sampling_seen_begin(&seen, call, count);
        while (seen.count < count) {
            struct hash_room room;

            hash_random(hash, call->random, &room, &field, &value);
            if (sampling_is_new(&seen, field))
                reply_field(call, field, value, with_values);
        }
        sampling_seen_end(&seen);
        return;
    }
    sampling_begin(&sampling, count, length);
    hash_walk_begin(&walk, hash);
    while (sampling.wanted > 0 && hash_walk_next(&walk, &field, &value)) {
        if (sampling_takes(&sampling, call->random))
            reply_field(call, field, value, with_values);
    }
    hash_walk_end(&walk);
}

static enum verdict reply_one_field(struct call *call, const struct hash *hash)
{
    struct hash_room room;
    struct slice field, value;

    if (hash == NULL) {
        reply_nil(call->reply);
        return VERDICT_DONE;
    }
    hash_random(hash, call->random, &room, &field, &value);
    reply_bulk(call->reply, field);
    return VERDICT_DONE;
}

/* HRANDFIELD key [count [WITHVALUES]]: fields chosen by chance; a negative count may repeat them. */
enum verdict do_hrandfield(struct call *call)
{
    struct slice key = args_next(call->args);
    bool counted = args_more(call->args);
    bool with_values = false;
    int64_t count = 1;
    struct hash *hash;
    size_t gone;
    enum refusal refusal = REFUSAL_NONE;

    if (counted) {
        refusal = sampling_next_count(call, &count);
        if (refusal == REFUSAL_NONE && args_more(call->args)) {
            with_values = args_take(call->args, SLICE("withvalues"));
            if (!with_values || args_more(call->args))
                refusal = REFUSAL_SYNTAX;
            else if (count < -INT64_MAX / 2 || count > INT64_MAX / 2)
                refusal = REFUSAL_OUT_OF_RANGE;
        }
    }
    if (refusal == REFUSAL_NONE)
        refusal = find_hash(call, key, LOOK_READ, &hash);
    if (refusal != REFUSAL_NONE)
        return call_refuse(call, refusal);
    if (hash != NULL && UNLIKELY(hash_expires(hash)))
        hash = keyspace_expire_fields(call->keys, key, hash, SIZE_MAX, &gone);

    if (!counted)
        return reply_one_field(call, hash);
    if (hash == NULL || count == 0)
        reply_array(call->reply, 0);
    else if (sampling_is_too_much(call, count))
        return call_refuse(call, REFUSAL_OUT_OF_RANGE);
    else if (count < 0)
        reply_random_fields(call, hash, (size_t)-count, with_values);
    else
        reply_sample(call, hash, (size_t)count, with_values);
    return VERDICT_DONE;
}
