/*
 * A share is what one thread has: its connections, its part of the requests, its
 * tally. Shares meet in a few atomic counters only, and the thread that started
 * them watches these and says when to stop.
 *
 * What always holds:
 *   (1) A connection that asks is in its share's ready ring, once, or has replies
 *       under way that will put it there.
 *   (2) run->issued * fan is how much will be heard; run->heard how much was.
 *   (3) A share leaves 'asking' once: when it has nothing left to ask and
 *       everything it asked has been answered.
 */
#include "clients/bench/bench_load.h"

#include <errno.h>
#include <pthread.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/timerfd.h>
#include <time.h>
#include <unistd.h>

#include "clients/bench/bench_connection.h"

#define SECOND UINT64_C(1000000000)

enum {
    EVENTS = 128,
    TICK_MS = 10,        /* how often a share looks whether it is to stop */
    PAUSE_MS = 1,        /* how often a pausing producer looks again */
    SILENCE_SECONDS = 1, /* after which what was not heard is missing */
    PATIENCE_SECONDS = 10
};

/* One run, as all its shares see it. */
struct run {
    const struct bench_load_setup *setup;
    uint64_t fan;
    uint64_t start;
    uint64_t deadline;    /* UINT64_MAX: none */
    pthread_mutex_t gate; /* held until all threads are there and the clock runs */
    _Atomic uint64_t issued;
    _Atomic uint64_t answered;
    _Atomic uint64_t heard;
    _Atomic unsigned asking; /* shares that still ask */
    _Atomic bool stop;
    _Atomic bool failed;
    struct mr_trouble trouble; /* whoever set 'failed' wrote it */
};

struct slot {
    struct bench_connection *connection;
    bool ready;   /* it is in the ready ring */
    bool blocked; /* epoll also waits for room in its socket */
};

struct share {
    struct run *run;
    pthread_t thread;
    int epoll;
    int timer; /* -1 in a closed loop */
    struct slot *slots;
    unsigned slot_count;
    unsigned askers;
    struct slot **ring; /* those ready to ask, longest waiting first */
    unsigned ring_first;
    unsigned ring_count;
    uint64_t quota;  /* requests still to ask */
    double due;      /* of the next request of an open loop */
    double interval; /* from one to the next; 0 in a closed loop */
    uint64_t issued;
    uint64_t told_answered; /* what the run's counters have of this share */
    uint64_t told_heard;
    bool asking;
    bool pausing;
    struct bench_tally tally;
};

static void fail(struct run *run, const char *text)
{
    if (!atomic_exchange(&run->failed, true))
        snprintf(run->trouble.text, sizeof run->trouble.text, "%s", text);
    atomic_store(&run->stop, true);
}

static void make_ready(struct share *share, struct slot *slot)
{
    if (slot->ready)
        return;
    unsigned last = share->ring_first + share->ring_count++;
    slot->ready = true;
    share->ring[last < share->slot_count ? last : last - share->slot_count] = slot;
}

static struct slot *take_ready(struct share *share)
{
    struct slot *slot = share->ring[share->ring_first];
    if (++share->ring_first == share->slot_count)
        share->ring_first = 0;
    share->ring_count--;
    slot->ready = false;
    return slot;
}

/* Sends what was said, and has epoll wait for room if it does not all fit. */
static bool send_all(struct share *share, struct slot *slot)
{
    enum bench_flow flow = bench_connection_send(slot->connection);

    if (flow == BENCH_LOST) {
        fail(share->run, bench_connection_trouble(slot->connection));
        return false;
    }
    if ((flow == BENCH_BLOCKED) == slot->blocked)
        return true;
    slot->blocked = flow == BENCH_BLOCKED;
    struct epoll_event event = { .events = EPOLLIN | (slot->blocked ? EPOLLOUT : 0U),
                                 .data.ptr = slot };
    epoll_ctl(share->epoll, EPOLL_CTL_MOD, bench_connection_socket(slot->connection), &event);
    return true;
}

static bool say(struct share *share, struct slot *slot, uint64_t born)
{
    if (bench_connection_say(slot->connection, born))
        return true;
    fail(share->run, bench_connection_trouble(slot->connection));
    return false;
}

/* True while so much is under way that producers are to wait. */
static bool must_pause(struct run *run)
{
    uint64_t backlog = run->setup->options->backlog;

    if (run->fan == 0 || backlog == 0)
        return false;
    return atomic_load_explicit(&run->issued, memory_order_relaxed) * run->fan >=
           atomic_load_explicit(&run->heard, memory_order_relaxed) + backlog * run->fan;
}

/* Every ready connection asks a whole pipeline. */
static void ask_closed(struct share *share)
{
    struct run *run = share->run;

    share->pausing = false;
    while (share->ring_count > 0 && share->quota > 0) {
        if (must_pause(run)) {
            share->pausing = true;
            return;
        }
        uint64_t now = bench_now();
        if (now >= run->deadline) {
            share->quota = 0;
            return;
        }
        struct slot *slot = take_ready(share);
        uint64_t count = bench_connection_room(slot->connection);
        count = count < share->quota ? count : share->quota;
        share->quota -= count;
        share->issued += count;
        atomic_fetch_add_explicit(&run->issued, count, memory_order_relaxed);
        for (uint64_t i = 0; i < count; i++) {
            if (!say(share, slot, now))
                return;
        }
        if (!send_all(share, slot))
            return;
    }
}

static void arm(struct share *share)
{
    uint64_t due = (uint64_t)share->due;
    struct itimerspec when = { .it_value = { (time_t)(due / SECOND), (long)(due % SECOND) } };
    timerfd_settime(share->timer, TFD_TIMER_ABSTIME, &when, NULL);
}

/* Whatever is due is asked by connections that are free; the timer tells of the next. */
static void ask_open(struct share *share)
{
    struct run *run = share->run;
    uint64_t now = bench_now();

    if (now >= run->deadline) {
        share->quota = 0;
        return;
    }
    while (share->ring_count > 0 && share->quota > 0 && share->due <= (double)now) {
        struct slot *slot = take_ready(share);
        uint64_t born = (uint64_t)share->due;
        share->due += share->interval;
        share->quota--;
        share->issued++;
        atomic_fetch_add_explicit(&run->issued, 1, memory_order_relaxed);
        if (!say(share, slot, born) || !send_all(share, slot))
            return;
        if (bench_connection_room(slot->connection) > 0)
            make_ready(share, slot);
    }
    if (share->ring_count > 0 && share->quota > 0)
        arm(share);
}

/* Reads what came and lets the connection go on. */
static bool hear(struct share *share, struct slot *slot)
{
    struct bench_connection *connection = slot->connection;

    if (bench_connection_hear(connection) == BENCH_LOST) {
        fail(share->run, bench_connection_trouble(connection));
        return false;
    }
    switch (bench_connection_manner(connection)) {
    case BENCH_ASKS:
        if (share->timer >= 0 ? bench_connection_room(connection) > 0
                              : bench_connection_is_idle(connection))
            make_ready(share, slot);
        return true;
    case BENCH_WORKS:
        if (bench_connection_is_idle(connection))
            return say(share, slot, 0) && send_all(share, slot);
        return true;
    case BENCH_LISTENS:
        return true;
    }
    return true;
}

/* Tells the run what has been counted since the last time. */
static void tell(struct share *share)
{
    struct run *run = share->run;
    uint64_t answered = share->tally.asked.count, heard = share->tally.heard.count;

    if (answered != share->told_answered)
        atomic_fetch_add_explicit(&run->answered, answered - share->told_answered,
                                  memory_order_relaxed);
    if (heard != share->told_heard)
        atomic_fetch_add_explicit(&run->heard, heard - share->told_heard, memory_order_relaxed);
    share->told_answered = answered;
    share->told_heard = heard;
    if (share->asking && share->quota == 0 && answered == share->issued) {
        share->asking = false;
        atomic_fetch_sub(&run->asking, 1);
    }
}

static void take_event(struct share *share, const struct epoll_event *event)
{
    struct slot *slot = event->data.ptr;

    if (slot == NULL) {
        uint64_t times;
        if (read(share->timer, &times, sizeof times) < 0)
            return;
    } else if (event->events & EPOLLOUT && !send_all(share, slot)) {
        return;
    } else if (event->events & ~(unsigned)EPOLLOUT) {
        hear(share, slot);
    }
}

static void *work(void *owner)
{
    struct share *share = owner;
    struct run *run = share->run;
    struct epoll_event events[EVENTS];

    pthread_mutex_lock(&run->gate);
    pthread_mutex_unlock(&run->gate);
    share->due += (double)run->start;
    for (unsigned i = 0; i < share->slot_count; i++) {
        struct slot *slot = &share->slots[i];
        if (bench_connection_manner(slot->connection) == BENCH_ASKS)
            make_ready(share, slot);
        else if (bench_connection_manner(slot->connection) == BENCH_WORKS &&
                 (!say(share, slot, 0) || !send_all(share, slot)))
            break;
    }
    while (!atomic_load_explicit(&run->stop, memory_order_relaxed)) {
        if (share->quota > 0 && share->timer >= 0)
            ask_open(share);
        else if (share->quota > 0)
            ask_closed(share);
        int count = epoll_wait(share->epoll, events, EVENTS, share->pausing ? PAUSE_MS : TICK_MS);
        if (count < 0 && errno != EINTR)
            fail(run, strerror(errno));
        for (int i = 0; i < count; i++)
            take_event(share, &events[i]);
        tell(share);
    }
    return NULL;
}

/* Opens this share's part of one role's connections. */
static bool open_role(struct share *share, const struct bench_role *role, unsigned index)
{
    const struct bench_load_setup *setup = share->run->setup;
    unsigned crowd = bench_workloads_crowd(role, setup->options);
    struct mr_trouble trouble;

    for (unsigned number = index; number < crowd; number += setup->options->threads) {
        struct slot *slot = &share->slots[share->slot_count];
        slot->connection = bench_connection_new(setup->where, role, number, setup->options,
                                                &share->tally, &trouble);
        if (slot->connection == NULL) {
            fail(share->run, trouble.text);
            return false;
        }
        share->slot_count++;
        if (role->manner == BENCH_ASKS)
            share->askers++;
        struct epoll_event event = { .events = EPOLLIN, .data.ptr = slot };
        if (epoll_ctl(share->epoll, EPOLL_CTL_ADD, bench_connection_socket(slot->connection),
                      &event) != 0) {
            fail(share->run, strerror(errno));
            return false;
        }
    }
    return true;
}

/* How much of 'whole' the first 'part' of 'all' have; shares add up to the whole. */
static uint64_t portion(uint64_t whole, unsigned part, unsigned all)
{
    if (whole == UINT64_MAX)
        return part == 0 ? 0 : UINT64_MAX;
    return whole / all * part + whole % all * part / all;
}

static bool share_open(struct share *share, struct run *run, unsigned index)
{
    const struct bench_workload *workload = run->setup->workload;
    const struct bench_options *options = run->setup->options;
    unsigned askers = bench_workloads_crowd(&workload->asks, options);
    size_t room = (size_t)askers + bench_workloads_crowd(&workload->hears, options);

    share->run = run;
    share->timer = -1;
    share->epoll = epoll_create1(EPOLL_CLOEXEC);
    share->slots = calloc(room, sizeof *share->slots);
    share->ring = calloc(room, sizeof *share->ring);
    if (share->epoll < 0 || share->slots == NULL || share->ring == NULL) {
        fail(run, share->epoll < 0 ? strerror(errno) : "no memory");
        return false;
    }
    /* Whoever hears connects first: nothing may be said before they are there. */
    if (!open_role(share, &workload->hears, index) || !open_role(share, &workload->asks, index))
        return false;
    if (options->rate > 0 && share->askers > 0) {
        struct epoll_event event = { .events = EPOLLIN, .data.ptr = NULL };
        share->timer = timerfd_create(CLOCK_MONOTONIC, TFD_NONBLOCK | TFD_CLOEXEC);
        share->interval = (double)SECOND / options->rate * askers / share->askers;
        share->due = (double)SECOND / options->rate * index;
        if (share->timer < 0 || epoll_ctl(share->epoll, EPOLL_CTL_ADD, share->timer, &event) != 0) {
            fail(run, strerror(errno));
            return false;
        }
    }
    return true;
}

static void share_close(struct share *share)
{
    if (share->run == NULL)
        return;
    for (unsigned i = 0; i < share->slot_count; i++)
        bench_connection_free(share->slots[i].connection);
    if (share->epoll >= 0)
        close(share->epoll);
    if (share->timer >= 0)
        close(share->timer);
    free(share->slots);
    free(share->ring);
}

/* Tells how far the run is and stops it when it is over. */
static void watch(struct run *run)
{
    const struct timespec nap = { .tv_nsec = 5 * 1000 * 1000 };
    uint64_t seen = 0, moved = bench_now(), told = moved;

    while (!atomic_load(&run->stop)) {
        nanosleep(&nap, NULL);
        uint64_t now = bench_now();
        bool asking = atomic_load(&run->asking) > 0;
        struct bench_progress progress = { .workload = run->setup->workload->name,
                                           .seconds = (double)(now - run->start) / (double)SECOND,
                                           .asked = atomic_load(&run->answered),
                                           .heard = atomic_load(&run->heard) };
        if (progress.asked + progress.heard != seen) {
            seen = progress.asked + progress.heard;
            moved = now;
        }
        if (!asking && (progress.heard >= atomic_load(&run->issued) * run->fan ||
                        now - moved > SILENCE_SECONDS * SECOND))
            atomic_store(&run->stop, true);
        /* Under a low rate silence is as it should be, if nothing is under way. */
        if (asking && now - moved > PATIENCE_SECONDS * SECOND &&
            (run->setup->options->rate <= 0 || atomic_load(&run->issued) != progress.asked))
            fail(run, "nothing was answered for ten seconds");
        if (run->setup->progress != NULL && now - told > SECOND / 5) {
            told = now;
            run->setup->progress(run->setup->owner, &progress);
        }
    }
}

/* Shares the requests out among those who ask. */
static void share_out(struct run *run, struct share *shares, unsigned count)
{
    const struct bench_options *options = run->setup->options;
    unsigned askers = bench_workloads_crowd(&run->setup->workload->asks, options);
    unsigned before = 0;

    for (unsigned i = 0; i < count; i++) {
        struct share *share = &shares[i];
        uint64_t first = portion(options->requests, before, askers);
        before += share->askers;
        share->quota = options->requests == UINT64_MAX
                           ? (share->askers > 0 ? UINT64_MAX : 0)
                           : portion(options->requests, before, askers) - first;
        share->asking = true;
    }
    atomic_store(&run->asking, count);
}

/* Starts the threads and the clock, watches them, and waits for their end. */
static void run_shares(struct run *run, struct share *shares, unsigned count)
{
    double seconds = run->setup->options->seconds;
    unsigned started = 0;

    pthread_mutex_init(&run->gate, NULL);
    pthread_mutex_lock(&run->gate);
    while (started < count &&
           pthread_create(&shares[started].thread, NULL, work, &shares[started]) == 0)
        started++;
    if (started < count)
        fail(run, "cannot start so many threads");
    run->start = bench_now();
    run->deadline = seconds > 0 ? run->start + (uint64_t)(seconds * (double)SECOND) : UINT64_MAX;
    pthread_mutex_unlock(&run->gate);
    watch(run);
    for (unsigned i = 0; i < started; i++)
        pthread_join(shares[i].thread, NULL);
    pthread_mutex_destroy(&run->gate);
}

static void conclude(const struct run *run, const struct share *shares, unsigned count,
                     struct bench_result *result)
{
    uint64_t asked_last = run->start, heard_last = run->start;

    for (unsigned i = 0; i < count; i++) {
        const struct share *share = &shares[i];
        bench_histogram_merge(&result->asked.latency, &share->tally.asked);
        bench_histogram_merge(&result->heard.latency, &share->tally.heard);
        result->empty += share->tally.empty;
        if (share->tally.asked_last > asked_last)
            asked_last = share->tally.asked_last;
        if (share->tally.heard_last > heard_last)
            heard_last = share->tally.heard_last;
        if (share->interval > 0 && run->deadline != UINT64_MAX &&
            share->due < (double)run->deadline && run->setup->options->requests == UINT64_MAX)
            result->unsent += (uint64_t)(((double)run->deadline - share->due) / share->interval);
    }
    result->asked.seconds = (double)(asked_last - run->start) / (double)SECOND;
    result->heard.seconds = (double)(heard_last - run->start) / (double)SECOND;
    uint64_t expected = run->issued * run->fan;
    if (expected > result->heard.latency.count)
        result->missing = expected - result->heard.latency.count;
}

bool bench_load_run(const struct bench_load_setup *setup, struct bench_result *result,
                    struct mr_trouble *trouble)
{
    const struct bench_options *options = setup->options;
    unsigned count = options->threads;
    struct run *run = calloc(1, sizeof *run);
    struct share *shares = calloc(count, sizeof *shares);

    memset(result, 0, sizeof *result);
    snprintf(trouble->text, sizeof trouble->text, "no memory");
    if (run == NULL || shares == NULL)
        goto out;
    run->setup = setup;
    run->fan = bench_workloads_fan(setup->workload, options);
    bool opened = true;
    for (unsigned i = 0; i < count && opened; i++)
        opened = share_open(&shares[i], run, i);
    if (opened) {
        share_out(run, shares, count);
        run_shares(run, shares, count);
        conclude(run, shares, count, result);
    }
    *trouble = run->trouble;
out:;
    bool fine = run != NULL && shares != NULL && !run->failed;
    for (unsigned i = 0; shares != NULL && i < count; i++)
        share_close(&shares[i]);
    free(shares);
    free(run);
    return fine;
}
