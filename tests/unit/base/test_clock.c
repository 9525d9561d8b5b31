/* Time, the machine's and a test's own. */
#include <CUnit/Basic.h>
#include <time.h>

#include "storage/base/clock.h"

void suite_clock(void);

static void the_machines_clock_goes_forward(void)
{
    struct clock *clock = clock_new();
    micros before = clock_monotonic(clock);
    micros wall = clock_wall(clock);

    for (int i = 0; i < 1000; i++) {
        micros now = clock_monotonic(clock);

        CU_ASSERT_TRUE(now >= before);
        before = now;
    }
    CU_ASSERT_TRUE(wall / 1000000 - (micros)time(NULL) <= 1);
    CU_ASSERT_TRUE((micros)time(NULL) - wall / 1000000 <= 1);
    clock_free(clock);
}

static void a_settable_clock_stands_until_it_is_moved(void)
{
    struct clock *clock = clock_new_settable(5000000);
    micros began = clock_monotonic(clock);

    CU_ASSERT_EQUAL(clock_wall(clock), 5000000);
    CU_ASSERT_EQUAL(clock_wall(clock), 5000000);
    clock_move(clock, 250);
    CU_ASSERT_EQUAL(clock_wall(clock), 5000250);
    CU_ASSERT_EQUAL(clock_monotonic(clock) - began, 250);
    clock_free(clock);
}

void suite_clock(void)
{
    CU_pSuite suite = CU_add_suite("clock", NULL, NULL);

    CU_add_test(suite, "the machine's clock goes forward", the_machines_clock_goes_forward);
    CU_add_test(suite, "a settable clock stands until it is moved",
                a_settable_clock_stands_until_it_is_moved);
}
