/*
 * A stream: sealed segments in a counted tree, and a tail that is being filled.
 *
 * What always holds:
 *   (1) IDs rise from one segment to the next; the tail comes last.
 *   (2) No segment is empty of live entries.
 *   (3) length is the sum of live entries of all segments, bytes that of their bytes.
 *   (4) last_id is not below the ID of any entry, nor is last_hole of any that
 *       stream_delete has taken. (max_deleted is what sessions see, and set.)
 *   (5) The record of a sealed segment knows its live count and bytes, and its `first` is
 *       above every entry of the segments before.
 */
#include "streams/stream.h"

#include "storage/base/memory.h"
#include "storage/index/ordered.h"
#include "streams/cursor.h"
#include "streams/group.h"
#include "streams/producers.h"
#include "streams/stream_private.h"

/* However the options are set, a search in one segment stays short. */
enum { DROPPED_ONE_BY_ONE = 64, SHORT_STREAM = 64 /* sealed segments */ };
enum { VALUE_HEAD_MAX = 10 }; /* bytes of a length, and more */
enum { SEGMENT_BYTES_USUAL = 1 << 16, SEGMENT_ENTRIES_USUAL = 4096, SEGMENT_BYTES_FIRST = 64 };

static int compare_sealed(const void *a, const void *b, void *who)
{
    const struct sealed *one = a, *other = b;

    (void)who;
    return entry_id_compare(one->first, other->first);
}

static void summarise_sealed(void *summary, const void *record)
{
    const struct sealed *sealed = record;
    struct sealed_sum *sum = summary;

    sum->live = sealed->live;
    sum->bytes = sealed->bytes;
}

static void combine_sealed(void *summary, const void *other)
{
    const struct sealed_sum *from = other;
    struct sealed_sum *sum = summary;

    sum->live += from->live;
    sum->bytes += from->bytes;
}

static const struct ordered_kind sealed_kind = {
    .record_size = sizeof(struct sealed),
    .summary_size = sizeof(struct sealed_sum),
    .lead = ORDERED_LEAD_ID,
    .compare = compare_sealed,
    .summarise = summarise_sealed,
    .combine = combine_sealed,
};

struct stream *stream_new(void)
{
    struct stream *stream = memory_new_zeroed(1, sizeof(*stream));

    stream->value.kind = VALUE_STREAM;
    return stream;
}

struct stream *stream_copy(const struct stream *stream)
{
    struct stream *copy = memory_new(sizeof(*copy));

    *copy = *stream;
    copy->sealed = copy->groups = NULL;
    if (stream->extra != NULL) {
        copy->extra = memory_new(sizeof(*copy->extra));
        *copy->extra = *stream->extra;
        copy->extra->watched_at = 0;
        if (stream->extra->producers != NULL)
            copy->extra->producers = producers_copy(stream->extra->producers);
    }
    if (stream->tail != NULL)
        copy->tail = segment_copy(stream->tail);
    if (stream->sealed != NULL) {
        struct ordered_cursor at = ordered_first(stream->sealed);

        copy->sealed = ordered_new(&sealed_kind, NULL);
        for (; at.record != NULL; at = ordered_next(stream->sealed, at)) {
            struct sealed sealed = *(const struct sealed *)at.record;

            sealed.segment = segment_copy(sealed.segment);
            must(ordered_insert(copy->sealed, &sealed));
        }
    }
    stream_copy_groups(copy, stream);
    return copy;
}

void stream_free_sealed(struct ordered *sealed)
{
    struct ordered_cursor at;

    if (sealed == NULL)
        return;
    for (at = ordered_first(sealed); at.record != NULL; at = ordered_next(sealed, at))
        segment_free(((const struct sealed *)at.record)->segment);
    ordered_free(sealed);
}

void stream_free(struct stream *stream)
{
    if (stream == NULL)
        return;
    stream_free_sealed(stream->sealed);
    segment_free(stream->tail);
    stream_free_groups(stream);
    if (stream->extra != NULL)
        producers_free(stream->extra->producers);
    memory_free(stream->extra);
    memory_free(stream);
}

struct stream_extra *stream_extra(struct stream *stream)
{
    if (stream->extra == NULL)
        stream->extra = memory_new_zeroed(1, sizeof(*stream->extra));
    return stream->extra;
}

const struct stream_settings *stream_settings(const struct stream *stream)
{
    static const struct stream_settings none = { .max_bytes = 0 };

    return stream->extra != NULL ? &stream->extra->settings : &none;
}

void stream_set(struct stream *stream, const struct stream_settings *settings)
{
    stream_extra(stream)->settings = *settings;
}

struct producers *stream_producers(const struct stream *stream)
{
    return stream->extra != NULL ? stream->extra->producers : NULL;
}

struct producers *stream_make_producers(struct stream *stream)
{
    struct stream_extra *extra = stream_extra(stream);

    if (extra->producers == NULL)
        extra->producers = producers_new();
    return extra->producers;
}

uint64_t stream_length(const struct stream *stream)
{
    return stream->length;
}

struct entry_id stream_last_id(const struct stream *stream)
{
    return stream->last_id;
}

struct entry_id stream_max_deleted(const struct stream *stream)
{
    return stream->max_deleted;
}

uint64_t stream_bytes(const struct stream *stream)
{
    return stream->bytes;
}

uint64_t stream_entries_added(const struct stream *stream)
{
    return stream->entries_added;
}

size_t stream_segments(const struct stream *stream)
{
    return (stream->sealed != NULL ? ordered_count(stream->sealed) : 0) + (stream->tail != NULL);
}

struct entry_id stream_first_id(const struct stream *stream)
{
    struct entry entry;

    return stream_first(stream, &entry) ? entry.id : ENTRY_ID_MIN;
}

struct entry_id stream_sound_from(const struct stream *stream)
{
    struct entry_id first = stream_first_id(stream);
    struct entry_id behind = stream->last_hole;

    if (stream->length == 0 || !entry_id_step(&behind))
        return ENTRY_ID_MAX;
    return entry_id_compare(first, behind) > 0 ? first : behind;
}

bool stream_first(const struct stream *stream, struct entry *entry)
{
    const struct segment *segment = stream_first_segment(stream);
    struct segment_walk walk;

    if (segment == NULL)
        return false;
    segment_walk_begin(&walk, segment);
    return segment_walk_next(&walk, entry);
}

bool stream_last(const struct stream *stream, struct entry *entry)
{
    struct cursor cursor;

    cursor_begin_reverse(&cursor, stream, ENTRY_ID_MIN, ENTRY_ID_MAX);
    return cursor_next(&cursor, entry);
}

/* The record of the sealed segment in which an ID would be, or NULL. */
static const struct sealed *find_sealed(const struct stream *stream, struct entry_id id)
{
    struct ordered_cursor at;

    if (stream->sealed == NULL)
        return NULL;
    at = ordered_upper_bound(stream->sealed, &id);
    at = at.record != NULL ? ordered_previous(stream->sealed, at) : ordered_last(stream->sealed);
    return at.record;
}

static bool in_tail(const struct stream *stream, struct entry_id id)
{
    return stream->tail != NULL && entry_id_compare(id, stream->tail->base) > 0;
}

bool stream_find(const struct stream *stream, struct entry_id id, struct entry *entry)
{
    const struct segment *segment = stream->tail;
    struct segment_walk walk;

    if (!in_tail(stream, id)) {
        const struct sealed *sealed = find_sealed(stream, id);

        if (sealed == NULL)
            return false;
        segment = sealed->segment;
    }
    if (entry_id_compare(id, segment->last) > 0)
        return false;
    segment_walk_seek(&walk, segment, id);
    return segment_walk_next(&walk, entry) && entry_id_equal(entry->id, id);
}

/* How many entries have an ID below this one. */
static uint64_t count_below(const struct stream *stream, struct entry_id id)
{
    struct sealed_sum sum = { .live = 0 };
    const struct sealed *sealed;

    if (in_tail(stream, id))
        return stream->length - stream->tail->live + segment_count_below(stream->tail, id);
    sealed = find_sealed(stream, id);
    if (sealed == NULL)
        return 0;
    ordered_fold_before(stream->sealed, &sealed->first, &sum);
    return sum.live + segment_count_below(sealed->segment, id);
}

uint64_t stream_count(const struct stream *stream, struct entry_id from, struct entry_id to)
{
    uint64_t below_end;

    if (entry_id_compare(from, to) > 0)
        return 0;
    below_end = entry_id_step(&to) ? count_below(stream, to) : stream->length;
    return below_end - count_below(stream, from);
}

bool stream_fits(const struct slice *fields, size_t pairs)
{
    size_t bytes = 0;

    for (size_t i = 0; i < 2 * pairs; i++) {
        bytes += fields[i].len;
        if (bytes > STREAM_ENTRY_MAX)
            return false;
    }
    /* However long the lengths are: nearly always that is enough. */
    if (LIKELY(bytes + 2 * VALUE_HEAD_MAX * pairs < SEGMENT_BYTES_MAX / 4))
        return true;
    return segment_entry_bytes(fields, pairs) < SEGMENT_BYTES_MAX / 2;
}

/* Puts the full tail among the sealed. */
static void seal_tail(struct stream *stream)
{
    struct sealed sealed;

    stream->tail = segment_seal(stream->tail);
    stream->expected = stream->tail->used;
    /* The ID before the first entry there is now: nothing below will ever be added. */
    sealed = (struct sealed){ .first = stream->tail->base,
                              .segment = stream->tail,
                              .live = stream->tail->live,
                              .bytes = segment_bytes(stream->tail) };
    must(entry_id_step(&sealed.first));
    if (stream->sealed == NULL)
        stream->sealed = ordered_new(&sealed_kind, NULL);
    must(ordered_insert(stream->sealed, &sealed));
    stream->tail = NULL;
}

static bool is_full(const struct segment *tail, size_t bytes, const struct value_limits *limits)
{
    uint32_t most_bytes = limits->stream_node_bytes;
    uint32_t most_entries = limits->stream_node_entries;

    if (most_bytes == 0 || most_bytes > SEGMENT_BYTES_USUAL)
        most_bytes = SEGMENT_BYTES_USUAL;
    if (most_entries == 0 || most_entries > SEGMENT_ENTRIES_USUAL)
        most_entries = SEGMENT_ENTRIES_USUAL;
    /* With its header: a block of just so many bytes is a size class, a little more the next. */
    return tail->written >= most_entries || segment_bytes(tail) + bytes > most_bytes;
}

void stream_append(struct stream *stream, struct entry_id id, const struct slice *fields,
                   size_t pairs, const struct value_limits *limits)
{
    size_t bytes = segment_entry_bytes(fields, pairs);

    must(entry_id_compare(id, stream->last_id) > 0);
    if (stream->tail != NULL && is_full(stream->tail, bytes, limits))
        seal_tail(stream);
    if (stream->tail == NULL) {
        /* A stream that has filled segments will fill the next one too; a short one half of it. */
        bool is_short = stream->sealed == NULL || ordered_count(stream->sealed) < SHORT_STREAM;
        size_t expected = is_short ? stream->expected / 2 : stream->expected;

        if (expected < bytes)
            expected = bytes;
        stream->tail = segment_new(id, fields, pairs, expected);
        stream->bytes += segment_bytes(stream->tail);
    }
    stream->bytes -= stream->tail->used;
    stream->tail = segment_append(stream->tail, id, fields, pairs);
    stream->bytes += stream->tail->used;
    stream->last_id = id;
    stream->length++;
    stream->entries_added++;
}

/* Makes a sealed segment's record agree with it again, or drops it if nothing is left. */
static void settle_sealed(struct stream *stream, struct sealed sealed, bool compact)
{
    stream->bytes -= sealed.bytes;
    if (sealed.segment->live == 0) {
        must(ordered_remove(stream->sealed, &sealed.first, NULL));
        segment_free(sealed.segment);
        return;
    }
    if (compact && segment_is_sparse(sealed.segment))
        sealed.segment = segment_compact(sealed.segment);
    sealed.live = sealed.segment->live;
    sealed.bytes = segment_bytes(sealed.segment);
    stream->bytes += sealed.bytes;
    must(ordered_replace(stream->sealed, &sealed));
}

static void settle_tail(struct stream *stream, bool compact)
{
    if (stream->tail->live == 0) {
        stream->bytes -= segment_bytes(stream->tail);
        segment_free(stream->tail);
        stream->tail = NULL;
    } else if (compact && segment_is_sparse(stream->tail)) {
        stream->bytes -= segment_bytes(stream->tail);
        stream->tail = segment_compact(stream->tail);
        stream->bytes += segment_bytes(stream->tail);
    }
}

static void note_hole(struct stream *stream, struct entry_id id)
{
    if (entry_id_compare(id, stream->max_deleted) > 0)
        stream->max_deleted = id;
    if (entry_id_compare(id, stream->last_hole) > 0)
        stream->last_hole = id;
}

bool stream_delete(struct stream *stream, struct entry_id id)
{
    if (in_tail(stream, id)) {
        if (!segment_delete(stream->tail, id))
            return false;
        settle_tail(stream, true);
    } else {
        const struct sealed *sealed = find_sealed(stream, id);

        if (sealed == NULL || !segment_delete(sealed->segment, id))
            return false;
        settle_sealed(stream, *sealed, true);
    }
    stream->length--;
    note_hole(stream, id);
    return true;
}

/* Receives segments that are dropped. */
struct dropping {
    struct stream  *stream;
    struct discard *discard;
};

static void drop_one(void *who, const void *record)
{
    struct dropping *dropping = who;
    const struct sealed *sealed = record;

    dropping->stream->length -= sealed->live;
    dropping->stream->bytes -= sealed->bytes;
    if (dropping->discard != NULL)
        discard_segment(dropping->discard, sealed->segment);
    else
        segment_free(sealed->segment);
}

void stream_drop_sealed(struct stream *stream, size_t count, struct discard *discard)
{
    struct dropping dropping = { stream, discard };
    struct sealed_sum sum;
    struct ordered *front;

    if (count == 0)
        return;
    if (discard == NULL || count < DROPPED_ONE_BY_ONE) {
        must(ordered_remove_range(stream->sealed, 0, count, drop_one, &dropping) == count);
        return;
    }
    front = ordered_take_front(stream->sealed, count);
    (void)ordered_fold_before(front, NULL, &sum);
    stream->length -= sum.live;
    stream->bytes -= sum.bytes;
    discard_sealed(discard, front);
}

void stream_delete_sealed(struct stream *stream, size_t rank, size_t count,
                          struct discard *discard)
{
    struct dropping dropping = { stream, discard };
    const struct sealed *last = ordered_at(stream->sealed, rank + count - 1).record;

    /* Its last entry may be deleted already: then that hole is known. */
    note_hole(stream, last->segment->last);
    must(ordered_remove_range(stream->sealed, rank, rank + count, drop_one, &dropping) == count);
}

void stream_drop_tail(struct stream *stream)
{
    stream->length -= stream->tail->live;
    stream->bytes -= segment_bytes(stream->tail);
    segment_free(stream->tail);
    stream->tail = NULL;
}

void stream_drop_first_entry(struct stream *stream)
{
    const struct sealed *first =
        stream->sealed != NULL ? ordered_first(stream->sealed).record : NULL;

    /* What trimming leaves of a segment soon goes altogether, so it is not rewritten. */
    if (first != NULL) {
        segment_delete_first(first->segment);
        settle_sealed(stream, *first, false);
    } else {
        segment_delete_first(stream->tail);
        settle_tail(stream, false);
    }
    stream->length--;
}

void stream_set_last_id(struct stream *stream, struct entry_id id)
{
    stream->last_id = id;
}

void stream_set_entries_added(struct stream *stream, uint64_t count)
{
    stream->entries_added = count;
}

void stream_set_max_deleted(struct stream *stream, struct entry_id id)
{
    stream->max_deleted = id;
    if (entry_id_compare(id, stream->last_hole) > 0)
        stream->last_hole = id;
}

/* -- The check. */

void stream_check(const struct stream *stream)
{
    struct entry_id before = ENTRY_ID_MIN;
    uint64_t live = 0;
    uint64_t bytes = 0;
    struct group_walk groups = stream_walk_groups(stream);

    if (stream->sealed != NULL) {
        struct ordered_cursor at = ordered_first(stream->sealed);

        ordered_check(stream->sealed);
        for (; at.record != NULL; at = ordered_next(stream->sealed, at)) {
            const struct sealed *sealed = at.record;

            segment_check(sealed->segment);
            must(sealed->segment->live > 0 && sealed->live == sealed->segment->live);
            must(sealed->bytes == segment_bytes(sealed->segment));
            must(entry_id_compare(before, sealed->first) < 0);
            must(entry_id_compare(sealed->segment->last, sealed->first) >= 0);
            before = sealed->segment->last;
            live += sealed->live;
            bytes += sealed->bytes;
        }
    }
    if (stream->tail != NULL) {
        segment_check(stream->tail);
        must(stream->tail->live > 0);
        must(entry_id_compare(before, stream->tail->last) < 0);
        before = stream->tail->last;
        live += stream->tail->live;
        bytes += segment_bytes(stream->tail);
    }
    must(live == stream->length && bytes == stream->bytes);
    if (stream_producers(stream) != NULL)
        producers_check(stream_producers(stream));
    must(entry_id_compare(before, stream->last_id) <= 0);
    for (struct group *group; (group = stream_next_group(&groups)) != NULL;)
        group_check(group);
}
