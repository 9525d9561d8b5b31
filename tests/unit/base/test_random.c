/* Chance. */
#include <CUnit/Basic.h>
#include <string.h>

#include "storage/base/random.h"

void suite_random(void);

static void the_same_seed_gives_the_same_numbers(void)
{
    struct random one;
    struct random two;

    random_seed(&one, 42);
    random_seed(&two, 42);
    for (int i = 0; i < 100; i++)
        CU_ASSERT_EQUAL(random_next(&one), random_next(&two));
    random_seed(&two, 43);
    CU_ASSERT_NOT_EQUAL(random_next(&one), random_next(&two));
}

static void the_generator_is_the_published_one(void)
{
    struct random random = { { 1, 2, 3, 4 } };

    CU_ASSERT_EQUAL(random_next(&random), 11520);
    CU_ASSERT_EQUAL(random_next(&random), 0);
    CU_ASSERT_EQUAL(random_next(&random), 1509978240);
}

static void numbers_below_a_bound_are_spread_evenly(void)
{
    struct random random;
    int seen[7] = { 0 };

    random_seed(&random, 0);
    for (int i = 0; i < 70000; i++) {
        uint64_t number = random_below(&random, 7);

        CU_ASSERT_TRUE_FATAL(number < 7);
        seen[number]++;
    }
    for (int i = 0; i < 7; i++)
        CU_ASSERT_TRUE(seen[i] > 9500 && seen[i] < 10500);
    CU_ASSERT_EQUAL(random_below(&random, 1), 0);
    for (int i = 0; i < 100; i++)
        CU_ASSERT_TRUE(random_below(&random, UINT64_MAX) < UINT64_MAX);
}

static void fractions_stay_below_one(void)
{
    struct random random;
    double sum = 0;

    random_seed(&random, 9);
    for (int i = 0; i < 10000; i++) {
        double fraction = random_fraction(&random);

        CU_ASSERT_TRUE(fraction >= 0 && fraction < 1);
        sum += fraction;
    }
    CU_ASSERT_TRUE(sum > 4800 && sum < 5200);
}

static void secrets_differ(void)
{
    char one[41];
    char two[41];
    unsigned char bytes[300] = { 0 };
    unsigned char zeros[100] = { 0 };

    random_run_id(one);
    random_run_id(two);
    CU_ASSERT_EQUAL(strlen(one), 40);
    CU_ASSERT_EQUAL(strspn(one, "0123456789abcdef"), 40);
    CU_ASSERT_NOT_EQUAL(strcmp(one, two), 0);
    random_secret(bytes, sizeof(bytes));
    CU_ASSERT_NOT_EQUAL(memcmp(bytes + 200, zeros, 100), 0);
}

void suite_random(void)
{
    CU_pSuite suite = CU_add_suite("random", NULL, NULL);

    CU_add_test(suite, "the same seed gives the same numbers",
                the_same_seed_gives_the_same_numbers);
    CU_add_test(suite, "the generator is the published one", the_generator_is_the_published_one);
    CU_add_test(suite, "numbers below a bound are spread evenly",
                numbers_below_a_bound_are_spread_evenly);
    CU_add_test(suite, "fractions stay below one", fractions_stay_below_one);
    CU_add_test(suite, "secrets differ", secrets_differ);
}
