/*
 * Expiry: every item with a due time is in a counted tree ordered by it, so
 * that the next to go is found at once and nothing is sampled. Records are
 * {due, item}; equal times are told apart by the block's address.
 */
#include "storage/keyspace/keyspace_private.h"

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

millis keyspace_next_due(const struct keyspace *keys)
{
    struct ordered_cursor first = ordered_first(keys->dues);

    return first.record == NULL ? -1 : ((const struct due *)first.record)->at;
}

size_t keyspace_sweep(struct keyspace *keys, size_t most)
{
    size_t gone = 0;

    while (gone < most) {
        struct ordered_cursor first = ordered_first(keys->dues);
        struct item *item;

        if (first.record == NULL)
            break;
        item = ((const struct due *)first.record)->item;
        if (!keyspace_is_past(keys, item))
            break;
        keyspace_let_expire(keys, item, keyspace_hash(keys, item_key_of(item)));
        gone++;
    }
    return gone;
}
