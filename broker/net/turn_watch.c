/*
 * A check watcher of the highest priority runs before all others once libev has
 * waited: there a turn begins. It is started by the first question.
 *
 * /proc/thread-self/schedstat: nanoseconds on a CPU, nanoseconds in the queue for
 * one, times it ran. Where the kernel has no such file, queued is always 0.
 */
#include "broker/net/turn_watch.h"

#include <ev.h>
#include <fcntl.h>
#include <stdbool.h>
#include <time.h>
#include <unistd.h>

#include "storage/base/memory.h"
#include "storage/base/must.h"

struct moment {
    int64_t wall; /* nanoseconds, as all of it */
    int64_t on_cpu;
    int64_t queued;
};

struct turn_watch {
    struct ev_loop *ev;
    ev_check        begin;
    struct moment   began;
    struct turn_length longest;
    int             file; /* -1 until watching begins */
    bool            watching;
    bool            in_turn;
};

static int64_t read_clock(clockid_t which)
{
    struct timespec now;

    must(clock_gettime(which, &now) == 0);
    return (int64_t)now.tv_sec * 1000000000 + now.tv_nsec;
}

/* The second number of the kernel's line. */
static int64_t read_queued(int file)
{
    char line[128];
    ssize_t len = file < 0 ? -1 : pread(file, line, sizeof(line), 0);
    ssize_t at = 0;
    int64_t queued = 0;

    while (at < len && line[at] != ' ')
        at++;
    for (at++; at < len && line[at] >= '0' && line[at] <= '9'; at++)
        queued = queued * 10 + (line[at] - '0');
    return queued;
}

static struct moment this_moment(const struct turn_watch *watch)
{
    return (struct moment){
        .wall = read_clock(CLOCK_MONOTONIC),
        .on_cpu = read_clock(CLOCK_THREAD_CPUTIME_ID),
        .queued = read_queued(watch->file),
    };
}

static void turn_begins(struct ev_loop *ev, ev_check *watcher, int events)
{
    struct turn_watch *watch = watcher->data;

    (void)ev;
    (void)events;
    /* A loop that runs within a turn begins none. */
    if (watch->in_turn)
        return;
    watch->in_turn = true;
    watch->began = this_moment(watch);
}

struct turn_watch *turn_watch_new(struct ev_loop *ev)
{
    struct turn_watch *watch = memory_new_zeroed(1, sizeof(*watch));

    watch->ev = ev;
    watch->file = -1;
    ev_check_init(&watch->begin, turn_begins);
    ev_set_priority(&watch->begin, EV_MAXPRI);
    watch->begin.data = watch;
    return watch;
}

void turn_watch_free(struct turn_watch *watch)
{
    if (watch == NULL)
        return;
    if (watch->watching) {
        ev_ref(watch->ev);
        ev_check_stop(watch->ev, &watch->begin);
    }
    if (watch->file >= 0)
        close(watch->file);
    memory_free(watch);
}

void turn_watch_end(struct turn_watch *watch)
{
    struct turn_length turn;
    struct moment ended;

    if (LIKELY(!watch->in_turn))
        return;
    ended = this_moment(watch);
    turn.took = (ended.wall - watch->began.wall) / 1000;
    turn.on_cpu = (ended.on_cpu - watch->began.on_cpu) / 1000;
    turn.queued = (ended.queued - watch->began.queued) / 1000;
    watch->in_turn = false;
    if (turn.took - turn.queued > watch->longest.took - watch->longest.queued)
        watch->longest = turn;
}

struct turn_length turn_watch_take(struct turn_watch *watch)
{
    struct turn_length longest = watch->longest;

    if (!watch->watching) {
        watch->watching = true;
        watch->file = open("/proc/thread-self/schedstat", O_RDONLY | O_CLOEXEC);
        ev_check_start(watch->ev, &watch->begin);
        ev_unref(watch->ev);
    }
    watch->longest = (struct turn_length){ 0 };
    /* The turn that asks is not one of those asked for. */
    watch->in_turn = false;
    return longest;
}
