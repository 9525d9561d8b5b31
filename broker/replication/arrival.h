/*
 * The arrival of all data: a snapshot that comes over a connection, told apart
 * from what surrounds it. A machine without sockets or files.
 *
 *   $<length>\r\n        that many bytes follow
 *   $EOF:<40 bytes>\r\n  bytes follow until the same 40 come again
 *   -<error>\r\n         there is none
 *   \n                   before either: the primary is still preparing it
 *
 * Format source: the documentation of Redis on replication, and what
 * redis-server 7.0.15 sends.
 */
#ifndef BROKER_REPLICATION_ARRIVAL_H
#define BROKER_REPLICATION_ARRIVAL_H

#include <stdbool.h>
#include <stdint.h>

#include "storage/base/slice.h"

enum { ARRIVAL_MARK = 40, ARRIVAL_HEAD_MOST = 1024 };

enum arrival_state {
    ARRIVAL_AWAITED, /* its head did not come yet */
    ARRIVAL_SIZED,   /* bytes of it come, as many as was said */
    ARRIVAL_MARKED,  /* bytes of it come, until the mark does */
    ARRIVAL_DONE,    /* all of it came */
    ARRIVAL_BROKEN   /* `reason` says why */
};

struct arrival {
    enum arrival_state state;
    uint64_t size;    /* of all of it; 0 if unknown */
    uint64_t came;    /* bytes of it so far */
    bool     marked;  /* it ends with a mark */
    char     mark[ARRIVAL_MARK];
    char     reason[160];
    /* Private. */
    char     tail[ARRIVAL_MARK]; /* the latest bytes, which may be the mark */
    size_t   tail_len;
};

/* Begins anew. */
void arrival_begin(struct arrival *arrival);

/*
 * Reads the head, as far as it is there; returns the bytes taken. The state has
 * changed once it is whole.
 */
size_t arrival_head(struct arrival *arrival, struct slice bytes);

/*
 * Takes bytes behind the head and shows those of the snapshot, in order, in at
 * most two pieces. Returns how many were taken: all, unless it is done.
 */
size_t arrival_take(struct arrival *arrival, struct slice bytes,
                    void (*show)(void *who, struct slice bytes), void *who);

#endif
