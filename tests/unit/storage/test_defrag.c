/*
 * Moving blocks about while the databases change: every one that can be, at every
 * step, beside a second set of databases in which nothing moves.
 */
#include <CUnit/Basic.h>
#include <stdio.h>
#include <stdlib.h>

#include "storage/base/memory.h"
#include "storage/keyspace/defrag.h"
#include "storage/keyspace/keyspace.h"
#include "storage/values/hash.h"
#include "storage/values/hash_expiry.h"
#include "storage/values/list.h"
#include "storage/values/set.h"
#include "storage/values/zset.h"

void suite_defrag(void);

enum { KEYS = 40, ELEMENTS = 400, STEPS = 12000, DBS = 2, TWINS = 2, TEXT = 300 };

static const struct value_type string_type = { .name = "string" };
static const struct value_types types = { .of = { [VALUE_STRING] = &string_type,
                                                  [VALUE_LIST] = &list_type,
                                                  [VALUE_SET] = &set_type,
                                                  [VALUE_ZSET] = &zset_type,
                                                  [VALUE_HASH] = &hash_type } };
static const struct hash_key secret = { { 3, 4 } };

/* What is done to one key. */
struct act {
    struct slice key;
    struct slice text;
    char         key_room[16];
    char         text_room[TEXT];
    char         element_room[TEXT];
    struct slice element;
    uint64_t     chance;
    uint32_t     db;
    double       score;
};

static struct keyspaces *make(void)
{
    return keyspaces_new(
        &(struct keyspaces_setup){ .count = DBS, .types = &types, .secret = &secret });
}

static struct value_limits limits(void)
{
    struct value_limits small = value_limits_default;

    small.list_node_size = 7;
    small.list_compress_depth = 1;
    small.hash_entries = small.set_entries = small.zset_entries = small.set_ints = 16;
    return small;
}

static struct slice text_of(struct random *random, char *room, size_t most)
{
    size_t len = random_below(random, most);

    memset(room, 'a' + (int)random_below(random, 26), len);
    return slice_of(room, len);
}

static void choose(struct random *random, struct act *act)
{
    uint64_t number = random_below(random, KEYS);
    int len = snprintf(act->key_room, sizeof(act->key_room), "k%u", (unsigned)number);

    act->db = (uint32_t)random_below(random, DBS);
    act->key = slice_of(act->key_room, (size_t)len);
    act->text = text_of(random, act->text_room, random_below(random, 4) == 0 ? TEXT : 20);
    len = snprintf(act->element_room, sizeof(act->element_room), "%s%u",
                   random_below(random, 2) == 0 ? "" : "element:",
                   (unsigned)random_below(random, ELEMENTS));
    act->element = slice_of(act->element_room, (size_t)len);
    act->chance = random_below(random, 100);
    act->score = (double)random_below(random, 50);
}

/* The value of a key, made if there is none; NULL if the key is a string. */
static struct value *value_for(struct keyspace *keys, const struct act *act, enum value_kind kind)
{
    struct value_limits small = limits();
    struct item *item = keyspace_find(keys, act->key, LOOK_WRITE);
    struct value *value = NULL;

    if (item != NULL)
        return item_kind(item) == kind ? item_value(item) : NULL;
    if (kind == VALUE_LIST)
        value = (struct value *)(void *)list_new(&small);
    else if (kind == VALUE_SET)
        value = (struct value *)(void *)set_new();
    else if (kind == VALUE_ZSET)
        value = (struct value *)(void *)zset_new();
    else
        value = (struct value *)(void *)hash_new();
    return item_value(keyspace_put_value(keys, act->key, &value));
}

static void change_value(struct keyspace *keys, const struct act *act)
{
    struct value_limits small = limits();
    enum value_kind kind = (enum value_kind)(VALUE_LIST + act->chance % 4);
    struct value *value = value_for(keys, act, kind);
    bool adds = act->chance % 8 != 7;
    bool added;

    if (value == NULL)
        return;
    small.secret = &secret;
    if (kind == VALUE_LIST) {
        list_push((struct list *)(void *)value, act->score < 25 ? LIST_FRONT : LIST_BACK,
                  act->text);
    } else if (kind == VALUE_SET) {
        (void)(adds ? set_add((struct set *)(void *)value, &small, act->element)
                    : set_remove((struct set *)(void *)value, act->element));
    } else if (kind == VALUE_ZSET) {
        if (adds)
            (void)zset_add((struct zset *)(void *)value, &small, act->element, act->score,
                           0, NULL);
        else
            (void)zset_remove((struct zset *)(void *)value, act->element);
    } else if (adds) {
        struct hash *hash = (struct hash *)(void *)value;

        added = hash_put(hash, &small, act->element, act->text);
        if (act->score > 35 && (added || !added))
            hash_expire_at(hash, &small, act->element, 1000 + (millis)act->score);
        keyspace_follow_fields(keys, act->key, hash);
    } else {
        (void)hash_remove((struct hash *)(void *)value, act->element);
        keyspace_follow_fields(keys, act->key, (struct hash *)(void *)value);
    }
}

static void perform(struct keyspaces *all, const struct act *act)
{
    struct keyspace *keys = keyspaces_at(all, act->db);
    struct item *item;

    if (act->chance < 10) {
        (void)keyspace_put_string(keys, act->key, act->text, true);
    } else if (act->chance < 14) {
        (void)keyspace_remove(keys, act->key, false);
    } else if (act->chance < 20) {
        item = keyspace_find(keys, act->key, LOOK_WRITE);
        if (item != NULL)
            (void)keyspace_expire_at(keys, item, act->chance < 18 ? 2000 + (millis)act->score : -1);
    } else if (act->chance == 20) {
        keyspaces_swap(all, 0, 1);
    } else {
        change_value(keys, act);
    }
    keyspaces_settle(all);
}

static bool check_value(void *who, struct item *item)
{
    struct value *value = item_value(item);

    (void)who;
    if (item_kind(item) == VALUE_LIST)
        list_check((struct list *)(void *)value);
    else if (item_kind(item) == VALUE_SET)
        set_check((struct set *)(void *)value);
    else if (item_kind(item) == VALUE_ZSET)
        zset_check((struct zset *)(void *)value);
    else if (item_kind(item) == VALUE_HASH)
        hash_check((struct hash *)(void *)value);
    return true;
}

static void check(struct keyspaces *twins[TWINS])
{
    for (uint32_t db = 0; db < DBS; db++) {
        struct fingerprint prints[TWINS] = { { { 0 } } };

        for (int i = 0; i < TWINS; i++) {
            keyspace_check(keyspaces_at(twins[i], db));
            keyspace_each(keyspaces_at(twins[i], db), check_value, NULL);
            keyspace_digest(keyspaces_at(twins[i], db), &prints[i]);
        }
        CU_ASSERT_EQUAL(memcmp(&prints[0], &prints[1], sizeof(prints[0])), 0);
    }
}

static bool at_once(void *who)
{
    (void)who;
    return true;
}

static bool never(void *who)
{
    (void)who;
    return false;
}

static void it_changes_nothing_that_can_be_told(void)
{
    struct keyspaces *twins[TWINS] = { make(), make() };
    struct defrag *defrag = defrag_new(twins[0], NULL);
    struct random random;
    struct act act;
    size_t passes = 0;

    random_seed(&random, 8);
    for (int step = 0; step < STEPS; step++) {
        choose(&random, &act);
        perform(twins[0], &act);
        perform(twins[1], &act);
        passes += defrag_run(defrag, random_below(&random, 50), at_once, NULL);
        if (step % 100 == 0)
            check(twins);
    }
    check(twins);
    CU_ASSERT(passes > 10);
    CU_ASSERT(defrag_counts(defrag)->moved > STEPS);
    CU_ASSERT_EQUAL(defrag_counts(defrag)->left, 0);
    defrag_free(defrag);
    keyspaces_free(twins[0]);
    keyspaces_free(twins[1]);
}

static void shared_bytes_stay_where_they_are(void)
{
    struct keyspaces *all = make();
    struct keyspace *keys = keyspaces_at(all, 0);
    struct defrag *defrag = defrag_new(all, NULL);
    struct bytes *bytes = bytes_new(1000);
    struct bytes *share = bytes_share(bytes);

    memset(bytes->at, 'b', 1000);
    (void)keyspace_put_bytes(keys, SLICE("key"), &bytes, false);
    CU_ASSERT(defrag_run(defrag, 10, never, NULL));
    CU_ASSERT_PTR_EQUAL(item_bytes(keyspace_find(keys, SLICE("key"), LOOK_QUIET)), share);
    bytes_drop(share);
    CU_ASSERT(defrag_run(defrag, 10, never, NULL));
    CU_ASSERT_PTR_NOT_EQUAL(item_bytes(keyspace_find(keys, SLICE("key"), LOOK_QUIET)), share);
    defrag_free(defrag);
    keyspaces_free(all);
}

static void nothing_moves_while_a_child_saves(void)
{
    struct keyspaces *all = make();
    struct defrag *defrag = defrag_new(all, NULL);

    (void)keyspace_put_string(keyspaces_at(all, 0), SLICE("key"), SLICE("text"), false);
    keyspaces_pause_resizing(all, true);
    CU_ASSERT(!defrag_run(defrag, 10, never, NULL));
    CU_ASSERT_EQUAL(defrag_counts(defrag)->moved, 0);
    keyspaces_pause_resizing(all, false);
    CU_ASSERT(defrag_run(defrag, 10, never, NULL));
    CU_ASSERT(defrag_counts(defrag)->moved > 0);
    CU_ASSERT_EQUAL(defrag_counts(defrag)->keys, 1);
    defrag_free(defrag);
    keyspaces_free(all);
}

/* Of every three keys one stays; with an allocator that tells, what is left closes up. */
static void thin_slabs_are_emptied(void)
{
    enum { MANY = 30000 };
    struct keyspaces *all = make();
    struct keyspace *keys = keyspaces_at(all, 0);
    struct defrag *defrag = defrag_new(all, memory_lies_thin);
    struct memory_figures before, after;
    char room[16], text[100] = { 't' };
    size_t dead;

    for (int i = 0; i < MANY; i++) {
        int len = snprintf(room, sizeof(room), "key:%d", i);

        (void)keyspace_put_string(keys, slice_of(room, (size_t)len), slice_of(text, sizeof(text)),
                                  false);
    }
    for (int i = 0; i < MANY; i++) {
        int len = snprintf(room, sizeof(room), "key:%d", i);

        if (i % 3 != 0)
            (void)keyspace_remove(keys, slice_of(room, (size_t)len), false);
    }
    memory_figures(&before);
    CU_ASSERT(defrag_run(defrag, 10, never, NULL));
    memory_figures(&after);
    dead = before.active - before.allocated;
    if (strcmp(memory_allocator(), "libc") != 0) {
        CU_ASSERT(defrag_counts(defrag)->moved > MANY / 10);
        CU_ASSERT(after.active - after.allocated < dead / 3);
    }
    keyspace_check(keys);
    CU_ASSERT_EQUAL(keyspace_count(keys), MANY / 3);
    defrag_free(defrag);
    keyspaces_free(all);
}

void suite_defrag(void)
{
    CU_pSuite suite = CU_add_suite("storage: defrag", NULL, NULL);

    CU_add_test(suite, "it changes nothing that can be told", it_changes_nothing_that_can_be_told);
    CU_add_test(suite, "shared bytes stay where they are", shared_bytes_stay_where_they_are);
    CU_add_test(suite, "nothing moves while a child saves", nothing_moves_while_a_child_saves);
    CU_add_test(suite, "thin slabs are emptied", thin_slabs_are_emptied);
}
