/*
 * Entries that leave by themselves, as a stream's settings say: above a number
 * of bytes, at an age, or, from a work queue, when every group has acknowledged
 * them. A group that nobody has used for the group's time to live is dead: it
 * keeps nothing in a work queue until somebody uses it again.
 *
 * Nothing here knows the clock or waits. Whoever owns the stream calls
 * retention_step when retention_due says so, and after each append.
 */
#ifndef STREAMS_RETENTION_H
#define STREAMS_RETENTION_H

#include "storage/base/buffer.h"
#include "streams/discard.h"
#include "streams/stream.h"

/* Whether anything leaves by itself. O(1). */
bool retention_is_set(const struct stream *stream);

/* What became of one step. */
struct retention_step {
    struct discard *discard; /* what goes is to be freed there */
    uint64_t        budget;  /* entries a work queue may be looked through for */
    uint64_t        looked;  /* so many were */
    uint64_t        left;    /* how many entries left at the front, by bytes or age */
    struct buffer   spare;   /* IDs of others that left: struct entry_id; the caller's to clear */
};

/* Removes entries that are too many, too old or spare; the spare ones as far as the budget goes.
 * O(segments gone + budget * groups * log n). */
void retention_step(struct stream *stream, millis now, struct retention_step *step);

/* When the next step is due: 0 at once, -1 never. O(log n), in a work queue also O(groups). */
millis retention_due(const struct stream *stream, millis now);

/* Says that references to entries from an ID on went, so that some may be spare now. O(1). */
void retention_drain(struct stream *stream, struct entry_id from);

/* Whether an entry of a work queue is spare: no group that lives has still to read or to
 * acknowledge it. O(groups * log n). */
bool retention_is_spare(const struct stream *stream, struct entry_id id, millis now);

/* Whether a group is dead, so that a work queue does not wait for it. */
bool retention_is_dead(const struct stream *stream, const struct group *group, millis now);

/* When dead groups were last looked for; 0 if never. */
millis retention_looked_at(const struct stream *stream);

/* When the next step will be called, as set below; 0 if by nobody. */
millis retention_watched_at(const struct stream *stream);

/* Notes that the next step will be called at a time; 0 by nobody. */
void retention_set_watched(struct stream *stream, millis at);

#endif
