/*
 * A timer of its own sets the pace of slices. A busy loop delays it, so that
 * defragmentation gives way where there is other work.
 */
#include "broker/upkeep/defragmenter.h"

#include <inttypes.h>

#include "broker/config/options.h"
#include "broker/net/loop.h"
#include "storage/base/memory.h"
#include "storage/base/must.h"

enum {
    ASK_EVERY = 1000000, /* microseconds between questions to the allocator */
    SLICE_USUAL = 500,   /* microseconds */
    REST_IN_VAIN = 10000000,
    IN_VAIN = 64         /* a pass that moved less than one block in so many */
};

struct defragmenter {
    struct defragmenter_setup setup;
    struct defrag     *defrag;
    struct loop_timer *timer;
    unsigned           share;     /* percent of the time; 0: resting */
    micros             ask_at;    /* when to look at fragmentation again */
    micros             slice;
    micros             period;
    micros             next_at;   /* when the next slice is due, if no timer says so */
    micros             until;     /* the end of the slice under way */
    micros             ran;       /* how long it ran, phases that ended */
    micros             began_at;  /* of the phase under way */
    uint64_t           moved_before; /* this pass */
    uint64_t           left_before;
};

static void on_slice(void *who);

struct defragmenter *defragmenter_new(const struct defragmenter_setup *setup)
{
    struct defragmenter *defragmenter = memory_new_zeroed(1, sizeof(*defragmenter));

    defragmenter->setup = *setup;
    defragmenter->defrag = defrag_new(setup->keyspaces, memory_lies_thin);
    defragmenter->timer = loop_timer_new(setup->loop, on_slice, defragmenter);
    return defragmenter;
}

void defragmenter_free(struct defragmenter *defragmenter)
{
    if (defragmenter == NULL)
        return;
    loop_timer_free(defragmenter->timer);
    defrag_free(defragmenter->defrag);
    memory_free(defragmenter);
}

void defragmenter_add(struct defragmenter *defragmenter, struct defrag_room room)
{
    defrag_add(defragmenter->defrag, room);
}

/* How much of the time is to go there: 0 if too little is lost for any. */
static unsigned wanted_share(const struct defragmenter *defragmenter)
{
    const struct options *options = defragmenter->setup.options;
    double low = (double)options->active_defrag_threshold_lower;
    double high = (double)options->active_defrag_threshold_upper;
    double least = (double)options->active_defrag_cycle_min;
    double most = (double)options->active_defrag_cycle_max;
    struct memory_figures now;
    double lost, share;

    memory_figures(&now);
    if (now.allocated == 0 || now.active <= now.allocated ||
        now.active - now.allocated < (size_t)options->active_defrag_ignore_bytes)
        return 0;
    lost = 100 * (double)(now.active - now.allocated) / (double)now.allocated;
    if (lost < low)
        return 0;
    share = lost >= high || high <= low ? most
                                        : least + (most - least) * (lost - low) / (high - low);
    if (share > most)
        share = most;
    return share < least ? (unsigned)least : (unsigned)share;
}

/* How long it has been running, in microseconds; 0 while it rests. */
static micros running_for(const struct defragmenter *defragmenter)
{
    if (defragmenter->share == 0)
        return 0;
    return clock_monotonic(defragmenter->setup.clock) - defragmenter->began_at;
}

static void rest(struct defragmenter *defragmenter)
{
    defragmenter->ran += running_for(defragmenter);
    defragmenter->share = 0;
    defrag_stop(defragmenter->defrag);
    loop_timer_stop(defragmenter->timer);
}

/* Slices of half a millisecond, or longer ones each millisecond where the share is large. */
static void run_at(struct defragmenter *defragmenter, unsigned share, micros now)
{
    const struct defrag_counts *counts = defrag_counts(defragmenter->defrag);
    micros period = SLICE_USUAL * 100 / (micros)share / 1000 * 1000;

    if (defragmenter->share == 0) {
        defragmenter->began_at = now;
        defragmenter->moved_before = counts->moved;
        defragmenter->left_before = counts->left;
    }
    defragmenter->share = share;
    defragmenter->period = period < 1000 ? 1000 : period;
    defragmenter->slice = defragmenter->period * (micros)share / 100;
    loop_timer_start(defragmenter->timer, defragmenter->period / 1000,
                     defragmenter->period / 1000);
}

/* Begins, goes on at another pace, or rests. A pass under way does not slow down. */
static void ask(struct defragmenter *defragmenter, micros now)
{
    unsigned share = wanted_share(defragmenter);

    defragmenter->ask_at = now + ASK_EVERY;
    if (share > defragmenter->share)
        run_at(defragmenter, share, now);
}

void defragmenter_tick(void *who)
{
    struct defragmenter *defragmenter = who;
    micros now;

    if (LIKELY(!defragmenter->setup.options->activedefrag)) {
        if (defragmenter->share > 0)
            rest(defragmenter);
        return;
    }
    now = clock_monotonic(defragmenter->setup.clock);
    if (now >= defragmenter->ask_at)
        ask(defragmenter, now);
}

/* What follows a pass: another one if that may help, at the pace of what is lost now. */
static void pass_is_over(struct defragmenter *defragmenter, micros now)
{
    const struct defrag_counts *counts = defrag_counts(defragmenter->defrag);
    uint64_t moved = counts->moved - defragmenter->moved_before;
    uint64_t left = counts->left - defragmenter->left_before;
    unsigned share = wanted_share(defragmenter);

    defragmenter->moved_before = counts->moved;
    defragmenter->left_before = counts->left;
    if (share > 0 && moved >= left / IN_VAIN && moved > 0) {
        run_at(defragmenter, share, now);
        return;
    }
    rest(defragmenter);
    if (share > 0)
        defragmenter->ask_at = now + REST_IN_VAIN;
}

static bool slice_is_over(void *who)
{
    struct defragmenter *defragmenter = who;

    return clock_monotonic(defragmenter->setup.clock) >= defragmenter->until;
}

static void on_slice(void *who)
{
    struct defragmenter *defragmenter = who;
    const struct options *options = defragmenter->setup.options;
    micros began = clock_monotonic(defragmenter->setup.clock);
    micros took;
    bool ended;

    if (defragmenter->share == 0)
        return;
    defragmenter->until = began + defragmenter->slice;
    ended = defrag_run(defragmenter->defrag, (size_t)options->active_defrag_max_scan_fields,
                       slice_is_over, defragmenter);
    took = clock_monotonic(defragmenter->setup.clock) - began;
    defragmenter->next_at = began + defragmenter->period;
    defragmenter->setup.note(defragmenter->setup.note_who, "active-defrag-cycle", took);
    if (ended)
        pass_is_over(defragmenter, began + took);
}

void defragmenter_meanwhile(struct defragmenter *defragmenter)
{
    micros now;

    if (LIKELY(!defragmenter->setup.options->activedefrag))
        return;
    now = clock_monotonic(defragmenter->setup.clock);
    if (now >= defragmenter->ask_at)
        ask(defragmenter, now);
    if (defragmenter->share > 0 && now >= defragmenter->next_at)
        on_slice(defragmenter);
}

void defragmenter_print_running(const struct defragmenter *defragmenter, struct buffer *to)
{
    buffer_print(to, "active_defrag_running:%u\r\n", defragmenter->share);
}

void defragmenter_print(const struct defragmenter *defragmenter, struct buffer *to)
{
    const struct defrag_counts *counts = defrag_counts(defragmenter->defrag);
    micros running = running_for(defragmenter);

    buffer_print(to,
                 "active_defrag_hits:%" PRIu64 "\r\nactive_defrag_misses:%" PRIu64 "\r\n"
                 "active_defrag_key_hits:%" PRIu64 "\r\nactive_defrag_key_misses:%" PRIu64 "\r\n",
                 counts->moved, counts->left, counts->keys, counts->keys_left);
    buffer_print(to,
                 "total_active_defrag_time:%" PRId64 "\r\ncurrent_active_defrag_time:%" PRId64
                 "\r\n",
                 (defragmenter->ran + running) / 1000, running / 1000);
}

void defragmenter_reset(struct defragmenter *defragmenter)
{
    *defrag_counts(defragmenter->defrag) = (struct defrag_counts){ 0 };
    defragmenter->moved_before = 0;
    defragmenter->left_before = 0;
    defragmenter->ran = 0;
}
