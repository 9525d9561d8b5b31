/*
 * Expiry: every item with a due time is in a counted tree ordered by it, so
 * that the next to go is found at once and nothing is sampled. Records are
 * {due, item}; equal times are told apart by the block's address.
 *
 * Fields of a hash are kept in such a tree by the hash itself. A second tree
 * of the database has the hashes by the earliest due time of each, so that the
 * field to go next is found in two steps. A hash notes the time by which it is
 * in that tree: whoever changes the hash need not know, keyspace_follow_fields
 * compares.
 */
#include "storage/keyspace/keyspace_private.h"
#include "storage/values/hash_expiry.h"

static int compare_dues(const void *a, const void *b, void *who)
{
    const struct due *x = a;
    const struct due *y = b;

    (void)who;
    if (x->at != y->at)
        return x->at < y->at ? -1 : 1;
    return ((uintptr_t)x->item > (uintptr_t)y->item) - ((uintptr_t)x->item < (uintptr_t)y->item);
}

const struct ordered_kind due_kind = {
    .record_size = sizeof(struct due),
    .lead = ORDERED_LEAD_SIGNED,
    .compare = compare_dues,
};

void due_add(struct keyspace *keys, struct item *item)
{
    struct due due = { item_due(item), item };

    must(ordered_insert(keys->dues, &due));
}

void due_remove(struct keyspace *keys, const struct item *item)
{
    struct due due = { item_due(item), (struct item *)(uintptr_t)item };

    must(ordered_remove(keys->dues, &due, NULL));
}

void keyspace_let_expire(struct keyspace *keys, struct item *item, uint64_t hash)
{
    keys->all->counts.expired++;
    keyspace_tell(keys, item_key_of(item), CHANGE_EXPIRED);
    keyspace_drop(keys, item, hash, true);
}

/* -- Fields of hashes. */

void fields_add(struct keyspace *keys, struct item *item)
{
    struct hash *hash = item_hash(item);
    struct due due = { -1, item };

    if (LIKELY(hash == NULL))
        return;
    due.at = hash_next_due(hash);
    hash_note_due(hash, due.at);
    if (due.at >= 0)
        must(ordered_insert(keys->fields, &due));
}

void fields_remove(struct keyspace *keys, const struct item *item)
{
    struct hash *hash = item_hash(item);
    struct due due = { -1, (struct item *)(uintptr_t)item };

    if (LIKELY(hash == NULL))
        return;
    due.at = hash_noted_due(hash);
    if (due.at < 0)
        return;
    must(ordered_remove(keys->fields, &due, NULL));
    hash_note_due(hash, -1);
}

void keyspace_follow_fields(struct keyspace *keys, struct slice key, struct hash *hash)
{
    struct item *item;

    if (LIKELY(hash_next_due(hash) == hash_noted_due(hash)))
        return;
    item = table_find(&keys->items, key, keyspace_hash(keys, key));
    must(item != NULL && item_hash(item) == hash);
    fields_remove(keys, item);
    fields_add(keys, item);
}

size_t keyspace_expiring_fields(const struct keyspace *keys)
{
    return ordered_count(keys->fields);
}

millis keyspace_fields_now(const struct keyspace *keys)
{
    return keys->all->keep_expired ? -1 : keys->all->now;
}

bool keyspace_field_is_past(const struct keyspace *keys, const struct hash *hash,
                            struct slice field)
{
    millis due = hash_due(hash, field);

    return due >= 0 && due <= keyspace_fields_now(keys);
}

/* Announces that a field goes, and takes it out. */
static void let_field_go(struct keyspace *keys, struct slice key, struct hash *hash,
                         struct slice field)
{
    const struct change_sink *changes = keys->all->changes;

    keys->all->counts.expired_fields++;
    if (changes != NULL && changes->tell_field != NULL)
        changes->tell_field(changes->who, keys->db, key, field);
    must(hash_remove(hash, field));
}

/* What follows when fields went: the hash may be empty. Returns it, or NULL if it is gone. */
static struct hash *fields_went(struct keyspace *keys, struct slice key, struct hash *hash)
{
    uint64_t digest = keyspace_hash(keys, key);
    struct item *item;

    keyspace_tell(keys, key, CHANGE_FIELDS_EXPIRED);
    if (hash_length(hash) > 0) {
        keyspace_follow_fields(keys, key, hash);
        return hash;
    }
    item = table_find(&keys->items, key, digest);
    must(item != NULL && item_hash(item) == hash);
    keyspace_tell(keys, key, CHANGE_EMPTIED);
    keyspace_drop(keys, item, digest, true);
    return NULL;
}

struct hash *keyspace_expire_field(struct keyspace *keys, struct slice key, struct hash *hash,
                                   struct slice field)
{
    return keyspace_expire_these(keys, key, hash, &field, 1, 1);
}

struct hash *keyspace_expire_these(struct keyspace *keys, struct slice key, struct hash *hash,
                                   const struct slice *fields, size_t count, size_t step)
{
    bool gone = false;

    for (size_t i = 0; i < count; i++) {
        if (LIKELY(!keyspace_field_is_past(keys, hash, fields[i * step])))
            continue;
        let_field_go(keys, key, hash, fields[i * step]);
        gone = true;
    }
    return gone ? fields_went(keys, key, hash) : hash;
}

struct hash *keyspace_expire_fields(struct keyspace *keys, struct slice key, struct hash *hash,
                                    size_t most, size_t *gone)
{
    millis now = keyspace_fields_now(keys);
    struct slice field;
    millis due;

    *gone = 0;
    while (*gone < most && hash_next_field(hash, &field, &due) && due <= now) {
        let_field_go(keys, key, hash, field);
        (*gone)++;
    }
    return *gone > 0 ? fields_went(keys, key, hash) : hash;
}

/* -- The sweep. */

static const struct due *first_of(const struct ordered *tree)
{
    return ordered_first(tree).record;
}

millis keyspace_next_due(const struct keyspace *keys)
{
    const struct due *item = first_of(keys->dues);
    const struct due *field = first_of(keys->fields);

    if (item == NULL || field == NULL)
        return item != NULL ? item->at : field != NULL ? field->at : -1;
    return item->at < field->at ? item->at : field->at;
}

/* Takes out fields past their time, of one hash after the other. */
static size_t sweep_fields(struct keyspace *keys, size_t most)
{
    size_t gone = 0;

    while (gone < most) {
        const struct due *first = first_of(keys->fields);
        struct item *item;
        size_t went;

        if (first == NULL || first->at > keyspace_fields_now(keys))
            break;
        item = first->item;
        (void)keyspace_expire_fields(keys, item_key_of(item), item_hash(item), most - gone, &went);
        gone += went;
    }
    return gone;
}

size_t keyspace_sweep(struct keyspace *keys, size_t most)
{
    size_t gone = 0;

    while (gone < most) {
        const struct due *first = first_of(keys->dues);
        struct item *item;

        if (first == NULL)
            break;
        item = first->item;
        if (!keyspace_is_past(keys, item))
            break;
        keyspace_let_expire(keys, item, keyspace_hash(keys, item_key_of(item)));
        gone++;
    }
    return gone + sweep_fields(keys, most - gone);
}
