/*
 * How fast a counter rises: the mean of the last sixteen samples, each the
 * rise per second between two looks.
 */
#ifndef BROKER_METRICS_RATE_H
#define BROKER_METRICS_RATE_H

#include <stdint.h>

#include "storage/base/clock.h"

enum { RATE_SAMPLES = 16 };

/* All zero is a rate that was never looked at. */
struct rate {
    uint64_t samples[RATE_SAMPLES]; /* Private. */
    uint64_t last;                  /* Private: the counter at the last look */
    micros looked;                  /* Private: when that was; 0 never */
    uint32_t next;                  /* Private: the oldest sample */
};

/* Looks at the counter; called about ten times a second. A counter that fell was reset. */
void rate_look(struct rate *rate, uint64_t counter, micros now);

/* Rises per second. */
uint64_t rate_per_second(const struct rate *rate);

#endif
