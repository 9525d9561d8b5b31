/* Sorted sets in the RDB format. */
#include <math.h>

#include "storage/values/codec.h"
#include "storage/values/elements.h"
#include "storage/values/zset_private.h"

/* Scores may take more bytes with us than they took; a block of ours has a greatest size. */
enum { TAKEN_MOST = PACKED_BYTES_MAX / 32 };

static const struct zset *zset_of(const struct value *value)
{
    return (const struct zset *)(const void *)value;
}

int zset_codec_type(const struct value *value)
{
    return zset_packed(zset_of(value)) != NULL ? RDB_ZSET_PACKED : RDB_ZSET_2;
}

void zset_codec_save(const struct value *value, struct rdb_writer *to)
{
    const struct zset *zset = zset_of(value);
    struct zset_walk walk;
    struct slice member;
    double score;

    if (zset_packed(zset) != NULL) {
        rdb_put_string(to, packed_slice(zset_packed(zset)));
        return;
    }
    rdb_put_length(to, zset_count(zset));
    /* From the greatest down, as Redis does, so that what DUMP gives is the same to the byte. */
    zset_walk_begin(&walk, zset, zset_all(zset), ZSET_FALLING);
    while (zset_walk_next(&walk, &member, &score)) {
        rdb_put_string(to, member);
        rdb_put_double(to, score);
    }
}

static bool refuse_twice(struct rdb_reader *from)
{
    return rdb_refuse(from, "a sorted set has a member twice");
}

static bool add(struct rdb_reader *from, struct zset *zset, const struct value_limits *limits,
                struct slice member, double score)
{
    return zset_add(zset, limits, member, score, 0, NULL) == ZSET_ADDED ||
           refuse_twice(from);
}

/*
 * Takes members that rise and may stay packed, whole: to look where each one belongs would take the
 * square of their number. False, with nothing in the zset, if they are not so. Whether one comes
 * twice is seen at the end.
 */
static bool took_rising(struct zset *zset, struct elements elements, size_t bytes,
                        const struct value_limits *limits)
{
    struct slice member, digits, before = { NULL, 0 };
    double score, last = 0;

    if (elements_count(&elements) / 2 > limits->zset_entries || bytes > TAKEN_MOST)
        return false;
    while (elements_next(&elements, &member)) {
        if (member.len > limits->zset_value || !elements_next(&elements, &digits) ||
            !number_read_double(digits, &score) || isnan(score))
            break;
        if (before.at != NULL &&
            !(score > last || (score == last && slice_compare(member, before) > 0)))
            break;
        zset_append_packed(zset, member, score);
        before = member; /* good for three steps, of which two are made until it is compared */
        last = score;
    }
    if (zset_count(zset) == elements_count(&elements) / 2)
        return true;
    (void)zset_remove_span(zset, zset_all(zset));
    return false;
}

static bool load_block(struct rdb_reader *from, struct zset *zset, enum elements_kind kind,
                       const struct value_limits *limits)
{
    struct slice block, member, digits;
    struct elements elements;
    double score;

    if (!rdb_get_string(from, 0, &block))
        return false;
    if (!elements_begin(&elements, kind, block) || elements_count(&elements) % 2 != 0)
        return rdb_refuse(from, kind == ELEMENTS_PACKED ? "Zset listpack integrity check failed"
                                                  : "Zset ziplist integrity check failed");
    if (took_rising(zset, elements, block.len, limits))
        return zset_packed(zset) == NULL || packed_distinct(zset_packed(zset), 1, limits->secret) ||
               refuse_twice(from);
    zset_reserve(zset, limits, elements_count(&elements) / 2);
    while (elements_next(&elements, &member)) {
        if (!elements_next(&elements, &digits) || !number_read_double(digits, &score) ||
            isnan(score))
            return rdb_refuse(from, "a score is not a number");
        if (!add(from, zset, limits, member, score))
            return false;
    }
    return true;
}

static bool load_members(struct rdb_reader *from, struct zset *zset, int rdb_type,
                         const struct value_limits *limits)
{
    struct slice member;
    uint64_t count;
    double score;

    if (!rdb_get_count(from, 2, &count))
        return false;
    zset_reserve(zset, limits, codec_reserve(count));
    for (uint64_t i = 0; i < count; i++) {
        if (!rdb_get_string(from, 0, &member) ||
            !(rdb_type == RDB_ZSET_2 ? rdb_get_double(from, &score)
                                     : rdb_get_digits(from, &score)) ||
            !add(from, zset, limits, member, score))
            return false;
    }
    return true;
}

struct value *zset_codec_load(struct rdb_reader *from, int rdb_type,
                              const struct value_limits *limits)
{
    struct zset *zset = zset_new();
    bool fine;

    if (rdb_type == RDB_ZSET_ZIPLIST)
        fine = load_block(from, zset, ELEMENTS_ZIPLIST, limits);
    else if (rdb_type == RDB_ZSET_PACKED)
        fine = load_block(from, zset, ELEMENTS_PACKED, limits);
    else
        fine = load_members(from, zset, rdb_type, limits);
    if (fine && zset_count(zset) > 0)
        return (struct value *)(void *)zset;
    from->empty = fine;
    zset_free(zset);
    return NULL;
}
