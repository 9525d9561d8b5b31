/*
 * Fields of hashes that expire: HEXPIRE, HTTL and their kin, HPERSIST, and the
 * commands that get, set or take fields and say when they expire.
 *
 * A field past its time goes before anything else is done with it, hence what
 * the others hear of a command holds for the same fields there.
 */
#include "handlers.h"

#include "broker/commands/do_expire_private.h"
#include "broker/commands/do_hash_private.h"

/* Dates of fields fit into 46 bits of milliseconds. */
#define FIELD_DUE_MOST ((INT64_C(1) << 46) - 1)

/* The words after FIELDS: fields, or fields each followed by a value. */
struct named {
    const struct slice *at; /* borrowed from the words */
    size_t              count;
    size_t              step;
};

/* Reads how many there are; they are the rest of the words. FIELDS was taken. */
static bool read_count(struct call *call, const char *sentence, struct named *named)
{
    struct args *args = call->args;
    int64_t count;

    if (!args_more(args) || !args_next_integer(args, &count) || count < 1) {
        (void)call_refuse_with(call, "ERR %s", sentence);
        return false;
    }
    if ((uint64_t)count > args_left(args) || (size_t)count * named->step != args_left(args)) {
        (void)call_refuse_with(
            call, "ERR The `numfields` parameter must match the number of arguments");
        return false;
    }
    named->at = args->words + args_position(args);
    named->count = (size_t)count;
    return true;
}

/* Reads FIELDS count field ... to the end of the words. */
static bool read_named(struct call *call, const char *sentence, struct named *named)
{
    if (!args_take(call->args, SLICE("fields"))) {
        (void)call_refuse_with(
            call, "ERR Mandatory argument FIELDS is missing or not at the right position");
        return false;
    }
    return read_count(call, sentence, named);
}

/* Lets those of the fields go that are past their time, before anything is changed. */
static struct hash *expire_named(struct call *call, struct slice key, struct hash *hash,
                                 const struct named *named)
{
    if (LIKELY(hash == NULL || !hash_expires(hash)))
        return hash;
    for (size_t i = 0; hash != NULL && i < named->count; i++)
        hash = keyspace_expire_field(call->keys, key, hash, named->at[i * named->step]);
    return hash;
}

/* Works out a date from a word; `base` is now for durations, 0 for dates. */
static bool read_due(struct call *call, struct slice word, bool seconds, millis base, millis *due)
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

/* Whether a field with this date goes at once; while the log is read it stays. */
static bool is_over(const struct call *call, millis due)
{
    return due <= call->now && !keyspaces_keeps_expired(call->keyspaces);
}

static enum verdict reply_none(struct call *call, const struct named *named)
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

/*
 * Says a statement on fields: `head` of `head_count` words, FIELDS, their number
 * and they themselves, each with what stands behind it in its `step` words.
 */
static void say_fields(struct call *call, const struct slice *head, size_t head_count,
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

/* Notes that fields got a date, or none with -1, and says so. `condition` may be empty. */
static void note_dated(struct call *call, struct slice key, const struct slice *fields,
                       size_t count, millis due, struct slice condition)
{
    char digits[NUMBER_INTEGER_MAX];
    struct slice head[4] = { SLICE("HPEXPIREAT"), key, { digits, 0 }, condition };
    size_t head_count = condition.len > 0 ? 4 : 3;

    ledger_changed(call->ledger, key, EVENT_HASH, due < 0 ? "hpersist" : "hexpire");
    ledger_count(call->ledger, count - 1);
    if (due < 0) {
        head[0] = SLICE("HPERSIST");
        head_count = 2;
    } else {
        head[2].len = number_put(digits, due);
    }
    say_fields(call, head, head_count, fields, count, 1);
}

/* Notes that fields are gone, and says so; the hash may be empty now. */
static void note_gone(struct call *call, struct slice key, struct hash *hash,
                      const struct slice *fields, size_t count)
{
    ledger_changed(call->ledger, key, EVENT_HASH, "hdel");
    ledger_count(call->ledger, count - 1);
    say_removed(call, key, fields, count);
    fields_removed(call, key, hash);
}

/* ---- HEXPIRE and kin ---- */

enum condition { ALWAYS, IF_NONE, IF_ANY, IF_LATER, IF_EARLIER };

static enum condition take_condition(struct call *call, struct slice *word)
{
    static const struct slice words[] = { { "", 0 }, { "nx", 2 }, { "xx", 2 }, { "gt", 2 },
                                          { "lt", 2 } };
    static const struct slice said[] = { { "", 0 }, { "NX", 2 }, { "XX", 2 }, { "GT", 2 },
                                         { "LT", 2 } };

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
                        const struct named *named, enum condition condition, struct slice word,
                        millis due)
{
    struct slice *changed = arena_take(call->arena, named->count * sizeof(*changed));
    bool over = is_over(call, due);
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
        note_gone(call, key, hash, changed, count);
        return;
    }
    note_dated(call, key, changed, count, due, word);
    follow_fields(call, key, hash);
}

static enum verdict expire_fields(struct call *call, bool seconds, millis base)
{
    struct slice key = args_next(call->args);
    struct named named = { .step = 1 };
    struct slice word = args_next(call->args);
    struct slice condition_word;
    enum condition condition;
    struct hash *hash;
    millis due;

    if (!read_due(call, word, seconds, base, &due))
        return VERDICT_REFUSED;
    condition = take_condition(call, &condition_word);
    if (!read_named(call, "Parameter `numFields` should be greater than 0", &named))
        return VERDICT_REFUSED;

    enum refusal refusal = find_hash(call, key, LOOK_WRITE, &hash);
    if (refusal != REFUSAL_NONE)
        return call_refuse(call, refusal);
    hash = expire_named(call, key, hash, &named);
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
    struct named named = { .step = 1 };
    struct hash *hash;

    if (!read_named(call, "Number of fields must be a positive integer", &named))
        return VERDICT_REFUSED;

    enum refusal refusal = find_hash(call, key, LOOK_READ, &hash);
    if (refusal != REFUSAL_NONE)
        return call_refuse(call, refusal);
    if (hash == NULL)
        return reply_none(call, &named);
    reply_array(call->reply, named.count);
    for (size_t i = 0; i < named.count; i++) {
        millis value = -2;

        if (hash_has(hash, named.at[i]) &&
            !keyspace_field_is_past(call->keys, hash, named.at[i])) {
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
    struct named named = { .step = 1 };
    struct slice *changed;
    struct hash *hash;
    size_t count = 0;

    if (!read_named(call, "Number of fields must be a positive integer", &named))
        return VERDICT_REFUSED;

    enum refusal refusal = find_hash(call, key, LOOK_WRITE, &hash);
    if (refusal != REFUSAL_NONE)
        return call_refuse(call, refusal);
    hash = expire_named(call, key, hash, &named);
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
        note_dated(call, key, changed, count, -1, SLICE(""));
        follow_fields(call, key, hash);
    }
    return VERDICT_DONE;
}

/* ---- Getting, setting and taking with dates ---- */

/* The options in front of FIELDS. */
struct field_options {
    struct expiry expiry;
    bool          keep;    /* KEEPTTL or PERSIST: what may stand in the expiry's place */
    bool          none_there; /* FNX */
    bool          all_there;  /* FXX */
    bool          no_key;  /* NX */
    bool          a_key;   /* XX */
};

static bool settle_options(struct call *call, struct field_options *options)
{
    struct expiry *expiry = &options->expiry;
    bool seconds = expiry->unit == EXPIRY_SECONDS || expiry->unit == EXPIRY_SECONDS_DATE;
    bool date = expiry->unit == EXPIRY_SECONDS_DATE || expiry->unit == EXPIRY_MILLIS_DATE;

    return expiry->unit == EXPIRY_NONE ||
           read_due(call, expiry->word, seconds, date ? 0 : call->now, &expiry->at);
}

/* Takes one option that stands beside the expiry. */
static bool take_other(struct call *call, struct field_options *options, struct slice keep,
                       bool setting)
{
    struct args *args = call->args;

    if (args_take(args, keep))
        return options->keep = true;
    if (!setting)
        return false;
    if (args_take(args, SLICE("fnx")))
        return options->none_there = true;
    if (args_take(args, SLICE("fxx")))
        return options->all_there = true;
    if (args_take(args, SLICE("nx")))
        return options->no_key = true;
    if (args_take(args, SLICE("xx")))
        return options->a_key = true;
    return false;
}

/* Reads options and FIELDS ...; `keep` is PERSIST or KEEPTTL, in small letters. */
static bool read_options(struct call *call, struct slice keep, bool setting,
                         struct field_options *options, struct named *named)
{
    struct args *args = call->args;

    bool named_fields = false;

    *options = (struct field_options){ .expiry = { .at = -1 } };
    while (args_more(args) && !named_fields) {
        bool dated = options->keep || options->expiry.unit != EXPIRY_NONE;
        struct expiry another = { .at = -1 };
        struct slice word = args_peek(args);

        named_fields = args_take(args, SLICE("fields"));
        if (named_fields)
            break;
        if (expiry_take_option(call, &another) || slice_equal_nocase(word, keep)) {
            if (dated) {
                (void)call_refuse_with(
                    call, "ERR Only one of EX, PX, EXAT, PXAT or %s arguments can be specified",
                    setting ? "KEEPTTL" : "PERSIST");
                return false;
            }
            if (another.unit != EXPIRY_NONE) {
                options->expiry = another;
                continue;
            }
        }
        if (!take_other(call, options, keep, setting)) {
            (void)call_refuse_with(call, "ERR unknown argument: %.*s",
                                   (int)(word.len > 128 ? 128 : word.len), word.at);
            return false;
        }
    }
    if ((options->none_there && options->all_there) || (options->no_key && options->a_key)) {
        (void)call_refuse_with(call, "ERR Only one of %s arguments can be specified",
                               options->none_there ? "FXX or FNX" : "NX or XX");
        return false;
    }
    if (!named_fields) {
        (void)call_refuse_with(call, "ERR missing FIELDS argument");
        return false;
    }
    return read_count(call, "Number of fields must be a positive integer", named) &&
           settle_options(call, options);
}

/* Replies with a field's value or nil; true if it is there. */
static bool reply_value(struct call *call, const struct hash *hash, struct slice field)
{
    struct hash_room room;
    struct slice value;

    if (hash == NULL || !hash_get(hash, field, &room, &value)) {
        reply_nil(call->reply);
        return false;
    }
    reply_bulk(call->reply, value);
    return true;
}

/* Whether HGETEX changes a field that is there, and changes it. */
static bool touch_field(struct call *call, struct hash *hash, struct slice field,
                        const struct field_options *options)
{
    if (options->keep) {
        if (hash_due(hash, field) < 0)
            return false;
        hash_expire_at(hash, call->limits, field, -1);
    } else if (options->expiry.unit == EXPIRY_NONE) {
        return false;
    } else if (is_over(call, options->expiry.at)) {
        (void)hash_remove(hash, field);
    } else {
        hash_expire_at(hash, call->limits, field, options->expiry.at);
    }
    return true;
}

/* HGETEX key [EX s|PX ms|EXAT s|PXAT ms|PERSIST] FIELDS count field [field ...]: the values. */
enum verdict do_hgetex(struct call *call)
{
    struct slice key = args_next(call->args);
    struct named named = { .step = 1 };
    struct field_options options;
    struct slice *changed;
    struct hash *hash;
    size_t count = 0;

    if (!read_options(call, SLICE("persist"), false, &options, &named))
        return VERDICT_REFUSED;

    enum refusal refusal = find_hash(call, key, LOOK_READ, &hash);
    if (refusal != REFUSAL_NONE)
        return call_refuse(call, refusal);
    hash = expire_named(call, key, hash, &named);
    changed = arena_take(call->arena, named.count * sizeof(*changed));
    reply_array(call->reply, named.count);
    for (size_t i = 0; i < named.count; i++) {
        if (reply_value(call, hash, named.at[i]) &&
            touch_field(call, hash, named.at[i], &options))
            changed[count++] = named.at[i];
    }
    if (count == 0)
        return VERDICT_DONE;
    if (!options.keep && is_over(call, options.expiry.at)) {
        note_gone(call, key, hash, changed, count);
        return VERDICT_DONE;
    }
    note_dated(call, key, changed, count, options.keep ? -1 : options.expiry.at, SLICE(""));
    follow_fields(call, key, hash);
    return VERDICT_DONE;
}

/* HGETDEL key FIELDS count field [field ...]: the values of fields, which go. */
enum verdict do_hgetdel(struct call *call)
{
    struct slice key = args_next(call->args);
    struct named named = { .step = 1 };
    struct slice *said;
    struct hash *hash;
    size_t count = 2;

    if (!read_named(call, "Number of fields must be a positive integer", &named))
        return VERDICT_REFUSED;

    enum refusal refusal = find_hash(call, key, LOOK_READ, &hash);
    if (refusal != REFUSAL_NONE)
        return call_refuse(call, refusal);
    hash = expire_named(call, key, hash, &named);
    said = arena_take(call->arena, (named.count + 2) * sizeof(*said));
    said[0] = SLICE("HDEL");
    said[1] = key;
    reply_array(call->reply, named.count);
    for (size_t i = 0; i < named.count; i++) {
        if (reply_value(call, hash, named.at[i])) {
            (void)hash_remove(hash, named.at[i]);
            said[count++] = named.at[i];
        }
    }
    if (count == 2)
        return VERDICT_DONE;
    ledger_changed(call->ledger, key, EVENT_HASH, "hdel");
    ledger_count(call->ledger, count - 3);
    ledger_say(call->ledger, said, count);
    fields_removed(call, key, hash);
    return VERDICT_DONE;
}

/* Whether the conditions of HSETEX hold; `hash` may be NULL. */
static bool may_set(const struct hash *hash, const struct field_options *options,
                    const struct named *named)
{
    if ((options->no_key && hash != NULL) || (options->a_key && hash == NULL))
        return false;
    if (!options->none_there && !options->all_there)
        return true;
    for (size_t i = 0; i < named->count; i++) {
        bool there = hash != NULL && hash_has(hash, named->at[2 * i]);

        if (there == options->none_there)
            return false;
    }
    return true;
}

/* HSETEX with a date that is past: the fields go, if they were there. */
static void set_and_remove(struct call *call, struct slice key, struct hash *hash,
                           const struct named *named)
{
    struct slice *gone = arena_take(call->arena, named->count * sizeof(*gone));
    size_t count = 0;

    for (size_t i = 0; hash != NULL && i < named->count; i++) {
        if (hash_remove(hash, named->at[2 * i]))
            gone[count++] = named->at[2 * i];
    }
    if (count > 0)
        note_gone(call, key, hash, gone, count);
}

static void set_fields(struct call *call, struct slice key, struct hash *hash,
                       const struct field_options *options, const struct named *named)
{
    char digits[NUMBER_INTEGER_MAX];
    struct slice head[4] = { SLICE("HSETEX"), key, SLICE("PXAT"), { digits, 0 } };
    bool dated = options->expiry.unit != EXPIRY_NONE;

    for (size_t i = 0; i < named->count; i++) {
        struct slice field = named->at[2 * i];

        if (options->keep)
            hash_change(hash, call->limits, field, named->at[2 * i + 1]);
        else
            hash_put(hash, call->limits, field, named->at[2 * i + 1]);
        if (dated)
            hash_expire_at(hash, call->limits, field, options->expiry.at);
    }
    ledger_changed(call->ledger, key, EVENT_HASH, "hset");
    ledger_count(call->ledger, named->count - 1);
    follow_fields(call, key, hash);
    if (!dated)
        return;
    ledger_changed(call->ledger, key, EVENT_HASH, "hexpire");
    head[3].len = number_put(digits, options->expiry.at);
    say_fields(call, head, 4, named->at, 2 * named->count, 2);
}

/*
 * HSETEX key [NX|XX] [FNX|FXX] [EX s|PX ms|EXAT s|PXAT ms|KEEPTTL]
 * FIELDS count field value [field value ...]: 1 if all were set, 0 if none.
 */
enum verdict do_hsetex(struct call *call)
{
    struct slice key = args_next(call->args);
    struct named named = { .step = 2 };
    struct field_options options;
    struct hash *hash;

    if (!read_options(call, SLICE("keepttl"), true, &options, &named))
        return VERDICT_REFUSED;

    enum refusal refusal = find_hash(call, key, LOOK_WRITE, &hash);
    if (refusal != REFUSAL_NONE)
        return call_refuse(call, refusal);
    hash = expire_named(call, key, hash, &named);
    if (!may_set(hash, &options, &named)) {
        reply_integer(call->reply, 0);
        return VERDICT_DONE;
    }
    reply_integer(call->reply, 1);
    if (options.expiry.unit != EXPIRY_NONE && is_over(call, options.expiry.at)) {
        set_and_remove(call, key, hash, &named);
        return VERDICT_DONE;
    }
    refusal = find_or_create_hash(call, key, &hash);
    must(refusal == REFUSAL_NONE);
    set_fields(call, key, hash, &options, &named);
    return VERDICT_DONE;
}
