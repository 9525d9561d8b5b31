/*
 * The table's reading half: scanning with a cursor, choosing by chance, walking
 * from end to end, and the check of everything table.c believes.
 *
 * The cursor counts with its bits reversed. A bucket of a small array is split
 * among those of a larger one that have the same low bits, and counting from
 * the highest bit of the mask down meets all of them next to each other: so
 * what a cursor has behind it in one array, it has behind it in any other.
 */
#include "storage/index/table.h"

#include "storage/base/mover.h"

enum {
    TABLE_SLOT_BITS = 0x7f,
    TABLE_MOVED_BUCKETS = 1024 /* larger arrays share their pages with nobody */
};

static unsigned lowest(unsigned bits)
{
    return (unsigned)__builtin_ctz(bits);
}

static uint64_t array_mask(unsigned exponent)
{
    return (UINT64_C(1) << exponent) - 1;
}

/* -- Scanning. */

static uint64_t reversed(uint64_t bits)
{
    bits = (bits >> 1 & UINT64_C(0x5555555555555555)) | (bits & UINT64_C(0x5555555555555555)) << 1;
    bits = (bits >> 2 & UINT64_C(0x3333333333333333)) | (bits & UINT64_C(0x3333333333333333)) << 2;
    bits = (bits >> 4 & UINT64_C(0x0f0f0f0f0f0f0f0f)) | (bits & UINT64_C(0x0f0f0f0f0f0f0f0f)) << 4;
    return __builtin_bswap64(bits);
}

/* Adds one to the bits under the mask, the highest of which counts least. */
static uint64_t advanced(uint64_t cursor, uint64_t mask)
{
    return reversed(reversed(cursor | ~mask) + 1);
}

/* Is shown the first bucket of a chain. */
typedef void chain_visitor(void *who, struct table_bucket *home);

/* Shows the chains in which is what a cursor stands for, and returns the next cursor. */
static inline __attribute__((always_inline)) uint64_t
scan_chains(const struct table *table, uint64_t cursor, chain_visitor *visit, void *who)
{
    struct table_bucket *small = table->buckets;
    struct table_bucket *large = table->old;
    uint64_t small_mask = array_mask(table->exponent);
    uint64_t large_mask = array_mask(table->old_exponent);

    if (large == NULL) {
        visit(who, &small[cursor & small_mask]);
        return advanced(cursor, small_mask);
    }
    if (small_mask > large_mask) {
        small = table->old;
        large = table->buckets;
        large_mask = small_mask;
        small_mask = array_mask(table->old_exponent);
    }
    visit(who, &small[cursor & small_mask]);
    do {
        visit(who, &large[cursor & large_mask]);
        cursor = advanced(cursor, large_mask);
    } while (cursor & (small_mask ^ large_mask));
    return cursor;
}

/* Who is shown items. */
struct item_scan {
    table_visitor *visit;
    void          *who;
};

static void visit_chain(void *who, struct table_bucket *bucket)
{
    const struct item_scan *scan = who;

    for (; bucket != NULL; bucket = table_next_bucket(bucket)) {
        for (unsigned left = bucket->used & TABLE_SLOT_BITS; left != 0; left &= left - 1)
            scan->visit(scan->who, bucket->slot[lowest(left)]);
    }
}

uint64_t table_scan(const struct table *table, uint64_t cursor, table_visitor *visit, void *who)
{
    struct item_scan scan = { visit, who };

    return scan_chains(table, cursor, visit_chain, &scan);
}

/*
 * A bucket has room for seven, so some are shown as if there were eight times as
 * many buckets: of each one only the items whose hashes go on with the bits that the
 * cursor goes on with. Such cursors are those of a larger array, and mix with others.
 */
enum { TABLE_PART_BITS = 3 };

struct part_scan {
    struct item_scan    shown;
    const struct table *table;
    uint64_t            part;
    uint64_t            mask;
};

static void visit_part(void *who, void *item)
{
    const struct part_scan *scan = who;
    struct slice key = scan->table->kind->key(item);

    if ((table_hash(scan->table, key) & scan->mask) == scan->part)
        scan->shown.visit(scan->shown.who, item);
}

uint64_t table_scan_some(const struct table *table, uint64_t cursor, size_t wanted,
                         table_visitor *visit, void *who)
{
    unsigned exponent = table->old != NULL && table->old_exponent > table->exponent
                            ? table->old_exponent
                            : table->exponent;
    uint64_t mask = array_mask(exponent + TABLE_PART_BITS);
    struct part_scan scan = { { visit, who }, table, cursor & mask, mask };
    struct item_scan parts = { visit_part, &scan };

    /* Who stopped in the midst of a bucket goes on there, so that nothing comes twice. */
    if (wanted >= TABLE_SLOTS && (cursor & mask) <= array_mask(exponent))
        return table_scan(table, cursor, visit, who);
    visit_chain(&parts, &table->buckets[cursor & array_mask(table->exponent)]);
    if (table->old != NULL)
        visit_chain(&parts, &table->old[cursor & array_mask(table->old_exponent)]);
    return advanced(cursor, mask);
}

/* -- Moving. */

struct move_scan {
    struct mover *mover;
    void (*mend)(void *who, void **slot);
    void *who;
};

static void move_chain(void *who, struct table_bucket *bucket)
{
    const struct move_scan *scan = who;

    for (; bucket != NULL; bucket = table_next_bucket(bucket)) {
        if (bucket->used & TABLE_CHAINED)
            (void)mover_move(scan->mover, &bucket->slot[TABLE_SLOTS - 1]);
        for (unsigned left = bucket->used & TABLE_SLOT_BITS; left != 0 && scan->mend != NULL;
             left &= left - 1)
            scan->mend(scan->who, &bucket->slot[lowest(left)]);
    }
}

uint64_t table_move(struct table *table, struct mover *mover, uint64_t cursor,
                    void (*mend)(void *who, void **slot), void *who)
{
    struct move_scan scan = { mover, mend, who };

    must(table->walks == 0);
    /* The one bucket that all empty tables share is nobody's to move, and old arrays go soon. */
    if (table->count == 0)
        return 0;
    if (cursor == 0 && array_mask(table->exponent) < TABLE_MOVED_BUCKETS)
        (void)mover_move(mover, &table->buckets);
    return scan_chains(table, cursor, move_chain, &scan);
}

/* -- Choosing by chance. */

static unsigned chain_count(const struct table_bucket *bucket)
{
    unsigned count = 0;

    for (; bucket != NULL; bucket = table_next_bucket(bucket))
        count += (unsigned)__builtin_popcount(bucket->used & TABLE_SLOT_BITS);
    return count;
}

static void *chain_item(const struct table_bucket *bucket, unsigned index)
{
    unsigned left = bucket->used & TABLE_SLOT_BITS;

    while (index > 0 || left == 0) {
        if (left == 0) {
            bucket = table_next_bucket(bucket);
            left = bucket->used & TABLE_SLOT_BITS;
            continue;
        }
        left &= left - 1;
        index--;
    }
    return bucket->slot[lowest(left)];
}

/* A bucket of either array by one running number: first the old ones not yet moved. */
static const struct table_bucket *numbered(const struct table *table, uint64_t number)
{
    uint64_t old = table->old != NULL ? array_mask(table->old_exponent) + 1 - table->moved : 0;

    return number < old ? &table->old[table->moved + number] : &table->buckets[number - old];
}

/*
 * A bucket is chosen, and kept with a chance that is proportional to its items
 * up to eight, so that an item's chance does not depend on its neighbours. In a
 * table that is nearly empty this could go on for long, so after a while the
 * next item on the way is good enough.
 */
void *table_random(const struct table *table, struct random *random)
{
    enum { FULL = 8, TRIES = 256 };
    uint64_t buckets = array_mask(table->exponent) + 1;
    uint64_t number = 0;
    unsigned count = 0;

    if (table->count == 0)
        return NULL;
    if (table->old != NULL)
        buckets += array_mask(table->old_exponent) + 1 - table->moved;
    for (int tries = 0; tries < TRIES; tries++) {
        number = random_below(random, buckets);
        count = chain_count(numbered(table, number));
        if (count >= FULL || random_below(random, FULL) < count)
            return chain_item(numbered(table, number), (unsigned)random_below(random, count));
    }
    while ((count = chain_count(numbered(table, number))) == 0)
        number = number + 1 < buckets ? number + 1 : 0;
    return chain_item(numbered(table, number), (unsigned)random_below(random, count));
}

/* Takes the items of a chain, as many as there is room for. */
static size_t gather(const struct table_bucket *bucket, void **items, size_t room)
{
    size_t count = 0;

    for (; bucket != NULL; bucket = table_next_bucket(bucket)) {
        for (unsigned left = bucket->used & TABLE_SLOT_BITS; left != 0 && count < room;
             left &= left - 1) {
            items[count] = bucket->slot[lowest(left)];
            __builtin_prefetch(items[count++]);
        }
    }
    return count;
}

size_t table_sample(const struct table *table, struct random *random, void **items, size_t least,
                    size_t most)
{
    enum { EMPTY_MOST = 64 };
    uint64_t buckets = array_mask(table->exponent) + 1;
    uint64_t number;
    size_t count = 0;

    if (table->count == 0)
        return 0;
    if (table->old != NULL)
        buckets += array_mask(table->old_exponent) + 1 - table->moved;
    number = random_below(random, buckets);
    for (uint64_t seen = 0; seen < buckets && seen < least + EMPTY_MOST && count < least; seen++) {
        const struct table_bucket *next;

        count += gather(numbered(table, number), items + count, most - count);
        number = number + 1 < buckets ? number + 1 : 0;
        next = numbered(table, number);
        __builtin_prefetch(next);
    }
    return count;
}

bool table_holds(const struct table *table, const void *item, uint64_t hash)
{
    const struct table_bucket *bucket = table->count > 0 ? table_home(table, hash) : NULL;

    for (; bucket != NULL; bucket = table_next_bucket(bucket)) {
        for (unsigned left = bucket->used & TABLE_SLOT_BITS; left != 0; left &= left - 1) {
            if (bucket->slot[lowest(left)] == item)
                return true;
        }
    }
    return false;
}

/* -- Walking. */

static void enter_bucket(struct table_walk *walk, struct table_bucket *array, uint64_t mask)
{
    walk->bucket = &array[walk->index];
    walk->slot = 0;
    if (walk->index >= mask)
        return;
    /* The items of the next bucket come while the owner looks at these. */
    for (unsigned left = walk->bucket[1].used & TABLE_SLOT_BITS; left != 0; left &= left - 1)
        __builtin_prefetch(walk->bucket[1].slot[lowest(left)]);
}

void *table_walk_begin(struct table_walk *walk, struct table *table)
{
    must(table->walks < UINT8_MAX);
    table->walks++;
    walk->table = table;
    walk->in_old = table->old != NULL;
    walk->index = walk->in_old ? table->moved : 0;
    if (walk->in_old)
        enter_bucket(walk, table->old, array_mask(table->old_exponent));
    else
        enter_bucket(walk, table->buckets, array_mask(table->exponent));
    return table_walk_next(walk);
}

void *table_walk_next(struct table_walk *walk)
{
    struct table *table = walk->table;

    while (walk->bucket != NULL) {
        unsigned left = (unsigned)walk->bucket->used & TABLE_SLOT_BITS & (~0u << walk->slot);

        if (left != 0) {
            walk->slot = lowest(left) + 1;
            return walk->bucket->slot[walk->slot - 1];
        }
        walk->slot = 0;
        walk->bucket = table_next_bucket(walk->bucket);
        if (walk->bucket != NULL)
            continue;
        walk->index++;
        if (walk->in_old && walk->index > array_mask(table->old_exponent)) {
            walk->in_old = false;
            walk->index = 0;
        }
        if (walk->in_old)
            enter_bucket(walk, table->old, array_mask(table->old_exponent));
        else if (walk->index <= array_mask(table->exponent))
            enter_bucket(walk, table->buckets, array_mask(table->exponent));
    }
    return NULL;
}

void table_walk_end(struct table_walk *walk)
{
    must(walk->table->walks > 0);
    walk->table->walks--;
}

/* -- The check. */

static void check_item(const struct table *table, const struct table_bucket *home,
                       const struct table_bucket *bucket, unsigned slot)
{
    struct slice key = table->kind->key(bucket->slot[slot]);
    uint64_t hash = table_hash(table, key);

    must(bucket->tag[slot] == table_tag(hash));
    must(table_home(table, hash) == home);
    /* The first item with its key is the item itself: no key is there twice. */
    must(table_find_slot(table, key, hash) == &bucket->slot[slot]);
}

static size_t check_chain(const struct table *table, const struct table_bucket *home)
{
    size_t count = 0;

    for (const struct table_bucket *at = home; at != NULL; at = table_next_bucket(at)) {
        if (at->used & TABLE_CHAINED) {
            must(!(at->used & 1u << (TABLE_SLOTS - 1)));
            must(at->slot[TABLE_SLOTS - 1] != NULL);
        }
        for (unsigned slot = 0; slot < TABLE_SLOTS; slot++) {
            must((at->tag[slot] != 0) == !!(at->used & 1u << slot));
            if (at->tag[slot] == 0)
                continue;
            check_item(table, home, at, slot);
            count++;
        }
    }
    return count;
}

void table_check(const struct table *table)
{
    size_t count = 0;

    for (uint64_t i = 0; i <= array_mask(table->exponent); i++)
        count += check_chain(table, &table->buckets[i]);
    for (uint64_t i = 0; table->old != NULL && i <= array_mask(table->old_exponent); i++) {
        must(i >= table->moved || table->old[i].used == 0);
        count += check_chain(table, &table->old[i]);
    }
    must(count == table->count);
    must(table->old != NULL || table->moved == 0);
}
