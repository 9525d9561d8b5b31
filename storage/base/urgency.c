#include "storage/base/urgency.h"

#include <linux/sched.h>
#include <linux/sched/types.h>
#include <stdbool.h>
#include <stdint.h>
#include <string.h>
#include <sys/syscall.h>
#include <unistd.h>

enum {
    SHORT_SLICE = 100 * 1000, /* nanoseconds: the least that the kernel takes */
    USUAL_SLICE = 0,
    LOWER_BY = 10, /* steps of nice: a ninth of what others get */
    NICE_MAX = 19
};

/* The C library of Debian 12 has no functions for these two. */
static bool get(struct sched_attr *attributes)
{
    memset(attributes, 0, sizeof(*attributes));
    return syscall(SYS_sched_getattr, 0, attributes, sizeof(*attributes), 0) == 0;
}

static void set(struct sched_attr *attributes)
{
    (void)syscall(SYS_sched_setattr, 0, attributes, 0);
}

void urgency_raise(void)
{
    struct sched_attr attributes;

    if (!get(&attributes) || attributes.sched_policy != SCHED_NORMAL)
        return;
    attributes.sched_runtime = SHORT_SLICE;
    set(&attributes);
}

void urgency_lower(void)
{
    struct sched_attr attributes;

    if (!get(&attributes) || attributes.sched_policy != SCHED_NORMAL)
        return;
    attributes.sched_runtime = USUAL_SLICE;
    attributes.sched_nice += LOWER_BY;
    if (attributes.sched_nice > NICE_MAX)
        attributes.sched_nice = NICE_MAX;
    set(&attributes);
}
