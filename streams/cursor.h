/*
 * A walk over the entries of a range of IDs, in either direction.
 *
 *     struct cursor cursor;
 *     cursor_begin(&cursor, stream, from, to);
 *     while (cursor_next(&cursor, &entry))
 *         ...
 *
 * A cursor owns nothing and needs no end. It is dead once the stream's entries
 * are changed; changes of groups do not touch it. It lives on the stack: some
 * 3 KB, of which a walk forwards uses 100 bytes.
 */
#ifndef STREAMS_CURSOR_H
#define STREAMS_CURSOR_H

#include "storage/index/ordered.h"
#include "streams/entry_id.h"
#include "streams/segment.h"

struct stream;

enum { CURSOR_MARKS = 128 };

struct cursor {
    /* Private; shown so that it can live on the stack. */
    const struct stream  *stream;
    struct entry_id       from;
    struct entry_id       to;    /* backwards: no entry above it is still to come, while `unread` */
    struct segment_walk   walk;
    struct ordered_cursor place; /* among the sealed segments */
    bool                  in_tail;
    bool                  done;
    bool                  reverse;
    bool                  unread; /* no marks were read yet */
    bool                  cut;   /* there are entries before the first mark */
    uint32_t              first; /* of the marks, which are used as a ring */
    uint32_t              count;
    struct cursor_mark {
        struct entry_id before;
        uint32_t        at;
    } marks[CURSOR_MARKS]; /* where the entries of this segment begin that are still to come */
};

/* From the first entry not below `from` to the last not above `to`. O(log n). */
void cursor_begin(struct cursor *cursor, const struct stream *stream, struct entry_id from,
                  struct entry_id to);

/* The same entries, last first. */
void cursor_begin_reverse(struct cursor *cursor, const struct stream *stream,
                          struct entry_id from, struct entry_id to);

/* The next entry, borrowed until the stream is changed; false behind the last. Amortised O(1). */
bool cursor_next(struct cursor *cursor, struct entry *entry);

#endif
