/*
 * The pace of the log with `always`: when the scribe's thread does well to wait for more
 * before it goes to the disk, and when the disk is so quick that a thread of its own is
 * more trouble than the disk.
 *
 * Writers come in two halves: while the statements of one are forced to disk the other
 * gathers, and each fsync serves half of them. If those who were answered just now come
 * again sooner than an fsync takes, it pays to wait for them, and from then on each fsync
 * serves all. So two times are kept, both as averages of what was seen lately, whether or
 * not the thread waited:
 *
 *   fsync ends, all                               nine tenths of what they
 *   are answered    |------- return_takes ------> said has been said again
 *   statements      |--------- sync_takes -----------------> they are on disk
 *
 * Who has not come again when the next fsync is over counts as four times as late as the
 * disk: waiting in vain costs more than it ever gains.
 *
 * No clock is read here; the times are handed in.
 */
#ifndef STORAGE_PERSIST_AOF_PACE_H
#define STORAGE_PERSIST_AOF_PACE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "storage/base/clock.h"

/* A plain record: behind the scribe's lock. */
struct pace {
    micros sync_takes;   /* from the write on */
    micros return_takes; /* if all who write were answered at once */
    micros ended_at;     /* when the last batch was durable; 0: none yet */
    size_t owed;         /* bytes of it, whose writers were answered then */
    size_t came;         /* said since */
    size_t all;          /* bytes that all who write say at once: with what had gathered then */
    size_t wanted;       /* nearly as much */
    size_t crowd;        /* about the largest batch lately */
    bool   returned;     /* `came` has reached nine tenths of `owed` */
    micros quick_from;   /* the disk is not called quick before; it was slow */
    micros distrust;     /* for how long that was */
};

/* Of a disk that nothing is known about: it is taken for a slow one. */
void pace_begin(struct pace *pace);

/* Bytes were said. True if with them all came again: pace_return is to be told when. */
bool pace_say(struct pace *pace, size_t bytes);
void pace_return(struct pace *pace, micros now);

/* A batch of so many bytes is durable; so many have gathered meanwhile. */
void pace_keep(struct pace *pace, micros began, micros now, size_t batch, size_t gathered);

/* Until when to wait for `wanted`; 0: not at all. Never longer than the disk takes. */
micros pace_waits_until(const struct pace *pace, size_t gathered, micros now);

/* Whether more than has gathered is not to be expected, going by the last batches. */
bool pace_has_all(const struct pace *pace, size_t gathered);

/*
 * Whether the disk takes less time than handing over to a thread and back: a quarter of a
 * millisecond on the average, and none took 5 for a second, or longer if that happens often.
 */
bool pace_is_quick(const struct pace *pace, micros now);

#endif
