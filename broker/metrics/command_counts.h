/*
 * How often each command ran and how long it took: an array of these, indexed
 * by command->index, beside the constant table of commands.
 */
#ifndef BROKER_METRICS_COMMAND_COUNTS_H
#define BROKER_METRICS_COMMAND_COUNTS_H

#include <stdint.h>

struct histogram;

struct command_counts {
    uint64_t calls;    /* runs, those that failed included */
    uint64_t usec;     /* microseconds in all of them */
    uint64_t rejected; /* refused before it ran */
    uint64_t failed;   /* ran and answered with an error */
    struct histogram *took; /* how long, with the option latency-tracking; owned, may be NULL */
};

#endif
