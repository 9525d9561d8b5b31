/*
 * Writing to streams: XADD, XTRIM, XDEL, XSETID.
 *
 * What is told to replicas and the AOF must not depend on the clock or on how
 * segments happen to lie: a chosen ID is told as it was chosen, an approximate
 * trim as the exact one that leaves the same entries.
 */
#include "handlers.h"

#include <stdlib.h>

#include "broker/commands/do_stream_private.h"
#include "storage/base/digest.h"
#include "streams/producers.h"
#include "streams/trim.h"

/* How a stream is to be trimmed, and where that stands in the words. */
struct trim_words {
    struct trim trim;
    size_t      operator_at;  /* of "~", 0 if there is none */
    size_t      threshold_at;
    size_t      limit_at;     /* of LIMIT, 0 if there is none */
    int64_t     limit;
    bool        has_rule;     /* what becomes of references was said */
    size_t      left_out_at;  /* of words that are not told: IDMP and what follows it */
    size_t      left_out;     /* how many */
};

/* Takes what follows MAXLEN or MINID. */
static enum refusal next_threshold(struct args *args, enum trim_rule rule, struct trim_words *words)
{
    int64_t length;

    if (words->trim.rule != TRIM_NOTHING)
        return REFUSAL_STREAM_TWO_TRIMS;
    if (!args_more(args))
        return REFUSAL_SYNTAX;
    words->trim.rule = rule;
    if (args_left(args) > 1) {
        words->operator_at = args_position(args);
        if (args_take(args, SLICE("~")))
            words->trim.approximate = true;
        else if (!args_take(args, SLICE("=")))
            words->operator_at = 0;
    }
    words->threshold_at = args_position(args);
    if (rule == TRIM_MINID)
        return next_entry_id(args, &words->trim.min_id) ? REFUSAL_NONE : REFUSAL_STREAM_BAD_ID;
    if (!args_next_integer(args, &length))
        return REFUSAL_NOT_INTEGER;
    if (length < 0)
        return REFUSAL_STREAM_MAXLEN;
    words->trim.max_length = (uint64_t)length;
    return REFUSAL_NONE;
}

static enum refusal next_limit(struct args *args, struct trim_words *words)
{
    words->limit_at = args_position(args) - 1;
    if (!args_next_integer(args, &words->limit))
        return REFUSAL_NOT_INTEGER;
    return words->limit < 0 ? REFUSAL_STREAM_LIMIT : REFUSAL_NONE;
}

/* Takes one option of trimming; `found` tells whether there was one. */
static enum refusal next_trim_option(struct args *args, struct trim_words *words, bool *found)
{
    *found = true;
    if (take_reference_rule(args, &words->trim.references)) {
        if (words->has_rule)
            return REFUSAL_SYNTAX;
        words->has_rule = true;
        return REFUSAL_NONE;
    }
    if (args_left(args) > 1) {
        if (args_take(args, SLICE("maxlen")))
            return next_threshold(args, TRIM_MAXLEN, words);
        if (args_take(args, SLICE("minid")))
            return next_threshold(args, TRIM_MINID, words);
        if (args_take(args, SLICE("limit")))
            return next_limit(args, words);
    }
    *found = false;
    return REFUSAL_NONE;
}

/* Whether the options of trimming go together; sets the limit that is meant. */
static enum refusal complete_trim(const struct call *call, struct trim_words *words)
{
    if (words->limit_at != 0 && words->trim.rule == TRIM_NOTHING)
        return REFUSAL_STREAM_LIMIT_ALONE;
    if (words->limit_at != 0 && !words->trim.approximate)
        return REFUSAL_STREAM_LIMIT_EXACT;
    if (words->limit_at != 0)
        words->trim.limit = (uint64_t)words->limit;
    else if (words->trim.approximate)
        words->trim.limit = trim_usual_limit(call->limits);
    return REFUSAL_NONE;
}

/*
 * Copies the request's words with an approximate trim made exact: "=", a
 * threshold that leaves what is there now, no LIMIT. Where entries stay that
 * something refers to, only their number tells what is left. Returns how many
 * words. `id_at` is the index of a new entry's ID, 0 if there is none; it is
 * moved along.
 */
static size_t exact_words(const struct call *call, const struct stream *stream,
                          const struct trim_words *trim, struct word_text *threshold,
                          struct slice *to, size_t *id_at)
{
    const struct args *args = call->args;
    bool by_length =
        trim->trim.rule == TRIM_MAXLEN || trim->trim.references == REFERENCE_NONE;
    size_t count = 0;
    size_t new_id_at = *id_at;

    for (size_t i = 0; i < args->count; i++) {
        if (trim->trim.approximate && trim->limit_at != 0 &&
            (i == trim->limit_at || i == trim->limit_at + 1))
            continue;
        if (i - trim->left_out_at < trim->left_out)
            continue;
        if (i == *id_at)
            new_id_at = count;
        to[count++] = args->words[i];
        if (!trim->trim.approximate)
            continue;
        if (i == trim->operator_at)
            to[count - 1] = SLICE("=");
        else if (by_length && i + 1 == trim->operator_at)
            to[count - 1] = SLICE("MAXLEN");
        else if (i == trim->threshold_at && by_length)
            to[count - 1] = number_word((int64_t)stream_length(stream), threshold);
        else if (i == trim->threshold_at && stream_length(stream) > 0)
            to[count - 1] = id_word(stream_first_id(stream), threshold);
    }
    *id_at = new_id_at;
    return count;
}

/* Tells an XADD or XTRIM with what was chosen in it; `id` is NULL for XTRIM. */
static void say_exactly(struct call *call, const struct stream *stream,
                        const struct trim_words *trim, size_t id_at, const struct entry_id *id)
{
    struct word_text threshold, id_text;
    struct slice *words;
    size_t count;

    if (!ledger_heard_by(call->ledger, LISTENER_FEED))
        return;
    words = arena_take(call->arena, call->args->count * sizeof(struct slice));
    count = exact_words(call, stream, trim, &threshold, words, &id_at);
    if (id != NULL)
        words[id_at] = id_word(*id, &id_text);
    ledger_say(call->ledger, words, count);
}

/* What XADD is told before the fields. */
struct add_words {
    struct trim_words  trim;
    bool               only_existing;
    size_t             id_at;
    enum entry_id_wish wish;
    struct entry_id    wished;
    bool               idempotent; /* a message that was sent before is not added again */
    bool               by_content; /* it is known by its fields and values, not by a name */
    struct slice       producer;
    struct slice       message;
    unsigned char      digest[DIGEST_SHA256_SIZE];
};

/* Takes what follows IDMP or IDMPAUTO. */
static enum refusal next_idempotence(struct args *args, struct add_words *words, bool by_content)
{
    if (words->idempotent)
        return REFUSAL_STREAM_TWO_IDMP;
    if (args_left(args) < (by_content ? 1u : 2u))
        return REFUSAL_SYNTAX;
    words->idempotent = true;
    words->by_content = by_content;
    words->trim.left_out_at = args_position(args) - 1;
    words->trim.left_out = by_content ? 2 : 3;
    words->producer = args_next(args);
    if (!by_content)
        words->message = args_next(args);
    if (words->producer.len == 0)
        return by_content ? REFUSAL_STREAM_IDMPAUTO_NO_PRODUCER : REFUSAL_STREAM_IDMP_NO_PRODUCER;
    return by_content || words->message.len > 0 ? REFUSAL_NONE : REFUSAL_STREAM_IDMP_NO_MESSAGE;
}

/* Reads the options of XADD and the ID behind them. */
static enum refusal read_add(struct call *call, struct add_words *words)
{
    struct args *args = call->args;

    while (args_more(args)) {
        bool found;
        enum refusal refusal = next_trim_option(args, &words->trim, &found);

        if (refusal != REFUSAL_NONE)
            return refusal;
        if (found)
            continue;
        if (args_take(args, SLICE("nomkstream"))) {
            words->only_existing = true;
            continue;
        }
        if (args_take(args, SLICE("idmp")) || args_take(args, SLICE("idmpauto"))) {
            bool by_content = args->words[args_position(args) - 1].len > 4;

            refusal = next_idempotence(args, words, by_content);
            if (refusal != REFUSAL_NONE)
                return refusal;
            continue;
        }
        words->id_at = args_position(args);
        if (!entry_id_read_wish(args_next(args), &words->wish, &words->wished))
            return REFUSAL_STREAM_BAD_ID;
        if (words->idempotent && words->wish != ENTRY_ID_NEXT)
            return REFUSAL_STREAM_IDMP_ID;
        return complete_trim(call, &words->trim);
    }
    return complete_trim(call, &words->trim);
}

/* A field with its value. */
struct pair {
    struct slice field;
    struct slice value;
};

static int compare_pairs(const void *a, const void *b)
{
    const struct pair *one = a, *other = b;
    int order = slice_compare(one->field, other->field);

    return order != 0 ? order : slice_compare(one->value, other->value);
}

/*
 * Names a message by what is in it, in whichever order its fields come: the
 * length of every word, and the word, of the pairs in order.
 */
static void name_by_content(struct call *call, struct add_words *words, const struct slice *fields,
                            size_t count)
{
    struct pair *pairs = arena_take(call->arena, count / 2 * sizeof(*pairs));
    struct buffer content = { 0 };

    for (size_t i = 0; i < count / 2; i++)
        pairs[i] = (struct pair){ fields[2 * i], fields[2 * i + 1] };
    qsort(pairs, count / 2, sizeof(*pairs), compare_pairs);
    for (size_t i = 0; i < count; i++) {
        struct slice word = i % 2 == 0 ? pairs[i / 2].field : pairs[i / 2].value;
        uint64_t len = word.len;

        buffer_add(&content, slice_of((const char *)&len, sizeof(len)));
        buffer_add(&content, word);
    }
    digest_sha256(buffer_slice(&content), words->digest);
    buffer_clear(&content);
    words->message = slice_of((const char *)words->digest, sizeof(words->digest));
}

/* The time up to which messages are forgotten: what is left out of a stream's duration. */
static millis known_since(const struct call *call, const struct stream *stream)
{
    return call->now - 1000 * (millis)idmp_duration(call, stream);
}

/* Whether a message came before; `id` is then that of its entry. */
static bool came_before(const struct call *call, const struct stream *stream,
                        const struct add_words *words, struct entry_id *id)
{
    struct producers *producers = stream_producers(stream);

    return producers != NULL && producers_find(producers, words->producer, words->message,
                                               known_since(call, stream), id);
}

/* Remembers a message, and tells so: the log has no "*" by which it could be known again. */
static void remember_message(struct call *call, struct slice key, struct stream *stream,
                             const struct add_words *words, struct entry_id id)
{
    struct word_text text;
    struct slice said[] = { SLICE("XIDMPRECORD"), key, words->producer, words->message,
                            id_word(id, &text) };

    producers_record(stream_make_producers(stream), words->producer, words->message, id,
                     idmp_maxsize(call, stream));
    ledger_say(call->ledger, said, sizeof(said) / sizeof(*said));
}

/* Why an entry cannot be added that found no ID. */
static enum refusal why_no_id(const struct stream *stream)
{
    return stream != NULL && entry_id_equal(stream_last_id(stream), ENTRY_ID_MAX)
               ? REFUSAL_STREAM_EXHAUSTED
               : REFUSAL_STREAM_ID_SMALL;
}

/* Appends the entry whose words are left, trims as was said, and tells of both. */
static void add_entry(struct call *call, struct slice key, struct stream *stream,
                      const struct add_words *words, struct entry_id id)
{
    const struct slice *fields = call->args->words + args_position(call->args);
    struct discard discard = DISCARD_NONE;
    struct retention_step step = { .discard = &discard };
    struct trim trim = words->trim.trim;
    uint64_t trimmed;

    stream_append(stream, id, fields, args_left(call->args) / 2, call->limits);
    trim.discard = &discard;
    trimmed = trim_apply(stream, &trim);

    ledger_changed(call->ledger, key, EVENT_STREAM, "xadd");
    if (trimmed > 0)
        ledger_followed(call->ledger, key, EVENT_STREAM, "xtrim");
    if (words->wish != ENTRY_ID_EXACTLY || words->trim.trim.approximate ||
        retention_is_set(stream))
        say_exactly(call, stream, &words->trim, words->id_at, &id);
    if (words->idempotent)
        remember_message(call, key, stream, words, id);
    if (retention_is_set(stream)) {
        entries_leave(call, stream, &step);
        entries_tell_left(call, key, stream, &step);
    }
    free_discarded(call, &discard);
}

/* XADD key [NOMKSTREAM] [KEEPREF|DELREF|ACKED] [IDMPAUTO pid | IDMP pid iid]
   [MAXLEN|MINID [=|~] threshold [LIMIT n]] *|id field value [...] */
enum verdict do_xadd(struct call *call)
{
    struct slice key = args_next(call->args);
    struct add_words words = { .id_at = 0 };
    enum refusal refusal = read_add(call, &words);
    size_t field_words = args_left(call->args);
    const struct slice *fields = call->args->words + args_position(call->args);
    struct stream *stream;
    struct entry_id id;

    if (refusal != REFUSAL_NONE)
        return call_refuse(call, refusal);
    if (words.id_at == 0 || field_words == 0 || field_words % 2 != 0)
        return call_refuse_arity(call);
    if (words.wish == ENTRY_ID_EXACTLY && entry_id_is_zero(words.wished))
        return call_refuse(call, REFUSAL_STREAM_ID_ZERO);

    refusal = find_stream(call, key, LOOK_WRITE, &stream);
    if (refusal != REFUSAL_NONE)
        return call_refuse(call, refusal);
    if (stream == NULL && words.only_existing) {
        reply_nil(call->reply);
        return VERDICT_DONE;
    }
    if (words.by_content)
        name_by_content(call, &words, fields, field_words);
    if (words.idempotent && stream != NULL && came_before(call, stream, &words, &id)) {
        reply_entry_id(call->reply, id);
        return VERDICT_DONE;
    }
    if (!entry_id_choose(words.wish, words.wished,
                         stream != NULL ? stream_last_id(stream) : ENTRY_ID_MIN,
                         (uint64_t)call->now, &id))
        return call_refuse(call, why_no_id(stream));
    if (!stream_fits(fields, field_words / 2))
        return call_refuse(call, REFUSAL_STREAM_TOO_LARGE);

    if (stream == NULL)
        stream = create_stream(call, key);
    add_entry(call, key, stream, &words, id);
    reply_entry_id(call->reply, id);
    return VERDICT_DONE;
}

/* XTRIM key MAXLEN|MINID [=|~] threshold [LIMIT n] [KEEPREF|DELREF|ACKED] */
enum verdict do_xtrim(struct call *call)
{
    struct slice key = args_next(call->args);
    struct trim_words words = { .limit = 0 };
    struct discard discard = DISCARD_NONE;
    struct stream *stream;
    enum refusal refusal;
    uint64_t trimmed = 0;

    while (args_more(call->args)) {
        bool found;

        refusal = next_trim_option(call->args, &words, &found);
        if (refusal == REFUSAL_NONE && !found)
            refusal = REFUSAL_SYNTAX;
        if (refusal != REFUSAL_NONE)
            return call_refuse(call, refusal);
    }
    refusal = complete_trim(call, &words);
    if (refusal == REFUSAL_NONE && words.trim.rule == TRIM_NOTHING)
        refusal = REFUSAL_STREAM_NO_TRIM;
    if (refusal == REFUSAL_NONE)
        refusal = find_stream(call, key, LOOK_WRITE, &stream);
    if (refusal != REFUSAL_NONE)
        return call_refuse(call, refusal);

    words.trim.discard = &discard;
    if (stream != NULL)
        trimmed = trim_apply(stream, &words.trim);
    free_discarded(call, &discard);

    if (trimmed > 0) {
        ledger_changed(call->ledger, key, EVENT_STREAM, "xtrim");
        ledger_count(call->ledger, trimmed - 1);
        if (words.trim.approximate)
            say_exactly(call, stream, &words, 0, NULL);
    }
    reply_integer(call->reply, (int64_t)trimmed);
    return VERDICT_DONE;
}

/* XDEL key id [id ...]: how many entries there were and now are not. */
enum verdict do_xdel(struct call *call)
{
    struct slice key = args_next(call->args);
    size_t first_id = args_position(call->args);
    struct stream *stream;
    struct entry_id id;
    uint64_t deleted = 0;
    enum refusal refusal = find_stream(call, key, LOOK_WRITE, &stream);

    if (refusal != REFUSAL_NONE)
        return call_refuse(call, refusal);
    if (stream == NULL) {
        reply_integer(call->reply, 0);
        return VERDICT_DONE;
    }
    /* Every ID is read before any entry is deleted: a bad one changes nothing. */
    while (args_more(call->args)) {
        if (!next_entry_id(call->args, &id))
            return call_refuse(call, REFUSAL_STREAM_BAD_ID);
    }

    args_rewind(call->args, first_id);
    while (args_more(call->args)) {
        if (next_entry_id(call->args, &id) && stream_delete(stream, id))
            deleted++;
    }

    if (deleted > 0) {
        ledger_changed(call->ledger, key, EVENT_STREAM, "xdel");
        ledger_count(call->ledger, deleted - 1);
    }
    reply_integer(call->reply, (int64_t)deleted);
    return VERDICT_DONE;
}

/* What XSETID is to set. */
struct setid_words {
    struct entry_id last_id;
    struct entry_id max_deleted;
    int64_t         added; /* -1: as it is */
    bool            sets_deleted;
};

static enum refusal read_setid(struct args *args, struct setid_words *words)
{
    if (!next_entry_id(args, &words->last_id))
        return REFUSAL_STREAM_BAD_ID;
    while (args_more(args)) {
        if (args_left(args) < 2)
            return REFUSAL_SYNTAX;
        if (args_take(args, SLICE("entriesadded"))) {
            if (!args_next_integer(args, &words->added))
                return REFUSAL_NOT_INTEGER;
            if (words->added < 0)
                return REFUSAL_STREAM_ADDED_NEGATIVE;
        } else if (args_take(args, SLICE("maxdeletedid"))) {
            if (!next_entry_id(args, &words->max_deleted))
                return REFUSAL_STREAM_BAD_ID;
            if (entry_id_compare(words->last_id, words->max_deleted) < 0)
                return REFUSAL_STREAM_SETID_DELETED_GIVEN;
            words->sets_deleted = true;
        } else {
            return REFUSAL_SYNTAX;
        }
    }
    return REFUSAL_NONE;
}

/* Whether a stream can be set so. */
static enum refusal check_setid(const struct stream *stream, const struct setid_words *words)
{
    struct entry last;

    if (entry_id_compare(words->last_id, stream_max_deleted(stream)) < 0)
        return REFUSAL_STREAM_SETID_DELETED;
    if (!stream_last(stream, &last))
        return REFUSAL_NONE;
    if (entry_id_compare(words->last_id, last.id) < 0)
        return REFUSAL_STREAM_SETID_TOP;
    if (words->added >= 0 && stream_length(stream) > (uint64_t)words->added)
        return REFUSAL_STREAM_SETID_ADDED;
    return REFUSAL_NONE;
}

/* XSETID key last-id [ENTRIESADDED n] [MAXDELETEDID id] */
enum verdict do_xsetid(struct call *call)
{
    struct slice key = args_next(call->args);
    struct setid_words words = { .added = -1 };
    struct stream *stream = NULL;
    enum refusal refusal = read_setid(call->args, &words);

    if (refusal == REFUSAL_NONE)
        refusal = find_stream(call, key, LOOK_WRITE, &stream);
    if (refusal == REFUSAL_NONE && stream == NULL)
        refusal = REFUSAL_NO_SUCH_KEY;
    if (refusal == REFUSAL_NONE)
        refusal = check_setid(stream, &words);
    if (refusal != REFUSAL_NONE)
        return call_refuse(call, refusal);

    stream_set_last_id(stream, words.last_id);
    if (words.added >= 0)
        stream_set_entries_added(stream, (uint64_t)words.added);
    if (words.sets_deleted && !entry_id_is_zero(words.max_deleted))
        stream_set_max_deleted(stream, words.max_deleted);

    note_beside_entries(call, key, "xsetid");
    reply_ok(call->reply);
    return VERDICT_DONE;
}
