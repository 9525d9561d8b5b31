/*
 * Packed integers: the layout, every width, changes against a naive model, and
 * bytes from outside.
 */
#include <CUnit/CUnit.h>

#include "storage/base/memory.h"
#include "storage/base/random.h"
#include "storage/index/packed_ints.h"
#include "tests/unit/storage/walk.h"

void suite_packed_ints(void);

enum { SPAN = 600 };

static void the_layout_is_that_of_redis(void)
{
    struct packed_ints *ints = packed_ints_new();

    CU_ASSERT(slice_equal(packed_ints_slice(ints), SLICE("\2\0\0\0\0\0\0\0")));
    ints = packed_ints_add(ints, 5, NULL);
    ints = packed_ints_add(ints, -1, NULL);
    CU_ASSERT(slice_equal(packed_ints_slice(ints), SLICE("\2\0\0\0\2\0\0\0\377\377\5\0")));
    ints = packed_ints_add(ints, 65536, NULL);
    CU_ASSERT(slice_equal(packed_ints_slice(ints),
                          SLICE("\4\0\0\0\3\0\0\0\377\377\377\377\5\0\0\0\0\0\1\0")));
    ints = packed_ints_add(ints, INT64_MIN, NULL);
    CU_ASSERT_EQUAL(packed_ints_slice(ints).len, 8 + 4 * 8);
    CU_ASSERT_EQUAL(packed_ints_at(ints, 0), INT64_MIN);
    CU_ASSERT_EQUAL(packed_ints_at(ints, 1), -1);
    CU_ASSERT_EQUAL(packed_ints_at(ints, 2), 5);
    CU_ASSERT_EQUAL(packed_ints_at(ints, 3), 65536);
    packed_ints_check(ints);
    packed_ints_free(ints);
}

static void each_width_holds_its_limits(void)
{
    static const int64_t limits[] = { INT16_MIN, INT16_MAX, INT32_MIN,     INT32_MAX,
                                      INT64_MIN, INT64_MAX, INT16_MAX + 1, INT16_MIN - 1 };
    struct packed_ints *ints = packed_ints_new();
    size_t count = sizeof(limits) / sizeof(limits[0]);
    bool changed;

    for (size_t i = 0; i < count; i++) {
        ints = packed_ints_add(ints, limits[i], &changed);
        CU_ASSERT(changed);
        for (size_t j = 0; j < count; j++)
            CU_ASSERT_EQUAL(packed_ints_has(ints, limits[j]), j <= i);
        packed_ints_check(ints);
    }
    for (size_t i = 0; i < count; i++) {
        ints = packed_ints_remove(ints, limits[i], &changed);
        CU_ASSERT(changed);
        ints = packed_ints_remove(ints, limits[i], &changed);
        CU_ASSERT(!changed);
    }
    CU_ASSERT_EQUAL(packed_ints_count(ints), 0);
    packed_ints_free(ints);
}

/* Members are multiples of a step that makes them 2, 4 or 8 bytes wide. */
static void walk_at_random(int64_t factor)
{
    struct packed_ints *ints = packed_ints_new();
    bool present[SPAN] = { false };
    size_t steps = walk_steps(20000);
    size_t count = 0;
    struct random random;

    random_seed(&random, 1);
    for (size_t step = 0; step < steps; step++) {
        size_t which = random_below(&random, SPAN);
        int64_t member = ((int64_t)which - SPAN / 2) * factor;
        bool changed;

        if (random_below(&random, 4) < (step / 4000 % 2 == 0 ? 3 : 1)) {
            ints = packed_ints_add(ints, member, &changed);
            CU_ASSERT_EQUAL(changed, !present[which]);
            count += changed;
            present[which] = true;
        } else {
            ints = packed_ints_remove(ints, member, &changed);
            CU_ASSERT_EQUAL(changed, present[which]);
            count -= changed;
            present[which] = false;
        }
        which = random_below(&random, SPAN);
        member = ((int64_t)which - SPAN / 2) * factor;
        CU_ASSERT_EQUAL(packed_ints_has(ints, member), present[which]);
        CU_ASSERT_EQUAL(packed_ints_count(ints), count);
        if (count > 0)
            CU_ASSERT(packed_ints_has(ints, packed_ints_random(ints, &random)));
        packed_ints_check(ints);
    }
    for (size_t i = 0, rank = 0; i < SPAN; i++) {
        if (present[i])
            CU_ASSERT_EQUAL(packed_ints_at(ints, rank++), ((int64_t)i - SPAN / 2) * factor);
    }
    packed_ints_free(ints);
}

static void it_agrees_with_a_naive_model_in_each_width(void)
{
    walk_at_random(1);
    walk_at_random(1000000);
    walk_at_random(INT64_C(1000000000000));
}

/* From every rank for every member and what lies between them. */
static void seeking_goes_on_from_where_it_is(void)
{
    enum { MEMBERS = 70 };

    for (size_t count = 0; count <= MEMBERS; count += 7) {
        struct packed_ints *ints = packed_ints_new();

        for (size_t i = 0; i < count; i++)
            ints = packed_ints_add(ints, 10 * (int64_t)i, NULL);
        for (size_t from = 0; from <= count; from++) {
            for (int64_t member = -5; member < 10 * MEMBERS + 10; member += 5) {
                size_t less = member <= 0 ? 0 : ((size_t)member + 9) / 10;
                size_t wanted = less > count ? count : less;

                must(packed_ints_seek(ints, from, member) == (wanted > from ? wanted : from));
            }
        }
        packed_ints_free(ints);
    }
    CU_PASS("every member was found from every rank");
}

static void broken_bytes_are_refused(void)
{
    CU_ASSERT(packed_ints_valid(SLICE("\2\0\0\0\0\0\0\0"), true));
    CU_ASSERT(packed_ints_valid(SLICE("\2\0\0\0\2\0\0\0\377\377\5\0"), true));
    CU_ASSERT(!packed_ints_valid(SLICE("\2\0\0\0\2\0\0\0\5\0\377\377"), true));
    CU_ASSERT(!packed_ints_valid(SLICE("\2\0\0\0\2\0\0\0\5\0\5\0"), true));
    CU_ASSERT(!packed_ints_valid(SLICE("\2\0\0\0\3\0\0\0\377\377\5\0"), false));
    CU_ASSERT(!packed_ints_valid(SLICE("\3\0\0\0\0\0\0\0"), false));
    CU_ASSERT(!packed_ints_valid(SLICE("\4\0\0\0\1\0\0\100"), false));
    CU_ASSERT(!packed_ints_valid(SLICE("\2\0\0\0"), false));
}

static void a_copy_is_a_set_of_its_own(void)
{
    struct packed_ints *ints = packed_ints_add(packed_ints_new(), 7, NULL);
    struct packed_ints *copy = packed_ints_copy(packed_ints_slice(ints));

    copy = packed_ints_add(copy, 8, NULL);
    CU_ASSERT_EQUAL(packed_ints_count(ints), 1);
    CU_ASSERT_EQUAL(packed_ints_count(copy), 2);
    CU_ASSERT(packed_ints_memory(copy) >= 12);
    packed_ints_free(ints);
    packed_ints_free(copy);
}

static void what_lies_idle_is_given_back(void)
{
    struct packed_ints *ints = packed_ints_new();

    for (int i = 0; i < 500; i++)
        ints = packed_ints_add(ints, i, NULL);
    for (int i = 0; i < 500; i++) {
        size_t bytes;

        ints = packed_ints_remove(ints, i, NULL);
        bytes = packed_ints_slice(ints).len;
        CU_ASSERT_TRUE(packed_ints_memory(ints) <= 64 ||
                       packed_ints_memory(ints) <= memory_good_size(bytes + bytes / 4));
    }
    packed_ints_check(ints);
    packed_ints_free(ints);
}

void suite_packed_ints(void)
{
    CU_pSuite suite = CU_add_suite("packed_ints", NULL, NULL);

    CU_add_test(suite, "the layout is that of Redis", the_layout_is_that_of_redis);
    CU_add_test(suite, "each width holds its limits", each_width_holds_its_limits);
    CU_add_test(suite, "it agrees with a naive model in each width",
                it_agrees_with_a_naive_model_in_each_width);
    CU_add_test(suite, "seeking goes on from where it is", seeking_goes_on_from_where_it_is);
    CU_add_test(suite, "broken bytes are refused", broken_bytes_are_refused);
    CU_add_test(suite, "what lies idle is given back", what_lies_idle_is_given_back);
    CU_add_test(suite, "a copy is a set of its own", a_copy_is_a_set_of_its_own);
}
