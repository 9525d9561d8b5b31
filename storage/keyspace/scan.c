/* Seeing all items: cursors that survive resizing, walks, a random key, the fingerprint. */
#include "storage/keyspace/keyspace_private.h"
#include "storage/values/hash_expiry.h"

enum { RANDOM_TRIES = 100 };

struct shown {
    void (*show)(void *who, struct item *item);
    void *who;
};

static void show_item(void *who, void *item)
{
    const struct shown *shown = who;

    shown->show(shown->who, item);
}

uint64_t keyspace_scan(struct keyspace *keys, uint64_t cursor, size_t wanted,
                       void (*show)(void *who, struct item *item), void *who)
{
    struct shown shown = { show, who };

    return table_scan_some(&keys->items, cursor, wanted, show_item, &shown);
}

void keyspace_each(struct keyspace *keys, bool (*show)(void *who, struct item *item), void *who)
{
    struct table_walk walk;

    for (void *item = table_walk_begin(&walk, &keys->items); item != NULL;
         item = table_walk_next(&walk)) {
        if (!show(who, item))
            break;
    }
    table_walk_end(&walk);
}

struct item *keyspace_random(struct keyspace *keys, struct random *random)
{
    struct item *item = NULL;

    for (int tries = 0; tries < RANDOM_TRIES; tries++) {
        item = table_random(&keys->items, random);
        if (item == NULL || !keyspace_is_past(keys, item))
            return item;
        keyspace_let_expire(keys, item, keyspace_hash(keys, item_key_of(item)));
    }
    /* Nearly everything is overdue: the sweep finds the rest in order. */
    (void)keyspace_sweep(keys, SIZE_MAX);
    return table_random(&keys->items, random);
}

void item_digest(const struct item *item, const struct value_types *types,
                 struct fingerprint *into)
{
    struct item_digits digits;

    /* Five is for modules, in Redis's numbering. */
    fingerprint_mix_number(into, item->kind == VALUE_STREAM ? 6 : (uint32_t)item->kind);
    if (item->form == ITEM_VALUE)
        types->of[item->kind]->digest(item_value(item), into);
    else
        fingerprint_mix(into, item_string(item, &digits));
    if (item_expires(item))
        fingerprint_add_bytes(into, SLICE("!!expire!!"));
}

/* What the digest of an item leaves out: when it expires, and what its type adds. */
static void digest_rest(const struct item *item, const struct value_types *types,
                        struct fingerprint *into)
{
    fingerprint_mix_integer(into, item_due(item));
    if (item->form == ITEM_VALUE && types->of[item->kind]->digest_rest != NULL)
        types->of[item->kind]->digest_rest(item_value(item), into);
}

struct digest_walk {
    const struct keyspace *keys;
    struct fingerprint    *into;
    bool                   rest;
};

static bool digest_one(void *who, struct item *item)
{
    struct digest_walk *walk = who;
    struct fingerprint one = { { 0 } };

    if (keyspace_is_past(walk->keys, item))
        return true;
    fingerprint_mix(&one, item_key_of(item));
    item_digest(item, walk->keys->all->types, &one);
    if (walk->rest)
        digest_rest(item, walk->keys->all->types, &one);
    fingerprint_add(walk->into, &one);
    return true;
}

static void digest_all(struct keyspace *keys, struct fingerprint *into, bool rest)
{
    struct digest_walk walk = { keys, into, rest };

    if (keyspace_count(keys) == 0)
        return;
    fingerprint_mix_number(into, keys->db);
    keyspace_each(keys, digest_one, &walk);
}

void keyspace_digest(struct keyspace *keys, struct fingerprint *into)
{
    digest_all(keys, into, true);
}

void keyspace_digest_as_redis(struct keyspace *keys, struct fingerprint *into)
{
    digest_all(keys, into, false);
}

static bool check_one(void *who, struct item *item)
{
    struct keyspace *keys = who;
    struct slice key = item_key_of(item);
    struct due due = { item_due(item), item };

    must(table_find(&keys->items, key, keyspace_hash(keys, key)) == item);
    must((ordered_find(keys->dues, &due) != NULL) == item_expires(item));
    if (item_hash(item) != NULL) {
        due.at = hash_next_due(item_hash(item));
        must(due.at == hash_noted_due(item_hash(item)));
        must((ordered_find(keys->fields, &due) != NULL) == (due.at >= 0));
    }
    must((item->form == ITEM_VALUE) == (item->kind != VALUE_STRING));
    return true;
}

void keyspace_check(struct keyspace *keys)
{
    table_check(&keys->items);
    ordered_check(keys->dues);
    ordered_check(keys->fields);
    keyspace_each(keys, check_one, keys);
}

void keyspace_describe(const struct keyspace *keys, struct buffer *to)
{
    table_describe(&keys->items, to);
}
