/*
 * A long walk over a hash, with fields that expire: packed, in a table, and
 * with dues; back from a table where a hash is read again.
 */
#include <CUnit/CUnit.h>

#include "storage/values/hash_expiry.h"
#include "tests/unit/storage/walk.h"

void suite_walk_hash(void);

enum { FIELDS = 36, VALUES = 50, TIMES = 500, TEXT_MAX = 120, NO_VALUE = -1, NEVER = -1 };

/* The hash that is walked, and for each field its value by number and when it expires. */
struct world {
    struct walk         walk;
    struct value_limits limits;
    struct hash        *hash;
    int                 value[FIELDS];
    int64_t             due[FIELDS];
    size_t              count;
    char                fields[FIELDS][TEXT_MAX];
    char                values[VALUES][TEXT_MAX];
    struct slice        field[FIELDS];
    struct slice        text[VALUES];
};

/* Integers of all widths, short texts, and some that are too long to be packed. */
static struct slice some_text(unsigned number, char *room)
{
    size_t len = number % 3 == 1 ? 1 + number % 9 : number % 3 == 2 && number % 9 == 2 ? 75 : 0;

    if (number % 6 == 3)
        return slice_of(room, number_put(room, -((int64_t)number << (number % 50))));
    memset(room, '.', len);
    return slice_of(room, len + number_put(room + len, number));
}

static void begin(struct world *world)
{
    world->limits = value_limits_default;
    world->hash = hash_new();
    for (unsigned i = 0; i < FIELDS; i++) {
        world->field[i] = some_text(i, world->fields[i]);
        world->value[i] = NO_VALUE;
        world->due[i] = NEVER;
    }
    for (unsigned i = 0; i < VALUES; i++)
        world->text[i] = some_text(i, world->values[i]);
    world->text[0] = SLICE("");
}

static unsigned field_number(const struct world *world, struct slice field)
{
    unsigned i = 0;

    while (i < FIELDS && !slice_equal(world->field[i], field))
        i++;
    must(i < FIELDS && world->value[i] != NO_VALUE);
    return i;
}

struct seeing {
    const struct world *world;
    uint64_t            seen;
    size_t              shown;
    millis              last;
};

static void see(void *who, struct slice field, struct slice value)
{
    struct seeing *seeing = who;
    unsigned i = field_number(seeing->world, field);

    must(slice_equal(value, seeing->world->text[seeing->world->value[i]]));
    seeing->seen |= UINT64_C(1) << i;
    seeing->shown++;
}

static void see_due(void *who, struct slice field, millis due)
{
    struct seeing *seeing = who;

    must(seeing->world->due[field_number(seeing->world, field)] == due && due >= seeing->last);
    seeing->last = due;
    seeing->shown++;
}

static size_t bits_of(uint64_t bits)
{
    return (size_t)__builtin_popcountll(bits);
}

static void compare_dues(const struct world *world, millis now)
{
    struct seeing seeing = { .world = world };
    size_t expiring = 0, past = 0;
    millis next = -1;

    for (unsigned i = 0; i < FIELDS; i++) {
        millis due = world->due[i];

        expiring += due >= 0;
        past += due >= 0 && due <= now;
        if (due >= 0 && (next < 0 || due < next))
            next = due;
    }
    must(hash_expiring(world->hash) == expiring && hash_past(world->hash, now) == past);
    must(hash_next_due(world->hash) == next);
    hash_each_due(world->hash, see_due, &seeing);
    must(seeing.shown == expiring);
}

static void compare(struct world *world)
{
    millis now = (millis)walk_below(&world->walk, TIMES);
    struct seeing scanning = { .world = world }, walking = { .world = world };
    struct hash_walk walk;
    struct slice field, value;
    uint64_t cursor = 0;

    hash_check(world->hash);
    must(hash_length(world->hash) == world->count);
    hash_walk_begin_at(&walk, world->hash, now);
    while (hash_walk_next(&walk, &field, &value))
        see(&walking, field, value);
    hash_walk_end(&walk);
    for (unsigned i = 0; i < FIELDS; i++)
        must((walking.seen >> i & 1) ==
             (world->value[i] != NO_VALUE && !(world->due[i] >= 0 && world->due[i] <= now)));
    must(walking.shown == bits_of(walking.seen));
    do {
        cursor = hash_scan(world->hash, cursor, see, &scanning);
    } while (cursor != 0);
    must(bits_of(scanning.seen) == world->count);
    compare_dues(world, now);
}

static void put(struct world *world, unsigned i, bool change)
{
    int number = (int)walk_below(&world->walk, VALUES);
    bool is_new = change ? hash_change(world->hash, &world->limits, world->field[i],
                                       world->text[number])
                         : hash_put(world->hash, &world->limits, world->field[i],
                                    world->text[number]);

    must(is_new == (world->value[i] == NO_VALUE));
    world->count += is_new;
    world->value[i] = number;
    if (!change)
        world->due[i] = NEVER;
}

static void take(struct world *world, unsigned i)
{
    must(hash_remove(world->hash, world->field[i]) == (world->value[i] != NO_VALUE));
    world->count -= world->value[i] != NO_VALUE;
    world->value[i] = NO_VALUE;
    world->due[i] = NEVER;
}

static void look(struct world *world, unsigned i)
{
    struct hash_room room;
    struct slice field, value;

    must(hash_has(world->hash, world->field[i]) == (world->value[i] != NO_VALUE));
    must(hash_due(world->hash, world->field[i]) == world->due[i]);
    if (hash_get(world->hash, world->field[i], &room, &value))
        must(slice_equal(value, world->text[world->value[i]]));
    if (world->count == 0)
        return;
    hash_random(world->hash, &world->walk.random, &room, &field, &value);
    must(slice_equal(value, world->text[world->value[field_number(world, field)]]));
}

static void expire(struct world *world, unsigned i)
{
    if (world->value[i] == NO_VALUE)
        return;
    world->due[i] = walk_below(&world->walk, 4) == 0 ? NEVER
                                                     : 1 + (millis)walk_below(&world->walk, TIMES);
    hash_expire_at(world->hash, &world->limits, world->field[i], world->due[i]);
}

/* Takes out what is past some time, as the keyspace does. */
static void let_go(struct world *world)
{
    millis now = (millis)walk_below(&world->walk, TIMES / 4);
    struct slice field;
    millis due;

    while (hash_next_field(world->hash, &field, &due) && due <= now)
        take(world, field_number(world, field));
}

/* Says that some fields and values will come; perhaps others do. */
static void reserve(struct world *world)
{
    struct slice words[2 * FIELDS];
    size_t fields = walk_below(&world->walk, FIELDS);

    for (size_t i = 0; i < 2 * fields; i++)
        words[i] = world->field[walk_below(&world->walk, FIELDS)];
    hash_reserve(world->hash, &world->limits, words, 2 * fields);
}

static void start_over(struct world *world)
{
    hash_free(world->hash);
    world->hash = hash_new();
    world->count = 0;
    for (unsigned i = 0; i < FIELDS; i++) {
        world->value[i] = NO_VALUE;
        world->due[i] = NEVER;
    }
    if (walk_below(&world->walk, 2) == 0)
        reserve(world);
}

static void step(struct world *world)
{
    static const uint32_t entries[] = { 0, 5, 20, 128 };
    static const uint32_t values[] = { 4, 64, 100 };
    unsigned i = (unsigned)walk_below(&world->walk, FIELDS);
    size_t choice = walk_below(&world->walk, 200);

    if (choice < 60) {
        put(world, i, false);
    } else if (choice < 80) {
        put(world, i, true);
    } else if (choice < 130) {
        take(world, i);
    } else if (choice < 150) {
        look(world, i);
    } else if (choice < 180) {
        expire(world, i);
    } else if (choice < 184) {
        let_go(world);
    } else if (choice < 194 && world->count > 0) {
        world->hash = (struct hash *)walk_anew(&world->walk, &hash_type,
                                               (struct value *)world->hash, &world->limits);
    } else if (choice == 198) {
        world->limits.hash_entries = entries[walk_below(&world->walk, 4)];
        world->limits.hash_value = values[walk_below(&world->walk, 3)];
    } else if (choice == 199) {
        start_over(world);
    }
}

static void every_step_agrees_with_a_naive_model(void)
{
    struct world world;

    walk_begin(&world.walk, 31);
    begin(&world);
    world.count = 0;
    for (size_t i = 0; i < world.walk.steps; i++) {
        step(&world);
        world.hash = (struct hash *)walk_move(&world.walk, &hash_type,
                                              (struct value *)world.hash);
        compare(&world);
        walk_form(&world.walk, hash_type.encoding((const struct value *)(const void *)world.hash));
    }
    hash_free(world.hash);
    walk_end(&world.walk, "hash");
    CU_ASSERT(walk_became(&world.walk, "listpack", "hashtable") > 0);
    CU_ASSERT(walk_became(&world.walk, "hashtable", "listpack") > 0);
    CU_ASSERT(walk_became(&world.walk, "listpackex", "hashtable") > 0);
    CU_ASSERT(walk_became(&world.walk, "hashtable", "listpackex") > 0);
}

void suite_walk_hash(void)
{
    CU_pSuite suite = CU_add_suite("a walk over a hash", NULL, NULL);

    CU_add_test(suite, "every step agrees with a naive model",
                every_step_agrees_with_a_naive_model);
}
