/*
 * Where a value is counted: with h the place of its highest bit, values below
 * 128 (h <= 6) are their own bucket; above, the value is shifted right by h - 6,
 * which leaves 64 ... 127, and each step of h is 64 buckets further on.
 *
 * What always holds:
 *   (1) The buckets add up to 'count'.
 *   (2) bucket_of rises with the value, and bucket_middle lies within the bucket.
 */
#include "clients/bench/bench_histogram.h"

#include <math.h>

static unsigned bucket_of(uint64_t value)
{
    if (value < 2 * BENCH_HISTOGRAM_CUTS)
        return (unsigned)value;
    if (value >> BENCH_HISTOGRAM_BITS != 0)
        return BENCH_HISTOGRAM_BUCKETS - 1;
    unsigned shift = 63U - (unsigned)__builtin_clzll(value) - 6U;
    return shift * BENCH_HISTOGRAM_CUTS + (unsigned)(value >> shift);
}

static uint64_t bucket_middle(unsigned bucket)
{
    if (bucket < 2 * BENCH_HISTOGRAM_CUTS)
        return bucket;
    unsigned shift = bucket / BENCH_HISTOGRAM_CUTS - 1;
    uint64_t first = (uint64_t)(bucket - shift * BENCH_HISTOGRAM_CUTS) << shift;
    return first + (UINT64_C(1) << shift) / 2;
}

void bench_histogram_add(struct bench_histogram *histogram, uint64_t value)
{
    if (histogram->count == 0 || value < histogram->least)
        histogram->least = value;
    if (value > histogram->greatest)
        histogram->greatest = value;
    histogram->count++;
    histogram->sum += value;
    histogram->buckets[bucket_of(value)]++;
}

void bench_histogram_merge(struct bench_histogram *into, const struct bench_histogram *from)
{
    if (from->count == 0)
        return;
    if (into->count == 0 || from->least < into->least)
        into->least = from->least;
    if (from->greatest > into->greatest)
        into->greatest = from->greatest;
    into->count += from->count;
    into->sum += from->sum;
    for (unsigned i = 0; i < BENCH_HISTOGRAM_BUCKETS; i++)
        into->buckets[i] += from->buckets[i];
}

uint64_t bench_histogram_percentile(const struct bench_histogram *histogram, double percent)
{
    if (histogram->count == 0)
        return 0;
    uint64_t rank = (uint64_t)ceil((double)histogram->count * percent / 100);
    if (rank >= histogram->count)
        return histogram->greatest;
    uint64_t passed = 0;
    unsigned bucket = 0;
    while (bucket < BENCH_HISTOGRAM_BUCKETS - 1) {
        passed += histogram->buckets[bucket];
        if (passed >= rank && passed > 0)
            break;
        bucket++;
    }
    uint64_t value = bucket_middle(bucket);
    if (value < histogram->least)
        return histogram->least;
    return value > histogram->greatest ? histogram->greatest : value;
}

double bench_histogram_mean(const struct bench_histogram *histogram)
{
    return histogram->count == 0 ? 0 : (double)histogram->sum / (double)histogram->count;
}
