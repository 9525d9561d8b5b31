/*
 * A long walk over strings in a database: integers, short and long text, edited
 * in place; ranges, bits and bit fields; copied, renamed, dumped, expiring.
 */
#include <CUnit/CUnit.h>

#include "storage/base/memory.h"
#include "storage/persist/dump.h"
#include "storage/values/bits.h"
#include "tests/unit/storage/walk.h"

void suite_walk_string(void);

enum { KEYS = 4, LEN_MAX = 700, TIMES = 1000 };

static const struct value_type string_type = { .name = "string" };
static const struct value_types types = { .of = { [VALUE_STRING] = &string_type } };

struct model {
    bool   there;
    int64_t due; /* -1: never */
    size_t len;
    char   text[LEN_MAX];
};

struct world {
    struct walk       walk;
    struct keyspaces *all;
    struct keyspace  *keys;
    struct model      model[KEYS];
};

static const struct slice names[KEYS] = { { "key", 3 }, { "another key", 11 }, { "", 0 },
                                          { "the longest of all the keys that are here", 41 } };

static size_t below(struct world *world, size_t n)
{
    return walk_below(&world->walk, n);
}

static struct slice model_text(const struct model *model)
{
    return slice_of(model->text, model->there ? model->len : 0);
}

static struct item *find(struct world *world, size_t k)
{
    struct item *item = keyspace_find(world->keys, names[k], LOOK_WRITE);

    must((item != NULL) == world->model[k].there);
    return item;
}

static void compare(struct world *world)
{
    size_t count = 0, expiring = 0;

    keyspace_check(world->keys);
    for (size_t k = 0; k < KEYS; k++) {
        const struct model *model = &world->model[k];
        struct item *item = keyspace_find(world->keys, names[k], LOOK_QUIET);
        struct item_digits digits;

        must((item != NULL) == model->there);
        count += model->there;
        expiring += model->there && model->due >= 0;
        if (item == NULL)
            continue;
        must(item_due(item) == model->due);
        must(slice_equal(item_string(item, &digits), model_text(model)));
    }
    must(keyspace_count(world->keys) == count && keyspace_expiring(world->keys) == expiring);
}

/* Lengths around the limits between forms: 20 digits, 44, 128, and beyond. */
static size_t some_length(struct world *world)
{
    static const size_t around[] = { 1, 20, 44, 128, 255, 512, LEN_MAX - 8 };

    return around[below(world, 7)] - 1 + below(world, 3);
}

static struct slice some_text(struct world *world, char *room)
{
    size_t len = some_length(world);

    if (below(world, 3) == 0)
        return slice_of(room, number_put(room, (int64_t)random_next(&world->walk.random) >>
                                                   below(world, 63)));
    if (below(world, 8) == 0) {
        memcpy(room, "00000000000000000000000000000001", 32);
        return slice_of(room, 1 + below(world, 32)); /* digits that are no integer of ours */
    }
    memset(room, (int)('a' + below(world, 26)), len);
    if (len > 3)
        room[below(world, len)] = (char)random_next(&world->walk.random);
    return slice_of(room, len);
}

static void model_put(struct model *model, struct slice text, bool keep)
{
    model->due = keep && model->there ? model->due : -1;
    model->there = true;
    model->len = text.len;
    memmove(model->text, text.at, text.len);
}

static void put(struct world *world, size_t k)
{
    struct item *item;
    char room[LEN_MAX];
    struct slice text = some_text(world, room);
    bool keep = below(world, 2) == 0;
    struct bytes *bytes;

    switch (below(world, 4)) {
    case 0:
        item = keyspace_put_text(world->keys, names[k], text);
        keep = true;
        break;
    case 1:
        bytes = bytes_copy(text);
        item = keyspace_put_bytes(world->keys, names[k], &bytes, keep);
        must(bytes == NULL);
        break;
    default:
        item = keyspace_put_string(world->keys, names[k], text, keep);
        break;
    }
    model_put(&world->model[k], text, keep);
    walk_form(&world->walk, item_encoding(item, &types));
}

static void put_integer(struct world *world, size_t k)
{
    int64_t integer = (int64_t)random_next(&world->walk.random) >> below(world, 63);
    struct item *item = keyspace_put_integer(world->keys, names[k], integer);
    char digits[NUMBER_INTEGER_MAX];
    int64_t now;

    must(item_integer(item, &now) && now == integer);
    model_put(&world->model[k], slice_of(digits, number_put(digits, integer)), true);
    walk_form(&world->walk, item_encoding(item, &types));
}

/* The bytes of a key, made at least so long, in the database and in the model. */
static char *edited(struct world *world, size_t k, size_t len)
{
    struct model *model = &world->model[k];
    char *at = keyspace_edit_string(world->keys, names[k], find(world, k), len);

    if (!model->there)
        *model = (struct model){ .there = true, .due = -1 };
    if (len > model->len) {
        memset(model->text + model->len, 0, len - model->len);
        model->len = len;
    }
    must(memcmp(at, model->text, model->len) == 0);
    walk_form(&world->walk, item_encoding(find(world, k), &types));
    return at;
}

/* APPEND, and SETRANGE somewhere. */
static void write_range(struct world *world, size_t k)
{
    struct model *model = &world->model[k];
    size_t had = model->there ? model->len : 0;
    size_t from = below(world, 2) == 0 ? had : below(world, had + 30);
    size_t len = below(world, 3) == 0 ? below(world, 200) : 1 + below(world, 8);
    char letter = (char)('A' + below(world, 26));

    if (from + len > LEN_MAX)
        return;
    memset(edited(world, k, from + len) + from, letter, len);
    memset(model->text + from, letter, len);
}

static void write_bit(struct world *world, size_t k)
{
    struct model *model = &world->model[k];
    size_t bit = below(world, below(world, 3) == 0 ? 8 * LEN_MAX : 400);
    bool on = below(world, 2) == 0;
    char *at = edited(world, k, bit / 8 + 1);
    unsigned mask = 0x80u >> (bit % 8);

    bits_set(at, bit, on);
    model->text[bit / 8] = (char)((unsigned char)model->text[bit / 8] & ~mask);
    if (on)
        model->text[bit / 8] = (char)((unsigned char)model->text[bit / 8] | mask);
}

static bool model_bit(const struct model *model, size_t bit)
{
    return model->there && bit / 8 < model->len &&
           ((unsigned char)model->text[bit / 8] >> (7 - bit % 8) & 1);
}

/* Bit by bit what is there, as a field of some width. */
static uint64_t model_field(const struct model *model, size_t at, unsigned width)
{
    uint64_t bits = 0;

    for (unsigned i = 0; i < width; i++)
        bits = bits << 1 | model_bit(model, at + i);
    return bits;
}

static void write_field(struct world *world, size_t k)
{
    struct model *model = &world->model[k];
    struct bits_type type = { .width = (uint8_t)(1 + below(world, 63)),
                              .is_signed = below(world, 2) == 0 };
    size_t at = below(world, 500);
    uint64_t value = random_next(&world->walk.random);
    char *bytes = edited(world, k, (at + type.width + 7) / 8);
    uint64_t low = UINT64_MAX >> (64 - type.width);

    must(((uint64_t)bits_read(model_text(model), at, type) & low) ==
         model_field(model, at, type.width));
    bits_write(bytes, at, type, (int64_t)value);
    for (unsigned i = 0; i < type.width; i++) {
        size_t bit = at + i;
        unsigned mask = 0x80u >> (bit % 8);
        unsigned byte = (unsigned char)model->text[bit / 8] & ~mask;

        if (value >> (type.width - 1 - i) & 1)
            byte |= mask;
        model->text[bit / 8] = (char)byte;
    }
}

static void look_at_bits(struct world *world, size_t k)
{
    struct model *model = &world->model[k];
    struct item *item = find(world, k);
    struct item_digits digits;
    struct slice text = item != NULL ? item_string(item, &digits) : SLICE("");
    size_t bits = 8 * text.len;
    struct bits_range range = { .from = below(world, bits + 1) };
    bool value = below(world, 2) == 0;
    uint64_t count = 0, first = 0, found = 0;
    bool any = false;

    range.to = range.from + below(world, bits - range.from + 1);
    for (size_t i = range.from; i < range.to; i++) {
        count += model_bit(model, i);
        if (!any && model_bit(model, i) == value)
            first = i;
        any = any || model_bit(model, i) == value;
    }
    must(bits_count(text, range) == count);
    must(bits_find(text, range, value, &found) == any && (!any || found == first));
    must(bits_get(text, bits + 9) == false);
}

static void combine(struct world *world, size_t k)
{
    struct slice texts[3];
    size_t len = 0;
    size_t operation = below(world, 4);
    size_t count = operation == BITS_NOT ? 1 : 1 + below(world, 3);
    char outcome[LEN_MAX];

    for (size_t i = 0; i < count; i++) {
        texts[i] = model_text(&world->model[(k + i) % KEYS]);
        len = texts[i].len > len ? texts[i].len : len;
    }
    bits_combine(outcome, len, (enum bits_operation)operation, texts, count);
    for (size_t i = 0; i < len; i++) {
        unsigned byte = i < texts[0].len ? (unsigned char)texts[0].at[i] : 0;

        for (size_t t = 1; t < count; t++) {
            unsigned other = i < texts[t].len ? (unsigned char)texts[t].at[i] : 0;

            byte = operation == BITS_AND  ? byte & other
                   : operation == BITS_OR ? byte | other
                                          : byte ^ other;
        }
        byte = operation == BITS_NOT ? ~byte & 0xff : byte;
        must((unsigned char)outcome[i] == byte);
    }
    (void)keyspace_put_string(world->keys, names[k], slice_of(outcome, len), false);
    model_put(&world->model[k], slice_of(outcome, len), false);
}

static void expire(struct world *world, size_t k)
{
    struct model *model = &world->model[k];
    struct item *item = find(world, k);

    if (item == NULL)
        return;
    model->due = below(world, 3) == 0 ? -1 : keyspaces_now(world->all) + 1 + (int64_t)below(world, TIMES);
    must(item_due(keyspace_expire_at(world->keys, item, model->due)) == model->due);
}

/* Time goes on; what is past it is not shown any more, and is swept now and then. */
static void let_pass(struct world *world)
{
    millis now = keyspaces_now(world->all) + (millis)below(world, TIMES / 4);

    keyspaces_set_now(world->all, now);
    for (size_t k = 0; k < KEYS; k++) {
        struct model *model = &world->model[k];

        if (model->there && model->due >= 0 && model->due <= now)
            model->there = false;
    }
    (void)keyspace_sweep(world->keys, SIZE_MAX);
}

static void copy_or_move(struct world *world, size_t k)
{
    size_t other = (k + 1 + below(world, KEYS - 1)) % KEYS;
    struct item *item = find(world, k);

    if (item == NULL)
        return;
    world->model[other] = world->model[k];
    if (below(world, 2) == 0) {
        (void)keyspace_copy(world->keys, item, world->keys, names[other]);
        return;
    }
    (void)keyspace_move(world->keys, item, world->keys, names[other]);
    world->model[k].there = false;
}

/* As DUMP, RESTORE REPLACE do; the expiry is lost on the way. */
static void dump_and_restore(struct world *world, size_t k)
{
    struct item *item = find(world, k);
    struct buffer payload = { 0 };
    struct rdb_content content;
    struct dump dump;

    if (item == NULL)
        return;
    dump_put(item, &types, &payload);
    must(dump_is_whole(buffer_slice(&payload), false));
    must(dump_begin(&dump, buffer_slice(&payload), &types, &value_limits_default, &content));
    item = rdb_content_place(world->keys, names[k], &content);
    dump_end(&dump);
    buffer_clear(&payload);
    world->model[k].due = item_due(item);
    must(item_due(item) == -1);
    walk_form(&world->walk, item_encoding(item, &types));
}

static void take(struct world *world, size_t k)
{
    must(keyspace_remove(world->keys, names[k], below(world, 2) == 0) == world->model[k].there);
    world->model[k].there = false;
}

static void step(struct world *world)
{
    static const struct {
        unsigned weight;
        void (*run)(struct world *world, size_t k);
    } steps[] = { { 14, put },         { 6, put_integer },  { 20, write_range },
                  { 12, write_bit },   { 12, write_field }, { 12, look_at_bits },
                  { 4, combine },      { 8, expire },       { 6, copy_or_move },
                  { 3, dump_and_restore }, { 2, take } };
    size_t at = below(world, 100);
    size_t i = 0;

    if (at == 99) {
        let_pass(world);
        return;
    }
    for (; at >= steps[i].weight; i++)
        at -= steps[i].weight;
    steps[i].run(world, below(world, KEYS));
}

static void every_step_agrees_with_a_naive_model(void)
{
    struct world *world = memory_new_zeroed(1, sizeof(*world));
    struct keyspaces_setup setup = { .count = 1, .types = &types,
                                     .secret = value_limits_default.secret };

    walk_begin(&world->walk, 35);
    world->all = keyspaces_new(&setup);
    world->keys = keyspaces_at(world->all, 0);
    keyspaces_set_now(world->all, 1000);
    for (size_t i = 0; i < world->walk.steps; i++) {
        step(world);
        compare(world);
    }
    keyspaces_free(world->all);
    walk_end(&world->walk, "string");
    CU_ASSERT(walk_became(&world->walk, "int", "raw") > 0);
    CU_ASSERT(walk_became(&world->walk, "raw", "int") > 0);
    CU_ASSERT(walk_became(&world->walk, "embstr", "raw") > 0);
    CU_ASSERT(walk_became(&world->walk, "raw", "embstr") > 0);
    memory_free(world);
}

void suite_walk_string(void)
{
    CU_pSuite suite = CU_add_suite("a walk over strings", NULL, NULL);

    CU_add_test(suite, "every step agrees with a naive model",
                every_step_agrees_with_a_naive_model);
}
