/*
 * Hashes in the RDB format.
 *
 *   RDB_HASH_EXPIRY          first due time, 8 bytes | count |
 *                            due | field | value ...
 *   RDB_HASH_PACKED_EXPIRY   first due time, 8 bytes | block of field value due ...
 *
 * A due time of RDB_HASH_EXPIRY is a length: 0 for a field that does not expire,
 * else how long after the first due time, and one. In a block it is the time
 * itself, 0 for none. Before that was released there was no first due time, and
 * all were times themselves (the EARLY types). Format source: the public
 * description of what Redis 7.4 writes.
 */
#include "storage/values/codec.h"
#include "storage/values/elements.h"
#include "storage/values/hash_expiry.h"

/* Times behind this one could not be reckoned with. */
#define DUE_MOST ((INT64_C(1) << 48) - 1)

static const struct hash *hash_of(const struct value *value)
{
    return (const struct hash *)(const void *)value;
}

int hash_codec_type(const struct value *value)
{
    if (hash_expiring(hash_of(value)) > 0)
        return RDB_HASH_EXPIRY;
    return hash_packed(hash_of(value)) != NULL ? RDB_HASH_PACKED : RDB_HASH;
}

void hash_codec_save(const struct value *value, struct rdb_writer *to)
{
    const struct hash *hash = hash_of(value);
    int rdb_type = hash_codec_type(value);
    millis first = hash_next_due(hash);
    struct slice field, content;
    struct hash_walk walk;

    if (rdb_type == RDB_HASH_PACKED) {
        rdb_put_string(to, packed_slice(hash_packed(hash)));
        return;
    }
    if (rdb_type == RDB_HASH_EXPIRY)
        rdb_put_millis(to, first);
    rdb_put_length(to, hash_length(hash));
    hash_walk_begin(&walk, hash);
    while (hash_walk_next(&walk, &field, &content)) {
        if (rdb_type == RDB_HASH_EXPIRY) {
            millis due = hash_due(hash, field);

            rdb_put_length(to, due < 0 ? 0 : (uint64_t)(due - first) + 1);
        }
        rdb_put_string(to, field);
        rdb_put_string(to, content);
    }
    hash_walk_end(&walk);
}

/* What is being read. */
struct loading {
    struct rdb_reader         *from;
    struct hash               *hash;
    const struct value_limits *limits;
};

static bool refuse_twice(const struct loading *loading)
{
    return rdb_refuse(loading->from, "a hash has a field twice: listpack with dup elements");
}

static bool put(const struct loading *loading, struct slice field, struct slice content)
{
    return hash_put(loading->hash, loading->limits, field, content) ||
           refuse_twice(loading);
}

/* Copies elements into a block of our own; NULL if one is too long to be packed. */
static struct packed *copied_block(struct elements elements, size_t bytes, size_t longest)
{
    struct packed *packed = packed_new(bytes);
    struct slice element;

    while (elements_next(&elements, &element)) {
        if (element.len > longest || !packed_fits(packed, element.len, 1)) {
            packed_free(packed);
            return NULL;
        }
        packed = packed_append(packed, element);
    }
    return packed_trim(packed);
}

/* Takes fields and values that may stay packed, whole; true if it has, or has refused them. Fields
 * are looked for in each other together: one by one would take the square of their number. */
static bool took_block(const struct loading *loading, const struct elements *elements, size_t bytes,
                       bool *fine)
{
    const struct value_limits *limits = loading->limits;
    size_t fields = elements_count(elements) / 2;
    struct packed *packed = NULL;

    if (fields <= limits->hash_entries)
        packed = copied_block(*elements, bytes, limits->hash_value);
    if (packed == NULL) {
        hash_begin_table(loading->hash, limits, codec_reserve(fields));
        return false;
    }
    *fine = packed_distinct(packed, 1, limits->secret) || refuse_twice(loading);
    if (*fine)
        hash_take_block(loading->hash, &packed);
    packed_free(packed);
    return true;
}

/* A time that is not 0 makes the field expire. */
static bool put_due(const struct loading *loading, struct slice field, uint64_t due)
{
    if (due > (uint64_t)DUE_MOST)
        return rdb_refuse(loading->from, "a field of a hash expires too late to be true");
    if (due > 0)
        hash_expire_at(loading->hash, loading->limits, field, (millis)due);
    return true;
}

/* Fields of a block stand by their times, and those that do not expire behind them. */
static bool put_next_due(const struct loading *loading, struct slice field, struct slice digits,
                         uint64_t *last)
{
    uint64_t due;

    if (!number_read_unsigned(digits, &due))
        return rdb_refuse(loading->from, "a field of a hash expires at no time");
    if (!put_due(loading, field, due))
        return false;
    if (due == 0)
        due = UINT64_MAX;
    if (due < *last)
        return rdb_refuse(loading->from, "Hash listpack integrity check failed: its times are "
                                         "not in order");
    *last = due;
    return true;
}

static bool load_block(const struct loading *loading, enum elements_kind kind, bool dated)
{
    struct rdb_reader *from = loading->from;
    struct slice block, field, content, digits;
    struct elements elements;
    size_t each = dated ? 3 : 2;
    uint64_t last = 0;
    bool fine;

    if (!rdb_get_string(from, 0, &block))
        return false;
    if (!elements_begin(&elements, kind, block) || elements_count(&elements) % each != 0)
        return rdb_refuse(from, kind == ELEMENTS_ZIPMAP    ? "Zipmap integrity check failed"
                                : kind == ELEMENTS_ZIPLIST ? "Hash ziplist integrity check failed"
                                                           : "Hash listpack integrity check failed");
    if (kind == ELEMENTS_ZIPMAP && elements_count(&elements) == 0)
        return rdb_refuse(from, "Zipmap integrity check failed: it is empty");
    if (!dated && took_block(loading, &elements, block.len, &fine))
        return fine;
    while (elements_next(&elements, &field)) {
        if (!elements_next(&elements, &content) || !put(loading, field, content))
            return false;
        if (!dated)
            continue;
        if (!elements_next(&elements, &digits) ||
            !put_next_due(loading, field, digits, &last))
            return false;
    }
    return true;
}

static bool load_fields(const struct loading *loading)
{
    struct rdb_reader *from = loading->from;
    struct slice field, content;
    uint64_t count;

    if (!rdb_get_count(from, 2, &count))
        return false;
    for (uint64_t i = 0; i < count; i++) {
        if (!rdb_get_string(from, 0, &field) || !rdb_get_string(from, 1, &content) ||
            !put(loading, field, content))
            return false;
    }
    return true;
}

/* Fields with their times, which count from `first`; of old they were times themselves. */
static bool load_dated(const struct loading *loading, uint64_t first)
{
    struct rdb_reader *from = loading->from;
    struct slice field, content;
    uint64_t count, due;

    if (!rdb_get_count(from, 3, &count))
        return false;
    for (uint64_t i = 0; i < count; i++) {
        if (!rdb_get_length(from, &due) || !rdb_get_string(from, 0, &field) ||
            !rdb_get_string(from, 1, &content) || !put(loading, field, content))
            return false;
        if (due > (uint64_t)DUE_MOST)
            return rdb_refuse(from, "a field of a hash expires too late to be true");
        if (!put_due(loading, field, due > 0 && first > 0 ? first + due - 1 : due))
            return false;
    }
    return true;
}

/* The first due time, which only the later types have. */
static bool get_first(struct rdb_reader *from, uint64_t *first)
{
    millis at;

    if (!rdb_get_millis(from, &at))
        return false;
    if (at < 0 || at > DUE_MOST)
        return rdb_refuse(from, "a field of a hash expires too late to be true");
    *first = (uint64_t)at;
    return true;
}

static bool load(const struct loading *loading, int rdb_type)
{
    uint64_t first = 0;

    switch (rdb_type) {
    case RDB_HASH_ZIPMAP:
        return load_block(loading, ELEMENTS_ZIPMAP, false);
    case RDB_HASH_ZIPLIST:
        return load_block(loading, ELEMENTS_ZIPLIST, false);
    case RDB_HASH_PACKED:
        return load_block(loading, ELEMENTS_PACKED, false);
    case RDB_HASH_PACKED_EXPIRY:
        if (!get_first(loading->from, &first))
            return false;
        return load_block(loading, ELEMENTS_PACKED, true);
    case RDB_HASH_PACKED_EXPIRY_EARLY:
        return load_block(loading, ELEMENTS_PACKED, true);
    case RDB_HASH_EXPIRY:
        return get_first(loading->from, &first) && load_dated(loading, first);
    case RDB_HASH_EXPIRY_EARLY:
        return load_dated(loading, 0);
    default:
        return load_fields(loading);
    }
}

struct value *hash_codec_load(struct rdb_reader *from, int rdb_type,
                              const struct value_limits *limits)
{
    struct loading loading = { from, hash_new(), limits };
    bool fine = load(&loading, rdb_type);

    if (fine && hash_length(loading.hash) > 0)
        return (struct value *)(void *)loading.hash;
    from->empty = fine;
    hash_free(loading.hash);
    return NULL;
}
