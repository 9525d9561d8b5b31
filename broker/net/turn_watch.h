/*
 * How long turns take, for whoever asks: the longest since it was last asked.
 *
 * On a busy machine much of a long turn may be waiting for a CPU, of which the
 * program can know nothing better than what the kernel counts; so a turn is told
 * with what the kernel says of this thread: time on a CPU, and time ready for one.
 * The rest is what the turn itself waited for, locks and disks.
 *
 * Nothing is measured, nor costs anything, until the first turn_watch_take; then
 * a turn costs about two microseconds more.
 */
#ifndef BROKER_NET_TURN_WATCH_H
#define BROKER_NET_TURN_WATCH_H

#include "storage/base/clock.h"

struct ev_loop;
struct turn_watch;

/* A turn from the end of waiting to the end of its last step. */
struct turn_length {
    micros took;
    micros on_cpu;
    micros queued; /* ready to run, while others did */
};

/* Watches no turn yet. The loop is borrowed. */
struct turn_watch *turn_watch_new(struct ev_loop *ev);

/* NULL is fine. */
void turn_watch_free(struct turn_watch *watch);

/* At the end of each turn. */
void turn_watch_end(struct turn_watch *watch);

/* The turn that took longest, apart from `queued`, since the last call; watching begins with the first. */
struct turn_length turn_watch_take(struct turn_watch *watch);

#endif
