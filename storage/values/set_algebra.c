/* Combining sets: choosing the cheapest order, and going through with it. */
#include "storage/values/set_algebra.h"

#include <stdlib.h>

static size_t count_of(const struct set *set)
{
    return set != NULL ? set_count(set) : 0;
}

static int fewest_first(const void *a, const void *b)
{
    size_t one = count_of(*(const struct set *const *)a);
    size_t two = count_of(*(const struct set *const *)b);

    return (one > two) - (one < two);
}

static int most_first(const void *a, const void *b)
{
    return fewest_first(b, a);
}

enum { FINGERS = 16 }; /* as many sets of integers are gone through side by side */

static bool all_are_ints(const struct set *const *sets, size_t count)
{
    size_t i = 0;

    while (i < count && set_is_ints(sets[i]))
        i++;
    return i == count;
}

/* Sets of integers are in order, so that what one has is looked for from where the last was. */
static void intersect_ints(const struct set *const *sets, size_t count, set_member_visitor *visit,
                           void *who)
{
    const struct packed_ints *fewest = set_ints(sets[0]);
    size_t ranks[FINGERS] = { 0 };
    char room[NUMBER_INTEGER_MAX];

    for (size_t at = 0; at < set_count(sets[0]); at++) {
        int64_t member = packed_ints_at(fewest, at);
        size_t i;

        for (i = 1; i < count; i++) {
            const struct packed_ints *ints = set_ints(sets[i]);

            ranks[i] = packed_ints_seek(ints, ranks[i], member);
            if (ranks[i] == packed_ints_count(ints))
                return;
            if (packed_ints_at(ints, ranks[i]) != member)
                break;
        }
        if (i == count && !visit(who, slice_of(room, number_put(room, member))))
            return;
    }
}

void set_intersection(const struct set **sets, size_t count, set_member_visitor *visit, void *who)
{
    struct set_walk walk;
    struct packed_value member;
    char room[PACKED_TEXT_MAX];
    bool going_on = true;

    qsort(sets, count, sizeof(sets[0]), fewest_first);
    if (count == 0 || count_of(sets[0]) == 0)
        return;
    if (count <= FINGERS && all_are_ints(sets, count)) {
        intersect_ints(sets, count, visit, who);
        return;
    }
    set_walk_begin(&walk, sets[0]);
    while (going_on && set_walk_step(&walk, &member)) {
        size_t i = 1;

        while (i < count && (sets[i] == sets[0] || set_has_value(sets[i], member)))
            i++;
        if (i == count)
            going_on = visit(who, packed_print(member, room));
    }
    set_walk_end(&walk);
}

static void add_all(struct set *to, const struct set *from, const struct value_limits *limits)
{
    struct set_walk walk;
    struct slice member;

    set_walk_begin(&walk, from);
    while (set_walk_next(&walk, &member))
        (void)set_add(to, limits, member);
    set_walk_end(&walk);
}

struct set *set_union(const struct set *const *sets, size_t count,
                      const struct value_limits *limits)
{
    struct set *whole = set_new();

    for (size_t i = 0; i < count; i++) {
        if (sets[i] != NULL)
            add_all(whole, sets[i], limits);
    }
    return whole;
}

/* Whether no set from the second on has a member. */
static bool others_lack(const struct set *const *sets, size_t count, struct packed_value member)
{
    size_t i = 1;

    while (i < count && (sets[i] == NULL || !set_has_value(sets[i], member)))
        i++;
    return i == count;
}

/* Adds what the first has and no other, by looking in the others. */
static void look_in_others(struct set *rest, const struct set *const *sets, size_t count,
                           const struct value_limits *limits)
{
    struct set_walk walk;
    struct packed_value member;
    char room[PACKED_TEXT_MAX];

    set_walk_begin(&walk, sets[0]);
    while (set_walk_step(&walk, &member)) {
        if (others_lack(sets, count, member))
            (void)set_add(rest, limits, packed_print(member, room));
    }
    set_walk_end(&walk);
}

static void take_out(struct set *rest, const struct set *other)
{
    struct set_walk walk;
    struct slice member;

    set_walk_begin(&walk, other);
    while (set_count(rest) > 0 && set_walk_next(&walk, &member))
        (void)set_remove(rest, member);
    set_walk_end(&walk);
}

struct set *set_difference(const struct set **sets, size_t count,
                           const struct value_limits *limits)
{
    struct set *rest = set_new();
    uint64_t looking = (uint64_t)count_of(sets[0]) * count / 2; /* it often finds early */
    uint64_t taking = 0;

    for (size_t i = 0; i < count; i++) {
        taking += count_of(sets[i]);
        if (i > 0 && sets[i] == sets[0])
            return rest;
    }
    if (count_of(sets[0]) == 0)
        return rest;
    if (looking <= taking) {
        qsort(sets + 1, count - 1, sizeof(sets[0]), most_first);
        look_in_others(rest, sets, count, limits);
        return rest;
    }
    add_all(rest, sets[0], limits);
    for (size_t i = 1; i < count; i++) {
        if (sets[i] != NULL)
            take_out(rest, sets[i]);
    }
    return rest;
}

size_t set_difference_count(const struct set **sets, size_t count, size_t most)
{
    struct set_walk walk;
    struct packed_value member;
    size_t found = 0;

    if (count_of(sets[0]) == 0)
        return 0;
    qsort(sets + 1, count - 1, sizeof(sets[0]), most_first);
    set_walk_begin(&walk, sets[0]);
    while ((most == 0 || found < most) && set_walk_step(&walk, &member))
        found += others_lack(sets, count, member);
    set_walk_end(&walk);
    return found;
}

size_t set_union_count(const struct set **sets, size_t count, const struct value_limits *limits,
                       size_t most)
{
    struct set *extra = set_new();
    struct set_walk walk;
    struct packed_value member;
    char room[PACKED_TEXT_MAX];
    size_t found;

    qsort(sets, count, sizeof(sets[0]), most_first);
    found = count_of(sets[0]);
    for (size_t i = 1; i < count && sets[i] != NULL && (most == 0 || found < most); i++) {
        set_walk_begin(&walk, sets[i]);
        while ((most == 0 || found < most) && set_walk_step(&walk, &member)) {
            if (!set_has_value(sets[0], member))
                found += set_add(extra, limits, packed_print(member, room));
        }
        set_walk_end(&walk);
    }
    set_free(extra);
    return most > 0 && found > most ? most : found;
}
