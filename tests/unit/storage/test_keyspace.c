/* Databases: items in all forms, expiry, moving, scanning, against a naive model. */
#include <CUnit/Basic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "storage/base/digest.h"
#include "storage/keyspace/keyspace.h"
#include "storage/values/list.h"

void suite_keyspace(void);

enum { KEYS = 300, STEPS = 60000, DBS = 2, MODEL_BYTES = 400 };

static const struct value_type string_type = { .name = "string" };
static const struct value_types types = { .of = { [VALUE_STRING] = &string_type,
                                                  [VALUE_LIST] = &list_type } };
static const struct hash_key secret = { { 1, 2 } };

/* What a key should hold. */
struct model {
    bool   there;
    bool   list;
    int64_t due;
    size_t len;
    char   text[MODEL_BYTES];
};

/* The changes that were told. */
struct told {
    size_t expired;
    size_t created;
    size_t missed;
};

static void tell(void *who, uint32_t db, struct slice key, enum change_kind kind)
{
    struct told *told = who;

    (void)db;
    (void)key;
    told->expired += kind == CHANGE_EXPIRED;
    told->created += kind == CHANGE_CREATED;
    told->missed += kind == CHANGE_MISSED;
}

static struct keyspaces *make(struct change_sink *sink)
{
    return keyspaces_new(&(struct keyspaces_setup){ .count = DBS, .types = &types,
                                                    .secret = &secret, .changes = sink });
}

/* Keys of very different lengths, so that both forms of key occur. */
static struct slice key_of(int index, char *room)
{
    size_t len = (size_t)snprintf(room, 32, "key:%d:", index);

    if (index % 17 == 0) {
        memset(room + len, 'k', 300);
        len += 300;
    }
    return slice_of(room, len);
}

static bool text_is(struct keyspace *keys, struct slice key, const char *text)
{
    struct item_digits digits;
    struct item *item = keyspace_find(keys, key, LOOK_QUIET);

    return item != NULL && slice_equal(item_string(item, &digits), slice_text(text));
}

static void strings_take_the_form_that_fits(void)
{
    struct keyspaces *all = make(NULL);
    struct keyspace *keys = keyspaces_at(all, 0);
    char large[500];
    struct item *item;

    memset(large, 'x', sizeof(large));
    item = keyspace_put_string(keys, SLICE("n"), SLICE("-12345"), false);
    CU_ASSERT_STRING_EQUAL(item_encoding(item, &types), "int");
    item = keyspace_put_string(keys, SLICE("n"), SLICE("012"), false);
    CU_ASSERT_STRING_EQUAL(item_encoding(item, &types), "embstr");
    item = keyspace_put_string(keys, SLICE("n"), slice_of(large, 45), false);
    CU_ASSERT_STRING_EQUAL(item_encoding(item, &types), "raw");
    item = keyspace_put_string(keys, SLICE("n"), slice_of(large, sizeof(large)), false);
    CU_ASSERT_PTR_NOT_NULL(item_bytes(item));
    item = keyspace_put_string(keys, SLICE("n"), SLICE(""), false);
    CU_ASSERT(text_is(keys, SLICE("n"), ""));
    keyspace_check(keys);
    keyspaces_free(all);
}

static void edits_lengthen_a_string_and_pad_it(void)
{
    struct keyspaces *all = make(NULL);
    struct keyspace *keys = keyspaces_at(all, 0);
    struct item_digits digits;
    struct item *item;
    char *at = keyspace_edit_string(keys, SLICE("s"), NULL, 5);

    memcpy(at + 3, "ab", 2);
    item = keyspace_find(keys, SLICE("s"), LOOK_QUIET);
    CU_ASSERT(slice_equal(item_string(item, &digits), slice_of("\0\0\0ab", 5)));
    for (size_t len = 6; len < 3000; len += 7) {
        item = keyspace_find(keys, SLICE("s"), LOOK_QUIET);
        at = keyspace_edit_string(keys, SLICE("s"), item, len);
        at[len - 1] = 'z';
    }
    item = keyspace_find(keys, SLICE("s"), LOOK_QUIET);
    CU_ASSERT(slice_equal(slice_of(item_string(item, &digits).at, 5), slice_of("\0\0\0ab", 5)));
    CU_ASSERT_STRING_EQUAL(item_encoding(item, &types), "raw");
    keyspace_check(keys);
    keyspaces_free(all);
}

static void shared_bytes_are_not_edited(void)
{
    struct keyspaces *all = make(NULL);
    struct keyspace *keys = keyspaces_at(all, 0);
    struct bytes *bytes = bytes_new(1000);
    struct bytes *mine = bytes_share(bytes);
    struct item *item;

    memset(bytes->at, 'x', 1000);
    item = keyspace_put_bytes(keys, SLICE("s"), &bytes, false);
    CU_ASSERT_PTR_NULL(bytes);
    keyspace_edit_string(keys, SLICE("s"), item, 1000)[0] = 'y';
    CU_ASSERT_EQUAL(mine->at[0], 'x');
    bytes_drop(mine);
    keyspaces_free(all);
}

static void what_is_past_its_time_is_never_shown(void)
{
    struct told told = { 0 };
    struct change_sink sink = { tell, &told, NULL };
    struct keyspaces *all = make(&sink);
    struct keyspace *keys = keyspaces_at(all, 0);
    struct item *item;

    keyspaces_set_now(all, 1000);
    for (int i = 0; i < 10; i++) {
        char room[400];

        item = keyspace_put_string(keys, key_of(i, room), SLICE("v"), false);
        (void)keyspace_expire_at(keys, item, 1100 + i);
    }
    CU_ASSERT_EQUAL(told.created, 10);
    CU_ASSERT_EQUAL(keyspace_next_due(keys), 1100);
    keyspaces_set_now(all, 1104);
    CU_ASSERT_PTR_NULL(keyspace_find(keys, SLICE("key:2:"), LOOK_READ));
    CU_ASSERT_EQUAL(told.missed, 1);
    CU_ASSERT_EQUAL(told.expired, 1);
    CU_ASSERT_EQUAL(keyspace_sweep(keys, 2), 2);
    CU_ASSERT_EQUAL(keyspace_sweep(keys, 100), 2);
    CU_ASSERT_EQUAL(keyspace_count(keys), 5);
    CU_ASSERT_EQUAL(keyspace_expiring(keys), 5);
    keyspaces_keep_expired(all, true);
    keyspaces_set_now(all, 5000);
    CU_ASSERT_PTR_NOT_NULL(keyspace_find(keys, SLICE("key:9:"), LOOK_READ));
    CU_ASSERT_EQUAL(keyspace_sweep(keys, 100), 0);
    keyspace_check(keys);
    keyspaces_free(all);
}

struct seen {
    unsigned char times[KEYS];
};

static void see(void *who, struct item *item)
{
    struct seen *seen = who;

    struct slice digits = slice_after(item_key(item), 4);
    size_t number = 0;

    for (size_t i = 0; i < digits.len && digits.at[i] >= '0' && digits.at[i] <= '9'; i++)
        number = 10 * number + (size_t)(digits.at[i] - '0');
    seen->times[number] = 1;
}

static void a_scan_meets_all_that_stays_while_tables_change(void)
{
    struct keyspaces *all = make(NULL);
    struct keyspace *keys = keyspaces_at(all, 0);
    struct seen seen = { { 0 } };
    uint64_t cursor = 0;
    char room[400];
    int extra = KEYS;

    for (int i = 0; i < KEYS; i++)
        (void)keyspace_put_integer(keys, key_of(i, room), i);
    do {
        cursor = keyspace_scan(keys, cursor, SIZE_MAX, see, &seen);
        for (int i = 0; i < 40 && extra < 20000; i++) {
            char name[32];
            size_t len = (size_t)snprintf(name, sizeof(name), "key:0 %d", extra++);

            (void)keyspace_put_integer(keys, slice_of(name, len), 1);
        }
    } while (cursor != 0);
    for (int i = 0; i < KEYS; i++)
        CU_ASSERT_EQUAL(seen.times[i], 1);
    keyspaces_free(all);
}

/* One random step on the keyspace and on its model. */
static void step(struct keyspace *keys, struct model *models, struct random *random)
{
    int index = (int)random_below(random, KEYS);
    struct model *model = &models[index];
    char room[400];
    char text[MODEL_BYTES];
    struct slice key = key_of(index, room);
    size_t len = (size_t)random_below(random, random_below(random, 2) == 0 ? 20 : MODEL_BYTES);
    struct item *item = keyspace_find(keys, key, LOOK_WRITE);

    CU_ASSERT_EQUAL(item != NULL, model->there);
    memset(text, (int)('a' + random_below(random, 26)), sizeof(text));
    switch (random_below(random, 6)) {
    case 0:
    case 1: {
        bool keep = random_below(random, 2) == 0;

        (void)keyspace_put_string(keys, key, slice_of(text, len), keep);
        model->due = keep && model->there ? model->due : -1;
        model->there = true;
        model->list = false;
        model->len = len;
        memcpy(model->text, text, len);
        break;
    }
    case 2:
        CU_ASSERT_EQUAL(keyspace_remove(keys, key, false), model->there);
        *model = (struct model){ .due = -1 };
        break;
    case 3:
        if (item != NULL) {
            model->due = (int64_t)random_below(random, 3) == 0 ? -1
                                                               : 1000000 + (int64_t)len;
            CU_ASSERT_EQUAL(item_due(keyspace_expire_at(keys, item, model->due)), model->due);
        }
        break;
    case 4: {
        struct value *list = (struct value *)list_new(&value_limits_default);

        (void)keyspace_put_value(keys, key, &list);
        *model = (struct model){ .there = true, .list = true, .due = -1 };
        break;
    }
    default: {
        int other = (int)random_below(random, KEYS);
        char other_room[400];

        if (item == NULL || other == index)
            break;
        (void)keyspace_move(keys, item, keys, key_of(other, other_room));
        models[other] = *model;
        *model = (struct model){ .due = -1 };
        break;
    }
    }
}

static void check_model(struct keyspace *keys, const struct model *models)
{
    size_t count = 0;

    for (int i = 0; i < KEYS; i++) {
        char room[400];
        struct item_digits digits;
        struct item *item = keyspace_find(keys, key_of(i, room), LOOK_QUIET);

        CU_ASSERT_EQUAL(item != NULL, models[i].there);
        count += models[i].there;
        if (item == NULL)
            continue;
        CU_ASSERT_EQUAL(item_due(item), models[i].due);
        CU_ASSERT_EQUAL(item_kind(item) == VALUE_LIST, models[i].list);
        if (!models[i].list)
            CU_ASSERT(slice_equal(item_string(item, &digits),
                                  slice_of(models[i].text, models[i].len)));
    }
    CU_ASSERT_EQUAL(keyspace_count(keys), count);
}

static void a_random_walk_agrees_with_a_naive_model(void)
{
    struct model *models = calloc(KEYS, sizeof(struct model));
    struct keyspaces *all = make(NULL);
    struct keyspace *keys = keyspaces_at(all, 0);
    struct random random;

    for (int i = 0; i < KEYS; i++)
        models[i].due = -1;
    random_seed(&random, 42);
    keyspaces_set_now(all, 1000);
    for (int i = 0; i < STEPS; i++) {
        step(keys, models, &random);
        if (i % 1000 == 0) {
            keyspace_check(keys);
            check_model(keys, models);
        }
    }
    keyspaces_swap(all, 0, 1);
    CU_ASSERT_EQUAL(keyspace_count(keys), 0);
    check_model(keyspaces_at(all, 1), models);
    (void)keyspace_flush(keyspaces_at(all, 1), false);
    CU_ASSERT_EQUAL(keyspace_count(keyspaces_at(all, 1)), 0);
    keyspaces_free(all);
    free(models);
}

static void a_copy_has_the_same_fingerprint(void)
{
    struct keyspaces *all = make(NULL);
    struct keyspace *from = keyspaces_at(all, 0);
    struct keyspace *to = keyspaces_at(all, 1);
    struct fingerprint a = { { 0 } };
    struct fingerprint b = { { 0 } };
    struct item *item;

    item = keyspace_put_string(from, SLICE("k"), SLICE("value"), false);
    item = keyspace_expire_at(from, item, 5000);
    item_digest(item, &types, &a);
    item_digest(keyspace_copy(from, item, to, SLICE("other")), &types, &b);
    CU_ASSERT(memcmp(&a, &b, sizeof(a)) == 0);
    keyspaces_free(all);
}

void suite_keyspace(void)
{
    CU_pSuite suite = CU_add_suite("keyspace", NULL, NULL);

    CU_add_test(suite, "strings take the form that fits", strings_take_the_form_that_fits);
    CU_add_test(suite, "edits lengthen a string and pad it", edits_lengthen_a_string_and_pad_it);
    CU_add_test(suite, "shared bytes are not edited", shared_bytes_are_not_edited);
    CU_add_test(suite, "what is past its time is never shown",
                what_is_past_its_time_is_never_shown);
    CU_add_test(suite, "a scan meets all that stays while tables change",
                a_scan_meets_all_that_stays_while_tables_change);
    CU_add_test(suite, "a random walk agrees with a naive model",
                a_random_walk_agrees_with_a_naive_model);
    CU_add_test(suite, "a copy has the same fingerprint", a_copy_has_the_same_fingerprint);
}
