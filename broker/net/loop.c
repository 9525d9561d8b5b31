/*
 * The loop over libev. The steps that end a turn run in a prepare watcher, just
 * before libev would wait; if one asks for another turn at once, an idle
 * watcher keeps libev from waiting.
 *
 * Loops of libev may nest: loop_meanwhile runs one that only marks who is ready.
 *
 * How long turns take is told by readings of the clock that libev does anyway:
 * before it waits (seen where it lets go of the loop) and after. It does not read
 * it before a look that does not wait; there a turn ends when the next one begins.
 */
#include "broker/net/loop.h"

#include <ev.h>

#include "broker/net/turn_watch.h"
#include "storage/base/memory.h"
#include "storage/base/must.h"

/* Seconds after which what could not run in the midst of a turn is tried again. */
#define LATER .001

struct loop {
    struct ev_loop *ev;
    struct step    *steps;
    size_t          count;
    uint64_t        turns;
    struct turn_watch *watch;
    ev_check        begin_of_turn;
    ev_prepare      end_of_turn;
    double          began;   /* seconds, by libev's reading of the clock; 0: no turn is under way */
    double          took;    /* seconds, all turns since the figures began */
    double          longest;
    uint64_t        turns_before; /* the figures began */
    ev_idle         once_more;
    ev_timer        limit;
    bool            stopped;
    bool            meanwhile; /* a turn is under way around this one */
    void          (*between)(void *who); /* what runs when the turn is over, or NULL */
    void           *between_who;
};

struct loop_timer {
    ev_timer     watcher;
    struct loop *loop;
    void (*run)(void *who);
    void *who;
};

struct loop_signal {
    ev_signal    watcher;
    ev_timer     later; /* for what arrives in the midst of a turn */
    struct loop *loop;
    void (*run)(void *who);
    void *who;
};

struct loop_watch {
    ev_io        watcher;
    struct loop *loop;
    void (*run)(void *who);
    void *who;
};

static void end_turn(struct ev_loop *ev, ev_prepare *watcher, int events)
{
    struct loop *loop = watcher->data;
    bool again = false;

    (void)events;
    if (UNLIKELY(loop->meanwhile))
        return;
    loop->turns++;
    for (size_t i = 0; i < loop->count; i++)
        again |= loop->steps[i].run(loop->steps[i].who);
    turn_watch_end(loop->watch);
    if (again && !loop->stopped)
        ev_idle_start(ev, &loop->once_more);
    else
        ev_idle_stop(ev, &loop->once_more);
}

/* The turn under way is over; a wall clock that was set back tells nothing. */
static void note_turn(struct loop *loop, double now)
{
    double took = now - loop->began;

    loop->began = 0;
    if (took < 0)
        return;
    loop->took += took;
    if (took > loop->longest)
        loop->longest = took;
}

/* libev has done what was to be done, and waits. */
static void wait_begins(struct ev_loop *ev)
{
    struct loop *loop = ev_userdata(ev);
    double now = ev_now(ev);

    if (LIKELY(!loop->meanwhile && loop->began != 0 && now > loop->began))
        note_turn(loop, now);
}

static void begin_turn(struct ev_loop *ev, ev_check *watcher, int events)
{
    struct loop *loop = watcher->data;

    (void)events;
    if (UNLIKELY(loop->meanwhile))
        return;
    if (loop->began != 0)
        note_turn(loop, ev_now(ev));
    loop->began = ev_now(ev);
}

static void go_on(struct ev_loop *ev, ev_idle *watcher, int events)
{
    (void)ev;
    (void)watcher;
    (void)events;
}

static void time_over(struct ev_loop *ev, ev_timer *watcher, int events)
{
    (void)ev;
    (void)watcher;
    (void)events;
}

struct loop *loop_new(void)
{
    struct loop *loop = memory_new_zeroed(1, sizeof(*loop));

    loop->ev = ev_loop_new(EVBACKEND_EPOLL | EVFLAG_NOENV | EVFLAG_NOSIGMASK);
    must(loop->ev != NULL);
    ev_prepare_init(&loop->end_of_turn, end_turn);
    loop->end_of_turn.data = loop;
    ev_prepare_start(loop->ev, &loop->end_of_turn);
    ev_unref(loop->ev);
    ev_check_init(&loop->begin_of_turn, begin_turn);
    ev_set_priority(&loop->begin_of_turn, EV_MAXPRI);
    loop->begin_of_turn.data = loop;
    ev_check_start(loop->ev, &loop->begin_of_turn);
    ev_unref(loop->ev);
    ev_set_userdata(loop->ev, loop);
    ev_set_loop_release_cb(loop->ev, wait_begins, NULL);
    ev_idle_init(&loop->once_more, go_on);
    ev_timer_init(&loop->limit, time_over, 0., 0.);
    loop->watch = turn_watch_new(loop->ev);
    return loop;
}

void loop_free(struct loop *loop)
{
    if (loop == NULL)
        return;
    ev_ref(loop->ev);
    ev_prepare_stop(loop->ev, &loop->end_of_turn);
    ev_ref(loop->ev);
    ev_check_stop(loop->ev, &loop->begin_of_turn);
    turn_watch_free(loop->watch);
    ev_loop_destroy(loop->ev);
    memory_free(loop->steps);
    memory_free(loop);
}

void loop_end_turns_with(struct loop *loop, const struct step *steps, size_t count)
{
    memory_free(loop->steps);
    loop->count = count;
    loop->steps = memory_new_zeroed(count + 1, sizeof(struct step));
    for (size_t i = 0; i < count; i++)
        loop->steps[i] = steps[i];
}

void loop_run(struct loop *loop)
{
    while (!loop->stopped) {
        void (*between)(void *who) = loop->between;

        if (between == NULL) {
            ev_run(loop->ev, 0);
            continue;
        }
        loop->between = NULL;
        between(loop->between_who);
    }
}

void loop_between(struct loop *loop, void (*run)(void *who), void *who)
{
    must(loop->between == NULL);
    loop->between = run;
    loop->between_who = who;
    ev_break(loop->ev, EVBREAK_ALL);
}

void loop_stop(struct loop *loop)
{
    loop->stopped = true;
    ev_break(loop->ev, EVBREAK_ALL);
}

void loop_turn(struct loop *loop, millis timeout)
{
    ev_now_update(loop->ev);
    ev_timer_set(&loop->limit, (double)timeout / 1e3, 0.);
    ev_timer_start(loop->ev, &loop->limit);
    ev_run(loop->ev, EVRUN_ONCE);
    ev_timer_stop(loop->ev, &loop->limit);
}

void loop_meanwhile(struct loop *loop, void (*run)(void *who), void *who)
{
    bool limited = ev_is_active(&loop->limit);

    must(!loop->meanwhile);
    loop->meanwhile = true;
    ev_run(loop->ev, EVRUN_NOWAIT);
    run(who);
    loop->meanwhile = false;
    /* The turn that this is in the midst of was not to wait longer, and its timer is spent. */
    if (limited && !ev_is_active(&loop->limit)) {
        ev_timer_set(&loop->limit, 0., 0.);
        ev_timer_start(loop->ev, &loop->limit);
    }
}

bool loop_is_stopped(const struct loop *loop)
{
    return loop->stopped;
}

struct loop_figures loop_figures(const struct loop *loop)
{
    return (struct loop_figures){ .turns = loop->turns - loop->turns_before,
                                  .took = (micros)(loop->took * 1e6),
                                  .longest = (micros)(loop->longest * 1e6) };
}

void loop_reset_figures(struct loop *loop)
{
    loop->turns_before = loop->turns;
    loop->took = 0;
    loop->longest = 0;
}

struct turn_watch *loop_turn_watch(struct loop *loop)
{
    return loop->watch;
}

struct ev_loop *loop_ev(struct loop *loop)
{
    return loop->ev;
}

static void timer_runs(struct ev_loop *ev, ev_timer *watcher, int events)
{
    struct loop_timer *timer = watcher->data;

    (void)events;
    if (LIKELY(!timer->loop->meanwhile)) {
        timer->run(timer->who);
        return;
    }
    /* Not now, but as soon as a whole turn comes round. */
    ev_timer_stop(ev, watcher);
    ev_timer_set(watcher, LATER, watcher->repeat);
    ev_timer_start(ev, watcher);
}

struct loop_timer *loop_timer_new(struct loop *loop, void (*run)(void *who), void *who)
{
    struct loop_timer *timer = memory_new_zeroed(1, sizeof(*timer));

    timer->loop = loop;
    timer->run = run;
    timer->who = who;
    ev_timer_init(&timer->watcher, timer_runs, 0., 0.);
    timer->watcher.data = timer;
    return timer;
}

void loop_timer_free(struct loop_timer *timer)
{
    if (timer == NULL)
        return;
    loop_timer_stop(timer);
    memory_free(timer);
}

void loop_timer_start(struct loop_timer *timer, millis delay, millis repeat)
{
    loop_timer_stop(timer);
    ev_now_update(timer->loop->ev);
    ev_timer_set(&timer->watcher, (double)delay / 1e3, (double)repeat / 1e3);
    ev_timer_start(timer->loop->ev, &timer->watcher);
}

void loop_timer_stop(struct loop_timer *timer)
{
    ev_timer_stop(timer->loop->ev, &timer->watcher);
}

static void signal_runs(struct ev_loop *ev, ev_signal *watcher, int events)
{
    struct loop_signal *signal = watcher->data;

    (void)events;
    if (signal->loop->meanwhile)
        ev_timer_start(ev, &signal->later);
    else
        signal->run(signal->who);
}

static void late_signal_runs(struct ev_loop *ev, ev_timer *watcher, int events)
{
    struct loop_signal *signal = watcher->data;

    (void)events;
    if (signal->loop->meanwhile)
        return;
    ev_timer_stop(ev, watcher);
    signal->run(signal->who);
}

struct loop_signal *loop_signal_new(struct loop *loop, int number, void (*run)(void *who),
                                    void *who)
{
    struct loop_signal *signal = memory_new_zeroed(1, sizeof(*signal));

    signal->loop = loop;
    signal->run = run;
    signal->who = who;
    ev_signal_init(&signal->watcher, signal_runs, number);
    signal->watcher.data = signal;
    ev_timer_init(&signal->later, late_signal_runs, LATER, LATER);
    signal->later.data = signal;
    ev_signal_start(loop->ev, &signal->watcher);
    return signal;
}

void loop_signal_free(struct loop_signal *watcher)
{
    if (watcher == NULL)
        return;
    ev_signal_stop(watcher->loop->ev, &watcher->watcher);
    ev_timer_stop(watcher->loop->ev, &watcher->later);
    memory_free(watcher);
}

static void watch_runs(struct ev_loop *ev, ev_io *watcher, int events)
{
    struct loop_watch *watch = watcher->data;

    (void)ev;
    (void)events;
    watch->run(watch->who);
}

static struct loop_watch *watch_new(struct loop *loop, int fd, int events, void (*run)(void *who),
                                    void *who)
{
    struct loop_watch *watch = memory_new_zeroed(1, sizeof(*watch));

    watch->loop = loop;
    watch->run = run;
    watch->who = who;
    ev_io_init(&watch->watcher, watch_runs, fd, events);
    watch->watcher.data = watch;
    ev_io_start(loop->ev, &watch->watcher);
    return watch;
}

struct loop_watch *loop_watch_new_readable(struct loop *loop, int fd, void (*run)(void *who),
                                           void *who)
{
    return watch_new(loop, fd, EV_READ, run, who);
}

struct loop_watch *loop_watch_new_writable(struct loop *loop, int fd, void (*run)(void *who),
                                           void *who)
{
    return watch_new(loop, fd, EV_WRITE, run, who);
}

void loop_watch_free(struct loop_watch *watch)
{
    if (watch == NULL)
        return;
    ev_io_stop(watch->loop->ev, &watch->watcher);
    memory_free(watch);
}
