/*
 * Taking over what another consumer holds: entries that were delivered and have
 * lain idle for too long, because their consumer died.
 */
#ifndef STREAMS_CLAIM_H
#define STREAMS_CLAIM_H

#include "storage/base/buffer.h"
#include "streams/group.h"
#include "streams/stream.h"

/* Who takes what, and what is then recorded. */
struct claim {
    const struct stream *stream;
    struct group        *group;
    struct slice         name;         /* of the consumer who takes */
    struct consumer     *consumer;     /* NULL until something was taken: then found or added */
    millis               now;
    millis               min_idle;     /* only what was delivered at least so long ago */
    millis               delivered_at; /* the time to record */
    bool                 force;        /* also what nobody holds, if the entry exists */
    bool                 blind;        /* does not look whether the entry exists: a log or primary knows */
    millis               seen_at;      /* when the consumer was last seen; 0: now */
    bool                 count;        /* counts as one delivery more */
    bool                 sets_times;   /* record `times` instead */
    uint64_t             times;
};

enum claim_answer {
    CLAIM_REFUSED, /* not pending, or not idle for long enough: nothing was changed */
    CLAIM_TAKEN,   /* it is the consumer's now */
    CLAIM_GONE,    /* it was pending, but the entry is deleted: it is not pending any more */
};

/*
 * Takes over one entry. If it was taken, shows what is recorded now and the
 * entry, which is borrowed until the stream is changed. O(log n).
 */
enum claim_answer claim_one(struct claim *claim, struct entry_id id, struct delivery *delivery,
                            struct entry *entry);

/*
 * A search for idle entries, from an ID on. Each step takes over one, or finds
 * one gone. Where none can be gone, those that are not idle are not looked at;
 * elsewhere no more than `looks` of them are.
 */
struct claim_scan {
    struct claim   *claim; /* Private, all. */
    struct entry_id from;
    struct entry_id sound; /* no pending entry from here on is gone */
    uint64_t        looks;
    bool            done;
};

/* Begins a search, for which the claim is borrowed. */
void claim_scan_begin(struct claim_scan *scan, struct claim *claim, struct entry_id from,
                      uint64_t looks);

/* The next one: CLAIM_TAKEN, or CLAIM_GONE of which only delivery->id is told; CLAIM_REFUSED when
 * there is none, or it has looked long enough. */
enum claim_answer claim_scan_next(struct claim_scan *scan, struct delivery *delivery,
                                  struct entry *entry);

/*
 * Idle entries in the order in which they are due: what was handed back, first
 * come first; then what has lain idle longest. Each is looked at before it is
 * taken, and is found only once, whatever time the claim records.
 *
 *     claim_idle_begin(&idle, &claim);
 *     while (claim_idle_next(&idle, &delivery, &entry) != CLAIM_REFUSED)
 *         ... claim_idle_take(&idle, &delivery) ...
 *     claim_idle_end(&idle);
 */
struct claim_idle {
    struct claim *claim; /* Private, all. */
    millis        until;
    struct buffer taken; /* IDs of those whose time is still to be recorded */
};

/* Begins a search, for which the claim is borrowed. */
void claim_idle_begin(struct claim_idle *idle, struct claim *claim);

/* The next one, as it is recorded: CLAIM_TAKEN if it may be taken, and then must be, or the search
 * ends; CLAIM_GONE if its entry is deleted, and it is pending no more; CLAIM_REFUSED if there is
 * none. O(log n). */
enum claim_answer claim_idle_next(struct claim_idle *idle, struct delivery *delivery,
                                  struct entry *entry);

/* Takes it; shows what is recorded now. O(log n). */
void claim_idle_take(struct claim_idle *idle, struct delivery *delivery);

/* Ends the search, however far it came. */
void claim_idle_end(struct claim_idle *idle);

/* When the next pending entry will have lain idle for so long, 0 if one was handed back, -1 if
 * nothing is pending. O(log n). */
millis claim_idle_due(const struct group *group, millis min_idle);

/* The first pending entry that a scan has not come to, idle or not; 0-0 if there is none. */
struct entry_id claim_scan_place(const struct claim_scan *scan);

#endif
