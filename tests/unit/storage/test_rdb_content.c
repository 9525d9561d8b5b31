/* What a key holds, in the RDB format: every form of every type, old encodings, and damage. */
#include <CUnit/Basic.h>
#include <math.h>
#include <stdio.h>

#include "storage/base/digest.h"
#include "storage/base/io.h"
#include "storage/base/random.h"
#include "storage/base/trouble.h"
#include "storage/persist/dump.h"
#include "storage/persist/rdb_load.h"
#include "storage/values/hash_expiry.h"
#include "storage/values/list.h"
#include "storage/values/set.h"
#include "storage/values/zset.h"

void suite_rdb_content(void);

static const struct value_type string_type = { .name = "string" };
static const struct value_types types = {
    .of = { [VALUE_STRING] = &string_type,
            [VALUE_LIST] = &list_type,
            [VALUE_SET] = &set_type,
            [VALUE_ZSET] = &zset_type,
            [VALUE_HASH] = &hash_type }
};

static struct keyspaces *new_keyspaces(void)
{
    struct keyspaces_setup setup = { .count = 4, .types = &types,
                                     .secret = value_limits_default.secret };
    struct keyspaces *all = keyspaces_new(&setup);

    keyspaces_set_now(all, 1000000);
    return all;
}

static void put(struct keyspace *keys, const char *key, void *value)
{
    struct value *taken = value;

    (void)keyspace_put_value(keys, slice_text(key), &taken);
}

static struct slice numbered(char *room, const char *what, size_t i)
{
    return slice_of(room, (size_t)snprintf(room, 64, "%s%zu", what, i));
}

/* Fills a database with every form of every type, at sizes around the limits. */
static void fill(struct keyspace *keys)
{
    static const size_t sizes[] = { 1, 2, 100, 128, 129, 600 };
    const struct value_limits *limits = &value_limits_default;
    char key[64], text[64], more[64];

    keyspace_put_string(keys, SLICE("text"), SLICE("some text"), false);
    keyspace_put_string(keys, SLICE(""), SLICE(""), false);
    keyspace_put_string(keys, SLICE("integer"), SLICE("-9223372036854775808"), false);
    (void)keyspace_expire_at(
        keys, keyspace_put_string(keys, SLICE("expires"), SLICE("12345"), false), 2000000);
    for (size_t s = 0; s < sizeof(sizes) / sizeof(sizes[0]); s++) {
        struct list *list = list_new(limits);
        struct hash *hash = hash_new();
        struct hash *dated = hash_new();
        struct set *ints = set_new();
        struct set *set = set_new();
        struct zset *zset = zset_new();

        for (size_t i = 0; i < sizes[s]; i++) {
            list_push(list, LIST_BACK, numbered(text, i % 3 == 0 ? "" : "element ", i));
            (void)hash_put(hash, limits, numbered(text, "field", i), numbered(more, "", i * i));
            (void)hash_put(dated, limits, numbered(text, "", i), numbered(more, "value", i));
            if (i % 2 == 0)
                hash_expire_at(dated, limits, numbered(text, "", i), (millis)(3000000 + i % 7));
            (void)set_add(ints, limits, numbered(text, i % 2 == 0 ? "-" : "", i * i * i + 1));
            (void)set_add(set, limits, numbered(text, "member", i));
            (void)zset_add(zset, limits, numbered(text, "member", i),
                           i % 5 == 0 ? (double)INFINITY : (double)i / 3, 0, NULL);
        }
        put(keys, numbered(key, "list", s).at, list);
        put(keys, numbered(key, "hash", s).at, hash);
        put(keys, numbered(key, "dated", s).at, dated);
        keyspace_follow_fields(keys, slice_text(key), dated);
        put(keys, numbered(key, "ints", s).at, ints);
        put(keys, numbered(key, "set", s).at, set);
        put(keys, numbered(key, "zset", s).at, zset);
    }
}

static void save(struct keyspaces *all, struct buffer *into)
{
    struct rdb_save_setup setup = { .keyspaces = all, .compress = true, .checksum = true };
    struct writer *writer = writer_new_memory(into);

    rdb_save(&setup, writer);
    writer_free(writer);
}

static bool load(struct keyspaces *all, struct slice bytes, struct rdb_load_result *result,
                 struct trouble *trouble)
{
    struct rdb_load_setup setup = { .keyspaces = all, .limits = &value_limits_default };
    struct reader *reader = reader_new_memory(bytes);
    bool fine = rdb_load(&setup, reader, bytes.len, result, trouble);

    reader_free(reader);
    return fine;
}

static void assert_same(struct keyspaces *a, struct keyspaces *b)
{
    for (uint32_t db = 0; db < keyspaces_count(a); db++) {
        struct fingerprint of_a = { { 0 } };
        struct fingerprint of_b = { { 0 } };

        keyspace_check(keyspaces_at(b, db));
        keyspace_digest(keyspaces_at(a, db), &of_a);
        keyspace_digest(keyspaces_at(b, db), &of_b);
        CU_ASSERT_EQUAL(memcmp(&of_a, &of_b, sizeof(of_a)), 0);
    }
}

static void everything_comes_back_from_a_snapshot(void)
{
    struct keyspaces *all = new_keyspaces();
    struct keyspaces *back = new_keyspaces();
    struct rdb_load_result result;
    struct buffer bytes = { 0 };
    struct trouble trouble;

    fill(keyspaces_at(all, 0));
    keyspace_put_string(keyspaces_at(all, 3), SLICE("k"), SLICE("of another database"), false);
    save(all, &bytes);
    CU_ASSERT_TRUE(load(back, buffer_slice(&bytes), &result, &trouble));
    CU_ASSERT_EQUAL(result.loaded, keyspace_count(keyspaces_at(all, 0)) + 1);
    CU_ASSERT_EQUAL(result.version, RDB_VERSION_DATED);
    assert_same(all, back);
    buffer_clear(&bytes);
    keyspaces_free(all);
    keyspaces_free(back);
}

static bool dump_and_restore(void *who, struct item *item)
{
    struct keyspace *to = who;
    struct rdb_content content;
    struct buffer payload = { 0 };
    struct dump dump;
    bool fine;

    dump_put(item, &types, &payload);
    CU_ASSERT_TRUE(dump_is_whole(buffer_slice(&payload), false));
    fine = dump_begin(&dump, buffer_slice(&payload), &types, &value_limits_default, &content);
    CU_ASSERT_TRUE(fine);
    if (fine)
        (void)keyspace_expire_at(to, rdb_content_place(to, item_key(item), &content),
                                 item_due(item));
    dump_end(&dump);
    payload.at[payload.len / 2] ^= 4;
    CU_ASSERT_FALSE(dump_is_whole(buffer_slice(&payload), false));
    buffer_clear(&payload);
    return true;
}

static void everything_can_be_dumped_and_restored(void)
{
    struct keyspaces *all = new_keyspaces();
    struct keyspaces *back = new_keyspaces();

    fill(keyspaces_at(all, 0));
    keyspace_each(keyspaces_at(all, 0), dump_and_restore, keyspaces_at(back, 0));
    assert_same(all, back);
    keyspaces_free(all);
    keyspaces_free(back);
}

/* A small snapshot with one key of each type. */
static void save_small(struct buffer *bytes)
{
    struct keyspaces *all = new_keyspaces();
    struct keyspace *keys = keyspaces_at(all, 0);
    struct list *list = list_new(&value_limits_default);
    struct hash *hash = hash_new();

    list_push(list, LIST_BACK, SLICE("some element"));
    (void)hash_put(hash, &value_limits_default, SLICE("field"), SLICE("value"));
    keyspace_put_string(keys, SLICE("key"), SLICE("some text"), false);
    put(keys, "list", list);
    put(keys, "hash", hash);
    save(all, bytes);
    keyspaces_free(all);
}

static void a_bit_flipped_anywhere_is_noticed(void)
{
    struct buffer bytes = { 0 };
    struct rdb_load_result result;
    struct trouble trouble;

    save_small(&bytes);
    for (size_t bit = 0; bit < 8 * bytes.len; bit++) {
        struct keyspaces *back = new_keyspaces();

        bytes.at[bit / 8] ^= (char)(1 << bit % 8);
        trouble.text[0] = '\0';
        CU_ASSERT_FALSE(load(back, buffer_slice(&bytes), &result, &trouble));
        CU_ASSERT(strlen(trouble.text) > 0);
        bytes.at[bit / 8] ^= (char)(1 << bit % 8);
        keyspaces_free(back);
    }
    buffer_clear(&bytes);
}

static void cut_anywhere_a_snapshot_is_refused(void)
{
    struct buffer bytes = { 0 };
    struct rdb_load_result result;
    struct trouble trouble;

    save_small(&bytes);
    for (size_t len = 0; len < bytes.len; len++) {
        struct keyspaces *back = new_keyspaces();

        CU_ASSERT_FALSE(load(back, slice_of(bytes.at, len), &result, &trouble));
        keyspaces_free(back);
    }
    buffer_clear(&bytes);
}

/* Restores bytes of a type and value, and tells what came of it. */
static struct item *restore(struct keyspaces *all, struct slice value)
{
    struct rdb_content content;
    struct buffer payload = { 0 };
    struct item *item = NULL;
    struct dump dump;

    buffer_add(&payload, value);
    buffer_add(&payload, slice_of("version+crc", 10));
    if (dump_begin(&dump, buffer_slice(&payload), &types, &value_limits_default, &content))
        item = rdb_content_place(keyspaces_at(all, 0), SLICE("k"), &content);
    else
        CU_ASSERT(dump.reader.reason != NULL || dump.reader.empty);
    dump_end(&dump);
    buffer_clear(&payload);
    return item;
}

static void old_lists_are_read(void)
{
    struct keyspaces *all = new_keyspaces();
    struct list_room room;
    struct slice element;
    struct item *item;

    /* A ziplist of 1, "two", 300, -5. */
    item = restore(all, SLICE("\x0a\x19\x19\x00\x00\x00\x15\x00\x00\x00\x04\x00\x00\xf2\x02\x03two"
                              "\x05\xc0\x2c\x01\x04\xfe\xfb\xff"));
    CU_ASSERT_PTR_NOT_NULL_FATAL(item);
    CU_ASSERT_EQUAL(list_length((struct list *)(void *)item_value(item)), 4);
    CU_ASSERT_TRUE(list_at((struct list *)(void *)item_value(item), 2, &room, &element));
    CU_ASSERT_TRUE(slice_equal(element, SLICE("300")));
    CU_ASSERT_TRUE(list_at((struct list *)(void *)item_value(item), 3, &room, &element));
    CU_ASSERT_TRUE(slice_equal(element, SLICE("-5")));
    item = restore(all, SLICE("\x01\x02\x01" "a" "\xc0\x07"));
    CU_ASSERT_PTR_NOT_NULL_FATAL(item);
    CU_ASSERT_EQUAL(list_length((struct list *)(void *)item_value(item)), 2);
    keyspaces_free(all);
}

static void old_hashes_are_read(void)
{
    struct keyspaces *all = new_keyspaces();
    struct hash_room room;
    struct slice value;
    struct item *item;

    /* A zipmap of f -> v, with one byte free behind it, and g -> 12. */
    item = restore(all, SLICE("\x09\x0e\x02\x01" "f" "\x01\x01v" "\x00\x01g\x02\x00" "12\xff"));
    CU_ASSERT_PTR_NOT_NULL_FATAL(item);
    CU_ASSERT_EQUAL(hash_length((struct hash *)(void *)item_value(item)), 2);
    CU_ASSERT_TRUE(hash_get((struct hash *)(void *)item_value(item), SLICE("g"), &room, &value));
    CU_ASSERT_TRUE(slice_equal(value, SLICE("12")));
    keyspaces_free(all);
}

static void what_is_damaged_is_refused(void)
{
    static const struct slice damaged[] = {
        { "\x01\x00", 2 },                             /* a list of nothing */
        { "\x02\x02\x01" "a\x01" "a", 6 },             /* a member twice */
        { "\x04\x02\x01" "a\x01" "b\x01" "a\x01" "c", 10 }, /* a field twice */
        { "\x03\x01\x01" "a\xfd", 5 },                 /* a score that is none */
        { "\x05\x01\x01" "a\0\0\0\0\0\0\xf8\x7f", 12 }, /* likewise */
        { "\x0b\x0c\x02\0\0\0\x02\0\0\0\x02\0\x01\0", 14 }, /* integers that do not rise */
        { "\x12\x01\x03\x01" "a", 5 },                 /* a node of no kind */
        { "\x0a\x0b\x0b\0\0\0\x0a\0\0\0\x01\0\xff", 13 }, /* a ziplist that counts wrong */
        { "\x10\x0a\x0a\0\0\0\x01\0\x01\x01\xff\xff", 12 }, /* a block with a wrong end */
        { "\x06\x01", 2 },                             /* of a module */
        { "\x7f", 1 },                                 /* no type */
        { "\x00\x01" "ab", 4 },                        /* bytes behind it */
        { "\x00\xc3\x40\x01\x80\x7f\xff\xff\xff", 9 }, /* a promise of gigabytes */
        { "\x04\x81\x7f\xff\xff\xff\xff\xff\xff\xff", 10 },
    };

    for (size_t i = 0; i < sizeof(damaged) / sizeof(damaged[0]); i++) {
        struct keyspaces *all = new_keyspaces();

        CU_ASSERT_PTR_NULL(restore(all, damaged[i]));
        CU_ASSERT_EQUAL(keyspace_count(keyspaces_at(all, 0)), 0);
        keyspaces_free(all);
    }
}

static void what_newer_servers_date_is_read(void)
{
    struct keyspaces *all = new_keyspaces();
    struct item *item = restore(all, SLICE("\x19\x00\x18\x5c\x17\xa3\x01\x00\x00"
                                           "\x17\x17\x00\x00\x00\x03\x00\x81" "f\x02\x81" "v\x02"
                                           "\xf4\x00\x18\x5c\x17\xa3\x01\x00\x00\x09\xff"));

    CU_ASSERT_PTR_NOT_NULL_FATAL(item);
    CU_ASSERT_EQUAL(hash_due((struct hash *)(void *)item_value(item), SLICE("f")),
                    INT64_C(0x1a3175c1800));
    keyspaces_free(all);
}

void suite_rdb_content(void)
{
    CU_pSuite suite = CU_add_suite("rdb_content", NULL, NULL);

    CU_add_test(suite, "everything comes back from a snapshot",
                everything_comes_back_from_a_snapshot);
    CU_add_test(suite, "everything can be dumped and restored",
                everything_can_be_dumped_and_restored);
    CU_add_test(suite, "a bit flipped anywhere is noticed", a_bit_flipped_anywhere_is_noticed);
    CU_add_test(suite, "cut anywhere a snapshot is refused", cut_anywhere_a_snapshot_is_refused);
    CU_add_test(suite, "old lists are read", old_lists_are_read);
    CU_add_test(suite, "old hashes are read", old_hashes_are_read);
    CU_add_test(suite, "what is damaged is refused", what_is_damaged_is_refused);
    CU_add_test(suite, "what newer servers date is read", what_newer_servers_date_is_read);
}
