/*
 * The hash table: against a naive model, through growing and shrinking, with
 * scans and walks under way.
 */
#include <CUnit/CUnit.h>
#include <stdio.h>

#include "storage/base/memory.h"
#include "storage/base/mover.h"
#include "storage/base/random.h"
#include "storage/index/table.h"
#include "tests/unit/storage/walk.h"

void suite_table(void);

enum { ITEMS = 4096 };

struct thing {
    char name[12];
    unsigned number;
    unsigned seen;
    bool present;
};

static struct slice thing_key(const void *item)
{
    const struct thing *thing = item;

    return slice_text(thing->name);
}

static const struct table_kind things = { thing_key };
static const struct hash_key secret = { { 7, 11 } };

static struct thing *make_things(size_t count)
{
    struct thing *all = memory_new_zeroed(count, sizeof(*all));

    for (unsigned i = 0; i < count; i++) {
        all[i].number = i;
        (void)snprintf(all[i].name, sizeof(all[i].name), "k%u", i);
    }
    return all;
}

static uint64_t hash_of(const struct table *table, const struct thing *thing)
{
    return table_hash(table, thing_key(thing));
}

static void add(struct table *table, struct thing *thing)
{
    table_add(table, thing, hash_of(table, thing));
    thing->present = true;
}

static void take(struct table *table, struct thing *thing)
{
    CU_ASSERT_PTR_EQUAL(table_remove(table, thing_key(thing), hash_of(table, thing)), thing);
    thing->present = false;
}

static void look(const struct table *table, struct thing *thing)
{
    void *found = table_find(table, thing_key(thing), hash_of(table, thing));

    CU_ASSERT_PTR_EQUAL(found, thing->present ? thing : NULL);
}

static void an_empty_table_holds_nothing(void)
{
    struct table *table = table_new(&things, &secret);
    struct random random;

    random_seed(&random, 1);
    CU_ASSERT_EQUAL(table_count(table), 0);
    CU_ASSERT_PTR_NULL(table_find(table, SLICE("a"), table_hash(table, SLICE("a"))));
    CU_ASSERT_PTR_NULL(table_remove(table, SLICE("a"), table_hash(table, SLICE("a"))));
    CU_ASSERT_PTR_NULL(table_random(table, &random));
    CU_ASSERT_EQUAL(table_memory(table), sizeof(*table));
    table_check(table);
    table_free(table, NULL, NULL);
}

/* The target number of things drifts up and down, so that the table grows and shrinks. */
static void it_agrees_with_a_naive_model(void)
{
    struct table *table = table_new(&things, &secret);
    struct thing *all = make_things(ITEMS);
    size_t steps = walk_steps(60000);
    size_t count = 0;
    struct mover mover = { .wanted = NULL };
    uint64_t moved_to = 0;
    struct random random;

    random_seed(&random, 2);
    for (size_t step = 0; step < steps; step++) {
        struct thing *thing = &all[random_below(&random, ITEMS)];
        size_t wanted = (step / 6000 % 2 == 0 ? ITEMS : ITEMS / 100);

        if (!thing->present && random_below(&random, ITEMS) < wanted) {
            add(table, thing);
            count++;
        } else if (thing->present && random_below(&random, ITEMS) >= wanted) {
            take(table, thing);
            count--;
        }
        if (step % 13 == 0)
            moved_to = table_move(table, &mover, moved_to, NULL, NULL);
        if (step % 16384 == 0)
            table_set_reluctant(table, step % 32768 == 0);
        look(table, &all[random_below(&random, ITEMS)]);
        CU_ASSERT_EQUAL(table_count(table), count);
        if (step % 256 == 0)
            table_check(table);
    }
    for (size_t i = 0; i < ITEMS; i++)
        look(table, &all[i]);
    table_free(table, NULL, NULL);
    memory_free(all);
}

static void a_held_table_shrinks_when_it_is_let_go(void)
{
    struct table *table = table_new(&things, &secret);
    struct thing *all = make_things(ITEMS);
    size_t buckets;

    for (size_t i = 0; i < ITEMS; i++)
        add(table, &all[i]);
    while (table_resize_step(table, 4))
        continue;
    buckets = table_buckets(table);
    table_hold_size(table, true);
    for (size_t i = 0; i < ITEMS; i++)
        take(table, &all[i]);
    CU_ASSERT_EQUAL(table_buckets(table), buckets);
    table_check(table);
    table_hold_size(table, false);
    CU_ASSERT_EQUAL(table_buckets(table), 1);
    table_check(table);
    table_free(table, NULL, NULL);
    memory_free(all);
}

static void it_grows_and_shrinks_step_by_step(void)
{
    struct table *table = table_new(&things, &secret);
    struct thing *all = make_things(ITEMS);
    bool resized = false;

    for (size_t i = 0; i < ITEMS; i++) {
        add(table, &all[i]);
        resized = resized || table_is_resizing(table);
    }
    CU_ASSERT(resized);
    while (table_resize_step(table, 1))
        table_check(table);
    CU_ASSERT(table_buckets(table) >= ITEMS / 6);
    CU_ASSERT(table_memory(table) < ITEMS * 28);
    for (size_t i = 10; i < ITEMS; i++)
        take(table, &all[i]);
    while (table_resize_step(table, 4))
        continue;
    table_check(table);
    CU_ASSERT(table_buckets(table) <= 8);
    table_free(table, NULL, NULL);
    memory_free(all);
}

/* A table of 100 that is to take 400 as it is, and more only when it must. */
static void fill_until_it_grows(struct table *table, struct thing *all)
{
    size_t buckets = table_buckets(table);

    for (size_t i = 0; i < 400; i++)
        add(table, &all[i]);
    CU_ASSERT_EQUAL(table_buckets(table), buckets);
    table_check(table);
    for (size_t i = 400; i < ITEMS; i++)
        add(table, &all[i]);
    CU_ASSERT(table_buckets(table) > buckets);
    table_check(table);
}

static void a_reluctant_table_stays_as_it_is_until_far_too_full(void)
{
    struct table *table = table_new(&things, &secret);
    struct thing *all = make_things(ITEMS);

    table_reserve(table, 100);
    table_set_reluctant(table, true);
    fill_until_it_grows(table, all);
    size_t buckets = table_buckets(table);
    for (size_t i = 10; i < ITEMS; i++)
        take(table, &all[i]);
    CU_ASSERT(table_buckets(table) >= buckets);
    table_check(table);
    table_free(table, NULL, NULL);
    memory_free(all);
}

static void a_cramped_table_grows_late_but_shrinks_in_time(void)
{
    struct table *table = table_new(&things, &secret);
    struct thing *all = make_things(ITEMS);

    table_reserve(table, 100);
    size_t buckets = table_buckets(table);
    table_set_cramped(table, true);
    fill_until_it_grows(table, all);
    for (size_t i = 10; i < ITEMS; i++)
        take(table, &all[i]);
    while (table_resize_step(table, 64))
        continue;
    CU_ASSERT(table_buckets(table) < buckets);
    table_check(table);
    table_free(table, NULL, NULL);
    memory_free(all);
}

static void note(void *who, void *item)
{
    struct thing *thing = item;

    (void)who;
    thing->seen++;
}

/* Whatever stays while a scan goes on is seen, though the table is resized all the time. */
static void a_scan_misses_nothing_that_stays(void)
{
    for (uint64_t seed = 1; seed <= 40; seed++) {
        struct table *table = table_new(&things, &secret);
        struct thing *all = make_things(ITEMS);
        uint64_t cursor = 0;
        struct random random;
        size_t others;

        random_seed(&random, seed);
        others = random_below(&random, ITEMS);
        for (size_t i = 0; i < 200 + random_below(&random, 2) * others; i++)
            add(table, &all[i]);
        do {
            cursor = table_scan_some(table, cursor, 1 + random_below(&random, 1 + seed % 3 * 8),
                                     note, NULL);
            for (size_t turns = random_below(&random, 200); turns > 0; turns--) {
                struct thing *thing = &all[200 + random_below(&random, ITEMS - 200)];

                if (thing->present && seed % 2 == 0)
                    take(table, thing);
                else if (!thing->present && seed % 2 == 1)
                    add(table, thing);
            }
        } while (cursor != 0);
        for (size_t i = 0; i < 200; i++)
            CU_ASSERT(all[i].seen > 0);
        table_check(table);
        table_free(table, NULL, NULL);
        memory_free(all);
    }
}

/* Where nothing is resized nothing comes twice, however the numbers change. */
static void a_scan_for_few_shows_few_and_each_once(void)
{
    for (uint64_t seed = 1; seed <= 20; seed++) {
        struct table *table = table_new(&things, &secret);
        struct thing *all = make_things(ITEMS);
        size_t count = seed < 8 ? seed : seed * 100;
        uint64_t cursor = 0;
        struct random random;
        size_t steps = 0;

        random_seed(&random, seed);
        for (size_t i = 0; i < count; i++)
            add(table, &all[i]);
        while (table_resize_step(table, 64))
            continue;
        do {
            size_t wanted = seed % 2 == 0 ? 1 : 1 + random_below(&random, 20);

            cursor = table_scan_some(table, cursor, wanted, note, NULL);
            steps++;
        } while (cursor != 0);
        for (size_t i = 0; i < count; i++)
            CU_ASSERT_EQUAL(all[i].seen, 1);
        CU_ASSERT(seed % 2 != 0 || steps == 8 * table_buckets(table));
        table_free(table, NULL, NULL);
        memory_free(all);
    }
}

static void any_number_is_a_legal_cursor(void)
{
    struct table *table = table_new(&things, &secret);
    struct thing *all = make_things(ITEMS);
    struct random random;

    random_seed(&random, 5);
    for (size_t i = 0; i < ITEMS; i++) {
        add(table, &all[i]);
        (void)table_scan(table, random_next(&random), note, NULL);
        (void)table_scan_some(table, random_next(&random), 1, note, NULL);
    }
    table_free(table, NULL, NULL);
    memory_free(all);
}

static void a_walk_meets_each_item_once_though_they_are_removed(void)
{
    for (uint64_t seed = 1; seed <= 40; seed++) {
        struct table *table = table_new(&things, &secret);
        struct thing *all = make_things(ITEMS);
        struct table_walk walk;
        struct random random;
        size_t count;

        random_seed(&random, seed);
        count = 1 + random_below(&random, ITEMS);
        table_set_reluctant(table, seed % 3 == 0);
        for (size_t i = 0; i < count; i++)
            add(table, &all[i]);
        for (struct thing *thing = table_walk_begin(&walk, table); thing != NULL;
             thing = table_walk_next(&walk)) {
            thing->seen++;
            CU_ASSERT(thing->present);
            if (random_below(&random, 2) == 0)
                take(table, thing);
        }
        table_walk_end(&walk);
        table_check(table);
        for (size_t i = 0; i < count; i++)
            CU_ASSERT_EQUAL(all[i].seen, 1);
        /* The holes it left are no hindrance. */
        for (size_t i = 0; i < ITEMS; i++) {
            if (!all[i].present)
                add(table, &all[i]);
            else if (i % 3 == 0)
                take(table, &all[i]);
        }
        table_check(table);
        table_free(table, NULL, NULL);
        memory_free(all);
    }
}

static void every_item_has_about_the_same_chance(void)
{
    enum { COUNT = 300, DRAWS = 60000 };
    struct table *table = table_new(&things, &secret);
    struct thing *all = make_things(COUNT);
    struct random random;

    random_seed(&random, 9);
    for (size_t i = 0; i < COUNT; i++)
        add(table, &all[i]);
    for (size_t i = 0; i < DRAWS; i++)
        ((struct thing *)table_random(table, &random))->seen++;
    for (size_t i = 0; i < COUNT; i++)
        CU_ASSERT(all[i].seen > DRAWS / COUNT / 3 && all[i].seen < DRAWS / COUNT * 2);
    for (size_t i = 1; i < COUNT; i++)
        take(table, &all[i]);
    CU_ASSERT_PTR_EQUAL(table_random(table, &random), &all[0]);
    table_free(table, NULL, NULL);
    memory_free(all);
}

static void a_slot_may_be_given_another_item_with_the_key(void)
{
    struct table *table = table_new(&things, &secret);
    struct thing *all = make_things(8);
    struct thing copy = all[3];
    uint64_t hash = hash_of(table, &copy);
    void **slot;

    for (size_t i = 0; i < 8; i++)
        add(table, &all[i]);
    slot = table_find_slot(table, thing_key(&copy), hash);
    CU_ASSERT_PTR_EQUAL(*slot, &all[3]);
    *slot = &copy;
    table_check(table);
    CU_ASSERT_PTR_EQUAL(table_find(table, thing_key(&copy), hash), &copy);
    CU_ASSERT_PTR_EQUAL(table_prefetch_item(table, hash), &copy);
    CU_ASSERT(!table_remove_item(table, &all[3], hash));
    CU_ASSERT(table_remove_item(table, &copy, hash));
    CU_ASSERT_EQUAL(table_count(table), 7);
    table_free(table, NULL, NULL);
    memory_free(all);
}

static void freeing_shows_every_item(void)
{
    struct table table;
    struct thing *all = make_things(ITEMS);

    table_init(&table, &things, &secret);
    table_set_reluctant(&table, true);
    for (size_t i = 0; i < ITEMS; i++)
        add(&table, &all[i]);
    table_clear(&table, note, NULL);
    for (size_t i = 0; i < ITEMS; i++)
        CU_ASSERT_EQUAL(all[i].seen, 1);
    CU_ASSERT_EQUAL(table_count(&table), 0);
    add(&table, &all[0]);
    look(&table, &all[0]);
    table_clear(&table, NULL, NULL);
    memory_free(all);
}

void suite_table(void)
{
    CU_pSuite suite = CU_add_suite("table", NULL, NULL);

    CU_add_test(suite, "an empty table holds nothing", an_empty_table_holds_nothing);
    CU_add_test(suite, "it agrees with a naive model", it_agrees_with_a_naive_model);
    CU_add_test(suite, "it grows and shrinks step by step", it_grows_and_shrinks_step_by_step);
    CU_add_test(suite, "a held table shrinks when it is let go",
                a_held_table_shrinks_when_it_is_let_go);
    CU_add_test(suite, "a reluctant table stays as it is until far too full",
                a_reluctant_table_stays_as_it_is_until_far_too_full);
    CU_add_test(suite, "a cramped table grows late but shrinks in time",
                a_cramped_table_grows_late_but_shrinks_in_time);
    CU_add_test(suite, "a scan misses nothing that stays", a_scan_misses_nothing_that_stays);
    CU_add_test(suite, "a scan for few shows few, and each once",
                a_scan_for_few_shows_few_and_each_once);
    CU_add_test(suite, "any number is a legal cursor", any_number_is_a_legal_cursor);
    CU_add_test(suite, "a walk meets each item once though they are removed",
                a_walk_meets_each_item_once_though_they_are_removed);
    CU_add_test(suite, "every item has about the same chance",
                every_item_has_about_the_same_chance);
    CU_add_test(suite, "a slot may be given another item with the key",
                a_slot_may_be_given_another_item_with_the_key);
    CU_add_test(suite, "freeing shows every item", freeing_shows_every_item);
}
