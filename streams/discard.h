/*
 * What was taken out of a stream and is still to be freed: much at once is
 * freed by somebody who has time.
 *
 *     struct discard discard = DISCARD_NONE;
 *     ... trim_apply, stream_take_group ...
 *     discard_free(discard_move(&discard));    on any thread
 */
#ifndef STREAMS_DISCARD_H
#define STREAMS_DISCARD_H

#include "storage/base/buffer.h"
#include "streams/group.h"
#include "streams/segment.h"

struct ordered;
struct pending;

struct discard {
    struct buffer segments; /* Private: pointers to them. */
    struct buffer sealed;   /* Private: pointers to trees of sealed segments. */
    struct buffer groups;   /* Private: pointers to them. */
    struct buffer pending;  /* Private: likewise. */
    size_t        effort;   /* how many blocks there are to be freed, roughly */
};

#define DISCARD_NONE ((struct discard){ .effort = 0 })

/* Takes a segment, a tree of sealed ones with them, a group, or a list of what was pending. */
void discard_segment(struct discard *discard, struct segment *segment);
void discard_sealed(struct discard *discard, struct ordered *sealed);
void discard_group(struct discard *discard, struct group *group);
void discard_pending(struct discard *discard, struct pending *pending);

/* The same in a block of its own, to be handed on; what was given is empty again. */
struct discard *discard_move(struct discard *discard);

/* Frees such a block and all that is in it; the argument is a struct discard. */
void discard_free(void *discard);

/* Frees all that is in it at once. */
void discard_clear(struct discard *discard);

#endif
