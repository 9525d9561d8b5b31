#include "storage/keyspace/eviction.h"

#include <stdio.h>

#include <CUnit/CUnit.h>

#include "storage/base/memory.h"
#include "storage/values/hash.h"
#include "storage/values/list.h"

enum { DAY = 24 * 3600 * 1000 };

static const struct value_type string_type = { .name = "string" };
static const struct value_types types = {
    .of = { [VALUE_STRING] = &string_type, [VALUE_LIST] = &list_type, [VALUE_HASH] = &hash_type },
};
static const struct hash_key secret = { { 1, 2 } };

/* Two databases, told evictions, and a clock that the test sets. */
struct world {
    struct keyspaces  *all;
    struct eviction   *eviction;
    struct change_sink sink;
    size_t             told;
    millis             now;
};

static void count_told(void *who, uint32_t db, struct slice key, enum change_kind kind)
{
    struct world *world = who;

    (void)db;
    (void)key;
    if (kind == CHANGE_EVICTED)
        world->told++;
}

static void open_world(struct world *world, const struct eviction_rules *rules)
{
    *world = (struct world){ .sink = { .tell = count_told, .who = world, .tell_field = NULL }, .now = 1000 * (millis)DAY };
    world->all = keyspaces_new(&(struct keyspaces_setup){
        .count = 2, .types = &types, .secret = &secret, .changes = &world->sink });
    keyspaces_set_now(world->all, world->now);
    world->eviction = eviction_new(world->all);
    eviction_follow(world->eviction, rules);
}

static void close_world(struct world *world)
{
    keyspace_check(keyspaces_at(world->all, 0));
    keyspace_check(keyspaces_at(world->all, 1));
    eviction_free(world->eviction);
    keyspaces_free(world->all);
}

static struct slice key_of(char *text, size_t size, int number)
{
    return slice_of(text, (size_t)snprintf(text, size, "key:%d", number));
}

static void put(struct world *world, uint32_t db, int number, millis due)
{
    char text[32];
    struct slice key = key_of(text, sizeof(text), number);
    struct keyspace *keys = keyspaces_at(world->all, db);
    struct item *item = keyspace_put_string(keys, key, SLICE("some value"), false);

    if (due >= 0)
        (void)keyspace_expire_at(keys, item, due);
}

static void pass(struct world *world, millis time)
{
    world->now += time;
    keyspaces_set_now(world->all, world->now);
}

/* How many of the keys from one number up to another are there. */
static int left(struct world *world, uint32_t db, int from, int to)
{
    int count = 0;

    for (int i = from; i < to; i++) {
        char text[32];

        count += keyspace_find(keyspaces_at(world->all, db), key_of(text, sizeof(text), i),
                               LOOK_QUIET) != NULL;
    }
    return count;
}

static const struct eviction_rules any_unused = {
    .order = EVICTION_UNUSED, .samples = 5, .kinds = 0x3f };

static void what_was_not_used_goes_first(void)
{
    struct world world;

    open_world(&world, &any_unused);
    for (int i = 0; i < 2000; i++)
        put(&world, 0, i, -1);
    pass(&world, 60000);
    for (int i = 0; i < 1000; i++) {
        char text[32];

        (void)keyspace_find(keyspaces_at(world.all, 0), key_of(text, sizeof(text), i), LOOK_READ);
    }
    pass(&world, 1000);
    for (int i = 0; i < 700; i++)
        CU_ASSERT_EQUAL(eviction_take(world.eviction), EVICTION_TOOK);
    CU_ASSERT_EQUAL(world.told, 700);
    CU_ASSERT_EQUAL(keyspaces_counts(world.all)->evicted, 700);
    CU_ASSERT(left(&world, 0, 0, 1000) > 985);
    CU_ASSERT_EQUAL(left(&world, 0, 0, 2000), 1300);
    close_world(&world);
}

static void what_is_used_often_stays(void)
{
    struct eviction_rules rules = any_unused;
    struct world world;

    rules.order = EVICTION_RARE;
    open_world(&world, &rules);
    keyspaces_count_use(world.all, USE_COUNTED, 10, 1);
    for (int i = 0; i < 2000; i++)
        put(&world, i % 2 == 0 ? 0 : 1, i, -1);
    for (int round = 0; round < 200; round++) {
        for (int i = 0; i < 500; i++) {
            char text[32];

            (void)keyspace_find(keyspaces_at(world.all, i % 2 == 0 ? 0 : 1),
                                key_of(text, sizeof(text), i), LOOK_READ);
        }
    }
    for (int i = 0; i < 1400; i++)
        CU_ASSERT_EQUAL(eviction_take(world.eviction), EVICTION_TOOK);
    CU_ASSERT(left(&world, 0, 0, 500) + left(&world, 1, 0, 500) > 490);
    CU_ASSERT_EQUAL(left(&world, 0, 0, 2000) + left(&world, 1, 0, 2000), 600);
    close_world(&world);
}

static void counts_rise_slowly_and_fall_with_time(void)
{
    struct world world;
    struct item *item;
    uint32_t high;

    open_world(&world, &any_unused);
    keyspaces_count_use(world.all, USE_COUNTED, 10, 1);
    put(&world, 0, 1, -1);
    item = keyspace_find(keyspaces_at(world.all, 0), SLICE("key:1"), LOOK_QUIET);
    CU_ASSERT_EQUAL(keyspaces_frequency(world.all, item), 5);
    for (int i = 0; i < 1000; i++)
        (void)keyspace_find(keyspaces_at(world.all, 0), SLICE("key:1"), LOOK_READ);
    high = keyspaces_frequency(world.all, item);
    CU_ASSERT(high > 10 && high < 40);
    pass(&world, 3 * 60000);
    CU_ASSERT_EQUAL(keyspaces_frequency(world.all, item), high - 3);
    pass(&world, DAY);
    CU_ASSERT_EQUAL(keyspaces_frequency(world.all, item), 0);
    close_world(&world);
}

static void idle_time_is_told(void)
{
    struct world world;
    struct keyspace *keys;
    struct item *item;

    open_world(&world, &any_unused);
    keys = keyspaces_at(world.all, 0);
    put(&world, 0, 1, -1);
    pass(&world, (millis)DAY * 30);
    item = keyspace_find(keys, SLICE("key:1"), LOOK_QUIET);
    CU_ASSERT_EQUAL(keyspaces_idle(world.all, item), (millis)DAY * 30);
    keyspaces_leave_unmarked(world.all, true);
    (void)keyspace_find(keys, SLICE("key:1"), LOOK_READ);
    CU_ASSERT_EQUAL(keyspaces_idle(world.all, item), (millis)DAY * 30);
    keyspaces_leave_unmarked(world.all, false);
    (void)keyspace_find(keys, SLICE("key:1"), LOOK_READ);
    CU_ASSERT_EQUAL(keyspaces_idle(world.all, item), 0);

    /* Only writing counts for LRM, and a clock that is set back makes nobody old. */
    keyspaces_count_use(world.all, USE_WRITTEN, 10, 1);
    pass(&world, 16000);
    (void)keyspace_find(keys, SLICE("key:1"), LOOK_READ);
    CU_ASSERT_EQUAL(keyspaces_idle(world.all, item), 16000);
    (void)keyspace_find(keys, SLICE("key:1"), LOOK_WRITE);
    CU_ASSERT_EQUAL(keyspaces_idle(world.all, item), 0);
    pass(&world, -5000);
    CU_ASSERT_EQUAL(keyspaces_idle(world.all, item), 0);
    close_world(&world);
}

static void only_what_expires_goes(void)
{
    static const enum eviction_order orders[] = { EVICTION_UNUSED, EVICTION_RANDOM, EVICTION_DUE };

    for (size_t i = 0; i < sizeof(orders) / sizeof(orders[0]); i++) {
        struct eviction_rules rules = any_unused;
        struct world world;
        size_t gone = 0;

        rules.order = orders[i];
        rules.expiring_only = true;
        open_world(&world, &rules);
        for (int j = 0; j < 3000; j++)
            put(&world, 0, j, j % 10 == 0 ? world.now + DAY + j : -1);
        while (eviction_take(world.eviction) == EVICTION_TOOK) {
            gone++;
            if (orders[i] == EVICTION_DUE && gone == 100)
                CU_ASSERT_EQUAL(left(&world, 0, 0, 1000), 900);
        }
        CU_ASSERT_EQUAL(gone, 300);
        CU_ASSERT_EQUAL(left(&world, 0, 0, 3000), 2700);
        close_world(&world);
    }
}

static void types_and_prefixes_are_spared(void)
{
    struct eviction_rules rules = any_unused;
    struct world world;
    struct value *value;
    size_t evictable;
    size_t items;
    size_t gone = 0;
    enum eviction_result result;

    rules.kinds = 1u << VALUE_STRING;
    rules.prefixes[0] = SLICE("key:");
    rules.prefix_count = 1;
    rules.kept[0] = SLICE("key:9");
    rules.kept_count = 1;
    open_world(&world, &rules);
    for (int i = 0; i < 1000; i++)
        put(&world, 1, i, -1);
    (void)keyspace_put_string(keyspaces_at(world.all, 1), SLICE("other"), SLICE("v"), false);
    value = (struct value *)list_new(&value_limits_default);
    (void)keyspace_put_value(keyspaces_at(world.all, 1), SLICE("key:list"), &value);
    eviction_estimate(world.eviction, &evictable, &items);
    CU_ASSERT_EQUAL(items, 1002);
    CU_ASSERT(evictable > 600 && evictable < 1002);
    while ((result = eviction_take(world.eviction)) != EVICTION_NOTHING)
        gone += result == EVICTION_TOOK;
    CU_ASSERT_EQUAL(gone, 1000 - 111);
    CU_ASSERT_EQUAL(left(&world, 1, 900, 1000), 100);
    CU_ASSERT_EQUAL(keyspace_count(keyspaces_at(world.all, 1)), 113);

    /* What was found barren is looked at again a little later. */
    put(&world, 0, 1, -1);
    CU_ASSERT_EQUAL(eviction_take(world.eviction), EVICTION_NOTHING);
    pass(&world, 1000);
    CU_ASSERT_EQUAL(eviction_take(world.eviction), EVICTION_TOOK);
    close_world(&world);
}

static void the_pool_survives_whatever_happens_to_its_candidates(void)
{
    struct world world;
    struct random random;

    open_world(&world, &any_unused);
    random_seed(&random, 7);
    for (int step = 0; step < 60000; step++) {
        int number = (int)random_below(&random, 500);
        char text[32];
        struct slice key = key_of(text, sizeof(text), number);
        uint32_t db = (uint32_t)random_below(&random, 2);

        switch (random_below(&random, 6)) {
        case 0:
            put(&world, db, number, random_below(&random, 2) == 0 ? world.now + 50 : -1);
            break;
        case 1:
            (void)keyspace_remove(keyspaces_at(world.all, db), key, false);
            break;
        case 2:
            (void)keyspace_find(keyspaces_at(world.all, db), key, LOOK_READ);
            break;
        case 3:
            pass(&world, 16);
            break;
        case 4:
            if (random_below(&random, 500) == 0)
                keyspaces_swap(world.all, 0, 1);
            if (random_below(&random, 500) == 0)
                (void)keyspace_flush(keyspaces_at(world.all, db), false);
            break;
        default:
            (void)eviction_take(world.eviction);
            break;
        }
    }
    CU_ASSERT(world.told > 1000);
    close_world(&world);
}

void suite_eviction(void);

void suite_eviction(void)
{
    CU_pSuite suite = CU_add_suite("eviction", NULL, NULL);

    CU_add_test(suite, "what was not used goes first", what_was_not_used_goes_first);
    CU_add_test(suite, "what is used often stays", what_is_used_often_stays);
    CU_add_test(suite, "counts rise slowly and fall with time",
                counts_rise_slowly_and_fall_with_time);
    CU_add_test(suite, "idle time is told", idle_time_is_told);
    CU_add_test(suite, "only what expires goes", only_what_expires_goes);
    CU_add_test(suite, "types and prefixes are spared", types_and_prefixes_are_spared);
    CU_add_test(suite, "the pool survives whatever happens to its candidates",
                the_pool_survives_whatever_happens_to_its_candidates);
}
