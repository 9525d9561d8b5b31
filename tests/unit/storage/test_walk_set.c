/*
 * A long walk over two sets and what is made of both: integers, packed, in a
 * table; back from a table where a set is read again.
 */
#include <CUnit/CUnit.h>

#include "storage/values/set.h"
#include "storage/values/set_algebra.h"
#include "tests/unit/storage/walk.h"

void suite_walk_set(void);

enum { MEMBERS = 60, INTEGERS = 30, TEXT_MAX = 120, SETS = 2 };

/* Sets, and the members of each as bits by number. */
struct world {
    struct walk         walk;
    struct value_limits limits;
    struct set         *set[SETS];
    uint64_t            has[SETS];
    char                members[MEMBERS][TEXT_MAX];
    struct slice        member[MEMBERS];
    bool                texts; /* members that are no integers are added too */
};

static void begin(struct world *world)
{
    world->limits = value_limits_default;
    world->texts = true;
    for (size_t s = 0; s < SETS; s++) {
        world->set[s] = set_new();
        world->has[s] = 0;
    }
    for (unsigned i = 0; i < MEMBERS; i++) {
        char *room = world->members[i];
        size_t len = i % 20 == 7 ? 70 : i % 9;

        if (i < INTEGERS) {
            world->member[i] =
                slice_of(room, number_put(room, (i % 2 ? -1 : 1) * ((int64_t)i << (2 * i % 50))));
            continue;
        }
        memset(room, '.', len);
        room[len] = '0'; /* an integer begins with no zero */
        world->member[i] = slice_of(room, len + 1 + number_put(room + len + 1, i));
    }
    world->member[INTEGERS] = SLICE("");
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
    uint64_t            seen;
    size_t              shown;
};

static void see(void *who, struct slice member)
{
    struct seeing *seeing = who;

    seeing->seen |= UINT64_C(1) << member_number(seeing->world, member);
    seeing->shown++;
}

static bool see_and_go_on(void *who, struct slice member)
{
    see(who, member);
    return true;
}

static size_t bits_of(uint64_t bits)
{
    return (size_t)__builtin_popcountll(bits);
}

static void compare(const struct world *world, const struct set *set, uint64_t has)
{
    struct seeing walking = { .world = world }, scanning = { .world = world };
    struct set_walk walk;
    struct slice member;
    uint64_t cursor = 0;

    set_check(set);
    must(set_count(set) == bits_of(has));
    set_walk_begin(&walk, set);
    while (set_walk_next(&walk, &member))
        see(&walking, member);
    set_walk_end(&walk);
    must(walking.seen == has && walking.shown == bits_of(has));
    do {
        cursor = set_scan(set, cursor, see, &scanning);
    } while (cursor != 0);
    must(scanning.seen == has);
}

/* What is made of both sets, in either order; an outcome may take the place of a set. */
static void combine(struct world *world, size_t s)
{
    const struct set *sets[SETS] = { world->set[s], world->set[!s] };
    uint64_t first = world->has[s], second = world->has[!s];
    struct seeing both = { .world = world };
    size_t most = walk_below(&world->walk, 10);
    size_t whole = bits_of(first & ~second);
    struct set *outcome;

    must(set_difference_count(sets, SETS, most) == (most > 0 && most < whole ? most : whole));
    outcome = set_difference(sets, SETS, &world->limits);
    compare(world, outcome, first & ~second);
    set_free(outcome);
    set_intersection(sets, SETS, see_and_go_on, &both);
    must(both.seen == (first & second) && both.shown == bits_of(first & second));
    whole = bits_of(first | second);
    must(set_union_count(sets, SETS, &world->limits, most) ==
         (most > 0 && most < whole ? most : whole));
    outcome = set_union(sets, SETS, &world->limits);
    compare(world, outcome, first | second);
    if (walk_below(&world->walk, 4) > 0) {
        set_free(outcome);
        return;
    }
    set_free(world->set[s]);
    world->set[s] = outcome;
    world->has[s] = first | second;
}

static void add(struct world *world, size_t s, unsigned i)
{
    must(set_add(world->set[s], &world->limits, world->member[i]) == !(world->has[s] >> i & 1));
    world->has[s] |= UINT64_C(1) << i;
}

static void take(struct world *world, size_t s, unsigned i)
{
    must(set_remove(world->set[s], world->member[i]) == (world->has[s] >> i & 1));
    world->has[s] &= ~(UINT64_C(1) << i);
}

static void look(struct world *world, size_t s, unsigned i)
{
    struct set_room room;
    int64_t integer;
    struct packed_value value = { .text = world->member[i] };

    must(set_has(world->set[s], world->member[i]) == (world->has[s] >> i & 1));
    if (number_read(world->member[i], &integer))
        value = (struct packed_value){ .is_integer = true, .integer = integer };
    must(set_has_value(world->set[s], value) == (world->has[s] >> i & 1));
    if (world->has[s] != 0)
        must(world->has[s] >> member_number(world, set_random(world->set[s], &world->walk.random,
                                                              &room)) & 1);
}

static void start_over(struct world *world, size_t s)
{
    set_free(world->set[s]);
    world->set[s] = set_new();
    world->has[s] = 0;
    if (walk_below(&world->walk, 3) == 0)
        set_reserve(world->set[s], &world->limits, walk_below(&world->walk, 2 * MEMBERS));
}

static void change_limits(struct world *world)
{
    static const uint32_t ints[] = { 0, 6, 15, 512 };
    static const uint32_t entries[] = { 0, 8, 25, 128 };

    world->limits.set_ints = ints[walk_below(&world->walk, 4)];
    world->limits.set_entries = entries[walk_below(&world->walk, 4)];
    world->limits.set_value = walk_below(&world->walk, 2) == 0 ? 10 : 64;
    world->texts = walk_below(&world->walk, 2) == 0;
}

static void step(struct world *world, size_t s)
{
    unsigned i = (unsigned)walk_below(&world->walk, world->texts ? MEMBERS : INTEGERS);
    unsigned any = (unsigned)walk_below(&world->walk, MEMBERS);
    size_t choice = walk_below(&world->walk, 200);

    if (choice < 80)
        add(world, s, i);
    else if (choice < 140)
        take(world, s, any);
    else if (choice < 165)
        look(world, s, any);
    else if (choice < 172)
        combine(world, s);
    else if (choice < 176)
        set_make_room(world->set[s], any);
    else if (choice < 190 && world->has[s] != 0)
        world->set[s] = (struct set *)walk_anew(&world->walk, &set_type,
                                                (struct value *)world->set[s], &world->limits);
    else if (choice == 198)
        change_limits(world);
    else if (choice == 199)
        start_over(world, s);
}

/* Packed sets have no name of their own in Redis 7.0. */
static const char *form_of(const struct set *set)
{
    return set_is_ints(set) ? "intset" : set_is_table(set) ? "hashtable" : "listpack";
}

static void every_step_agrees_with_a_naive_model(void)
{
    struct world world;

    walk_begin(&world.walk, 32);
    begin(&world);
    for (size_t i = 0; i < world.walk.steps; i++) {
        size_t s = i / 16 % SETS;

        step(&world, s);
        world.set[s] = (struct set *)walk_move(&world.walk, &set_type,
                                               (struct value *)world.set[s]);
        compare(&world, world.set[s], world.has[s]);
        if (s == 0)
            walk_form(&world.walk, form_of(world.set[0]));
    }
    for (size_t s = 0; s < SETS; s++)
        set_free(world.set[s]);
    walk_end(&world.walk, "set");
    CU_ASSERT(walk_became(&world.walk, "intset", "listpack") > 0);
    CU_ASSERT(walk_became(&world.walk, "intset", "hashtable") > 0);
    CU_ASSERT(walk_became(&world.walk, "listpack", "hashtable") > 0);
    CU_ASSERT(walk_became(&world.walk, "hashtable", "listpack") > 0);
    CU_ASSERT(walk_became(&world.walk, "hashtable", "intset") > 0);
    CU_ASSERT(walk_became(&world.walk, "listpack", "intset") > 0);
}

void suite_walk_set(void)
{
    CU_pSuite suite = CU_add_suite("a walk over sets", NULL, NULL);

    CU_add_test(suite, "every step agrees with a naive model",
                every_step_agrees_with_a_naive_model);
}
