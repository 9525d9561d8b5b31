/* How a child that writes keys tells its parent how far it is. */
#include "storage/persist/progress.h"

#include <CUnit/CUnit.h>
#include <stddef.h>
#include <time.h>

void suite_progress(void);

enum { SECOND = 1000000 };

/* What a child does: so many keys, after each of which so much time is past. */
struct work {
    uint64_t keys;
    micros   each;
    int64_t  delay;
    bool     silent; /* it has nobody to tell */
};

static bool write_keys(void *who, struct child_line *line, struct trouble *trouble)
{
    const struct work *work = who;
    struct progress progress;

    (void)trouble;
    progress_begin(&progress, work->silent ? NULL : line, work->delay);
    if (!work->silent) { /* time goes by when the test says so */
        clock_free(progress.clock);
        progress.clock = clock_new_settable(SECOND);
        progress.told = clock_monotonic(progress.clock);
    }
    for (uint64_t keys = 1; keys <= work->keys; keys++) {
        if (!work->silent)
            clock_move(progress.clock, work->each);
        progress_wrote_key(&progress, keys);
    }
    progress_end(&progress);
    return true;
}

/* How many keys the parent has heard of in the end. */
static uint64_t told(struct work work)
{
    struct child_setup setup = { .run = write_keys, .who = &work };
    struct child_report report = { 0 };
    struct trouble trouble = { 0 };
    struct child *child = child_start(&setup, &trouble);
    enum child_state state;

    CU_ASSERT_PTR_NOT_NULL_FATAL(child);
    while ((state = child_poll(child, &report, &trouble)) == CHILD_RUNNING)
        (void)nanosleep(&(struct timespec){ 0, 1000000 }, NULL);
    CU_ASSERT_EQUAL(state, CHILD_DONE);
    child_free(child);
    return report.done;
}

static void the_parent_hears_of_it_about_once_a_second(void)
{
    /* The clock is looked at after each 1,024 keys: 3,072 is the last after which a second is past. */
    CU_ASSERT_EQUAL(told((struct work){ .keys = 4000, .each = 1000 }), 3072);
    CU_ASSERT_EQUAL(told((struct work){ .keys = 4000, .each = 400 }), 3072);
    CU_ASSERT_EQUAL(told((struct work){ .keys = 5000, .each = 300 }), 4096);
}

static void nothing_is_said_within_the_first_second(void)
{
    CU_ASSERT_EQUAL(told((struct work){ .keys = 4096, .each = 200 }), 0);
    CU_ASSERT_EQUAL(told((struct work){ .keys = 1000, .each = 1000 }), 0);
}

static void a_child_that_dawdles_tells_of_single_keys(void)
{
    CU_ASSERT_EQUAL(told((struct work){ .keys = 7, .each = 400000, .delay = 1 }), 6);
}

static void without_a_line_nobody_is_told(void)
{
    CU_ASSERT_EQUAL(told((struct work){ .keys = 5000, .silent = true }), 0);
    CU_ASSERT_EQUAL(told((struct work){ .keys = 5, .delay = 1, .silent = true }), 0);
}

static micros time_to_dawdle(int64_t delay, uint64_t keys)
{
    struct clock *clock = clock_new();
    micros began = clock_monotonic(clock);

    for (uint64_t key = 1; key <= keys; key++)
        progress_dawdle(delay, key);
    began = clock_monotonic(clock) - began;
    clock_free(clock);
    return began;
}

static void it_dawdles_after_each_key_or_after_so_many(void)
{
    CU_ASSERT(time_to_dawdle(2000, 5) >= 10000);
    CU_ASSERT(time_to_dawdle(-10, 100) >= 10);
    CU_ASSERT(time_to_dawdle(0, 1000000) < SECOND);
}

void suite_progress(void)
{
    CU_pSuite suite = CU_add_suite("progress", NULL, NULL);

    CU_ADD_TEST(suite, the_parent_hears_of_it_about_once_a_second);
    CU_ADD_TEST(suite, nothing_is_said_within_the_first_second);
    CU_ADD_TEST(suite, a_child_that_dawdles_tells_of_single_keys);
    CU_ADD_TEST(suite, without_a_line_nobody_is_told);
    CU_ADD_TEST(suite, it_dawdles_after_each_key_or_after_so_many);
}
