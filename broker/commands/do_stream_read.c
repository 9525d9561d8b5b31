/*
 * Reading streams: XLEN, XRANGE, XREVRANGE, XREAD, XREADGROUP.
 *
 * XREAD and XREADGROUP are one reading of words and two ways to serve a stream.
 * Where nothing is to be served they wait; "$" and "+" are then replaced by the
 * ID they meant, so that they mean the same when the words are run again.
 */
#include "handlers.h"

#include "broker/commands/do_stream_private.h"
#include "streams/cursor.h"
#include "streams/deliver.h"

/* XLEN key */
enum verdict do_xlen(struct call *call)
{
    struct stream *stream;
    enum refusal refusal = find_stream(call, args_next(call->args), LOOK_READ, &stream);

    if (refusal != REFUSAL_NONE)
        return call_refuse(call, refusal);
    reply_integer(call->reply, stream != NULL ? (int64_t)stream_length(stream) : 0);
    return VERDICT_DONE;
}

static enum verdict read_range(struct call *call, bool reverse)
{
    struct slice key = args_next(call->args);
    struct entry_id from = ENTRY_ID_MIN, to = ENTRY_ID_MAX;
    int64_t count = -1;
    struct stream *stream;
    enum refusal refusal;

    refusal = reverse ? next_range_end(call->args, &to) : next_range_start(call->args, &from);
    if (refusal == REFUSAL_NONE)
        refusal = reverse ? next_range_start(call->args, &from) : next_range_end(call->args, &to);
    if (refusal != REFUSAL_NONE)
        return call_refuse(call, refusal);
    while (args_more(call->args)) {
        if (!args_take(call->args, SLICE("count")) || !args_more(call->args))
            return call_refuse(call, REFUSAL_SYNTAX);
        if (!args_next_integer(call->args, &count))
            return call_refuse(call, REFUSAL_NOT_INTEGER);
        if (count < 0)
            count = 0;
    }
    refusal = find_stream(call, key, LOOK_READ, &stream);
    if (refusal != REFUSAL_NONE)
        return call_refuse(call, refusal);

    if (stream == NULL)
        reply_array(call->reply, 0);
    else if (count == 0)
        reply_nil_array(call->reply);
    else
        reply_entries(call->reply, stream, from, to, count < 0 ? 0 : (uint64_t)count, reverse);
    return VERDICT_DONE;
}

/* XRANGE key start end [COUNT n] */
enum verdict do_xrange(struct call *call)
{
    return read_range(call, false);
}

/* XREVRANGE key end start [COUNT n] */
enum verdict do_xrevrange(struct call *call)
{
    return read_range(call, true);
}

/* ---- XREAD and XREADGROUP ---- */

/* One stream to be read. */
struct reading {
    struct slice    key;
    struct stream  *stream; /* NULL: there is none */
    struct group   *group;
    struct entry_id after;
    bool            only_new; /* ">": what the group has not read */
    bool            last;     /* "+": the last entry there is */
};

/* What the words say. */
struct read_words {
    bool            as_group;
    struct slice    group;
    struct slice    consumer;
    uint64_t        count; /* 0: all */
    millis          block; /* -1: it does not wait */
    bool            no_ack;
    size_t          keys_at;
    size_t          streams; /* 0: there was no STREAMS */
    struct reading *readings;
};

static enum refusal next_block(struct args *args, millis now, millis *block)
{
    if (!args_next_integer(args, block))
        return REFUSAL_TIMEOUT_INTEGER;
    if (*block < 0)
        return REFUSAL_TIMEOUT_NEGATIVE;
    return *block > INT64_MAX - now ? REFUSAL_TIMEOUT_RANGE : REFUSAL_NONE;
}

/* Takes one option; found is false if the next word is none. */
static enum refusal next_read_option(struct call *call, struct read_words *words, bool *found)
{
    struct args *args = call->args;
    size_t left = args_left(args);
    int64_t count;

    *found = true;
    if (left > 1 && args_take(args, SLICE("block")))
        return next_block(args, call->now, &words->block);
    if (left > 1 && args_take(args, SLICE("count"))) {
        if (!args_next_integer(args, &count))
            return REFUSAL_NOT_INTEGER;
        words->count = count < 0 ? 0 : (uint64_t)count;
        return REFUSAL_NONE;
    }
    if (left > 2 && args_take(args, SLICE("group"))) {
        if (!words->as_group)
            return REFUSAL_STREAM_GROUP_ONLY;
        words->group = args_next(args);
        words->consumer = args_next(args);
        return REFUSAL_NONE;
    }
    if (args_take(args, SLICE("noack"))) {
        words->no_ack = true;
        return words->as_group ? REFUSAL_NONE : REFUSAL_STREAM_NOACK_ONLY;
    }
    *found = false;
    return REFUSAL_NONE;
}

/* Reads everything up to the keys. */
static enum refusal read_options(struct call *call, struct read_words *words)
{
    while (args_more(call->args)) {
        bool found;
        enum refusal refusal = next_read_option(call, words, &found);

        if (refusal != REFUSAL_NONE)
            return refusal;
        if (found)
            continue;
        if (args_left(call->args) < 2 || !args_take(call->args, SLICE("streams")))
            return REFUSAL_SYNTAX;
        if (args_left(call->args) % 2 != 0)
            return REFUSAL_STREAM_UNBALANCED;
        words->keys_at = args_position(call->args);
        words->streams = args_left(call->args) / 2;
        break;
    }
    if (words->streams == 0)
        return REFUSAL_SYNTAX;
    if (words->as_group && words->group.at == NULL)
        return REFUSAL_STREAM_NO_GROUP_WORD;
    return REFUSAL_NONE;
}

/* Reads the ID from which a stream is to be read on. */
static enum refusal read_place(struct call *call, const struct read_words *words, struct slice word,
                               size_t at, struct reading *reading)
{
    struct word_text text;

    if (slice_equal(word, SLICE("$")) || (!words->as_group && slice_equal(word, SLICE("+")))) {
        if (words->as_group)
            return REFUSAL_STREAM_LAST_MEANINGLESS;
        reading->last = word.at[0] == '+';
        if (reading->stream != NULL)
            reading->after = stream_last_id(reading->stream);
        if (words->block >= 0)
            call_rewrite_word(call, at, id_word(reading->after, &text));
        return REFUSAL_NONE;
    }
    if (slice_equal(word, SLICE(">"))) {
        reading->only_new = true;
        return words->as_group ? REFUSAL_NONE : REFUSAL_STREAM_NEW_ONLY_GROUP;
    }
    return entry_id_read(word, 0, &reading->after) ? REFUSAL_NONE : REFUSAL_STREAM_BAD_ID;
}

/* Finds all streams, and groups, before any of them is read: VERDICT_DONE, or it has refused. */
static enum verdict find_readings(struct call *call, struct read_words *words)
{
    const struct slice *keys = call->args->words + words->keys_at;

    words->readings = arena_take(call->arena, words->streams * sizeof(struct reading));
    for (size_t i = 0; i < words->streams; i++) {
        struct reading *reading = &words->readings[i];
        size_t id_at = words->keys_at + words->streams + i;
        enum refusal refusal;

        *reading = (struct reading){ .key = keys[i] };
        refusal = find_stream(call, keys[i], words->as_group ? LOOK_WRITE : LOOK_READ,
                              &reading->stream);
        if (refusal != REFUSAL_NONE)
            return call_refuse(call, refusal);
        if (words->as_group) {
            if (reading->stream != NULL)
                reading->group = stream_find_group(reading->stream, words->group);
            if (reading->stream == NULL && call->again)
                return call_refuse(call, REFUSAL_STREAM_GONE);
            if (reading->group == NULL)
                return refuse_no_group(call, keys[i], words->group,
                                       " in XREADGROUP with GROUP option");
        }
        refusal = read_place(call, words, call->args->words[id_at], id_at, reading);
        if (refusal != REFUSAL_NONE)
            return call_refuse(call, refusal);
    }
    return VERDICT_DONE;
}

/* The answer, begun only when there is something in it. */
struct read_answer {
    struct outbox_hole hole;
    size_t             streams;
};

static void begin_stream(struct call *call, struct read_answer *answer, struct slice key)
{
    if (answer->streams++ == 0)
        answer->hole = reply_open(call->reply);
    if (!call->reply->resp3)
        reply_array(call->reply, 2);
    reply_bulk(call->reply, key);
}

static void end_answer(struct call *call, const struct read_answer *answer)
{
    if (call->reply->resp3)
        reply_close_map(call->reply, answer->hole, answer->streams);
    else
        reply_close_array(call->reply, answer->hole, answer->streams);
}

static void serve_reader(struct call *call, const struct read_words *words,
                         const struct reading *reading, struct read_answer *answer)
{
    struct entry_id from = reading->after;
    uint64_t most = words->count == 0 ? UINT64_MAX : words->count;
    struct outbox_hole hole;
    struct cursor cursor;
    struct entry entry;
    size_t shown = 0;

    if (reading->stream == NULL)
        return;
    if (reading->last) {
        if (stream_last(reading->stream, &entry)) {
            begin_stream(call, answer, reading->key);
            reply_array(call->reply, 1);
            reply_entry(call->reply, &entry);
        }
        return;
    }
    if (!entry_id_step(&from) || entry_id_compare(from, stream_last_id(reading->stream)) > 0)
        return;
    cursor_begin(&cursor, reading->stream, from, ENTRY_ID_MAX);
    if (!cursor_next(&cursor, &entry))
        return;
    begin_stream(call, answer, reading->key);
    hole = reply_open(call->reply);
    do {
        reply_entry(call->reply, &entry);
        shown++;
    } while (shown < most && cursor_next(&cursor, &entry));
    reply_close_array(call->reply, hole, shown);
}

/* The consumer of this name, added if it is new. */
static struct consumer *meet_consumer(struct call *call, const struct read_words *words,
                                      const struct reading *reading)
{
    struct consumer *consumer = group_find_consumer(reading->group, words->consumer);

    if (consumer == NULL) {
        consumer = group_add_consumer(reading->group, words->consumer, call->now);
        note_beside_entries(call, reading->key, "xgroup-createconsumer");
        say_consumer(call, reading->key, reading->group, consumer);
    }
    consumer->seen_at = call->now;
    return consumer;
}

static void serve_history(struct call *call, const struct read_words *words,
                          const struct reading *reading, struct read_answer *answer)
{
    struct deliver_setup setup = { .stream = reading->stream,
                                   .group = reading->group,
                                   .consumer = meet_consumer(call, words, reading),
                                   .now = call->now,
                                   .count = words->count };
    struct deliver deliver;
    struct deliver_past past;
    struct claim_words said;
    struct outbox_hole hole;
    size_t shown = 0;

    begin_stream(call, answer, reading->key);
    hole = reply_open(call->reply);
    say_claims_begin(&said, call, reading->key, reading->group, words->consumer, words->count);
    deliver_history_begin(&deliver, &setup, reading->after);
    while (deliver_history_next(&deliver, &past)) {
        shown++;
        if (past.exists) {
            reply_entry(call->reply, &past.entry);
            say_claim(&said, &past.delivery);
            ledger_count(call->ledger, 1);
        } else {
            reply_array(call->reply, 2);
            reply_entry_id(call->reply, past.delivery.id);
            reply_nil_array(call->reply);
        }
    }
    say_claims_end(&said);
    reply_close_array(call->reply, hole, shown);
}

static void serve_new(struct call *call, const struct read_words *words,
                      const struct reading *reading, struct read_answer *answer)
{
    struct deliver_setup setup = { .stream = reading->stream,
                                   .group = reading->group,
                                   .now = call->now,
                                   .count = words->count,
                                   .no_ack = words->no_ack };
    struct deliver deliver;
    struct claim_words said = { .words = NULL };
    struct outbox_hole hole;
    struct entry entry;
    size_t shown = 0;

    if (!deliver_begin(&deliver, &setup))
        return;
    deliver_to(&deliver, meet_consumer(call, words, reading));
    begin_stream(call, answer, reading->key);
    hole = reply_open(call->reply);
    if (!words->no_ack)
        say_claims_begin(&said, call, reading->key, reading->group, words->consumer,
                         words->count);
    while (deliver_next(&deliver, &entry)) {
        struct delivery delivery = { .id = entry.id, .delivered_at = call->now, .times = 1 };

        shown++;
        reply_entry(call->reply, &entry);
        say_claim(&said, &delivery);
    }
    say_claims_end(&said);
    ledger_count(call->ledger, shown);
    if (words->no_ack)
        say_group_place(call, reading->key, reading->group);
    reply_close_array(call->reply, hole, shown);
}

static enum verdict wait_for_entries(struct call *call, const struct read_words *words)
{
    struct wait wait = { .keys = call->args->words + words->keys_at,
                         .count = words->streams,
                         .kind = VALUE_STREAM,
                         .lane = words->group,
                         .shared = !words->as_group,
                         .on_gone = words->as_group,
                         .timeout = words->block,
                         .nil_array = true };

    if (words->block >= 0)
        return call_wait(call, &wait);
    reply_nil_array(call->reply);
    return VERDICT_DONE;
}

static enum verdict read_streams(struct call *call, bool as_group)
{
    struct read_words words = { .as_group = as_group, .block = -1 };
    struct read_answer answer = { .streams = 0 };
    enum refusal refusal;
    enum verdict verdict;

    refusal = read_options(call, &words);
    if (refusal != REFUSAL_NONE)
        return call_refuse(call, refusal);
    verdict = find_readings(call, &words);
    if (verdict != VERDICT_DONE)
        return verdict;

    for (size_t i = 0; i < words.streams; i++) {
        const struct reading *reading = &words.readings[i];

        if (!as_group)
            serve_reader(call, &words, reading, &answer);
        else if (reading->only_new)
            serve_new(call, &words, reading, &answer);
        else
            serve_history(call, &words, reading, &answer);
    }

    if (answer.streams == 0)
        return wait_for_entries(call, &words);
    end_answer(call, &answer);
    return VERDICT_DONE;
}

/* XREAD [COUNT n] [BLOCK ms] STREAMS key [key ...] id [id ...] */
enum verdict do_xread(struct call *call)
{
    return read_streams(call, false);
}

/* XREADGROUP GROUP group consumer [COUNT n] [BLOCK ms] [NOACK] STREAMS key [key ...] id [id ...] */
enum verdict do_xreadgroup(struct call *call)
{
    return read_streams(call, true);
}
