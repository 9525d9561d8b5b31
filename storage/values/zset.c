/*
 * Members and scores, packed or in a table and a tree.
 *
 * What always holds:
 *   (1) No two members are equal; no score is NaN.
 *   (2) A packed zset has pairs of member and score that rise by score and,
 *       where scores are equal, by the bytes of the member. Its block may be
 *       missing while it is empty.
 *   (3) Table and tree of a large zset hold the same blocks; a record's score
 *       is its block's.
 *   (4) A large zset stays large.
 */
#include "storage/values/zset.h"

#include <math.h>

#include "storage/base/memory.h"
#include "storage/values/zset_private.h"

enum { ZSET_LOOK_AHEAD = 8 };

_Static_assert(sizeof(struct zset) == 16, "a small zset is a small header and a block");
_Static_assert(sizeof(struct zset_record) == 16, "a record is a score and a pointer");

const struct zset_block zset_behind_all = { .score = 0 };

/* -- Members of a large zset. */

struct zset_block *zset_block_new(struct slice member, double score)
{
    struct zset_block *block = memory_new(zset_block_size(member.len));

    block->score = score;
    (void)counted_put(block->name, member);
    return block;
}

static void block_free(void *block)
{
    memory_free_sized(block, zset_block_size(zset_block_name(block).len));
}

static void free_item(void *who, void *block)
{
    (void)who;
    block_free(block);
}

int zset_compare(const void *a, const void *b, void *who)
{
    const struct zset_record *x = a;
    const struct zset_record *y = b;

    (void)who;
    if (x->score != y->score)
        return x->score < y->score ? -1 : 1;
    if (x->block == y->block)
        return 0;
    if (x->block == ZSET_BEFORE_ALL)
        return -1;
    if (x->block == &zset_behind_all)
        return 1;
    return slice_compare(zset_block_name(x->block), zset_block_name(y->block));
}

static const struct table_kind members = { zset_block_name };

static const struct ordered_kind records = {
    .record_size = sizeof(struct zset_record),
    .lead = ORDERED_LEAD_DOUBLE,
    .compare = zset_compare,
};

/* -- The whole. */

struct zset *zset_new(void)
{
    struct zset *zset = memory_new(sizeof(*zset));

    *zset = (struct zset){ .value = { .kind = VALUE_ZSET, .form = ZSET_PACKED } };
    return zset;
}

static struct zset_large *large_new(const struct hash_key *key, size_t count)
{
    struct zset_large *large = memory_new(sizeof(*large));

    table_init(&large->table, &members, key);
    table_reserve(&large->table, count);
    large->tree = ordered_new(&records, NULL);
    return large;
}

struct zset *zset_new_large(const struct hash_key *key, size_t count)
{
    struct zset *zset = zset_new();

    zset->value.form = ZSET_LARGE;
    zset->of.large = large_new(key, count);
    return zset;
}

void zset_free(struct zset *zset)
{
    if (zset == NULL)
        return;
    if (zset->value.form == ZSET_LARGE) {
        ordered_free(zset->of.large->tree);
        table_clear(&zset->of.large->table, free_item, NULL);
        memory_free_sized(zset->of.large, sizeof(*zset->of.large));
    } else if (zset->of.packed != NULL) {
        packed_free(zset->of.packed);
    }
    memory_free_sized(zset, sizeof(*zset));
}

size_t zset_count(const struct zset *zset)
{
    if (zset->value.form == ZSET_LARGE)
        return table_count(&zset->of.large->table);
    return zset->of.packed != NULL ? packed_count(zset->of.packed) / 2 : 0;
}

/* Adds a member that is not there yet. */
static void add_block(struct zset_large *large, struct slice member, uint64_t digest, double score)
{
    struct zset_block *block = zset_block_new(member, score);
    bool added;

    table_add(&large->table, block, digest);
    added = ordered_insert(large->tree, &(struct zset_record){ score, block });
    must(added);
}

/* Up to a batch of them. */
static void append_batch(struct zset_large *large, struct zset_block *const *blocks, size_t count)
{
    uint64_t digests[ZSET_BATCH];

    for (size_t i = 0; i < count; i++) {
        digests[i] = table_hash(&large->table, zset_block_name(blocks[i]));
        table_prefetch(&large->table, digests[i]);
    }
    for (size_t i = 0; i < count; i++) {
        bool added;

        table_add(&large->table, blocks[i], digests[i]);
        added = ordered_insert(large->tree, &(struct zset_record){ blocks[i]->score, blocks[i] });
        must(added);
    }
}

void zset_append_large(struct zset *zset, struct zset_block *const *blocks, size_t count)
{
    for (size_t first = 0; first < count; first += ZSET_BATCH)
        append_batch(zset->of.large, blocks + first,
                     count - first < ZSET_BATCH ? count - first : ZSET_BATCH);
}

struct zset *zset_copy(const struct zset *zset)
{
    struct zset *copy;
    struct zset_block *blocks[ZSET_BATCH];
    size_t held = 0;
    struct zset_walk walk;
    struct slice member;
    double score;

    if (zset->value.form == ZSET_PACKED) {
        copy = zset_new();
        if (zset->of.packed != NULL)
            copy->of.packed = packed_copy(packed_slice(zset->of.packed));
        return copy;
    }
    copy = zset_new_large(zset->of.large->table.key, zset_count(zset));
    zset_walk_begin(&walk, zset, zset_all(zset), ZSET_RISING);
    while (zset_walk_next(&walk, &member, &score)) {
        blocks[held++] = zset_block_new(member, score);
        if (held == ZSET_BATCH) {
            append_batch(copy->of.large, blocks, held);
            held = 0;
        }
    }
    append_batch(copy->of.large, blocks, held);
    return copy;
}

/* -- The packed form. */

double zset_packed_score(const struct packed *packed, size_t place)
{
    struct packed_value value = packed_get(packed, place);
    double score;
    bool read;

    if (value.is_integer)
        return (double)value.integer;
    read = number_read_double(value.text, &score);
    must(read);
    return score;
}

/* A score as it is packed; `room` has NUMBER_DOUBLE_MAX bytes. */
static struct packed_value score_value(double score, char *room)
{
    if (zset_packs_integer(score))
        return packed_integer((int64_t)score);
    return packed_text(slice_of(room, number_put_double(room, score)));
}

/* The place of a member, or 0. */
static size_t find_packed(const struct zset *zset, struct slice member)
{
    if (zset->of.packed == NULL)
        return 0;
    return packed_find(zset->of.packed, packed_first(zset->of.packed), member, 1);
}

/* Whether the member at a place lies before another. */
static bool lies_before(const struct packed *packed, size_t place, struct slice member,
                        double score)
{
    double here = zset_packed_score(packed, packed_next(packed, place));
    char room[PACKED_TEXT_MAX];

    if (here != score)
        return here < score;
    return slice_compare(packed_print(packed_get(packed, place), room), member) < 0;
}

void zset_append_packed(struct zset *zset, struct slice member, double score)
{
    char room[NUMBER_DOUBLE_MAX];

    zset->of.packed =
        packed_insert_pair(zset->of.packed, 0, packed_text(member), score_value(score, room));
}

/* Puts a member that is not there where it belongs. Rising ones belong behind the last. */
static void insert_packed(struct zset *zset, struct slice member, double score)
{
    struct packed *packed = zset->of.packed;
    size_t last = packed != NULL ? packed_last(packed) : 0;
    char room[NUMBER_DOUBLE_MAX];
    size_t place;

    if (last == 0 || lies_before(packed, packed_previous(packed, last), member, score)) {
        zset_append_packed(zset, member, score);
        return;
    }
    place = packed_first(packed);
    while (lies_before(packed, place, member, score))
        place = packed_next(packed, packed_next(packed, place));
    zset->of.packed =
        packed_insert_pair(packed, place, packed_text(member), score_value(score, room));
}

static void remove_packed(struct zset *zset, size_t place)
{
    zset->of.packed = packed_delete_range(zset->of.packed, &place, 2);
}

static void become_large(struct zset *zset, const struct value_limits *limits, size_t count)
{
    struct zset_large *large = large_new(limits->secret, count);
    struct zset_walk walk;
    struct slice member;
    double score;

    zset_walk_begin(&walk, zset, zset_all(zset), ZSET_RISING);
    while (zset_walk_next(&walk, &member, &score))
        add_block(large, member, table_hash(&large->table, member), score);
    if (zset->of.packed != NULL)
        packed_free(zset->of.packed);
    zset->value.form = ZSET_LARGE;
    zset->of.large = large;
}

static struct zset_block *find_block(const struct zset *zset, struct slice member, uint64_t digest)
{
    void **slot = table_find_slot_by(&zset->of.large->table, member, digest, zset_block_name);

    return slot != NULL ? *slot : NULL;
}

static struct zset_block *look_up(const struct zset *zset, struct slice member)
{
    return find_block(zset, member, table_hash(&zset->of.large->table, member));
}

/* -- Changing. */

/* What becomes of a member that has a score and is to get another. */
static enum zset_outcome weigh(double had, double score, unsigned terms, double *now)
{
    if (terms & ZSET_IF_NEW)
        return ZSET_KEPT;
    if (terms & ZSET_INCREASE)
        score += had;
    if (isnan(score))
        return ZSET_NAN;
    if ((terms & ZSET_IF_GREATER && score <= had) || (terms & ZSET_IF_LESS && score >= had))
        return ZSET_KEPT;
    *now = score;
    return score == had ? ZSET_SAME : ZSET_MOVED;
}

static enum zset_outcome add_to_large(struct zset *zset, struct slice member, double score,
                                      unsigned terms, double *now)
{
    struct zset_large *large = zset->of.large;
    uint64_t digest = table_hash(&large->table, member);
    struct zset_block *block = find_block(zset, member, digest);
    enum zset_outcome outcome;
    bool done;

    if (block == NULL) {
        if (terms & ZSET_IF_THERE)
            return ZSET_KEPT;
        add_block(large, member, digest, score);
        *now = score;
        return ZSET_ADDED;
    }
    outcome = weigh(block->score, score, terms, now);
    if (outcome != ZSET_MOVED)
        return outcome;
    done = ordered_remove(large->tree, &(struct zset_record){ block->score, block }, NULL);
    must(done);
    block->score = *now;
    done = ordered_insert(large->tree, &(struct zset_record){ *now, block });
    must(done);
    return outcome;
}

/* Whether one more member of this length may be packed with the others. */
static bool may_be_packed(const struct zset *zset, const struct value_limits *limits, size_t len)
{
    return zset_count(zset) < limits->zset_entries && len <= limits->zset_value &&
           (zset->of.packed == NULL || packed_fits(zset->of.packed, len + 48, 2));
}

enum zset_outcome zset_add(struct zset *zset, const struct value_limits *limits,
                           struct slice member, double score, unsigned terms, double *now)
{
    enum zset_outcome outcome;
    double given;
    size_t place;

    if (now == NULL)
        now = &given;
    if (zset->value.form == ZSET_LARGE)
        return add_to_large(zset, member, score, terms, now);
    place = find_packed(zset, member);
    if (place != 0) {
        double had = zset_packed_score(zset->of.packed, packed_next(zset->of.packed, place));

        outcome = weigh(had, score, terms, now);
        if (outcome == ZSET_MOVED) {
            remove_packed(zset, place);
            insert_packed(zset, member, *now);
        }
        return outcome;
    }
    if (terms & ZSET_IF_THERE)
        return ZSET_KEPT;
    if (!may_be_packed(zset, limits, member.len)) {
        become_large(zset, limits, zset_count(zset) + 1);
        return add_to_large(zset, member, score, terms, now);
    }
    insert_packed(zset, member, score);
    *now = score;
    return ZSET_ADDED;
}

void zset_reserve(struct zset *zset, const struct value_limits *limits, size_t count)
{
    if (zset->value.form == ZSET_PACKED && count > limits->zset_entries)
        become_large(zset, limits, count);
}

bool zset_remove(struct zset *zset, struct slice member)
{
    if (zset->value.form == ZSET_LARGE) {
        struct zset_large *large = zset->of.large;
        struct zset_block *block =
            table_remove(&large->table, member, table_hash(&large->table, member));
        bool removed;

        if (block == NULL)
            return false;
        removed = ordered_remove(large->tree, &(struct zset_record){ block->score, block }, NULL);
        must(removed);
        block_free(block);
        return true;
    }

    size_t place = find_packed(zset, member);
    if (place != 0)
        remove_packed(zset, place);
    return place != 0;
}

/* Forgets a member that is about to leave the tree. */
static void drop_block(void *who, const void *item)
{
    const struct zset_record *record = item;
    struct table *table = who;
    void *block = (void *)(uintptr_t)record->block;
    bool removed = table_remove_item(table, block, table_hash(table, zset_block_name(block)));

    must(removed);
    block_free(block);
}

size_t zset_remove_span(struct zset *zset, struct zset_span span)
{
    size_t count = zset_count(zset);
    size_t place;

    if (span.to > count)
        span.to = count;
    if (span.from >= span.to)
        return 0;
    if (zset->value.form == ZSET_LARGE)
        return ordered_remove_range(zset->of.large->tree, span.from, span.to, drop_block,
                                    &zset->of.large->table);
    place = packed_at(zset->of.packed, 2 * (int64_t)span.from);
    zset->of.packed = packed_delete_range(zset->of.packed, &place, 2 * (span.to - span.from));
    return span.to - span.from;
}

/* -- Looking. */

bool zset_score(const struct zset *zset, struct slice member, double *score)
{
    if (zset->value.form == ZSET_LARGE) {
        const struct zset_block *block = look_up(zset, member);

        if (block == NULL)
            return false;
        *score = block->score;
    } else {
        size_t place = find_packed(zset, member);

        if (place == 0)
            return false;
        *score = zset_packed_score(zset->of.packed, packed_next(zset->of.packed, place));
    }
    return true;
}

bool zset_rank(const struct zset *zset, struct slice member, size_t *rank)
{
    if (zset->value.form == ZSET_LARGE) {
        const struct zset_block *block = look_up(zset, member);

        if (block == NULL)
            return false;
        *rank = ordered_rank(zset->of.large->tree, &(struct zset_record){ block->score, block });
    } else {
        const struct packed *packed = zset->of.packed;
        size_t place = find_packed(zset, member);

        if (place == 0)
            return false;
        *rank = 0;
        for (size_t at = packed_first(packed); at != place; ++*rank)
            at = packed_next(packed, packed_next(packed, at));
    }
    return true;
}

static struct ordered_cursor step(const struct zset_walk *walk, struct ordered_cursor cursor)
{
    return walk->direction == ZSET_RISING ? ordered_next(walk->tree, cursor)
                                          : ordered_previous(walk->tree, cursor);
}

/* Asks for the member that is so many steps ahead, long before it is shown. */
static void look_ahead(struct zset_walk *walk)
{
    const struct zset_record *record;

    walk->ahead = step(walk, walk->ahead);
    record = walk->ahead.record;
    if (record != NULL)
        __builtin_prefetch(record->block);
}

void zset_walk_begin(struct zset_walk *walk, const struct zset *zset, struct zset_span span,
                     enum zset_direction direction)
{
    size_t count = zset_count(zset);
    size_t first;

    if (span.to > count)
        span.to = count;
    walk->left = span.from < span.to ? span.to - span.from : 0;
    if (walk->left == 0)
        return;
    first = direction == ZSET_RISING ? span.from : span.to - 1;
    walk->direction = direction;
    walk->packed = NULL;
    if (zset->value.form == ZSET_PACKED) {
        walk->packed = zset->of.packed;
        walk->place = packed_at(zset->of.packed, 2 * (int64_t)first);
        return;
    }
    walk->tree = zset->of.large->tree;
    walk->cursor = ordered_at(walk->tree, first);
    walk->ahead = walk->cursor;
    for (size_t i = 1; i < walk->left && i < ZSET_LOOK_AHEAD; i++)
        look_ahead(walk);
}

bool zset_walk_next(struct zset_walk *walk, struct slice *member, double *score)
{
    if (walk->left == 0)
        return false;
    walk->left--;
    if (walk->packed != NULL) {
        const struct packed *packed = walk->packed;
        size_t at = packed_next(packed, walk->place);

        *member = packed_print(packed_get(packed, walk->place), walk->room.digits);
        *score = zset_packed_score(packed, at);
        if (walk->direction == ZSET_RISING)
            walk->place = packed_next(packed, at);
        else if (walk->left > 0)
            walk->place = packed_previous(packed, packed_previous(packed, walk->place));
    } else {
        const struct zset_record *record = walk->cursor.record;

        *member = zset_block_name(record->block);
        *score = record->score;
        walk->cursor = step(walk, walk->cursor);
        if (walk->left >= ZSET_LOOK_AHEAD)
            look_ahead(walk);
    }
    return true;
}

struct shown {
    zset_visitor *visit;
    void *who;
};

static void show_block(void *who, void *item)
{
    const struct shown *shown = who;
    const struct zset_block *block = item;

    shown->visit(shown->who, zset_block_name(block), block->score);
}

uint64_t zset_scan(const struct zset *zset, uint64_t cursor, zset_visitor *visit, void *who)
{
    struct shown shown = { visit, who };
    struct zset_walk walk;
    struct slice member;
    double score;

    if (zset->value.form == ZSET_LARGE)
        return table_scan(&zset->of.large->table, cursor, show_block, &shown);
    zset_walk_begin(&walk, zset, zset_all(zset), ZSET_RISING);
    while (zset_walk_next(&walk, &member, &score))
        visit(who, member, score);
    return 0;
}

struct slice zset_at(const struct zset *zset, size_t rank, struct zset_room *room, double *score)
{
    if (zset->value.form == ZSET_LARGE) {
        const struct zset_record *record = ordered_at(zset->of.large->tree, rank).record;

        *score = record->score;
        return zset_block_name(record->block);
    }

    size_t place = packed_at(zset->of.packed, 2 * (int64_t)rank);
    *score = zset_packed_score(zset->of.packed, packed_next(zset->of.packed, place));
    return packed_print(packed_get(zset->of.packed, place), room->digits);
}

bool zset_is_large(const struct zset *zset)
{
    return zset->value.form == ZSET_LARGE;
}

const struct packed *zset_packed(const struct zset *zset)
{
    return zset->value.form == ZSET_PACKED ? zset->of.packed : NULL;
}
