/*
 * What the hash table costs: nanoseconds an operation and bytes a key, for keys
 * of 16 bytes. bench_table [KEYS], 2,000,000 if not said.
 */
#include <stdio.h>
#include <stdlib.h>
#include <time.h>

#include "storage/base/memory.h"
#include "storage/base/random.h"
#include "storage/index/table.h"

struct thing {
    uint64_t spare; /* as an item has a header in front of its key */
    char key[16];
    uint64_t value;
};

static struct slice thing_key(const void *item)
{
    return slice_of(((const struct thing *)item)->key, 16);
}

static const struct table_kind things = { thing_key };
static const struct hash_key secret = { { 7, 11 } };

static double now_ns(void)
{
    struct timespec now;

    clock_gettime(CLOCK_MONOTONIC, &now);
    return (double)now.tv_sec * 1e9 + (double)now.tv_nsec;
}

static void set_key(struct thing *thing, size_t number)
{
    for (size_t i = 16; i-- > 0; number /= 10)
        thing->key[i] = (char)('0' + number % 10);
}

static void tell(const char *what, double began, size_t count)
{
    (void)printf("%-28s %7.1f ns\n", what, (now_ns() - began) / (double)count);
}

static void find_one_by_one(const struct table *table, const struct thing *probes, size_t count)
{
    double began = now_ns();
    size_t found = 0;

    for (size_t i = 0; i < count; i++) {
        struct slice key = thing_key(&probes[i]);
        void **slot = table_find_slot_by(table, key, table_hash(table, key), thing_key);

        found += slot != NULL && ((struct thing *)*slot)->value > 0;
    }
    must(found == count);
    tell("find, one by one", began, count);
}

static void find_in_batches(const struct table *table, const struct thing *probes, size_t count)
{
    enum { BATCH = 32 };
    double began = now_ns();
    size_t found = 0;

    for (size_t at = 0; at + BATCH <= count; at += BATCH) {
        uint64_t hash[BATCH];

        for (size_t i = 0; i < BATCH; i++) {
            hash[i] = table_hash(table, thing_key(&probes[at + i]));
            table_prefetch(table, hash[i]);
        }
        for (size_t i = 0; i < BATCH; i++)
            (void)table_prefetch_item(table, hash[i]);
        for (size_t i = 0; i < BATCH; i++) {
            void **slot = table_find_slot_by(table, thing_key(&probes[at + i]), hash[i], thing_key);

            found += slot != NULL && ((struct thing *)*slot)->value > 0;
        }
    }
    must(found >= count - BATCH);
    tell("find, in batches of 32", began, count);
}

static void find_nothing(const struct table *table, const struct thing *probes, size_t count)
{
    double began = now_ns();
    size_t found = 0;

    for (size_t i = 0; i < count; i++) {
        struct thing probe = probes[i];

        probe.key[0] = 'x';
        found += table_find(table, thing_key(&probe), table_hash(table, thing_key(&probe))) != NULL;
    }
    must(found == 0);
    tell("find what is not there", began, count);
}

int main(int argc, char **argv)
{
    size_t count = argc > 1 ? strtoull(argv[1], NULL, 10) : 2000000;
    struct thing *all = memory_new_zeroed(count, sizeof(*all));
    struct thing *probes = memory_new_zeroed(count, sizeof(*probes));
    struct table *table = table_new(&things, &secret);
    double worst = 0;
    double began;
    struct random random;

    memory_thread_begin();
    random_seed(&random, 1);
    for (size_t i = 0; i < count; i++) {
        set_key(&all[i], i);
        all[i].value = 1;
        set_key(&probes[i], random_below(&random, count));
    }
    size_t before = memory_used();
    began = now_ns();
    for (size_t i = 0; i < count; i++) {
        double one = now_ns();

        table_add(table, &all[i], table_hash(table, thing_key(&all[i])));
        one = now_ns() - one;
        worst = one > worst ? one : worst;
    }
    tell("add", began, count);
    (void)printf("%-28s %7.1f us\n", "the slowest add", worst / 1000);
    (void)printf("%-28s %7.2f (%.2f by its own account)\n", "bytes a key",
                 (double)(memory_used() - before) / (double)count,
                 (double)table_memory(table) / (double)count);
    (void)printf("%-28s %7.2f\n", "keys a bucket", (double)count / (double)table_buckets(table));
    find_one_by_one(table, probes, count);
    find_in_batches(table, probes, count);
    find_nothing(table, probes, count);
    began = now_ns();
    for (size_t i = 0; i < count; i++)
        (void)table_random(table, &random);
    tell("random", began, count);
    began = now_ns();
    for (size_t i = 0; i < count; i++)
        must(table_remove(table, thing_key(&all[i]), table_hash(table, thing_key(&all[i]))));
    tell("remove", began, count);
    table_free(table, NULL, NULL);
    memory_free(all);
    memory_free(probes);
    return 0;
}
