/*
 * Nodes in a row, and where in them an element is.
 *
 * What always holds:
 *   (1) There is at least one node; only a sole node may be without elements.
 *   (2) A sole node is in the header itself; two or more are in the spine.
 *   (3) With a spine, length is the sum of the nodes' counts.
 *   (4) Spare room at an end that no push will use is given back: inner nodes
 *       were fitted when they became inner.
 *   (5) If the list packs, the `depth` nodes at either end are open. All others
 *       are cold: packed where that saves something, but for the one that was
 *       opened last in order to be read; it is packed when the next is opened
 *       or the nodes change. To open a cold node changes nothing that can be
 *       told from outside, so it is done to a const list too.
 *   (6) With a spine, its `bytes` are the sum of the nodes' rooms: whoever may
 *       change a node's room lets the node go (let_go) and takes it back (take_back).
 */
#include "storage/values/list.h"

#include "storage/base/memory.h"
#include "storage/base/mover.h"
#include "storage/values/list_private.h"

enum {
    MOVED_NODES = 32, /* in one go */
    IDLE_PART = 128
};

/* A node's room is no part of the sum while it may change. */
static void let_go(struct list *list, const struct list_node *node)
{
    if (list->nodes > 1)
        list->in.many.spine.slots->bytes -= node->room;
}

static void take_back(struct list *list, const struct list_node *node)
{
    if (list->nodes > 1)
        list->in.many.spine.slots->bytes += node->room;
}

/* The same at once, for one that had another room before. */
static void room_changed(struct list *list, const struct list_node *node, uint32_t before)
{
    if (list->nodes > 1)
        list->in.many.spine.slots->bytes += (uint64_t)node->room - before;
}

/* Packs a node, or makes it an open one again. */
static void pack_node(struct list *list, struct list_node *node)
{
    let_go(list, node);
    list_node_pack(node);
    take_back(list, node);
}

static void unpack_node(struct list *list, struct list_node *node)
{
    if (LIKELY(!list_node_is_packed(node)))
        return;
    let_go(list, node);
    list_node_open(node);
    take_back(list, node);
}

/* ---- Cold nodes ---- */

/* Packs the cold node that was opened to be read. */
static void cool(struct list *list)
{
    uint32_t warm;

    if (LIKELY(list->value.form == 0) || list->nodes == 1)
        return;
    warm = list->in.many.warm;
    list->in.many.warm = NOTHING_WARM;
    if (warm < list->nodes && list_is_cold(list, warm))
        pack_node(list, list_node_by(list, warm));
}

/* A node to be read. */
static const struct list_node *read_node(const struct list *list, uint32_t index)
{
    struct list *opening = (struct list *)(uintptr_t)list;
    struct list_node *node = list_node_by(list, index);

    if (UNLIKELY(list_node_is_packed(node))) {
        cool(opening);
        unpack_node(opening, node);
        opening->in.many.warm = (index < NOTHING_WARM ? index : NOTHING_WARM) & NOTHING_WARM;
    }
    return node;
}

/* A node to be changed; whoever asks settles it afterwards. */
static struct list_node *open_node(struct list *list, uint32_t index)
{
    struct list_node *node = list_node_by(list, index);

    unpack_node(list, node);
    return node;
}

/* Packs the cold ones of some nodes and opens the others. */
static void settle(struct list *list, uint32_t from, uint32_t to)
{
    for (; from < to && from < list->nodes; from++) {
        if (list_is_cold(list, from))
            pack_node(list, list_node_by(list, from));
        else
            unpack_node(list, list_node_by(list, from));
    }
}

/* The same for all whom nodes added to or taken from this place can have made cold or not. */
static void settle_around(struct list *list, uint32_t index)
{
    uint32_t depth = list->value.form;

    if (LIKELY(depth == 0))
        return;
    settle(list, index > 2 ? index - 2 : 0, index + 3);
    settle(list, 0, depth + 2);
    settle(list, list->nodes > depth + 2 ? list->nodes - depth - 2 : 0, list->nodes);
}

static struct list_node *end_node(const struct list *list, enum list_end end)
{
    return list_node_by(list, end == LIST_FRONT ? 0 : list->nodes - 1);
}

struct list *list_new(const struct value_limits *limits)
{
    struct list *list = memory_new(sizeof(*list));
    int32_t size = limits->list_node_size;
    uint32_t depth = limits->list_compress_depth;

    if (size < -5)
        size = -5;
    if (size > INT16_MAX)
        size = INT16_MAX;
    if (depth > DEPTH_MOST)
        depth = DEPTH_MOST;
    *list = (struct list){ .value = { .kind = VALUE_LIST, .form = (uint8_t)depth },
                           .node_size = (int16_t)size,
                           .nodes = 1 };
    return list;
}

void list_free(struct list *list)
{
    if (list == NULL)
        return;
    for (uint32_t i = 0; i < list->nodes; i++)
        list_node_clear(list_node_by(list, i));
    if (list->nodes > 1)
        list_spine_clear(&list->in.many.spine);
    memory_free_sized(list, sizeof(*list));
}

struct list *list_copy(const struct list *list)
{
    struct list *copy = memory_new(sizeof(*copy));

    *copy = *list;
    if (list->nodes > 1) {
        copy->in.many.spine = (struct list_spine){ 0 };
        for (uint32_t i = 0; i < list->nodes; i++)
            list_spine_insert(&copy->in.many.spine, i, i);
    }
    for (uint32_t i = 0; i < list->nodes; i++) {
        list_node_copy(list_node_by(list, i), list_node_by(copy, i));
        take_back(copy, list_node_by(copy, i));
    }
    cool(copy);
    return copy;
}

size_t list_length(const struct list *list)
{
    return list->nodes == 1 ? list->in.sole.count : list->in.many.length;
}

static void count_more(struct list *list, size_t more)
{
    if (list->nodes > 1)
        list->in.many.length = (list->in.many.length + more) & LENGTH_MASK;
}

static void count_less(struct list *list, size_t less)
{
    if (list->nodes > 1)
        list->in.many.length = (list->in.many.length - less) & LENGTH_MASK;
}

/* Makes an empty node the one of an index. Pointers to other nodes are dead then. */
static struct list_node *add_node(struct list *list, uint32_t index)
{
    struct list_node *fresh;

    cool(list);
    if (list->nodes == 1) {
        struct list_node sole = list->in.sole;

        list->in.many.spine = (struct list_spine){ 0 };
        list->in.many.length = sole.count;
        list->in.many.warm = NOTHING_WARM;
        *list_spine_insert(&list->in.many.spine, 0, 0) = sole;
        list->in.many.spine.slots->bytes = sole.room;
    }
    fresh = list_spine_insert(&list->in.many.spine, list->nodes, index);
    list->nodes++;
    return fresh;
}

/* Takes empty nodes out of the spine, at least one of several nodes staying. */
static void remove_nodes(struct list *list, uint32_t index, uint32_t some)
{
    if (some == 0)
        return;
    list->in.many.warm = NOTHING_WARM;
    list_spine_remove(&list->in.many.spine, list->nodes, index, some);
    list->nodes -= some;
    if (list->nodes == 1) {
        struct list_node sole = *list_spine_at(&list->in.many.spine, 0);

        list_spine_clear(&list->in.many.spine);
        list_node_open(&sole);
        list->in.sole = sole;
    }
}

/* The end node is full: a fresh one takes its place, and the node behind gives up its spare room. */
static void push_slow(struct list *list, enum list_end end, const struct packed_entry *entry)
{
    struct list_node *fresh = add_node(list, end == LIST_FRONT ? 0 : list->nodes);
    bool pushed;

    /* A hundredth of the list may lie idle; what is worth that spares a block its growing. */
    list_node_begin(fresh, end, list->in.many.spine.slots->bytes / IDLE_PART, list_limit(list));
    pushed = list_node_push(fresh, end, entry, list_limit(list));
    must(pushed);
    take_back(list, fresh);
    if (list->nodes > 2) {
        struct list_node *behind = list_node_by(list, end == LIST_FRONT ? 1 : list->nodes - 2);

        let_go(list, behind);
        list_node_fit(behind);
        take_back(list, behind);
    }
    settle_around(list, end == LIST_FRONT ? 0 : list->nodes);
}

void list_push(struct list *list, enum list_end end, struct slice element)
{
    struct packed_entry entry;

    struct list_node *node = end_node(list, end);
    uint32_t room = node->room;

    packed_entry_of_text(&entry, element);
    if (UNLIKELY(!list_node_push(node, end, &entry, list_limit(list))))
        push_slow(list, end, &entry);
    else if (UNLIKELY(node->room != room))
        room_changed(list, node, room);
    count_more(list, 1);
}

bool list_peek(const struct list *list, enum list_end end, struct list_room *room,
               struct slice *element)
{
    const struct list_node *node = end_node(list, end);
    uint32_t place;

    if (node->count == 0)
        return false;
    place = end == LIST_FRONT ? node->begin : list_node_previous(node, node->end);
    *element = packed_entry_print(list_node_at(node, place), room->digits);
    return true;
}

/* Empties whole nodes while `count` covers them, and returns what is left of it. */
static size_t drop_nodes(struct list *list, enum list_end end, size_t count)
{
    uint32_t emptied = 0;
    struct list_node *node = end_node(list, end);

    cool(list);
    while (count >= node->count && list->nodes - emptied > 1) {
        count -= node->count;
        count_less(list, node->count);
        let_go(list, node);
        list_node_clear(node);
        emptied++;
        node = list_node_by(list, end == LIST_FRONT ? emptied : list->nodes - 1 - emptied);
    }
    remove_nodes(list, end == LIST_FRONT ? 0 : list->nodes - emptied, emptied);
    settle_around(list, end == LIST_FRONT ? 0 : list->nodes);
    return count;
}

void list_drop(struct list *list, enum list_end end, size_t count)
{
    struct list_node *node = end_node(list, end);

    if (UNLIKELY(count >= node->count)) {
        count = drop_nodes(list, end, count);
        node = end_node(list, end);
        if (count > node->count)
            count = node->count;
    }
    if (count > 0) {
        uint32_t room = node->room;

        count_less(list, count);
        list_node_drop(node, end, (uint32_t)count);
        if (UNLIKELY(node->room != room))
            room_changed(list, node, room);
    }
}

uint32_t list_locate(const struct list *list, size_t index, uint32_t *within)
{
    size_t length = list_length(list);
    uint32_t at;

    must_dear(index < length);
    if (index < length / 2) {
        for (at = 0; index >= list_node_by(list, at)->count; at++)
            index -= list_node_by(list, at)->count;
    } else {
        size_t behind = length - index; /* elements from this one on */

        for (at = list->nodes - 1; behind > list_node_by(list, at)->count; at--)
            behind -= list_node_by(list, at)->count;
        index = list_node_by(list, at)->count - behind;
    }
    *within = (uint32_t)index;
    return at;
}

bool list_at(const struct list *list, size_t index, struct list_room *room, struct slice *element)
{
    const struct list_node *node;
    uint32_t within;

    if (index >= list_length(list))
        return false;
    node = read_node(list, list_locate(list, index, &within));
    *element = packed_entry_print(list_node_at(node, list_node_seek(node, within)), room->digits);
    return true;
}

/*
 * Inserts in front of the element `within` of a node, or behind its last one. A
 * full node passes an element at its edge on to its neighbour, and is split for
 * one in its midst.
 */
static void insert_entry(struct list *list, uint32_t at, uint32_t within,
                         const struct packed_entry *entry)
{
    struct list_node_limit limit = list_limit(list);
    struct list_node *node = open_node(list, at);

    if (!list_node_takes(node, entry, 0, limit)) {
        if (within > 0 && within < node->count) {
            struct list_node *rest = add_node(list, at + 1);

            node = open_node(list, at);
            let_go(list, node);
            list_node_split(node, within, rest);
            take_back(list, node);
            take_back(list, rest);
            at++;
            within = 0;
        } else if (within > 0) {
            at++; /* in front of the next node, which may not be there yet */
            within = 0;
        }
        /* Now the place is in front of node `at`: behind the one before it is the same place. */
        if (at < list->nodes && list_node_takes(list_node_by(list, at), entry, 0, limit)) {
            node = open_node(list, at);
        } else if (at > 0 && list_node_takes(list_node_by(list, at - 1), entry, 0, limit)) {
            node = open_node(list, at - 1);
            within = node->count;
        } else {
            node = add_node(list, at);
        }
    }
    let_go(list, node);
    list_node_insert(node, list_node_seek(node, within), entry);
    take_back(list, node);
    count_more(list, 1);
    settle_around(list, at);
}

/* Takes out one element. */
static void delete_element(struct list *list, size_t index)
{
    uint32_t within;
    uint32_t at = list_locate(list, index, &within);
    struct list_node *node;

    cool(list);
    node = open_node(list, at);
    let_go(list, node);
    list_node_delete(node, list_node_seek(node, within));
    take_back(list, node);
    count_less(list, 1);
    if (node->count == 0 && list->nodes > 1)
        remove_nodes(list, at, 1);
    settle_around(list, at);
}

void list_set(struct list *list, size_t index, struct slice element)
{
    struct packed_entry entry;
    struct list_node *node;
    uint32_t within, place, size;
    uint32_t at = list_locate(list, index, &within);

    cool(list);
    packed_entry_of_text(&entry, element);
    node = open_node(list, at);
    place = list_node_seek(node, within);
    size = packed_entry_size(list_node_at(node, place));
    if (size == entry.size) {
        packed_entry_put(node->block + place, &entry);
    } else if (list_node_takes(node, &entry, size, list_limit(list))) {
        let_go(list, node);
        place = list_node_insert(node, place, &entry);
        list_node_delete(node, place + entry.size);
        take_back(list, node);
    } else {
        insert_entry(list, at, within, &entry);
        delete_element(list, index + 1);
        return;
    }
    if (list_is_cold(list, at))
        pack_node(list, node);
}

/* Finds the first element equal to an entry: its node and its index within. */
static bool find_entry(const struct list *list, const struct packed_entry *entry, uint32_t *at,
                       uint32_t *within)
{
    for (uint32_t i = 0; i < list->nodes; i++) {
        const struct list_node *node = read_node(list, i);
        uint32_t index = 0;
        uint32_t size;

        for (uint32_t place = node->begin; place < node->end; place += size, index++) {
            size = packed_entry_size(list_node_at(node, place));
            if (packed_entry_is(list_node_at(node, place), size, entry)) {
                *at = i;
                *within = index;
                return true;
            }
        }
    }
    return false;
}

bool list_insert(struct list *list, struct slice pivot, bool after, struct slice element)
{
    struct packed_entry wanted, entry;
    uint32_t at, within;

    packed_entry_of_text(&wanted, pivot);
    if (!find_entry(list, &wanted, &at, &within))
        return false;
    cool(list);
    packed_entry_of_text(&entry, element);
    insert_entry(list, at, within + after, &entry);
    return true;
}

/* After a removal all over the list: joins thin neighbours and takes empty nodes out. */
static void sweep(struct list *list)
{
    struct list_node_limit limit = list_limit(list);
    uint32_t kept = 0;

    if (list->nodes == 1)
        return;
    for (uint32_t i = 1; i < list->nodes; i++) {
        struct list_node *last = list_node_by(list, kept);
        struct list_node *node = list_node_by(list, i);
        uint32_t joint = list_node_used(last) + list_node_used(node);

        if (node->count == 0)
            continue;
        if (last->count == 0) {
            *last = *node;
            *node = (struct list_node){ 0 };
        } else if (joint <= limit.bytes / 2 && last->count + node->count <= limit.count) {
            unpack_node(list, last);
            unpack_node(list, node);
            let_go(list, last);
            let_go(list, node);
            list_node_join(last, node);
            take_back(list, last);
        } else if (++kept != i) {
            *list_node_by(list, kept) = *node;
            *node = (struct list_node){ 0 };
        }
    }
    remove_nodes(list, kept + 1, list->nodes - kept - 1);
    if (list->value.form > 0)
        settle(list, 0, list->nodes);
}

size_t list_remove(struct list *list, enum list_end from, struct slice element, size_t most)
{
    struct packed_entry entry;
    size_t removed = 0;

    cool(list);
    packed_entry_of_text(&entry, element);
    for (uint32_t i = 0; i < list->nodes && removed < most; i++) {
        uint32_t at = from == LIST_FRONT ? i : list->nodes - 1 - i;
        struct list_node *node = open_node(list, at);
        size_t left = most - removed;
        uint32_t skip = 0;

        if (left > node->count)
            left = node->count;
        if (from == LIST_BACK) {
            uint32_t matches = list_node_matches(node, &entry);

            skip = matches > left ? matches - (uint32_t)left : 0;
        }
        let_go(list, node);
        removed += list_node_remove(node, &entry, skip, (uint32_t)left);
        take_back(list, node);
        if (list_is_cold(list, at))
            pack_node(list, node);
    }
    if (removed > 0) {
        count_less(list, removed);
        sweep(list);
    }
    return removed;
}

void list_trim(struct list *list, size_t first, size_t count)
{
    size_t length;

    list_drop(list, LIST_FRONT, first);
    length = list_length(list);
    if (count < length)
        list_drop(list, LIST_BACK, length - count);
}

const struct list_node *list_nodes_at(const struct list *list, size_t index)
{
    return read_node(list, (uint32_t)index);
}

uint64_t list_move(struct list **moving, struct mover *mover, uint64_t at)
{
    struct list *list;
    uint64_t end = at + MOVED_NODES;

    if (at == 0)
        (void)mover_move(mover, moving);
    list = *moving;
    if (at == 0 && list->nodes > 1)
        (void)mover_move(mover, &list->in.many.spine.slots);
    for (; at < end && at < list->nodes; at++)
        (void)mover_move(mover, &list_node_by(list, (uint32_t)at)->block);
    return at < list->nodes ? at : 0;
}
