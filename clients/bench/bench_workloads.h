/*
 * The workloads by name: who takes part, what each says, what is made ready.
 *
 * A workload has one role that asks and may have one that hears:
 *
 *   asks      get, set ...    a request, its reply, the next; latency from one to the other
 *   works     queue, group    waits for jobs; latency from a job's birth to its arrival
 *   listens   publish         subscribes; latency from a message's birth to its arrival
 *
 * A job or message carries its birth in its first bytes, the stamp: "@", sixteen
 * hexadecimal digits of nanoseconds on the monotonic clock, ":". Under --rate the
 * birth is when it was due, not when it could at last be sent.
 */
#ifndef BENCH_WORKLOADS_H
#define BENCH_WORKLOADS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "clients/bench/bench_options.h"
#include "clients/lib/mr_link.h"
#include "clients/lib/mr_writer.h"

enum {
    BENCH_STAMP = 18, /* bytes of a stamp; no stamped payload is shorter */
    BENCH_ID_ROOM = 44
};

enum bench_manner { BENCH_ASKS, BENCH_WORKS, BENCH_LISTENS };

/* Whose number of connections a role has. */
enum bench_crowd { BENCH_CONNECTIONS, BENCH_PRODUCERS, BENCH_WORKERS, BENCH_SUBSCRIBERS };

/* The ID of an entry that was read and is yet to be acknowledged. */
struct bench_id {
    char text[BENCH_ID_ROOM];
    unsigned length;
};

/* What one connection says its next commands with. */
struct bench_turn {
    const struct bench_options *options;
    struct mr_writer *writer;
    unsigned number;     /* of the connection among those of its role */
    uint64_t random;     /* state of its own dice, never 0 */
    const char *payload; /* stamped if the role stamps */
    size_t payload_length;
    const struct bench_id *ids; /* entries heard since the last turn */
    size_t id_count;
};

struct bench_role {
    const char *measure; /* what its latencies are called; NULL: there is no such role */
    enum bench_manner manner;
    enum bench_crowd crowd;
    bool stamps;
    /* Writes the next command or commands. Returns how many replies will come; 0 without memory. */
    unsigned (*say)(struct bench_turn *turn);
};

struct bench_workload {
    const char *name;
    const char *summary;
    const char *key; /* the one key it works on; NULL: the key space */
    struct bench_role asks;
    struct bench_role hears;
    /* Makes the server ready after its keys were removed. NULL: nothing to do. */
    bool (*prepare)(struct mr_link *link, const struct bench_options *options,
                    struct mr_trouble *trouble);
};

/* All workloads, in the order they run unless told otherwise. */
const struct bench_workload *bench_workloads_all(size_t *count);

/* The workload of that name, or NULL. */
const struct bench_workload *bench_workloads_find(const char *name, size_t length);

/* How many connections a role has; 0 if there is no such role. */
unsigned bench_workloads_crowd(const struct bench_role *role, const struct bench_options *options);

/* How often each job or message will be heard. */
uint64_t bench_workloads_fan(const struct bench_workload *workload,
                             const struct bench_options *options);

/*
 * Removes what an earlier run left and makes the server ready. False if the link
 * breaks or the server refuses, with the reason in 'trouble'. O(keys).
 */
bool bench_workloads_prepare(const struct bench_workload *workload, struct mr_link *link,
                             const struct bench_options *options, struct mr_trouble *trouble);

/* Removes all keys of the workload. False as above. O(keys). */
bool bench_workloads_tidy(const struct bench_workload *workload, struct mr_link *link,
                          const struct bench_options *options, struct mr_trouble *trouble);

#endif
