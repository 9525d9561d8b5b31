/*
 * CLIENT PAUSE: for a while the requests of all sessions wait, or only those
 * that may change something; then they run in the order in which they came.
 * Meanwhile nothing goes by itself either: what expires is hidden and stays.
 *
 * Source of the rules: the documentation of CLIENT PAUSE, and redis-server 7.0.
 */
#ifndef BROKER_DISPATCH_PAUSING_H
#define BROKER_DISPATCH_PAUSING_H

#include "broker/dispatch/caller.h"

struct keyspaces;
struct loop;
struct pausing;

/* Pointers are borrowed. */
struct pausing *pausing_new(struct loop *loop, struct keyspaces *keyspaces,
                            struct metrics *metrics);

/* Frees it. NULL is fine. */
void pausing_free(struct pausing *pausing);

/*
 * Pauses until a time of the wall clock, `now` being the time. What is paused
 * already is paused for longer and for more, never for less.
 */
void pausing_begin(struct pausing *pausing, millis now, millis until, bool everything);

/* Whether anything is paused. */
bool pausing_is_on(const struct pausing *pausing);

/* Ends it before its time; fine if nothing is paused. */
void pausing_end(struct pausing *pausing);

/* The guard: holds requests back. */
enum pass pausing_guard(void *pausing, struct call *call);

/* A farewell for sessions.h. */
void pausing_forget(void *pausing, struct session *session);

#endif
