/* What the registry of types asks of a set. */
#include "storage/base/mover.h"
#include "storage/values/batch.h"
#include "storage/values/codec.h"
#include "storage/values/set.h"

static const struct set *set_of(const struct value *value)
{
    return (const struct set *)(const void *)value;
}

static void free_value(struct value *value)
{
    set_free((struct set *)(void *)value);
}

static struct value *copy(const struct value *value)
{
    return (struct value *)(void *)set_copy(set_of(value));
}

static const char *encoding(const struct value *value)
{
    return set_is_ints(set_of(value)) ? "intset" : "hashtable";
}

static const struct table *members(const struct value *value)
{
    return set_table(set_of(value));
}

static size_t effort(const struct value *value)
{
    return set_is_table(set_of(value)) ? set_count(set_of(value)) : 1;
}

static size_t measure(const struct value *value, size_t samples)
{
    return set_bytes(set_of(value), samples);
}

static void digest(const struct value *value, struct fingerprint *into)
{
    struct set_walk walk;
    struct slice member;

    set_walk_begin(&walk, set_of(value));
    while (set_walk_next(&walk, &member))
        fingerprint_add_bytes(into, member);
    set_walk_end(&walk);
}

static void rewrite(const struct value *value, struct slice key, const struct statement_sink *to)
{
    struct set_walk walk;
    struct slice member;
    struct batch batch;

    batch_begin(&batch, to, SLICE("SADD"), key, 1);
    set_walk_begin(&walk, set_of(value));
    while (set_walk_next(&walk, &member))
        batch_add(&batch, member);
    set_walk_end(&walk);
    batch_end(&batch);
}

static uint64_t defragment(struct value **value, struct mover *mover, uint64_t at)
{
    struct set *set = (struct set *)(void *)*value;

    at = set_move(&set, mover, at);
    *value = (struct value *)(void *)set;
    return at;
}

const struct value_type set_type = {
    .name = "set",
    .free = free_value,
    .copy = copy,
    .encoding = encoding,
    .effort = effort,
    .members = members,
    .measure = measure,
    .digest = digest,
    .rewrite = rewrite,
    .defragment = defragment,
    .rdb_type = set_codec_type,
    .save = set_codec_save,
    .load = set_codec_load,
};
