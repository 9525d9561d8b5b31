/* The latency histogram of millrace-bench, against sorted values. Its source is included: it is in
 * no archive. */
#include <CUnit/Basic.h>
#include <stdlib.h>
#include <string.h>

#include "clients/bench/bench_histogram.c"

void suite_bench_histogram(void);

static int by_size(const void *a, const void *b)
{
    uint64_t first = *(const uint64_t *)a, second = *(const uint64_t *)b;
    return (first > second) - (first < second);
}

static void an_empty_one_says_nothing(void)
{
    static const struct bench_histogram empty = { 0 };
    CU_ASSERT_EQUAL(bench_histogram_percentile(&empty, 99), 0);
    CU_ASSERT(bench_histogram_mean(&empty) < 0.5);
}

static void the_middle_of_a_bucket_lies_in_it(void)
{
    for (unsigned bucket = 0; bucket < BENCH_HISTOGRAM_BUCKETS; bucket++)
        CU_ASSERT_EQUAL_FATAL(bucket_of(bucket_middle(bucket)), bucket);
    CU_ASSERT_EQUAL(bucket_of((UINT64_C(1) << 40) - 1), BENCH_HISTOGRAM_BUCKETS - 1);
    CU_ASSERT_EQUAL(bucket_of(UINT64_MAX), BENCH_HISTOGRAM_BUCKETS - 1);
}

static void no_value_is_off_by_more_than_was_promised(void)
{
    uint64_t state = 88172645463325252U;
    for (int i = 0; i < 200000; i++) {
        state ^= state << 13;
        state ^= state >> 7;
        state ^= state << 17;
        uint64_t value = (state >> 24) >> (state % 40);
        uint64_t middle = bucket_middle(bucket_of(value));
        uint64_t off = middle > value ? middle - value : value - middle;
        CU_ASSERT_FATAL((double)off <= (double)value / 128);
    }
}

static void percentiles_are_those_of_sorted_values(void)
{
    enum { COUNT = 10000 };
    static const double percents[] = { 0, 1, 50, 90, 99, 99.9, 99.99, 100 };
    struct bench_histogram *whole = calloc(3, sizeof *whole);
    uint64_t *values = malloc(COUNT * sizeof *values);

    CU_ASSERT_PTR_NOT_NULL_FATAL(whole);
    CU_ASSERT_PTR_NOT_NULL_FATAL(values);
    for (unsigned i = 0; i < COUNT; i++) {
        values[i] = (uint64_t)i * i * 37 + 1000;
        bench_histogram_add(&whole[1 + i % 2], values[i]);
    }
    bench_histogram_merge(&whole[0], &whole[1]);
    bench_histogram_merge(&whole[0], &whole[2]);
    qsort(values, COUNT, sizeof *values, by_size);
    for (size_t i = 0; i < sizeof percents / sizeof percents[0]; i++) {
        double place = percents[i] / 100 * COUNT;
        size_t rank = place < 1 ? 0 : (size_t)(place + 0.999999) - 1;
        double exact = (double)values[rank];
        double told = (double)bench_histogram_percentile(&whole[0], percents[i]);
        CU_ASSERT(told >= exact * (1 - 1.0 / 128) && told <= exact * (1 + 1.0 / 128));
    }
    CU_ASSERT_EQUAL(bench_histogram_percentile(&whole[0], 100), values[COUNT - 1]);
    CU_ASSERT_EQUAL(whole[0].least, 1000);
    CU_ASSERT_EQUAL(whole[0].count, COUNT);
    free(whole);
    free(values);
}

void suite_bench_histogram(void)
{
    CU_pSuite suite = CU_add_suite("bench_histogram", NULL, NULL);
    CU_add_test(suite, "an empty one says nothing", an_empty_one_says_nothing);
    CU_add_test(suite, "the middle of a bucket lies in it", the_middle_of_a_bucket_lies_in_it);
    CU_add_test(suite, "no value is off by more than was promised",
                no_value_is_off_by_more_than_was_promised);
    CU_add_test(suite, "percentiles are those of sorted values",
                percentiles_are_those_of_sorted_values);
}
