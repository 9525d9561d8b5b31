/*
 * What is shown: a line of progress on a terminal, a table, and the same as JSON.
 *
 * Rates are the median of a server's turns; latencies are of all turns together.
 * CPU is what the server says it used (INFO cpu), divided by what was heard, or
 * by what was asked if nobody hears.
 *
 *   {"servers": [{"label", "address", "version"}],
 *    "options": {"connections", "threads", "pipeline", ...},
 *    "results": [{"workload", "measure", "server", "count", "per_second",
 *                 "us": {"mean", "p50", "p90", "p99", "p99.9", "max"},
 *                 "cpu_us", "empty", "missing", "unsent"} or
 *                {"workload", "server", "trouble"}],
 *    "ratios": [{"workload", "measure", "per_second", "p50", ... "max", "cpu_us"}]}
 *
 * A ratio is the first server's figure divided by the second's.
 */
#ifndef BENCH_REPORT_H
#define BENCH_REPORT_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "clients/bench/bench_histogram.h"
#include "clients/bench/bench_load.h"
#include "clients/bench/bench_options.h"
#include "clients/bench/bench_server.h"
#include "clients/bench/bench_workloads.h"

enum { BENCH_SERVERS_MAX = 2 };

/* One role's figures over all turns. */
struct bench_column {
    struct bench_histogram latency;
    double *rates; /* one for each turn */
};

/* One workload on one server, over all its turns. */
struct bench_score {
    struct bench_column asked;
    struct bench_column heard;
    unsigned turns;
    double cpu; /* seconds; negative: not known */
    uint64_t empty;
    uint64_t missing;
    uint64_t unsent;
    bool failed;
    struct mr_trouble trouble; /* why it failed */
};

/* Room for so many turns. False without memory. */
bool bench_score_init(struct bench_score *score, unsigned turns);
void bench_score_clear(struct bench_score *score);

/* Adds one turn; 'cpu' is negative if it is not known. */
void bench_score_add(struct bench_score *score, const struct bench_result *result, double cpu);

struct bench_report;

/* A report on servers, borrowed with the options for as long as it lives. NULL without memory. */
struct bench_report *bench_report_new(const struct bench_options *options,
                                      const struct bench_server *servers, size_t count);
void bench_report_free(struct bench_report *report);

/* Prints what runs against whom. */
void bench_report_begin(struct bench_report *report);

/* Shows how far a run is, if standard error is a terminal; 'owner' is the report. */
void bench_report_progress(void *owner, const struct bench_progress *progress);

/* Prints the lines of one workload; one score for each server. */
void bench_report_add(struct bench_report *report, const struct bench_workload *workload,
                      const struct bench_score *scores);

/* Writes the JSON, if it was asked for. False with the reason in 'trouble'. */
bool bench_report_finish(struct bench_report *report, struct mr_trouble *trouble);

#endif
