/*
 * The sorted set: against a naive model, small and large; its ranges; the algebra.
 */
#include <CUnit/CUnit.h>
#include <math.h>

#include "storage/base/memory.h"
#include "storage/base/random.h"
#include "storage/values/zset.h"
#include "storage/values/zset_algebra.h"
#include "tests/unit/storage/walk.h"
#include "tests/unit/storage/zset_model.h"

static void many_are_coming(void)
{
    enum { MANY = 3000, SOME = 10 };
    struct zset *zset = zset_new();
    struct slice words[2 * SOME];
    char rooms[SOME][16];

    for (unsigned i = 0; i < MANY; i += SOME) {
        for (unsigned k = 0; k < SOME; k++) {
            rooms[k][0] = 'm';
            words[2 * k] = slice_of(rooms[k], 1 + number_put(rooms[k] + 1, (i + k) % 2500));
            words[2 * k + 1] = SLICE("value");
        }
        zset_ask_ahead(zset, words, SOME, MANY - i);
        for (unsigned k = 0; k < SOME; k++)
            CU_ASSERT_EQUAL(zset_add(zset, &value_limits_default, words[2 * k], i, 0, NULL) == ZSET_ADDED,
                            i + k < 2500);
        zset_check(zset);
    }
    CU_ASSERT_EQUAL(zset_count(zset), 2500);
    zset_free(zset);
}

void suite_zset(void);

enum { MEMBERS = ZSET_MODEL_MEMBERS, TEXT_MAX = 200, SOURCES = 4 };

static const struct value *as_value(const struct zset *zset)
{
    return (const struct value *)(const void *)zset;
}

/* Some members are integers, some long. */
static struct slice member_of(unsigned number, char *room)
{
    size_t len = 0;

    if (number % 5 == 4)
        return slice_of(room, number_put(room, -(int64_t)number - (INT64_C(1) << (number % 40))));
    if (number % 5 != 3)
        memset(room, '.', len = 1 + (number % 150 == 7 ? 70 : number % 20));
    return slice_of(room, len + number_put(room + len, number));
}

/* Few different scores, so that members share them; whole, fractional, huge and endless ones. */
static double some_score(struct random *random, unsigned round)
{
    static const double odd[] = { 0.1, -0.25, 1e17, -1e300, 4503599627370496.0, 1e-7 };

    switch (round % 3) {
    case 0:
        return 0;
    case 1:
        return (double)random_below(random, 20) - 10;
    default:
        if (random_below(random, 10) == 0)
            return random_below(random, 2) ? INFINITY : -INFINITY;
        if (random_below(random, 4) == 0)
            return odd[random_below(random, sizeof(odd) / sizeof(odd[0]))];
        return random_fraction(random) * 1000;
    }
}

static bool model_before(const struct zset_model *model, unsigned a, unsigned b)
{
    char x[TEXT_MAX], y[TEXT_MAX];

    if (model->score[a] != model->score[b])
        return model->score[a] < model->score[b];
    return slice_compare(member_of(a, x), member_of(b, y)) < 0;
}

/* The numbers of all members in order. */
static size_t model_order(const struct zset_model *model, unsigned *order)
{
    size_t count = 0;

    for (unsigned i = 0; i < MEMBERS; i++) {
        size_t at = count;

        if (!model->has[i])
            continue;
        for (; at > 0 && model_before(model, i, order[at - 1]); at--)
            order[at] = order[at - 1];
        order[at] = i;
        count++;
    }
    return count;
}

struct seeing {
    const struct zset_model *model;
    bool seen[MEMBERS];
};

static void see(void *who, struct slice member, double score)
{
    struct seeing *seeing = who;
    char room[TEXT_MAX];

    for (unsigned i = 0; i < MEMBERS; i++) {
        if (seeing->model->has[i] && slice_equal(member, member_of(i, room))) {
            must(score == seeing->model->score[i]);
            seeing->seen[i] = true;
            return;
        }
    }
    must_fail("a member nobody added", __FILE__, __LINE__);
}

static void walk_agrees(const struct zset *zset, const struct zset_model *model,
                        const unsigned *order, struct zset_span span, enum zset_direction direction)
{
    struct zset_walk walk;
    struct slice member;
    double score;
    size_t at = 0;
    char room[TEXT_MAX];

    zset_walk_begin(&walk, zset, span, direction);
    while (zset_walk_next(&walk, &member, &score)) {
        unsigned i = order[direction == ZSET_RISING ? span.from + at : span.to - 1 - at];

        must(slice_equal(member, member_of(i, room)) && score == model->score[i]);
        at++;
    }
    must(at == zset_span_count(span));
}

static void compare(const struct zset *zset, const struct zset_model *model)
{
    struct seeing seeing = { .model = model };
    unsigned order[MEMBERS];
    size_t count = model_order(model, order);
    uint64_t cursor = 0;

    zset_check(zset);
    must(zset_count(zset) == count && count == model->count);
    walk_agrees(zset, model, order, zset_all(zset), ZSET_RISING);
    walk_agrees(zset, model, order, zset_all(zset), ZSET_FALLING);
    for (size_t i = 0; i < count; i++) {
        char room[TEXT_MAX];
        size_t rank;

        must(zset_rank(zset, member_of(order[i], room), &rank) && rank == i);
    }
    do {
        cursor = zset_scan(zset, cursor, see, &seeing);
    } while (cursor != 0);
    must(memcmp(seeing.seen, model->has, sizeof(model->has)) == 0);
}

static struct zset_name some_name(struct random *random, char *room)
{
    struct zset_name name = { .place = ZSET_NAME_IS, .open = random_below(random, 2) == 0 };
    unsigned chance = (unsigned)random_below(random, 10);

    if (chance < 2)
        name.place = chance == 0 ? ZSET_NAME_LEAST : ZSET_NAME_MOST;
    name.name = member_of((unsigned)random_below(random, MEMBERS), room);
    return name;
}

/* A range of some kind, as it is and as the model sees it; `order` and `count` are the model's. */
static struct zset_span some_span(const struct zset *zset, const struct zset_model *model,
                                  struct random *random, unsigned round, const unsigned *order,
                                  size_t count, struct zset_span *wanted)
{
    char low[TEXT_MAX], high[TEXT_MAX], room[TEXT_MAX];
    struct zset_scores scores = { some_score(random, round), some_score(random, round),
                                  random_below(random, 2) == 0, random_below(random, 2) == 0 };
    struct zset_names names = { some_name(random, low), some_name(random, high) };
    bool by_name = round % 3 == 0 && random_below(random, 2) == 0;
    struct zset_span span =
        by_name ? zset_span_of_names(zset, &names) : zset_span_of_scores(zset, &scores);

    *wanted = (struct zset_span){ 0, 0 };
    for (size_t i = 0; i < count; i++) {
        if (by_name ? !zset_model_name_within(member_of(order[i], room), &names)
                    : !zset_model_score_within(model->score[order[i]], &scores))
            continue;
        if (wanted->to == 0)
            wanted->from = i;
        wanted->to = i + 1;
    }
    return span;
}

static void step_range(struct zset *zset, struct zset_model *model, struct random *random,
                       unsigned round)
{
    unsigned order[MEMBERS];
    size_t count = model_order(model, order);
    struct zset_span wanted;
    struct zset_span span = some_span(zset, model, random, round, order, count, &wanted);

    must(zset_span_count(span) == zset_span_count(wanted));
    must(zset_span_count(span) == 0 || (span.from == wanted.from && span.to == wanted.to));
    walk_agrees(zset, model, order, span, ZSET_RISING);
    walk_agrees(zset, model, order, span, ZSET_FALLING);
    if (zset_span_count(span) > 20 && random_below(random, 20) != 0)
        span.to = span.from + 3;
    must(zset_remove_span(zset, span) == zset_span_count(span));
    for (size_t i = span.from; i < span.to; i++)
        zset_model_remove(model, order[i]);
}

static void step(struct zset *zset, struct zset_model *model, struct random *random, unsigned round,
                 unsigned members)
{
    unsigned number = (unsigned)random_below(random, members);
    char room[TEXT_MAX];
    struct slice member = member_of(number, room);
    double score = some_score(random, round);
    unsigned terms = random_below(random, 2) ? 0 : (unsigned)random_below(random, 32);
    double now;

    switch (random_below(random, 8)) {
    default: {
        enum zset_outcome outcome =
            zset_add(zset, &value_limits_default, member, score, terms, &now);

        must(outcome == zset_model_add(model, number, score, terms));
        must(outcome == ZSET_KEPT || outcome == ZSET_NAN || now == model->score[number]);
        break;
    }
    case 0:
    case 1:
        must(zset_remove(zset, member) == model->has[number]);
        zset_model_remove(model, number);
        break;
    case 2:
        must(zset_score(zset, member, &now) == model->has[number]);
        must(!model->has[number] || now == model->score[number]);
        break;
    case 3:
        step_range(zset, model, random, round);
    }
}

static void it_agrees_with_a_naive_model(void)
{
    struct zset_model *model = memory_new(sizeof(*model));
    struct random random;

    random_seed(&random, 8);
    for (unsigned round = 0; round < 6; round++) {
        struct zset *zset = zset_new();

        *model = (struct zset_model){ .count = 0 };
        for (size_t i = 0; i < walk_steps(4000); i++) {
            step(zset, model, &random, round, round < 3 ? 100 : MEMBERS);
            if (i % 50 == 0 || model->count < 5)
                compare(zset, model);
        }
        zset_free(zset);
    }
    memory_free(model);
    CU_PASS("every step agreed");
}

static void it_grows_past_its_small_form(void)
{
    struct zset *zset = zset_new();
    char room[TEXT_MAX];

    for (unsigned i = 0; i < 128; i++)
        zset_add(zset, &value_limits_default, slice_of(room, number_put(room, i)), i, 0, NULL);
    CU_ASSERT_STRING_EQUAL(zset_type.encoding(as_value(zset)), "listpack");
    zset_add(zset, &value_limits_default, SLICE("5"), 1000, 0, NULL);
    CU_ASSERT(!zset_is_large(zset));
    zset_add(zset, &value_limits_default, SLICE("one more"), 0, 0, NULL);
    CU_ASSERT_STRING_EQUAL(zset_type.encoding(as_value(zset)), "skiplist");
    CU_ASSERT_EQUAL(zset_count(zset), 129);
    zset_check(zset);
    zset_free(zset);

    zset = zset_new();
    memset(room, 'x', 65);
    zset_add(zset, &value_limits_default, slice_of(room, 64), 1, 0, NULL);
    CU_ASSERT(!zset_is_large(zset));
    zset_add(zset, &value_limits_default, slice_of(room, 65), 1, 0, NULL);
    CU_ASSERT(zset_is_large(zset));
    zset_check(zset);
    zset_free(zset);
}

static void ranks_and_limits_are_clipped(void)
{
    struct zset *zset = zset_new();
    char room[TEXT_MAX];
    struct zset_span span;

    for (unsigned i = 0; i < 10; i++)
        zset_add(zset, &value_limits_default, slice_of(room, number_put(room, i)), i, 0, NULL);
    span = zset_span_of_ranks(zset, -3, -1);
    CU_ASSERT(span.from == 7 && span.to == 10);
    span = zset_span_of_ranks(zset, INT64_MIN, INT64_MAX);
    CU_ASSERT(span.from == 0 && span.to == 10);
    CU_ASSERT_EQUAL(zset_span_count(zset_span_of_ranks(zset, 10, 20)), 0);
    CU_ASSERT_EQUAL(zset_span_count(zset_span_of_ranks(zset, 0, -11)), 0);
    span = zset_span_limit((struct zset_span){ 2, 8 }, ZSET_RISING, 1, 2);
    CU_ASSERT(span.from == 3 && span.to == 5);
    span = zset_span_limit((struct zset_span){ 2, 8 }, ZSET_FALLING, 1, 2);
    CU_ASSERT(span.from == 5 && span.to == 7);
    span = zset_span_limit((struct zset_span){ 2, 8 }, ZSET_RISING, 4, -1);
    CU_ASSERT(span.from == 6 && span.to == 8);
    span = zset_span_limit((struct zset_span){ 2, 8 }, ZSET_RISING, INT64_MAX, INT64_MAX);
    CU_ASSERT_EQUAL(zset_span_count(span), 0);
    span = zset_span_limit((struct zset_span){ 2, 8 }, ZSET_RISING, -1, 2);
    CU_ASSERT_EQUAL(zset_span_count(span), 0);
    span = zset_span_mirror(zset, (struct zset_span){ 0, 3 });
    CU_ASSERT(span.from == 7 && span.to == 10);
    zset_free(zset);
}

/* -- The algebra. */

/* The score that the model of an outcome gives a member, if it has it at all. */
static bool combined(const struct zset_model *models, unsigned number, char operation,
                     enum zset_fold fold, double *score)
{
    unsigned in = 0;

    for (unsigned k = 0; k < SOURCES; k++) {
        double weighted = models[k].score[number] * (k + 1);

        if (!models[k].has[number])
            continue;
        if (in++ == 0)
            *score = weighted;
        else if (fold == ZSET_FOLD_SUM)
            *score += weighted;
        else if (fold == ZSET_FOLD_MIN ? weighted < *score : weighted > *score)
            *score = weighted;
    }
    if (operation == '-') {
        *score = models[0].score[number];
        return models[0].has[number] && in == 1;
    }
    return operation == '*' ? in == SOURCES : in > 0;
}

static void is_right(struct zset *zset, const struct zset_model *models, char operation,
                     enum zset_fold fold)
{
    struct zset_model *wanted = memory_new_zeroed(1, sizeof(*wanted));

    for (unsigned i = 0; i < MEMBERS; i++) {
        wanted->has[i] = combined(models, i, operation, fold, &wanted->score[i]);
        wanted->count += wanted->has[i];
    }
    compare(zset, wanted);
    must(zset_is_large(zset) || wanted->count <= 128);
    zset_free(zset);
    memory_free(wanted);
}

static struct zset_source some_source(struct zset_model *model, struct random *random, unsigned k)
{
    uint64_t share = random_below(random, 11);
    bool plain = random_below(random, 3) == 0;
    struct zset *zset = zset_new();
    struct set *set = set_new();
    char room[TEXT_MAX];

    for (unsigned i = 0; i < MEMBERS; i++) {
        if (random_below(random, 10) >= share)
            continue;
        model->has[i] = true;
        model->count++;
        model->score[i] = plain ? 1 : (double)random_below(random, 100);
        if (plain)
            set_add(set, &value_limits_default, member_of(i, room));
        else
            zset_add(zset, &value_limits_default, member_of(i, room), model->score[i], 0, NULL);
    }
    if (plain || model->count == 0) {
        zset_free(zset);
        zset = NULL;
    }
    if (!plain || model->count == 0) {
        set_free(set);
        set = NULL;
    }
    return (struct zset_source){ .zset = zset, .set = set, .weight = k + 1 };
}

static void the_algebra_agrees_with_a_naive_model(void)
{
    struct zset_model *models = memory_new_zeroed(SOURCES, sizeof(*models));
    struct random random;

    random_seed(&random, 10);
    for (unsigned round = 0; round < 60; round++) {
        const struct value_limits *limits = &value_limits_default;
        enum zset_fold fold = (enum zset_fold)(round % 3);
        struct zset_source given[SOURCES], sources[SOURCES];
        struct zset *both;

        memset(models, 0, SOURCES * sizeof(*models));
        for (unsigned k = 0; k < SOURCES; k++)
            given[k] = some_source(&models[k], &random, k);
        is_right(zset_difference(given, SOURCES, limits), models, '-', fold);
        memcpy(sources, given, sizeof(given));
        is_right(zset_union(sources, SOURCES, fold, limits), models, '+', fold);
        memcpy(sources, given, sizeof(given));
        both = zset_intersection(sources, SOURCES, fold, limits);
        must(zset_intersection_count(sources, SOURCES, SIZE_MAX) == zset_count(both));
        must(zset_count(both) < 2 || zset_intersection_count(sources, SOURCES, 2) == 2);
        is_right(both, models, '*', fold);
        for (unsigned k = 0; k < SOURCES; k++) {
            zset_free((struct zset *)(uintptr_t)given[k].zset);
            set_free((struct set *)(uintptr_t)given[k].set);
        }
    }
    memory_free(models);
    CU_PASS("every outcome agreed");
}

/* -- The registry. */

/* Runs the statements that rebuild a zset. */
static void run_statement(void *who, const struct slice *words, size_t count)
{
    must(slice_equal(words[0], SLICE("ZADD")) && slice_equal(words[1], SLICE("key")));
    must(count > 2 && count <= 2 + 2 * 64);
    for (size_t i = 2; i < count; i += 2) {
        double score;

        must(number_read_double(words[i], &score));
        must(zset_add(who, &value_limits_default, words[i + 1], score, 0, NULL) == ZSET_ADDED);
    }
}

static void statements_and_copies_are_equal(void)
{
    struct random random;

    random_seed(&random, 12);
    for (unsigned round = 0; round < 6; round++) {
        struct zset *zset = zset_new();
        struct zset *again = zset_new();
        struct zset *copy;
        struct fingerprint a = { { 0 } }, b = { { 0 } }, c = { { 0 } };
        struct statement_sink sink = { run_statement, again };
        char room[TEXT_MAX];

        for (unsigned i = 0; i < (round < 3 ? 20U : MEMBERS); i++)
            zset_add(zset, &value_limits_default, member_of(i, room), some_score(&random, round), 0,
                     NULL);
        zset_type.rewrite(as_value(zset), SLICE("key"), &sink);
        copy = zset_copy(zset);
        zset_check(copy);
        zset_type.digest(as_value(zset), &a);
        zset_type.digest(as_value(again), &b);
        zset_type.digest(as_value(copy), &c);
        CU_ASSERT_EQUAL(memcmp(&a, &b, sizeof(a)), 0);
        CU_ASSERT_EQUAL(memcmp(&a, &c, sizeof(a)), 0);
        zset_free(zset);
        zset_free(again);
        zset_free(copy);
    }
}

static void a_large_zset_costs_little_more_than_its_bytes(void)
{
    struct zset *zset = zset_new();
    char member[TEXT_MAX] = "member:";

    for (unsigned i = 0; i < 250000; i++)
        zset_add(zset, &value_limits_default, slice_of(member, 7 + number_put(member + 7, i)),
                 (double)(i * 7919U % 250007U), 0, NULL);
    CU_ASSERT(zset_type.measure(as_value(zset), 5) < 250000 * 77);
    zset_free(zset);
}

void suite_zset(void)
{
    CU_pSuite suite = CU_add_suite("zset", NULL, NULL);

    CU_add_test(suite, "many are coming", many_are_coming);
    CU_add_test(suite, "it agrees with a naive model", it_agrees_with_a_naive_model);
    CU_add_test(suite, "it grows past its small form", it_grows_past_its_small_form);
    CU_add_test(suite, "ranks and limits are clipped", ranks_and_limits_are_clipped);
    CU_add_test(suite, "the algebra agrees with a naive model",
                the_algebra_agrees_with_a_naive_model);
    CU_add_test(suite, "statements and copies are equal", statements_and_copies_are_equal);
    CU_add_test(suite, "a large zset costs little more than its bytes",
                a_large_zset_costs_little_more_than_its_bytes);
}
