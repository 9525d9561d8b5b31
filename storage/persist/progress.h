/*
 * How a child that writes all keys goes on: it tells its parent how many are written, about
 * once a second, and dawdles where a test wants to see it at work.
 */
#ifndef STORAGE_PERSIST_PROGRESS_H
#define STORAGE_PERSIST_PROGRESS_H

#include "storage/base/clock.h"
#include "storage/persist/child.h"

struct progress {
    struct child_line *line;  /* whom to tell; NULL: nobody */
    struct clock      *clock; /* its own; NULL if nobody is told */
    int64_t            delay; /* see progress_dawdle */
    micros             told;  /* when it was last */
};

/* Begins, told at this moment; a line that is NULL tells nobody. */
void progress_begin(struct progress *progress, struct child_line *line, int64_t delay);
void progress_end(struct progress *progress);

/* What writers of keys call after each (rdb_save.h, aof_base.h): so many are written. */
void progress_wrote_key(void *progress, uint64_t keys);

/* Sleeps for a test: microseconds after each key or, below 0, one for so many keys. */
void progress_dawdle(int64_t delay, uint64_t keys);

#endif
