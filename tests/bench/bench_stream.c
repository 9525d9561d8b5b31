/*
 * What streams cost: time of an append, a read, a delivery with its
 * acknowledgement, a search for idle entries; bytes of an entry and of a
 * pending entry. Beside each stands what redis-server 7.0.15 was measured to
 * need for the whole command, its socket and its parsing included, so only the
 * bytes are like for like.
 */
#include <stdio.h>
#include <stdlib.h>
#include <time.h>

#include "storage/base/memory.h"
#include "storage/base/number.h"
#include "streams/claim.h"
#include "streams/deliver.h"
#include "streams/stream.h"

enum { ENTRIES = 1000000 };

static double now_ns(void)
{
    struct timespec now;

    clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &now);
    return (double)now.tv_sec * 1e9 + (double)now.tv_nsec;
}

static void tell(const char *what, double value, const char *unit, const char *beside)
{
    printf("  %-44s %9.2f %-6s %s\n", what, value, unit, beside);
}

/* Entries of three short fields, some hundred of them a millisecond. */
static void append_all(struct stream *stream)
{
    for (uint64_t i = 0; i < ENTRIES; i++) {
        char number[NUMBER_INTEGER_MAX], user[NUMBER_INTEGER_MAX + 1] = "u";
        struct slice fields[] = {
            SLICE("item"),  slice_of(number, number_put(number, (int64_t)(i % 1000))),
            SLICE("user"),  slice_of(user, 1 + number_put(user + 1, (int64_t)(i % 5000))),
            SLICE("state"), SLICE("new"),
        };
        struct entry_id id = { 1700000000000 + i / 100, i % 100 };

        stream_append(stream, id, fields, 3, &value_limits_default);
    }
}

static uint64_t read_all(const struct stream *stream)
{
    struct cursor cursor;
    struct entry entry;
    uint64_t bytes = 0;

    cursor_begin(&cursor, stream, ENTRY_ID_MIN, ENTRY_ID_MAX);
    while (cursor_next(&cursor, &entry)) {
        struct entry_pairs pairs;
        struct slice field, value;

        entry_pairs_begin(&pairs, &entry);
        while (entry_pairs_next(&pairs, &field, &value))
            bytes += field.len + value.len;
    }
    return bytes;
}

static void deliver_all(const struct stream *stream, struct group *group,
                        struct consumer *consumer, uint64_t each, bool acknowledge)
{
    struct deliver_setup setup = { .stream = stream,
                                   .group = group,
                                   .consumer = consumer,
                                   .now = 1700000000000,
                                   .count = each };
    static struct entry_id ids[1000];
    struct deliver deliver;
    struct entry entry;

    while (deliver_begin(&deliver, &setup)) {
        size_t count = 0;

        while (deliver_next(&deliver, &entry))
            ids[count++] = entry.id;
        for (size_t i = 0; acknowledge && i < count; i++)
            group_acknowledge(group, ids[i]);
    }
}

static void bench_idle(struct stream *stream, struct group *group)
{
    struct claim claim = { .stream = stream, .group = group, .name = SLICE("bob"),
                           .now = 1700000100000, .min_idle = 200000,
                           .delivered_at = 1700000100000, .count = true };
    struct claim_scan scan;
    struct delivery delivery;
    struct entry entry;
    uint64_t claimed = 0;
    double begin;

    /* A hundred of a million have been idle for long. */
    for (uint64_t i = 0; i < ENTRIES; i += ENTRIES / 100)
        group_deliver(group, group_find_consumer(group, SLICE("alice")),
                      (struct entry_id){ 1700000000000 + i / 100, i % 100 }, 1600000000000, 1);
    begin = now_ns();
    claim_scan_begin(&scan, &claim, ENTRY_ID_MIN, 1000000);
    while (claim_scan_next(&scan, &delivery, &entry) == CLAIM_TAKEN)
        claimed++;
    tell("claim 100 idle of a million pending", (now_ns() - begin) / 1e3, "us",
         "Redis: looks at the million");
    if (claimed != 100)
        abort();
}

static void bench_groups(struct stream *stream)
{
    struct group *group = stream_add_group(stream, SLICE("g"), ENTRY_ID_MIN, 0);
    struct consumer *alice = group_add_consumer(group, SLICE("alice"), 0);
    double begin = now_ns();
    size_t before;
    uint64_t lags = 0;

    deliver_all(stream, group, alice, 1, true);
    tell("deliver and acknowledge, one at a time", (now_ns() - begin) / ENTRIES, "ns",
         "Redis: 2200 with COUNT 100, whole command");
    group_set(group, ENTRY_ID_MIN, 0);
    begin = now_ns();
    deliver_all(stream, group, alice, 100, true);
    tell("deliver and acknowledge, by the hundred", (now_ns() - begin) / ENTRIES, "ns", "");

    group_set(group, ENTRY_ID_MIN, 0);
    before = memory_used();
    deliver_all(stream, group, alice, 100, false);
    tell("bytes of a pending entry", (double)(memory_used() - before) / ENTRIES, "bytes",
         "Redis: 85.4");
    begin = now_ns();
    for (uint64_t i = 0; i < 1000; i++) {
        group_set(group, (struct entry_id){ 1700000000000 + i * 10, 50 }, GROUP_READ_UNKNOWN);
        lags += group_lag_exact(group, stream);
    }
    tell("exact lag", (now_ns() - begin) / 1000, "ns", "Redis: not known");
    if (lags == 0)
        abort();
    bench_idle(stream, group);
}

int main(void)
{
    struct stream *stream;
    size_t before;
    double begin;

    memory_thread_begin();
    before = memory_used();
    stream = stream_new();
    printf("streams, %d entries of three short fields\n", ENTRIES);
    begin = now_ns();
    append_all(stream);
    tell("append", (now_ns() - begin) / ENTRIES, "ns", "Redis: 1240 at P=32, whole command");
    tell("bytes of an entry", (double)(memory_used() - before) / ENTRIES, "bytes", "Redis: 26.2 for the same");
    begin = now_ns();
    if (read_all(stream) == 0)
        abort();
    tell("read", (now_ns() - begin) / ENTRIES, "ns", "");
    bench_groups(stream);
    begin = now_ns();
    for (uint64_t i = 0; i < ENTRIES; i += 2) {
        if (!stream_delete(stream, (struct entry_id){ 1700000000000 + i / 100, i % 100 }))
            abort();
    }
    tell("delete every second entry", (now_ns() - begin) / (ENTRIES / 2), "ns", "");
    stream_free(stream);
    memory_thread_end();
    return 0;
}
