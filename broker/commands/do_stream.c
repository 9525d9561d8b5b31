/* What the handlers of streams share: finding, reading IDs, answering with entries, telling. */
#include "broker/commands/do_stream_private.h"

#include "broker/broker.h"
#include "broker/commands/keeper.h"
#include "streams/cursor.h"

enum { CLAIMS_TOLD_MOST = 512, CLAIM_WORDS_AROUND = 13 };

/* ---- Finding ---- */

enum refusal find_stream(struct call *call, struct slice key, enum look why,
                         struct stream **stream)
{
    struct value *value;
    enum refusal refusal = call_find(call, key, VALUE_STREAM, why, &value);

    *stream = (struct stream *)(void *)value;
    return refusal;
}

struct stream *create_stream(struct call *call, struct slice key)
{
    struct stream *stream = stream_new();
    struct value *value = (struct value *)(void *)stream;

    keyspace_put_value(call->keys, key, &value);
    return stream;
}

enum refusal find_group(struct call *call, struct slice key, struct slice name, enum look why,
                        struct stream **stream, struct group **group)
{
    enum refusal refusal = find_stream(call, key, why, stream);

    *group = NULL;
    if (refusal == REFUSAL_NONE && *stream != NULL) {
        *group = stream_find_group(*stream, name);
        if (*group == NULL)
            *stream = NULL;
    }
    return refusal;
}

enum verdict refuse_no_group(struct call *call, struct slice key, struct slice name,
                             const char *where)
{
    return call_refuse_with(call, "NOGROUP No such key '%.*s' or consumer group '%.*s'%s",
                            (int)key.len, key.at, (int)name.len, name.at, where);
}

enum verdict refuse_no_group_of_key(struct call *call, struct slice key, struct slice name)
{
    return call_refuse_with(call, "NOGROUP No such consumer group '%.*s' for key name '%.*s'",
                            (int)name.len, name.at, (int)key.len, key.at);
}

struct consumer *meet_consumer(struct call *call, struct slice key, struct group *group,
                               struct slice name, bool *is_new)
{
    struct consumer *consumer = group_find_consumer(group, name);

    *is_new = consumer == NULL;
    if (*is_new) {
        consumer = group_add_consumer(group, name, call->now);
        note_beside_entries(call, key, "xgroup-createconsumer");
    }
    consumer->seen_at = call->now;
    return consumer;
}

/* ---- Reading words ---- */

bool next_entry_id(struct args *args, struct entry_id *id)
{
    return entry_id_read(args_next(args), 0, id);
}

bool take_reference_rule(struct args *args, enum reference_rule *rule)
{
    if (args_take(args, SLICE("keepref")))
        *rule = REFERENCE_KEEP;
    else if (args_take(args, SLICE("delref")))
        *rule = REFERENCE_DROP;
    else if (args_take(args, SLICE("acked")))
        *rule = REFERENCE_NONE;
    else
        return false;
    return true;
}

/* One end of a range; `exclusive` tells of a bracket. */
static bool read_range_id(struct slice word, uint64_t missing_seq, struct entry_id *id,
                          bool *exclusive)
{
    *exclusive = word.len > 1 && word.at[0] == '(';
    if (*exclusive)
        return entry_id_read(slice_after(word, 1), missing_seq, id);
    if (slice_equal(word, SLICE("-"))) {
        *id = ENTRY_ID_MIN;
        return true;
    }
    if (slice_equal(word, SLICE("+"))) {
        *id = ENTRY_ID_MAX;
        return true;
    }
    return entry_id_read(word, missing_seq, id);
}

enum refusal next_range_start(struct args *args, struct entry_id *id)
{
    bool exclusive;

    if (!read_range_id(args_next(args), 0, id, &exclusive))
        return REFUSAL_STREAM_BAD_ID;
    return exclusive && !entry_id_step(id) ? REFUSAL_STREAM_START : REFUSAL_NONE;
}

enum refusal next_range_end(struct args *args, struct entry_id *id)
{
    bool exclusive;

    if (!read_range_id(args_next(args), UINT64_MAX, id, &exclusive))
        return REFUSAL_STREAM_BAD_ID;
    return exclusive && !entry_id_step_back(id) ? REFUSAL_STREAM_END : REFUSAL_NONE;
}

/* ---- Answering ---- */

void reply_entry_id(struct reply *reply, struct entry_id id)
{
    char *at = outbox_reserve(reply->out, ENTRY_ID_TEXT_MAX + sizeof("$00\r\n\r\n"));
    size_t head = sizeof("$00\r\n") - 1;
    size_t len;

    /* Nearly every ID is of ten characters or more: its length has two digits. */
    len = entry_id_print(id, at + head);
    if (UNLIKELY(len < 10)) {
        memmove(at + head - 1, at + head, len);
        head--;
    }
    at[0] = '$';
    (void)number_put_unsigned(at + 1, len);
    memcpy(at + head - 2, "\r\n", 2);
    memcpy(at + head + len, "\r\n", 2);
    outbox_commit(reply->out, head + len + 2);
}

void reply_entry(struct reply *reply, const struct entry *entry)
{
    reply_array(reply, 2);
    reply_entry_id(reply, entry->id);
    reply_entry_fields(reply, entry);
}

void reply_entry_fields(struct reply *reply, const struct entry *entry)
{
    struct entry_pairs pairs;
    struct slice field, value;

    reply_array(reply, 2 * (size_t)entry->pairs);
    entry_pairs_begin(&pairs, entry);
    while (entry_pairs_next(&pairs, &field, &value)) {
        reply_bulk(reply, field);
        reply_bulk(reply, value);
    }
}

void reply_entries(struct reply *reply, const struct stream *stream, struct entry_id from,
                   struct entry_id to, uint64_t count, bool reverse)
{
    struct outbox_hole hole = reply_open(reply);
    uint64_t most = count == 0 ? UINT64_MAX : count;
    struct cursor cursor;
    struct entry entry;
    size_t shown_entries = 0;

    if (reverse)
        cursor_begin_reverse(&cursor, stream, from, to);
    else
        cursor_begin(&cursor, stream, from, to);
    while (shown_entries < most && cursor_next(&cursor, &entry)) {
        reply_entry(reply, &entry);
        shown_entries++;
    }
    reply_close_array(reply, hole, shown_entries);
}

/* ---- Noting ---- */

void note_beside_entries(struct call *call, struct slice key, const char *event)
{
    ledger_event(call->ledger, key, EVENT_STREAM, event);
    ledger_count(call->ledger, 1);
}

/* ---- What leaves by itself ---- */

bool entries_leave_here(const struct call *call)
{
    return !keyspaces_keeps_expired(call->keyspaces);
}

void entries_leave(struct call *call, struct stream *stream, struct retention_step *step)
{
    if (retention_is_set(stream) && entries_leave_here(call))
        retention_step(stream, call->now, step);
}

void entry_leaves_if_spare(struct call *call, struct stream *stream, struct entry_id id,
                           struct retention_step *step)
{
    if (stream_settings(stream)->work_queue && entries_leave_here(call) &&
        retention_is_spare(stream, id, call->now) && stream_delete(stream, id))
        buffer_add(&step->spare, slice_of(&id, sizeof(id)));
}

void entries_tell_left(struct call *call, struct slice key, struct stream *stream,
                       struct retention_step *step)
{
    keeper_tell(call->ledger, key, stream, step);
    buffer_clear(&step->spare);
    watch_retention(call, key, stream);
}

void entries_may_be_spare(struct call *call, struct slice key, struct stream *stream,
                          struct entry_id from)
{
    if (!stream_settings(stream)->work_queue)
        return;
    retention_drain(stream, from);
    watch_retention(call, key, stream);
}

void watch_retention(struct call *call, struct slice key, struct stream *stream)
{
    if (retention_is_set(stream))
        keeper_watch(call->broker->keeper, keyspace_db(call->keys), key, stream);
}

void say_request_words(struct call *call)
{
    ledger_say(call->ledger, call->args->words, call->args->count);
}

/* ---- Freeing ---- */

enum { FREED_AT_ONCE = 64 };

void free_discarded(struct call *call, struct discard *discard)
{
    if (LIKELY(discard->effort == 0))
        return;
    if (discard->effort <= FREED_AT_ONCE)
        discard_clear(discard);
    else
        keyspaces_reclaim(call->keyspaces, discard_free, discard_move(discard));
}

/* ---- Telling replicas and the AOF ---- */

struct slice id_word(struct entry_id id, struct word_text *text)
{
    return slice_of(text->at, entry_id_print(id, text->at));
}

struct slice number_word(int64_t number, struct word_text *text)
{
    return slice_of(text->at, number_put(text->at, number));
}

void say_group_place(struct call *call, struct slice key, const struct group *group)
{
    struct word_text id, read;
    struct slice words[] = { SLICE("XGROUP"),
                             SLICE("SETID"),
                             key,
                             group_name(group),
                             id_word(group_last_id(group), &id),
                             SLICE("ENTRIESREAD"),
                             number_word(group_entries_read(group), &read) };

    ledger_say(call->ledger, words, sizeof(words) / sizeof(*words));
}

void say_consumer(struct call *call, struct slice key, const struct group *group,
                  const struct consumer *consumer)
{
    struct slice words[] = { SLICE("XGROUP"), SLICE("CREATECONSUMER"), key, group_name(group),
                             consumer_name(consumer) };

    ledger_say(call->ledger, words, sizeof(words) / sizeof(*words));
}

void say_acknowledged(struct call *call, struct slice key, const struct group *group,
                      struct entry_id id)
{
    struct word_text text;
    struct slice words[] = { SLICE("XACK"), key, group_name(group), id_word(id, &text) };

    ledger_say(call->ledger, words, sizeof(words) / sizeof(*words));
}

void say_claims_begin(struct claim_words *said, struct call *call, struct slice key,
                      struct group *group, struct slice consumer, uint64_t expected)
{
    uint64_t ids = expected == 0 || expected > CLAIMS_TOLD_MOST ? CLAIMS_TOLD_MOST : expected;

    *said = (struct claim_words){ .call = call, .key = key, .group = group, .consumer = consumer };
    if (!ledger_heard_by(call->ledger, LISTENER_FEED))
        return;
    said->most = (size_t)ids;
    said->words = arena_take(call->arena,
                             (said->most + CLAIM_WORDS_AROUND) * sizeof(struct slice) +
                                 said->most * sizeof(struct word_text));
}

/* Says what was collected. */
static void flush_claims(struct claim_words *said)
{
    struct slice *words = said->words;
    struct slice *end = words + 5 + said->count;
    struct word_text time, times, last;

    if (said->count == 0)
        return;
    words[0] = SLICE("XCLAIM");
    words[1] = said->key;
    words[2] = group_name(said->group);
    words[3] = said->consumer;
    words[4] = SLICE("0");
    *end++ = SLICE("TIME");
    *end++ = number_word(said->delivered_at, &time);
    *end++ = SLICE("RETRYCOUNT");
    *end++ = number_word((int64_t)said->times, &times);
    *end++ = SLICE("FORCE");
    *end++ = SLICE("JUSTID");
    *end++ = SLICE("LASTID");
    *end++ = id_word(group_last_id(said->group), &last);
    ledger_say(said->call->ledger, words, (size_t)(end - words));
    said->count = 0;
}

void say_claim(struct claim_words *said, const struct delivery *delivery)
{
    struct word_text *texts;

    if (said->words == NULL)
        return;
    if (delivery->delivered_at != said->delivered_at || delivery->times != said->times)
        flush_claims(said);
    said->delivered_at = delivery->delivered_at;
    said->times = delivery->times;
    texts = (struct word_text *)(void *)(said->words + said->most + CLAIM_WORDS_AROUND);
    said->words[5 + said->count] = id_word(delivery->id, &texts[said->count]);
    said->count++;
    /* At once, while the group stands at the last of these IDs. */
    if (said->count == said->most)
        flush_claims(said);
}

void say_claims_end(struct claim_words *said)
{
    if (said->words != NULL)
        flush_claims(said);
}
