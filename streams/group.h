/*
 * A consumer group: how far it has read, who its consumers are, and what they
 * hold.
 *
 * Consumers name themselves in the pending list by a number, which is given
 * back when they are removed. The counts of what each holds are kept here, so
 * all changes of the pending list go through the group.
 */
#ifndef STREAMS_GROUP_H
#define STREAMS_GROUP_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "storage/base/clock.h"
#include "storage/base/must.h"
#include "storage/base/slice.h"
#include "storage/index/ordered.h"
#include "streams/consumer.h"
#include "streams/entry_id.h"
#include "streams/pending.h"

struct group;
struct discard;
struct stream;

/* entries_read of a group that was set to an ID whose number in the stream is not known. */
#define GROUP_READ_UNKNOWN INT64_C(-1)

/* A new group that has read up to an ID; its name is copied. Streams make groups. */
struct group *group_new(struct slice name, struct entry_id last_id, int64_t entries_read);

/* A deep copy. */
struct group *group_copy(const struct group *group);

/* Frees it with its consumers and pending list. NULL is fine. */
void group_free(struct group *group);

/* Its name, borrowed. */
struct slice group_name(const struct group *group);

/* The last ID that was handed out as new. */
struct entry_id group_last_id(const struct group *group);

/* When somebody last read, claimed or acknowledged in it; 0 if that is not known. */
millis group_seen_at(const struct group *group);
void group_touch(struct group *group, millis now);

/* How many entries it has read, or GROUP_READ_UNKNOWN. */
int64_t group_entries_read(const struct group *group);

/* Sets how far it has read. */
void group_set(struct group *group, struct entry_id last_id, int64_t entries_read);

/* Moves on to an entry that is handed out, and counts it if it can. O(1), or O(log n) if unknown. */
void group_advance(struct group *group, const struct stream *stream, struct entry_id id);

/*
 * How many entries are still to be read, computed as Redis 7.0 does, from counters
 * alone. False if Redis would not know: there may be deleted entries ahead.
 */
MUST_USE bool group_lag_reckoned(const struct group *group, const struct stream *stream,
                                 int64_t *lag);

/* How many entries are still to be read: counted, always exact. O(log n). */
uint64_t group_lag_exact(const struct group *group, const struct stream *stream);

/*
 * The number of an entry among all that were ever added, or GROUP_READ_UNKNOWN
 * when counters alone do not tell.
 */
int64_t group_reckon_read(const struct stream *stream, struct entry_id id);

/* -- Consumers, found by name, walked through in the order of their names. */

/* How many there are. O(1). */
size_t group_consumers(const struct group *group);

/* The consumer of this name or NULL, borrowed until it is removed. O(log consumers). */
struct consumer *group_find_consumer(const struct group *group, struct slice name);

/* Adds a consumer, whose name must be new. */
struct consumer *group_add_consumer(struct group *group, struct slice name, millis now);

/* Removes and frees a consumer; forgets all it holds, and returns how many they were. What it
 * held goes into `discard`, if not NULL, where that is quicker. O(n) at worst. */
uint64_t group_remove_consumer(struct group *group, struct consumer *consumer,
                               struct discard *discard);

/* A walk over all consumers, during which none may come or go; the next of them, NULL behind the
 * last. O(1) each. */
struct consumer_walk {
    const struct ordered *tree; /* Private, as is what follows. */
    struct ordered_cursor at;
};
struct consumer_walk group_walk_consumers(const struct group *group);
struct consumer *group_next_consumer(struct consumer_walk *walk);

/* The consumer of a number; NULL for 0. */
struct consumer *group_consumer(const struct group *group, uint32_t number);

/* -- Pending entries. */

/* Borrowed, for looking. */
const struct pending *group_pending(const struct group *group);

/*
 * Records that a consumer holds an entry, delivered at a time and so often.
 * Whoever held it holds it no more. O(log n).
 */
void group_deliver(struct group *group, struct consumer *to, struct entry_id id, millis now,
                   uint64_t times);

/*
 * Takes an entry from whoever holds it: it stays pending, delivered so often,
 * and is the next to be claimed once those released before it are. False if it
 * was not pending; now it is. O(log n).
 */
bool group_release(struct group *group, struct entry_id id, uint64_t times);

/* Forgets a delivery because its entry was processed or is gone. False if it was not pending. */
bool group_acknowledge(struct group *group, struct entry_id id);

/* Forgets all deliveries of a range of IDs, both included; returns how many. O(log n) each, and
 * where the range begins the list, less: then they go into `discard`, if not NULL. */
uint64_t group_forget_range(struct group *group, struct entry_id from, struct entry_id to,
                            struct discard *discard);

/*
 * Moves the group and its consumers (storage/base/mover.h), to which nobody else has
 * pointers; and some nodes of its pending list, from a place on: returns the next
 * place, 0 behind the last. O(consumers), O(log n).
 */
struct mover;
void group_move(struct group **group, struct mover *mover);
uint64_t group_move_pending(struct group *group, struct mover *mover, uint64_t at);

/* Bytes of memory. O(consumers). */
size_t group_memory(const struct group *group);

/* Asserts every invariant. O(n). */
void group_check(const struct group *group);

#endif
