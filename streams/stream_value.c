/*
 * A stream as a value of the keyspace.
 *
 * It is rewritten as the statements that rebuild it:
 *
 *   XADD key id field value ...                    for each entry
 *   XADD key MAXLEN 0 id x y                       if there are none: only to create it
 *   XSETID key id ENTRIESADDED n MAXDELETEDID id
 *   XGROUP CREATE key group id ENTRIESREAD n       for each group
 *   XGROUP CREATECONSUMER key group name           for each of its consumers
 *   XCLAIM key group name 0 id TIME ms RETRYCOUNT n FORCE JUSTID
 *                                                  for each pending entry
 */
#include "streams/stream_value.h"

#include "storage/base/buffer.h"
#include "storage/base/memory.h"
#include "streams/cursor.h"
#include "streams/group.h"
#include "streams/stream.h"
#include "streams/stream_codec.h"

/* An ID or a number as a word, with room of its own. */
struct text {
    char at[ENTRY_ID_TEXT_MAX];
};

static struct slice id_word(struct entry_id id, struct text *text)
{
    return slice_of(text->at, entry_id_print(id, text->at));
}

static struct slice number_word(int64_t number, struct text *text)
{
    return slice_of(text->at, number_put(text->at, number));
}

static struct slice count_word(uint64_t number, struct text *text)
{
    return slice_of(text->at, number_put_unsigned(text->at, number));
}

static const struct stream *stream_of(const struct value *value)
{
    return (const struct stream *)(const void *)value;
}

static void value_type_free(struct value *value)
{
    stream_free((struct stream *)(void *)value);
}

static struct value *value_type_copy(const struct value *value)
{
    return (struct value *)(void *)stream_copy(stream_of(value));
}

static const char *value_type_encoding(const struct value *value)
{
    (void)value;
    return "stream";
}

static size_t value_type_effort(const struct value *value)
{
    size_t effort = 1 + stream_segments(stream_of(value));
    const struct group *first = stream_group_after(stream_of(value), NULL);

    /* A leaf of pending entries has about forty; the first group stands for all. */
    if (first != NULL)
        effort += stream_groups(stream_of(value)) *
                  (1 + pending_count(group_pending(first)) / 40 + group_consumers(first));
    return effort;
}

static size_t value_type_measure(const struct value *value, size_t samples)
{
    return stream_memory(stream_of(value), samples);
}

/* -- The fingerprint. */

static void mix_id(struct fingerprint *into, struct entry_id id)
{
    fingerprint_mix_integer(into, (int64_t)id.ms);
    fingerprint_mix_integer(into, (int64_t)id.seq);
}

static void mix_group(struct fingerprint *into, const struct group *group)
{
    struct delivery delivery = { .id = ENTRY_ID_MIN };

    fingerprint_mix(into, group_name(group));
    mix_id(into, group_last_id(group));
    fingerprint_mix_integer(into, group_entries_read(group));
    for (const struct consumer *consumer = group_consumer_after(group, NULL); consumer != NULL;
         consumer = group_consumer_after(group, consumer))
        fingerprint_mix(into, consumer_name(consumer));
    while (pending_seek(group_pending(group), delivery.id, PENDING_ALL, &delivery)) {
        const struct consumer *holder = group_consumer(group, delivery.holder);

        mix_id(into, delivery.id);
        fingerprint_mix(into, holder != NULL ? consumer_name(holder) : SLICE(""));
        fingerprint_mix_integer(into, delivery.delivered_at);
        fingerprint_mix_integer(into, (int64_t)delivery.times);
        if (!entry_id_step(&delivery.id))
            break;
    }
}

static void value_type_digest(const struct value *value, struct fingerprint *into)
{
    const struct stream *stream = stream_of(value);
    struct cursor cursor;
    struct entry entry;

    cursor_begin(&cursor, stream, ENTRY_ID_MIN, ENTRY_ID_MAX);
    while (cursor_next(&cursor, &entry)) {
        struct entry_pairs pairs;
        struct slice field, content;

        mix_id(into, entry.id);
        entry_pairs_begin(&pairs, &entry);
        while (entry_pairs_next(&pairs, &field, &content)) {
            fingerprint_mix(into, field);
            fingerprint_mix(into, content);
        }
    }
    mix_id(into, stream_last_id(stream));
    mix_id(into, stream_max_deleted(stream));
    fingerprint_mix_integer(into, (int64_t)stream_entries_added(stream));
    for (const struct group *group = stream_group_after(stream, NULL); group != NULL;
         group = stream_group_after(stream, group))
        mix_group(into, group);
}

/* -- Statements. */

static void say_entries(const struct stream *stream, struct slice key,
                        const struct statement_sink *to)
{
    struct buffer words = { 0 };
    struct buffer numbers = { 0 };
    struct cursor cursor;
    struct entry entry;
    struct text id;

    cursor_begin(&cursor, stream, ENTRY_ID_MIN, ENTRY_ID_MAX);
    while (cursor_next(&cursor, &entry)) {
        size_t count = 3 + 2 * (size_t)entry.pairs;
        struct slice *at;

        buffer_rewind(&words);
        buffer_rewind(&numbers);
        at = (struct slice *)(void *)buffer_reserve(&words, count * sizeof(struct slice));
        at[0] = SLICE("XADD");
        at[1] = key;
        at[2] = id_word(entry.id, &id);
        entry_words(&entry, at + 3,
                    buffer_reserve(&numbers, NUMBER_INTEGER_MAX * (size_t)entry.pairs));
        to->say(to->who, at, count);
    }
    buffer_clear(&words);
    buffer_clear(&numbers);
}

static void say_counters(const struct stream *stream, struct slice key,
                         const struct statement_sink *to)
{
    struct entry_id last = stream_last_id(stream);
    struct text id, added, deleted;

    if (stream_length(stream) == 0) {
        struct entry_id any = entry_id_is_zero(last) ? (struct entry_id){ 0, 1 } : last;
        struct slice create[] = { SLICE("XADD"),      key,        SLICE("MAXLEN"), SLICE("0"),
                                  id_word(any, &id), SLICE("x"), SLICE("y") };

        to->say(to->who, create, sizeof(create) / sizeof(*create));
    }

    struct slice set[] = { SLICE("XSETID"),
                           key,
                           id_word(last, &id),
                           SLICE("ENTRIESADDED"),
                           count_word(stream_entries_added(stream), &added),
                           SLICE("MAXDELETEDID"),
                           id_word(stream_max_deleted(stream), &deleted) };

    to->say(to->who, set, sizeof(set) / sizeof(*set));
}

static void say_group(const struct group *group, struct slice key,
                      const struct statement_sink *to)
{
    struct delivery delivery = { .id = ENTRY_ID_MIN };
    struct text id, read, time, times;
    struct slice create[] = { SLICE("XGROUP"),
                              SLICE("CREATE"),
                              key,
                              group_name(group),
                              id_word(group_last_id(group), &id),
                              SLICE("ENTRIESREAD"),
                              number_word(group_entries_read(group), &read) };

    to->say(to->who, create, sizeof(create) / sizeof(*create));
    for (const struct consumer *consumer = group_consumer_after(group, NULL); consumer != NULL;
         consumer = group_consumer_after(group, consumer)) {
        struct slice add[] = { SLICE("XGROUP"), SLICE("CREATECONSUMER"), key, group_name(group),
                               consumer_name(consumer) };

        to->say(to->who, add, sizeof(add) / sizeof(*add));
    }
    while (pending_seek(group_pending(group), delivery.id, PENDING_ALL, &delivery)) {
        const struct consumer *holder = group_consumer(group, delivery.holder);

        if (holder != NULL) {
            struct slice claim[] = { SLICE("XCLAIM"),
                                     key,
                                     group_name(group),
                                     consumer_name(holder),
                                     SLICE("0"),
                                     id_word(delivery.id, &id),
                                     SLICE("TIME"),
                                     number_word(delivery.delivered_at, &time),
                                     SLICE("RETRYCOUNT"),
                                     count_word(delivery.times, &times),
                                     SLICE("FORCE"),
                                     SLICE("JUSTID") };

            to->say(to->who, claim, sizeof(claim) / sizeof(*claim));
        }
        if (!entry_id_step(&delivery.id))
            break;
    }
}

static void value_type_rewrite(const struct value *value, struct slice key,
                               const struct statement_sink *to)
{
    const struct stream *stream = stream_of(value);

    say_entries(stream, key, to);
    say_counters(stream, key, to);
    for (const struct group *group = stream_group_after(stream, NULL); group != NULL;
         group = stream_group_after(stream, group))
        say_group(group, key, to);
}

const struct value_type stream_value_type = {
    .name = "stream",
    .free = value_type_free,
    .copy = value_type_copy,
    .encoding = value_type_encoding,
    .effort = value_type_effort,
    .measure = value_type_measure,
    .digest = value_type_digest,
    .rewrite = value_type_rewrite,
    .rdb_type = stream_codec_type,
    .save = stream_codec_save,
    .load = stream_codec_load,
};
