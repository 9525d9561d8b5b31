/*
 * One timer ticks options.hz times a second; another is set for the earliest
 * deadline of a waiter, so that waits end on time. Expiry that finds more than
 * its budget allows goes on at the end of the following turns.
 */
#include "broker/upkeep/upkeep.h"

#include "broker/config/options.h"
#include "broker/dispatch/caller.h"
#include "broker/dispatch/waiting.h"
#include "broker/metrics/metrics.h"
#include "broker/net/loop.h"
#include "broker/session/sessions.h"
#include "storage/base/memory.h"
#include "storage/keyspace/keyspace.h"

enum {
    SWEEP_KEYS = 128,      /* keys removed in one step, times active-expire-effort */
    RESIZE_BUCKETS = 4096, /* moved in one tick for each database */
    TASKS = 16,
    IDLE_EVERY = 1000      /* milliseconds between looks for idle sessions */
};

struct task {
    void (*run)(void *who);
    void *who;
};

struct upkeep {
    struct upkeep_setup setup;
    struct loop_timer  *tick;
    struct loop_timer  *deadline;
    millis              deadline_at; /* what that timer is set for, -1 for nothing */
    millis              idle_at;
    bool                paused;      /* ticks do nothing */
    bool                expire;      /* actively */
    micros              expiring;    /* of the time spent on it, what is no whole millisecond */
    bool                overdue;     /* more keys are past their time than one step removes */
    uint64_t            ran;         /* commands, when the last turn ended */
    struct task         tasks[TASKS];
    size_t              task_count;
};

/* Removes keys past their time in all databases, as many as a step may. */
static bool sweep(struct upkeep *upkeep)
{
    struct keyspaces *all = upkeep->setup.keyspaces;
    size_t left = SWEEP_KEYS * (size_t)upkeep->setup.options->active_expire_effort;
    micros begun, took;

    caller_open_own(upkeep->setup.caller);
    begun = caller_clock(upkeep->setup.caller);
    for (uint32_t db = 0; db < keyspaces_count(all) && left > 0; db++)
        left -= keyspace_sweep(keyspaces_at(all, db), left);
    caller_close_own(upkeep->setup.caller);
    (void)caller_begin(upkeep->setup.caller);
    took = caller_clock(upkeep->setup.caller) - begun;
    upkeep->setup.note(upkeep->setup.note_who, "expire-cycle", took);
    upkeep->expiring += took;
    upkeep->setup.metrics->expire_cycle_cpu_milliseconds += (uint64_t)upkeep->expiring / 1000;
    upkeep->expiring %= 1000;
    if (left > 0)
        return false;
    upkeep->setup.metrics->expired_time_cap_reached_count++;
    return true;
}

static bool anything_past(struct upkeep *upkeep, millis now)
{
    struct keyspaces *all = upkeep->setup.keyspaces;

    for (uint32_t db = 0; db < keyspaces_count(all); db++) {
        millis due = keyspace_next_due(keyspaces_at(all, db));

        if (due >= 0 && due <= now)
            return true;
    }
    return false;
}

static void on_tick(void *who)
{
    struct upkeep *upkeep = who;
    struct keyspaces *all = upkeep->setup.keyspaces;
    micros began;
    millis now;

    if (UNLIKELY(upkeep->paused))
        return;
    caller_follow_wall(upkeep->setup.caller);
    now = caller_begin(upkeep->setup.caller);
    began = caller_clock(upkeep->setup.caller);

    if (upkeep->expire && !keyspaces_held(all) && anything_past(upkeep, now))
        upkeep->overdue = sweep(upkeep);
    for (uint32_t db = 0; db < keyspaces_count(all); db++)
        keyspace_step(keyspaces_at(all, db), RESIZE_BUCKETS);
    if (now >= upkeep->idle_at) {
        upkeep->idle_at = now + IDLE_EVERY;
        sessions_close_idle(upkeep->setup.sessions, now);
        sessions_close_slow(upkeep->setup.sessions, now);
    }
    for (size_t i = 0; i < upkeep->task_count; i++)
        upkeep->tasks[i].run(upkeep->tasks[i].who);
    (void)caller_begin(upkeep->setup.caller);
    upkeep->setup.metrics->ticks_took +=
        (uint64_t)(caller_clock(upkeep->setup.caller) - began);
}

static void on_deadline(void *who)
{
    struct upkeep *upkeep = who;

    upkeep->deadline_at = -1;
    waiting_time_over(upkeep->setup.waiting, upkeep->setup.caller,
                      caller_begin(upkeep->setup.caller));
}

void upkeep_follow_options(struct upkeep *upkeep)
{
    millis every = 1000 / upkeep->setup.options->hz;

    loop_timer_start(upkeep->tick, every, every);
}

struct upkeep *upkeep_new(const struct upkeep_setup *setup)
{
    struct upkeep *upkeep = memory_new_zeroed(1, sizeof(*upkeep));

    upkeep->setup = *setup;
    upkeep->expire = true;
    upkeep->deadline_at = -1;
    upkeep->tick = loop_timer_new(setup->loop, on_tick, upkeep);
    upkeep->deadline = loop_timer_new(setup->loop, on_deadline, upkeep);
    upkeep_follow_options(upkeep);
    return upkeep;
}

void upkeep_free(struct upkeep *upkeep)
{
    if (upkeep == NULL)
        return;
    loop_timer_free(upkeep->tick);
    loop_timer_free(upkeep->deadline);
    memory_free(upkeep);
}

/* Sets the timer anew when the earliest deadline is another one. */
static void follow_deadline(struct upkeep *upkeep)
{
    millis at = waiting_next_deadline(upkeep->setup.waiting);
    millis delay;

    if (at == upkeep->deadline_at)
        return;
    upkeep->deadline_at = at;
    if (at < 0) {
        loop_timer_stop(upkeep->deadline);
        return;
    }
    delay = at - caller_begin(upkeep->setup.caller);
    loop_timer_start(upkeep->deadline, delay < 0 ? 0 : delay, 0);
}

/* How many commands a turn runs at most, for INFO. */
static void count_commands(struct upkeep *upkeep)
{
    struct metrics *metrics = upkeep->setup.metrics;
    uint64_t ran = metrics->commands_processed - upkeep->ran;

    /* Where the counter was reset this wraps round, and is no turn's. */
    if (UNLIKELY(ran > metrics->most_in_a_turn && ran < UINT32_MAX))
        metrics->most_in_a_turn = ran;
    upkeep->ran = metrics->commands_processed;
}

bool upkeep_step(void *who)
{
    struct upkeep *upkeep = who;

    count_commands(upkeep);
    if (UNLIKELY(upkeep->overdue) && upkeep->expire && !keyspaces_held(upkeep->setup.keyspaces))
        upkeep->overdue = sweep(upkeep);
    follow_deadline(upkeep);
    return upkeep->overdue && upkeep->expire && !keyspaces_held(upkeep->setup.keyspaces);
}

void upkeep_pause(struct upkeep *upkeep, bool paused)
{
    upkeep->paused = paused;
}

bool upkeep_is_paused(const struct upkeep *upkeep)
{
    return upkeep->paused;
}

void upkeep_expire_actively(struct upkeep *upkeep, bool on)
{
    upkeep->expire = on;
}

void upkeep_add(struct upkeep *upkeep, void (*run)(void *who), void *who)
{
    must(upkeep->task_count < TASKS);
    upkeep->tasks[upkeep->task_count++] = (struct task){ run, who };
}
