/*
 * What is known of the running broker itself: its run id, how fast its counters
 * rise, the most memory it ever used.
 */
#ifndef BROKER_OBSERVE_VITALS_H
#define BROKER_OBSERVE_VITALS_H

#include "broker/metrics/metrics.h"
#include "broker/metrics/rate.h"

struct vitals {
    char run_id[41];         /* of this run, made up at the start */
    char replication_id[41]; /* of the data's history */
    char executable[512];    /* the program's own path */
    micros started;          /* wall clock */
    size_t memory_at_start;  /* bytes allocated before any data */
    size_t memory_peak;
    micros allocator_counted; /* monotonic, when INFO last had the allocator count */
    struct rate commands; /* per second */
    struct rate input;    /* bytes per second */
    struct rate output;
    struct rate turns;    /* per second */
    struct rate turns_took; /* microseconds per second */
};

/* Begins at a moment of the wall clock. */
struct vitals *vitals_new(micros now);

/* Says that everything is made: what memory is in use now is not data's. */
void vitals_begin(struct vitals *vitals);

/* Frees it. NULL is fine. */
void vitals_free(struct vitals *vitals);

/* Takes a sample, at most ten times a second. */
void vitals_look(struct vitals *vitals, const struct metrics *metrics, micros monotonic);

/* Notes memory in use now, in case it is more than ever. Returns it. */
size_t vitals_memory(struct vitals *vitals);

/* CONFIG RESETSTAT: rates and the peak begin anew. */
void vitals_reset(struct vitals *vitals);

#endif
