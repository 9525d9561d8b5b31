/* Events are few: a list of pointers is searched from its front. */
#include "broker/observe/latency.h"

#include <inttypes.h>

#include "broker/config/options.h"
#include "broker/dispatch/call.h"
#include "storage/base/memory.h"

enum { EVENTS = 32, DRAWN_MOST = 80, DRAWN_ROWS = 4 };

struct latency {
    const struct options *options;
    struct clock         *clock;
    struct latency_event *events[EVENTS];
    size_t                count;
};

struct latency *latency_new(const struct options *options, struct clock *clock)
{
    struct latency *latency = memory_new_zeroed(1, sizeof(*latency));

    latency->options = options;
    latency->clock = clock;
    return latency;
}

void latency_free(struct latency *latency)
{
    if (latency == NULL)
        return;
    (void)latency_reset_all(latency);
    memory_free(latency);
}

micros latency_wants(const void *who)
{
    const struct latency *latency = who;
    int64_t least = latency->options->latency_monitor_threshold;

    return least == 0 || least > INT64_MAX / 1000 ? INT64_MAX : least * 1000;
}

void latency_witness(void *who, const struct call *call, enum verdict verdict, micros took)
{
    bool fast = (call->command->flags & COMMAND_FAST) != 0;

    if (verdict != VERDICT_WAIT)
        latency_note(who, fast ? "fast-command" : "command", took);
}

static struct latency_event *find(const struct latency *latency, struct slice name)
{
    for (size_t i = 0; i < latency->count; i++) {
        if (slice_equal(slice_text(latency->events[i]->name), name))
            return latency->events[i];
    }
    return NULL;
}

static void add_sample(struct latency_event *event, int64_t now, millis took)
{
    struct latency_sample *last =
        &event->at[(event->next + LATENCY_SAMPLES - 1) % LATENCY_SAMPLES];

    if (took > event->worst)
        event->worst = took;
    if (event->count > 0 && last->when == now) {
        last->took = took > last->took ? took : last->took;
        return;
    }
    event->at[event->next] = (struct latency_sample){ now, took };
    event->next = (event->next + 1) % LATENCY_SAMPLES;
    if (event->count < LATENCY_SAMPLES)
        event->count++;
}

void latency_note(void *who, const char *name, micros took)
{
    struct latency *latency = who;
    struct latency_event *event;

    if (took < latency_wants(latency))
        return;
    event = find(latency, slice_text(name));
    if (event == NULL) {
        must(latency->count < EVENTS);
        event = memory_new_zeroed(1, sizeof(*event));
        event->name = name;
        latency->events[latency->count++] = event;
    }
    add_sample(event, clock_wall(latency->clock) / 1000000, took / 1000);
}

size_t latency_count(const struct latency *latency)
{
    return latency->count;
}

const struct latency_event *latency_at(const struct latency *latency, size_t index)
{
    must(index < latency->count);
    return latency->events[index];
}

const struct latency_event *latency_find(const struct latency *latency, struct slice name)
{
    return find(latency, name);
}

struct latency_sample latency_sample(const struct latency_event *event, size_t index)
{
    must(index < event->count);
    return event->at[(event->next + LATENCY_SAMPLES - event->count + index) % LATENCY_SAMPLES];
}

size_t latency_reset(struct latency *latency, struct slice name)
{
    for (size_t i = 0; i < latency->count; i++) {
        if (!slice_equal(slice_text(latency->events[i]->name), name))
            continue;
        memory_free(latency->events[i]);
        latency->count--;
        memmove(&latency->events[i], &latency->events[i + 1],
                (latency->count - i) * sizeof(latency->events[0]));
        return 1;
    }
    return 0;
}

size_t latency_reset_all(struct latency *latency)
{
    size_t count = latency->count;

    for (size_t i = 0; i < count; i++)
        memory_free(latency->events[i]);
    latency->count = 0;
    return count;
}

/* The least, the most and the mean of an event's samples. */
struct summary {
    millis least;
    millis most;
    millis mean;
    millis deviation; /* mean distance from the mean */
    double period;    /* seconds between samples */
};

static struct summary summarize(const struct latency_event *event, int64_t now)
{
    struct summary summary = { INT64_MAX, 0, 0, 0, 0 };
    millis count = (millis)event->count;

    for (size_t i = 0; i < event->count; i++) {
        millis took = latency_sample(event, i).took;

        summary.least = took < summary.least ? took : summary.least;
        summary.most = took > summary.most ? took : summary.most;
        summary.mean += took;
    }
    summary.mean /= count;
    for (size_t i = 0; i < event->count; i++) {
        millis apart = latency_sample(event, i).took - summary.mean;

        summary.deviation += apart < 0 ? -apart : apart;
    }
    summary.deviation /= count;
    summary.period = (double)(now - latency_sample(event, 0).when) / (double)count;
    return summary;
}

/* What an operator can do about an event. */
static const char *advice(struct slice event)
{
    static const struct {
        const char *event;
        const char *text;
    } known[] = {
        { "command", "SLOWLOG GET tells which commands they were; those that read many elements "
                     "at once can be asked for fewer (SCAN instead of KEYS, LIMIT, COUNT)." },
        { "fast-command", "These commands are quick by nature: look for a machine that is short "
                          "of processor time or memory, or swaps." },
        { "expire-cycle", "Many keys expire at the same moment: spread their times, or lower "
                          "active-expire-effort." },
        { "eviction-cycle", "Memory is over its limit by much: raise maxmemory, or lower "
                            "maxmemory-eviction-tenacity." },
        { "active-defrag-cycle", "Memory is moved about: lower active-defrag-cycle-max, and "
                                 "active-defrag-max-scan-fields." },
        { "eviction-del", "Large values are evicted: split them into smaller ones." },
        { "fork", "Much memory is in use, and its page tables are copied at a fork: keep less in "
                  "one broker, or rewrite the AOF less often." },
        { "aof-write", "The disk is slow or busy with other work." },
        { "aof-fsync-always", "With appendfsync always each turn waits for the disk; everysec "
                              "does not." },
    };

    for (size_t i = 0; i < sizeof(known) / sizeof(known[0]); i++) {
        if (slice_equal(event, slice_text(known[i].event)))
            return known[i].text;
    }
    return "Look at what else the machine was doing at those times.";
}

void latency_report(const struct latency *latency, struct buffer *to)
{
    int64_t now = clock_wall(latency->clock) / 1000000;

    if (latency->options->latency_monitor_threshold == 0 && latency->count == 0) {
        buffer_print(to, "Nothing is recorded: latency-monitor-threshold is 0. Set it to the "
                         "milliseconds from which on an event is too slow for you, for example "
                         "CONFIG SET latency-monitor-threshold 100.\n");
        return;
    }
    if (latency->count == 0) {
        buffer_print(to, "No event took %" PRId64 " milliseconds or longer so far.\n",
                     latency->options->latency_monitor_threshold);
        return;
    }
    for (size_t i = 0; i < latency->count; i++) {
        const struct latency_event *event = latency->events[i];
        struct summary summary = summarize(event, now);

        buffer_print(to,
                     "%zu. %s: %zu latency spikes (average %" PRId64 "ms, mean deviation %" PRId64
                     "ms, period %.2f sec). Worst all time event %" PRId64 "ms.\n   %s\n",
                     i + 1, event->name, event->count, summary.mean, summary.deviation,
                     summary.period, event->worst, advice(slice_text(event->name)));
    }
}

/* How long ago, in two characters and a unit. */
static void print_age(int64_t seconds, char text[4])
{
    static const struct {
        int64_t most;
        int64_t unit;
        char    letter;
    } units[] = { { 60, 1, 's' }, { 3600, 60, 'm' }, { 86400, 3600, 'h' }, { INT64_MAX, 86400, 'd' } };
    size_t at = 0;
    int64_t count;

    while (seconds >= units[at].most)
        at++;
    count = seconds / units[at].unit;
    count = count > 99 ? 99 : count < 0 ? 0 : count;
    if (count >= 10)
        *text++ = (char)('0' + count / 10);
    *text++ = (char)('0' + count % 10);
    *text++ = units[at].letter;
    if (count < 10)
        *text = ' ';
}

void latency_draw(const struct latency *latency, const struct latency_event *event,
                  struct buffer *to)
{
    static const char levels[] = "_o#";
    int64_t now = clock_wall(latency->clock) / 1000000;
    struct summary summary = summarize(event, now);
    millis span = summary.most - summary.least > 0 ? summary.most - summary.least : 1;
    size_t first = event->count > DRAWN_MOST ? event->count - DRAWN_MOST : 0;

    buffer_print(to, "%s - high %" PRId64 " ms, low %" PRId64 " ms (all time high %" PRId64 " ms)\n",
                 event->name, summary.most, summary.least, event->worst);
    for (int i = 0; i < DRAWN_MOST; i++)
        buffer_add_byte(to, '-');
    buffer_add_byte(to, '\n');
    for (int row = DRAWN_ROWS - 1; row >= 0; row--) {
        for (size_t i = first; i < event->count; i++) {
            millis height = (latency_sample(event, i).took - summary.least) *
                            (DRAWN_ROWS * 3 - 1) / span;
            char mark = height / 3 > row ? '|' : height / 3 == row ? levels[height % 3] : ' ';

            buffer_add_byte(to, mark);
        }
        buffer_add_byte(to, '\n');
    }
    buffer_add_byte(to, '\n');
    for (int row = 0; row < 3; row++) {
        for (size_t i = first; i < event->count; i++) {
            char age[4];

            print_age(now - latency_sample(event, i).when, age);
            buffer_add_byte(to, age[row]);
        }
        buffer_add_byte(to, '\n');
    }
}
