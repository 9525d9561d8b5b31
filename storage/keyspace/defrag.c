/*
 * A pass goes through each database: first its table, bucket by bucket, then the
 * two indexes of expiry; at last through the rooms.
 *
 *   ITEMS ──► DUES ──► FIELDS ──► the next database's ITEMS ──► ... ──► ROOMS ──► end
 *     └► values with many elements found in a bucket, one by one, before the next bucket
 *
 * What always holds:
 *   (1) `waiting` has keys of database `db`, whose values were not yet looked at,
 *       but for that of the first, which was up to `value_at`.
 *   (2) Between steps no pointer to an item or a value is kept.
 */
#include "storage/keyspace/defrag.h"

#include "storage/base/memory.h"
#include "storage/index/ring.h"
#include "storage/keyspace/keyspace_private.h"

enum {
    ROOMS = 4,
    BLOCKS_BETWEEN_LOOKS = 64, /* at the clock */
    STEPS_BETWEEN_LOOKS = 256  /* where there is little to be found */
};

enum part { PART_ITEMS, PART_DUES, PART_FIELDS, PART_ROOMS };

struct defrag {
    struct keyspaces    *all;
    struct mover         mover;
    struct defrag_counts counts;
    struct defrag_room   rooms[ROOMS];
    uint32_t             room_count;
    uint32_t             number;   /* of the database, or the room */
    enum part            part;
    uint64_t             at;       /* where in that part */
    bool                 scanned;  /* the table is at its end, but for what waits */
    struct ring          waiting;  /* struct bytes *: keys of values with many elements */
    uint64_t             value_at;
    bool                 value_moved; /* something of that value was */
    size_t               most;
};

struct defrag *defrag_new(struct keyspaces *all, bool (*wanted)(const void *block))
{
    struct defrag *defrag = memory_new_zeroed(1, sizeof(*defrag));

    defrag->all = all;
    defrag->mover.wanted = wanted;
    ring_init(&defrag->waiting);
    return defrag;
}

void defrag_stop(struct defrag *defrag)
{
    while (ring_count(&defrag->waiting) > 0)
        bytes_drop(ring_pop_first(&defrag->waiting));
    defrag->number = 0;
    defrag->part = PART_ITEMS;
    defrag->at = 0;
    defrag->scanned = false;
    defrag->value_at = 0;
    defrag->value_moved = false;
}

void defrag_free(struct defrag *defrag)
{
    if (defrag == NULL)
        return;
    defrag_stop(defrag);
    ring_clear(&defrag->waiting);
    memory_free(defrag);
}

void defrag_add(struct defrag *defrag, struct defrag_room room)
{
    must(defrag->room_count < ROOMS);
    defrag->rooms[defrag->room_count++] = room;
}

struct defrag_counts *defrag_counts(struct defrag *defrag)
{
    return &defrag->counts;
}

/* -- One item. */

/* Bytes that somebody else shares stay: a reply under way points into them. */
static void move_bytes(struct defrag *defrag, struct item *item)
{
    struct bytes *bytes = item_bytes(item);
    char *block = bytes_block(bytes);
    size_t front = (size_t)((char *)bytes - block);

    if (!bytes_sole(bytes) || !mover_move(&defrag->mover, &block))
        return;
    *item_payload(item) = (uintptr_t)(block + front);
}

/* Moves some of a value; returns where to go on, 0 at the end. */
static uint64_t move_value(struct defrag *defrag, struct item *item, uint64_t at)
{
    struct value *value = item_value(item);
    const struct value_type *type = defrag->all->types->of[item->kind];

    at = type->defragment(&value, &defrag->mover, at);
    *item_payload(item) = (uintptr_t)value;
    return at;
}

static void move_content(struct defrag *defrag, struct item *item)
{
    uint64_t at = 0;

    if (item->form == ITEM_BYTES) {
        move_bytes(defrag, item);
    } else if (item->form == ITEM_VALUE) {
        if (defrag->all->types->of[item->kind]->effort(item_value(item)) > defrag->most) {
            ring_push_last(&defrag->waiting, bytes_copy(item_key_of(item)));
            return;
        }
        do
            at = move_value(defrag, item, at);
        while (at > 0);
    }
}

/* The block of an item: table and indexes know it by its address. */
static void move_block(struct defrag *defrag, struct keyspace *keys, void **slot)
{
    struct item *item = *slot;
    struct item *moved = mover_copy(&defrag->mover, item);

    if (moved == NULL)
        return;
    if (item_expires(item))
        due_remove(keys, item);
    fields_remove(keys, item);
    *slot = moved;
    if (item_expires(moved))
        due_add(keys, moved);
    fields_add(keys, moved);
    if (keys->all->counted == item)
        keys->all->counted = NULL;
    mover_leave(&defrag->mover, item);
}

static void count_key(struct defrag *defrag, bool moved)
{
    if (moved)
        defrag->counts.keys++;
    else
        defrag->counts.keys_left++;
}

static void move_item(void *who, void **slot)
{
    struct defrag *defrag = who;
    struct keyspace *keys = keyspaces_at(defrag->all, defrag->number);
    uint64_t before = defrag->mover.moved;

    move_block(defrag, keys, slot);
    move_content(defrag, *slot);
    count_key(defrag, defrag->mover.moved > before);
}

/* -- Steps. */

/* Some of the first value that waits. */
static void move_waiting(struct defrag *defrag)
{
    struct keyspace *keys = keyspaces_at(defrag->all, defrag->number);
    struct bytes *key = ring_first(&defrag->waiting);
    uint64_t hash = keyspace_hash(keys, bytes_slice(key));
    struct item *item = table_find(&keys->items, bytes_slice(key), hash);
    uint64_t before = defrag->mover.moved;

    if (item != NULL && item->form == ITEM_VALUE)
        defrag->value_at = move_value(defrag, item, defrag->value_at);
    else
        defrag->value_at = 0;
    defrag->value_moved = defrag->value_moved || defrag->mover.moved > before;
    if (defrag->value_at > 0)
        return;
    count_key(defrag, defrag->value_moved);
    defrag->value_moved = false;
    bytes_drop(ring_pop_first(&defrag->waiting));
}

static void next_part(struct defrag *defrag)
{
    defrag->scanned = false;
    if (defrag->part < PART_FIELDS) {
        defrag->part++;
    } else {
        defrag->number++;
        defrag->part = PART_ITEMS;
        if (defrag->number == keyspaces_count(defrag->all)) {
            defrag->number = 0;
            defrag->part = PART_ROOMS;
        }
    }
}

static void step(struct defrag *defrag)
{
    struct keyspace *keys = &defrag->all->at[defrag->number];

    switch (defrag->part) {
    case PART_ITEMS:
        if (ring_count(&defrag->waiting) > 0) {
            move_waiting(defrag);
            return;
        }
        if (defrag->scanned)
            break;
        defrag->at = table_move(&keys->items, &defrag->mover, defrag->at, move_item, defrag);
        defrag->scanned = defrag->at == 0;
        return;
    case PART_DUES:
        if (defrag->at == 0)
            (void)mover_move(&defrag->mover, &keys->dues);
        defrag->at = ordered_move(keys->dues, &defrag->mover, defrag->at, NULL, NULL);
        break;
    case PART_FIELDS:
        if (defrag->at == 0)
            (void)mover_move(&defrag->mover, &keys->fields);
        defrag->at = ordered_move(keys->fields, &defrag->mover, defrag->at, NULL, NULL);
        break;
    case PART_ROOMS:
        defrag->at = defrag->rooms[defrag->number].move(defrag->rooms[defrag->number].who,
                                                        &defrag->mover, defrag->at);
        if (defrag->at == 0)
            defrag->number++;
        return;
    }
    if (defrag->at == 0)
        next_part(defrag);
}

bool defrag_run(struct defrag *defrag, size_t most, bool (*is_over)(void *who), void *who)
{
    struct mover *mover = &defrag->mover;
    struct mover before = *mover;
    bool ended = false;

    if (defrag->all->unmarked & UNMARKED_SAVING)
        return false;
    /* Queues that were looked at are weighed, by the pointers noted, before they move. */
    keyspaces_settle(defrag->all);
    defrag->most = most;
    do {
        uint64_t goal = mover->moved + mover->left + BLOCKS_BETWEEN_LOOKS;

        for (int i = 0;
             i < STEPS_BETWEEN_LOOKS && !ended && mover->moved + mover->left < goal; i++) {
            if (defrag->part == PART_ROOMS && defrag->number == defrag->room_count)
                ended = true;
            else
                step(defrag);
        }
    } while (!ended && !is_over(who));
    defrag->counts.moved += mover->moved - before.moved;
    defrag->counts.left += mover->left - before.left;
    if (ended)
        defrag_stop(defrag);
    return ended;
}
