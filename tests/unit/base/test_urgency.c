/* Which thread gets a processor first. */
#include <CUnit/Basic.h>
#include <pthread.h>
#include <sched.h>
#include <stdint.h>
#include <string.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "storage/base/urgency.h"

void suite_urgency(void);

/* As in sched_setattr(2); the header that has it cannot stand beside pthread.h. */
struct attributes {
    uint32_t size;
    uint32_t policy;
    uint64_t flags;
    int32_t nice;
    uint32_t priority;
    uint64_t runtime;
    uint64_t deadline;
    uint64_t period;
};

/* What the kernel says of the calling thread. */
static struct attributes asked(void)
{
    struct attributes attributes;

    memset(&attributes, 0, sizeof(attributes));
    CU_ASSERT_EQUAL(syscall(SYS_sched_getattr, 0, &attributes, sizeof(attributes), 0), 0);
    return attributes;
}

/* The suite's own thread stays as it is: each case runs on one that ends. */
static void on_a_thread(void *(*run)(void *))
{
    pthread_t thread;

    CU_ASSERT_EQUAL_FATAL(pthread_create(&thread, NULL, run, NULL), 0);
    pthread_join(thread, NULL);
}

static void *raise_and_lower(void *unused)
{
    struct attributes before = asked();
    struct attributes raised;
    struct attributes lowered;

    (void)unused;
    if (before.policy != SCHED_OTHER)
        return NULL;
    urgency_raise();
    raised = asked();
    CU_ASSERT_EQUAL(raised.nice, before.nice);
    /* Kernels that know no slices of a thread's own say nothing of them. */
    CU_ASSERT_TRUE(raised.runtime == 100000 || raised.runtime == before.runtime);
    urgency_lower();
    lowered = asked();
    CU_ASSERT_EQUAL(lowered.runtime, before.runtime);
    CU_ASSERT_EQUAL(lowered.nice, before.nice + 10 > 19 ? 19 : before.nice + 10);
    urgency_lower();
    CU_ASSERT_EQUAL(asked().nice, 19);
    return NULL;
}

static void who_answers_has_a_short_slice_and_who_does_not_a_small_share(void)
{
    on_a_thread(raise_and_lower);
}

static void *under_another_policy(void *unused)
{
    struct attributes attributes = asked();

    (void)unused;
    attributes.policy = SCHED_BATCH;
    attributes.nice = 3;
    CU_ASSERT_EQUAL(syscall(SYS_sched_setattr, 0, &attributes, 0), 0);
    attributes = asked();
    urgency_raise();
    urgency_lower();
    CU_ASSERT_EQUAL(asked().policy, SCHED_BATCH);
    CU_ASSERT_EQUAL(asked().nice, attributes.nice);
    CU_ASSERT_EQUAL(asked().runtime, attributes.runtime);
    return NULL;
}

static void a_policy_that_somebody_chose_is_left_alone(void)
{
    on_a_thread(under_another_policy);
}

void suite_urgency(void)
{
    CU_pSuite suite = CU_add_suite("urgency", NULL, NULL);

    CU_add_test(suite, "who answers has a short slice, and who does not a small share",
                who_answers_has_a_short_slice_and_who_does_not_a_small_share);
    CU_add_test(suite, "a policy that somebody chose is left alone",
                a_policy_that_somebody_chose_is_left_alone);
}
