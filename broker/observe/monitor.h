/*
 * MONITOR: sessions that are shown every call as it was said.
 *
 * A witness of the caller that is not called while nobody looks on. For a session
 * that reads too slowly, with MONITOR_BACKLOG bytes waiting, lines are dropped and
 * counted; when it has caught up, a line tells how many.
 */
#ifndef BROKER_OBSERVE_MONITOR_H
#define BROKER_OBSERVE_MONITOR_H

#include <stdbool.h>

#include "broker/dispatch/verdict.h"
#include "storage/base/clock.h"

struct call;
struct metrics;
struct monitor;
struct session;

enum { MONITOR_BACKLOG = 1024 * 1024 };

/* Nobody looks on yet; metrics are borrowed. */
struct monitor *monitor_new(const struct metrics *metrics);

/* Frees it; nobody may be looking on. NULL is fine. */
void monitor_free(struct monitor *monitor);

/* The witness: shows a call to all who look on. */
void monitor_witness(void *monitor, const struct call *call, enum verdict verdict, micros took);
micros monitor_wants(const void *monitor);

/* Shows a call that no witness is shown, or not in time: EVAL, in front of what it calls. */
void monitor_show(struct monitor *monitor, const struct call *call);

/*
 * A session begins to look on, or ends. Returns whether anything changed; then
 * the caller must ask its witnesses anew.
 */
bool monitor_join(struct monitor *monitor, struct session *session);
bool monitor_leave(struct monitor *monitor, struct session *session);

#endif
