/*
 * The counted tree: beside a sorted array, for records of several shapes,
 * with summaries that are a sum, a least time and a mask.
 */
#include <CUnit/CUnit.h>

#include "storage/base/mover.h"
#include "tests/unit/storage/ordered_pair.h"
#include "tests/unit/storage/walk.h"

void suite_ordered(void);

struct collected {
    const struct pair *pair;
    size_t rank;
};

static void collect(void *who, const void *record)
{
    struct collected *collected = who;
    const struct pair *pair = collected->pair;

    CU_ASSERT_EQUAL(pair_number_of(pair->kind, record), pair->model->number[collected->rank]);
    collected->rank++;
}

static void pair_remove_range(struct pair *pair)
{
    size_t from = random_below(&pair->random, pair->model->count + 1);
    size_t count = random_below(&pair->random, 300);
    struct collected collected = { pair, from };

    if (from + count > pair->model->count)
        count = pair->model->count - from;
    CU_ASSERT_EQUAL(ordered_remove_range(pair->tree, from, from + count, collect, &collected),
                    count);
    CU_ASSERT_EQUAL(collected.rank, from + count);
    pair_drop(pair, from, count);
}

/* The front is a tree of its own, as good as the rest. */
static void pair_take_front(struct pair *pair)
{
    size_t count = random_below(&pair->random, 3) == 0
                       ? random_below(&pair->random, pair->model->count + 2)
                       : random_below(&pair->random, 200);
    size_t taken = count < pair->model->count ? count : pair->model->count;
    struct ordered *front = ordered_take_front(pair->tree, count);
    struct ordered_cursor at = ordered_first(front);

    ordered_check(front);
    CU_ASSERT_EQUAL(ordered_count(front), taken);
    for (size_t rank = 0; rank < taken; rank++, at = ordered_next(front, at))
        pair_expect(pair, at, rank);
    ordered_clear(front);
    ordered_check(front);
    ordered_free(front);
    pair_drop(pair, 0, taken);
    CU_ASSERT_EQUAL(ordered_count(pair->tree), pair->model->count);
}

/* Numbers of which the digits say that they are to go. */
struct going {
    const struct ordered_kind *kind;
    int64_t divisor;
};

static bool number_goes(void *who, const void *record)
{
    const struct going *going = who;

    return pair_number_of(going->kind, record) / 4 % going->divisor == 0;
}

static bool any_may_go(const void *summary, void *who)
{
    (void)summary;
    (void)who;
    return true;
}

static void pair_remove_where(struct pair *pair)
{
    struct going going = { pair->kind, 1 + (int64_t)random_below(&pair->random, 12) };
    size_t removed;
    size_t kept = 0;

    if (pair->kind->summary_size == 0)
        return;
    removed = ordered_remove_where(pair->tree, any_may_go, number_goes, &going);
    for (size_t rank = 0; rank < pair->model->count; rank++) {
        if (pair->model->number[rank] / 4 % going.divisor != 0)
            pair->model->number[kept++] = pair->model->number[rank];
    }
    CU_ASSERT_EQUAL(removed, pair->model->count - kept);
    pair->model->count = kept;
    CU_ASSERT_EQUAL(ordered_count(pair->tree), kept);
}

/* Grows, shrinks, grows; rising, falling and random numbers in turn. */
static void walk_at_random(const struct ordered_kind *kind, size_t steps)
{
    struct pair *pair = pair_new(kind, 17);
    int64_t high = 1000000;
    int64_t low = 1000000;
    struct mover mover = { .wanted = NULL };
    size_t moved_to = 0;

    for (size_t step = 0; step < steps; step++) {
        bool grows = step / (steps / 4 + 1) % 2 == 0;
        uint64_t chance = random_below(&pair->random, 100);
        int64_t number = 990000 + (int64_t)random_below(&pair->random, 20000);

        if (chance < (grows ? 60 : 20) && pair->model->count < PAIR_MODEL_MAX)
            pair_insert(pair, step % 3000 < 1000 ? number : step % 3000 < 2000 ? high++ : low--);
        else if (chance < 96 && pair->model->count > 0)
            pair_remove(pair,
                        chance % 3 == 0
                            ? number
                            : pair->model->number[random_below(&pair->random, pair->model->count)]);
        else if (chance == 99 && step % 7 == 0)
            pair_remove_range(pair);
        else if (chance == 98 && step % 11 == 0)
            pair_take_front(pair);
        else if (chance == 97 && step % 41 == 0)
            pair_remove_where(pair);
        if (step % 11 == 0)
            moved_to = ordered_move(pair->tree, &mover, moved_to, NULL, NULL);
        pair_look(pair, number);
        if (step % 64 == 0 || pair->model->count < 20)
            ordered_check(pair->tree);
    }
    pair_free(pair);
}

static void doubles_with_ties_agree_with_a_sorted_array(void)
{
    walk_at_random(&pair_scored, walk_steps(30000));
}

static void ids_with_summaries_agree_with_a_sorted_array(void)
{
    walk_at_random(&pair_held, walk_steps(20000));
}

static void any_comparison_agrees_with_a_sorted_array(void)
{
    walk_at_random(&pair_number, walk_steps(30000));
}

static void walks_go_both_ways(void)
{
    struct pair *pair = pair_new(&pair_scored, 4);
    struct ordered_cursor cursor;
    size_t rank = 0;

    for (int i = 0; i < 5000; i++)
        pair_insert(pair, (int64_t)random_below(&pair->random, 100000));
    for (cursor = ordered_first(pair->tree); cursor.record != NULL;
         cursor = ordered_next(pair->tree, cursor))
        pair_expect(pair, cursor, rank++);
    CU_ASSERT_EQUAL(rank, pair->model->count);
    for (cursor = ordered_last(pair->tree); cursor.record != NULL;
         cursor = ordered_previous(pair->tree, cursor))
        pair_expect(pair, cursor, --rank);
    CU_ASSERT_EQUAL(rank, 0);
    pair_free(pair);
}

static bool due(const void *summary, void *who)
{
    return ((const struct held_summary *)summary)->earliest <= *(int64_t *)who;
}

static void a_search_by_summary_finds_the_first_that_satisfies(void)
{
    struct pair *pair = pair_new(&pair_held, 6);

    for (int i = 0; i < 4000; i++)
        pair_insert(pair, (int64_t)random_below(&pair->random, 50000));
    for (int i = 0; i < 3000; i++) {
        int64_t number = (int64_t)random_below(&pair->random, 50000);
        union record from = pair_record(pair->kind, number);
        int64_t limit = (int64_t)random_below(&pair->random, 12) - 4;
        size_t rank = i % 10 == 0 ? 0 : pair_rank(pair, number);

        while (rank < pair->model->count && (pair->model->number[rank] * 7919) % 1000 > limit)
            rank++;
        pair_expect(pair, ordered_seek(pair->tree, i % 10 == 0 ? NULL : &from, due, &limit), rank);
    }
    pair_free(pair);
}

static void a_fold_adds_up_what_lies_before(void)
{
    struct pair *pair = pair_new(&pair_held, 8);
    struct held_summary summary;

    CU_ASSERT_EQUAL(ordered_fold_before(pair->tree, NULL, &summary), 0);
    CU_ASSERT_EQUAL(summary.sum, 0);
    for (int i = 0; i < 3000; i++)
        pair_insert(pair, (int64_t)random_below(&pair->random, 50000));
    for (int i = 0; i < 500; i++) {
        int64_t number = (int64_t)random_below(&pair->random, 50100);
        union record probe = pair_record(pair->kind, number);
        uint64_t sum = 0;

        for (size_t rank = 0; rank < pair_rank(pair, number); rank++)
            sum += (uint64_t)pair->model->number[rank] % 4;
        CU_ASSERT_EQUAL(ordered_fold_before(pair->tree, &probe, &summary),
                        pair_rank(pair, number));
        CU_ASSERT_EQUAL(summary.sum, sum);
    }
    CU_ASSERT_EQUAL(ordered_fold_before(pair->tree, NULL, &summary), pair->model->count);
    pair_free(pair);
}

static void replacing_refreshes_summaries(void)
{
    struct pair *pair = pair_new(&pair_held, 9);
    int64_t limit = -5;

    for (int64_t i = 0; i < 3000; i++)
        pair_insert(pair, i);
    for (int64_t i = 0; i < 3000; i += 7) {
        union record record = pair_record(pair->kind, i);
        union record usual = record;

        record.held.since = -10;
        CU_ASSERT(ordered_replace(pair->tree, &record));
        pair_expect(pair, ordered_seek(pair->tree, NULL, due, &limit), (size_t)i);
        CU_ASSERT(ordered_replace(pair->tree, &usual));
        CU_ASSERT_PTR_NULL(ordered_seek(pair->tree, NULL, due, &limit).record);
        record = pair_record(pair->kind, i + 5000);
        CU_ASSERT(!ordered_replace(pair->tree, &record));
    }
    pair_free(pair);
}

static void rising_and_falling_keys_pack_full(void)
{
    for (int64_t sign = -1; sign <= 1; sign += 2) {
        struct ordered *tree = ordered_new(&pair_scored, NULL);

        for (int64_t i = 0; i < 100000; i++) {
            struct scored record = { (double)(i * sign), 1 };

            CU_ASSERT(ordered_insert(tree, &record));
        }
        ordered_check(tree);
        CU_ASSERT(ordered_memory(tree) < 100000 * 18);
        ordered_free(tree);
    }
}

static void random_keys_waste_little(void)
{
    struct ordered *tree = ordered_new(&pair_scored, NULL);
    struct random random;

    random_seed(&random, 11);
    for (int64_t i = 0; i < 100000; i++) {
        struct scored record = { random_fraction(&random), 1 };

        (void)ordered_insert(tree, &record);
    }
    ordered_check(tree);
    CU_ASSERT(ordered_memory(tree) < 100000 * 22);
    ordered_free(tree);
}

static void a_tree_of_a_few_records_is_one_small_block(void)
{
    struct ordered *tree = ordered_new(&pair_scored, NULL);

    CU_ASSERT(ordered_memory(tree) < 100);
    for (int i = 0; i < 4; i++) {
        struct scored record = { i, 1 };

        CU_ASSERT(ordered_insert(tree, &record));
    }
    CU_ASSERT(ordered_memory(tree) < 200);
    CU_ASSERT_EQUAL(ordered_remove_range(tree, 0, 10, NULL, NULL), 4);
    ordered_check(tree);
    ordered_clear(tree);
    ordered_check(tree);
    ordered_free(tree);
}

static bool is_early(const void *summary, void *who)
{
    const struct held_summary *below = summary;

    return below->earliest <= *(const int64_t *)who;
}

static bool goes_early(void *who, const void *record)
{
    const struct held *held = record;

    return held->since <= *(int64_t *)who;
}

static void what_a_summary_rules_out_is_not_asked_about(void)
{
    struct ordered *tree = ordered_new(&pair_held, NULL);
    int64_t least = 999;
    int64_t early = 499;

    for (int64_t i = 0; i < 20000; i++) {
        union record record = pair_record(&pair_held, i);

        CU_ASSERT(ordered_insert(tree, &record));
    }
    CU_ASSERT_EQUAL(ordered_remove_where(tree, is_early, goes_early, &early), 10000);
    ordered_check(tree);
    CU_ASSERT_EQUAL(ordered_remove_where(tree, is_early, goes_early, &early), 0);
    CU_ASSERT_EQUAL(ordered_remove_where(tree, is_early, goes_early, &least), 10000);
    ordered_check(tree);
    CU_ASSERT_EQUAL(ordered_count(tree), 0);
    ordered_free(tree);
}

static void a_queue_keeps_its_size(void)
{
    struct ordered *tree = ordered_new(&pair_held, NULL);
    size_t most = 0;

    for (int64_t i = 0; i < 50000; i++) {
        union record record = pair_record(&pair_held, i);

        CU_ASSERT(ordered_insert(tree, &record));
        if (i >= 1000) {
            record = pair_record(&pair_held, i - 1000);
            CU_ASSERT(ordered_remove(tree, &record, NULL));
        }
        if (ordered_memory(tree) > most)
            most = ordered_memory(tree);
    }
    ordered_check(tree);
    CU_ASSERT(most < 1000 * 80);
    ordered_free(tree);
}

void suite_ordered(void)
{
    CU_pSuite suite = CU_add_suite("ordered", NULL, NULL);

    CU_add_test(suite, "doubles with ties agree with a sorted array",
                doubles_with_ties_agree_with_a_sorted_array);
    CU_add_test(suite, "IDs with summaries agree with a sorted array",
                ids_with_summaries_agree_with_a_sorted_array);
    CU_add_test(suite, "any comparison agrees with a sorted array",
                any_comparison_agrees_with_a_sorted_array);
    CU_add_test(suite, "walks go both ways", walks_go_both_ways);
    CU_add_test(suite, "a search by summary finds the first that satisfies",
                a_search_by_summary_finds_the_first_that_satisfies);
    CU_add_test(suite, "a fold adds up what lies before", a_fold_adds_up_what_lies_before);
    CU_add_test(suite, "replacing refreshes summaries", replacing_refreshes_summaries);
    CU_add_test(suite, "rising and falling keys pack full", rising_and_falling_keys_pack_full);
    CU_add_test(suite, "random keys waste little", random_keys_waste_little);
    CU_add_test(suite, "a tree of a few records is one small block",
                a_tree_of_a_few_records_is_one_small_block);
    CU_add_test(suite, "what a summary rules out is not asked about",
                what_a_summary_rules_out_is_not_asked_about);
    CU_add_test(suite, "a queue keeps its size", a_queue_keeps_its_size);
}
