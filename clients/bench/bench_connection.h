/*
 * One connection of the load: a socket, the commands under way on it, and the
 * hooks that count what comes back.
 *
 * Replies are never built. A connection that asks remembers when each command
 * under way was born and counts the time to its reply; one that works or listens
 * looks for stamps in the strings it hears (bench_workloads.h), and one that
 * works keeps the IDs of entries for their acknowledgement.
 *
 * The first error reply is trouble: numbers of refused commands mean nothing.
 */
#ifndef BENCH_CONNECTION_H
#define BENCH_CONNECTION_H

#include <stdbool.h>
#include <stdint.h>

#include "clients/bench/bench_histogram.h"
#include "clients/bench/bench_options.h"
#include "clients/bench/bench_workloads.h"
#include "clients/lib/mr_link.h"

/* What the connections of one thread have counted; the thread's alone. */
struct bench_tally {
    struct bench_histogram asked; /* latency of requests */
    struct bench_histogram heard; /* latency of jobs and messages */
    uint64_t asked_last;          /* when the last reply came, bench_now */
    uint64_t heard_last;
    uint64_t empty; /* requests answered with nothing */
};

struct bench_connection;

/* Nanoseconds of the monotonic clock, the same for all threads. */
uint64_t bench_now(void);

/*
 * Connects and greets. A listener has subscribed when this returns. 'tally' is
 * borrowed for as long as the connection lives. NULL with the reason in 'trouble'.
 */
struct bench_connection *bench_connection_new(const struct mr_link_setup *where,
                                              const struct bench_role *role, unsigned number,
                                              const struct bench_options *options,
                                              struct bench_tally *tally,
                                              struct mr_trouble *trouble);
void bench_connection_free(struct bench_connection *connection);

/* The socket, for an epoll. */
int bench_connection_socket(const struct bench_connection *connection);

/* What the role does; never changes. */
enum bench_manner bench_connection_manner(const struct bench_connection *connection);

/* How many requests may still be asked before replies must come. */
unsigned bench_connection_room(const struct bench_connection *connection);

/* True if all that was said has been answered. */
bool bench_connection_is_idle(const struct bench_connection *connection);

/*
 * Writes the next request, born at 'born', or the next turn of a worker (whose
 * 'born' is of no meaning). Nothing is sent yet. False without memory.
 */
bool bench_connection_say(struct bench_connection *connection, uint64_t born);

/* How sending or receiving ended. */
enum bench_flow {
    BENCH_DONE,    /* all went that there was */
    BENCH_BLOCKED, /* the socket is full; send again when it takes more */
    BENCH_LOST     /* see bench_connection_trouble */
};

/* Sends what was written. */
enum bench_flow bench_connection_send(struct bench_connection *connection);

/* Reads once and counts what came. Never BENCH_BLOCKED. */
enum bench_flow bench_connection_hear(struct bench_connection *connection);

/* Why the connection was lost. */
const char *bench_connection_trouble(const struct bench_connection *connection);

#endif
