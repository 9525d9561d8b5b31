/* Looking ahead: it finds nothing and changes nothing, whatever the words are. */
#include <CUnit/Basic.h>
#include <stdio.h>

#include "storage/keyspace/keyspace.h"
#include "storage/values/hash.h"
#include "storage/values/list.h"
#include "storage/values/set.h"
#include "storage/values/zset.h"

void suite_ahead(void);

enum { LARGE = 5000, FEW = 3, KEYS = 5000 };

static const struct value_type string_type = { .name = "string" };
static const struct value_types types = {
    .of = { [VALUE_STRING] = &string_type, [VALUE_LIST] = &list_type, [VALUE_SET] = &set_type,
            [VALUE_ZSET] = &zset_type, [VALUE_HASH] = &hash_type }
};
static const struct hash_key secret = { { 1, 2 } };

static struct slice member(int number, char *room)
{
    return slice_of(room, (size_t)snprintf(room, 32, "member:%d", number));
}

static void put(struct keyspace *keys, const char *key, void *value)
{
    struct value *taken = value;

    (void)keyspace_put_value(keys, slice_text(key), &taken);
}

/* A set, a sorted set and a hash of so many members each. */
static void put_collections(struct keyspace *keys, int count, const char *const names[3])
{
    struct set *set = set_new();
    struct zset *zset = zset_new();
    struct hash *hash = hash_new();
    char room[32];

    for (int i = 0; i < count; i++) {
        (void)set_add(set, &value_limits_default, member(i, room));
        (void)zset_add(zset, &value_limits_default, member(i, room), i, 0, NULL);
        (void)hash_put(hash, &value_limits_default, member(i, room), SLICE("x"));
    }
    put(keys, names[0], set);
    put(keys, names[1], zset);
    put(keys, names[2], hash);
}

static struct keyspaces *make(void)
{
    static const char *const large[] = { "set", "zset", "hash" };
    static const char *const small[] = { "small set", "small zset", "small hash" };
    struct keyspaces *all = keyspaces_new(
        &(struct keyspaces_setup){ .count = 1, .types = &types, .secret = &secret });
    struct keyspace *keys = keyspaces_at(all, 0);
    char room[32];

    put_collections(keys, LARGE, large);
    put_collections(keys, FEW, small);
    put(keys, "list", list_new(&value_limits_default));
    for (int i = 0; i < KEYS; i++)
        (void)keyspace_put_text(keys, member(i, room), SLICE("x"));
    return all;
}

static void a_glance_tells_the_hash_of_each_key(void)
{
    static const char *const names[] = { "set",        "zset", "hash",     "small set", "small zset",
                                         "small hash", "list", "member:7", "nothing",   "" };
    static const struct slice members[] = { { "member:3", 8 }, { "nobody", 6 }, { "", 0 } };
    enum { NAMES = sizeof(names) / sizeof(names[0]) };
    struct keyspaces *all = make();
    struct keyspace *keys = keyspaces_at(all, 0);
    size_t before = keyspace_count(keys);

    CU_ASSERT(keyspace_is_wide(keys));
    for (size_t i = 0; i < sizeof(members) / sizeof(members[0]); i++) {
        struct glance glances[NAMES];

        for (size_t k = 0; k < NAMES; k++)
            glances[k] = (struct glance){ .keys = keys, .key = slice_text(names[k]),
                                          .member = members[i], .last = members[i] };
        keyspace_glance(glances, NAMES);
        for (size_t k = 0; k < NAMES; k++)
            CU_ASSERT_EQUAL(glances[k].hash, keyspace_hash(keys, slice_text(names[k])));
    }
    CU_ASSERT_EQUAL(keyspace_count(keys), before);
    keyspace_check(keys);
    keyspaces_free(all);
}

void suite_ahead(void)
{
    CU_pSuite suite = CU_add_suite("keyspace: ahead", NULL, NULL);

    CU_add_test(suite, "a glance tells the hash of each key", a_glance_tells_the_hash_of_each_key);
}
