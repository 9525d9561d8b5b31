/*
 * How long calls took: counts by duration, exact to two digits.
 *
 * Durations are counted in nanoseconds, from 1 to a second, in lines of 128
 * counters. The first line has one counter for each value below 128; each
 * further one covers the values between a power of two and the next, in 128
 * equal steps. A line is allocated when a duration first falls into it, so a
 * command that always takes about as long has three or four lines of a kilobyte.
 *
 *     line 0    0 1 2 3 ... 127
 *     line 1    128 129 ... 255
 *     line 2    256 258 260 ... 510
 *     line 7    8192 8256 8320 ... 16320
 *
 * Nearly every call is short, and counted by its microseconds first; reading
 * moves those counts to their lines.
 *
 * The steps are those of Redis's histograms with two digits, so that the same
 * durations print the same percentiles.
 */
#ifndef BROKER_METRICS_HISTOGRAM_H
#define BROKER_METRICS_HISTOGRAM_H

#include <stddef.h>
#include <stdint.h>

#include "storage/base/clock.h"

enum { HISTOGRAM_STEPS = 128, HISTOGRAM_LINES = 24, HISTOGRAM_SHORT = 128 };

/* All zero is an empty one. */
struct histogram {
    /* Private. */
    uint64_t  brief[HISTOGRAM_SHORT]; /* those of so many microseconds that are in no line yet */
    uint64_t  count;                  /* those in lines */
    uint64_t *line[HISTOGRAM_LINES];  /* NULL until something falls into it */
};

/* Private: counts so many of one duration in their line. */
void histogram_count_in_line(struct histogram *histogram, micros took, uint64_t times);

/* Counts one duration; what is longer than a second counts as a second. */
static inline void histogram_count(struct histogram *histogram, micros took)
{
    if (__builtin_expect((uint64_t)took < HISTOGRAM_SHORT, 1))
        histogram->brief[took]++;
    else
        histogram_count_in_line(histogram, took, 1);
}

/* How many were counted. */
uint64_t histogram_total(struct histogram *histogram);

/*
 * The duration in nanoseconds that a share of all, 0 to 100 per cent, did not
 * exceed: the last of its step, or the first for 0 per cent. 0 if it is empty.
 */
uint64_t histogram_at(struct histogram *histogram, double percent);

/*
 * Shows how many took at most 1, 2, 4, 8 ... microseconds (each step ends where
 * the counter of the power of two ends), passing over those that say no more
 * than the one before.
 */
void histogram_each(struct histogram *histogram,
                    void (*show)(void *who, uint64_t usec, uint64_t count), void *who);

/* Gives the memory back; the histogram is empty and usable. */
void histogram_clear(struct histogram *histogram);

/* Bytes of memory behind it. */
size_t histogram_memory(const struct histogram *histogram);

#endif
