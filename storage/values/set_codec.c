/* Sets in the RDB format. */
#include "storage/values/codec.h"
#include "storage/values/elements.h"
#include "storage/values/set.h"

static const struct set *set_of(const struct value *value)
{
    return (const struct set *)(const void *)value;
}

int set_codec_type(const struct value *value)
{
    return set_is_ints(set_of(value)) && set_ints(set_of(value)) != NULL ? RDB_SET_INTS : RDB_SET;
}

void set_codec_save(const struct value *value, struct rdb_writer *to)
{
    const struct set *set = set_of(value);
    struct packed_value member;
    struct set_walk walk;

    if (set_codec_type(value) == RDB_SET_INTS) {
        rdb_put_string(to, packed_ints_slice(set_ints(set)));
        return;
    }
    rdb_put_length(to, set_count(set));
    set_walk_begin(&walk, set);
    while (set_walk_step(&walk, &member)) {
        if (member.is_integer)
            rdb_put_integer(to, member.integer);
        else
            rdb_put_string(to, member.text);
    }
    set_walk_end(&walk);
}

static bool add(struct rdb_reader *from, struct set *set, const struct value_limits *limits,
                struct slice member)
{
    return set_add(set, limits, member) || rdb_refuse(from, "a set has a member twice");
}

static bool load_ints(struct rdb_reader *from, struct set *set, const struct value_limits *limits)
{
    const struct packed_ints *ints;
    char digits[NUMBER_INTEGER_MAX];
    struct slice block;

    if (!rdb_get_string(from, 0, &block))
        return false;
    if (!packed_ints_valid(block, true))
        return rdb_refuse(from, "Intset integrity check failed");
    ints = (const struct packed_ints *)(const void *)block.at;
    for (size_t i = 0; i < packed_ints_count(ints); i++) {
        if (!add(from, set, limits,
                 slice_of(digits, number_put(digits, packed_ints_at(ints, i)))))
            return false;
    }
    return true;
}

static bool load_packed(struct rdb_reader *from, struct set *set,
                        const struct value_limits *limits)
{
    struct slice block, member;
    struct elements elements;

    if (!rdb_get_string(from, 0, &block))
        return false;
    if (!elements_begin(&elements, ELEMENTS_PACKED, block))
        return rdb_refuse(from, "Set listpack integrity check failed");
    set_reserve(set, limits, elements_count(&elements));
    while (elements_next(&elements, &member)) {
        if (!add(from, set, limits, member))
            return false;
    }
    return true;
}

static bool load_members(struct rdb_reader *from, struct set *set,
                         const struct value_limits *limits)
{
    struct slice member;
    uint64_t count;

    if (!rdb_get_count(from, 1, &count))
        return false;
    set_reserve(set, limits, codec_reserve(count));
    for (uint64_t i = 0; i < count; i++) {
        if (!rdb_get_string(from, 0, &member) || !add(from, set, limits, member))
            return false;
    }
    return true;
}

struct value *set_codec_load(struct rdb_reader *from, int rdb_type,
                             const struct value_limits *limits)
{
    struct set *set = set_new();
    bool fine;

    if (rdb_type == RDB_SET_INTS)
        fine = load_ints(from, set, limits);
    else if (rdb_type == RDB_SET_PACKED)
        fine = load_packed(from, set, limits);
    else
        fine = load_members(from, set, limits);
    if (fine && set_count(set) > 0)
        return (struct value *)(void *)set;
    from->empty = fine;
    set_free(set);
    return NULL;
}
