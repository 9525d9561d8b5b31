/*
 * When fields of hashes expire: HEXPIRE, HTTL and their kin, HPERSIST.
 *
 * A field past its time goes before anything else is done with it, hence what
 * the others hear of a command holds for the same fields there.
 */
#include "handlers.h"

#include "broker/commands/do_hash_private.h"

/* Dates of fields fit into 46 bits of milliseconds. */
#define FIELD_DUE_MOST ((INT64_C(1) << 46) - 1)

bool fields_read_count(struct call *call, const char *sentence, struct named_fields *named)
{
    struct args *args = call->args;
    int64_t count;

    if (!args_more(args) || !args_next_integer(args, &count) || count < 1) {
        (void)call_refuse_with(call, "ERR %s", sentence);
        return false;
    }
    if ((uint64_t)count > args_left(args) || (size_t)count * named->step != args_left(args)) {
        (void)call_refuse_with(call,
                               "ERR The `numfields` parameter must match the number of arguments");
        return false;
    }
    named->at = args->words + args_position(args);
    named->count = (size_t)count;
    return true;
}

bool fields_read(struct call *call, const char *sentence, struct named_fields *named)
{
    if (!args_take(call->args, SLICE("fields"))) {
        (void)call_refuse_with(
            call, "ERR Mandatory argument FIELDS is missing or not at the right position");
        return false;
    }
    return fields_read_count(call, sentence, named);
}

struct hash *fields_expire(struct call *call, struct slice key, struct hash *hash,
                           const struct named_fields *named)
{
    if (LIKELY(hash == NULL || !hash_expires(hash)))
        return hash;
    return keyspace_expire_these(call->keys, key, hash, named->at, named->count, named->step);
}

bool fields_read_due(struct call *call, struct slice word, bool seconds, millis base, millis *due)
{
    int64_t value;

    if (!number_read(word, &value)) {
        (void)call_refuse(call, REFUSAL_NOT_INTEGER);
        return false;
    }
    if (value < 0) {
        (void)call_refuse_with(call, "ERR invalid expire time, must be >= 0");
        return false;
    }
    if (value <= (seconds ? FIELD_DUE_MOST / 1000 : FIELD_DUE_MOST)) {
        *due = (seconds ? value * 1000 : value) + base;
        if (*due <= FIELD_DUE_MOST)
            return true;
    }
    (void)call_refuse_with(call, "ERR invalid expire time in '%s' command",
                           call->command->full_name);
    return false;
}

bool fields_are_over(const struct call *call, millis due)
{
    return due <= call->now && !keyspaces_keeps_expired(call->keyspaces);
}

static enum verdict reply_none(struct call *call, const struct named_fields *named)
{
    reply_array(call->reply, named->count);
    for (size_t i = 0; i < named->count; i++)
        reply_integer(call->reply, -2);
    return VERDICT_DONE;
}

/* ---- What is said ---- */

/* Says HDEL for each field: they go one by one, whoever made them. */
static void say_removed(struct call *call, struct slice key, const struct slice *fields,
                        size_t count)
{
    for (size_t i = 0; i < count; i++)
        ledger_say(call->ledger, (const struct slice[]){ SLICE("HDEL"), key, fields[i] }, 3);
}

void fields_say(struct call *call, const struct slice *head, size_t head_count,
                const struct slice *fields, size_t count, size_t step)
{
    struct slice *words = arena_take(call->arena, (head_count + 2 + count) * sizeof(*words));
    char digits[NUMBER_INTEGER_MAX];

    memcpy(words, head, head_count * sizeof(*words));
    words[head_count] = SLICE("FIELDS");
    words[head_count + 1] = slice_of(digits, number_put(digits, (int64_t)(count / step)));
    memcpy(words + head_count + 2, fields, count * sizeof(*words));
    ledger_say(call->ledger, words, head_count + 2 + count);
}

void fields_name(struct call *call, const struct slice *fields, size_t count, size_t step)
{
    for (size_t i = 0; i < count; i++)
        ledger_field(call->ledger, fields[step * i]);
}

void fields_note_dated(struct call *call, struct slice key, const struct slice *fields,
                       size_t count, millis due, struct slice condition)
{
    char digits[NUMBER_INTEGER_MAX];
    struct slice head[4] = { SLICE("HPEXPIREAT"), key, { digits, 0 }, condition };
    size_t head_count = condition.len > 0 ? 4 : 3;

    fields_name(call, fields, count, 1);
    ledger_changed(call->ledger, key, EVENT_HASH, due < 0 ? "hpersist" : "hexpire");
    ledger_count(call->ledger, count - 1);
    if (due < 0) {
        head[0] = SLICE("HPERSIST");
        head_count = 2;
    } else {
        head[2].len = number_put(digits, due);
    }
    fields_say(call, head, head_count, fields, count, 1);
}

void fields_note_gone(struct call *call, struct slice key, struct hash *hash,
                      const struct slice *fields, size_t count)
{
    fields_name(call, fields, count, 1);
    ledger_changed(call->ledger, key, EVENT_HASH, "hdel");
    ledger_count(call->ledger, count - 1);
    say_removed(call, key, fields, count);
    fields_removed(call, key, hash);
}

/* ---- HEXPIRE and kin ---- */

enum condition { ALWAYS, IF_NONE, IF_ANY, IF_LATER, IF_EARLIER };

static enum condition take_condition(struct call *call, struct slice *word)
{
    static const struct slice words[] = {
        { "", 0 }, { "nx", 2 }, { "xx", 2 }, { "gt", 2 }, { "lt", 2 }
    };
    static const struct slice said[] = {
        { "", 0 }, { "NX", 2 }, { "XX", 2 }, { "GT", 2 }, { "LT", 2 }
    };

    for (int condition = IF_NONE; condition <= IF_EARLIER; condition++) {
        if (args_take(call->args, words[condition])) {
            *word = said[condition];
            return (enum condition)condition;
        }
    }
    *word = said[ALWAYS];
    return ALWAYS;
}

/* Whether a date may replace what a field has; to have none is for ever. */
static bool condition_holds(enum condition condition, millis old, millis due)
{
    switch (condition) {
    case ALWAYS:
        return true;
    case IF_NONE:
        return old < 0;
    case IF_ANY:
        return old >= 0;
    case IF_LATER:
        return old >= 0 && due > old;
    case IF_EARLIER:
        return old < 0 || due < old;
    }
    return false;
}

/* Dates the fields for which the condition holds, replying for each. `gone`: they go at once. */
static void date_fields(struct call *call, struct slice key, struct hash *hash,
                        const struct named_fields *named, enum condition condition,
                        struct slice word, millis due)
{
    struct slice *changed = arena_take(call->arena, named->count * sizeof(*changed));
    bool over = fields_are_over(call, due);
    size_t count = 0;

    reply_array(call->reply, named->count);
    for (size_t i = 0; i < named->count; i++) {
        struct slice field = named->at[i];

        if (!hash_has(hash, field)) {
            reply_integer(call->reply, -2);
            continue;
        }
        if (!condition_holds(condition, hash_due(hash, field), due)) {
            reply_integer(call->reply, 0);
            continue;
        }
        if (over)
            (void)hash_remove(hash, field);
        else
            hash_expire_at(hash, call->limits, field, due);
        changed[count++] = field;
        reply_integer(call->reply, over ? 2 : 1);
    }
    if (count == 0)
        return;
    if (over) {
        fields_note_gone(call, key, hash, changed, count);
        return;
    }
    fields_note_dated(call, key, changed, count, due, word);
    follow_fields(call, key, hash);
}

static enum verdict expire_fields(struct call *call, bool seconds, millis base)
{
    struct slice key = args_next(call->args);
    struct named_fields named = { .step = 1 };
    struct slice word = args_next(call->args);
    struct slice condition_word;
    enum condition condition;
    struct hash *hash;
    millis due;

    if (!fields_read_due(call, word, seconds, base, &due))
        return VERDICT_REFUSED;
    condition = take_condition(call, &condition_word);
    if (!fields_read(call, "Parameter `numFields` should be greater than 0", &named))
        return VERDICT_REFUSED;

    enum refusal refusal = find_hash(call, key, LOOK_WRITE, &hash);
    if (refusal != REFUSAL_NONE)
        return call_refuse(call, refusal);
    hash = fields_expire(call, key, hash, &named);
    if (hash == NULL)
        return reply_none(call, &named);
    date_fields(call, key, hash, &named, condition, condition_word, due);
    return VERDICT_DONE;
}

/* HEXPIRE key seconds [NX|XX|GT|LT] FIELDS count field [field ...] */
enum verdict do_hexpire(struct call *call)
{
    return expire_fields(call, true, call->now);
}

/* HPEXPIRE key milliseconds [NX|XX|GT|LT] FIELDS count field [field ...] */
enum verdict do_hpexpire(struct call *call)
{
    return expire_fields(call, false, call->now);
}

/* HEXPIREAT key unix-seconds [NX|XX|GT|LT] FIELDS count field [field ...] */
enum verdict do_hexpireat(struct call *call)
{
    return expire_fields(call, true, 0);
}

/* HPEXPIREAT key unix-milliseconds [NX|XX|GT|LT] FIELDS count field [field ...] */
enum verdict do_hpexpireat(struct call *call)
{
    return expire_fields(call, false, 0);
}

/* ---- HTTL and kin ---- */

/* Of each field -2 if it is not there, -1 if it does not expire, else the date or what is left. */
static enum verdict tell_dues(struct call *call, bool seconds, bool left)
{
    struct slice key = args_next(call->args);
    struct named_fields named = { .step = 1 };
    struct hash *hash;

    if (!fields_read(call, "Number of fields must be a positive integer", &named))
        return VERDICT_REFUSED;

    enum refusal refusal = find_hash(call, key, LOOK_READ, &hash);
    if (refusal != REFUSAL_NONE)
        return call_refuse(call, refusal);
    if (hash == NULL)
        return reply_none(call, &named);
    reply_array(call->reply, named.count);
    for (size_t i = 0; i < named.count; i++) {
        millis value = -2;

        if (hash_has(hash, named.at[i]) && !keyspace_field_is_past(call->keys, hash, named.at[i])) {
            value = hash_due(hash, named.at[i]);
            if (value >= 0 && left)
                value = value < call->now ? 0 : value - call->now;
            if (value >= 0 && seconds)
                value = (value + 999) / 1000;
        }
        reply_integer(call->reply, value);
    }
    return VERDICT_DONE;
}

/* HTTL key FIELDS count field [field ...] */
enum verdict do_httl(struct call *call)
{
    return tell_dues(call, true, true);
}

/* HPTTL key FIELDS count field [field ...] */
enum verdict do_hpttl(struct call *call)
{
    return tell_dues(call, false, true);
}

/* HEXPIRETIME key FIELDS count field [field ...] */
enum verdict do_hexpiretime(struct call *call)
{
    return tell_dues(call, true, false);
}

/* HPEXPIRETIME key FIELDS count field [field ...] */
enum verdict do_hpexpiretime(struct call *call)
{
    return tell_dues(call, false, false);
}

/* HPERSIST key FIELDS count field [field ...]: of each 1 if it expires no more, -1, or -2. */
enum verdict do_hpersist(struct call *call)
{
    struct slice key = args_next(call->args);
    struct named_fields named = { .step = 1 };
    struct slice *changed;
    struct hash *hash;
    size_t count = 0;

    if (!fields_read(call, "Number of fields must be a positive integer", &named))
        return VERDICT_REFUSED;

    enum refusal refusal = find_hash(call, key, LOOK_WRITE, &hash);
    if (refusal != REFUSAL_NONE)
        return call_refuse(call, refusal);
    hash = fields_expire(call, key, hash, &named);
    if (hash == NULL)
        return reply_none(call, &named);
    changed = arena_take(call->arena, named.count * sizeof(*changed));
    reply_array(call->reply, named.count);
    for (size_t i = 0; i < named.count; i++) {
        if (!hash_has(hash, named.at[i])) {
            reply_integer(call->reply, -2);
        } else if (hash_due(hash, named.at[i]) < 0) {
            reply_integer(call->reply, -1);
        } else {
            hash_expire_at(hash, call->limits, named.at[i], -1);
            changed[count++] = named.at[i];
            reply_integer(call->reply, 1);
        }
    }
    if (count > 0) {
        fields_note_dated(call, key, changed, count, -1, SLICE(""));
        follow_fields(call, key, hash);
    }
    return VERDICT_DONE;
}
