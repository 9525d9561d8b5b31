/*
 * Trimming: entries leave at the front of a stream, by number or by age.
 *
 * Exactly, or to the segment: then only whole segments go, which costs next to
 * nothing an entry, and some more entries may stay than were asked for.
 */
#ifndef STREAMS_TRIM_H
#define STREAMS_TRIM_H

#include "streams/stream.h"

enum trim_rule {
    TRIM_NOTHING,
    TRIM_MAXLEN, /* until no more than `max_length` entries are left */
    TRIM_MINID,  /* until no ID is below `min_id` */
};

struct trim {
    enum trim_rule  rule;
    bool            approximate; /* whole segments only */
    uint64_t        max_length;
    struct entry_id min_id;
    uint64_t        limit; /* the most entries that may go, whole segments counted; 0: no limit */
};

/* The limit of an approximate trim that names none: a hundred segments' worth. */
uint64_t trim_usual_limit(const struct value_limits *limits);

/* Trims, and returns how many entries went. O(entries gone). */
uint64_t trim_apply(struct stream *stream, const struct trim *trim);

#endif
