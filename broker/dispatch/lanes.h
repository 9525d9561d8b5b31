/*
 * Where waiters stand: under each key somebody waits for there are lanes, in
 * each lane places, first come first served. Who is served and when is told in
 * waiting.h; this is only the order they stand in, and the alarms of lanes.
 *
 * What always holds:
 *   (1) A lane with no places is not in its key; a key with no lanes is not in the table.
 *   (2) A lane with an alarm is in `alarms` once.
 *   (3) Nobody in a lane needs less than its `least_need`.
 */
#ifndef BROKER_DISPATCH_LANES_H
#define BROKER_DISPATCH_LANES_H

#include "broker/dispatch/call.h"
#include "storage/base/chain.h"

struct hash_key;
struct ordered;
struct session_waiter;
struct table;

/* A key of one database that somebody waits for. */
struct awaited {
    struct chain  lanes;
    struct chain  ready; /* in waiting->ready while it is to be served */
    uint32_t      db;
    uint32_t      len;
    bool          held;  /* it is being served: not to be freed */
    char          key[];
};

/* Waiters of one key that compete with each other, or all want the same. */
struct lane {
    struct chain    link;
    struct chain    places;
    struct awaited *of;
    uint8_t         kind;
    bool            shared;
    bool            on_gone;
    uint32_t        len;
    uint64_t        least_need;
    uint64_t        serial;  /* of two that ring at once the older is first */
    millis          wake_at; /* 0 for never */
    char            name[];
};

/* Where a waiter stands in a lane. */
struct place {
    struct chain           link;
    struct lane           *lane;
    struct session_waiter *waiter;
};

struct lanes {
    struct table   *keys; /* one for each database */
    uint32_t        dbs;
    struct ordered *alarms;
    uint64_t        made; /* lanes, ever */
};

void lanes_init(struct lanes *lanes, uint32_t dbs, const struct hash_key *secret);

/* Frees the tables; nobody stands anywhere any more. */
void lanes_clear(struct lanes *lanes);

/* The key's own name, and the key with that name or NULL. O(1). */
struct slice lanes_key(const struct awaited *awaited);
struct awaited *lanes_find(const struct lanes *lanes, uint32_t db, struct slice key);

/* The lane that a wait for a key stands in, made if there is none. */
struct lane *lanes_lane(struct lanes *lanes, uint32_t db, struct slice key,
                        const struct wait *wait);

/* Frees what nobody stands in, unless the key is being served or will be. */
void lanes_drop_if_empty(struct lanes *lanes, struct lane *lane);
void lanes_drop_key_if_empty(struct lanes *lanes, struct awaited *awaited);

/* Sets the alarm of a lane, if it is not earlier already. O(log n). */
void lanes_wake_at(struct lanes *lanes, struct lane *lane, millis at);

/* When the first alarm rings, or -1. */
millis lanes_next_alarm(const struct lanes *lanes);

/* Ends the first alarm that rings by now and returns the key of its lane; NULL if none does. */
struct awaited *lanes_ring(struct lanes *lanes, millis now);

/* How many keys somebody waits for; how many whose removal somebody waits for too (O(lanes)). */
size_t lanes_keys(const struct lanes *lanes);
size_t lanes_keys_on_gone(const struct lanes *lanes);

#endif
