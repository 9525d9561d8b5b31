/*
 * Walking a range of a stream.
 *
 * Segments can only be read forwards. A cursor that goes backwards therefore
 * reads one segment to the place where it must begin, and remembers the last
 * 128 entries on the way; a longer segment is read again for those before. The
 * last entry of a segment is known without reading: who wants just that one, as
 * many do, gets it before any is remembered.
 */
#include "streams/cursor.h"

#include "streams/stream_private.h"

/* Goes to the segment in which `id` would be, or the first; false if there is none at all. */
static bool find_segment(struct cursor *cursor, struct entry_id id)
{
    const struct stream *stream = cursor->stream;
    const struct segment *tail = stream->tail;

    cursor->place = (struct ordered_cursor){ 0 };
    cursor->in_tail = tail != NULL && entry_id_compare(id, tail->base) > 0;
    if (cursor->in_tail)
        return true;
    if (stream->sealed != NULL) {
        struct ordered_cursor at = ordered_upper_bound(stream->sealed, &id);

        cursor->place = at.record != NULL ? ordered_previous(stream->sealed, at)
                                          : ordered_last(stream->sealed);
        if (cursor->place.record == NULL)
            cursor->place = ordered_first(stream->sealed);
    }
    cursor->in_tail = cursor->place.record == NULL;
    return cursor->place.record != NULL || tail != NULL;
}

static const struct segment *segment_here(const struct cursor *cursor)
{
    return cursor->in_tail ? cursor->stream->tail
                           : ((const struct sealed *)cursor->place.record)->segment;
}

void cursor_begin(struct cursor *cursor, const struct stream *stream, struct entry_id from,
                  struct entry_id to)
{
    cursor->stream = stream;
    cursor->from = from;
    cursor->to = to;
    cursor->reverse = cursor->unread = false;
    cursor->done = entry_id_compare(from, to) > 0 || !find_segment(cursor, from);
    if (!cursor->done)
        segment_walk_seek(&cursor->walk, segment_here(cursor), from);
}

/* Remembers the entries of the segment here that are not above an ID. */
static void load_marks(struct cursor *cursor, struct entry_id upper)
{
    struct entry entry;

    cursor->first = cursor->count = 0;
    cursor->cut = false;
    segment_walk_begin(&cursor->walk, segment_here(cursor));
    for (;;) {
        struct cursor_mark mark = { .before = cursor->walk.id, .at = cursor->walk.at };

        if (!segment_walk_next(&cursor->walk, &entry) || entry_id_compare(entry.id, upper) > 0)
            return;
        if (cursor->count == CURSOR_MARKS) {
            cursor->marks[cursor->first] = mark;
            cursor->first = (cursor->first + 1) % CURSOR_MARKS;
            cursor->cut = true;
        } else {
            cursor->marks[cursor->count++] = mark;
        }
    }
}

void cursor_begin_reverse(struct cursor *cursor, const struct stream *stream,
                          struct entry_id from, struct entry_id to)
{
    cursor->stream = stream;
    cursor->from = from;
    cursor->to = to;
    cursor->reverse = true;
    cursor->count = 0;
    cursor->cut = false;
    cursor->unread = true;
    cursor->done = entry_id_compare(from, to) > 0 || !find_segment(cursor, to);
}

/* Goes to the segment behind; false if this was the last. */
static bool go_right(struct cursor *cursor)
{
    if (cursor->in_tail)
        return false;
    cursor->place = ordered_next(cursor->stream->sealed, cursor->place);
    if (cursor->place.record == NULL) {
        if (cursor->stream->tail == NULL)
            return false;
        cursor->in_tail = true;
    }
    segment_walk_begin(&cursor->walk, segment_here(cursor));
    return true;
}

/* Goes to the segment before, or on in this one where marks were cut off. */
static bool go_left(struct cursor *cursor)
{
    struct entry_id upper = ENTRY_ID_MAX;

    if (cursor->cut) {
        /* The first mark was handed out last: what is wanted ends before it. */
        upper = cursor->marks[cursor->first].before;
    } else if (cursor->in_tail) {
        if (cursor->stream->sealed == NULL)
            return false;
        cursor->place = ordered_last(cursor->stream->sealed);
        cursor->in_tail = false;
    } else {
        cursor->place = ordered_previous(cursor->stream->sealed, cursor->place);
    }
    if (!cursor->in_tail && cursor->place.record == NULL)
        return false;
    load_marks(cursor, upper);
    return true;
}

/* The last entry of the segment in which the cursor begins, if it is to be the first. */
static bool take_last(struct cursor *cursor, struct entry *entry)
{
    const struct segment *segment = segment_here(cursor);

    if (entry_id_compare(segment->last, cursor->to) > 0 || !segment_last(segment, entry))
        return false;
    cursor->to = entry->id;
    must(entry_id_step_back(&cursor->to));
    return true;
}

static bool next_backwards(struct cursor *cursor, struct entry *entry)
{
    const struct cursor_mark *mark;

    if (cursor->unread) {
        if (take_last(cursor, entry))
            return entry_id_compare(entry->id, cursor->from) >= 0;
        cursor->unread = false;
        load_marks(cursor, cursor->to);
    }
    while (cursor->count == 0) {
        if (!go_left(cursor))
            return false;
    }
    cursor->count--;
    mark = &cursor->marks[(cursor->first + cursor->count) % CURSOR_MARKS];
    cursor->walk.segment = segment_here(cursor);
    cursor->walk.at = mark->at;
    cursor->walk.id = mark->before;
    return segment_walk_next(&cursor->walk, entry) &&
           entry_id_compare(entry->id, cursor->from) >= 0;
}

bool cursor_next(struct cursor *cursor, struct entry *entry)
{
    if (cursor->done)
        return false;
    if (cursor->reverse) {
        cursor->done = !next_backwards(cursor, entry);
        return !cursor->done;
    }
    while (!segment_walk_next(&cursor->walk, entry)) {
        if (!go_right(cursor)) {
            cursor->done = true;
            return false;
        }
    }
    cursor->done = entry_id_compare(entry->id, cursor->to) > 0;
    return !cursor->done;
}
