/*
 * What the broker counts, as plain numbers: whoever has something to count
 * adds to a field, one instruction. All of it belongs to the main thread.
 *
 * The fields, their names in INFO and their help are made from metrics.def.
 */
#ifndef BROKER_METRICS_METRICS_H
#define BROKER_METRICS_METRICS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "storage/base/buffer.h"

struct metrics {
#define COUNTER(name, section, field, help) uint64_t name;
#define GAUGE(name, section, field, help)   uint64_t name;
#include "broker/metrics/metrics.def"
};

/* What is known of one field of struct metrics. */
struct metric {
    const char *name;
    const char *section; /* of INFO */
    const char *field;   /* in that section */
    const char *help;
    size_t offset;
    bool is_counter;
};

/* The row at a position, in the order of metrics.def; index < metrics_count(). */
const struct metric *metrics_at(size_t index);
size_t metrics_count(void);

/* The value of a metric. */
uint64_t metrics_value(const struct metrics *metrics, const struct metric *metric);

/* Appends "field:value\r\n" for every metric of an INFO section. */
void metrics_print(const struct metrics *metrics, const char *section, struct buffer *to);

/* Sets every counter to 0 and leaves the gauges. */
void metrics_reset(struct metrics *metrics);

#endif
