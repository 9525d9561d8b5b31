/*
 * The set: against a naive model, through all its forms, and the algebra.
 */
#include <CUnit/CUnit.h>

#include "storage/base/memory.h"
#include "storage/base/random.h"
#include "storage/values/set.h"
#include "storage/values/set_algebra.h"
#include "tests/unit/storage/walk.h"

void suite_set(void);

enum { MEMBERS = 700, TEXT_MAX = 200, SETS = 4 };

/* What a set should hold, by number. */
struct model {
    bool   has[MEMBERS];
    bool   seen[MEMBERS];
    size_t count;
};

static const struct value *as_value(const struct set *set)
{
    return (const struct value *)(const void *)set;
}

/* Members below `texts` are integers of several widths, the others texts. */
static struct slice member_of(unsigned number, unsigned texts, char *room)
{
    size_t len = 0;

    if (number < texts && number % 5 == 4)
        return slice_of(room, number_put(room, -(int64_t)number - (INT64_C(1) << (number % 40))));
    if (number >= texts)
        memset(room, '.', len = 1 + (number % 50 == 7 ? 70 : number % 20));
    return slice_of(room, len + number_put(room + len, number));
}

static unsigned texts_of_test(unsigned round)
{
    return round % 3 == 0 ? MEMBERS : round % 3 == 1 ? MEMBERS / 2 : 0;
}

struct looking {
    struct model *model;
    unsigned      texts;
};

static void see(void *who, struct slice member)
{
    struct looking *looking = who;
    char room[TEXT_MAX];

    for (unsigned i = 0; i < MEMBERS; i++) {
        if (looking->model->has[i] && slice_equal(member, member_of(i, looking->texts, room))) {
            looking->model->seen[i] = true;
            return;
        }
    }
    must_fail("a member nobody added", __FILE__, __LINE__);
}

static void all_seen(struct model *model)
{
    must(memcmp(model->has, model->seen, sizeof(model->has)) == 0);
    memset(model->seen, 0, sizeof(model->seen));
}

static void compare(const struct set *set, struct model *model, unsigned texts)
{
    struct looking looking = { model, texts };
    struct set_walk walk;
    struct slice member;
    size_t count = 0;
    uint64_t cursor = 0;

    set_check(set);
    must(set_count(set) == model->count);
    set_walk_begin(&walk, set);
    while (set_walk_next(&walk, &member)) {
        see(&looking, member);
        count++;
    }
    set_walk_end(&walk);
    must(count == model->count);
    all_seen(model);
    do {
        cursor = set_scan(set, cursor, see, &looking);
    } while (cursor != 0);
    all_seen(model);
}

static void step(struct set *set, struct model *model, struct random *random, unsigned members,
                 unsigned texts)
{
    unsigned number = (unsigned)random_below(random, members);
    char room[TEXT_MAX];
    struct slice member = member_of(number, texts, room);
    struct set_room digits;

    switch (random_below(random, 4)) {
    case 0:
    case 1:
        must(set_add(set, &value_limits_default, member) == !model->has[number]);
        model->count += !model->has[number];
        model->has[number] = true;
        break;
    case 2:
        must(set_remove(set, member) == model->has[number]);
        model->count -= model->has[number];
        model->has[number] = false;
        break;
    default:
        must(set_has(set, member) == model->has[number]);
        if (model->count > 0)
            must(set_has(set, set_random(set, random, &digits)));
    }
}

static void it_agrees_with_a_naive_model(void)
{
    struct model *model = memory_new(sizeof(*model));
    struct random random;

    random_seed(&random, 6);
    for (unsigned round = 0; round < 6; round++) {
        struct set *set = set_new();
        unsigned texts = texts_of_test(round);
        unsigned members = round < 3 ? 100 : MEMBERS;

        *model = (struct model){ .count = 0 };
        for (size_t i = 0; i < walk_steps(4000); i++) {
            step(set, model, &random, members, texts);
            if (i % 100 == 0 || model->count < 5)
                compare(set, model, texts);
        }
        set_free(set);
    }
    memory_free(model);
    CU_PASS("every step agreed");
}

static void its_encodings_are_those_of_redis(void)
{
    struct set *set = set_new();
    char room[NUMBER_INTEGER_MAX];

    for (int i = 0; i < 512; i++)
        set_add(set, &value_limits_default, slice_of(room, number_put(room, i)));
    CU_ASSERT_STRING_EQUAL(set_type.encoding(as_value(set)), "intset");
    set_add(set, &value_limits_default, SLICE("512"));
    CU_ASSERT_STRING_EQUAL(set_type.encoding(as_value(set)), "hashtable");
    CU_ASSERT_EQUAL(set_count(set), 513);
    set_free(set);

    set = set_new();
    set_add(set, &value_limits_default, SLICE("1"));
    set_add(set, &value_limits_default, SLICE("01"));
    CU_ASSERT_STRING_EQUAL(set_type.encoding(as_value(set)), "hashtable");
    CU_ASSERT(!set_is_table(set));
    CU_ASSERT_EQUAL(set_count(set), 2);
    set_free(set);
}

static bool put_shown(void *who, struct slice member)
{
    must(set_add(who, &value_limits_default, member));
    return true;
}

static bool count_to_three(void *who, struct slice member)
{
    (void)member;
    return ++*(int *)who < 3;
}

/* Whether a set has exactly the members that all, any, or only the first of the models have. */
static void is_right(const struct set *set, const struct model *models, char operation,
                     unsigned texts)
{
    struct model wanted = { .count = 0 };

    for (unsigned i = 0; i < MEMBERS; i++) {
        unsigned in = 0;

        for (unsigned k = 0; k < SETS; k++)
            in += models[k].has[i];
        wanted.has[i] = operation == '*'   ? in == SETS
                        : operation == '+' ? in > 0
                                           : models[0].has[i] && in == 1;
        wanted.count += wanted.has[i];
    }
    compare(set, &wanted, texts);
}

/* Whether counting alone, with and without a limit, comes to the same. */
static void counts_agree(const struct set *const *given, char how, size_t whole)
{
    const size_t limits[] = { 0, 1, whole / 2, whole, whole + 1 };

    for (size_t i = 0; i < sizeof(limits) / sizeof(limits[0]); i++) {
        const struct set *sets[SETS];
        size_t most = limits[i];
        size_t count;

        memcpy(sets, given, sizeof(sets));
        count = how == '+' ? set_union_count(sets, SETS, &value_limits_default, most)
                           : set_difference_count(sets, SETS, most);
        must(count == (most == 0 || whole < most ? whole : most));
    }
}

static void the_algebra_agrees_with_a_naive_model(void)
{
    struct model *models = memory_new_zeroed(SETS, sizeof(*models));
    struct random random;

    random_seed(&random, 9);
    for (unsigned round = 0; round < 60; round++) {
        struct set *sets[SETS];
        const struct set *given[SETS];
        struct set *result;
        unsigned texts = texts_of_test(round);

        memset(models, 0, SETS * sizeof(*models));
        for (unsigned k = 0; k < SETS; k++) {
            uint64_t share = random_below(&random, 11);

            sets[k] = set_new();
            for (unsigned i = 0; i < MEMBERS; i++) {
                char room[TEXT_MAX];

                if (random_below(&random, 10) >= share)
                    continue;
                models[k].has[i] = true;
                models[k].count++;
                set_add(sets[k], &value_limits_default, member_of(i, texts, room));
            }
            given[k] = models[k].count == 0 ? NULL : sets[k];
        }
        result = set_union(given, SETS, &value_limits_default);
        is_right(result, models, '+', texts);
        counts_agree(given, '+', set_count(result));
        set_free(result);
        result = set_difference(given, SETS, &value_limits_default);
        is_right(result, models, '-', texts);
        counts_agree(given, '-', set_count(result));
        set_free(result);
        result = set_new();
        set_intersection(given, SETS, put_shown, result);
        is_right(result, models, '*', texts);
        set_free(result);
        for (unsigned k = 0; k < SETS; k++)
            set_free(sets[k]);
    }
    memory_free(models);
    CU_PASS("every result agreed");
}

static void an_intersection_ends_when_told(void)
{
    struct set *set = set_new();
    const struct set *twice[2] = { set, set };
    char room[NUMBER_INTEGER_MAX];
    int shown = 0;

    for (int i = 0; i < 10; i++)
        set_add(set, &value_limits_default, slice_of(room, number_put(room, i)));
    set_intersection(twice, 2, count_to_three, &shown);
    CU_ASSERT_EQUAL(shown, 3);
    set_free(set);
}

/* Runs the statements that rebuild a set. */
static void run_statement(void *who, const struct slice *words, size_t count)
{
    must(slice_equal(words[0], SLICE("SADD")) && slice_equal(words[1], SLICE("key")));
    must(count > 2 && count <= 2 + 64);
    for (size_t i = 2; i < count; i++)
        must(set_add(who, &value_limits_default, words[i]));
}

static void statements_and_copies_are_equal(void)
{
    for (unsigned round = 0; round < 6; round++) {
        struct set *set = set_new();
        struct set *again = set_new();
        struct set *copy;
        struct fingerprint a = { { 0 } }, b = { { 0 } }, c = { { 0 } };
        struct statement_sink sink = { run_statement, again };
        char room[TEXT_MAX];

        for (unsigned i = 0; i < (round < 3 ? 20U : MEMBERS); i++)
            set_add(set, &value_limits_default, member_of(i, texts_of_test(round), room));
        set_type.rewrite(as_value(set), SLICE("key"), &sink);
        copy = set_copy(set);
        set_check(copy);
        set_type.digest(as_value(set), &a);
        set_type.digest(as_value(again), &b);
        set_type.digest(as_value(copy), &c);
        CU_ASSERT_EQUAL(memcmp(&a, &b, sizeof(a)), 0);
        CU_ASSERT_EQUAL(memcmp(&a, &c, sizeof(a)), 0);
        set_free(set);
        set_free(again);
        set_free(copy);
    }
}

static void a_large_set_costs_little_more_than_its_bytes(void)
{
    struct set *set = set_new();
    char member[TEXT_MAX] = "member:";

    for (unsigned i = 0; i < 100000; i++)
        set_add(set, &value_limits_default, slice_of(member, 7 + number_put(member + 7, i)));
    CU_ASSERT(set_type.measure(as_value(set), 5) < 100000 * 56);
    set_free(set);
}

static void many_are_coming(void)
{
    enum { MANY = 3000, SOME = 10 };
    struct set *set = set_new();
    struct slice coming[SOME];
    char rooms[SOME][16];

    for (unsigned i = 0; i < MANY; i += SOME) {
        for (unsigned k = 0; k < SOME; k++) {
            rooms[k][0] = 'm';
            coming[k] = slice_of(rooms[k], 1 + number_put(rooms[k] + 1, (i + k) % 2500));
        }
        if (i == MANY / 2)
            set_make_room(set, MANY);
        set_ask_ahead(set, coming, SOME);
        for (unsigned k = 0; k < SOME; k++)
            CU_ASSERT_EQUAL(set_add(set, &value_limits_default, coming[k]), i + k < 2500);
        set_check(set);
    }
    CU_ASSERT_EQUAL(set_count(set), 2500);
    set_free(set);
}

void suite_set(void)
{
    CU_pSuite suite = CU_add_suite("set", NULL, NULL);

    CU_add_test(suite, "it agrees with a naive model", it_agrees_with_a_naive_model);
    CU_add_test(suite, "its encodings are those of Redis", its_encodings_are_those_of_redis);
    CU_add_test(suite, "the algebra agrees with a naive model",
                the_algebra_agrees_with_a_naive_model);
    CU_add_test(suite, "an intersection ends when told", an_intersection_ends_when_told);
    CU_add_test(suite, "members said to be coming are added as any others", many_are_coming);
    CU_add_test(suite, "statements and copies are equal", statements_and_copies_are_equal);
    CU_add_test(suite, "a large set costs little more than its bytes",
                a_large_set_costs_little_more_than_its_bytes);
}
