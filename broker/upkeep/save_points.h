/*
 * Save points: when to write a snapshot by itself, and what follows if that
 * fails.
 *
 * A rule is a number of seconds and a number of changes; when both have been reached
 * since the last snapshot, a child writes one. After a failure there is a pause.
 * While the latest snapshot has failed and there are rules, writes are refused, so
 * that nobody takes for safe what is not.
 */
#ifndef BROKER_UPKEEP_SAVE_POINTS_H
#define BROKER_UPKEEP_SAVE_POINTS_H

#include "broker/dispatch/caller.h"

struct aof;
struct log;
struct options;
struct save_points;
struct snapshot;

/* Pointers are borrowed. */
struct save_points_setup {
    struct snapshot      *snapshot;
    struct aof           *aof; /* whose child must not run at the same time */
    struct ledger        *ledger;
    struct clock         *clock;
    struct log           *log;
    const struct options *options;
};

struct save_points *save_points_new(const struct save_points_setup *setup);

/* Frees it. NULL is fine. */
void save_points_free(struct save_points *points);

/* The guard: MISCONF for what writes while snapshots fail. One comparison while they do not. */
enum pass save_points_guard(void *points, struct call *call);

/* About ten times a second: looks whether the child has ended, and whether a rule is met. */
void save_points_tick(struct save_points *points);

/* Has a snapshot written as soon as no other child is at work. */
void save_points_schedule(struct save_points *points);

/* Changes that are in no snapshot. */
uint64_t save_points_unsaved(const struct save_points *points);

/* Says that all changes so far are saved: the data was just loaded. */
void save_points_are_current(struct save_points *points);

#endif
