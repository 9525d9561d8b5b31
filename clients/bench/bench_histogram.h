/*
 * Counts of latencies, from a nanosecond to eighteen minutes, in little memory.
 *
 * Buckets are linear within each power of two and double from one to the next:
 * values below 128 have a bucket each, and every power of two above is cut into
 * 64. A bucket is thus at most 1/64 of its value wide, and since a percentile is
 * given as the middle of its bucket it is off by less than 0.8 % of itself.
 * The least, the greatest and the mean are exact.
 *
 *   value   0 ... 127   128 ... 255   256 ... 511   ...   2^39 ... 2^40 - 1
 *   width        1           2             4                   2^33
 *
 * Values past the last bucket are counted in it.
 */
#ifndef BENCH_HISTOGRAM_H
#define BENCH_HISTOGRAM_H

#include <stdint.h>

enum {
    BENCH_HISTOGRAM_CUTS = 64, /* buckets of each power of two */
    BENCH_HISTOGRAM_BITS = 40, /* values below 2^40 have buckets of their own */
    BENCH_HISTOGRAM_BUCKETS = (BENCH_HISTOGRAM_BITS - 6 + 1) * BENCH_HISTOGRAM_CUTS
};

/* Plain data; zeroed memory is an empty histogram. */
struct bench_histogram {
    uint64_t count;
    uint64_t sum;
    uint64_t greatest;
    uint64_t least; /* of no meaning while count is 0 */
    uint64_t buckets[BENCH_HISTOGRAM_BUCKETS];
};

/* Counts one value. O(1), no branch on the value but for its size. */
void bench_histogram_add(struct bench_histogram *histogram, uint64_t value);

/* Adds all that 'from' has counted. O(buckets). */
void bench_histogram_merge(struct bench_histogram *into, const struct bench_histogram *from);

/*
 * The value that 'percent' of the counted ones do not exceed, by nearest rank;
 * 0 when empty. Never outside least and greatest; 100 gives the greatest. O(buckets).
 */
uint64_t bench_histogram_percentile(const struct bench_histogram *histogram, double percent);

/* The mean of all values, exact; 0 when empty. */
double bench_histogram_mean(const struct bench_histogram *histogram);

#endif
