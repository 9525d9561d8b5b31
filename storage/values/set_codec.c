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

/* Members that come, out of a block or one by one. */
struct coming {
    struct rdb_reader *from;
    struct elements   *elements; /* NULL: they are strings */
    uint64_t           left;
};

static bool next_member(struct coming *coming, struct slice *member)
{
    coming->left--;
    return coming->elements != NULL ? elements_next(coming->elements, member)
                                    : rdb_get_string(coming->from, 0, member);
}

static bool add_all(struct rdb_reader *from, struct set *set, const struct value_limits *limits,
                    const struct packed *packed)
{
    char room[PACKED_TEXT_MAX];
    bool fine = true;

    for (size_t at = packed_first(packed); at != 0 && fine; at = packed_next(packed, at))
        fine = add(from, set, limits, packed_print(packed_get(packed, at), room));
    return fine;
}

/* Copies members that may be packed, up to one that may not; `texts`: not all are integers. */
static struct packed *copied_members(struct coming *coming, const struct value_limits *limits,
                                     struct slice *odd, bool *texts)
{
    struct packed *packed = packed_new(0);
    struct slice member;

    *odd = (struct slice){ NULL, 0 };
    *texts = false;
    while (coming->left > 0) {
        if (!next_member(coming, &member)) {
            packed_free(packed);
            return NULL;
        }
        if (member.len > limits->set_value || !packed_fits(packed, member.len + 16, 1)) {
            *odd = member;
            break;
        }
        packed = packed_append(packed, member);
        *texts = *texts || !packed_get(packed, packed_last(packed)).is_integer;
    }
    return packed_trim(packed);
}

/*
 * Loads as many members as may be packed: they are put into a block and looked
 * for in each other together, since one by one would take the square of their
 * number. What cannot be packed after all is added in the usual way.
 */
static bool load_few(struct coming *coming, struct set *set, const struct value_limits *limits)
{
    struct slice odd;
    bool texts, fine;
    struct packed *packed = copied_members(coming, limits, &odd, &texts);

    if (packed == NULL)
        return false;
    if (odd.at == NULL && texts) {
        fine = packed_distinct(packed, 0, limits->secret) ||
               rdb_refuse(coming->from, "a set has a member twice");
        if (fine)
            set_take_block(set, &packed);
    } else {
        fine = add_all(coming->from, set, limits, packed) &&
               (odd.at == NULL || add(coming->from, set, limits, odd));
    }
    packed_free(packed);
    while (fine && coming->left > 0)
        fine = next_member(coming, &odd) && add(coming->from, set, limits, odd);
    return fine;
}

static bool load_coming(struct coming *coming, struct set *set, const struct value_limits *limits)
{
    struct slice member;

    if (coming->left > 0 && coming->left <= limits->set_entries)
        return load_few(coming, set, limits);
    set_reserve(set, limits, codec_reserve(coming->left));
    while (coming->left > 0) {
        if (!next_member(coming, &member) || !add(coming->from, set, limits, member))
            return false;
    }
    return true;
}

static bool load_packed(struct rdb_reader *from, struct set *set,
                        const struct value_limits *limits)
{
    struct slice block;
    struct elements elements;
    struct coming coming = { from, &elements, 0 };

    if (!rdb_get_string(from, 0, &block))
        return false;
    if (!elements_begin(&elements, ELEMENTS_PACKED, block))
        return rdb_refuse(from, "Set listpack integrity check failed");
    coming.left = elements_count(&elements);
    return load_coming(&coming, set, limits);
}

static bool load_members(struct rdb_reader *from, struct set *set,
                         const struct value_limits *limits)
{
    struct coming coming = { from, NULL, 0 };

    return rdb_get_count(from, 1, &coming.left) && load_coming(&coming, set, limits);
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
