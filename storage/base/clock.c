/*
 * The machine's clock, or one that stands still until it is moved.
 *
 * A settable clock may be read by workers while a test moves it, so what it
 * shows is atomic.
 */
#include "storage/base/clock.h"

#include <stdatomic.h>
#include <stdbool.h>
#include <time.h>

#include "storage/base/memory.h"
#include "storage/base/must.h"

struct clock {
    bool settable;
    micros start;          /* of a settable clock: its wall time when made */
    _Atomic micros passed; /* of a settable clock: how far it was moved */
};

static micros read_machine(clockid_t which)
{
    struct timespec now;

    must(clock_gettime(which, &now) == 0);
    return (micros)now.tv_sec * 1000000 + now.tv_nsec / 1000;
}

struct clock *clock_new(void)
{
    struct clock *clock = memory_new(sizeof(*clock));

    clock->settable = false;
    clock->start = 0;
    atomic_init(&clock->passed, 0);
    return clock;
}

struct clock *clock_new_settable(micros start)
{
    struct clock *clock = clock_new();

    clock->settable = true;
    clock->start = start;
    return clock;
}

void clock_move(struct clock *clock, micros forward)
{
    must(clock->settable && forward >= 0);
    atomic_fetch_add(&clock->passed, forward);
}

void clock_free(struct clock *clock)
{
    memory_free(clock);
}

micros clock_monotonic(struct clock *clock)
{
    if (UNLIKELY(clock->settable))
        return atomic_load(&clock->passed);
    return read_machine(CLOCK_MONOTONIC);
}

micros clock_wall(struct clock *clock)
{
    if (UNLIKELY(clock->settable))
        return clock->start + atomic_load(&clock->passed);
    return read_machine(CLOCK_REALTIME);
}
