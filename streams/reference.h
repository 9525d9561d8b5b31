/*
 * What refers to an entry: every group that has still to read it, and every one
 * in which it is pending. An entry that nothing refers to was read and
 * acknowledged by all groups.
 *
 * Costs: g is the number of groups, n that of pending entries of one.
 */
#ifndef STREAMS_REFERENCE_H
#define STREAMS_REFERENCE_H

#include "storage/base/buffer.h"
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

/*
 * For asking about many IDs: what all groups have read, and those groups in
 * which something is pending, found once. It holds while no group comes or
 * goes, reads, or gets something pending.
 */
struct reference_view {
    const struct stream *stream;      /* Private, all. */
    millis               dead_before;
    struct entry_id      read_by_all;
    struct buffer        groups;      /* struct group * */
};

/* Begins, O(g), and ends. */
void reference_view_begin(struct reference_view *view, const struct stream *stream,
                          millis dead_before);
void reference_view_end(struct reference_view *view);

/* Whether the ID is pending in some group. O(p log n) for p groups in the view. */
bool reference_view_is_pending(const struct reference_view *view, struct entry_id id);

/* The first ID not below `from` that something refers to. O(p log n). */
struct entry_id reference_view_first(const struct reference_view *view, struct entry_id from);

/* Whether in some group as many IDs of a range are pending, both ends included. O(p log n). */
bool reference_view_covers(const struct reference_view *view, struct entry_id from,
                           struct entry_id to, uint64_t count);

/* Makes a range of IDs pending nowhere, both ends included. Returns how many deliveries were
 * forgotten; they go as with group_forget_range. O(p log n) and for each of them O(log n). */
uint64_t reference_view_drop(const struct reference_view *view, struct entry_id from,
                             struct entry_id to, struct discard *discard);

/* What became of an ID that was to be deleted. */
enum reference_answer {
    REFERENCE_MISSING, /* there is no such entry */
    REFERENCE_DELETED,
    REFERENCE_REFUSED, /* something refers to it, and none should */
};

/* Deletes an entry by a rule; `dropped` gets more by the deliveries forgotten. Where references
 * are kept no view is needed. */
enum reference_answer reference_delete(struct stream *stream, struct entry_id id,
                                       enum reference_rule rule, const struct reference_view *view,
                                       uint64_t *dropped);

#endif
