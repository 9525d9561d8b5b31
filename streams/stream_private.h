/* The inside of a stream, for the modules of this room that walk and trim it. */
#ifndef STREAMS_STREAM_PRIVATE_H
#define STREAMS_STREAM_PRIVATE_H

#include "storage/index/ordered.h"
#include "streams/discard.h"
#include "streams/stream.h"

struct stream {
    struct value     value;
    uint32_t         expected;      /* bytes the last sealed segment came to */
    uint64_t         length;        /* live entries */
    uint64_t         entries_added; /* ever */
    uint64_t         bytes;         /* of all segments, as segment_bytes has them */
    struct entry_id  last_id;
    struct entry_id  max_deleted;
    struct entry_id  last_hole;     /* the greatest ID ever deleted, whatever XSETID says */
    struct ordered  *sealed;        /* struct sealed; NULL until there is one */
    struct segment  *tail;          /* what is being filled, or NULL */
    struct ordered  *groups;        /* struct named_group; NULL until there is one */
    struct stream_extra *extra;     /* NULL until something in it is asked for */
};

/* What most streams do without. */
struct stream_extra {
    struct stream_settings settings;
    struct producers      *producers; /* NULL until somebody names one */
    millis                 watched_at; /* when its retention was said to be due; 0: nobody knows */
    millis                 looked_at;  /* when dead groups were last looked for */
    bool                   drains;     /* entries from drain_from on may have become spare */
    struct entry_id        drain_from;
};

/* Makes it, if there is none yet. */
struct stream_extra *stream_extra(struct stream *stream);

/* One sealed segment. */
struct sealed {
    struct entry_id  first; /* no entry of the segment is below */
    struct segment  *segment;
    uint32_t         live;  /* as the segment has it, for the sums */
    uint32_t         bytes; /* likewise */
};

/* What the tree of groups is of; the name is the group's own. */
struct named_group {
    struct slice  name;
    struct group *group;
};

/* What a tree of sealed segments sums up: live entries, and bytes. */
struct sealed_sum {
    uint64_t live;
    uint64_t bytes;
};

/* Frees such a tree, and the segments in it. NULL is fine. */
void stream_free_sealed(struct ordered *sealed);

/* Copies of all groups into a stream that has none, and the end of them (stream_groups.c). */
void stream_copy_groups(struct stream *copy, const struct stream *stream);
void stream_free_groups(struct stream *stream);

/* Drops the first `count` sealed segments with all their entries; into `discard`, if not NULL.
 * O(log n) into it where they are many, else O(count). */
void stream_drop_sealed(struct stream *stream, size_t count, struct discard *discard);

/* Deletes `count` sealed segments from a rank on, as stream_delete would each of their entries. */
void stream_delete_sealed(struct stream *stream, size_t rank, size_t count,
                          struct discard *discard);

/* Drops the tail, which there must be, with all its entries. */
void stream_drop_tail(struct stream *stream);

/* Deletes the first entry, which there must be; unlike stream_delete it leaves no trace. */
void stream_drop_first_entry(struct stream *stream);

/* The first segment, or NULL. */
static inline struct segment *stream_first_segment(const struct stream *stream)
{
    if (stream->sealed != NULL) {
        const struct sealed *first = ordered_first(stream->sealed).record;

        if (first != NULL)
            return first->segment;
    }
    return stream->tail;
}

#endif
