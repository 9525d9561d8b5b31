/*
 * Faults to order, for tests.
 *
 * Each kind of thing that may fail has a row, made when it is first armed or
 * asked for. Workers ask too, so the rows are behind a mutex: with no faults
 * handed in, nobody comes this far.
 */
#include "storage/base/faults.h"

#include <errno.h>
#include <pthread.h>
#include <signal.h>
#include <stdatomic.h>
#include <stddef.h>
#include <string.h>
#include <unistd.h>

#include "storage/base/memory.h"
#include "storage/base/must.h"

enum { FAULT_KINDS_MAX = 32, FAULT_NAME_MAX = 32 };

struct fault {
    char what[FAULT_NAME_MAX];
    int asked; /* how often */
    int from;  /* the first asking that fails, counted from 1; 0 none */
    int until; /* the first asking after that which does not */
    int error; /* what errno becomes */
};

struct faults {
    pthread_mutex_t lock;
    size_t kinds;
    struct fault fault[FAULT_KINDS_MAX];
    /* An end is passed in forked children too, where a mutex might be held by nobody. */
    char point[FAULT_NAME_MAX]; /* where the end is; empty: none is ordered */
    atomic_int passes;          /* until then */
    pid_t owner;                /* whose end it is */
};

struct faults *faults_new(void)
{
    struct faults *faults = memory_new_zeroed(1, sizeof(*faults));

    must(pthread_mutex_init(&faults->lock, NULL) == 0);
    return faults;
}

void faults_free(struct faults *faults)
{
    if (faults == NULL)
        return;
    pthread_mutex_destroy(&faults->lock);
    memory_free(faults);
}

/* The row for a kind, or NULL if there is none yet. */
static struct fault *find(struct faults *faults, const char *what)
{
    for (size_t i = 0; i < faults->kinds; i++) {
        if (strcmp(faults->fault[i].what, what) == 0)
            return &faults->fault[i];
    }
    return NULL;
}

static struct fault *find_or_make(struct faults *faults, const char *what)
{
    struct fault *fault = find(faults, what);
    size_t len = strlen(what);

    if (fault != NULL)
        return fault;
    must(faults->kinds < FAULT_KINDS_MAX && len < FAULT_NAME_MAX);
    fault = &faults->fault[faults->kinds++];
    memcpy(fault->what, what, len + 1);
    return fault;
}

void faults_arm(struct faults *faults, const char *what, int nth, int times, int error)
{
    struct fault *fault;

    must(nth >= 1 && times >= 1);
    pthread_mutex_lock(&faults->lock);
    fault = find_or_make(faults, what);
    fault->from = fault->asked + nth;
    fault->until = fault->from + times;
    fault->error = error;
    pthread_mutex_unlock(&faults->lock);
}

bool faults_hit(struct faults *faults, const char *what)
{
    struct fault *fault;
    bool hit;
    int error;

    if (faults == NULL || faults->point[0] != '\0')
        return false;
    pthread_mutex_lock(&faults->lock);
    fault = find_or_make(faults, what);
    fault->asked++;
    hit = fault->from > 0 && fault->asked >= fault->from && fault->asked < fault->until;
    error = fault->error;
    pthread_mutex_unlock(&faults->lock);
    if (hit)
        errno = error;
    return hit;
}

void faults_end_at(struct faults *faults, const char *point, int nth)
{
    size_t len = strlen(point);

    must(nth >= 1 && len > 0 && len < FAULT_NAME_MAX);
    memcpy(faults->point, point, len + 1);
    atomic_store(&faults->passes, nth);
    faults->owner = getpid();
}

void faults_pass(struct faults *faults, const char *point)
{
    if (faults == NULL || strcmp(faults->point, point) != 0 ||
        atomic_fetch_sub(&faults->passes, 1) != 1)
        return;
    (void)kill(faults->owner, SIGKILL);
    (void)kill(getpid(), SIGKILL);
}

int faults_asked(struct faults *faults, const char *what)
{
    const struct fault *fault;
    int asked;

    pthread_mutex_lock(&faults->lock);
    fault = find(faults, what);
    asked = fault == NULL ? 0 : fault->asked;
    pthread_mutex_unlock(&faults->lock);
    return asked;
}
