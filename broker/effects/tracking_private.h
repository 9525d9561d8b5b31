/*
 * What tracking is made of: for broker/effects/tracking*.c only.
 *
 * What always holds:
 *   (1) A remembered key has at least one ID; its IDs rise and none is there twice.
 *   (2) `items` is the sum of the counts of all remembered keys.
 *   (3) A prefix has at least one tracker; it is in `pending` if and only if it has
 *       changed keys.
 *   (4) LISTENER_CACHES is on, and the witness awake, while anybody tracks.
 *   (5) All prefixes are in `by_text`, and none is longer than `longest`.
 */
#ifndef BROKER_EFFECTS_TRACKING_PRIVATE_H
#define BROKER_EFFECTS_TRACKING_PRIVATE_H

#include "broker/effects/tracking.h"
#include "storage/base/random.h"
#include "storage/index/table.h"

/* A key that sessions know. */
struct known {
    uint64_t *ids;
    uint32_t  count;
    uint32_t  capacity;
    size_t    len;
    char      key[];
};

/* A key that was read when there were changes already that nobody was told of. */
struct late {
    uint64_t     id;
    size_t       after; /* so many lines of the ledger */
    struct bytes *key;
};

/* A key under a prefix that changed in this turn. */
struct changed {
    uint64_t by; /* the session that changed it last, 0 for nobody who minds */
    size_t   len;
    char     key[];
};

/* What some broadcasting trackers listen to. */
struct prefix {
    struct chain  link;    /* in tracking->prefixes */
    struct chain  pending; /* in tracking->pending */
    struct table  changed;
    struct tracker **trackers;
    size_t        count;
    size_t        capacity;
    size_t        len;
    char          text[];
};

struct tracker {
    struct session *session;
    uint64_t        redirect;
    uint32_t        flags;
    bool            script_read; /* the script under way has read something */
    struct prefix **prefixes; /* in the order of their bytes */
    size_t          count;
    size_t          capacity;
};

struct tracking {
    struct ledger         *ledger;
    const struct options  *options;
    const struct hash_key *secret;
    struct sessions       *sessions;
    struct random          random;
    struct table           keys;
    struct late           *late;  /* in the order of reading */
    size_t                 late_count;
    size_t                 late_capacity;
    struct chain           prefixes;
    struct chain           pending;
    struct table           by_text; /* the same prefixes */
    size_t                 longest; /* bytes of a prefix, at most */
    size_t                 trackers;
    size_t                 items;
    size_t                 bytes;  /* of remembered keys and their IDs */
    struct buffer          text;   /* messages are put together in it */
};

/* Tells a tracker what is invalid: an array of keys, encoded, or nothing for everything. */
void tracker_tell(struct tracking *tracking, struct tracker *tracker, struct slice keys);

/* Empties the table of prefixes: there are none. */
void tracking_init_prefixes(struct tracking *tracking);

/* Notes a change for those who listen to prefixes of its key; and tells them, of all at once. */
void tracking_note_broadcasts(struct tracking *tracking, struct slice key);
void tracking_broadcast_all(struct tracking *tracking);

/* Takes a tracker out of all its prefixes. */
void tracker_leave_prefixes(struct tracking *tracking, struct tracker *tracker);

#endif
