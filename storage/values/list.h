/*
 * A list: a queue with both ends open, also reached by index.
 *
 *     list   [ node | node | node | ... | node ]     a circular array of nodes
 *               |      |                   |
 *             elements packed in one block each (list_node.h)
 *
 * Elements are bytes; one that is a canonical integer is kept as an integer. An
 * element costs its length and two to ten bytes, and no pointer. A list of one
 * node is a header of 32 bytes and that node's block, nothing else. An element
 * larger than a node may be has a node of its own.
 *
 * If the limits say so (list-compress-depth), nodes but for some at either end
 * are packed with LZF. To read a packed node opens it in place; the list keeps
 * one such node open. Reads are reads nevertheless, also through a const list.
 *
 * An empty list is legal here; the keyspace does not keep one, so whoever takes
 * the last element removes the item.
 *
 * An element that is returned is borrowed: from the list, until the list is next
 * changed, or from the `room` that the caller gave, if it was an integer.
 *
 * Costs: n is the number of elements, m the number of nodes, about n / 200 for
 * elements of 40 bytes. Finding an index costs O(m) with a factor of about a
 * nanosecond, from the nearer end, and half a node.
 */
#ifndef STORAGE_VALUES_LIST_H
#define STORAGE_VALUES_LIST_H

#include "storage/values/list_spine.h"
#include "storage/values/value.h"

struct list;

/* Room for an element that is kept as an integer. */
struct list_room {
    char digits[NUMBER_INTEGER_MAX];
};

/* What the registry of types knows of lists. */
extern const struct value_type list_type;

/* An empty list, whose nodes are as large as the limits say now. */
struct list *list_new(const struct value_limits *limits);
void list_free(struct list *list); /* NULL is fine. */

/* A deep copy without spare room, owned by the caller. O(n). */
struct list *list_copy(const struct list *list);

/* How many elements. O(1). */
size_t list_length(const struct list *list);

/* Adds at an end. The element must not be borrowed from this list. Amortised O(element). */
void list_push(struct list *list, enum list_end end, struct slice element);

/* The element at an end. False if the list is empty. O(1). */
MUST_USE bool list_peek(const struct list *list, enum list_end end, struct list_room *room,
                        struct slice *element);

/* Takes up to `count` elements from an end. O(count elements passed, or whole nodes). */
void list_drop(struct list *list, enum list_end end, size_t count);

/* The element of an index. False if there is none such. */
MUST_USE bool list_at(const struct list *list, size_t index, struct list_room *room,
                      struct slice *element);

/* Puts another element in place of the one of an index, which is less than the length. */
void list_set(struct list *list, size_t index, struct slice element);

/* Inserts before or after the first element equal to the pivot. False if there is none. O(n). */
MUST_USE bool list_insert(struct list *list, struct slice pivot, bool after, struct slice element);

/*
 * Takes out elements equal to this one, at most `most` of them, from the front
 * or from the back on. Returns how many. O(n).
 */
size_t list_remove(struct list *list, enum list_end from, struct slice element, size_t most);

/* Keeps `count` elements from index `first` on, and no others. */
void list_trim(struct list *list, size_t first, size_t count);

/*
 * A walk from an index, either way. The list must not change meanwhile.
 *
 *     list_walk_begin(&walk, list, first, LIST_BACK);
 *     while (list_walk_next(&walk, &element))
 *         ...
 */
struct list_walk {
    /* Private. */
    const struct list      *list;
    const struct list_node *node;
    uint32_t                index; /* of the node */
    uint32_t                place;
    enum list_end           towards;
    struct list_room        room;
};

/* Begins at an index; at the length or beyond, the walk is over at once. */
void list_walk_begin(struct list_walk *walk, const struct list *list, size_t index,
                     enum list_end towards);

/* The next element, borrowed until the walk goes on. False at the end. O(1). */
MUST_USE bool list_walk_next(struct list_walk *walk, struct slice *element);

/* A search for equal elements, from either end; the list must not change meanwhile. */
struct list_search {
    /* Private. */
    struct list_walk  walk;
    struct packed_entry wanted;
    size_t            index; /* of the element the walk looks at next */
    size_t            left;  /* how many elements may still be looked at */
};

/* Begins at the front or the back; looks at no more than `most` elements. The element is borrowed. */
void list_search_begin(struct list_search *search, const struct list *list, enum list_end from,
                       struct slice element, size_t most);

/* The index of the next equal element, counted from the front. False at the end. */
MUST_USE bool list_search_next(struct list_search *search, size_t *index);

/* -- For saving, loading and measuring: the runs as they are. */

/* How many nodes. */
size_t list_nodes(const struct list *list);

/* A node by its index, opened if it was packed; borrowed until the list changes or another node
 * is read. */
const struct list_node *list_nodes_at(const struct list *list, size_t index);

/* The index of the node that holds an element, and the element's index in it. The index is less than
 * the length. O(m). */
uint32_t list_locate(const struct list *list, size_t index, uint32_t *within);

/* How many nodes at either end are never packed; 0 if none is. */
uint32_t list_pack_depth(const struct list *list);

/* Bytes of all runs, and what they are kept in, packed or not. O(m). */
void list_run_bytes(const struct list *list, uint64_t *whole, uint64_t *kept);

/* Bytes that the block of a node takes. */
size_t list_block_bytes(const struct list *list, size_t index);

/* Bytes the list takes without its nodes' blocks. */
size_t list_header_bytes(const struct list *list);

/* Bytes of memory, without what size classes add. O(1). */
size_t list_weight(const struct list *list);

/*
 * Moves blocks of the list (storage/base/mover.h), whose header is moved too if `at`
 * is 0: those of some nodes from a place on. Returns the next place, 0 behind the last.
 */
uint64_t list_move(struct list **list, struct mover *mover, uint64_t at);

/* Asserts every invariant. O(n). */
void list_check(const struct list *list);

#endif
