/*
 * A stream: a log of entries whose IDs rise, with groups of consumers that
 * read it.
 *
 *     sealed, in a counted tree              being filled
 *     [segment] [segment] ... [segment]      [tail]
 *
 * An append touches the tail alone. Reading from an ID is a search in the tree
 * and then in one segment; the tree adds up live entries, so that the entries
 * of any range of IDs are counted exactly without looking at them. Space of
 * deleted entries comes back: a segment that is half empty is rewritten, an
 * empty one dropped.
 *
 * Costs: n is the number of entries; the entries of one segment (a hundred, by
 * default) count as O(1).
 */
#ifndef STREAMS_STREAM_H
#define STREAMS_STREAM_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "storage/base/clock.h"
#include "storage/base/must.h"
#include "storage/base/slice.h"
#include "storage/index/ordered.h"
#include "storage/values/value.h"
#include "streams/entry_id.h"
#include "streams/segment.h"

struct producers;
struct stream; /* begins with a struct value of kind VALUE_STREAM */
struct group;

/* A new empty stream without groups. */
struct stream *stream_new(void);

/* A deep copy, groups and all. */
struct stream *stream_copy(const struct stream *stream);

/* Frees the stream, its entries and groups. NULL is fine. */
void stream_free(struct stream *stream);

/* -- What it is. O(1). */

/* How many entries it has. */
uint64_t stream_length(const struct stream *stream);

/* The greatest ID there ever was, or that XSETID said. */
struct entry_id stream_last_id(const struct stream *stream);

/* The greatest ID of those that stream_delete has deleted; 0-0 if none. */
struct entry_id stream_max_deleted(const struct stream *stream);

/*
 * The ID from which on no entry was ever taken out, by deletion or trimming:
 * whatever was there is there. O(log n).
 */
struct entry_id stream_sound_from(const struct stream *stream);

/* How many entries were ever appended, or what XSETID said. */
uint64_t stream_entries_added(const struct stream *stream);

/* Bytes of its entries as they are packed, deleted ones that still take room included. */
uint64_t stream_bytes(const struct stream *stream);

/* How many segments it has. */
size_t stream_segments(const struct stream *stream);

/* The ID of its first entry; 0-0 if it has none. O(log n). */
struct entry_id stream_first_id(const struct stream *stream);

/* The first and the last entry; false if it has none. O(log n). */
MUST_USE bool stream_first(const struct stream *stream, struct entry *entry);
MUST_USE bool stream_last(const struct stream *stream, struct entry *entry);

/* The entry of an ID; false if there is none. O(log n). */
MUST_USE bool stream_find(const struct stream *stream, struct entry_id id, struct entry *entry);

/* How many entries there are from one ID to another, both included. Exact, O(log n). */
uint64_t stream_count(const struct stream *stream, struct entry_id from, struct entry_id to);

/* -- Changing it. */

/* The most bytes the fields and values of one entry may have together. */
#define STREAM_ENTRY_MAX (UINT32_C(1) << 30)

/* Whether an entry is not too large to be appended. */
MUST_USE bool stream_fits(const struct slice *fields, size_t pairs);

/*
 * Appends an entry that fits, with an ID greater than the last one. `fields`
 * are names and values in turn, 2 * pairs slices, pairs at least 1. Segments
 * are sealed as the limits say. O(size).
 */
void stream_append(struct stream *stream, struct entry_id id, const struct slice *fields,
                   size_t pairs, const struct value_limits *limits);

/* Deletes an entry. False, changing nothing, if there is none. O(log n). */
MUST_USE bool stream_delete(struct stream *stream, struct entry_id id);

/* What XSETID says. The last ID must not be below that of the last entry. */
void stream_set_last_id(struct stream *stream, struct entry_id id);
void stream_set_entries_added(struct stream *stream, uint64_t count);
void stream_set_max_deleted(struct stream *stream, struct entry_id id);

/* -- What is set for it. */

struct stream_settings {
    uint32_t idmp_duration; /* seconds for which duplicates are known; 0: as the server says */
    uint32_t idmp_maxsize;  /* messages of one producer that are known; 0: likewise */
    bool     work_queue;    /* entries leave when every group has acknowledged them */
    uint64_t max_bytes;     /* entries leave at the front above that; 0: never */
    millis   max_age;       /* entries leave when they are so old; 0: never */
    millis   group_ttl;     /* groups that nobody used for so long do not count; 0: all do */
};

/* Borrowed until it is set. */
const struct stream_settings *stream_settings(const struct stream *stream);
void stream_set(struct stream *stream, const struct stream_settings *settings);

/* What is known of its producers' messages (producers.h): NULL if nothing, or made if asked. */
struct producers *stream_producers(const struct stream *stream);
struct producers *stream_make_producers(struct stream *stream);

/* -- Groups, found by name, walked through in the order of their names. */

/* How many it has. */
size_t stream_groups(const struct stream *stream);

/* The group of this name or NULL, borrowed until it is removed. O(log groups). */
struct group *stream_find_group(const struct stream *stream, struct slice name);

/* A walk over all groups, during which none may come or go; the next of them, NULL behind the
 * last. O(1) each. */
struct group_walk {
    const struct ordered *tree; /* Private, as is what follows. */
    struct ordered_cursor at;
};
struct group_walk stream_walk_groups(const struct stream *stream);
struct group *stream_next_group(struct group_walk *walk);

/* Adds a group, whose name must be new, that has read up to an ID. `entries_read` may be
 * GROUP_READ_UNKNOWN (group.h). */
struct group *stream_add_group(struct stream *stream, struct slice name, struct entry_id last_id,
                               int64_t entries_read);

/* Removes and frees a group with its consumers and pending entries. */
void stream_remove_group(struct stream *stream, struct group *group);

/* Removes a group and hands it over: it is the caller's to free. O(log groups). */
void stream_take_group(struct stream *stream, struct group *group);

/* -- The rest. */

/* The same from what is counted already: the bytes of entries, and so many groups. O(groups). */
size_t stream_weight(const struct stream *stream, size_t groups);

/* Bytes of memory; looks at `samples` groups and extrapolates, 0 for all. */
size_t stream_memory(const struct stream *stream, size_t samples);

/*
 * Moves blocks of the stream (storage/base/mover.h), whose header is moved too if `at`
 * is 0: some from a place on. Returns the next place, 0 behind the last.
 */
struct mover;
uint64_t stream_move(struct stream **stream, struct mover *mover, uint64_t at);

/* Asserts every invariant, of segments and groups too. O(n). */
void stream_check(const struct stream *stream);

#endif
