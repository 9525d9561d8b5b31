#include "storage/persist/progress.h"

#include <time.h>

#include "storage/base/must.h"

enum {
    SECOND = 1000000,
    TELL_EVERY = 1024 /* keys between looks at the clock, unless each takes long */
};

void progress_begin(struct progress *progress, struct child_line *line, int64_t delay)
{
    *progress = (struct progress){ .line = line, .delay = delay };
    if (line == NULL)
        return;
    progress->clock = clock_new();
    progress->told = clock_monotonic(progress->clock);
}

void progress_end(struct progress *progress)
{
    clock_free(progress->clock);
}

void progress_dawdle(int64_t delay, uint64_t keys)
{
    struct timespec pause = { delay / SECOND, delay % SECOND * 1000 };

    if (delay > 0)
        (void)nanosleep(&pause, NULL);
    else if (delay < 0 && keys % (uint64_t)-delay == 0)
        (void)nanosleep(&(struct timespec){ 0, 1000 }, NULL);
}

void progress_wrote_key(void *who, uint64_t keys)
{
    struct progress *progress = who;
    micros now;

    if (UNLIKELY(progress->delay != 0))
        progress_dawdle(progress->delay, keys);
    if (progress->line == NULL || (keys % TELL_EVERY != 0 && progress->delay <= 0))
        return;
    now = clock_monotonic(progress->clock);
    if (now - progress->told < SECOND)
        return;
    progress->told = now;
    child_tell(progress->line, keys);
}
