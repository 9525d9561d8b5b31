/*
 * What the tree costs: nanoseconds an operation and bytes a record, for records
 * of 16 bytes led by a double. bench_ordered [RECORDS], 1,000,000 if not said.
 */
#include <stdio.h>
#include <stdlib.h>
#include <time.h>

#include "storage/base/memory.h"
#include "storage/base/must.h"
#include "storage/base/random.h"
#include "storage/index/ordered.h"
#include "tests/unit/storage/scored.h"

static void summarise(void *summary, const void *record)
{
    *(uint64_t *)summary = ((const struct scored *)record)->member;
}

static void combine(void *summary, const void *other)
{
    uint64_t *to = summary;
    const uint64_t *from = other;

    *to = *from < *to ? *from : *to;
}

static const struct ordered_kind by_lead = { sizeof(struct scored), 0,    ORDERED_LEAD_DOUBLE,
                                             scored_compare,        NULL, NULL };
static const struct ordered_kind by_function = { sizeof(struct scored), 0,    ORDERED_LEAD_NONE,
                                                 scored_compare,        NULL, NULL };
static const struct ordered_kind summed_up = {
    sizeof(struct scored), 8, ORDERED_LEAD_DOUBLE, scored_compare, summarise, combine
};

static double now_ns(void)
{
    struct timespec now;

    clock_gettime(CLOCK_MONOTONIC, &now);
    return (double)now.tv_sec * 1e9 + (double)now.tv_nsec;
}

static double each(double began, size_t count)
{
    return (now_ns() - began) / (double)count;
}

/* One line: the costs of one order of keys. */
static void run(const char *name, const struct ordered_kind *kind, const struct scored *records,
                const struct scored *probes, size_t count)
{
    struct ordered *tree = ordered_new(kind, NULL);
    size_t before = memory_used();
    double began = now_ns();
    size_t sum = 0;

    for (size_t i = 0; i < count; i++)
        must(ordered_insert(tree, &records[i]));
    (void)printf("%-18s insert %5.0f", name, each(began, count));
    (void)printf("   bytes %5.2f", (double)(memory_used() - before) / (double)count);
    must(ordered_memory(tree) >= memory_used() - before);
    began = now_ns();
    for (size_t i = 0; i < count; i++)
        must(ordered_find(tree, &probes[i]) != NULL);
    (void)printf("   find %5.0f", each(began, count));
    began = now_ns();
    for (size_t i = 0; i < count; i++)
        sum += ordered_rank(tree, &probes[i]);
    (void)printf("   rank %5.0f", each(began, count));
    began = now_ns();
    for (size_t i = 0; i < count; i++)
        must(ordered_at(tree, (size_t)(probes[i].member * 7919) % count).record != NULL);
    (void)printf("   at %5.0f", each(began, count));
    began = now_ns();
    for (struct ordered_cursor cursor = ordered_first(tree); cursor.record != NULL;
         cursor = ordered_next(tree, cursor))
        sum++;
    (void)printf("   next %4.1f", each(began, count));
    began = now_ns();
    for (size_t i = 0; i < count; i++)
        must(ordered_remove(tree, &records[i], NULL));
    (void)printf("   remove %5.0f%s\n", each(began, count), sum == 0 ? "!" : "");
    ordered_free(tree);
}

int main(int argc, char **argv)
{
    size_t count = argc > 1 ? strtoull(argv[1], NULL, 10) : 1000000;
    struct scored *rising = memory_new_zeroed(count, sizeof(*rising));
    struct scored *shuffled = memory_new_zeroed(count, sizeof(*shuffled));
    struct scored *probes = memory_new_zeroed(count, sizeof(*probes));
    struct random random;

    memory_thread_begin();
    random_seed(&random, 1);
    for (size_t i = 0; i < count; i++) {
        size_t other = random_below(&random, i + 1);

        rising[i] = (struct scored){ (double)i, i };
        shuffled[i] = shuffled[other];
        shuffled[other] = rising[i];
    }
    for (size_t i = 0; i < count; i++)
        probes[i] = rising[random_below(&random, count)];
    (void)printf("%zu records of 16 bytes; nanoseconds\n", count);
    run("rising", &by_lead, rising, probes, count);
    run("random", &by_lead, shuffled, probes, count);
    run("random, function", &by_function, shuffled, probes, count);
    run("random, summary", &summed_up, shuffled, probes, count);
    memory_free(rising);
    memory_free(shuffled);
    memory_free(probes);
    return 0;
}
