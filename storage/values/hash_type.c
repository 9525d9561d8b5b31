/* What the registry of types asks of a hash. */
#include "storage/base/memory.h"
#include "storage/base/mover.h"
#include "storage/values/batch.h"
#include "storage/values/codec.h"
#include "storage/values/hash_expiry.h"
#include "storage/values/hash_private.h"

enum { DUE_HEAD = 5 };

const struct table *hash_table(const struct hash *hash)
{
    return hash_in_table(hash) ? hash_body(hash)->table : NULL;
}

static const struct hash *hash_of(const struct value *value)
{
    return (const struct hash *)(const void *)value;
}

static void free_value(struct value *value)
{
    hash_free((struct hash *)(void *)value);
}

static struct value *copy(const struct value *value)
{
    return (struct value *)(void *)hash_copy(hash_of(value));
}

static const char *encoding(const struct value *value)
{
    if (hash_is_table(hash_of(value)))
        return "hashtable";
    return hash_expires(hash_of(value)) ? "listpackex" : "listpack";
}

static const struct table *members(const struct value *value)
{
    const struct hash *hash = hash_of(value);

    return hash_in_table(hash) ? hash_body(hash)->table : NULL;
}

static size_t effort(const struct value *value)
{
    size_t expiring = hash_expiring(hash_of(value));

    return expiring + (hash_is_table(hash_of(value)) ? hash_length(hash_of(value)) : 1);
}

static void digest(const struct value *value, struct fingerprint *into)
{
    struct hash_walk walk;
    struct slice field, content;

    hash_walk_begin(&walk, hash_of(value));
    while (hash_walk_next(&walk, &field, &content)) {
        struct fingerprint pair = { { 0 } };

        fingerprint_mix(&pair, field);
        fingerprint_mix(&pair, content);
        fingerprint_add(into, &pair);
    }
    hash_walk_end(&walk);
}

/* When which fields expire. */
static void digest_rest(const struct value *value, struct fingerprint *into)
{
    struct hash_walk walk;
    struct slice field, content;

    if (hash_expiring(hash_of(value)) == 0)
        return;
    hash_walk_begin(&walk, hash_of(value));
    while (hash_walk_next(&walk, &field, &content)) {
        struct fingerprint pair = { { 0 } };

        fingerprint_mix(&pair, field);
        fingerprint_mix_integer(&pair, hash_due(hash_of(value), field));
        fingerprint_add(into, &pair);
    }
    hash_walk_end(&walk);
}

/* Fields that expire at one time, collected into a statement. */
struct due_batch {
    const struct statement_sink *to;
    millis       due;
    size_t       count;
    char         digits[NUMBER_INTEGER_MAX];
    char         count_digits[NUMBER_INTEGER_MAX];
    struct slice words[DUE_HEAD + BATCH_ELEMENTS]; /* HPEXPIREAT key due FIELDS count field ... */
};

static void say_dues(struct due_batch *batch)
{
    if (batch->count == 0)
        return;
    batch->words[2] = slice_of(batch->digits, number_put(batch->digits, batch->due));
    batch->words[4] = slice_of(batch->count_digits,
                               number_put(batch->count_digits, (int64_t)batch->count));
    batch->to->say(batch->to->who, batch->words, DUE_HEAD + batch->count);
    batch->count = 0;
}

static void add_due(void *who, struct slice field, millis due)
{
    struct due_batch *batch = who;

    if (batch->count == BATCH_ELEMENTS || due != batch->due)
        say_dues(batch);
    batch->due = due;
    batch->words[DUE_HEAD + batch->count++] = field;
}

static void rewrite(const struct value *value, struct slice key, const struct statement_sink *to)
{
    struct due_batch dues = { .to = to,
                              .words = { SLICE("HPEXPIREAT"), key, { 0 }, SLICE("FIELDS") } };
    struct hash_walk walk;
    struct slice field, content;
    struct batch batch;

    batch_begin(&batch, to, SLICE("HMSET"), key, 2);
    hash_walk_begin(&walk, hash_of(value));
    while (hash_walk_next(&walk, &field, &content)) {
        batch_add(&batch, field);
        batch_add(&batch, content);
    }
    hash_walk_end(&walk);
    batch_end(&batch);
    hash_each_due(hash_of(value), add_due, &dues);
    say_dues(&dues);
}

static size_t measure(const struct value *value, size_t samples)
{
    return hash_bytes(hash_of(value), samples);
}

static void move_entry(void *mover, void **slot)
{
    (void)mover_move(mover, slot);
}

/* Places: of the table first, then, with this bit, of what makes fields expire. */
#define IN_EXPIRING (UINT64_C(1) << 62)

static uint64_t defragment(struct value **value, struct mover *mover, uint64_t at)
{
    struct hash *hash;

    if (at == 0)
        (void)mover_move(mover, value);
    hash = (struct hash *)(void *)*value;
    if (at == 0)
        (void)mover_move(mover, hash_body(hash));
    if ((at & IN_EXPIRING) == 0 && hash_in_table(hash)) {
        at = table_move(hash_body(hash)->table, mover, at, move_entry, mover);
        if (at > 0)
            return at;
    }
    at = hash_move_expiring(hash, mover, at & ~IN_EXPIRING);
    return at > 0 ? at | IN_EXPIRING : 0;
}

const struct value_type hash_type = {
    .name = "hash",
    .free = free_value,
    .copy = copy,
    .encoding = encoding,
    .effort = effort,
    .members = members,
    .measure = measure,
    .digest = digest,
    .digest_rest = digest_rest,
    .rewrite = rewrite,
    .defragment = defragment,
    .rdb_type = hash_codec_type,
    .save = hash_codec_save,
    .load = hash_codec_load,
};
