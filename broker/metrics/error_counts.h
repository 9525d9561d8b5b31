/*
 * How many errors of each code were answered: INFO errorstats.
 *
 * A code is the first word of an error line. Scripts can invent codes, so their
 * number is bounded: beyond 128 all others count as ERRORSTATS_OVERFLOW.
 */
#ifndef BROKER_METRICS_ERROR_COUNTS_H
#define BROKER_METRICS_ERROR_COUNTS_H

#include "storage/base/buffer.h"
#include "storage/base/slice.h"

enum { ERROR_COUNTS_CODES = 128, ERROR_COUNTS_CODE_MAX = 63 };

struct error_counts;

struct error_counts *error_counts_new(void);

/* Frees the counts. NULL is fine. */
void error_counts_free(struct error_counts *counts);

/* Counts an error line without its minus: "WRONGTYPE Operation against ...". */
void error_counts_add(struct error_counts *counts, struct slice line);

/* How often a code was counted. */
uint64_t error_counts_of(const struct error_counts *counts, struct slice code);

/* How many errors of all codes were counted. */
uint64_t error_counts_total(const struct error_counts *counts);

/* Appends "errorstat_CODE:count=N\r\n" for each code, in their order. */
void error_counts_print(const struct error_counts *counts, struct buffer *to);

/* Forgets everything. */
void error_counts_reset(struct error_counts *counts);

#endif
