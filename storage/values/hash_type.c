/* What the registry of types asks of a hash. */
#include "storage/base/memory.h"
#include "storage/values/batch.h"
#include "storage/values/hash.h"

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
    return hash_is_table(hash_of(value)) ? "hashtable" : "listpack";
}

static size_t effort(const struct value *value)
{
    return hash_is_table(hash_of(value)) ? hash_length(hash_of(value)) : 1;
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

static void rewrite(const struct value *value, struct slice key, const struct statement_sink *to)
{
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
}

static size_t measure(const struct value *value, size_t samples)
{
    return hash_bytes(hash_of(value), samples);
}

const struct value_type hash_type = {
    .name = "hash",
    .free = free_value,
    .copy = copy,
    .encoding = encoding,
    .effort = effort,
    .measure = measure,
    .digest = digest,
    .rewrite = rewrite,
};
