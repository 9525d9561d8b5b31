/* How the items of a table lie in its buckets, for people. */
#include "storage/index/table.h"

#include "storage/base/buffer.h"

enum { LENGTHS = 50 }; /* chains of as many items, or more, are counted as one kind */

/* What is counted of one array. A chain is a bucket with what hangs behind it. */
struct lie {
    size_t buckets;
    size_t items;
    size_t used; /* chains with items */
    size_t longest;
    size_t chains[LENGTHS]; /* by their items */
};

static size_t chain_items(const struct table_bucket *bucket)
{
    size_t items = 0;

    for (; bucket != NULL; bucket = table_next_bucket(bucket))
        items += (size_t)__builtin_popcount(bucket->used & ((1u << TABLE_SLOTS) - 1));
    return items;
}

static struct lie count_items(const struct table_bucket *buckets, unsigned exponent)
{
    struct lie lie = { .buckets = (size_t)1 << exponent };

    for (size_t i = 0; i < lie.buckets; i++) {
        size_t items = chain_items(&buckets[i]);

        lie.items += items;
        lie.used += items > 0;
        lie.longest = items > lie.longest ? items : lie.longest;
        lie.chains[items < LENGTHS ? items : LENGTHS - 1]++;
    }
    return lie;
}

static void describe_array(const struct table_bucket *buckets, unsigned exponent, int number,
                           struct buffer *to)
{
    struct lie lie = count_items(buckets, exponent);
    double average = lie.used == 0 ? 0 : (double)lie.items / (double)lie.used;

    buffer_print(to, "Hash table %d stats (%s):\n", number,
                 number == 0 ? "main hash table" : "rehashing target");
    if (lie.items == 0) {
        buffer_print(to, "No stats available for empty dictionaries\n");
        return;
    }
    buffer_print(to,
                 " table size: %zu\n number of elements: %zu\n different slots: %zu\n"
                 " max chain length: %zu\n avg chain length (counted): %.02f\n"
                 " avg chain length (computed): %.02f\n Chain length distribution:\n",
                 lie.buckets, lie.items, lie.used, lie.longest, average, average);
    for (size_t i = 0; i < LENGTHS; i++) {
        if (lie.chains[i] > 0)
            buffer_print(to, "   %s%zu: %zu (%.02f%%)\n", i == LENGTHS - 1 ? ">= " : "", i,
                         lie.chains[i], 100 * (double)lie.chains[i] / (double)lie.buckets);
    }
}

void table_describe(const struct table *table, struct buffer *to)
{
    if (table->old == NULL) {
        describe_array(table->buckets, table->exponent, 0, to);
        return;
    }
    describe_array(table->old, table->old_exponent, 0, to);
    describe_array(table->buckets, table->exponent, 1, to);
}
