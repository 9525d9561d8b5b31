/*
 * A thread and its queue.
 *
 * Jobs wait in a ring that grows when it is full. The mutex guards the ring
 * and the counts, never a job while it runs.
 *
 * What always holds:
 *   (1) done <= begun <= queued: jobs are begun, and end, in the order they came.
 *   (2) job[i % room] for begun <= i < queued are the jobs that wait.
 */
#include "storage/base/worker.h"

#include <pthread.h>
#include <signal.h>
#include <stdbool.h>
#include <stdint.h>
#include <string.h>

#include "storage/base/memory.h"
#include "storage/base/must.h"

enum { WORKER_FIRST_ROOM = 16, WORKER_NAME_MAX = 16 };

struct job {
    void (*run)(void *what);
    void *what;
};

struct worker {
    pthread_t thread;
    pthread_mutex_t lock;
    pthread_cond_t more; /* a job was queued, or it is time to stop */
    pthread_cond_t less; /* a job has run */
    struct job *job;
    size_t room; /* a power of two */
    uint64_t queued;
    uint64_t begun;
    uint64_t done;
    bool stopping;
    char name[WORKER_NAME_MAX];
};

/* Runs the next job; the lock is held before and after, not meanwhile. */
static void run_next(struct worker *worker)
{
    struct job job = worker->job[worker->begun & (worker->room - 1)];

    worker->begun++;
    pthread_mutex_unlock(&worker->lock);
    job.run(job.what);
    pthread_mutex_lock(&worker->lock);
    worker->done++;
    pthread_cond_broadcast(&worker->less);
}

static void *work(void *who)
{
    struct worker *worker = who;

    memory_thread_begin();
    pthread_setname_np(pthread_self(), worker->name);
    pthread_mutex_lock(&worker->lock);
    while (worker->begun < worker->queued || !worker->stopping) {
        if (worker->begun < worker->queued)
            run_next(worker);
        else
            pthread_cond_wait(&worker->more, &worker->lock);
    }
    pthread_mutex_unlock(&worker->lock);
    memory_thread_end();
    return NULL;
}

struct worker *worker_new(const char *name)
{
    struct worker *worker = memory_new_zeroed(1, sizeof(*worker));
    size_t len = strnlen(name, WORKER_NAME_MAX - 1);
    sigset_t all;
    sigset_t before;

    memcpy(worker->name, name, len);
    worker->room = WORKER_FIRST_ROOM;
    worker->job = memory_new(worker->room * sizeof(*worker->job));
    must(pthread_mutex_init(&worker->lock, NULL) == 0);
    must(pthread_cond_init(&worker->more, NULL) == 0);
    must(pthread_cond_init(&worker->less, NULL) == 0);

    /* Signals are the main thread's business; a new thread inherits the mask. */
    sigfillset(&all);
    pthread_sigmask(SIG_SETMASK, &all, &before);
    must(pthread_create(&worker->thread, NULL, work, worker) == 0);
    pthread_sigmask(SIG_SETMASK, &before, NULL);
    return worker;
}

void worker_free(struct worker *worker)
{
    if (worker == NULL)
        return;
    pthread_mutex_lock(&worker->lock);
    worker->stopping = true;
    pthread_cond_signal(&worker->more);
    pthread_mutex_unlock(&worker->lock);
    must(pthread_join(worker->thread, NULL) == 0);
    pthread_cond_destroy(&worker->less);
    pthread_cond_destroy(&worker->more);
    pthread_mutex_destroy(&worker->lock);
    memory_free(worker->job);
    memory_free(worker);
}

/* Doubles the ring; each job's place follows from its number, so all move. */
static void grow(struct worker *worker)
{
    size_t room = worker->room * 2;
    struct job *job = memory_new(room * sizeof(*job));

    for (uint64_t i = worker->begun; i < worker->queued; i++)
        job[i & (room - 1)] = worker->job[i & (worker->room - 1)];
    memory_free(worker->job);
    worker->job = job;
    worker->room = room;
}

void worker_queue(struct worker *worker, void (*run)(void *what), void *what)
{
    pthread_mutex_lock(&worker->lock);
    must(!worker->stopping);
    if (worker->queued - worker->begun == worker->room)
        grow(worker);
    worker->job[worker->queued & (worker->room - 1)] = (struct job){ run, what };
    worker->queued++;
    pthread_cond_signal(&worker->more);
    pthread_mutex_unlock(&worker->lock);
}

size_t worker_pending(struct worker *worker)
{
    size_t pending;

    pthread_mutex_lock(&worker->lock);
    pending = (size_t)(worker->queued - worker->done);
    pthread_mutex_unlock(&worker->lock);
    return pending;
}

void worker_drain(struct worker *worker)
{
    uint64_t until;

    pthread_mutex_lock(&worker->lock);
    until = worker->queued;
    while (worker->done < until)
        pthread_cond_wait(&worker->less, &worker->lock);
    pthread_mutex_unlock(&worker->lock);
}
