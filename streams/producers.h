/*
 * What producers have published lately, so that a message sent twice is added
 * once: for each producer the names of its latest messages and the entries they
 * became.
 *
 *     producer "p1"   [ m-7 -> 5-0 | m-8 -> 5-1 | m-9 -> 6-0 ]   oldest first
 *     producer "p2"   [ a -> 5-2 ]
 *
 * A name is forgotten when its entry's ID is older than a duration, when its
 * producer has published too many since, or when all is cleared. A producer
 * with no names left is forgotten too. Memory is bounded by names: one of more
 * than PRODUCERS_NAME_MAX bytes is kept as its SHA-256, and found by the long
 * name as well as by these 32 bytes.
 *
 * Costs: n is the number of producers, or of names of one.
 */
#ifndef STREAMS_PRODUCERS_H
#define STREAMS_PRODUCERS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "storage/base/clock.h"
#include "storage/base/must.h"
#include "storage/base/slice.h"
#include "streams/entry_id.h"

struct producers;

enum { PRODUCERS_NAME_MAX = 64 };

/* An empty memory, a deep copy of one, and the end of one. */
struct producers *producers_new(void);
struct producers *producers_copy(const struct producers *producers);
void producers_free(struct producers *producers); /* NULL is fine. */

/*
 * The entry that a producer's message became; false if it is not known, which
 * it is not any more when its entry's ID is of `since` or before. A duplicate
 * that was found is counted. O(log n), and O(names forgotten).
 */
MUST_USE bool producers_find(struct producers *producers, struct slice producer,
                             struct slice message, millis since, struct entry_id *id);

/* The same for one who only looks: nothing is counted, nor forgotten. O(log n). */
MUST_USE bool producers_know(const struct producers *producers, struct slice producer,
                             struct slice message, millis since, struct entry_id *id);

/*
 * Remembers what a message became, in the place of what was known of it, and no
 * more than `most` messages of its producer. O(log n).
 */
void producers_record(struct producers *producers, struct slice producer, struct slice message,
                      struct entry_id id, uint64_t most);

/* Forgets messages of `since` and before, as far as whole producers are that old. O(forgotten). */
void producers_forget(struct producers *producers, millis since);

/* Forgets everything but the counts. */
void producers_clear(struct producers *producers);

/* How many producers and messages are known, were ever recorded, and came twice. O(1). */
struct producers_counts {
    uint64_t producers;
    uint64_t messages;
    uint64_t recorded;
    uint64_t duplicates;
};
struct producers_counts producers_counts(const struct producers *producers);

/* Sets the two that no message tells of. */
void producers_set_counts(struct producers *producers, uint64_t recorded, uint64_t duplicates);

/* Shows every message, of each producer the oldest first. */
void producers_visit(const struct producers *producers,
                     void (*visit)(void *who, struct slice producer, struct slice message,
                                   struct entry_id id),
                     void *who);

/*
 * Moves the header, at which `producers` points, if `at` is 0 (storage/base/mover.h), and
 * some producers with their messages, from a place on. Returns the next place, 0 behind
 * the last. O(messages of some producers).
 */
struct mover;
uint64_t producers_move(struct producers **producers, struct mover *mover, uint64_t at);

/* Bytes of memory, roughly. O(1). */
size_t producers_memory(const struct producers *producers);

/* Asserts every invariant. O(all messages). */
void producers_check(const struct producers *producers);

#endif
