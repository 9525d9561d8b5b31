#include "broker/metrics/histogram.h"

#include <stdbool.h>

#include "storage/base/memory.h"

/* Powers of two of nanoseconds that histogram_each reports: about 1 us to about 1 s. */
enum { FIRST_POWER = 10, LAST_POWER = 30 };

/* Redis ends its histograms here, a second being in the last line. */
#define LAST_VALUE ((UINT64_C(1) << 30) - 1)

void histogram_count_in_line(struct histogram *histogram, micros took, uint64_t times)
{
    uint64_t value = took <= 0 ? 1 : took >= 1000000 ? 1000000000 : (uint64_t)took * 1000;
    unsigned line = value < HISTOGRAM_STEPS ? 0 : 57 - (unsigned)__builtin_clzll(value);
    unsigned shift = line == 0 ? 0 : line - 1;

    if (histogram->line[line] == NULL)
        histogram->line[line] = memory_new_zeroed(HISTOGRAM_STEPS, sizeof(uint64_t));
    histogram->line[line][(value >> shift) & (HISTOGRAM_STEPS - 1)] += times;
    histogram->count += times;
}

uint64_t histogram_total(struct histogram *histogram)
{
    for (int took = 0; took < HISTOGRAM_SHORT; took++) {
        if (histogram->brief[took] == 0)
            continue;
        histogram_count_in_line(histogram, took, histogram->brief[took]);
        histogram->brief[took] = 0;
    }
    return histogram->count;
}

/* The first value of a step, and with `last` the last one. */
static uint64_t value_of(unsigned line, unsigned step, bool last)
{
    unsigned shift = line == 0 ? 0 : line - 1;
    uint64_t first = line == 0 ? step : (uint64_t)(HISTOGRAM_STEPS + step) << shift;

    return last ? first + (UINT64_C(1) << shift) - 1 : first;
}

uint64_t histogram_at(struct histogram *histogram, double percent)
{
    uint64_t wanted = (uint64_t)(percent / 100 * (double)histogram_total(histogram) + 0.5);
    uint64_t seen = 0;

    if (wanted == 0)
        wanted = 1;
    for (unsigned line = 0; line < HISTOGRAM_LINES; line++) {
        for (unsigned step = 0; histogram->line[line] != NULL && step < HISTOGRAM_STEPS; step++) {
            seen += histogram->line[line][step];
            if (seen >= wanted)
                return value_of(line, step, percent > 0);
        }
    }
    return 0;
}

/* How many are no longer than a value that ends a step. */
static uint64_t count_up_to(const struct histogram *histogram, uint64_t value)
{
    uint64_t count = 0;

    for (unsigned line = 0; line < HISTOGRAM_LINES; line++) {
        for (unsigned step = 0; histogram->line[line] != NULL && step < HISTOGRAM_STEPS; step++) {
            if (value_of(line, step, true) > value)
                return count;
            count += histogram->line[line][step];
        }
    }
    return count;
}

void histogram_each(struct histogram *histogram,
                    void (*show)(void *who, uint64_t usec, uint64_t count), void *who)
{
    uint64_t shown = 0;

    (void)histogram_total(histogram);
    for (unsigned power = FIRST_POWER; power <= LAST_POWER && shown < histogram->count; power++) {
        uint64_t end = value_of(power - 6, 0, true);
        uint64_t count = count_up_to(histogram, end);

        if (end > LAST_VALUE) {
            end = LAST_VALUE;
            count = histogram->count;
        }
        if (count > shown)
            show(who, end / 1000, count);
        shown = count;
    }
}

void histogram_clear(struct histogram *histogram)
{
    for (unsigned line = 0; line < HISTOGRAM_LINES; line++)
        memory_free(histogram->line[line]);
    *histogram = (struct histogram){ 0 };
}

size_t histogram_memory(const struct histogram *histogram)
{
    size_t bytes = 0;

    for (unsigned line = 0; line < HISTOGRAM_LINES; line++)
        bytes += memory_usable(histogram->line[line]);
    return bytes;
}
