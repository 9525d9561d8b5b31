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
    size_t          released;
    uint64_t        turns; /* so many were handed back so far */
};

static bool same(const struct delivery *a, const struct delivery *b)
{
    return entry_id_equal(a->id, b->id) && a->holder == b->holder && a->times == b->times &&
           a->delivered_at == b->delivered_at;
}

static uint32_t some_holder(struct model *model)
{
    switch (random_below(&model->random, 10)) {
    case 2:
        return 0;
    case 3:
        return 1 + 16383 * (uint32_t)random_below(&model->random, 3);
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
    if (fresh.holder == 0) {
        fresh.delivered_at = 0;
        fresh.turn = ++model->turns;
        model->released++;
    }
    if (pending_put(model->pending, &fresh, &old)) {
        CU_ASSERT_TRUE(known->times != 0 && same(&old, known));
        model->released -= known->holder == 0;
    } else {
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
        model->released -= known->holder == 0;
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
    else if (random_below(&model->random, 4) == 0)
        filter.delivered_until = -1 - (millis)random_below(&model->random, 1000);
    there = pending_seek(model->pending, (struct entry_id){ at / 10, at % 10 }, filter, &found);
    while (at < IDS &&
           (model->of[at].times == 0 ||
            (model->of[at].holder != 0 && model->of[at].delivered_at > filter.delivered_until) ||
            (filter.holder != PENDING_ANYBODY && filter.holder != model->of[at].holder)))
        at++;
    CU_ASSERT_EQUAL(there, at < IDS);
    if (there && at < IDS)
        CU_ASSERT_TRUE(same(&found, &model->of[at]));
}

/* Whether one is claimed before another: what was handed back, in turn; then the idlest. */
static bool is_before(const struct delivery *one, const struct delivery *other)
{
    if (one->holder == 0 || other->holder == 0)
        return one->holder == 0 && (other->holder != 0 || one->turn < other->turn);
    return one->delivered_at < other->delivered_at;
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
        if (longest == NULL || is_before(one, longest))
            longest = one;
    }
    CU_ASSERT_EQUAL(pending_count(model->pending), model->count);
    CU_ASSERT_EQUAL(pending_released(model->pending), model->released);
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
        if (step % 10000 == 0) {
            struct pending *copy = pending_copy(model.pending);

            pending_free(model.pending);
            model.pending = copy;
        }
    }
    pending_free(model.pending);
}

static void times_are_brought_into_their_bounds(void)
{
    struct pending *pending = pending_new();
    struct delivery early = { .id = { 1, 0 }, .holder = 1, .delivered_at = -5, .times = 1 };
    struct delivery late = {
        .id = { 2, 0 }, .holder = 1, .delivered_at = INT64_MAX, .times = UINT64_MAX
    };
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

static void what_was_handed_back_comes_first_in_turn(void)
{
    struct pending *pending = pending_new();
    struct delivery delivery = { .times = 1, .delivered_at = 5, .holder = 3 };
    struct delivery found;

    for (uint64_t i = 1; i <= 4; i++) {
        delivery.id.ms = i;
        CU_ASSERT_FALSE(pending_put(pending, &delivery, &found));
    }
    delivery.holder = 0;
    delivery.id.ms = 3;
    CU_ASSERT_TRUE(pending_put(pending, &delivery, &found));
    delivery.id.ms = 2;
    CU_ASSERT_TRUE(pending_put(pending, &delivery, &found));
    CU_ASSERT_TRUE(pending_longest(pending, &found) && found.id.ms == 3 && found.holder == 0);
    /* Once more, and it is behind the other. */
    delivery.id.ms = 3;
    CU_ASSERT_TRUE(pending_put(pending, &delivery, &found));
    CU_ASSERT_TRUE(pending_longest(pending, &found) && found.id.ms == 2);
    CU_ASSERT_TRUE(pending_remove(pending, found.id, &found));
    CU_ASSERT_TRUE(pending_longest(pending, &found) && found.id.ms == 3);
    CU_ASSERT_TRUE(pending_remove(pending, found.id, &found));
    CU_ASSERT_TRUE(pending_longest(pending, &found) && found.id.ms == 1 && found.holder == 3);
    pending_check(pending);
    pending_free(pending);
}

static void a_pending_entry_takes_less_than_thirty_two_bytes(void)
{
    struct pending *pending = pending_new();
    struct delivery replaced;

    for (uint64_t i = 0; i < 100000; i++) {
        struct delivery delivery = { .id = { 1700000000000 + i / 3, i % 3 },
                                     .holder = 1 + (uint32_t)(i % 9),
                                     .delivered_at = 1700000000000,
                                     .times = 1 };

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
    CU_add_test(suite, "what was handed back comes first, in turn",
                what_was_handed_back_comes_first_in_turn);
    CU_add_test(suite, "a pending entry takes less than thirty-two bytes",
                a_pending_entry_takes_less_than_thirty_two_bytes);
}
