/*
 * Trimming: whole segments first, then, if exactness is wanted, entries of the
 * next one.
 */
#include "streams/trim.h"

#include "streams/cursor.h"
#include "streams/stream_private.h"

enum { LIMIT_LEAST = 10000, LIMIT_MOST = 1000000, BATCH = 64 };

uint64_t trim_usual_limit(const struct value_limits *limits)
{
    uint64_t limit = 100 * (uint64_t)limits->stream_node_entries;

    if (limit == 0)
        return LIMIT_LEAST;
    return limit < LIMIT_MOST ? limit : LIMIT_MOST;
}

/* How much there would be if some had gone. */
struct left {
    uint64_t length;
    uint64_t bytes;
};

/* Whether the first segment may go whole, of which `behind` is what begins the next one. */
static bool is_dispensable(const struct trim *trim, const struct segment *segment, uint32_t live,
                           const struct entry_id *behind, struct left left)
{
    switch (trim->rule) {
    case TRIM_NOTHING:
        return false;
    case TRIM_MAXLEN:
        return left.length >= trim->max_length + live;
    case TRIM_MINID:
        /* Mostly the next segment tells, and this one need not be fetched. */
        return (behind != NULL && entry_id_compare(*behind, trim->min_id) <= 0) ||
               entry_id_compare(segment->last, trim->min_id) < 0;
    case TRIM_MAXBYTES:
        return behind != NULL && left.bytes > trim->max_bytes;
    }
    return false;
}

/* Drops whole segments. False if the limit was reached. */
static bool drop_segments(struct stream *stream, const struct trim *trim)
{
    struct left left = { stream->length, stream->bytes };
    struct ordered_cursor at = { .record = NULL };
    const struct segment *tail = stream->tail;
    struct entry_id tail_from = tail != NULL ? tail->base : ENTRY_ID_MIN;
    uint64_t dropped;
    size_t count = 0;
    bool goes_on = true;

    if (stream->sealed != NULL)
        at = ordered_first(stream->sealed);
    if (tail != NULL)
        must(entry_id_step(&tail_from));
    while (at.record != NULL && goes_on) {
        const struct sealed *sealed = at.record;
        struct ordered_cursor next = ordered_next(stream->sealed, at);
        const struct entry_id *behind =
            next.record != NULL ? &((const struct sealed *)next.record)->first
                                : tail != NULL ? &tail_from : NULL;

        if (!is_dispensable(trim, sealed->segment, sealed->live, behind, left))
            break;
        goes_on = trim->limit == 0 ||
                  stream->length - left.length + sealed->live <= trim->limit;
        if (goes_on) {
            left.length -= sealed->live;
            left.bytes -= sealed->bytes;
            count++;
            at = next;
        }
    }
    dropped = stream->length - left.length;
    stream_drop_sealed(stream, count, trim->discard);
    if (!goes_on || at.record != NULL || tail == NULL ||
        !is_dispensable(trim, tail, tail->live, NULL, left))
        return goes_on;
    if (trim->limit > 0 && dropped + tail->live > trim->limit)
        return false;
    stream_drop_tail(stream);
    return true;
}

/* Whether the first entry there is, or one that is looked at, must go. */
static bool must_go(const struct trim *trim, uint64_t length, struct entry_id id)
{
    return trim->rule == TRIM_MAXLEN ? length > trim->max_length
                                     : entry_id_compare(id, trim->min_id) < 0;
}

static void drop_entries(struct stream *stream, const struct trim *trim)
{
    while (stream->length > 0 &&
           must_go(trim, stream->length,
                   trim->rule == TRIM_MAXLEN ? ENTRY_ID_MIN : stream_first_id(stream)))
        stream_drop_first_entry(stream);
}

/* -- Where what something refers to stays. */

/* A search for entries that may go, from the front on. */
struct picking {
    struct stream     *stream;
    const struct trim *trim;
    struct entry_id    from;
    struct reference_view view;
    uint64_t           most; /* so many may still go */
    bool               done;
};

/* Whether the entries of the segment under the cursor may go at all. */
static bool may_go(const struct picking *picking, const struct cursor *cursor)
{
    const struct stream *stream = picking->stream;
    const struct segment *segment = cursor->walk.segment;
    struct left left = { stream->length, stream->bytes };

    if (picking->trim->rule == TRIM_MAXBYTES)
        return stream->bytes > picking->trim->max_bytes;
    return !picking->trim->approximate ||
           is_dispensable(picking->trim, segment, segment->live, NULL, left);
}

/* Picks entries of one segment that are to be deleted; returns how many. */
static size_t pick(struct picking *picking, struct entry_id *ids)
{
    const struct trim *trim = picking->trim;
    bool counts = trim->rule != TRIM_MAXBYTES && !trim->approximate;
    const struct segment *segment = NULL;
    struct cursor cursor;
    struct entry entry;
    size_t picked = 0;

    picking->done = true;
    cursor_begin(&cursor, picking->stream, picking->from, picking->view.read_by_all);
    while (cursor_next(&cursor, &entry)) {
        if (segment == NULL && !may_go(picking, &cursor))
            return 0;
        if (counts && !must_go(trim, picking->stream->length - picked, entry.id))
            return picked;
        if (picked == BATCH || (segment != NULL && segment != cursor.walk.segment)) {
            picking->done = false;
            return picked;
        }
        segment = cursor.walk.segment;
        picking->from = entry.id;
        if (!entry_id_step(&picking->from))
            return picked;
        if (!reference_view_is_pending(&picking->view, entry.id)) {
            if (picked == picking->most)
                return picked;
            ids[picked++] = entry.id;
        }
    }
    return picked;
}

static void drop_unreferenced(struct stream *stream, const struct trim *trim)
{
    struct picking picking = { .stream = stream,
                               .trim = trim,
                               .from = ENTRY_ID_MIN,
                               .most = trim->limit > 0 ? trim->limit : UINT64_MAX };
    struct entry_id ids[BATCH];

    reference_view_begin(&picking.view, stream, trim->dead_before);
    while (!picking.done) {
        size_t picked = pick(&picking, ids);

        picking.most -= picked;
        for (size_t i = 0; i < picked; i++) {
            if (entry_id_equal(ids[i], stream_first_id(stream)))
                stream_drop_first_entry(stream);
            else
                must(stream_delete(stream, ids[i]));
        }
    }
    reference_view_end(&picking.view);
}

/* Forgets what was pending of trimmed entries. */
static void drop_references(struct stream *stream, struct entry_id from)
{
    struct entry_id to = stream->length > 0 ? stream_first_id(stream) : stream->last_id;
    struct reference_view view;

    if (stream->length > 0 && !entry_id_step_back(&to))
        return;
    reference_view_begin(&view, stream, 0);
    (void)reference_view_drop(&view, from, to);
    reference_view_end(&view);
}

uint64_t trim_apply(struct stream *stream, const struct trim *trim)
{
    uint64_t before = stream->length;
    struct entry_id first;

    if (trim->rule == TRIM_NOTHING || before == 0 ||
        (trim->rule == TRIM_MAXLEN && before <= trim->max_length))
        return 0;
    if (trim->references == REFERENCE_NONE && stream_groups(stream) > 0) {
        drop_unreferenced(stream, trim);
        return before - stream->length;
    }
    first = trim->references == REFERENCE_DROP ? stream_first_id(stream) : ENTRY_ID_MIN;
    if (drop_segments(stream, trim) && !trim->approximate && trim->rule != TRIM_MAXBYTES)
        drop_entries(stream, trim);
    if (trim->references == REFERENCE_DROP && stream->length < before)
        drop_references(stream, first);
    return before - stream->length;
}
