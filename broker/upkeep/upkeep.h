/*
 * What the broker does by itself: keys expire, waits end, tables are resized in
 * idle time, idle sessions are closed. Each has a budget, so that no request
 * waits long; what is left is done in the next turn.
 */
#ifndef BROKER_UPKEEP_UPKEEP_H
#define BROKER_UPKEEP_UPKEEP_H

#include <stdbool.h>
#include <stdint.h>

#include "storage/base/clock.h"

struct caller;
struct keyspaces;
struct loop;
struct metrics;
struct options;
struct sessions;
struct upkeep;
struct waiting;

/* Pointers are borrowed. */
struct upkeep_setup {
    struct loop          *loop;
    struct keyspaces     *keyspaces;
    struct caller        *caller;
    struct waiting       *waiting;
    struct sessions      *sessions;
    struct metrics       *metrics;
    const struct options *options;

    /* Told how long a sweep took: "expire-cycle". */
    void (*note)(void *who, const char *event, micros took);
    void *note_who;
};

struct upkeep *upkeep_new(const struct upkeep_setup *setup);
void upkeep_free(struct upkeep *upkeep);

/* The step of a turn: true if something is left to do at once. */
bool upkeep_step(void *upkeep);

/* Stops and starts the removal of expired keys that nobody asks for; for tests. */
void upkeep_expire_actively(struct upkeep *upkeep, bool on);

/* Stops and starts the regular ticks; for tests. */
void upkeep_pause(struct upkeep *upkeep, bool paused);
bool upkeep_is_paused(const struct upkeep *upkeep);

/* Has something done at every regular tick, options.hz times a second. */
void upkeep_add(struct upkeep *upkeep, void (*run)(void *who), void *who);

/* Follows a change of options.hz. */
void upkeep_follow_options(struct upkeep *upkeep);

#endif
