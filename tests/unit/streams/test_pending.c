/* The pending list beside a plain array. */
#include <CUnit/Basic.h>

#include "storage/base/random.h"
#include "streams/pending.h"

void suite_pending(void);

enum { IDS = 3000 };

struct model {
    struct pending *pending;
    struct random   random;
    struct delivery of[IDS]; /* times 0: not pending */
    size_t          count;
};

static bool same(const struct delivery *a, const struct delivery *b)
{
    return entry_id_equal(a->id, b->id) && a->holder == b->holder && a->times == b->times &&
           a->delivered_at == b->delivered_at;
}

static uint32_t some_holder(struct model *model)
{
    switch (random_below(&model->random, 10)) {
    case 0:
        return 1 + (uint32_t)random_below(&model->random, 100000);
    case 1:
        return 64 + (uint32_t)random_below(&model->random, 5);
    default:
        return 1 + (uint32_t)random_below(&model->random, 5);
    }
}

static void put_one(struct model *model)
{
    size_t at = (size_t)random_below(&model->random, IDS);
    struct delivery *known = &model->of[at];
    struct delivery fresh = {
        .id = { at / 10, at % 10 },
        .holder = some_holder(model),
        .delivered_at = 1000000 + (millis)random_below(&model->random, 1000),
        .times = 1 + random_below(&model->random, 3),
    };
    struct delivery old;

    if (random_below(&model->random, 20) == 0)
        fresh.times = random_next(&model->random) | 1;
    if (pending_put(model->pending, &fresh, &old))
        CU_ASSERT_TRUE(known->times != 0 && same(&old, known))
    else {
        CU_ASSERT_EQUAL(known->times, 0);
        model->count++;
    }
    *known = fresh;
}

static void remove_one(struct model *model)
{
    size_t at = (size_t)random_below(&model->random, IDS);
    struct delivery *known = &model->of[at];
    struct entry_id id = { at / 10, at % 10 };
    struct delivery found, removed;
    bool there = pending_find(model->pending, id, &found);

    CU_ASSERT_EQUAL(there, known->times != 0);
    CU_ASSERT_EQUAL(pending_remove(model->pending, id, &removed), there);
    if (there) {
        CU_ASSERT_TRUE(same(&found, known) && same(&removed, known));
        known->times = 0;
        model->count--;
    }
}

static void seek_one(struct model *model)
{
    size_t at = (size_t)random_below(&model->random, IDS);
    struct pending_filter filter = PENDING_ALL;
    struct delivery found;
    bool there;

    if (random_below(&model->random, 2) == 0)
        filter.holder = some_holder(model);
    if (random_below(&model->random, 2) == 0)
        filter.delivered_until = 1000000 + (millis)random_below(&model->random, 1000);
    there = pending_seek(model->pending, (struct entry_id){ at / 10, at % 10 }, filter, &found);
    while (at < IDS &&
           (model->of[at].times == 0 || model->of[at].delivered_at > filter.delivered_until ||
            (filter.holder != PENDING_ANYBODY && filter.holder != model->of[at].holder)))
        at++;
    CU_ASSERT_EQUAL(there, at < IDS);
    if (there && at < IDS)
        CU_ASSERT_TRUE(same(&found, &model->of[at]));
}

static void look_at_the_ends(struct model *model)
{
    const struct delivery *first = NULL, *last = NULL, *longest = NULL;
    struct delivery found;

    for (size_t i = 0; i < IDS; i++) {
        const struct delivery *one = &model->of[i];

        if (one->times == 0)
            continue;
        if (first == NULL)
            first = one;
        last = one;
        if (longest == NULL || one->delivered_at < longest->delivered_at)
            longest = one;
    }
    CU_ASSERT_EQUAL(pending_count(model->pending), model->count);
    CU_ASSERT_EQUAL(pending_first(model->pending, &found), first != NULL);
    CU_ASSERT_TRUE(first == NULL || same(&found, first));
    CU_ASSERT_EQUAL(pending_last(model->pending, &found), last != NULL);
    CU_ASSERT_TRUE(last == NULL || same(&found, last));
    CU_ASSERT_EQUAL(pending_longest(model->pending, &found), longest != NULL);
    CU_ASSERT_TRUE(longest == NULL || same(&found, longest));
}

static void a_random_walk_agrees_with_an_array(void)
{
    static struct model model;

    model.pending = pending_new();
    random_seed(&model.random, 7);
    for (int step = 0; step < 40000; step++) {
        bool grows = step / 5000 % 2 == 0;

        if (random_below(&model.random, 10) < (grows ? 7u : 2u))
            put_one(&model);
        else
            remove_one(&model);
        seek_one(&model);
        if (step % 100 == 0) {
            look_at_the_ends(&model);
            pending_check(model.pending);
        }
    }
    pending_free(model.pending);
}

static void times_are_brought_into_their_bounds(void)
{
    struct pending *pending = pending_new();
    struct delivery early = { { 1, 0 }, 1, -5, 1 }, late = { { 2, 0 }, 1, INT64_MAX, UINT64_MAX };
    struct delivery found;

    CU_ASSERT_FALSE(pending_put(pending, &early, &found));
    CU_ASSERT_FALSE(pending_put(pending, &late, &found));
    CU_ASSERT_TRUE(pending_find(pending, early.id, &found) && found.delivered_at == 0);
    CU_ASSERT_TRUE(pending_find(pending, late.id, &found));
    CU_ASSERT_EQUAL(found.delivered_at, PENDING_TIME_MAX);
    CU_ASSERT_EQUAL(found.times, UINT64_MAX);
    pending_check(pending);
    pending_free(pending);
}

static void a_pending_entry_takes_less_than_thirty_two_bytes(void)
{
    struct pending *pending = pending_new();
    struct delivery replaced;

    for (uint64_t i = 0; i < 100000; i++) {
        struct delivery delivery = {
            { 1700000000000 + i / 3, i % 3 }, 1 + (uint32_t)(i % 9), 1700000000000, 1
        };

        CU_ASSERT_FALSE(pending_put(pending, &delivery, &replaced));
    }
    CU_ASSERT_TRUE(pending_memory(pending) < 32 * 100000);
    pending_free(pending);
}

void suite_pending(void)
{
    CU_pSuite suite = CU_add_suite("pending", NULL, NULL);

    CU_add_test(suite, "a random walk agrees with an array", a_random_walk_agrees_with_an_array);
    CU_add_test(suite, "times are brought into their bounds", times_are_brought_into_their_bounds);
    CU_add_test(suite, "a pending entry takes less than thirty-two bytes",
                a_pending_entry_takes_less_than_thirty_two_bytes);
}
