#include "broker/metrics/rate.h"

#include <CUnit/CUnit.h>

void suite_rate(void);

static void it_is_the_mean_of_the_last_sixteen_looks(void)
{
    struct rate rate = { .last = 0 };
    uint64_t counter = 1000000;
    micros now = 5000000;

    CU_ASSERT_EQUAL(rate_per_second(&rate), 0);
    rate_look(&rate, counter, now);
    CU_ASSERT_EQUAL(rate_per_second(&rate), 0);
    for (int i = 0; i < RATE_SAMPLES / 2; i++)
        rate_look(&rate, counter += 160, now += 100000);
    CU_ASSERT_EQUAL(rate_per_second(&rate), 800);
    for (int i = 0; i < RATE_SAMPLES / 2; i++)
        rate_look(&rate, counter += 160, now += 100000);
    CU_ASSERT_EQUAL(rate_per_second(&rate), 1600);
    for (int i = 0; i < RATE_SAMPLES; i++)
        rate_look(&rate, counter, now += 100000);
    CU_ASSERT_EQUAL(rate_per_second(&rate), 0);
}

static void a_counter_that_fell_was_reset(void)
{
    struct rate rate = { .last = 0 };

    rate_look(&rate, 1000, 1000000);
    rate_look(&rate, 32, 2000000);
    CU_ASSERT_EQUAL(rate_per_second(&rate), 32 / RATE_SAMPLES);
    /* No time has passed: nothing is known. */
    rate_look(&rate, 5000, 2000000);
    CU_ASSERT_EQUAL(rate_per_second(&rate), 32 / RATE_SAMPLES);
}

void suite_rate(void)
{
    CU_pSuite suite = CU_add_suite("metrics: rate", NULL, NULL);

    CU_add_test(suite, "it is the mean of the last sixteen looks",
                it_is_the_mean_of_the_last_sixteen_looks);
    CU_add_test(suite, "a counter that fell was reset", a_counter_that_fell_was_reset);
}
