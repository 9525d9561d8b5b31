/*
 * Writing a stream: entries are packed into blocks of a hundred or 4 KiB, which
 * is what other servers take for granted, whatever our segments are. It is done
 * twice, first only to count them: packing is cheap, and keeping all is not.
 */
#include "storage/base/memory.h"
#include "storage/index/packed_entry.h"
#include "streams/cursor.h"
#include "streams/group.h"
#include "streams/stream.h"
#include "streams/stream_codec.h"
#include "streams/stream_codec_private.h"

enum {
    BLOCK_ENTRIES = 100,
    BLOCK_BYTES = 4096,
    PACKED_HEAD = 6,
    PACKED_END_BYTE = 0xFF,
    PACKED_COUNT_MOST = 65535,
    ENTRIES_PLACE = PACKED_HEAD, /* an entry of two bytes: the number, and its length */
};

/* A block being filled, in the writer's joint. */
struct block {
    struct rdb_writer *to;
    struct entry_id    master;
    uint64_t           elements;
    unsigned           entries;
    uint32_t           pairs;    /* how many fields it names */
    struct slice      *fields;   /* their names, borrowed from the stream */
    size_t             capacity; /* of `fields` */
    bool               counting; /* nothing is written yet */
};

static const struct stream *stream_of(const struct value *value)
{
    return (const struct stream *)(const void *)value;
}

int stream_codec_type(const struct value *value)
{
    (void)value;
    return RDB_STREAM_2;
}

/* ---- Elements of a block ---- */

static void add_text(struct block *block, struct slice text)
{
    struct packed_entry entry;

    packed_entry_of_text(&entry, text);
    packed_entry_put((unsigned char *)buffer_reserve(&block->to->joint, entry.size), &entry);
    buffer_commit(&block->to->joint, entry.size);
    block->elements++;
}

static void add_number(struct block *block, int64_t number)
{
    char digits[NUMBER_INTEGER_MAX];

    add_text(block, slice_of(digits, number_put(digits, number)));
}

static void store_little(char *at, uint64_t number, unsigned bytes)
{
    for (unsigned i = 0; i < bytes; i++)
        at[i] = (char)(unsigned char)(number >> (8 * i));
}

static void store_id(unsigned char *to, struct entry_id id)
{
    for (unsigned i = 0; i < 8; i++) {
        to[i] = (unsigned char)(id.ms >> (56 - 8 * i));
        to[8 + i] = (unsigned char)(id.seq >> (56 - 8 * i));
    }
}

/* ---- Blocks ---- */

/* Begins a block for entries like this one. */
static void begin_block(struct block *block, const struct entry *entry)
{
    struct entry_pairs pairs;
    struct slice field, value;

    if (block->capacity < entry->pairs) {
        block->capacity = entry->pairs;
        block->fields = memory_resize(block->fields, block->capacity * sizeof(*block->fields));
    }
    block->master = entry->id;
    block->elements = 0;
    block->entries = 0;
    block->pairs = 0;
    (void)buffer_reserve(&block->to->joint, PACKED_HEAD);
    buffer_commit(&block->to->joint, PACKED_HEAD);
    add_number(block, 0); /* entries, known at the end */
    add_number(block, 0); /* deleted */
    add_number(block, entry->pairs);
    entry_pairs_begin(&pairs, entry);
    while (entry_pairs_next(&pairs, &field, &value)) {
        block->fields[block->pairs++] = field;
        add_text(block, field);
    }
    add_number(block, 0);
}

static void end_block(struct block *block)
{
    struct buffer *joint = &block->to->joint;
    unsigned char master[STREAM_ID_BYTES];
    unsigned entries = block->entries;

    if (entries == 0)
        return;
    block->entries = 0;
    if (block->counting) {
        buffer_rewind(joint);
        return;
    }
    buffer_add_byte(joint, (char)PACKED_END_BYTE);
    store_little(joint->at, joint->len, 4);
    store_little(joint->at + 4,
                 block->elements < PACKED_COUNT_MOST ? block->elements : PACKED_COUNT_MOST, 2);
    joint->at[ENTRIES_PLACE] = (char)entries;
    store_id(master, block->master);
    rdb_put_string(block->to, slice_of(master, sizeof(master)));
    rdb_put_joint(block->to);
}

static bool has_same_fields(const struct block *block, const struct entry *entry)
{
    struct entry_pairs pairs;
    struct slice field, value;

    if (entry->pairs != block->pairs)
        return false;
    entry_pairs_begin(&pairs, entry);
    for (uint32_t i = 0; entry_pairs_next(&pairs, &field, &value); i++) {
        if (field.at != block->fields[i].at && !slice_equal(field, block->fields[i]))
            return false;
    }
    return true;
}

static void add_entry(struct block *block, const struct entry *entry)
{
    bool same = has_same_fields(block, entry);
    struct entry_pairs pairs;
    struct slice field, value;

    add_number(block, same ? STREAM_ENTRY_SAME_FIELDS : 0);
    add_number(block, (int64_t)(entry->id.ms - block->master.ms));
    add_number(block, (int64_t)(entry->id.seq - block->master.seq));
    if (!same)
        add_number(block, entry->pairs);
    entry_pairs_begin(&pairs, entry);
    while (entry_pairs_next(&pairs, &field, &value)) {
        if (!same)
            add_text(block, field);
        add_text(block, value);
    }
    add_number(block, same ? (int64_t)entry->pairs + 3 : 2 * (int64_t)entry->pairs + 4);
    block->entries++;
}

/* Whether no more entries belong into the block. */
static bool is_full(const struct block *block, const struct entry *entry)
{
    return block->entries >= BLOCK_ENTRIES || block->to->joint.len >= BLOCK_BYTES ||
           entry->id.ms - block->master.ms > INT64_MAX;
}

/* Writes all blocks, or only counts them. */
static uint64_t walk_blocks(const struct stream *stream, struct block *block)
{
    struct cursor cursor;
    struct entry entry;
    uint64_t blocks = 0;

    cursor_begin(&cursor, stream, ENTRY_ID_MIN, ENTRY_ID_MAX);
    while (cursor_next(&cursor, &entry)) {
        if (block->entries == 0 || is_full(block, &entry)) {
            end_block(block);
            begin_block(block, &entry);
            blocks++;
        }
        add_entry(block, &entry);
    }
    end_block(block);
    return blocks;
}

/* ---- Groups ---- */

static void put_id(struct rdb_writer *to, struct entry_id id)
{
    rdb_put_length(to, id.ms);
    rdb_put_length(to, id.seq);
}

static void put_raw_id(struct rdb_writer *to, struct entry_id id)
{
    unsigned char raw[STREAM_ID_BYTES];

    store_id(raw, id);
    rdb_put_raw(to, slice_of(raw, sizeof(raw)));
}

/* Pending entries that somebody holds, of all or of one consumer; with all that is known of them, or their IDs. */
static void put_pending(struct rdb_writer *to, const struct group *group,
                        struct pending_filter filter, bool whole)
{
    struct delivery delivery = { .id = ENTRY_ID_MIN };

    while (pending_seek(group_pending(group), delivery.id, filter, &delivery)) {
        if (delivery.holder != 0)
            put_raw_id(to, delivery.id);
        if (delivery.holder != 0 && whole) {
            rdb_put_millis(to, delivery.delivered_at);
            rdb_put_length(to, delivery.times);
        }
        if (!entry_id_step(&delivery.id))
            break;
    }
}

static void put_group(struct rdb_writer *to, const struct group *group)
{
    struct consumer_walk consumers = group_walk_consumers(group);

    rdb_put_string(to, group_name(group));
    put_id(to, group_last_id(group));
    rdb_put_length(to, (uint64_t)group_entries_read(group));
    rdb_put_length(to, pending_count(group_pending(group)) -
                           pending_released(group_pending(group)));
    put_pending(to, group, PENDING_ALL, true);
    rdb_put_length(to, group_consumers(group));
    for (const struct consumer *consumer; (consumer = group_next_consumer(&consumers)) != NULL;) {
        rdb_put_string(to, consumer_name(consumer));
        rdb_put_millis(to, consumer->seen_at);
        rdb_put_length(to, consumer->pending);
        put_pending(to, group,
                    (struct pending_filter){ consumer->number, PENDING_TIME_MAX }, false);
    }
}

/* ---- All ---- */

void stream_codec_save(const struct value *value, struct rdb_writer *to)
{
    const struct stream *stream = stream_of(value);
    struct block block = { .to = to, .counting = true };
    struct group_walk groups = stream_walk_groups(stream);

    /* How many there are stands in front of them. */
    rdb_put_length(to, walk_blocks(stream, &block));
    block.counting = false;
    (void)walk_blocks(stream, &block);
    memory_free(block.fields);

    rdb_put_length(to, stream_length(stream));
    put_id(to, stream_last_id(stream));
    put_id(to, stream_first_id(stream));
    put_id(to, stream_max_deleted(stream));
    rdb_put_length(to, stream_entries_added(stream));
    rdb_put_length(to, stream_groups(stream));
    for (const struct group *group; (group = stream_next_group(&groups)) != NULL;)
        put_group(to, group);
}
