/*
 * A run of elements with room at both ends.
 *
 * What always holds:
 *   (1) begin <= end <= room, and the entries fill begin to end without a gap.
 *   (2) A node without entries has no block; all its numbers are 0.
 *   (3) Every entry is in its shortest form.
 *   (4) A run of two entries or more is within the limit it was built under.
 *   (5) All of this is true of a packed node once it is opened.
 */
#include "storage/values/list_node.h"

#include <liblzf/lzf.h>

#include "storage/base/memory.h"

enum {
    LISTPACK_EXTRA = 7,
    SAFE_BYTES = 8192,
    SHRINK_ROOM = 256, /* bytes of a block that are worth giving half of them back */
    SMALL_ROOM = 208,  /* bytes for which a block may be half as large again */
    PACK_LEAST = 48, /* bytes of a run that are worth packing, and what packing must save */
    PACK_GAIN = 8
};

struct list_node_limit list_node_limit_of(int32_t option)
{
    if (option < -5)
        option = -5;
    if (option < 0)
        return (struct list_node_limit){ UINT32_C(2048) << -option, UINT32_MAX };
    return (struct list_node_limit){ SAFE_BYTES, option > 0 ? (uint32_t)option : 1 };
}

uint32_t list_node_seek(const struct list_node *node, uint32_t index)
{
    uint32_t place;

    must_dear(index <= node->count);
    if (index <= node->count / 2) {
        place = node->begin;
        for (; index > 0; index--)
            place = list_node_next(node, place);
        return place;
    }
    place = node->end;
    for (; index < node->count; index++)
        place = list_node_previous(node, place);
    return place;
}

void list_node_clear(struct list_node *node)
{
    if (node->block != NULL)
        memory_free_sized(node->block, node->room);
    *node = (struct list_node){ 0 };
}

/* Puts the run into a block of another size, at an offset. */
static void move_run(struct list_node *node, uint32_t room, uint32_t begin)
{
    uint32_t used = list_node_used(node);
    unsigned char *block = memory_new(room);

    if (used > 0)
        memcpy(block + begin, node->block + node->begin, used);
    if (node->block != NULL)
        memory_free_sized(node->block, node->room);
    node->block = block;
    node->begin = begin;
    node->end = begin + used;
    node->room = room;
}

/*
 * How large a block to ask for when `needed` bytes must fit: what its size class has, and no
 * more. Classes lie an eighth to a quarter apart, so pushes remain amortised, and a list that
 * grew and is left alone wastes nothing. Where classes lie closer, small blocks skip some.
 */
static uint32_t grown_room(uint32_t used, uint32_t needed, uint32_t most)
{
    size_t room = needed;

    if (needed >= most)
        return needed;
    if (used > 0 && needed <= SMALL_ROOM)
        room += needed / 2;
    room = memory_good_size(room);
    return room > most ? most : (uint32_t)room;
}

/* Makes room for `size` bytes at an end. False if the block may not become larger. */
static bool make_room(struct list_node *node, enum list_end end, uint32_t size, uint32_t most)
{
    uint32_t used = list_node_used(node);
    uint32_t needed = used + size;
    uint32_t begin;

    if (needed <= node->room - node->room / 4) {
        begin = end == LIST_BACK ? 0 : node->room - used;
        memmove(node->block + begin, node->block + node->begin, used);
        node->begin = begin;
        node->end = begin + used;
        return true;
    }
    if (needed <= node->room && node->room >= most)
        return false;
    uint32_t room = grown_room(used, needed, most);
    move_run(node, room, end == LIST_BACK ? 0 : room - used);
    return true;
}

void list_node_begin(struct list_node *node, enum list_end end, uint64_t room,
                     struct list_node_limit limit)
{
    if (room < SHRINK_ROOM)
        return;
    if (room > limit.bytes)
        room = limit.bytes;
    move_run(node, (uint32_t)room, end == LIST_BACK ? 0 : (uint32_t)room);
}

bool list_node_takes(const struct list_node *node, const struct packed_entry *entry,
                     uint32_t replaced, struct list_node_limit limit)
{
    uint64_t bytes = (uint64_t)list_node_used(node) - replaced + entry->size + LISTPACK_EXTRA;
    uint32_t count = node->count - (replaced > 0);

    return count == 0 || (bytes <= limit.bytes && count < limit.count);
}

bool list_node_push(struct list_node *node, enum list_end end, const struct packed_entry *entry,
                    struct list_node_limit limit)
{
    if (UNLIKELY(!list_node_takes(node, entry, 0, limit)))
        return false;
    if (end == LIST_BACK) {
        if (UNLIKELY(node->room - node->end < entry->size) &&
            !make_room(node, end, entry->size, limit.bytes))
            return false;
        packed_entry_put(node->block + node->end, entry);
        node->end += entry->size;
    } else {
        if (UNLIKELY(node->begin < entry->size) &&
            !make_room(node, end, entry->size, limit.bytes))
            return false;
        node->begin -= entry->size;
        packed_entry_put(node->block + node->begin, entry);
    }
    node->count++;
    return true;
}

/* After something was taken out: an empty node gives up its block, a half empty one that half. */
static void settle(struct list_node *node)
{
    uint32_t used = list_node_used(node);

    if (node->count == 0)
        list_node_clear(node);
    else if (UNLIKELY(node->room >= SHRINK_ROOM && used < node->room / 2))
        move_run(node, (uint32_t)memory_good_size(used), 0);
}

void list_node_drop(struct list_node *node, enum list_end end, uint32_t count)
{
    uint32_t left = node->count - count;

    must_dear(count <= node->count);
    if (end == LIST_FRONT)
        node->begin = count == 1 ? list_node_next(node, node->begin) : list_node_seek(node, count);
    else
        node->end = count == 1 ? list_node_previous(node, node->end) : list_node_seek(node, left);
    node->count = left;
    settle(node);
}

/* Opens a gap of `size` bytes in front of a place and returns where the gap begins. */
static uint32_t open_gap(struct list_node *node, uint32_t place, uint32_t size)
{
    if (node->room - node->end < size && node->begin >= size) {
        memmove(node->block + node->begin - size, node->block + node->begin, place - node->begin);
        node->begin -= size;
        return place - size;
    }
    if (node->room - node->end < size) {
        uint32_t used = list_node_used(node);
        uint64_t room = memory_good_size((uint64_t)used + size);

        place -= node->begin;
        must(room <= UINT32_MAX);
        move_run(node, (uint32_t)room, 0);
    }
    memmove(node->block + place + size, node->block + place, node->end - place);
    node->end += size;
    return place;
}

uint32_t list_node_insert(struct list_node *node, uint32_t place, const struct packed_entry *entry)
{
    place = open_gap(node, place, entry->size);
    packed_entry_put(node->block + place, entry);
    node->count++;
    return place;
}

void list_node_delete(struct list_node *node, uint32_t place)
{
    uint32_t behind = list_node_next(node, place);

    if (place - node->begin < node->end - behind) {
        uint32_t begin = node->begin + (behind - place);

        memmove(node->block + begin, node->block + node->begin, place - node->begin);
        node->begin = begin;
    } else {
        memmove(node->block + place, node->block + behind, node->end - behind);
        node->end -= behind - place;
    }
    node->count--;
    settle(node);
}

uint32_t list_node_matches(const struct list_node *node, const struct packed_entry *entry)
{
    uint32_t matches = 0;
    uint32_t size;

    for (uint32_t place = node->begin; place < node->end; place += size) {
        size = packed_entry_size(node->block + place);
        matches += packed_entry_is(node->block + place, size, entry);
    }
    return matches;
}

uint32_t list_node_remove(struct list_node *node, const struct packed_entry *entry, uint32_t skip,
                          uint32_t most)
{
    uint32_t removed = 0;
    uint32_t kept_to = node->begin; /* what is kept ends here */
    uint32_t place = node->begin;
    uint32_t size;

    for (; place < node->end && removed < most; place += size) {
        size = packed_entry_size(node->block + place);
        if (packed_entry_is(node->block + place, size, entry)) {
            if (skip == 0) {
                removed++;
                continue;
            }
            skip--;
        }
        if (kept_to != place)
            memmove(node->block + kept_to, node->block + place, size);
        kept_to += size;
    }
    if (removed == 0)
        return 0;
    memmove(node->block + kept_to, node->block + place, node->end - place);
    node->end = kept_to + (node->end - place);
    node->count -= removed;
    settle(node);
    return removed;
}

/* Makes a node of a part of another's run. */
static void take_part(struct list_node *to, const struct list_node *from, uint32_t begin,
                      uint32_t end, uint32_t count)
{
    *to = (struct list_node){ 0 };
    if (count == 0)
        return;
    to->room = end - begin;
    to->block = memory_new(to->room);
    to->end = to->room;
    to->count = count;
    memcpy(to->block, from->block + begin, to->room);
}

void list_node_split(struct list_node *node, uint32_t index, struct list_node *rest)
{
    uint32_t place = list_node_seek(node, index);

    take_part(rest, node, place, node->end, node->count - index);
    node->end = place;
    node->count = index;
    if (index == 0)
        list_node_clear(node);
    else
        list_node_fit(node);
}

void list_node_join(struct list_node *node, struct list_node *other)
{
    uint32_t more = list_node_used(other);

    if (node->room - node->end < more)
        move_run(node, list_node_used(node) + more, 0);
    if (more > 0)
        memcpy(node->block + node->end, other->block + other->begin, more);
    node->end += more;
    node->count += other->count;
    list_node_clear(other);
}

void list_node_fit(struct list_node *node)
{
    uint32_t used = list_node_used(node);

    if (node->block != NULL && memory_good_size(used) < memory_good_size(node->room))
        move_run(node, used, 0);
}

void list_node_pack(struct list_node *node)
{
    uint32_t used = list_node_used(node);
    unsigned char *packed;
    unsigned size;

    if (used < PACK_LEAST || list_node_is_packed(node))
        return;
    packed = memory_new(used - PACK_GAIN);
    size = lzf_compress(node->block + node->begin, used, packed, used - PACK_GAIN);
    if (size > 0) {
        memory_free_sized(node->block, node->room);
        node->block = memory_new(size);
        memcpy(node->block, packed, size);
        node->room = size;
        node->begin = LIST_NODE_PACKED;
        node->end = LIST_NODE_PACKED + used;
    }
    memory_free_sized(packed, used - PACK_GAIN);
}

void list_node_open(struct list_node *node)
{
    uint32_t used = list_node_used(node);
    unsigned char *block;

    if (!list_node_is_packed(node))
        return;
    block = memory_new(used);
    must(lzf_decompress(node->block, node->room, block, used) == used);
    memory_free_sized(node->block, node->room);
    node->block = block;
    node->room = used;
    node->begin = 0;
    node->end = used;
}

void list_node_copy(const struct list_node *node, struct list_node *copy)
{
    if (list_node_is_packed(node)) {
        *copy = *node;
        copy->block = memory_new(node->room);
        memcpy(copy->block, node->block, node->room);
        return;
    }
    take_part(copy, node, node->begin, node->end, node->count);
}

void list_node_check(const struct list_node *node)
{
    struct list_node opened = { 0 };
    uint32_t count = 0;
    uint32_t size;

    if (list_node_is_packed(node)) {
        list_node_copy(node, &opened);
        list_node_open(&opened);
        list_node_check(&opened);
        list_node_clear(&opened);
        return;
    }
    must(node->begin <= node->end && node->end <= node->room);
    must((node->block == NULL) == (node->count == 0));
    must(node->block != NULL || node->room == 0);
    for (uint32_t place = node->begin; place < node->end; place += size, count++) {
        const unsigned char *at = node->block + place;
        char digits[NUMBER_INTEGER_MAX];
        struct packed_entry entry;

        size = packed_entry_size(at);
        must(place + size <= node->end);
        must(packed_entry_size_before(at + size) == size);
        packed_entry_of_text(&entry, packed_entry_print(at, digits));
        must(packed_entry_is(at, size, &entry));
    }
    must(count == node->count);
}
