/* What the registry of types asks of a sorted set, and the check of what zset.c believes. */
#include <stdio.h>

#include "storage/base/memory.h"
#include "storage/base/mover.h"
#include "storage/values/batch.h"
#include "storage/values/codec.h"
#include "storage/values/zset_private.h"

const struct table *zset_table(const struct zset *zset)
{
    return zset->value.form == ZSET_LARGE ? &zset->of.large->table : NULL;
}

/* Bytes of memory; looks at `samples` members of a large one, 0 for all, and extrapolates. */
static size_t zset_bytes(const struct zset *zset, size_t samples)
{
    size_t bytes = memory_good_size(sizeof(*zset));
    size_t block_bytes = 0;
    size_t looked = 0;
    struct zset_walk walk;
    struct slice member;
    double score;

    if (zset->value.form == ZSET_PACKED)
        return bytes + (zset->of.packed != NULL ? packed_memory(zset->of.packed) : 0);
    zset_walk_begin(&walk, zset, zset_all(zset), ZSET_RISING);
    while ((samples == 0 || looked < samples) && zset_walk_next(&walk, &member, &score)) {
        block_bytes += memory_good_size(zset_block_size(member.len));
        looked++;
    }
    if (looked > 0)
        bytes += (size_t)((double)block_bytes / (double)looked * (double)zset_count(zset));
    /* The table's header is part of ours. */
    return bytes + memory_good_size(sizeof(struct ordered *)) +
           table_memory(&zset->of.large->table) + ordered_memory(zset->of.large->tree);
}

void zset_ask_ahead(struct zset *zset, const struct slice *words, size_t count, size_t coming)
{
    struct table *table;

    if (zset->value.form != ZSET_LARGE)
        return;
    table = &zset->of.large->table;
    if (table_ask_ahead(table, words, 2, count) <= count / 2)
        table_reserve(table, table_count(table) + coming);
}

static void check_large(const struct zset *zset)
{
    struct zset_large *large = zset->of.large;
    struct ordered_cursor cursor;

    table_check(&large->table);
    ordered_check(large->tree);
    must(ordered_count(large->tree) == table_count(&large->table));
    for (cursor = ordered_first(large->tree); cursor.record != NULL;
         cursor = ordered_next(large->tree, cursor)) {
        const struct zset_record *record = cursor.record;
        struct slice name = zset_block_name(record->block);

        must(record->score == record->block->score);
        must(table_find(&large->table, name, table_hash(&large->table, name)) == record->block);
    }
}

static void check_packed(const struct zset *zset)
{
    struct zset_walk walk;
    struct slice member, before = { 0 };
    double score, score_before = 0;
    char room[NUMBER_INTEGER_MAX];
    size_t rank = 0;

    if (zset->of.packed == NULL)
        return;
    packed_check(zset->of.packed);
    must(packed_count(zset->of.packed) % 2 == 0);
    zset_walk_begin(&walk, zset, zset_all(zset), ZSET_RISING);
    for (; zset_walk_next(&walk, &member, &score); rank++) {
        size_t found;

        must(rank == 0 || score > score_before ||
             (score == score_before && slice_compare(member, before) > 0));
        must(zset_rank(zset, member, &found) && found == rank);
        score_before = score;
        before = member;
        if (member.at == walk.room.digits) {
            memcpy(room, member.at, member.len);
            before.at = room;
        }
    }
    must(rank == zset_count(zset));
}

void zset_check(const struct zset *zset)
{
    must(zset->value.kind == VALUE_ZSET);
    if (zset->value.form == ZSET_LARGE)
        check_large(zset);
    else
        check_packed(zset);
}

/* -- The registry. */

static const struct zset *zset_of(const struct value *value)
{
    return (const struct zset *)(const void *)value;
}

static void free_value(struct value *value)
{
    zset_free((struct zset *)(void *)value);
}

static struct value *copy(const struct value *value)
{
    return (struct value *)(void *)zset_copy(zset_of(value));
}

static const char *encoding(const struct value *value)
{
    return zset_is_large(zset_of(value)) ? "skiplist" : "listpack";
}

static const struct table *members(const struct value *value)
{
    return zset_table(zset_of(value));
}

static size_t effort(const struct value *value)
{
    return zset_is_large(zset_of(value)) ? zset_count(zset_of(value)) : 1;
}

static size_t measure(const struct value *value, size_t samples)
{
    return zset_bytes(zset_of(value), samples);
}

static void digest(const struct value *value, struct fingerprint *into)
{
    const struct zset *zset = zset_of(value);
    struct zset_walk walk;
    struct slice member;
    double score;

    zset_walk_begin(&walk, zset, zset_all(zset), ZSET_RISING);
    while (zset_walk_next(&walk, &member, &score)) {
        struct fingerprint pair = { { 0 } };
        char text[32];
        /* -0 as 0, which is what it may become in another form. */
        int len = snprintf(text, sizeof(text), "%.17g", score == 0 ? 0 : score);

        fingerprint_mix(&pair, member);
        fingerprint_mix(&pair, slice_of(text, (size_t)len));
        fingerprint_add(into, &pair);
    }
}

static void rewrite(const struct value *value, struct slice key, const struct statement_sink *to)
{
    const struct zset *zset = zset_of(value);
    char rooms[BATCH_ELEMENTS][NUMBER_DOUBLE_MAX]; /* a score may be too long for the batch's own */
    struct zset_walk walk;
    struct slice member;
    struct batch batch;
    double score;

    batch_begin(&batch, to, SLICE("ZADD"), key, 2);
    zset_walk_begin(&walk, zset, zset_all(zset), ZSET_RISING);
    for (size_t i = 0; zset_walk_next(&walk, &member, &score); i++) {
        char *room = rooms[i % BATCH_ELEMENTS];

        batch_add(&batch, slice_of(room, number_put_double(room, score)));
        batch_add(&batch, member);
    }
    batch_end(&batch);
}

/* Moves the member of a record; the slot of the table that has it too is found by name. */
struct member_move {
    struct zset_large *large;
    struct mover      *mover;
};

static void move_member(void *who, void *of)
{
    const struct member_move *move = who;
    struct zset_record *record = of;
    struct zset_block *block = (struct zset_block *)(uintptr_t)record->block;
    struct zset_block *moved = mover_copy(move->mover, block);
    struct slice name = zset_block_name(block);
    void **slot;

    if (moved == NULL)
        return;
    slot = table_find_slot(&move->large->table, name, table_hash(&move->large->table, name));
    must(slot != NULL && *slot == block);
    *slot = moved;
    record->block = moved;
    mover_leave(move->mover, block);
}

/* Places of a large zset: ranks of the tree, then, with this bit, those of the table. */
#define IN_TABLE (UINT64_C(1) << 62)

static uint64_t defragment(struct value **value, struct mover *mover, uint64_t at)
{
    struct zset *zset;
    struct zset_large *large;
    struct member_move move = { .mover = mover };

    if (at == 0)
        (void)mover_move(mover, value);
    zset = (struct zset *)(void *)*value;
    if (at == 0)
        (void)mover_move(mover, &zset->of);
    if (zset->value.form == ZSET_PACKED)
        return 0;
    large = move.large = zset->of.large;
    if (at == 0)
        (void)mover_move(mover, &large->tree);
    if ((at & IN_TABLE) == 0) {
        at = ordered_move(large->tree, mover, at, move_member, &move);
        return at > 0 ? at : IN_TABLE;
    }
    at = table_move(&large->table, mover, at & ~IN_TABLE, NULL, NULL);
    return at > 0 ? at | IN_TABLE : 0;
}

const struct value_type zset_type = {
    .name = "zset",
    .free = free_value,
    .copy = copy,
    .encoding = encoding,
    .effort = effort,
    .members = members,
    .measure = measure,
    .digest = digest,
    .rewrite = rewrite,
    .defragment = defragment,
    .rdb_type = zset_codec_type,
    .save = zset_codec_save,
    .load = zset_codec_load,
};
