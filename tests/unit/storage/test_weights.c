#include "storage/keyspace/keyspace.h"

#include <stdio.h>

#include <CUnit/CUnit.h>

#include "storage/base/memory.h"
#include "storage/base/random.h"
#include "storage/values/list.h"

enum { KEYS = 12, STEPS = 20000 };

static const struct value_type string_type = { .name = "string" };
static const struct value_types types = {
    .of = { [VALUE_STRING] = &string_type, [VALUE_LIST] = &list_type },
};
static const struct hash_key secret = { { 3, 4 } };

static bool add_up(void *who, struct item *item)
{
    size_t *bytes = who;

    if (item_kind(item) == VALUE_LIST)
        *bytes += list_type.weigh(item_value(item));
    return true;
}

static void check_sums(struct keyspaces *all)
{
    size_t total = 0;

    keyspaces_settle(all);
    for (uint32_t db = 0; db < 2; db++) {
        size_t bytes = 0;

        keyspace_each(keyspaces_at(all, db), add_up, &bytes);
        CU_ASSERT_EQUAL_FATAL(keyspace_weight(keyspaces_at(all, db), VALUE_LIST), bytes);
        total += bytes;
    }
    CU_ASSERT_EQUAL_FATAL(keyspaces_weight(all, VALUE_LIST), total);
}

static struct slice key_of(char *text, size_t size, uint64_t number)
{
    return slice_of(text, (size_t)snprintf(text, size, "key:%u", (unsigned)number));
}

/* A list that is there, or a new one. */
static struct list *some_list(struct keyspace *keys, struct slice key)
{
    const struct item *item = keyspace_find(keys, key, LOOK_WRITE);
    struct value *value;
    struct list *list;

    if (item != NULL && item_kind(item) == VALUE_LIST)
        return (struct list *)item_value(item);
    list = list_new(&value_limits_default);
    value = (struct value *)list;
    keyspace_put_value(keys, key, &value);
    return list;
}

static void push_some(struct keyspace *keys, struct slice key, struct random *random)
{
    struct list *list = some_list(keys, key);
    char text[3000] = { 0 };

    for (uint64_t i = random_below(random, 20); i < 20; i++)
        list_push(list, LIST_BACK, slice_of(text, random_below(random, sizeof(text))));
}

static void pop_some(struct keyspace *keys, struct slice key, struct random *random)
{
    struct list *list = some_list(keys, key);
    size_t length = list_length(list);

    if (length == 0)
        push_some(keys, key, random);
    else
        list_drop(list, LIST_FRONT, (size_t)random_below(random, length));
}

static void step(struct keyspaces *all, struct random *random)
{
    char one[16];
    char two[16];
    struct keyspace *keys = keyspaces_at(all, (uint32_t)random_below(random, 2));
    struct slice key = key_of(one, sizeof(one), random_below(random, KEYS));
    struct slice other = key_of(two, sizeof(two), random_below(random, KEYS));
    struct item *item;

    switch (random_below(random, 10)) {
    case 0:
        (void)keyspace_remove(keys, key, random_below(random, 2) == 0);
        break;
    case 1:
        keyspace_put_string(keys, key, SLICE("text"), false);
        break;
    case 2:
        item = keyspace_find(keys, key, LOOK_WRITE);
        if (item != NULL && !slice_equal(key, other))
            keyspace_move(keys, item, keyspaces_at(all, (uint32_t)random_below(random, 2)), other);
        break;
    case 3:
        item = keyspace_find(keys, key, LOOK_READ);
        if (item != NULL && !slice_equal(key, other))
            keyspace_copy(keys, item, keys, other);
        break;
    case 4:
        item = keyspace_find(keys, key, LOOK_WRITE);
        if (item != NULL)
            keyspace_expire_at(keys, item, random_below(random, 2) == 0 ? -1 : 1000000);
        break;
    case 5:
        keyspaces_swap(all, 0, 1);
        break;
    case 6:
        if (random_below(random, 20) == 0)
            (void)keyspace_flush(keys, false);
        break;
    case 7:
        pop_some(keys, key, random);
        break;
    default:
        push_some(keys, key, random);
        break;
    }
}

static void sums_are_right_whatever_happens(void)
{
    struct random random;
    struct keyspaces *all = keyspaces_new(
        &(struct keyspaces_setup){ .count = 2, .types = &types, .secret = &secret });

    random_seed(&random, 11);
    for (int i = 0; i < STEPS; i++) {
        /* Several changes may be in one call. */
        step(all, &random);
        if (random_below(&random, 3) == 0)
            check_sums(all);
    }
    check_sums(all);
    for (uint32_t db = 0; db < 2; db++)
        (void)keyspace_flush(keyspaces_at(all, db), false);
    CU_ASSERT_EQUAL(keyspaces_weight(all, VALUE_LIST), 0);
    keyspaces_free(all);
}

static void a_weight_is_about_what_is_measured(void)
{
    struct list *list = list_new(&value_limits_default);
    const struct value *value = (const struct value *)list;
    char text[200] = { 0 };

    for (int i = 0; i < 20000; i++)
        list_push(list, LIST_BACK, slice_of(text, (size_t)(i % 200)));
    CU_ASSERT(list_type.weigh(value) * 100 > list_type.measure(value, 0) * 97);
    CU_ASSERT(list_type.weigh(value) * 100 < list_type.measure(value, 0) * 103);
    list_type.free((struct value *)list);
}

static void loading_settles_by_itself(void)
{
    struct keyspaces *all = keyspaces_new(
        &(struct keyspaces_setup){ .count = 2, .types = &types, .secret = &secret });

    for (unsigned i = 0; i < 5000; i++) {
        char text[16];
        struct list *list = list_new(&value_limits_default);
        struct value *value = (struct value *)list;

        list_push(list, LIST_BACK, SLICE("element"));
        keyspace_put_value(keyspaces_at(all, 0), key_of(text, sizeof(text), i), &value);
    }
    check_sums(all);
    keyspaces_free(all);
}

void suite_weights(void);

void suite_weights(void)
{
    CU_pSuite suite = CU_add_suite("weights", NULL, NULL);

    CU_add_test(suite, "The sums of queues are right whatever happens to keys",
                sums_are_right_whatever_happens);
    CU_add_test(suite, "A weight is about what is measured", a_weight_is_about_what_is_measured);
    CU_add_test(suite, "Loading settles by itself", loading_settles_by_itself);
}
