/*
 * Members as integers, packed, or in a table.
 *
 * What always holds:
 *   (1) No two members are equal.
 *   (2) A set is ints only if all its members are canonical integers.
 *   (3) Forms change from ints to packed to table and never back.
 *   (4) The block of ints or packed may be missing while the set is empty.
 */
#include "storage/values/set.h"

#include "storage/base/memory.h"
#include "storage/base/mover.h"
#include "storage/values/counted.h"

enum set_form { SET_INTS, SET_PACKED, SET_TABLE };

struct set {
    struct value value;
    union {
        struct packed_ints *ints;
        struct packed      *packed;
        struct table       *table;
    } of;
};
_Static_assert(sizeof(struct set) == 16, "a small set is a small header and a block");

static struct slice block_member(const void *block)
{
    return counted_text(block);
}

static const struct table_kind members = { block_member };

static void *block_new(struct slice member)
{
    unsigned char *block = memory_new(counted_size(member.len));

    (void)counted_put(block, member);
    return block;
}

static void block_free(void *block)
{
    memory_free_sized(block, counted_size(counted_text(block).len));
}

static void free_item(void *who, void *block)
{
    (void)who;
    block_free(block);
}

struct set *set_new(void)
{
    struct set *set = memory_new(sizeof(*set));

    *set = (struct set){ .value = { .kind = VALUE_SET, .form = SET_INTS } };
    return set;
}

void set_free(struct set *set)
{
    if (set == NULL)
        return;
    if (set->value.form == SET_TABLE)
        table_free(set->of.table, free_item, NULL);
    else if (set->value.form == SET_PACKED)
        packed_free(set->of.packed);
    else if (set->of.ints != NULL)
        packed_ints_free(set->of.ints);
    memory_free_sized(set, sizeof(*set));
}

struct set *set_copy(const struct set *set)
{
    struct set *copy = set_new();
    struct table_walk walk;

    copy->value = set->value;
    if (set->value.form == SET_INTS) {
        if (set->of.ints != NULL)
            copy->of.ints = packed_ints_copy(packed_ints_slice(set->of.ints));
        return copy;
    }
    if (set->value.form == SET_PACKED) {
        copy->of.packed = packed_copy(packed_slice(set->of.packed));
        return copy;
    }
    copy->of.table = table_new(&members, set->of.table->key);
    table_reserve(copy->of.table, table_count(set->of.table));
    for (void *block = table_walk_begin(&walk, set->of.table); block != NULL;
         block = table_walk_next(&walk)) {
        struct slice member = block_member(block);

        table_add(copy->of.table, block_new(member), table_hash(copy->of.table, member));
    }
    table_walk_end(&walk);
    return copy;
}

void set_step(struct set *set)
{
    if (set->value.form == SET_TABLE)
        (void)table_resize_step(set->of.table, 1);
}

const struct table *set_table(const struct set *set)
{
    return set->value.form == SET_TABLE ? set->of.table : NULL;
}

size_t set_count(const struct set *set)
{
    if (set->value.form == SET_TABLE)
        return table_count(set->of.table);
    if (set->value.form == SET_PACKED)
        return packed_count(set->of.packed);
    return set->of.ints != NULL ? packed_ints_count(set->of.ints) : 0;
}

static size_t find_packed(const struct set *set, struct slice member)
{
    return packed_find(set->of.packed, packed_first(set->of.packed), member, 0);
}

static bool is_in_table(const struct set *set, struct slice member, uint64_t digest)
{
    return table_find_slot_by(set->of.table, member, digest, block_member) != NULL;
}

bool set_has(const struct set *set, struct slice member)
{
    int64_t integer;

    if (set->value.form == SET_TABLE)
        return is_in_table(set, member, table_hash(set->of.table, member));
    if (set->value.form == SET_PACKED)
        return find_packed(set, member) != 0;
    return set->of.ints != NULL && number_read(member, &integer) &&
           packed_ints_has(set->of.ints, integer);
}

bool set_has_value(const struct set *set, struct packed_value member)
{
    char room[PACKED_TEXT_MAX];

    if (set->value.form == SET_INTS && member.is_integer)
        return set->of.ints != NULL && packed_ints_has(set->of.ints, member.integer);
    return set_has(set, packed_print(member, room));
}

/* -- Changing form. */

static void become_table(struct set *set, const struct value_limits *limits, size_t count)
{
    struct table *table = table_new(&members, limits->secret);
    struct set_walk walk;
    struct slice member;

    table_reserve(table, count);
    set_walk_begin(&walk, set);
    while (set_walk_next(&walk, &member))
        table_add(table, block_new(member), table_hash(table, member));
    set_walk_end(&walk);
    if (set->value.form == SET_PACKED)
        packed_free(set->of.packed);
    else if (set->of.ints != NULL)
        packed_ints_free(set->of.ints);
    set->value.form = SET_TABLE;
    set->of.table = table;
}

static void become_packed(struct set *set, size_t bytes)
{
    struct packed_ints *ints = set->of.ints;
    size_t count = set_count(set);
    struct packed *packed = packed_new(PACKED_EMPTY + bytes + 4 * count);

    for (size_t i = 0; i < count; i++)
        packed = packed_append_integer(packed, packed_ints_at(ints, i));
    if (ints != NULL)
        packed_ints_free(ints);
    set->value.form = SET_PACKED;
    set->of.packed = packed;
}

/* Whether a packed set of `count` members may have this one among them. */
static bool may_be_packed(const struct value_limits *limits, size_t count, struct slice member)
{
    return count <= limits->set_entries && member.len <= limits->set_value;
}

/* -- Adding and removing. */

static bool add_to_table(struct set *set, struct slice member)
{
    uint64_t digest = table_hash(set->of.table, member);

    if (is_in_table(set, member, digest))
        return false;
    table_add(set->of.table, block_new(member), digest);
    return true;
}

static bool add_to_packed(struct set *set, const struct value_limits *limits, struct slice member)
{
    size_t count = packed_count(set->of.packed) + 1;

    if (find_packed(set, member) != 0)
        return false;
    if (may_be_packed(limits, count, member) &&
        packed_fits(set->of.packed, member.len + 16, 1)) {
        set->of.packed = packed_append(set->of.packed, member);
        return true;
    }
    become_table(set, limits, count);
    return add_to_table(set, member);
}

bool set_add(struct set *set, const struct value_limits *limits, struct slice member)
{
    size_t count;
    int64_t integer;
    bool added;

    if (set->value.form == SET_TABLE)
        return add_to_table(set, member);
    if (set->value.form == SET_PACKED)
        return add_to_packed(set, limits, member);
    count = set_count(set);
    if (number_read(member, &integer)) {
        if (set->of.ints == NULL)
            set->of.ints = packed_ints_new();
        set->of.ints = packed_ints_add(set->of.ints, integer, &added);
        if (added && count + 1 > limits->set_ints)
            become_table(set, limits, count + 1);
        return added;
    }
    if (may_be_packed(limits, count + 1, member)) {
        become_packed(set, member.len + 2);
        return add_to_packed(set, limits, member);
    }
    become_table(set, limits, count + 1);
    return add_to_table(set, member);
}

void set_take_block(struct set *set, struct packed **taken)
{
    must(set->value.form == SET_INTS && set->of.ints == NULL);
    set->value.form = SET_PACKED;
    set->of.packed = *taken;
    *taken = NULL;
}

void set_reserve(struct set *set, const struct value_limits *limits, size_t members_coming)
{
    if (set->value.form == SET_TABLE && set_count(set) == 0)
        table_reserve(set->of.table, members_coming);
    else if (set_count(set) == 0 && members_coming > limits->set_ints &&
             members_coming > limits->set_entries)
        become_table(set, limits, members_coming);
}

void set_make_room(struct set *set, size_t coming)
{
    if (set->value.form == SET_TABLE)
        table_reserve(set->of.table, set_count(set) + coming);
}

void set_ask_ahead(const struct set *set, const struct slice *coming, size_t count)
{
    if (set->value.form == SET_TABLE)
        (void)table_ask_ahead(set->of.table, coming, 1, count);
}

bool set_remove(struct set *set, struct slice member)
{
    int64_t integer;
    bool removed = false;

    if (set->value.form == SET_TABLE) {
        void *block =
            table_remove(set->of.table, member, table_hash(set->of.table, member));

        if (block != NULL)
            block_free(block);
        return block != NULL;
    }
    if (set->value.form == SET_PACKED) {
        size_t place = find_packed(set, member);

        if (place == 0)
            return false;
        set->of.packed = packed_delete(set->of.packed, &place);
        return true;
    }
    if (set->of.ints != NULL && number_read(member, &integer))
        set->of.ints = packed_ints_remove(set->of.ints, integer, &removed);
    return removed;
}

/* -- Walking. */

void set_walk_begin(struct set_walk *walk, const struct set *set)
{
    walk->set = set;
    walk->place = 0;
    walk->block = NULL;
    if (set->value.form == SET_TABLE)
        walk->block = table_walk_begin(&walk->table, set->of.table);
    else if (set->value.form == SET_PACKED)
        walk->place = packed_first(set->of.packed);
}

bool set_walk_step(struct set_walk *walk, struct packed_value *member)
{
    const struct set *set = walk->set;

    if (set->value.form == SET_TABLE) {
        if (walk->block == NULL)
            return false;
        *member = packed_text(block_member(walk->block));
        walk->block = table_walk_next(&walk->table);
        return true;
    }
    if (set->value.form == SET_PACKED) {
        if (walk->place == 0)
            return false;
        *member = packed_get(set->of.packed, walk->place);
        walk->place = packed_next(set->of.packed, walk->place);
        return true;
    }
    if (walk->place >= set_count(set))
        return false;
    *member = packed_integer(packed_ints_at(set->of.ints, walk->place++));
    return true;
}

bool set_walk_next(struct set_walk *walk, struct slice *member)
{
    struct packed_value value;

    if (!set_walk_step(walk, &value))
        return false;
    *member = packed_print(value, walk->room.digits);
    return true;
}

void set_walk_end(struct set_walk *walk)
{
    if (walk->set->value.form == SET_TABLE)
        table_walk_end(&walk->table);
}

struct shown {
    set_visitor *visit;
    void        *who;
};

static void show_block(void *who, void *block)
{
    const struct shown *shown = who;

    shown->visit(shown->who, block_member(block));
}

uint64_t set_scan(const struct set *set, uint64_t cursor, set_visitor *visit, void *who)
{
    struct shown shown = { visit, who };
    struct set_walk walk;
    struct slice member;

    if (set->value.form == SET_TABLE)
        return table_scan(set->of.table, cursor, show_block, &shown);
    set_walk_begin(&walk, set);
    while (set_walk_next(&walk, &member))
        visit(who, member);
    set_walk_end(&walk);
    return 0;
}

struct slice set_random(const struct set *set, struct random *random, struct set_room *room)
{
    if (set->value.form == SET_TABLE)
        return block_member(table_random(set->of.table, random));
    if (set->value.form == SET_PACKED) {
        int64_t index = (int64_t)random_below(random, packed_count(set->of.packed));
        size_t place = packed_at(set->of.packed, index);

        return packed_print(packed_get(set->of.packed, place), room->digits);
    }
    return packed_print(packed_integer(packed_ints_random(set->of.ints, random)), room->digits);
}

/* -- Looking at the form. */

bool set_is_ints(const struct set *set)
{
    return set->value.form == SET_INTS;
}

bool set_is_table(const struct set *set)
{
    return set->value.form == SET_TABLE;
}

const struct packed_ints *set_ints(const struct set *set)
{
    return set->value.form == SET_INTS ? set->of.ints : NULL;
}

size_t set_bytes(const struct set *set, size_t samples)
{
    size_t bytes = memory_good_size(sizeof(*set));
    size_t member_bytes = 0;
    size_t looked = 0;
    struct table_walk walk;

    if (set->value.form == SET_PACKED)
        return bytes + packed_memory(set->of.packed);
    if (set->value.form == SET_INTS)
        return bytes + (set->of.ints != NULL ? packed_ints_memory(set->of.ints) : 0);
    for (void *block = table_walk_begin(&walk, set->of.table); block != NULL;
         block = table_walk_next(&walk)) {
        member_bytes += memory_good_size(counted_size(block_member(block).len));
        if (++looked == samples)
            break;
    }
    table_walk_end(&walk);
    if (looked > 0)
        bytes += (size_t)((double)member_bytes / (double)looked *
                          (double)table_count(set->of.table));
    return bytes + table_memory(set->of.table);
}

static void move_member(void *mover, void **slot)
{
    (void)mover_move(mover, slot);
}

uint64_t set_move(struct set **moving, struct mover *mover, uint64_t at)
{
    struct set *set;

    if (at == 0)
        (void)mover_move(mover, moving);
    set = *moving;
    /* One pointer is all of them: block or table. */
    if (at == 0)
        (void)mover_move(mover, &set->of);
    if (set->value.form != SET_TABLE)
        return 0;
    return table_move(set->of.table, mover, at, move_member, mover);
}

void set_check(const struct set *set)
{
    struct set_walk walk;
    struct slice member;
    size_t count = 0;

    must(set->value.kind == VALUE_SET);
    if (set->value.form == SET_TABLE)
        table_check(set->of.table);
    else if (set->value.form == SET_PACKED)
        packed_check(set->of.packed);
    else if (set->of.ints != NULL)
        packed_ints_check(set->of.ints);
    set_walk_begin(&walk, set);
    while (set_walk_next(&walk, &member)) {
        must(set_has(set, member));
        count++;
    }
    set_walk_end(&walk);
    must(count == set_count(set));
}
