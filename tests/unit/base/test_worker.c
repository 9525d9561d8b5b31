/* A thread and its queue. */
#include <CUnit/Basic.h>
#include <pthread.h>
#include <signal.h>
#include <stdbool.h>
#include <stdatomic.h>

#include "storage/base/worker.h"

void suite_worker(void);

/* What the jobs of one test wrote down. */
struct diary {
    int order[1000];
    int written;
    pthread_mutex_t gate;
};

struct note {
    struct diary *diary;
    int number;
};

static void write_down(void *what)
{
    struct note *note = what;

    note->diary->order[note->diary->written++] = note->number;
}

static void wait_at_gate(void *what)
{
    struct diary *diary = what;

    pthread_mutex_lock(&diary->gate);
    pthread_mutex_unlock(&diary->gate);
}

static void jobs_are_done_in_order(void)
{
    struct diary diary = { .gate = PTHREAD_MUTEX_INITIALIZER };
    struct note notes[1000];
    struct worker *worker = worker_new("a-worker-with-a-long-name");

    /* The first job holds the thread up, so that the queue grows behind it. */
    pthread_mutex_lock(&diary.gate);
    worker_queue(worker, wait_at_gate, &diary);
    for (int i = 0; i < 1000; i++) {
        notes[i] = (struct note){ &diary, i };
        worker_queue(worker, write_down, &notes[i]);
    }
    CU_ASSERT_EQUAL(worker_pending(worker), 1001);
    pthread_mutex_unlock(&diary.gate);
    worker_drain(worker);
    CU_ASSERT_EQUAL(worker_pending(worker), 0);
    CU_ASSERT_EQUAL(diary.written, 1000);
    for (int i = 0; i < 1000; i++)
        CU_ASSERT_EQUAL(diary.order[i], i);
    worker_free(worker);
}

static void a_worker_does_its_work_before_it_ends(void)
{
    struct diary diary = { .gate = PTHREAD_MUTEX_INITIALIZER };
    struct note note = { &diary, 7 };
    struct worker *worker = worker_new("worker");

    for (int i = 0; i < 100; i++)
        worker_queue(worker, write_down, &note);
    worker_free(worker);
    CU_ASSERT_EQUAL(diary.written, 100);
    worker_free(NULL);
}

static void see_mask(void *what)
{
    sigset_t blocked;

    pthread_sigmask(SIG_SETMASK, NULL, &blocked);
    *(bool *)what = sigismember(&blocked, SIGTERM) && sigismember(&blocked, SIGUSR1);
}

static void signals_stay_with_the_main_thread(void)
{
    struct worker *worker = worker_new("worker");
    bool blocked = false;
    sigset_t ours;

    worker_queue(worker, see_mask, &blocked);
    worker_free(worker);
    CU_ASSERT_TRUE(blocked);
    pthread_sigmask(SIG_SETMASK, NULL, &ours);
    CU_ASSERT_FALSE(sigismember(&ours, SIGTERM));
}

void suite_worker(void)
{
    CU_pSuite suite = CU_add_suite("worker", NULL, NULL);

    CU_add_test(suite, "jobs are done in order", jobs_are_done_in_order);
    CU_add_test(suite, "a worker does its work before it ends",
                a_worker_does_its_work_before_it_ends);
    CU_add_test(suite, "signals stay with the main thread", signals_stay_with_the_main_thread);
}
