/*
 * LATENCY: what made the broker slow, event by event.
 *
 * An event is a kind of work ("command", "expire-cycle", "fork"); of each the
 * latest samples are kept that took at least latency-monitor-threshold
 * milliseconds, one a second: the worst. Times of single commands are counted
 * elsewhere (broker/metrics/histogram.h).
 *
 * A witness of the caller for commands; other rooms are handed latency_note.
 */
#ifndef BROKER_OBSERVE_LATENCY_H
#define BROKER_OBSERVE_LATENCY_H

#include "broker/dispatch/verdict.h"
#include "storage/base/buffer.h"
#include "storage/base/clock.h"
#include "storage/base/slice.h"

struct call;
struct latency;
struct options;

enum { LATENCY_SAMPLES = 160 };

/* The worst of one second. */
struct latency_sample {
    int64_t when; /* seconds since 1970 */
    millis  took;
};

/* One kind of work that was slow at least once. */
struct latency_event {
    const char           *name;
    millis                worst; /* ever, since the last reset */
    size_t                count; /* samples kept */
    size_t                next;  /* Private: where the next sample goes */
    struct latency_sample at[LATENCY_SAMPLES]; /* Private. */
};

/* Knows of no event yet; options and clock are borrowed. */
struct latency *latency_new(const struct options *options, struct clock *clock);

/* Frees it. NULL is fine. */
void latency_free(struct latency *latency);

/* The witness: notes slow commands. */
void latency_witness(void *latency, const struct call *call, enum verdict verdict, micros took);
micros latency_wants(const void *latency);

/* Notes an event if it was slow enough; the name is static text. */
void latency_note(void *latency, const char *event, micros took);

/* The events in the order in which they first happened; index < latency_count(). */
size_t latency_count(const struct latency *latency);
const struct latency_event *latency_at(const struct latency *latency, size_t index);

/* The event of a name, or NULL. */
const struct latency_event *latency_find(const struct latency *latency, struct slice name);

/* A sample, the oldest being 0; index < event->count. */
struct latency_sample latency_sample(const struct latency_event *event, size_t index);

/* Forgets an event, or all. How many were forgotten. */
size_t latency_reset(struct latency *latency, struct slice name);
size_t latency_reset_all(struct latency *latency);

/* Appends a report in words, and a drawing of one event's samples. */
void latency_report(const struct latency *latency, struct buffer *to);
void latency_draw(const struct latency *latency, const struct latency_event *event,
                  struct buffer *to);

#endif
