/*
 * What a run is to do, as the command line says it.
 */
#ifndef BENCH_OPTIONS_H
#define BENCH_OPTIONS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "clients/lib/mr_link.h"

struct bench_workload;

/* More than there are workloads; a list may name one twice. */
enum { BENCH_CHOSEN_MAX = 32 };

/* Plain data; texts are borrowed from the command line or from the struct itself. */
struct bench_options {
    struct mr_link_setup first;
    struct mr_link_setup second; /* of no meaning unless 'compares' */
    bool compares;
    char second_host[256];

    unsigned connections; /* of workloads that only ask */
    unsigned threads;
    unsigned pipeline;
    uint64_t requests; /* UINT64_MAX: as many as fit into 'seconds' */
    double seconds;    /* 0: as long as the requests take */
    double rate;       /* requests a second, all connections; 0: as fast as replies come */
    size_t size;       /* of a value, job or message */
    uint64_t keyspace; /* how many keys */

    unsigned producers;
    unsigned workers;
    unsigned subscribers;
    unsigned group_count; /* entries a reader of a group asks for at once */
    uint64_t backlog;     /* jobs under way before producers pause; 0: they never do */
    unsigned rounds;      /* turns of each server */

    const char *json; /* a file for the report; "-": standard output; NULL: none */
    const struct bench_workload *chosen[BENCH_CHOSEN_MAX];
    size_t chosen_count;
};

/* How reading the command line ended. */
enum bench_intent {
    BENCH_RUN,
    BENCH_TOLD, /* help or version was asked for and printed */
    BENCH_WRONG /* what is wrong was said on standard error */
};

/* Reads the command line into 'options', which keeps pointers into it. */
enum bench_intent bench_options_read(struct bench_options *options, int count, char **words);

#endif
