/*
 * SLOWLOG: the latest calls that took longer than the options allow.
 *
 * A witness of the caller (broker/flow.c). A call that waits for a key is noted
 * once, when it is done, with the time it ran and not the time it waited.
 */
#ifndef BROKER_OBSERVE_SLOWLOG_H
#define BROKER_OBSERVE_SLOWLOG_H

#include "broker/dispatch/verdict.h"
#include "storage/base/clock.h"
#include "storage/base/slice.h"

struct call;
struct options;
struct slowlog;

/* One slow call; texts are borrowed until the log changes. */
struct slow_call {
    uint64_t     id;   /* rises, never used twice */
    int64_t      when; /* seconds since 1970 */
    micros       took;
    struct slice words; /* an array of bulks in RESP, long ones cut short */
    struct slice peer;  /* "127.0.0.1:4711", "" for nobody */
    struct slice name;  /* CLIENT SETNAME */
};

/* An empty log; the options are borrowed. */
struct slowlog *slowlog_new(const struct options *options);

/* Frees the log. NULL is fine. */
void slowlog_free(struct slowlog *slowlog);

/* The witness: notes a call if it was slow. */
void slowlog_witness(void *slowlog, const struct call *call, enum verdict verdict, micros took);
micros slowlog_wants(const void *slowlog);

/* How many are kept, never more than slowlog-max-len. */
size_t slowlog_count(const struct slowlog *slowlog);

/* The latest is 0; index < slowlog_count(). */
struct slow_call slowlog_at(const struct slowlog *slowlog, size_t index);

/* Forgets all of them. */
void slowlog_reset(struct slowlog *slowlog);

/* Forgets those beyond slowlog-max-len, after the option changed. */
void slowlog_trim(struct slowlog *slowlog);

#endif
