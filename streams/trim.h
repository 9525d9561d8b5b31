/*
 * Trimming: entries leave at the front of a stream, by number, age or bytes.
 *
 * Exactly, or to the segment: then only whole segments go, which costs next to
 * nothing an entry, and some more entries may stay than were asked for. Only
 * where entries that something refers to must stay are they looked at one by
 * one, and then others leave from behind them.
 */
#ifndef STREAMS_TRIM_H
#define STREAMS_TRIM_H

#include "streams/discard.h"
#include "streams/reference.h"
#include "streams/stream.h"

enum trim_rule {
    TRIM_NOTHING,
    TRIM_MAXLEN,   /* until no more than `max_length` entries are left */
    TRIM_MINID,    /* until no ID is below `min_id` */
    TRIM_MAXBYTES, /* until stream_bytes is no more than `max_bytes`, or one segment is left */
};

struct trim {
    enum trim_rule      rule;
    bool                approximate; /* whole segments only; always so by bytes */
    enum reference_rule references;
    uint64_t            max_length;
    struct entry_id     min_id;
    uint64_t            max_bytes;
    uint64_t            limit; /* the most entries that may go, whole segments counted; 0: no limit */
    millis              dead_before; /* groups that nobody used since then refer to nothing; 0 */
    struct discard     *discard; /* what goes is to be freed there; NULL: it is freed at once */
};

/* The limit of an approximate trim that names none: a hundred segments' worth. */
uint64_t trim_usual_limit(const struct value_limits *limits);

/*
 * Trims, and returns how many entries went. O(segments gone + entries of one
 * segment), and where references matter O(entries looked at times groups).
 */
uint64_t trim_apply(struct stream *stream, const struct trim *trim);

#endif
