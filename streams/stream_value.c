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
 *   XCLAIM key group name 0 id ... TIME ms RETRYCOUNT n FORCE JUSTID
 *                                                  for what it holds
 *   XNACK key group FAIL IDS n id ... RETRYCOUNT n FORCE
 *                                                  for what was handed back, in that order
 *   XCLAIM key group name 0 0-0 TIME seen RETRYCOUNT active+1 JUSTID
 *                                                  for each consumer: when it was there
 *   XCFGSET key name value ...                     for what is set
 *   XIDMPRECORD key producer message id            for each message that is known
 */
#include "streams/stream_value.h"

#include <stdlib.h>

#include "storage/base/buffer.h"
#include "storage/base/memory.h"
#include "storage/base/number.h"
#include "streams/cursor.h"
#include "streams/group.h"
#include "streams/producers.h"
#include "streams/stream.h"
#include "streams/stream_codec.h"

enum { STATEMENT_IDS = 64 };

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
    struct group_walk groups = stream_walk_groups(stream_of(value));
    const struct group *first = stream_next_group(&groups);

    /* A leaf of pending entries has about forty; the first group stands for all. */
    if (first != NULL)
        effort += stream_groups(stream_of(value)) *
                  (1 + pending_count(group_pending(first)) / 40 + group_consumers(first));
    return effort;
}

enum { WEIGHED_GROUPS = 4 };

static size_t value_type_weigh(const struct value *value)
{
    return stream_weight(stream_of(value), WEIGHED_GROUPS);
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
    struct consumer_walk consumers = group_walk_consumers(group);

    fingerprint_mix(into, group_name(group));
    mix_id(into, group_last_id(group));
    fingerprint_mix_integer(into, group_entries_read(group));
    for (const struct consumer *consumer; (consumer = group_next_consumer(&consumers)) != NULL;)
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

static void mix_settings(struct fingerprint *into, const struct stream_settings *settings)
{
    fingerprint_mix_integer(into, settings->idmp_duration);
    fingerprint_mix_integer(into, settings->idmp_maxsize);
    fingerprint_mix_integer(into, settings->work_queue);
    fingerprint_mix_integer(into, (int64_t)settings->max_bytes);
    fingerprint_mix_integer(into, settings->max_age);
    fingerprint_mix_integer(into, settings->group_ttl);
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
        char text[2 * NUMBER_INTEGER_MAX];
        size_t len = number_put_unsigned(text, entry.id.ms);

        text[len++] = '.';
        len += number_put_unsigned(text + len, entry.id.seq);
        fingerprint_mix(into, slice_of(text, len));
        entry_pairs_begin(&pairs, &entry);
        while (entry_pairs_next(&pairs, &field, &content)) {
            fingerprint_mix(into, field);
            fingerprint_mix(into, content);
        }
    }
}

/* All but the entries. */
static void value_type_digest_rest(const struct value *value, struct fingerprint *into)
{
    const struct stream *stream = stream_of(value);
    struct group_walk groups = stream_walk_groups(stream);

    mix_id(into, stream_last_id(stream));
    mix_id(into, stream_max_deleted(stream));
    fingerprint_mix_integer(into, (int64_t)stream_entries_added(stream));
    mix_settings(into, stream_settings(stream));
    for (const struct group *group; (group = stream_next_group(&groups)) != NULL;)
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

/* The words of a statement about IDs, with room for them. */
struct id_words {
    struct slice words[STATEMENT_IDS + 16];
    struct text  ids[STATEMENT_IDS];
    struct text  numbers[2];
    size_t       count;
    size_t       id_count;
};

static void add_word(struct id_words *to, struct slice word)
{
    to->words[to->count++] = word;
}

static void add_id(struct id_words *to, struct entry_id id)
{
    add_word(to, id_word(id, &to->ids[to->id_count++]));
}

/* When a consumer was seen and was active: a claim of no entry, which others pass over. */
static void say_times(const struct group *group, const struct consumer *consumer, struct slice key,
                      const struct statement_sink *to)
{
    struct text seen, active;
    struct slice words[] = { SLICE("XCLAIM"),
                             key,
                             group_name(group),
                             consumer_name(consumer),
                             SLICE("0"),
                             SLICE("0-0"),
                             SLICE("TIME"),
                             number_word(consumer->seen_at, &seen),
                             SLICE("RETRYCOUNT"),
                             number_word(consumer->active_at + 1, &active),
                             SLICE("JUSTID") };

    to->say(to->who, words, sizeof(words) / sizeof(*words));
}

/* Pending entries of one holder, delivered at one time and equally often, are one statement. */
static bool goes_with(const struct delivery *one, const struct delivery *other)
{
    return one->holder == other->holder && one->delivered_at == other->delivered_at &&
           one->times == other->times;
}

static void say_held(const struct statement_sink *to, struct id_words *said,
                     const struct delivery *delivery)
{
    if (said->id_count > 0) {
        add_word(said, SLICE("TIME"));
        add_word(said, number_word(delivery->delivered_at, &said->numbers[0]));
        add_word(said, SLICE("RETRYCOUNT"));
        add_word(said, count_word(delivery->times, &said->numbers[1]));
        add_word(said, SLICE("FORCE"));
        add_word(said, SLICE("JUSTID"));
        to->say(to->who, said->words, said->count);
    }
    said->count = said->id_count = 0;
}

static void say_pending(const struct group *group, struct slice key,
                        const struct statement_sink *to, struct buffer *released)
{
    struct delivery delivery = { .id = ENTRY_ID_MIN };
    struct delivery first = { .holder = 0 };
    struct id_words said = { .count = 0 };

    while (pending_seek(group_pending(group), delivery.id, PENDING_ALL, &delivery)) {
        const struct consumer *holder = group_consumer(group, delivery.holder);

        if (said.id_count == STATEMENT_IDS || !goes_with(&first, &delivery))
            say_held(to, &said, &first);
        if (holder == NULL) {
            buffer_add(released, slice_of(&delivery, sizeof(delivery)));
        } else {
            if (said.id_count == 0) {
                first = delivery;
                add_word(&said, SLICE("XCLAIM"));
                add_word(&said, key);
                add_word(&said, group_name(group));
                add_word(&said, consumer_name(holder));
                add_word(&said, SLICE("0"));
            }
            add_id(&said, delivery.id);
        }
        if (!entry_id_step(&delivery.id))
            break;
    }
    say_held(to, &said, &first);
}

static int compare_turns(const void *a, const void *b)
{
    const struct delivery *one = a, *other = b;

    return (one->turn > other->turn) - (one->turn < other->turn);
}

/* What was handed back, in the order in which it was. */
static void say_released(const struct group *group, struct slice key,
                         const struct statement_sink *to, const struct buffer *released)
{
    struct delivery *of = (struct delivery *)(void *)released->at;
    size_t count = released->len / sizeof(*of);

    if (count > 0)
        qsort(of, count, sizeof(*of), compare_turns);
    for (size_t from = 0; from < count;) {
        struct id_words said = { .count = 0 };
        size_t to_come = from + 1;

        while (to_come < count && to_come - from < STATEMENT_IDS &&
               of[to_come].times == of[from].times)
            to_come++;
        add_word(&said, SLICE("XNACK"));
        add_word(&said, key);
        add_word(&said, group_name(group));
        add_word(&said, SLICE("FAIL"));
        add_word(&said, SLICE("IDS"));
        add_word(&said, count_word(to_come - from, &said.numbers[0]));
        for (size_t i = from; i < to_come; i++)
            add_id(&said, of[i].id);
        add_word(&said, SLICE("RETRYCOUNT"));
        add_word(&said, count_word(of[from].times, &said.numbers[1]));
        add_word(&said, SLICE("FORCE"));
        to->say(to->who, said.words, said.count);
        from = to_come;
    }
}

static void say_group(const struct group *group, struct slice key,
                      const struct statement_sink *to)
{
    struct buffer released = { 0 };
    struct text id, read;
    struct slice create[] = { SLICE("XGROUP"),
                              SLICE("CREATE"),
                              key,
                              group_name(group),
                              id_word(group_last_id(group), &id),
                              SLICE("ENTRIESREAD"),
                              number_word(group_entries_read(group), &read) };
    struct consumer_walk consumers = group_walk_consumers(group);

    to->say(to->who, create, sizeof(create) / sizeof(*create));
    for (const struct consumer *consumer; (consumer = group_next_consumer(&consumers)) != NULL;) {
        struct slice add[] = { SLICE("XGROUP"), SLICE("CREATECONSUMER"), key, group_name(group),
                               consumer_name(consumer) };

        to->say(to->who, add, sizeof(add) / sizeof(*add));
    }
    say_pending(group, key, to, &released);
    say_released(group, key, to, &released);
    buffer_clear(&released);
    consumers = group_walk_consumers(group);
    for (const struct consumer *consumer; (consumer = group_next_consumer(&consumers)) != NULL;)
        say_times(group, consumer, key, to);
}

/* What is set, as far as it is. */
static void say_settings(const struct stream *stream, struct slice key,
                         const struct statement_sink *to)
{
    const struct stream_settings *settings = stream_settings(stream);
    const struct {
        struct slice name;
        uint64_t     value;
    } all[] = {
        { SLICE("IDMP-DURATION"), settings->idmp_duration },
        { SLICE("IDMP-MAXSIZE"), settings->idmp_maxsize },
        { SLICE("MAXBYTES"), settings->max_bytes },
        { SLICE("MAXAGE"), (uint64_t)settings->max_age },
        { SLICE("WORKQUEUE"), settings->work_queue },
        { SLICE("GROUP-TTL"), (uint64_t)settings->group_ttl },
    };
    struct text texts[sizeof(all) / sizeof(*all)];
    struct slice words[2 + 2 * sizeof(all) / sizeof(*all)] = { SLICE("XCFGSET"), key };
    size_t count = 2;

    for (size_t i = 0; i < sizeof(all) / sizeof(*all); i++) {
        if (all[i].value == 0)
            continue;
        words[count++] = all[i].name;
        words[count++] = count_word(all[i].value, &texts[i]);
    }
    if (count > 2)
        to->say(to->who, words, count);
}

/* Where a producer's message is said. */
struct saying {
    struct slice                 key;
    const struct statement_sink *to;
};

static void say_message(void *who, struct slice producer, struct slice message,
                        struct entry_id id)
{
    const struct saying *saying = who;
    struct text text;
    struct slice words[] = { SLICE("XIDMPRECORD"), saying->key, producer, message,
                             id_word(id, &text) };

    saying->to->say(saying->to->who, words, sizeof(words) / sizeof(*words));
}

static void value_type_rewrite(const struct value *value, struct slice key,
                               const struct statement_sink *to)
{
    const struct stream *stream = stream_of(value);
    struct group_walk groups = stream_walk_groups(stream);

    say_entries(stream, key, to);
    say_counters(stream, key, to);
    for (const struct group *group; (group = stream_next_group(&groups)) != NULL;)
        say_group(group, key, to);
    say_settings(stream, key, to);
    if (stream_producers(stream) != NULL) {
        struct saying saying = { key, to };

        producers_visit(stream_producers(stream), say_message, &saying);
    }
}

static uint64_t value_type_defragment(struct value **value, struct mover *mover, uint64_t at)
{
    struct stream *stream = (struct stream *)(void *)*value;

    at = stream_move(&stream, mover, at);
    *value = (struct value *)(void *)stream;
    return at;
}

const struct value_type stream_value_type = {
    .name = "stream",
    .free = value_type_free,
    .copy = value_type_copy,
    .encoding = value_type_encoding,
    .effort = value_type_effort,
    .weigh = value_type_weigh,
    .measure = value_type_measure,
    .digest = value_type_digest,
    .digest_rest = value_type_digest_rest,
    .rewrite = value_type_rewrite,
    .defragment = value_type_defragment,
    .rdb_type = stream_codec_type,
    .save = stream_codec_save,
    .load = stream_codec_load,
    .has_rest = stream_codec_has_rest,
    .save_rest = stream_codec_save_rest,
    .load_rest = stream_codec_load_rest,
};
