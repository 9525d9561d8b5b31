/*
 * The hash: against a naive model, through its change from packed to table.
 */
#include <CUnit/CUnit.h>

#include "storage/base/memory.h"
#include "storage/base/random.h"
#include "storage/values/hash.h"
#include "tests/unit/storage/walk.h"

static void many_are_coming(void)
{
    enum { MANY = 3000, SOME = 10 };
    struct hash *hash = hash_new();
    struct slice words[2 * SOME];
    char rooms[SOME][16];

    for (unsigned i = 0; i < MANY; i += SOME) {
        for (unsigned k = 0; k < SOME; k++) {
            rooms[k][0] = 'm';
            words[2 * k] = slice_of(rooms[k], 1 + number_put(rooms[k] + 1, (i + k) % 2500));
            words[2 * k + 1] = SLICE("value");
        }
        hash_ask_ahead(hash, words, SOME, MANY - i);
        for (unsigned k = 0; k < SOME; k++)
            CU_ASSERT_EQUAL(hash_put(hash, &value_limits_default, words[2 * k], words[2 * k + 1]),
                            i + k < 2500);
        hash_check(hash);
    }
    CU_ASSERT_EQUAL(hash_length(hash), 2500);
    hash_free(hash);
}

void suite_hash(void);

enum { FIELDS = 700, TEXT_MAX = 6000, NO_VALUE = -1 };

/* What the hash should hold: for each field its value by number, or NO_VALUE. */
struct model {
    int    value[FIELDS];
    bool   seen[FIELDS];
    size_t count;
};

static const struct value *as_value(const struct hash *hash)
{
    return (const struct value *)(const void *)hash;
}

/* Fields are integers and texts; the number can be read back from the last digits. */
static struct slice field_of(unsigned number, char *room)
{
    size_t len = 0;

    if (number % 3 == 1)
        memcpy(room, "field:", len = 6);
    if (number % 3 == 2)
        memset(room, '.', len = 20 + number % 30);
    return slice_of(room, len + number_put(room + len, number));
}

static unsigned number_of(struct slice field)
{
    int64_t number;

    while (field.len > 1 && !(field.at[0] >= '0' && field.at[0] <= '9'))
        field = slice_after(field, 1);
    must(number_read(field, &number));
    return (unsigned)number;
}

static struct slice value_of(int number, char *room)
{
    size_t len = (size_t)number % 60;

    if (number % 4 == 0)
        return slice_of(room, number_put(room, (int64_t)number * number * 1000 - 50));
    if (number % 97 == 1)
        len = 65 + (size_t)number * 3;
    memset(room, 'a' + number % 26, len);
    return slice_of(room, len);
}

static void see(void *who, struct slice field, struct slice value)
{
    struct model *model = who;
    unsigned number = number_of(field);
    char room[TEXT_MAX];

    must(number < FIELDS && model->value[number] != NO_VALUE);
    must(slice_equal(value, value_of(model->value[number], room)));
    model->seen[number] = true;
}

static void all_seen(struct model *model)
{
    for (unsigned i = 0; i < FIELDS; i++)
        must(model->seen[i] == (model->value[i] != NO_VALUE));
    memset(model->seen, 0, sizeof(model->seen));
}

static void compare(const struct hash *hash, struct model *model)
{
    struct hash_walk walk;
    struct slice field, value;
    size_t count = 0;
    uint64_t cursor = 0;

    hash_check(hash);
    must(hash_length(hash) == model->count);
    hash_walk_begin(&walk, hash);
    while (hash_walk_next(&walk, &field, &value)) {
        see(model, field, value);
        count++;
    }
    hash_walk_end(&walk);
    must(count == model->count);
    all_seen(model);
    do {
        cursor = hash_scan(hash, cursor, see, model);
    } while (cursor != 0);
    all_seen(model);
}

static void step(struct hash *hash, struct model *model, const struct value_limits *limits,
                 struct random *random, unsigned fields)
{
    unsigned number = (unsigned)random_below(random, fields);
    int wanted = (int)random_below(random, 1500);
    char room[TEXT_MAX], value_room[TEXT_MAX];
    struct slice field = field_of(number, room);
    struct hash_room got_room;
    struct slice got, got_field;

    switch (random_below(random, 4)) {
    case 0:
    case 1:
        must(hash_put(hash, limits, field, value_of(wanted, value_room)) ==
             (model->value[number] == NO_VALUE));
        model->count += model->value[number] == NO_VALUE;
        model->value[number] = wanted;
        break;
    case 2:
        must(hash_remove(hash, field) == (model->value[number] != NO_VALUE));
        model->count -= model->value[number] != NO_VALUE;
        model->value[number] = NO_VALUE;
        break;
    default:
        must(hash_has(hash, field) == (model->value[number] != NO_VALUE));
        if (hash_get(hash, field, &got_room, &got))
            must(slice_equal(got, value_of(model->value[number], value_room)));
        else
            must(model->value[number] == NO_VALUE);
        if (model->count > 0) {
            hash_random(hash, random, &got_room, &got_field, &got);
            see(model, got_field, got);
            model->seen[number_of(got_field)] = false;
        }
    }
}

static void it_agrees_with_a_naive_model(void)
{
    struct model *model = memory_new(sizeof(*model));
    struct value_limits limits = value_limits_default;
    struct random random;

    random_seed(&random, 5);
    for (unsigned round = 0; round < 6; round++) {
        struct hash *hash = hash_new();
        unsigned fields = round % 2 == 0 ? 100 : FIELDS;

        limits.hash_value = round < 3 ? 64 : 8000;
        *model = (struct model){ .count = 0 };
        for (unsigned i = 0; i < FIELDS; i++)
            model->value[i] = NO_VALUE;
        for (size_t i = 0; i < walk_steps(6000); i++) {
            step(hash, model, &limits, &random, fields);
            if (i % 50 == 0 || model->count < 10)
                compare(hash, model);
        }
        hash_free(hash);
    }
    memory_free(model);
    CU_PASS("every step agreed");
}

static void it_becomes_a_table_as_redis_does(void)
{
    struct hash *hash = hash_new();
    char room[NUMBER_INTEGER_MAX], text[65];

    memset(text, 'x', sizeof(text));
    for (int i = 0; i < 128; i++)
        hash_put(hash, &value_limits_default, slice_of(room, number_put(room, i)), SLICE("v"));
    CU_ASSERT_STRING_EQUAL(hash_type.encoding(as_value(hash)), "listpack");
    hash_put(hash, &value_limits_default, SLICE("5"), SLICE("w"));
    CU_ASSERT_STRING_EQUAL(hash_type.encoding(as_value(hash)), "listpack");
    hash_put(hash, &value_limits_default, SLICE("128"), SLICE("v"));
    CU_ASSERT_STRING_EQUAL(hash_type.encoding(as_value(hash)), "hashtable");
    hash_remove(hash, SLICE("128"));
    CU_ASSERT_STRING_EQUAL(hash_type.encoding(as_value(hash)), "hashtable");
    hash_free(hash);

    hash = hash_new();
    hash_put(hash, &value_limits_default, slice_of(text, 64), slice_of(text, 64));
    CU_ASSERT_STRING_EQUAL(hash_type.encoding(as_value(hash)), "listpack");
    hash_put(hash, &value_limits_default, SLICE("f"), slice_of(text, 65));
    CU_ASSERT_STRING_EQUAL(hash_type.encoding(as_value(hash)), "hashtable");
    CU_ASSERT_EQUAL(hash_length(hash), 2);
    hash_free(hash);
}

/* Runs the statements that rebuild a hash. */
static void run_statement(void *who, const struct slice *words, size_t count)
{
    must(slice_equal(words[0], SLICE("HMSET")) && slice_equal(words[1], SLICE("key")));
    must(count > 2 && count <= 2 + 128 && count % 2 == 0);
    for (size_t i = 2; i < count; i += 2)
        hash_put(who, &value_limits_default, words[i], words[i + 1]);
}

static void statements_and_copies_are_equal(void)
{
    for (unsigned count = 20; count <= 500; count += 480) {
        struct hash *hash = hash_new();
        struct hash *again = hash_new();
        struct hash *copy;
        struct fingerprint a = { { 0 } }, b = { { 0 } }, c = { { 0 } };
        struct statement_sink sink = { run_statement, again };
        char room[TEXT_MAX], value_room[TEXT_MAX];

        for (unsigned i = 0; i < count; i++)
            hash_put(hash, &value_limits_default, field_of(i, room),
                     value_of((int)i, value_room));
        hash_type.rewrite(as_value(hash), SLICE("key"), &sink);
        copy = hash_copy(hash);
        hash_check(copy);
        hash_type.digest(as_value(hash), &a);
        hash_type.digest(as_value(again), &b);
        hash_type.digest(as_value(copy), &c);
        CU_ASSERT_EQUAL(memcmp(&a, &b, sizeof(a)), 0);
        CU_ASSERT_EQUAL(memcmp(&a, &c, sizeof(a)), 0);
        hash_free(hash);
        hash_free(again);
        hash_free(copy);
    }
}

static void a_large_hash_costs_little_more_than_its_bytes(void)
{
    struct hash *hash = hash_new();
    char field[TEXT_MAX];

    for (unsigned i = 0; i < 100000; i++)
        hash_put(hash, &value_limits_default, field_of(i * 3 + 1, field), SLICE("twelve bytes"));
    CU_ASSERT(hash_type.measure(as_value(hash), 5) < 100000 * 72);
    CU_ASSERT_EQUAL(hash_type.effort(as_value(hash)), 100000);
    hash_free(hash);
}

/* A block is asked for once for all that comes, and nothing of it lies idle. */
static void what_was_reserved_is_not_too_much(void)
{
    enum { SOME = 50 };
    static const char *values[] = { "1", "99", "127", "128", "4095", "4096", "-5", "123456",
                                    "1700000000", "12345678901234", "text", "3 of them" };
    char rooms[SOME][16];
    struct slice words[2 * SOME];

    for (size_t kind = 0; kind < sizeof(values) / sizeof(values[0]); kind++) {
        struct hash *hash = hash_new();
        const struct packed *packed;

        for (unsigned i = 0; i < SOME; i++) {
            rooms[i][0] = 'f';
            words[2 * i] = slice_of(rooms[i], 1 + number_put(rooms[i] + 1, i));
            words[2 * i + 1] = slice_text(values[kind]);
        }
        hash_reserve(hash, &value_limits_default, words, 2 * SOME);
        for (unsigned i = 0; i < SOME; i++)
            CU_ASSERT_TRUE(
                hash_put(hash, &value_limits_default, words[2 * i], words[2 * i + 1]));
        packed = hash_packed(hash);
        CU_ASSERT_EQUAL(packed_memory(packed), memory_good_size(packed_bytes(packed)));
        hash_free(hash);
    }
}

void suite_hash(void)
{
    CU_pSuite suite = CU_add_suite("hash", NULL, NULL);

    CU_add_test(suite, "many are coming", many_are_coming);
    CU_add_test(suite, "what was reserved is not too much", what_was_reserved_is_not_too_much);
    CU_add_test(suite, "it agrees with a naive model", it_agrees_with_a_naive_model);
    CU_add_test(suite, "it becomes a table as Redis does", it_becomes_a_table_as_redis_does);
    CU_add_test(suite, "statements and copies are equal", statements_and_copies_are_equal);
    CU_add_test(suite, "a large hash costs little more than its bytes",
                a_large_hash_costs_little_more_than_its_bytes);
}
