/*
 * A background thread with a queue of jobs, done in order: fsync, closing
 * files, freeing large values. Whoever makes the worker owns it.
 */
#ifndef STORAGE_BASE_WORKER_H
#define STORAGE_BASE_WORKER_H

#include <stddef.h>

struct worker;

/* Starts a thread; `name` (at most 15 bytes) is seen in ps and top. */
struct worker *worker_new(const char *name);

/* Does what is queued, then ends the thread. */
void worker_free(struct worker *worker);

/* Queues a job: `run(what)` on the thread. `what` is the job's until it ran. */
void worker_queue(struct worker *worker, void (*run)(void *what), void *what);

/* Jobs queued or under way. */
size_t worker_pending(struct worker *worker);

/* Waits until every job queued before has run. */
void worker_drain(struct worker *worker);

#endif
