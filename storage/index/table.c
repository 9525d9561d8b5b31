/*
 * The table's writing half: adding, removing, and resizing step by step.
 *
 * A hash is used at both ends: its low bits choose the bucket, its top byte is
 * the tag. While the table resizes, a hash whose old bucket was not moved yet
 * lives there, any other in the new array; so everything with one hash is in
 * one bucket at any time, and a search during a resize costs no second look.
 *
 * What always holds:
 *   (1) A bucket's tag is not 0 exactly where `used` has the slot's bit. Where
 *       bit 7 of `used` is set, bit 6 is not, and slot 6 links a further bucket.
 *   (2) Every item is in the chain of the bucket that table_home tells.
 *   (3) While no walk has left holes, only the last bucket of a chain has free
 *       slots, and it is not empty.
 *   (4) `old` is NULL or an array whose buckets below `moved` are empty.
 *   (5) An empty table that was never added to shares one constant bucket.
 */
#include "storage/index/table.h"

#include <sys/mman.h>

#include "storage/base/memory.h"

enum {
    TABLE_SLOT_BITS = 0x7f,
    TABLE_LINK = TABLE_SLOTS - 1,
    TABLE_SMALL_EXPONENT = 4, /* up to here a resize is done at once */
    TABLE_RELUCTANCE = 5,     /* how many times too full a reluctant table may be */
    TABLE_HUGE_PAGE = 2 * 1024 * 1024
};

static const struct table_bucket table_nothing;

/* -- Arrays of buckets. */

static size_t array_bytes(unsigned exponent)
{
    return sizeof(struct table_bucket) << exponent;
}

static bool is_large(unsigned exponent)
{
    return array_bytes(exponent) >= TABLE_HUGE_PAGE;
}

static struct table_bucket *new_array(unsigned exponent)
{
    must(exponent <= 32);
    return memory_new_aligned(is_large(exponent) ? TABLE_HUGE_PAGE : sizeof(struct table_bucket),
                              array_bytes(exponent));
}

/*
 * Searches jump about in an array: with small pages each would miss the TLB
 * too. Huge ones are asked for when the array is filled, so that the kernel
 * makes them in the background and no write waits for one to be cleared.
 */
static void array_is_filled(struct table_bucket *buckets, unsigned exponent)
{
    if (is_large(exponent))
        (void)madvise(buckets, array_bytes(exponent), MADV_HUGEPAGE);
}

/* Gives back the pages of old buckets that were moved: bit by bit, since a whole large array
 * would take the kernel milliseconds. They then read as zero, which is empty. */
static void array_is_left(struct table_bucket *buckets, unsigned exponent, size_t moved)
{
    const size_t run = TABLE_HUGE_PAGE / sizeof(struct table_bucket);

    if (is_large(exponent) && moved % run == 0)
        (void)madvise(buckets + moved - run, TABLE_HUGE_PAGE, MADV_DONTNEED);
}

static void free_array(struct table_bucket *buckets, unsigned exponent)
{
    if (buckets == &table_nothing)
        return;
    /* The allocator may cut it up for small blocks, which need no huge pages. */
    if (is_large(exponent))
        (void)madvise(buckets, array_bytes(exponent), MADV_NOHUGEPAGE);
    memory_free(buckets);
}

static size_t array_size(unsigned exponent)
{
    return (size_t)1 << exponent;
}

/* How many items fill an array of this size: seven for one bucket, else 5.5 a bucket. */
static size_t array_limit(unsigned exponent)
{
    return exponent == 0 ? TABLE_SLOTS : 11 * array_size(exponent) / 2;
}

/* -- One bucket and its chain. */

static void put(struct table_bucket *bucket, unsigned slot, void *item, uint8_t tag)
{
    bucket->slot[slot] = item;
    bucket->tag[slot] = tag;
    bucket->used = (uint8_t)(bucket->used | 1u << slot);
}

static void clear(struct table_bucket *bucket, unsigned slot)
{
    bucket->slot[slot] = NULL;
    bucket->tag[slot] = 0;
    bucket->used = (uint8_t)(bucket->used & ~(1u << slot));
}

static unsigned free_slots(const struct table_bucket *bucket)
{
    unsigned all = bucket->used & TABLE_CHAINED ? TABLE_SLOT_BITS >> 1 : TABLE_SLOT_BITS;

    return ~(unsigned)bucket->used & all;
}

static unsigned lowest(unsigned bits)
{
    return (unsigned)__builtin_ctz(bits);
}

static void chain_add(struct table_bucket *bucket, void *item, uint8_t tag)
{
    struct table_bucket *next;

    while (free_slots(bucket) == 0) {
        next = table_next_bucket(bucket);
        if (next == NULL) {
            next = memory_new_aligned(sizeof(*next), sizeof(*next));
            put(next, 0, bucket->slot[TABLE_LINK], bucket->tag[TABLE_LINK]);
            clear(bucket, TABLE_LINK);
            bucket->slot[TABLE_LINK] = next;
            bucket->used |= TABLE_CHAINED;
        }
        bucket = next;
    }
    put(bucket, lowest(free_slots(bucket)), item, tag);
}

/* Fills holes of a chain from its end and frees buckets that became empty. */
static void chain_close_holes(struct table_bucket *home)
{
    struct table_bucket *hole = home;

    while (home->used & TABLE_CHAINED) {
        struct table_bucket *before = home;
        struct table_bucket *last = table_next_bucket(home);

        while (last->used & TABLE_CHAINED) {
            before = last;
            last = table_next_bucket(last);
        }
        if (last->used == 0) {
            before->slot[TABLE_LINK] = NULL;
            before->used &= TABLE_SLOT_BITS;
            memory_free_sized(last, sizeof(*last));
            hole = home;
            continue;
        }
        while (hole != last && free_slots(hole) == 0)
            hole = table_next_bucket(hole);
        if (hole == last)
            return;
        put(hole, lowest(free_slots(hole)), last->slot[lowest(last->used)],
            last->tag[lowest(last->used)]);
        clear(last, lowest(last->used));
    }
}

static void prefetch_items(const struct table_bucket *bucket)
{
    for (unsigned left = bucket->used & TABLE_SLOT_BITS; left != 0; left &= left - 1)
        __builtin_prefetch(bucket->slot[lowest(left)]);
}

/* -- Resizing. */

static uint64_t hash_of(const struct table *table, const void *item)
{
    return table_hash(table, table->kind->key(item));
}

/* Moves the items of one old bucket. True if it had any. */
static bool move_bucket(struct table *table)
{
    struct table_bucket *bucket = &table->old[table->moved++];
    struct table_bucket first = *bucket;

    if (first.used == 0)
        return false;
    if (table->moved < array_size(table->old_exponent))
        prefetch_items(&table->old[table->moved]);
    *bucket = (struct table_bucket){ 0 };
    for (bucket = &first; bucket != NULL;) {
        struct table_bucket *next = table_next_bucket(bucket);

        for (unsigned left = bucket->used & TABLE_SLOT_BITS; left != 0; left &= left - 1) {
            void *item = bucket->slot[lowest(left)];
            uint64_t hash = hash_of(table, item);
            uint64_t index = hash & (array_size(table->exponent) - 1);

            chain_add(&table->buckets[index], item, table_tag(hash));
        }
        if (bucket != &first)
            memory_free_sized(bucket, sizeof(*bucket));
        bucket = next;
    }
    return true;
}

static void finish_if_moved(struct table *table)
{
    if (table->moved < array_size(table->old_exponent))
        return;
    free_array(table->old, table->old_exponent);
    table->old = NULL;
    table->moved = 0;
    array_is_filled(table->buckets, table->exponent);
}

/* Moves up to `full` buckets that have items, looking at no more than eight times as many. */
static void move_some(struct table *table, size_t full)
{
    size_t looks = 8 * full;
    size_t left = array_size(table->old_exponent) - table->moved;

    if (looks > left)
        looks = left;
    while (looks-- > 0 && full > 0) {
        full -= move_bucket(table);
        array_is_left(table->old, table->old_exponent, table->moved);
    }
    finish_if_moved(table);
}

static bool is_too_full(const struct table *table, size_t times)
{
    unsigned exponent = table->old != NULL ? table->old_exponent : table->exponent;

    return table->count > times * array_limit(exponent);
}

static bool may_move(const struct table *table)
{
    return table->walks == 0 && (!table->reluctant || is_too_full(table, TABLE_RELUCTANCE));
}

/* The least array that holds so many items at `load` halves of an item a bucket. */
static unsigned exponent_for(size_t count, size_t load)
{
    unsigned exponent = 0;

    if (count <= TABLE_SLOTS)
        return 0;
    while (2 * count > load << exponent)
        exponent++;
    return exponent;
}

static void begin_resize(struct table *table, unsigned exponent)
{
    table->old = table->buckets;
    table->old_exponent = table->exponent;
    table->moved = 0;
    table->buckets = new_array(exponent);
    table->exponent = (uint8_t)exponent;
    if (table->old_exponent > TABLE_SMALL_EXPONENT && table->count > 0)
        return;
    if (table->count == 0)
        table->moved = (uint32_t)array_size(table->old_exponent);
    while (table->moved < array_size(table->old_exponent))
        move_bucket(table);
    finish_if_moved(table);
}

/* Does a write's share of a resize under way: a growing table has many items a bucket. */
static void resize_a_little(struct table *table)
{
    if (LIKELY(table->old == NULL) || !may_move(table))
        return;
    move_some(table, table->exponent > table->old_exponent ? 1 : 4);
}

static void grow_if_full(struct table *table)
{
    if (LIKELY(table->count <= array_limit(table->exponent)))
        return;
    if (table->cramped && !is_too_full(table, TABLE_RELUCTANCE))
        return;
    if (table->old == NULL && may_move(table))
        begin_resize(table, exponent_for(table->count, 11));
}

static void shrink_if_sparse(struct table *table)
{
    if (LIKELY(table->count >= array_size(table->exponent)) || table->exponent == 0)
        return;
    if (table->old == NULL && table->walks == 0 && !table->reluctant && !table->held)
        begin_resize(table, exponent_for(table->count, 8));
}

bool table_resize_step(struct table *table, size_t buckets)
{
    if (table->old == NULL || !may_move(table))
        return false;
    move_some(table, buckets);
    return table->old != NULL;
}

void table_reserve(struct table *table, size_t count)
{
    unsigned exponent = exponent_for(count, 11);

    if (table->old != NULL || table->walks > 0 || exponent <= table->exponent)
        return;
    begin_resize(table, exponent);
}

void table_hold_size(struct table *table, bool hold)
{
    table->held = hold;
    if (!hold)
        shrink_if_sparse(table);
}

void table_set_reluctant(struct table *table, bool reluctant)
{
    table->reluctant = reluctant;
}

void table_set_cramped(struct table *table, bool cramped)
{
    table->cramped = cramped;
}

size_t table_next_bytes(const struct table *table)
{
    return array_bytes(table->exponent + 1u);
}

/* -- Making and ending. */

void table_init(struct table *table, const struct table_kind *kind, const struct hash_key *key)
{
    *table = (struct table){ .kind = kind, .key = key };
    /* Never written to: the first item brings a bucket of its own. */
    table->buckets = (struct table_bucket *)(uintptr_t)&table_nothing;
}

struct table *table_new(const struct table_kind *kind, const struct hash_key *key)
{
    struct table *table = memory_new(sizeof(*table));

    table_init(table, kind, key);
    return table;
}

static void free_chain(const struct table_bucket *home, table_visitor *free_item, void *who)
{
    const struct table_bucket *bucket = home;

    while (bucket != NULL) {
        struct table_bucket *next = table_next_bucket(bucket);

        for (unsigned left = bucket->used & TABLE_SLOT_BITS; left != 0 && free_item != NULL;
             left &= left - 1)
            free_item(who, bucket->slot[lowest(left)]);
        if (bucket != home)
            memory_free((void *)(uintptr_t)bucket);
        bucket = next;
    }
}

static void free_buckets(struct table_bucket *buckets, unsigned exponent, table_visitor *free_item,
                         void *who)
{
    if (buckets == NULL)
        return;
    for (size_t i = 0; i < array_size(exponent); i++) {
        if (free_item != NULL && i + 1 < array_size(exponent))
            prefetch_items(&buckets[i + 1]);
        free_chain(&buckets[i], free_item, who);
    }
    free_array(buckets, exponent);
}

void table_clear(struct table *table, table_visitor *free_item, void *who)
{
    bool reluctant = table->reluctant;

    must(table->walks == 0);
    free_buckets(table->old, table->old_exponent, free_item, who);
    free_buckets(table->buckets, table->exponent, free_item, who);
    table_init(table, table->kind, table->key);
    table->reluctant = reluctant;
}

void table_free(struct table *table, table_visitor *free_item, void *who)
{
    if (table == NULL)
        return;
    table_clear(table, free_item, who);
    memory_free_sized(table, sizeof(*table));
}

/* -- Finding, adding, removing. */

void **table_find_slot(const struct table *table, struct slice key, uint64_t hash)
{
    return table_find_slot_by(table, key, hash, table->kind->key);
}

size_t table_ask_ahead(const struct table *table, const struct slice *words, size_t stride,
                       size_t count)
{
    enum { TOGETHER = 16 };
    uint64_t hashes[TOGETHER];
    size_t there = 0;

    for (size_t first = 0; first < count; first += TOGETHER) {
        size_t some = count - first < TOGETHER ? count - first : TOGETHER;

        for (size_t i = 0; i < some; i++) {
            hashes[i] = table_hash(table, words[(first + i) * stride]);
            table_prefetch(table, hashes[i]);
        }
        for (size_t i = 0; i < some; i++)
            there += table_prefetch_item(table, hashes[i]) != NULL;
    }
    return there;
}

void table_add(struct table *table, void *item, uint64_t hash)
{
    must_dear(table->walks == 0);
    must_dear(table_find_slot(table, table->kind->key(item), hash) == NULL);
    if (UNLIKELY(table->buckets == &table_nothing))
        table->buckets = new_array(0);
    resize_a_little(table);
    chain_add(table_home(table, hash), item, table_tag(hash));
    table->count++;
    grow_if_full(table);
}

/* Takes an item out of its slot in the chain of its home. */
static void *take_out(struct table *table, uint64_t hash, void **slot)
{
    struct table_bucket *home = table_home(table, hash);
    struct table_bucket *bucket = home;
    void *item = *slot;

    while (slot < bucket->slot || slot >= bucket->slot + TABLE_SLOTS)
        bucket = table_next_bucket(bucket);
    clear(bucket, (unsigned)(slot - bucket->slot));
    table->count--;
    /* A walk would miss what is moved behind its back. */
    if (table->walks == 0)
        chain_close_holes(home);
    resize_a_little(table);
    shrink_if_sparse(table);
    return item;
}

void *table_remove(struct table *table, struct slice key, uint64_t hash)
{
    void **slot = table_find_slot(table, key, hash);

    return slot != NULL ? take_out(table, hash, slot) : NULL;
}

bool table_remove_item(struct table *table, const void *item, uint64_t hash)
{
    struct table_bucket *bucket = table_home(table, hash);

    for (; bucket != NULL; bucket = table_next_bucket(bucket)) {
        unsigned left = bucket->used & TABLE_SLOT_BITS;

        for (; left != 0; left &= left - 1) {
            if (bucket->slot[lowest(left)] != item)
                continue;
            take_out(table, hash, &bucket->slot[lowest(left)]);
            return true;
        }
    }
    return false;
}

size_t table_buckets(const struct table *table)
{
    size_t buckets = array_size(table->exponent);

    return table->old != NULL ? buckets + array_size(table->old_exponent) : buckets;
}

/* How many further buckets hang behind some of an array's: all of them, or an estimate. */
static size_t count_links(const struct table_bucket *buckets, unsigned exponent)
{
    enum { SAMPLE_EXPONENT = 10 };
    size_t step = exponent > SAMPLE_EXPONENT ? array_size(exponent - SAMPLE_EXPONENT) : 1;
    size_t links = 0;

    for (size_t i = 0; i < array_size(exponent); i += step) {
        const struct table_bucket *bucket = &buckets[i];

        while ((bucket = table_next_bucket(bucket)) != NULL)
            links++;
    }
    return links * step;
}

size_t table_memory(const struct table *table)
{
    size_t buckets = 0;

    if (table->buckets != &table_nothing)
        buckets += array_size(table->exponent) + count_links(table->buckets, table->exponent);
    if (table->old != NULL)
        buckets += array_size(table->old_exponent) + count_links(table->old, table->old_exponent);
    return sizeof(*table) + buckets * sizeof(struct table_bucket);
}
