/*
 * A long walk over two sorted sets and what is made of both: packed and large,
 * and back where one is read again; all kinds of ranges.
 */
#include <CUnit/CUnit.h>
#include <math.h>

#include "storage/values/zset_algebra.h"
#include "tests/unit/storage/walk.h"
#include "tests/unit/storage/zset_model.h"

void suite_walk_zset(void);

enum { MEMBERS = 40, TEXT_MAX = 120, ZSETS = 2, MODES = 3 };

struct world {
    struct walk         walk;
    struct value_limits limits;
    struct zset        *zset[ZSETS];
    struct zset_model        model[ZSETS];
    size_t              mode; /* which scores there are */
    char                members[MEMBERS][TEXT_MAX];
    struct slice        member[MEMBERS];
    uint8_t             place[MEMBERS]; /* where a member stands among all by its bytes */
    unsigned            by_name[MEMBERS];
};

static void begin(struct world *world)
{
    world->limits = value_limits_default;
    world->mode = 0;
    for (size_t s = 0; s < ZSETS; s++) {
        world->zset[s] = zset_new();
        world->model[s] = (struct zset_model){ .count = 0 };
    }
    for (unsigned i = 0; i < MEMBERS; i++) {
        char *room = world->members[i];
        size_t len = i % 3 == 0 ? 0 : i % 20 == 7 ? 70 : 1 + i % 6;

        memset(room, '.', len);
        world->member[i] = slice_of(room, len + number_put(room + len, (int64_t)i << (i % 50)));
    }
    world->member[MEMBERS - 1] = SLICE("");
    for (unsigned i = 0; i < MEMBERS; i++) {
        for (unsigned k = 0; k < MEMBERS; k++)
            if (slice_compare(world->member[k], world->member[i]) < 0)
                world->place[i]++;
        world->by_name[world->place[i]] = i;
    }
}

/* All the same, few, or any: whole, fractional, huge and endless. */
static double some_score(struct world *world)
{
    static const double odd[] = { 0.1, -0.25, 1e17, -1e300, 4503599627370496.0, 1e-7,
                                  INFINITY, -INFINITY, 9007199254740993.0, -4611686018427387904.0 };

    if (world->mode == 0)
        return 0;
    if (world->mode == 1)
        return (double)walk_below(&world->walk, 8) - 3;
    if (walk_below(&world->walk, 3) == 0)
        return odd[walk_below(&world->walk, sizeof(odd) / sizeof(odd[0]))];
    return random_fraction(&world->walk.random) * 100;
}

/* The numbers of all members in order. */
static size_t model_order(const struct world *world, const struct zset_model *model,
                          unsigned *order)
{
    size_t count = 0;

    for (unsigned place = 0; place < MEMBERS; place++) {
        unsigned i = world->by_name[place];
        size_t at = count;

        if (!model->has[i])
            continue;
        for (; at > 0 && model->score[i] < model->score[order[at - 1]]; at--)
            order[at] = order[at - 1];
        order[at] = i;
        count++;
    }
    return count;
}

static unsigned member_number(const struct world *world, struct slice member)
{
    unsigned i = 0;

    while (i < MEMBERS && !slice_equal(world->member[i], member))
        i++;
    must(i < MEMBERS);
    return i;
}

struct seeing {
    const struct world *world;
    const struct zset_model *model;
    uint64_t            seen;
};

static void see(void *who, struct slice member, double score)
{
    struct seeing *seeing = who;
    unsigned i = member_number(seeing->world, member);

    must(seeing->model->has[i] && seeing->model->score[i] == score);
    seeing->seen |= UINT64_C(1) << i;
}

static void walk_agrees(const struct world *world, const struct zset *zset,
                        const struct zset_model *model, const unsigned *order,
                        struct zset_span span, enum zset_direction direction)
{
    struct zset_walk walk;
    struct slice member;
    double score;
    size_t at = 0;

    zset_walk_begin(&walk, zset, span, direction);
    while (zset_walk_next(&walk, &member, &score)) {
        unsigned i = order[direction == ZSET_RISING ? span.from + at : span.to - 1 - at];

        must(slice_equal(member, world->member[i]) && score == model->score[i]);
        at++;
    }
    must(at == zset_span_count(span));
}

static void compare(struct world *world, const struct zset *zset, const struct zset_model *model)
{
    struct seeing seeing = { .world = world, .model = model };
    unsigned order[MEMBERS];
    size_t count = model_order(world, model, order);
    uint64_t cursor = 0;

    zset_check(zset);
    must(zset_count(zset) == count && count == model->count);
    walk_agrees(world, zset, model, order, zset_all(zset),
                walk_below(&world->walk, 2) == 0 ? ZSET_RISING : ZSET_FALLING);
    for (size_t i = 0; i < count; i++) {
        struct zset_room room;
        size_t rank;
        double score;

        must(zset_rank(zset, world->member[order[i]], &rank) && rank == i);
        must(slice_equal(zset_at(zset, i, &room, &score), world->member[order[i]]));
        must(score == model->score[order[i]]);
    }
    do {
        cursor = zset_scan(zset, cursor, see, &seeing);
    } while (cursor != 0);
    must((size_t)__builtin_popcountll(seeing.seen) == count);
}

static struct zset_name some_name(struct world *world)
{
    struct zset_name name = { .place = ZSET_NAME_IS, .open = walk_below(&world->walk, 2) == 0 };
    size_t chance = walk_below(&world->walk, 10);

    if (chance < 2)
        name.place = chance == 0 ? ZSET_NAME_LEAST : ZSET_NAME_MOST;
    name.name = world->member[walk_below(&world->walk, MEMBERS)];
    return name;
}

/* A range of some kind, which must be the span that the model sees; then it may be taken out. */
static void range(struct world *world, size_t s)
{
    struct zset_model *model = &world->model[s];
    struct zset_scores scores = { some_score(world), some_score(world),
                                  walk_below(&world->walk, 2) == 0,
                                  walk_below(&world->walk, 2) == 0 };
    struct zset_names names = { some_name(world), some_name(world) };
    bool by_name = world->mode == 0 && walk_below(&world->walk, 2) == 0;
    unsigned order[MEMBERS];
    size_t count = model_order(world, model, order);
    struct zset_span span = by_name ? zset_span_of_names(world->zset[s], &names)
                                    : zset_span_of_scores(world->zset[s], &scores);
    struct zset_span wanted = { 0, 0 };

    for (size_t i = 0; i < count; i++) {
        /* Ranges by name are told only of equal scores. */
        if (by_name && model->score[order[i]] != model->score[order[0]])
            return;
        if (by_name ? !zset_model_name_within(world->member[order[i]], &names)
                    : !zset_model_score_within(model->score[order[i]], &scores))
            continue;
        if (wanted.to == 0)
            wanted.from = i;
        wanted.to = i + 1;
    }
    must(zset_span_count(span) == zset_span_count(wanted));
    if (zset_span_count(span) == 0)
        return;
    must(span.from == wanted.from && span.to == wanted.to);
    walk_agrees(world, world->zset[s], model, order, span, ZSET_RISING);
    walk_agrees(world, world->zset[s], model, order, span, ZSET_FALLING);
    if (walk_below(&world->walk, 6) > 0)
        span.to = span.from + walk_below(&world->walk, 3);
    if (span.to > wanted.to)
        span.to = wanted.to;
    must(zset_remove_span(world->zset[s], span) == zset_span_count(span));
    for (size_t i = span.from; i < span.to; i++)
        zset_model_remove(model, order[i]);
}

static void add(struct world *world, size_t s, unsigned i)
{
    unsigned terms = walk_below(&world->walk, 2) ? 0 : (unsigned)walk_below(&world->walk, 32);
    double score = some_score(world);
    double now;
    enum zset_outcome outcome =
        zset_add(world->zset[s], &world->limits, world->member[i], score, terms, &now);

    must(outcome == zset_model_add(&world->model[s], i, score, terms));
    must(outcome == ZSET_KEPT || outcome == ZSET_NAN || now == world->model[s].score[i]);
}

static void take(struct world *world, size_t s, unsigned i)
{
    must(zset_remove(world->zset[s], world->member[i]) == world->model[s].has[i]);
    zset_model_remove(&world->model[s], i);
}

/* What a member has in an outcome; false if it is not in it. */
static bool combined(const struct zset_model *a, const struct zset_model *b, unsigned i,
                     char operation, enum zset_fold fold, double *score)
{
    double x = a->score[i], y = b->score[i] * 2;

    *score = a->has[i] ? x : y;
    if (operation == '-')
        return a->has[i] && !b->has[i];
    if (!a->has[i] || !b->has[i])
        return operation == '+' && (a->has[i] || b->has[i]);
    *score = fold == ZSET_FOLD_SUM ? x + y : (fold == ZSET_FOLD_MIN) == (x < y) ? x : y;
    if (isnan(*score))
        *score = 0;
    return true;
}

static void combine(struct world *world, size_t s)
{
    static const char operations[] = { '+', '*', '-' };
    char operation = operations[walk_below(&world->walk, 3)];
    enum zset_fold fold = (enum zset_fold)walk_below(&world->walk, 3);
    struct zset_source sources[ZSETS] = { { .zset = world->zset[s], .weight = 1 },
                                          { .zset = world->zset[!s], .weight = 2 } };
    struct zset_model wanted = { .count = 0 };
    struct zset *outcome;

    for (unsigned i = 0; i < MEMBERS; i++) {
        wanted.has[i] = combined(&world->model[s], &world->model[!s], i, operation, fold,
                                 &wanted.score[i]);
        wanted.count += wanted.has[i];
    }
    outcome = operation == '+'   ? zset_union(sources, ZSETS, fold, &world->limits)
              : operation == '*' ? zset_intersection(sources, ZSETS, fold, &world->limits)
                                 : zset_difference(sources, ZSETS, &world->limits);
    compare(world, outcome, &wanted);
    if (walk_below(&world->walk, 4) > 0) {
        zset_free(outcome);
        return;
    }
    zset_free(world->zset[s]);
    world->zset[s] = outcome;
    world->model[s] = wanted;
}

static void start_over(struct world *world, size_t s)
{
    zset_free(world->zset[s]);
    world->zset[s] = zset_new();
    world->model[s] = (struct zset_model){ .count = 0 };
    world->mode = walk_below(&world->walk, MODES);
    zset_reserve(world->zset[s], &world->limits, walk_below(&world->walk, 2 * MEMBERS));
}

static void step(struct world *world, size_t s)
{
    static const uint32_t entries[] = { 0, 6, 20, 128 };
    unsigned i = (unsigned)walk_below(&world->walk, MEMBERS);
    size_t choice = walk_below(&world->walk, 200);

    if (choice < 100) {
        add(world, s, i);
    } else if (choice < 155) {
        take(world, s, i);
    } else if (choice < 170) {
        range(world, s);
    } else if (choice < 180) {
        combine(world, s);
    } else if (choice < 192 && world->model[s].count > 0) {
        world->zset[s] = (struct zset *)walk_anew(&world->walk, &zset_type,
                                                  (struct value *)world->zset[s], &world->limits);
    } else if (choice == 198) {
        world->limits.zset_entries = entries[walk_below(&world->walk, 4)];
        world->limits.zset_value = walk_below(&world->walk, 2) == 0 ? 5 : 64;
    } else if (choice == 199) {
        start_over(world, s);
    }
}

static void every_step_agrees_with_a_naive_model(void)
{
    struct world world = { .mode = 0 };

    walk_begin(&world.walk, 33);
    begin(&world);
    for (size_t i = 0; i < world.walk.steps; i++) {
        size_t s = i / 16 % ZSETS;

        step(&world, s);
        world.zset[s] = (struct zset *)walk_move(&world.walk, &zset_type,
                                                 (struct value *)world.zset[s]);
        compare(&world, world.zset[s], &world.model[s]);
        if (s == 0)
            walk_form(&world.walk, zset_is_large(world.zset[0]) ? "skiplist" : "listpack");
    }
    for (size_t s = 0; s < ZSETS; s++)
        zset_free(world.zset[s]);
    walk_end(&world.walk, "sorted set");
    CU_ASSERT(walk_became(&world.walk, "listpack", "skiplist") > 0);
    CU_ASSERT(walk_became(&world.walk, "skiplist", "listpack") > 0);
}

void suite_walk_zset(void)
{
    CU_pSuite suite = CU_add_suite("a walk over sorted sets", NULL, NULL);

    CU_add_test(suite, "every step agrees with a naive model",
                every_step_agrees_with_a_naive_model);
}
