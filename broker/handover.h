/*
 * FAILOVER: this primary hands its role over to one of its replicas, and follows
 * it from then on. Nothing may change meanwhile.
 *
 *   NONE ──handover_begin──► SYNCING ──a replica has all──► ASKING ──it agrees──► NONE,
 *    ▲                          │    └─time over, FORCE──────▲  │                 following
 *    └──ABORT, time is over─────┴────────ABORT, it refuses──────┘
 *
 * ASKING, this is a replica already, of the one that it asks to take over (PSYNC
 * id offset FAILOVER): there are never two primaries.
 */
#ifndef BROKER_HANDOVER_H
#define BROKER_HANDOVER_H

#include <stdbool.h>

#include "broker/broker.h"
#include "storage/base/clock.h"
#include "storage/base/slice.h"

struct handover;
struct replica;

/* Made with the broker; freed with it. */
struct handover *handover_new(struct broker *broker);
void handover_free(struct handover *handover);

/* To whom: NULL for whoever has everything first. */
struct handover_wish {
    const struct replica *target;
    millis                timeout; /* 0: none */
    bool                  force;   /* when that is over, go on all the same */
};

/* Begins; nothing of the kind may be under way. */
void handover_begin(struct handover *handover, const struct handover_wish *wish);

/* FAILOVER ABORT. False if nothing is under way. */
bool handover_abort(struct handover *handover);

/* Whether one is under way, and "waiting-for-sync" as INFO has it. */
bool handover_runs(const struct handover *handover);
const char *handover_state_name(const struct handover *handover);

/* Looks whether it can go on; upkeep calls it with every tick. */
void handover_tick(void *handover);

/* The same at the end of a turn, so that a replica which has all is asked at once. O(replicas). */
bool handover_step(void *handover);

#endif
