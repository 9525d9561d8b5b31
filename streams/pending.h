/*
 * The pending list of one consumer group: every entry that was delivered and
 * not yet acknowledged.
 *
 * There is one record for each, in one counted tree by entry ID. The tree's
 * nodes sum up what lies below them: the earliest time of a delivery, and a
 * mask of who holds some. Hence the entries of one consumer, those that have
 * been idle for long, and the one that has been idle longest are all found
 * without a second index and without looking at the others.
 *
 *                 [ earliest 10, alice bob | earliest 70, alice ]
 *                    |                        |
 *     [ 5-0 bob 10 | 5-1 alice 30 ]   [ 6-0 alice 70 | 7-0 alice 90 ]
 *
 * Memory: about 27 bytes for a pending entry, 24 of them its record.
 * Costs: n is the number of pending entries of the group.
 */
#ifndef STREAMS_PENDING_H
#define STREAMS_PENDING_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "storage/base/clock.h"
#include "storage/base/must.h"
#include "streams/entry_id.h"

struct pending;

/* When and how often one entry was handed out, and who holds it now. */
struct delivery {
    struct entry_id id;
    uint32_t        holder;       /* the number of a consumer; 0 is nobody: it was handed back */
    millis          delivered_at; /* wall clock, from 0 to PENDING_TIME_MAX; 0 if nobody holds it */
    uint64_t        times;        /* how often it was delivered */
    uint64_t        turn;         /* of what nobody holds: less if it was handed back earlier */
};

/* Times are kept in 42 bits: until May of 2109. */
#define PENDING_TIME_MAX ((INT64_C(1) << 42) - 1)

/*
 * A new empty list, and the end of one. NULL is an empty list too, one that takes no
 * memory: all functions take it but those that put and move records.
 */
struct pending *pending_new(void);
struct pending *pending_copy(const struct pending *pending);
void pending_free(struct pending *pending);

/* How many are pending. */
size_t pending_count(const struct pending *pending);

/* How many of them are not above an ID. O(log n). */
size_t pending_count_until(const struct pending *pending, struct entry_id last);

/* How many of them nobody holds. O(1). */
size_t pending_released(const struct pending *pending);

/* The delivery of an entry; false if it is not pending. O(log n). */
MUST_USE bool pending_find(const struct pending *pending, struct entry_id id,
                           struct delivery *delivery);

/*
 * Records a delivery; a time out of bounds becomes the nearest one within. If nobody
 * holds the entry, its turn comes after those of all others. Returns true if the entry
 * was pending already: what was known of it is copied to `replaced`. O(log n).
 */
bool pending_put(struct pending *pending, const struct delivery *delivery,
                 struct delivery *replaced);

/*
 * Forgets the delivery of an entry and tells what it was. False, changing
 * nothing, if the entry was not pending. O(log n).
 */
MUST_USE bool pending_remove(struct pending *pending, struct entry_id id,
                             struct delivery *removed);

/*
 * Takes out all that is not above an ID: a list of its own, which the caller
 * frees. O(log n), and where some of it was handed back or is in the second
 * tree O(what is taken).
 */
MUST_USE struct pending *pending_take_until(struct pending *pending, struct entry_id last);

/* Forgets all that one consumer holds; returns how many. O(n) at worst, at a few nanoseconds
 * each. */
size_t pending_remove_holder(struct pending *pending, uint32_t holder);

/* Shows every delivery to `visit`, by ID. */
void pending_visit(const struct pending *pending,
                   void (*visit)(void *who, const struct delivery *delivery), void *who);

/* The first and the last by ID; false if there are none. */
MUST_USE bool pending_first(const struct pending *pending, struct delivery *delivery);
MUST_USE bool pending_last(const struct pending *pending, struct delivery *delivery);

/* Which of the pending entries are meant. */
struct pending_filter {
    uint32_t holder;        /* only those of this consumer; PENDING_ANYBODY for all */
    millis   delivered_until; /* only those delivered at this time or before */
};

#define PENDING_ANYBODY UINT32_MAX
#define PENDING_ALL ((struct pending_filter){ PENDING_ANYBODY, PENDING_TIME_MAX })

/* The first that is meant of those not below `from`; false if there is none. O(log n). */
MUST_USE bool pending_seek(const struct pending *pending, struct entry_id from,
                           struct pending_filter filter, struct delivery *delivery);

/* What was handed back first; else what was delivered longest ago, of several the first by ID;
 * false if there is none. O(log n). */
MUST_USE bool pending_longest(const struct pending *pending, struct delivery *delivery);

/* Moves the list's header, at which `pending` points (storage/base/mover.h), if `at` is 0, and
 * some nodes from a place on; returns the next place, 0 behind the last. O(log n). */
struct mover;
uint64_t pending_move(struct pending **pending, struct mover *mover, uint64_t at);

/* Bytes of memory. O(1). */
size_t pending_memory(const struct pending *pending);

/* Asserts every invariant. O(n). */
void pending_check(const struct pending *pending);

#endif
