/*
 * What the broker counts, as plain numbers: whoever has something to count
 * adds to a field, one instruction. All of it belongs to the main thread.
 *
 * The fields and their names in INFO are made from metrics.def, which says of each what it counts.
 */
#ifndef BROKER_METRICS_METRICS_H
#define BROKER_METRICS_METRICS_H

#include <stdint.h>

#include "storage/base/buffer.h"

struct metrics {
#define COUNTER(name, section, field, help) uint64_t name;
#define GAUGE(name, section, field, help)   uint64_t name;
#include "broker/metrics/metrics.def"
};

/* Appends "field:value\r\n" for every metric of an INFO section. */
void metrics_print(const struct metrics *metrics, const char *section, struct buffer *to);

/* Sets every counter to 0 and leaves the gauges. */
void metrics_reset(struct metrics *metrics);

#endif
