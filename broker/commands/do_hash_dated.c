/*
 * Commands that get, set or take fields of a hash and say in the same breath
 * when they expire: HGETEX, HSETEX, HGETDEL.
 */
#include "handlers.h"

#include "broker/commands/do_expire_private.h"
#include "broker/commands/do_hash_private.h"

/* The options in front of FIELDS. */
struct field_options {
    struct expiry expiry;
    bool keep;       /* KEEPTTL or PERSIST: what may stand in the expiry's place */
    bool none_there; /* FNX */
    bool all_there;  /* FXX */
    bool no_key;     /* NX */
    bool a_key;      /* XX */
};

static bool settle_options(struct call *call, struct field_options *options)
{
    struct expiry *expiry = &options->expiry;
    bool seconds = expiry->unit == EXPIRY_SECONDS || expiry->unit == EXPIRY_SECONDS_DATE;
    bool date = expiry->unit == EXPIRY_SECONDS_DATE || expiry->unit == EXPIRY_MILLIS_DATE;

    return expiry->unit == EXPIRY_NONE ||
           fields_read_due(call, expiry->word, seconds, date ? 0 : call->now, &expiry->at);
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
                         struct field_options *options, struct named_fields *named)
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
    return fields_read_count(call, "Number of fields must be a positive integer", named) &&
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
    } else if (fields_are_over(call, options->expiry.at)) {
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
    struct named_fields named = { .step = 1 };
    struct field_options options;
    struct slice *changed;
    struct hash *hash;
    size_t count = 0;

    if (!read_options(call, SLICE("persist"), false, &options, &named))
        return VERDICT_REFUSED;

    enum refusal refusal = find_hash(call, key, LOOK_READ, &hash);
    if (refusal != REFUSAL_NONE)
        return call_refuse(call, refusal);
    hash = fields_expire(call, key, hash, &named);
    changed = arena_take(call->arena, named.count * sizeof(*changed));
    reply_array(call->reply, named.count);
    for (size_t i = 0; i < named.count; i++) {
        if (reply_value(call, hash, named.at[i]) && touch_field(call, hash, named.at[i], &options))
            changed[count++] = named.at[i];
    }
    if (count == 0)
        return VERDICT_DONE;
    if (!options.keep && fields_are_over(call, options.expiry.at)) {
        fields_note_gone(call, key, hash, changed, count);
        return VERDICT_DONE;
    }
    fields_note_dated(call, key, changed, count, options.keep ? -1 : options.expiry.at, SLICE(""));
    follow_fields(call, key, hash);
    return VERDICT_DONE;
}

/* HGETDEL key FIELDS count field [field ...]: the values of fields, which go. */
enum verdict do_hgetdel(struct call *call)
{
    struct slice key = args_next(call->args);
    struct named_fields named = { .step = 1 };
    struct slice *said;
    struct hash *hash;
    size_t count = 2;

    if (!fields_read(call, "Number of fields must be a positive integer", &named))
        return VERDICT_REFUSED;

    enum refusal refusal = find_hash(call, key, LOOK_READ, &hash);
    if (refusal != REFUSAL_NONE)
        return call_refuse(call, refusal);
    hash = fields_expire(call, key, hash, &named);
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
    fields_name(call, said + 2, count - 2, 1);
    ledger_changed(call->ledger, key, EVENT_HASH, "hdel");
    ledger_count(call->ledger, count - 3);
    ledger_say(call->ledger, said, count);
    fields_removed(call, key, hash);
    return VERDICT_DONE;
}

/* Whether the conditions of HSETEX hold; `hash` may be NULL. */
static bool may_set(const struct hash *hash, const struct field_options *options,
                    const struct named_fields *named)
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
                           const struct named_fields *named)
{
    struct slice *gone = arena_take(call->arena, named->count * sizeof(*gone));
    size_t count = 0;

    for (size_t i = 0; hash != NULL && i < named->count; i++) {
        if (hash_remove(hash, named->at[2 * i]))
            gone[count++] = named->at[2 * i];
    }
    if (count > 0)
        fields_note_gone(call, key, hash, gone, count);
}

static void set_fields(struct call *call, struct slice key, struct hash *hash,
                       const struct field_options *options, const struct named_fields *named)
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
    fields_name(call, named->at, named->count, 2);
    ledger_changed(call->ledger, key, EVENT_HASH, "hset");
    ledger_count(call->ledger, named->count - 1);
    follow_fields(call, key, hash);
    if (!dated)
        return;
    fields_name(call, named->at, named->count, 2);
    ledger_changed(call->ledger, key, EVENT_HASH, "hexpire");
    head[3].len = number_put(digits, options->expiry.at);
    fields_say(call, head, 4, named->at, 2 * named->count, 2);
}

/*
 * HSETEX key [NX|XX] [FNX|FXX] [EX s|PX ms|EXAT s|PXAT ms|KEEPTTL]
 * FIELDS count field value [field value ...]: 1 if all were set, 0 if none.
 */
enum verdict do_hsetex(struct call *call)
{
    struct slice key = args_next(call->args);
    struct named_fields named = { .step = 2 };
    struct field_options options;
    struct hash *hash;

    if (!read_options(call, SLICE("keepttl"), true, &options, &named))
        return VERDICT_REFUSED;

    enum refusal refusal = find_hash(call, key, LOOK_WRITE, &hash);
    if (refusal != REFUSAL_NONE)
        return call_refuse(call, refusal);
    hash = fields_expire(call, key, hash, &named);
    if (!may_set(hash, &options, &named)) {
        reply_integer(call->reply, 0);
        return VERDICT_DONE;
    }
    reply_integer(call->reply, 1);
    if (options.expiry.unit != EXPIRY_NONE && fields_are_over(call, options.expiry.at)) {
        set_and_remove(call, key, hash, &named);
        return VERDICT_DONE;
    }
    refusal = find_or_create_hash(call, key, &hash);
    must(refusal == REFUSAL_NONE);
    set_fields(call, key, hash, &options, &named);
    return VERDICT_DONE;
}
