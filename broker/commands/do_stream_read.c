/*
 * Reading on: XREAD, XREADGROUP.
 *
 * XREAD and XREADGROUP are one reading of words and two ways to serve a stream.
 * Where nothing is to be served they wait; "$" and "+" are then replaced by the
 * ID they meant, so that they mean the same when the words are run again.
 */
#include "handlers.h"

#include "broker/commands/do_stream_private.h"
#include "streams/claim.h"
#include "streams/cursor.h"
#include "streams/deliver.h"

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
    uint64_t        count; /* of each stream; 0: all */
    uint64_t        max_count; /* of all streams together */
    uint64_t        max_size;  /* bytes of IDs, fields and values, of all streams together */
    millis          block; /* -1: it does not wait */
    millis          min_idle;
    bool            claims; /* what was idle for so long is read before what is new */
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

/* Takes the value of MAXCOUNT or MAXSIZE. */
static enum refusal next_budget(struct args *args, uint64_t *most)
{
    int64_t value;

    if (!args_next_integer(args, &value))
        return REFUSAL_NOT_INTEGER;
    if (value <= 0)
        return REFUSAL_NOT_POSITIVE;
    *most = (uint64_t)value;
    return REFUSAL_NONE;
}

static enum refusal next_min_idle(struct call *call, struct read_words *words)
{
    if (!words->as_group)
        return REFUSAL_STREAM_CLAIM_ONLY;
    words->claims = true;
    if (!args_next_integer(call->args, &words->min_idle))
        return REFUSAL_STREAM_IDLE_INTEGER;
    return words->min_idle < 0 ? REFUSAL_STREAM_IDLE_NEGATIVE : REFUSAL_NONE;
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
    if (left > 1 && args_take(args, SLICE("maxcount")))
        return next_budget(args, &words->max_count);
    if (left > 1 && args_take(args, SLICE("maxsize")))
        return next_budget(args, &words->max_size);
    if (left > 1 && args_take(args, SLICE("claim")))
        return next_min_idle(call, words);
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
            return words->as_group ? REFUSAL_STREAM_UNBALANCED_GROUP : REFUSAL_STREAM_UNBALANCED;
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
        refusal = find_stream(call, keys[i], LOOK_READ, &reading->stream);
        /*
         * Whoever waited for the stream is told what Redis 7.0 says, behind the code of later
         * ones: it is gone, and what is in its place.
         */
        if (refusal == REFUSAL_WRONG_TYPE && words->as_group && call->again)
            refusal = REFUSAL_STREAM_GONE;
        /* What is no stream is none to somebody who waits without a group, too. */
        if (refusal == REFUSAL_WRONG_TYPE && !words->as_group && call->again) {
            reading->stream = NULL;
            refusal = REFUSAL_NONE;
        }
        if (refusal != REFUSAL_NONE)
            return call_refuse(call, refusal);
        if (words->as_group) {
            if (reading->stream != NULL)
                reading->group = stream_find_group(reading->stream, words->group);
            if (reading->group == NULL)
                return refuse_no_group(
                    call, keys[i], words->group,
                    reading->stream == NULL && call->again
                        ? " in XREADGROUP with GROUP option: the stream key no longer exists"
                        : " in XREADGROUP with GROUP option");
        }
        refusal = read_place(call, words, call->args->words[id_at], id_at, reading);
        if (refusal != REFUSAL_NONE)
            return call_refuse(call, refusal);
    }
    return VERDICT_DONE;
}

/* The answer, begun only when there is something in it, and what it may still hold. */
struct read_answer {
    struct outbox_hole hole;
    size_t             streams;
    struct outbox_hole entries_hole; /* of the stream under way */
    size_t             entries;
    bool               open;  /* a stream is under way */
    bool               any;   /* there is an entry in it */
    bool               spent; /* no entry more */
    uint64_t           count_left;
    uint64_t           bytes_left;
};

static void begin_stream(struct call *call, struct read_answer *answer, struct slice key)
{
    if (answer->streams++ == 0)
        answer->hole = reply_open(call->reply);
    if (!call->reply->resp3)
        reply_array(call->reply, 2);
    reply_bulk(call->reply, key);
    answer->entries_hole = reply_open(call->reply);
    answer->entries = 0;
    answer->open = true;
}

/* Begins a stream where it has not begun, for one more entry. */
static void one_more(struct call *call, struct read_answer *answer, struct slice key)
{
    if (!answer->open)
        begin_stream(call, answer, key);
    answer->entries++;
}

static void end_stream(struct call *call, struct read_answer *answer)
{
    if (answer->open)
        reply_close_array(call->reply, answer->entries_hole, answer->entries);
    answer->open = false;
}

static void end_answer(struct call *call, const struct read_answer *answer)
{
    if (call->reply->resp3)
        reply_close_map(call->reply, answer->hole, answer->streams);
    else
        reply_close_array(call->reply, answer->hole, answer->streams);
}

static uint64_t bytes_of(const struct entry *entry)
{
    struct word_text text;
    struct entry_pairs pairs;
    struct slice field, value;
    uint64_t bytes = id_word(entry->id, &text).len;

    entry_pairs_begin(&pairs, entry);
    while (entry_pairs_next(&pairs, &field, &value))
        bytes += field.len + value.len;
    return bytes;
}

/* Whether there is room for an entry in the answer, which is then taken. One always fits. */
static bool has_room(struct read_answer *answer, const struct entry *entry)
{
    uint64_t bytes = answer->bytes_left < UINT64_MAX ? bytes_of(entry) : 0;

    answer->spent = answer->count_left == 0 || (bytes > answer->bytes_left && answer->any);
    if (answer->spent)
        return false;
    answer->any = true;
    answer->count_left--;
    if (answer->bytes_left < UINT64_MAX)
        answer->bytes_left -= bytes < answer->bytes_left ? bytes : answer->bytes_left;
    return true;
}

static void serve_reader(struct call *call, const struct read_words *words,
                         const struct reading *reading, struct read_answer *answer)
{
    struct entry_id from = reading->after;
    uint64_t most = words->count == 0 ? UINT64_MAX : words->count;
    struct cursor cursor;
    struct entry entry;

    if (reading->stream == NULL)
        return;
    if (reading->last) {
        if (stream_last(reading->stream, &entry) && has_room(answer, &entry)) {
            one_more(call, answer, reading->key);
            reply_entry(call->reply, &entry);
        }
        return;
    }
    if (!entry_id_step(&from) || entry_id_compare(from, stream_last_id(reading->stream)) > 0)
        return;
    cursor_begin(&cursor, reading->stream, from, ENTRY_ID_MAX);
    for (; most > 0 && cursor_next(&cursor, &entry) && has_room(answer, &entry); most--) {
        one_more(call, answer, reading->key);
        reply_entry(call->reply, &entry);
    }
}

static void serve_history(struct call *call, const struct read_words *words,
                          const struct reading *reading, struct read_answer *answer)
{
    struct deliver_setup setup = { .stream = reading->stream,
                                   .group = reading->group,
                                   .now = call->now,
                                   .count = words->count };
    struct deliver deliver;
    struct deliver_past past;
    struct claim_words said;
    bool more, is_new;

    setup.consumer = meet_consumer(call, reading->key, reading->group, words->consumer, &is_new);
    if (is_new)
        say_consumer(call, reading->key, reading->group, setup.consumer);
    deliver_history_begin(&deliver, &setup, reading->after);
    more = deliver_history_peek(&deliver, &past);
    if (more && past.exists && !has_room(answer, &past.entry))
        return;
    begin_stream(call, answer, reading->key);
    say_claims_begin(&said, call, reading->key, reading->group, words->consumer, words->count);
    while (more) {
        deliver_history_take(&deliver, &past);
        one_more(call, answer, reading->key);
        if (past.exists) {
            reply_entry(call->reply, &past.entry);
            say_claim(&said, &past.delivery);
        } else {
            reply_array(call->reply, 2);
            reply_entry_id(call->reply, past.delivery.id);
            reply_nil_array(call->reply);
        }
        more = deliver_history_peek(&deliver, &past) &&
               (!past.exists || has_room(answer, &past.entry));
    }
    say_claims_end(&said);
}

/* An entry, and with CLAIM how long ago and how often it was delivered before. */
static void reply_delivered(struct call *call, const struct read_words *words,
                            const struct entry *entry, const struct delivery *before)
{
    millis idle = call->now - before->delivered_at;

    if (!words->claims) {
        reply_entry(call->reply, entry);
        return;
    }
    reply_array(call->reply, 4);
    reply_entry_id(call->reply, entry->id);
    reply_entry_fields(call->reply, entry);
    if (before->times == 0 && before->turn == 0)
        reply_integer(call->reply, 0);
    else
        reply_integer(call->reply, before->turn > 0 ? -1 : idle > 0 ? idle : 0);
    reply_integer(call->reply, (int64_t)before->times);
}

/* Claims what has lain idle for long enough, `most` entries at most; returns how many. */
static uint64_t serve_idle(struct call *call, const struct read_words *words,
                           const struct reading *reading, struct consumer *consumer,
                           struct read_answer *answer, uint64_t most)
{
    struct claim claim = { .stream = reading->stream,
                           .group = reading->group,
                           .name = words->consumer,
                           .consumer = consumer,
                           .now = call->now,
                           .min_idle = words->min_idle,
                           .delivered_at = call->now,
                           .count = true };
    struct claim_words said;
    struct claim_idle idle;
    struct delivery delivery;
    struct entry entry;
    enum claim_answer found;
    uint64_t taken = 0;

    say_claims_begin(&said, call, reading->key, reading->group, words->consumer, most);
    claim_idle_begin(&idle, &claim);
    while (taken < most &&
           (found = claim_idle_next(&idle, &delivery, &entry)) != CLAIM_REFUSED) {
        if (found == CLAIM_GONE) {
            ledger_count(call->ledger, 1);
            say_acknowledged(call, reading->key, reading->group, delivery.id);
            continue;
        }
        if (!has_room(answer, &entry))
            break;
        one_more(call, answer, reading->key);
        reply_delivered(call, words, &entry, &delivery);
        claim_idle_take(&idle, &delivery);
        say_claim(&said, &delivery);
        taken++;
    }
    say_claims_end(&said);
    claim_idle_end(&idle);
    ledger_count(call->ledger, taken > 0);
    return taken;
}

static uint64_t serve_unread(struct call *call, const struct read_words *words,
                             const struct reading *reading, struct consumer *consumer,
                             struct read_answer *answer, uint64_t most)
{
    struct deliver_setup setup = { .stream = reading->stream,
                                   .group = reading->group,
                                   .consumer = consumer,
                                   .now = call->now,
                                   .count = most,
                                   .no_ack = words->no_ack };
    const struct delivery never = { .times = 0 };
    struct deliver deliver;
    struct claim_words said = { .words = NULL };
    struct entry_id first;
    struct entry entry;
    uint64_t read = 0;

    if (answer->spent || !deliver_begin(&deliver, &setup) ||
        !has_room(answer, deliver_peek(&deliver)))
        return 0;
    first = deliver_peek(&deliver)->id;
    if (!words->no_ack)
        say_claims_begin(&said, call, reading->key, reading->group, words->consumer, most);
    do {
        struct delivery delivery = { .delivered_at = call->now, .times = 1 };

        must(deliver_next(&deliver, &entry));
        delivery.id = entry.id;
        one_more(call, answer, reading->key);
        reply_delivered(call, words, &entry, &never);
        say_claim(&said, &delivery);
        read++;
    } while (deliver_peek(&deliver) != NULL && has_room(answer, deliver_peek(&deliver)));
    say_claims_end(&said);
    ledger_count(call->ledger, 1);
    if (words->no_ack) {
        say_group_place(call, reading->key, reading->group);
        entries_may_be_spare(call, reading->key, reading->stream, first);
    }
    return read;
}

static void serve_new(struct call *call, const struct read_words *words,
                      const struct reading *reading, struct read_answer *answer)
{
    uint64_t claimed = 0;
    uint64_t read = 0;
    bool is_new;
    struct consumer *consumer =
        meet_consumer(call, reading->key, reading->group, words->consumer, &is_new);

    group_touch(reading->group, call->now);
    if (words->claims)
        claimed = serve_idle(call, words, reading, consumer, answer,
                             words->count == 0 ? UINT64_MAX : words->count);
    if (words->count == 0 || claimed < words->count)
        read = serve_unread(call, words, reading, consumer, answer,
                            words->count == 0 ? 0 : words->count - claimed);
    if (is_new && (claimed + read == 0 || (claimed == 0 && words->no_ack)))
        say_consumer(call, reading->key, reading->group, consumer);
    if (claimed + read == 0)
        return;
    call_due_earlier(call, reading->key);
}

/* When the first of what was delivered will have lain idle for long enough; 0 for never. */
static millis idle_due(const struct read_words *words)
{
    millis first = 0;

    if (!words->claims)
        return 0;
    for (size_t i = 0; i < words->streams; i++) {
        const struct reading *reading = &words->readings[i];
        millis due = reading->only_new ? claim_idle_due(reading->group, words->min_idle) : -1;

        if (due >= 0 && (first == 0 || due < first))
            first = due > 0 ? due : 1;
    }
    return first;
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
                         .nil_array = true,
                         .need = words->claims ? (uint64_t)words->min_idle : UINT64_MAX };

    if (words->block >= 0) {
        wait.wake_at = idle_due(words);
        return call_wait(call, &wait);
    }
    reply_nil_array(call->reply);
    return VERDICT_DONE;
}

static enum verdict read_streams(struct call *call, bool as_group)
{
    struct read_words words = { .as_group = as_group,
                                .block = -1,
                                .max_count = UINT64_MAX,
                                .max_size = UINT64_MAX };
    struct read_answer answer = { .streams = 0 };
    enum refusal refusal;
    enum verdict verdict;

    if (!as_group && call_repeat_answer(call))
        return VERDICT_DONE;
    refusal = read_options(call, &words);
    if (refusal != REFUSAL_NONE)
        return call_refuse(call, refusal);
    verdict = find_readings(call, &words);
    if (verdict != VERDICT_DONE)
        return verdict;

    answer.count_left = words.max_count;
    answer.bytes_left = words.max_size;
    for (size_t i = 0; i < words.streams && !answer.spent; i++) {
        const struct reading *reading = &words.readings[i];

        if (!as_group)
            serve_reader(call, &words, reading, &answer);
        else if (reading->only_new)
            serve_new(call, &words, reading, &answer);
        else
            serve_history(call, &words, reading, &answer);
        end_stream(call, &answer);
        answer.spent = answer.spent || answer.count_left == 0;
    }

    if (answer.streams == 0)
        return wait_for_entries(call, &words);
    end_answer(call, &answer);
    if (!as_group)
        call_keep_answer(call);
    return VERDICT_DONE;
}

/* XREAD [COUNT n] [MAXCOUNT n] [MAXSIZE bytes] [BLOCK ms] STREAMS key [key ...] id [id ...] */
enum verdict do_xread(struct call *call)
{
    return read_streams(call, false);
}

/* XREADGROUP GROUP group consumer [COUNT n] [MAXCOUNT n] [MAXSIZE bytes] [BLOCK ms] [CLAIM ms]
   [NOACK] STREAMS key [key ...] id [id ...] */
enum verdict do_xreadgroup(struct call *call)
{
    return read_streams(call, true);
}
