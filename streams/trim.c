/* Trimming: whole segments first, then, if exactness is wanted, entries of the next one. */
#include "streams/trim.h"

#include "streams/stream_private.h"

enum { LIMIT_LEAST = 10000, LIMIT_MOST = 1000000 };

uint64_t trim_usual_limit(const struct value_limits *limits)
{
    uint64_t limit = 100 * (uint64_t)limits->stream_node_entries;

    if (limit == 0)
        return LIMIT_LEAST;
    return limit < LIMIT_MOST ? limit : LIMIT_MOST;
}

/* Whether a whole segment may go. */
static bool is_dispensable(const struct stream *stream, const struct segment *segment,
                           const struct trim *trim)
{
    switch (trim->rule) {
    case TRIM_NOTHING:
        return false;
    case TRIM_MAXLEN:
        return stream->length >= trim->max_length + segment->live;
    case TRIM_MINID:
        return entry_id_compare(segment->last, trim->min_id) < 0;
    }
    return false;
}

/* Whether the first entry of a segment must go. */
static bool must_go(const struct stream *stream, const struct segment *segment,
                    const struct trim *trim)
{
    struct segment_walk walk;
    struct entry first;

    if (trim->rule == TRIM_MAXLEN)
        return stream->length > trim->max_length;
    segment_walk_begin(&walk, segment);
    return segment_walk_next(&walk, &first) && entry_id_compare(first.id, trim->min_id) < 0;
}

uint64_t trim_apply(struct stream *stream, const struct trim *trim)
{
    uint64_t before = stream->length;
    const struct segment *first;

    if (trim->rule == TRIM_NOTHING || (trim->rule == TRIM_MAXLEN && before <= trim->max_length))
        return 0;
    while ((first = stream_first_segment(stream)) != NULL && is_dispensable(stream, first, trim)) {
        if (trim->limit > 0 && before - stream->length + first->live > trim->limit)
            return before - stream->length;
        stream_drop_first_segment(stream);
    }
    if (!trim->approximate) {
        while ((first = stream_first_segment(stream)) != NULL && must_go(stream, first, trim))
            stream_drop_first_entry(stream);
    }
    return before - stream->length;
}
