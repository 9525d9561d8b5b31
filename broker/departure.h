/*
 * Ending, with a look back: a primary waits until its replicas have all it said,
 * for shutdown-timeout seconds at most. Meanwhile nothing may change.
 *
 *   SHUTDOWN, signal ──► all in sync? ──yes──────────────────────────► boot_shutdown
 *                           │ no                                            ▲
 *                           ▼                                               │
 *                        WAITING ──all in sync, time is over, NOW───────────┘
 *                           └──── SHUTDOWN ABORT, cannot be saved ──► as if nothing was
 */
#ifndef BROKER_DEPARTURE_H
#define BROKER_DEPARTURE_H

#include <stdbool.h>

#include "broker/broker.h"
#include "storage/base/clock.h"

struct trouble;

/* Under this key, in every database, those wait who asked for the end. Nobody else has it. */
#define DEPARTURE_KEY SLICE("\0shutdown")

/* Made with the broker; freed with it. */
struct departure *departure_new(struct broker *broker);
void departure_free(struct departure *departure);

/* What follows from asking for the end. */
enum departure_answer {
    DEPARTURE_ENDS,  /* with this turn */
    DEPARTURE_WAITS, /* for replicas: whoever asked waits, too */
    DEPARTURE_FAILED /* with trouble, which was logged */
};

/* Asks for the end; `how` is bits of enum boot_end. */
enum departure_answer departure_ask(struct departure *departure, unsigned how,
                                    struct trouble *trouble);

/* The same with the next tick of upkeep, which stands still; SHUTDOWN ABORT may come before. */
void departure_postpone(struct departure *departure, unsigned how);

/* Whether it waits, and for how many milliseconds at most: 0 if it does not. */
millis departure_left(const struct departure *departure);

/* SHUTDOWN ABORT. False if it does not wait. */
bool departure_abort(struct departure *departure);

/* Looks whether it is time; upkeep calls it with every tick. */
void departure_tick(void *departure);

#endif
