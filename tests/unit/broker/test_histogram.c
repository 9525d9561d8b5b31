#include "broker/metrics/histogram.h"

#include <CUnit/CUnit.h>

static void percentiles_end_where_their_step_ends(void)
{
    struct histogram histogram = { 0 };

    for (micros took = 1; took <= 100; took++)
        histogram_count(&histogram, took);
    CU_ASSERT_EQUAL(histogram_total(&histogram), 100);
    CU_ASSERT_EQUAL(histogram_at(&histogram, 50), 50175);
    CU_ASSERT_EQUAL(histogram_at(&histogram, 100), 100351);
    CU_ASSERT_EQUAL(histogram_at(&histogram, 0), 1000);
    histogram_clear(&histogram);
    CU_ASSERT_EQUAL(histogram_total(&histogram), 0);
    CU_ASSERT_EQUAL(histogram_at(&histogram, 50), 0);
}

static void no_time_and_ages_are_counted_too(void)
{
    struct histogram histogram = { 0 };

    histogram_count(&histogram, 0);
    CU_ASSERT_EQUAL(histogram_at(&histogram, 50), 1);
    histogram_count(&histogram, INT64_C(3600) * 1000000);
    CU_ASSERT_EQUAL(histogram_at(&histogram, 100), UINT64_C(1002438655));
    CU_ASSERT(histogram_memory(&histogram) >= 2 * HISTOGRAM_STEPS * sizeof(uint64_t));
    histogram_clear(&histogram);
}

struct seen {
    size_t   count;
    uint64_t usec[40];
    uint64_t calls[40];
};

static void see(void *who, uint64_t usec, uint64_t count)
{
    struct seen *seen = who;

    seen->usec[seen->count] = usec;
    seen->calls[seen->count++] = count;
}

static void steps_add_up_and_say_nothing_twice(void)
{
    static const micros took[] = { 1, 6, 15, 400, 1100, 50300, 1500000 };
    static const uint64_t ends[] = { 1, 8, 16, 528, 2113, 67633, 1073741 };
    struct histogram histogram = { 0 };
    struct seen seen = { 0 };

    for (size_t i = 0; i < sizeof(took) / sizeof(took[0]); i++)
        histogram_count(&histogram, took[i]);
    histogram_each(&histogram, see, &seen);
    CU_ASSERT_EQUAL_FATAL(seen.count, sizeof(ends) / sizeof(ends[0]));
    for (size_t i = 0; i < seen.count; i++) {
        CU_ASSERT_EQUAL(seen.usec[i], ends[i]);
        CU_ASSERT_EQUAL(seen.calls[i], i + 1);
    }
    histogram_clear(&histogram);
}

void suite_histogram(void);

void suite_histogram(void)
{
    CU_pSuite suite = CU_add_suite("histogram", NULL, NULL);

    CU_add_test(suite, "percentiles end where their step ends",
                percentiles_end_where_their_step_ends);
    CU_add_test(suite, "no time and ages are counted too", no_time_and_ages_are_counted_too);
    CU_add_test(suite, "steps add up and say nothing twice", steps_add_up_and_say_nothing_twice);
}
