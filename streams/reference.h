/*
 * What refers to an entry: every group that has still to read it, and every one
 * in which it is pending. An entry that nothing refers to was read and
 * acknowledged by all groups.
 *
 * Costs: g is the number of groups, n that of pending entries of one.
 */
#ifndef STREAMS_REFERENCE_H
#define STREAMS_REFERENCE_H

#include "streams/group.h"
#include "streams/stream.h"

/* What becomes of references when entries are deleted. */
enum reference_rule {
    REFERENCE_KEEP, /* they stay, and dangle */
    REFERENCE_DROP, /* they go too */
    REFERENCE_NONE, /* an entry that has some is not deleted */
};

/* Groups that nobody has used since a time are dead, and do not count; since 0: all count. */
bool reference_is_dead(const struct group *group, millis dead_before);

/* Whether something refers to an ID. O(g log n). */
bool reference_exists(const struct stream *stream, struct entry_id id, millis dead_before);

/* Whether the ID is pending in some group. O(g log n). */
bool reference_is_pending(const struct stream *stream, struct entry_id id, millis dead_before);

/* The last ID that all groups have read; the greatest there is if there are no groups. O(g). */
struct entry_id reference_read_by_all(const struct stream *stream, millis dead_before);

/* Makes a range of IDs pending nowhere, both ends included. Returns how many deliveries were
 * forgotten. O(g log n) and for each of them O(log n). */
uint64_t reference_drop(const struct stream *stream, struct entry_id from, struct entry_id to);

/* What became of an ID that was to be deleted. */
enum reference_answer {
    REFERENCE_MISSING, /* there is no such entry */
    REFERENCE_DELETED,
    REFERENCE_REFUSED, /* something refers to it, and none should */
};

/* Deletes an entry by a rule; `dropped` gets more by the deliveries forgotten. */
enum reference_answer reference_delete(struct stream *stream, struct entry_id id,
                                       enum reference_rule rule, uint64_t *dropped);

#endif
