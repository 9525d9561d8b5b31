/*
 * Runs one workload against one server: connections shared among threads, each
 * thread with an epoll of its own over non-blocking sockets.
 *
 *   closed loop   a connection sends -P requests, hears the replies, sends again
 *   open loop     (--rate) requests fall due by the clock; a free connection sends
 *                 each, and its latency counts from when it was due. A server that
 *                 stands still for a second thus shows every request of that second.
 *
 * Where jobs are heard, those who ask pause while more than --backlog are under
 * way (closed loop only), so that latency tells of the server and not of how far
 * ahead the producers ran. After the last request everything asked is awaited;
 * what does not come within a second of silence is missing.
 */
#ifndef BENCH_LOAD_H
#define BENCH_LOAD_H

#include <stdbool.h>
#include <stdint.h>

#include "clients/bench/bench_histogram.h"
#include "clients/bench/bench_options.h"
#include "clients/bench/bench_workloads.h"

/* One role's side of a run. */
struct bench_measure {
    struct bench_histogram latency; /* nanoseconds */
    double seconds;                 /* from the start to the last of them */
};

struct bench_result {
    struct bench_measure asked;
    struct bench_measure heard; /* empty if the workload has nobody who hears */
    uint64_t empty;             /* requests answered with nothing */
    uint64_t missing;           /* sent and not heard */
    uint64_t unsent;            /* due under --rate, for which no connection was free in time */
};

/* How far a run is, told several times a second. */
struct bench_progress {
    const char *workload;
    double seconds;
    uint64_t asked;
    uint64_t heard;
};

/* What a run is made from. */
struct bench_load_setup {
    const struct mr_link_setup *where;
    const struct bench_workload *workload;
    const struct bench_options *options;
    void (*progress)(void *owner, const struct bench_progress *progress); /* NULL: not told */
    void *owner;
};

/*
 * Runs until all is done. The server has been prepared. 'result' is written
 * anew. False with the reason in 'trouble' if a connection fails, the server
 * answers with an error, or nothing comes for ten seconds.
 */
bool bench_load_run(const struct bench_load_setup *setup, struct bench_result *result,
                    struct mr_trouble *trouble);

#endif
