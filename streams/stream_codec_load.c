/*
 * Reading a stream: entries are appended one by one to a fresh one, as if they
 * were added again. Whatever does not fit together is refused.
 */
#include "storage/base/memory.h"
#include "storage/index/packed.h"
#include "streams/group.h"
#include "streams/stream_codec.h"
#include "streams/stream_codec_private.h"
#include "streams/stream_private.h"

enum { WORDS_AT_FIRST = 16, PENDING_BYTES_LEAST = STREAM_ID_BYTES + 9 };

/* What is being read. */
struct loading {
    struct rdb_reader         *from;
    struct stream             *stream;
    const struct value_limits *limits;
    int                        rdb_type;

    /* The block under way. */
    const struct packed *block;
    size_t               place;   /* of the element that comes next, 0 at the end */
    struct entry_id      master;
    size_t               pairs;   /* fields it names */
    size_t               names;   /* place of the first of them */
    uint64_t             entries; /* as it says, not deleted */
    uint64_t             deleted;

    struct slice *words; /* fields and values of an entry */
    char        (*digits)[NUMBER_INTEGER_MAX];
    size_t        capacity; /* of both */
};

static uint64_t load_big(const unsigned char *at)
{
    uint64_t number = 0;

    for (unsigned i = 0; i < 8; i++)
        number = number << 8 | at[i];
    return number;
}

static struct entry_id load_id(const unsigned char *at)
{
    return (struct entry_id){ load_big(at), load_big(at + 8) };
}

static bool get_id(struct rdb_reader *from, struct entry_id *id)
{
    return rdb_get_length(from, &id->ms) && rdb_get_length(from, &id->seq);
}

static bool get_raw_id(struct rdb_reader *from, struct entry_id *id)
{
    unsigned char raw[STREAM_ID_BYTES];

    if (!rdb_get_raw(from, raw, sizeof(raw)))
        return false;
    *id = load_id(raw);
    return true;
}

/* ---- Elements of a block ---- */

static bool next_element(struct loading *now, struct packed_value *value)
{
    if (now->place == 0)
        return rdb_refuse(now->from, "Stream listpack integrity check failed: it ends too early");
    *value = packed_get(now->block, now->place);
    now->place = packed_next(now->block, now->place);
    return true;
}

static bool next_number(struct loading *now, int64_t *number)
{
    struct packed_value value;

    if (!next_element(now, &value))
        return false;
    *number = value.integer;
    return value.is_integer || rdb_refuse(now->from, "Stream listpack integrity check failed: a word where a number should be");
}

/* A number that counts elements of the block. */
static bool next_count(struct loading *now, uint64_t *count)
{
    int64_t number;

    if (!next_number(now, &number))
        return false;
    *count = (uint64_t)number;
    return (number >= 0 && *count <= packed_bytes(now->block)) ||
           rdb_refuse(now->from, "Stream listpack integrity check failed: a count cannot be true");
}

/* Room for the words of an entry. */
static void make_room(struct loading *now, size_t words)
{
    if (words <= now->capacity)
        return;
    now->capacity = words < WORDS_AT_FIRST ? WORDS_AT_FIRST : words;
    now->words = memory_resize(now->words, now->capacity * sizeof(*now->words));
    now->digits = memory_resize(now->digits, now->capacity * sizeof(*now->digits));
}

static bool next_word(struct loading *now, size_t index)
{
    struct packed_value value;

    if (!next_element(now, &value))
        return false;
    now->words[index] = packed_print(value, now->digits[index]);
    return true;
}

/* ---- Blocks ---- */

/* The words of an entry that has other fields than the block. */
static bool read_own_fields(struct loading *now, uint64_t *pairs)
{
    if (!next_count(now, pairs))
        return false;
    make_room(now, 2 * (size_t)*pairs);
    for (size_t i = 0; i < 2 * *pairs; i++) {
        if (!next_word(now, i))
            return false;
    }
    return true;
}

/* The words of an entry that has the block's fields. */
static bool read_values(struct loading *now)
{
    size_t name = now->names;

    make_room(now, 2 * now->pairs);
    for (size_t i = 0; i < now->pairs; i++) {
        now->words[2 * i] = packed_print(packed_get(now->block, name), now->digits[2 * i]);
        name = packed_next(now->block, name);
        if (!next_word(now, 2 * i + 1))
            return false;
    }
    return true;
}

static bool append(struct loading *now, struct entry_id id, size_t pairs)
{
    if (pairs == 0)
        return rdb_refuse(now->from, "an entry of a stream has no fields");
    if (entry_id_compare(id, stream_last_id(now->stream)) <= 0)
        return rdb_refuse(now->from, "the IDs of a stream do not rise");
    if (!stream_fits(now->words, pairs))
        return rdb_refuse(now->from, "an entry of a stream is too large");
    stream_append(now->stream, id, now->words, pairs, now->limits);
    now->entries--;
    return true;
}

static bool read_entry(struct loading *now)
{
    int64_t flags, ms, seq, words;
    uint64_t pairs = now->pairs;
    struct entry_id id;
    bool same;

    if (!next_number(now, &flags) || !next_number(now, &ms) || !next_number(now, &seq))
        return false;
    same = (flags & STREAM_ENTRY_SAME_FIELDS) != 0;
    if (!(same ? read_values(now) : read_own_fields(now, &pairs)) || !next_number(now, &words))
        return false;
    if (words != (int64_t)(same ? pairs + 3 : 2 * pairs + 4))
        return rdb_refuse(now->from, "Stream listpack integrity check failed: an entry tells the wrong length");
    id = (struct entry_id){ now->master.ms + (uint64_t)ms, now->master.seq + (uint64_t)seq };
    if ((flags & STREAM_ENTRY_DELETED) == 0)
        return now->entries > 0 ? append(now, id, pairs)
                                : rdb_refuse(now->from, "Stream listpack integrity check failed: it counts wrong");
    if (now->deleted == 0)
        return rdb_refuse(now->from, "Stream listpack integrity check failed: it counts wrong");
    now->deleted--;
    return true;
}

static bool read_block_head(struct loading *now)
{
    int64_t end;

    if (!next_count(now, &now->entries) || !next_count(now, &now->deleted) ||
        !next_count(now, &now->pairs))
        return false;
    now->names = now->place;
    for (size_t i = 0; i < now->pairs; i++) {
        struct packed_value name;

        if (!next_element(now, &name))
            return false;
    }
    return next_number(now, &end) &&
           (end == 0 || rdb_refuse(now->from, "the head of a block of a stream is damaged"));
}

static bool read_block(struct loading *now)
{
    struct slice master, block;

    if (!rdb_get_string(now->from, 0, &master))
        return false;
    if (master.len != STREAM_ID_BYTES)
        return rdb_refuse(now->from, "the ID of a block of a stream is none");
    now->master = load_id((const unsigned char *)master.at);
    if (!rdb_get_string(now->from, 1, &block))
        return false;
    if (!packed_valid(block, true))
        return rdb_refuse(now->from, "Stream listpack integrity check failed");
    now->block = (const struct packed *)(const void *)block.at;
    now->place = packed_first(now->block);
    if (!read_block_head(now))
        return false;
    while (now->place != 0) {
        if (!read_entry(now))
            return false;
    }
    return (now->entries == 0 && now->deleted == 0) ||
           rdb_refuse(now->from, "Stream listpack integrity check failed: it counts wrong");
}

/* ---- Counters ---- */

static bool read_counters(struct loading *now)
{
    struct rdb_reader *from = now->from;
    struct stream *stream = now->stream;
    struct entry_id last, first, deleted = ENTRY_ID_MIN;
    uint64_t length, added;

    if (!rdb_get_length(from, &length) || !get_id(from, &last))
        return false;
    added = length;
    if (now->rdb_type != RDB_STREAM &&
        (!get_id(from, &first) || !get_id(from, &deleted) || !rdb_get_length(from, &added)))
        return false;
    if (length != stream_length(stream))
        return rdb_refuse(from, "a stream has another length than it says");
    if (entry_id_compare(last, stream_last_id(stream)) < 0)
        return rdb_refuse(from, "the last ID of a stream is below that of its last entry");
    stream_set_last_id(stream, last);
    stream_set_max_deleted(stream, deleted);
    stream_set_entries_added(stream, added);
    /* Which entries went is not told; the last that may have gone is. */
    stream->last_hole = entry_id_compare(deleted, last) <= 0 ? deleted : last;
    return true;
}

/* ---- Groups ---- */

/* The pending entries of a group, before it is known who holds them. */
struct held {
    struct delivery *at;
    size_t           count;
    size_t           capacity;
};

static bool read_held(struct rdb_reader *from, struct held *held)
{
    uint64_t count;

    if (!rdb_get_count(from, PENDING_BYTES_LEAST, &count))
        return false;
    for (held->count = 0; held->count < count; held->count++) {
        struct delivery *one;

        if (held->count == held->capacity) {
            held->capacity = held->capacity == 0 ? WORDS_AT_FIRST : 2 * held->capacity;
            held->at = memory_resize(held->at, held->capacity * sizeof(*held->at));
        }
        one = &held->at[held->count];
        *one = (struct delivery){ .holder = 0 };
        if (!get_raw_id(from, &one->id) || !rdb_get_millis(from, &one->delivered_at) ||
            !rdb_get_length(from, &one->times))
            return false;
        if (held->count > 0 && entry_id_compare(one->id, one[-1].id) <= 0)
            return rdb_refuse(from, "the pending entries of a group are not in order");
    }
    return true;
}

static struct delivery *find_held(const struct held *held, struct entry_id id)
{
    size_t from = 0;
    size_t to = held->count;

    while (from < to) {
        size_t middle = from + (to - from) / 2;
        int order = entry_id_compare(held->at[middle].id, id);

        if (order == 0)
            return &held->at[middle];
        if (order < 0)
            from = middle + 1;
        else
            to = middle;
    }
    return NULL;
}

static bool read_consumer(struct loading *now, struct group *group, const struct held *held)
{
    struct rdb_reader *from = now->from;
    struct consumer *consumer;
    struct slice name;
    uint64_t count;
    millis seen, active = -1;

    if (!rdb_get_string(from, 0, &name) || !rdb_get_millis(from, &seen) ||
        (now->rdb_type == RDB_STREAM_3 && !rdb_get_millis(from, &active)))
        return false;
    if (seen < 0 || active < -1)
        return rdb_refuse(from, "a consumer was seen before time began");
    if (name.len > UINT32_MAX / 2 || group_find_consumer(group, name) != NULL)
        return rdb_refuse(from, "Duplicate stream consumer detected");
    consumer = group_add_consumer(group, name, seen);
    consumer->active_at = active;
    if (!rdb_get_count(from, STREAM_ID_BYTES, &count))
        return false;
    if (now->rdb_type != RDB_STREAM_3 && count > 0)
        consumer->active_at = seen; /* what older versions tell is when it last did anything */
    for (uint64_t i = 0; i < count; i++) {
        struct delivery *one;
        struct entry_id id;

        if (!get_raw_id(from, &id))
            return false;
        one = find_held(held, id);
        if (one == NULL || one->holder != 0)
            return rdb_refuse(from, "a consumer holds an entry that is not pending, or another's");
        one->holder = consumer->number;
        group_deliver(group, consumer, id, one->delivered_at, one->times);
    }
    return true;
}

static bool read_consumers(struct loading *now, struct group *group, const struct held *held)
{
    uint64_t count;

    if (!rdb_get_count(now->from, 10, &count))
        return false;
    for (uint64_t i = 0; i < count; i++) {
        if (!read_consumer(now, group, held))
            return false;
    }
    for (size_t i = 0; i < held->count; i++) {
        if (held->at[i].holder == 0)
            return rdb_refuse(now->from, "nobody holds a pending entry");
    }
    return true;
}

static bool read_group(struct loading *now, struct held *held)
{
    struct rdb_reader *from = now->from;
    uint64_t entries_read = UINT64_MAX;
    struct entry_id last;
    struct group *group;
    struct slice name;

    if (!rdb_get_string(from, 0, &name) || !get_id(from, &last) ||
        (now->rdb_type != RDB_STREAM && !rdb_get_length(from, &entries_read)))
        return false;
    if (now->rdb_type == RDB_STREAM)
        entries_read = (uint64_t)group_reckon_read(now->stream, last);
    if (stream_find_group(now->stream, name) != NULL)
        return rdb_refuse(from, "a stream has a group twice");
    if (entries_read > INT64_MAX && entries_read != UINT64_MAX)
        return rdb_refuse(from, "a group has read more entries than there can be");
    group = stream_add_group(now->stream, name, last, (int64_t)entries_read);
    return read_held(from, held) && read_consumers(now, group, held);
}

/* ---- All ---- */

static bool read_all(struct loading *now, struct held *held)
{
    uint64_t blocks, groups;

    if (!rdb_get_count(now->from, STREAM_ID_BYTES, &blocks))
        return false;
    for (uint64_t i = 0; i < blocks; i++) {
        if (!read_block(now))
            return false;
    }
    if (!read_counters(now) || !rdb_get_count(now->from, 5, &groups))
        return false;
    for (uint64_t i = 0; i < groups; i++) {
        if (!read_group(now, held))
            return false;
    }
    return true;
}

struct value *stream_codec_load(struct rdb_reader *from, int rdb_type,
                                const struct value_limits *limits)
{
    struct loading now = { .from = from, .stream = stream_new(), .limits = limits,
                           .rdb_type = rdb_type };
    struct held held = { 0 };
    bool fine = read_all(&now, &held);

    memory_free(now.words);
    memory_free(now.digits);
    memory_free(held.at);
    if (fine)
        return (struct value *)(void *)now.stream;
    stream_free(now.stream);
    return NULL;
}
