/*
 * Fields that expire: against a naive model, in both forms of a hash; and in a
 * database, where they go by themselves.
 */
#include <CUnit/CUnit.h>

#include "storage/base/random.h"
#include "storage/keyspace/keyspace.h"
#include "storage/values/hash_expiry.h"
#include "tests/unit/storage/walk.h"

void suite_hash_expiry(void);

enum { FIELDS = 300, TIMES = 1000, KEYS = 40, GONE = -2, NEVER = -1 };

static const struct value_type string_type = { .name = "string" };
static const struct value_types types = {
    .of = { [VALUE_STRING] = &string_type, [VALUE_HASH] = &hash_type }
};
static const struct hash_key secret = { { 3, 4 } };

/* When each field expires, or NEVER or GONE. */
struct model {
    int64_t due[FIELDS];
};

static struct slice field_of(unsigned number, char *room)
{
    size_t len = number % 2 == 0 ? 2 : 0;

    memcpy(room, "f:", 2);
    return slice_of(room, len + number_put(room + len, number));
}

static const struct value *as_value(const struct hash *hash)
{
    return (const struct value *)(const void *)hash;
}

struct counted {
    const struct model *model;
    size_t count;
    millis last;
};

static unsigned number_of(struct slice field)
{
    int64_t number = -1;

    must(number_read(field.at[0] == 'f' ? slice_after(field, 2) : field, &number));
    return (unsigned)number;
}

static void see_due(void *who, struct slice field, millis due)
{
    struct counted *counted = who;

    must(counted->model->due[number_of(field)] == due);
    must(due >= counted->last);
    counted->last = due;
    counted->count++;
}

static void compare(const struct hash *hash, const struct model *model, millis now)
{
    struct counted counted = { .model = model };
    size_t expiring = 0, past = 0, there = 0, shown = 0;
    struct hash_walk walk;
    struct slice field, value;
    millis next = -1;

    for (unsigned i = 0; i < FIELDS; i++) {
        int64_t due = model->due[i];

        there += due != GONE;
        expiring += due >= 0;
        past += due >= 0 && due <= now;
        if (due >= 0 && (next < 0 || due < next))
            next = due;
    }
    must(hash_length(hash) == there);
    must(hash_expiring(hash) == expiring);
    must(hash_past(hash, now) == past);
    must(hash_next_due(hash) == next);
    hash_each_due(hash, see_due, &counted);
    must(counted.count == expiring);
    hash_walk_begin_at(&walk, hash, now);
    while (hash_walk_next(&walk, &field, &value)) {
        int64_t due = model->due[number_of(field)];

        must(due == NEVER || due > now);
        shown++;
    }
    hash_walk_end(&walk);
    must(shown == there - past);
}

/* One change by chance, to both. */
static void change(struct hash *hash, struct model *model, const struct value_limits *limits,
                   struct random *random)
{
    char room[32];
    unsigned number = (unsigned)random_below(random, FIELDS);
    struct slice field = field_of(number, room);
    int64_t *due = &model->due[number];

    switch (random_below(random, 5)) {
    case 0:
        must(hash_put(hash, limits, field, SLICE("one")) == (*due == GONE));
        *due = NEVER;
        break;
    case 1:
        must(hash_change(hash, limits, field, SLICE("another")) == (*due == GONE));
        *due = *due == GONE ? NEVER : *due;
        break;
    case 2:
        must(hash_remove(hash, field) == (*due != GONE));
        *due = GONE;
        break;
    default:
        if (*due == GONE)
            break;
        *due = random_below(random, 5) == 0 ? NEVER : (int64_t)random_below(random, TIMES);
        hash_expire_at(hash, limits, field, *due);
        break;
    }
    must(hash_due(hash, field) == (*due == GONE ? NEVER : *due));
}

static void walk_by_chance(uint32_t entries, unsigned seed)
{
    struct value_limits limits = value_limits_default;
    struct hash *hash = hash_new();
    struct random random;
    struct model model;
    size_t steps = walk_steps(20000);

    limits.hash_entries = entries;
    random_seed(&random, seed);
    for (unsigned i = 0; i < FIELDS; i++)
        model.due[i] = GONE;
    for (size_t i = 0; i < steps; i++) {
        change(hash, &model, &limits, &random);
        if (i % 50 == 0) {
            struct hash *copy = hash_copy(hash);
            struct fingerprint one = { { 0 } }, two = { { 0 } };

            hash_check(hash);
            compare(hash, &model, (millis)random_below(&random, TIMES));
            hash_check(copy);
            compare(copy, &model, TIMES / 2);
            hash_type.digest(as_value(hash), &one);
            hash_type.digest(as_value(copy), &two);
            must(memcmp(&one, &two, sizeof(one)) == 0);
            hash_free(copy);
        }
    }
    hash_free(hash);
    CU_PASS("every step agreed");
}

static void a_packed_hash_agrees_with_the_model(void)
{
    walk_by_chance(512, 1);
}

static void a_table_agrees_with_the_model(void)
{
    walk_by_chance(0, 2);
}

static void a_hash_without_such_fields_is_packed_as_ever(void)
{
    struct hash *hash = hash_new();

    hash_put(hash, &value_limits_default, SLICE("f"), SLICE("v"));
    CU_ASSERT(!hash_expires(hash));
    CU_ASSERT_EQUAL(hash_next_due(hash), -1);
    CU_ASSERT_STRING_EQUAL(hash_type.encoding(as_value(hash)), "listpack");
    hash_expire_at(hash, &value_limits_default, SLICE("f"), 5);
    CU_ASSERT(hash_expires(hash));
    CU_ASSERT_STRING_EQUAL(hash_type.encoding(as_value(hash)), "listpackex");
    hash_free(hash);
}

/* Statements, one behind the other. */
struct heard {
    char text[4096];
    size_t len;
};

static void hear(void *who, const struct slice *words, size_t count)
{
    struct heard *heard = who;

    for (size_t i = 0; i < count; i++) {
        must(heard->len + words[i].len + 1 < sizeof(heard->text));
        memcpy(heard->text + heard->len, words[i].at, words[i].len);
        heard->len += words[i].len;
        heard->text[heard->len++] = i + 1 < count ? ' ' : '\n';
    }
    heard->text[heard->len] = '\0';
}

static void a_rewrite_says_when_fields_expire(void)
{
    const struct value_limits *limits = &value_limits_default;
    struct heard heard = { .len = 0 };
    struct statement_sink sink = { hear, &heard };
    struct hash *hash = hash_new();

    hash_put(hash, limits, SLICE("a"), SLICE("1"));
    hash_put(hash, limits, SLICE("b"), SLICE("2"));
    hash_put(hash, limits, SLICE("c"), SLICE("3"));
    hash_expire_at(hash, limits, SLICE("c"), 7000);
    hash_expire_at(hash, limits, SLICE("a"), 9000);
    hash_type.rewrite(as_value(hash), SLICE("k"), &sink);
    CU_ASSERT_STRING_EQUAL(heard.text, "HMSET k a 1 b 2 c 3\n"
                                       "HPEXPIREAT k 7000 FIELDS 1 c\n"
                                       "HPEXPIREAT k 9000 FIELDS 1 a\n");
    hash_free(hash);
}

/* ---- In a database ---- */

struct told {
    size_t fields;
    size_t hashes;
    size_t emptied;
};

static void tell(void *who, uint32_t db, struct slice key, enum change_kind kind)
{
    struct told *told = who;

    (void)db;
    (void)key;
    told->hashes += kind == CHANGE_FIELDS_EXPIRED;
    told->emptied += kind == CHANGE_EMPTIED;
}

static void tell_field(void *who, uint32_t db, struct slice key, struct slice field)
{
    struct told *told = who;

    (void)db;
    (void)key;
    (void)field;
    told->fields++;
}

static struct keyspaces *make(const struct change_sink *sink)
{
    return keyspaces_new(&(struct keyspaces_setup){
        .count = 2, .types = &types, .secret = &secret, .changes = sink });
}

/* The hash of a key; there is one afterwards. */
static struct hash *hash_at(struct keyspace *keys, struct slice key)
{
    struct item *item = keyspace_find(keys, key, LOOK_QUIET);
    struct value *value;

    if (item == NULL) {
        value = (struct value *)(void *)hash_new();
        item = keyspace_put_value(keys, key, &value);
    }
    return (struct hash *)(void *)item_value(item);
}

static void put_dated(struct keyspace *keys, struct slice key, struct slice field, millis due)
{
    struct hash *hash = hash_at(keys, key);

    hash_put(hash, &value_limits_default, field, SLICE("v"));
    hash_expire_at(hash, &value_limits_default, field, due);
    keyspace_follow_fields(keys, key, hash);
}

static void fields_go_in_order_and_the_hash_with_the_last(void)
{
    struct told told = { 0 };
    struct change_sink sink = { tell, &told, tell_field };
    struct keyspaces *all = make(&sink);
    struct keyspace *keys = keyspaces_at(all, 0);

    put_dated(keys, SLICE("one"), SLICE("a"), 10);
    put_dated(keys, SLICE("one"), SLICE("b"), 30);
    put_dated(keys, SLICE("two"), SLICE("a"), 20);
    CU_ASSERT_EQUAL(keyspace_next_due(keys), 10);
    CU_ASSERT_EQUAL(keyspace_expiring_fields(keys), 2);
    keyspace_check(keys);

    keyspaces_set_now(all, 20);
    CU_ASSERT_EQUAL(keyspace_sweep(keys, 100), 2);
    CU_ASSERT_EQUAL(told.fields, 2);
    CU_ASSERT_EQUAL(told.hashes, 2);
    CU_ASSERT_EQUAL(told.emptied, 1);
    CU_ASSERT_EQUAL(keyspace_count(keys), 1);
    CU_ASSERT_EQUAL(keyspace_next_due(keys), 30);
    keyspace_check(keys);

    keyspaces_set_now(all, 30);
    CU_ASSERT_PTR_NULL(
        keyspace_expire_field(keys, SLICE("one"), hash_at(keys, SLICE("one")), SLICE("b")));
    CU_ASSERT_EQUAL(keyspace_count(keys), 0);
    CU_ASSERT_EQUAL(told.emptied, 2);
    keyspace_check(keys);
    keyspaces_free(all);
}

static void a_sweep_removes_no_more_than_it_may(void)
{
    struct keyspaces *all = make(NULL);
    struct keyspace *keys = keyspaces_at(all, 0);
    char room[32];

    for (unsigned i = 0; i < 100; i++)
        put_dated(keys, SLICE("key"), field_of(i, room), 5);
    keyspaces_set_now(all, 5);
    CU_ASSERT_EQUAL(keyspace_sweep(keys, 30), 30);
    CU_ASSERT_EQUAL(hash_length(hash_at(keys, SLICE("key"))), 70);
    keyspace_check(keys);
    CU_ASSERT_EQUAL(keyspace_sweep(keys, 100), 70);
    CU_ASSERT_EQUAL(keyspace_count(keys), 0);
    keyspaces_free(all);
}

static void kept_fields_do_not_go(void)
{
    struct keyspaces *all = make(NULL);
    struct keyspace *keys = keyspaces_at(all, 0);
    struct hash *hash;

    put_dated(keys, SLICE("key"), SLICE("f"), 5);
    keyspaces_set_now(all, 9);
    keyspaces_keep_expired(all, true);
    hash = hash_at(keys, SLICE("key"));
    CU_ASSERT_EQUAL(keyspace_sweep(keys, 10), 0);
    CU_ASSERT_PTR_EQUAL(keyspace_expire_field(keys, SLICE("key"), hash, SLICE("f")), hash);
    CU_ASSERT(!keyspace_field_is_past(keys, hash, SLICE("f")));
    keyspaces_keep_expired(all, false);
    CU_ASSERT(keyspace_field_is_past(keys, hash, SLICE("f")));
    CU_ASSERT_EQUAL(keyspace_sweep(keys, 10), 1);
    keyspaces_free(all);
}

/* Everything that moves items or drops them, by chance. */
static void move_by_chance(struct keyspaces *all, struct random *random)
{
    struct keyspace *keys = keyspaces_at(all, (uint32_t)random_below(random, 2));
    struct keyspace *other = keyspaces_at(all, 1 - keyspace_db(keys));
    char room[32], room2[32], field[32];
    struct slice key = field_of((unsigned)random_below(random, KEYS), room);
    struct slice to = field_of((unsigned)random_below(random, KEYS), room2);
    struct item *item = keyspace_find(keys, key, LOOK_WRITE);

    switch (random_below(random, 12)) {
    case 0:
        keyspace_remove(keys, key, false);
        break;
    case 1:
        if (item != NULL && !slice_equal(key, to))
            keyspace_move(keys, item, keys, to);
        break;
    case 2:
        if (item != NULL)
            keyspace_copy(keys, item, other, to);
        break;
    case 3:
        if (item != NULL)
            keyspace_expire_at(keys, item, random_below(random, 2) ? -1 : 1 << 30);
        break;
    case 4:
        keyspace_put_string(keys, key, SLICE("text"), false);
        break;
    case 5:
        value_free(&types, keyspace_take_value(keys, key));
        break;
    case 6:
        if (random_below(random, 50) == 0)
            keyspaces_swap(all, 0, 1);
        else if (random_below(random, 50) == 0)
            keyspace_flush(keys, false);
        break;
    case 7:
        keyspaces_set_now(all, keyspaces_now(all) + 1);
        keyspace_sweep(keys, random_below(random, 10));
        break;
    default:
        if (item != NULL && item_kind(item) == VALUE_STRING)
            break;
        put_dated(keys, key, field_of((unsigned)random_below(random, 20), field),
                  keyspaces_now(all) + 1 + (millis)random_below(random, 50));
        break;
    }
}

static void the_index_follows_every_move(void)
{
    struct keyspaces *all = make(NULL);
    struct random random;
    size_t steps = walk_steps(20000);

    random_seed(&random, 7);
    for (size_t i = 0; i < steps; i++) {
        move_by_chance(all, &random);
        if (i % 20 == 0) {
            keyspace_check(keyspaces_at(all, 0));
            keyspace_check(keyspaces_at(all, 1));
        }
    }
    keyspaces_free(all);
    CU_PASS("every step was checked");
}

void suite_hash_expiry(void)
{
    CU_pSuite suite = CU_add_suite("hash_expiry", NULL, NULL);

    CU_ADD_TEST(suite, a_packed_hash_agrees_with_the_model);
    CU_ADD_TEST(suite, a_table_agrees_with_the_model);
    CU_ADD_TEST(suite, a_hash_without_such_fields_is_packed_as_ever);
    CU_ADD_TEST(suite, a_rewrite_says_when_fields_expire);
    CU_ADD_TEST(suite, fields_go_in_order_and_the_hash_with_the_last);
    CU_ADD_TEST(suite, a_sweep_removes_no_more_than_it_may);
    CU_ADD_TEST(suite, kept_fields_do_not_go);
    CU_ADD_TEST(suite, the_index_follows_every_move);
}
