/*
 * The event loop, over libev, and the end of its turn.
 *
 * A turn is one pass: wait, read what is readable, run the requests, then the
 * steps that end a turn, in the order they were given. No other room includes libev.
 */
#ifndef BROKER_NET_LOOP_H
#define BROKER_NET_LOOP_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "storage/base/clock.h"

struct ev_loop;
struct loop;
struct turn_watch;

/* One thing to do at the end of each turn. True asks for another turn at once. */
struct step {
    const char *name;
    bool (*run)(void *who);
    void *who;
};

/* Dies if the kernel gives no epoll. */
struct loop *loop_new(void);
void loop_free(struct loop *loop);

/* What ends each turn from now on, in this order. Copied. */
void loop_end_turns_with(struct loop *loop, const struct step *steps, size_t count);

/* Runs turns until loop_stop. */
void loop_run(struct loop *loop);
void loop_stop(struct loop *loop);

/* One turn; waits at most `timeout` milliseconds for something to happen. */
void loop_turn(struct loop *loop, millis timeout);

/*
 * In the middle of a turn: sees which sockets are ready, without waiting, then calls `run`.
 * No step ends this; timers and signals wait until a whole turn comes round.
 */
void loop_meanwhile(struct loop *loop, void (*run)(void *who), void *who);

/*
 * Runs `run` once, when the turn under way is over: outside of any, so that it may
 * make turns itself while it takes long. One at a time; only under loop_run.
 */
void loop_between(struct loop *loop, void (*run)(void *who), void *who);

/* Whether loop_stop was called. */
bool loop_is_stopped(const struct loop *loop);

/* Turns since the last loop_reset_figures, and how long they took; waiting between them not counted. */
struct loop_figures {
    uint64_t turns;
    micros   took;    /* all of them together */
    micros   longest;
};
struct loop_figures loop_figures(const struct loop *loop);
void loop_reset_figures(struct loop *loop);

/* How long they take, for who wants to know it exactly: the loop's. */
struct turn_watch *loop_turn_watch(struct loop *loop);

/* For the files of this room that have watchers of their own. */
struct ev_loop *loop_ev(struct loop *loop);

/* A timer: runs once at a time from now, or again and again. */
struct loop_timer;
struct loop_timer *loop_timer_new(struct loop *loop, void (*run)(void *who), void *who);
void loop_timer_free(struct loop_timer *timer);

/* Runs after `delay` milliseconds, then every `repeat` milliseconds if that is not 0. */
void loop_timer_start(struct loop_timer *timer, millis delay, millis repeat);
void loop_timer_stop(struct loop_timer *timer);

/* Runs `run` when a signal arrives, in a turn, not in the handler of the signal. */
struct loop_signal;
struct loop_signal *loop_signal_new(struct loop *loop, int number, void (*run)(void *who),
                                    void *who);
void loop_signal_free(struct loop_signal *watcher);

/* Runs `run` when a descriptor is readable, or when it is writable. */
struct loop_watch;
struct loop_watch *loop_watch_new_writable(struct loop *loop, int fd, void (*run)(void *who),
                                           void *who);
struct loop_watch *loop_watch_new_readable(struct loop *loop, int fd, void (*run)(void *who),
                                           void *who);
void loop_watch_free(struct loop_watch *watch);

#endif
