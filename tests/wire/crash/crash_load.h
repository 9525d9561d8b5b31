/*
 * The load of the crash test: processes that produce, move, deliver, acknowledge
 * and set, each noting in shared memory what it said and what was acknowledged.
 *
 * A process says one command at a time, so that when the server is killed it has
 * at most one command of which it does not know whether it was done.
 */
#ifndef TESTS_WIRE_CRASH_LOAD_H
#define TESTS_WIRE_CRASH_LOAD_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

#include "tests/wire/server.h"

enum {
    LOAD_MOST = 16, /* processes */
    PRODUCERS = 2, /* RPUSH jobs p:n */
    MOVERS = 3,    /* BLMOVE jobs done:m */
    ADDERS = 2,    /* XADD s * p p n n */
    READERS = 3,   /* XREADGROUP and XACK */
    SETTERS = 1,   /* SET k:x:n%50 n */
    BATCHERS = 1,  /* MULTI INCR a RPUSH b n INCR c EXEC */
    SET_KEYS = 50,
    NUMBERS = 1 << 20 /* as many as one process may say before a reset */
};

/* What one process said and what of it was acknowledged: it counts from 1. */
struct account {
    volatile int64_t said;
    volatile int64_t acked;
};

struct accounts {
    pid_t processes[LOAD_MOST];
    size_t process_count;
    struct account producers[PRODUCERS];
    struct account movers[MOVERS]; /* acked: moves whose reply came */
    struct account adders[ADDERS];
    struct account setters[SETTERS];
    struct account batchers[BATCHERS];
    volatile int64_t set_to[SETTERS][SET_KEYS];     /* the last value acknowledged */
    volatile uint8_t acknowledged[ADDERS][NUMBERS]; /* how often XACK said 1 */
    volatile bool stop;                             /* each process ends before its next command */
    volatile int64_t doubled;                       /* deliveries of what was acknowledged */
};

/* Shared memory for the accounts, all zero. */
struct accounts *accounts_new(void);

/* Forgets everything. */
void accounts_reset(struct accounts *accounts);

/* How many statements have been acknowledged. */
int64_t accounts_total(const struct accounts *accounts);

/* Starts all processes. They end when their connection does, or told to stop. */
void load_start(const struct server *server, struct accounts *accounts);

/* Waits until they have ended. */
void load_wait(struct accounts *accounts);

#endif
