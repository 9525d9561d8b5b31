/*
 * The people of the demonstration: producers, workers and subscribers, a thread
 * each, and the book in which all of them write what they did.
 *
 * Jobs are numbered. Odd ones go through a list, even ones through a stream, so
 * both kinds of queue are under load and the same audit covers them.
 */
#ifndef CLI_DEMO_ROLES_H
#define CLI_DEMO_ROLES_H

#include <pthread.h>
#include <stdatomic.h>
#include <stdbool.h>
#include <stdint.h>

#include "clients/cli/cli.h"

enum {
    DEMO_PRODUCERS = 4,
    DEMO_LIST_WORKERS = 4,
    DEMO_GROUP_WORKERS = 4,
    DEMO_SUBSCRIBERS = 3,
    DEMO_PEOPLE = DEMO_PRODUCERS + DEMO_LIST_WORKERS + DEMO_GROUP_WORKERS + DEMO_SUBSCRIBERS,
    DEMO_JOBS_MAX = 8 * 1024 * 1024
};

#define DEMO_QUEUE      "demo:queue"
#define DEMO_PROCESSING "demo:processing:"
#define DEMO_STREAM     "demo:stream"
#define DEMO_DEAD       "demo:dead"
#define DEMO_GROUP      "workers"
#define DEMO_NEWS       "demo:news"

/* What everybody sees. */
struct demo {
    struct cli          *cli;
    long                 jobs;       /* how many to send; at most DEMO_JOBS_MAX */
    double               pace;       /* jobs a second for all producers; 0: as fast as they go */
    atomic_bool          no_more;    /* producers: stop */
    atomic_bool          go_home;    /* everybody: stop */
    atomic_bool          kill_one;   /* the last group worker: die at the next entry */
    atomic_bool          killed;
    atomic_long          next_job;   /* the number the next job will have */
    atomic_long          sent;       /* acknowledged by the broker */
    atomic_long          processed;  /* handled, doubles included */
    atomic_long          left_behind; /* entries in the killed worker's hands */
    atomic_long          claimed;    /* entries taken over from another worker */
    atomic_long          published;  /* messages */
    atomic_long          receivers;  /* to how many each went, as the broker said, summed */
    atomic_long          heard;
    atomic_int           listening;  /* subscribers that are confirmed */
    atomic_int           producing;  /* producers still at work */
    _Atomic uint8_t     *sent_jobs;      /* for each job: 1 if acknowledged */
    _Atomic uint8_t     *processed_jobs; /* for each job: how often it was handled */
    pthread_mutex_t      trouble_lock;
    char                 trouble[256];   /* the first thing that went wrong */
};

/* One of the people. */
struct demo_person {
    struct demo *demo;
    int          number; /* within the role, from 0 */
    pthread_t    thread;
};

/* The roles, for pthread_create; the argument is a struct demo_person. */
void *demo_producer(void *person);
void *demo_list_worker(void *person);
void *demo_group_worker(void *person);
void *demo_subscriber(void *person);

/* Monotonic time in seconds. */
double demo_now(void);

#endif
