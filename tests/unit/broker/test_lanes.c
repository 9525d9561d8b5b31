#include "broker/dispatch/lanes.h"

#include <CUnit/CUnit.h>

#include "storage/base/memory.h"

void suite_lanes(void);

static const struct hash_key secret = { { 5, 6 } };

static struct wait wait_for(enum value_kind kind, const char *lane)
{
    return (struct wait){ .kind = kind, .lane = slice_text(lane) };
}

static void who_competes_for_the_same_stands_in_one_lane(void)
{
    struct lanes lanes;
    struct wait list = wait_for(VALUE_LIST, "");
    struct wait one = wait_for(VALUE_STREAM, "one");
    struct wait other = wait_for(VALUE_STREAM, "other");
    struct lane *first;

    lanes_init(&lanes, 2, &secret);
    first = lanes_lane(&lanes, 0, SLICE("k"), &list);
    CU_ASSERT_PTR_EQUAL(lanes_lane(&lanes, 0, SLICE("k"), &list), first);
    CU_ASSERT_PTR_NOT_EQUAL(lanes_lane(&lanes, 0, SLICE("k"), &one), first);
    CU_ASSERT_PTR_NOT_EQUAL(lanes_lane(&lanes, 0, SLICE("k"), &one),
                            lanes_lane(&lanes, 0, SLICE("k"), &other));
    CU_ASSERT_PTR_NOT_EQUAL(lanes_lane(&lanes, 1, SLICE("k"), &list), first);
    CU_ASSERT_EQUAL(lanes_keys(&lanes), 2);
    CU_ASSERT(slice_equal(lanes_key(first->of), SLICE("k")));
    CU_ASSERT_PTR_EQUAL(lanes_find(&lanes, 0, SLICE("k")), first->of);
    lanes_drop_if_empty(&lanes, lanes_lane(&lanes, 0, SLICE("k"), &one));
    lanes_drop_if_empty(&lanes, lanes_lane(&lanes, 0, SLICE("k"), &other));
    CU_ASSERT_PTR_NOT_NULL(lanes_find(&lanes, 0, SLICE("k")));
    lanes_drop_if_empty(&lanes, first);
    CU_ASSERT_PTR_NULL(lanes_find(&lanes, 0, SLICE("k")));
    lanes_drop_if_empty(&lanes, lanes_lane(&lanes, 1, SLICE("k"), &list));
    CU_ASSERT_EQUAL(lanes_keys(&lanes), 0);
    lanes_clear(&lanes);
}

static void a_key_that_is_served_stays_until_it_was(void)
{
    struct lanes lanes;
    struct wait list = wait_for(VALUE_LIST, "");
    struct lane *lane;
    struct awaited *awaited;

    lanes_init(&lanes, 1, &secret);
    lane = lanes_lane(&lanes, 0, SLICE("k"), &list);
    awaited = lane->of;
    awaited->held = true;
    lanes_drop_if_empty(&lanes, lane);
    CU_ASSERT_PTR_EQUAL(lanes_find(&lanes, 0, SLICE("k")), awaited);
    awaited->held = false;
    lanes_drop_key_if_empty(&lanes, awaited);
    CU_ASSERT_PTR_NULL(lanes_find(&lanes, 0, SLICE("k")));
    lanes_clear(&lanes);
}

static void alarms_ring_in_order_and_the_earlier_wins(void)
{
    struct lanes lanes;
    struct wait stream = wait_for(VALUE_STREAM, "g");
    struct lane *late;
    struct lane *early;
    struct lane *twin;

    lanes_init(&lanes, 1, &secret);
    late = lanes_lane(&lanes, 0, SLICE("late"), &stream);
    early = lanes_lane(&lanes, 0, SLICE("early"), &stream);
    twin = lanes_lane(&lanes, 0, SLICE("twin"), &stream);
    CU_ASSERT_EQUAL(lanes_next_alarm(&lanes), -1);
    lanes_wake_at(&lanes, twin, 100);
    lanes_wake_at(&lanes, late, 300);
    lanes_wake_at(&lanes, early, 200);
    lanes_wake_at(&lanes, early, 100);
    lanes_wake_at(&lanes, early, 250);
    CU_ASSERT_EQUAL(lanes_next_alarm(&lanes), 100);
    CU_ASSERT_PTR_NULL(lanes_ring(&lanes, 99));
    /* Of two at once the older lane is first. */
    CU_ASSERT_PTR_EQUAL(lanes_ring(&lanes, 300), early->of);
    CU_ASSERT_PTR_EQUAL(lanes_ring(&lanes, 300), twin->of);
    CU_ASSERT_PTR_EQUAL(lanes_ring(&lanes, 300), late->of);
    CU_ASSERT_PTR_NULL(lanes_ring(&lanes, 300));
    lanes_wake_at(&lanes, late, 400);
    lanes_drop_if_empty(&lanes, late);
    CU_ASSERT_EQUAL(lanes_next_alarm(&lanes), -1);
    lanes_drop_if_empty(&lanes, early);
    lanes_drop_if_empty(&lanes, twin);
    lanes_clear(&lanes);
}

static void keys_whose_removal_is_awaited_are_counted(void)
{
    struct lanes lanes;
    struct wait plain = wait_for(VALUE_LIST, "");
    struct wait gone = { .kind = VALUE_STREAM, .lane = SLICE("g"), .on_gone = true };

    lanes_init(&lanes, 1, &secret);
    struct lane *one = lanes_lane(&lanes, 0, SLICE("a"), &plain);
    struct lane *two = lanes_lane(&lanes, 0, SLICE("b"), &gone);

    CU_ASSERT_EQUAL(lanes_keys(&lanes), 2);
    CU_ASSERT_EQUAL(lanes_keys_on_gone(&lanes), 1);
    lanes_drop_if_empty(&lanes, one);
    lanes_drop_if_empty(&lanes, two);
    lanes_clear(&lanes);
}

void suite_lanes(void)
{
    CU_pSuite suite = CU_add_suite("dispatch: lanes", NULL, NULL);

    CU_add_test(suite, "who competes for the same stands in one lane",
                who_competes_for_the_same_stands_in_one_lane);
    CU_add_test(suite, "a key that is served stays until it was",
                a_key_that_is_served_stays_until_it_was);
    CU_add_test(suite, "alarms ring in order and the earlier wins",
                alarms_ring_in_order_and_the_earlier_wins);
    CU_add_test(suite, "keys whose removal is awaited are counted",
                keys_whose_removal_is_awaited_are_counted);
}
