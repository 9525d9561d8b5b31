/*
 * A node of a list: a run of elements in one block, with room to spare at both
 * ends, so that pushing and popping at either end moves nothing.
 *
 *     block   | room | entry entry ... entry |   room   |
 *                    ^ begin                 ^ end      ^ room
 *
 * The run is a listpack without its six bytes of header and its end byte; see
 * storage/index/packed_entry.h for an entry. A place is the offset of an entry in the block.
 *
 * A block that has too little room grows to the next size class, so that hardly
 * any lies idle in a list that is no longer pushed to; one in which pops left a
 * quarter or more at the other end slides instead; one that is half empty shrinks.
 * Hence a push or a pop at an end costs its own length, amortised. A run has at
 * most as many bytes as its list allows, except for an element that is larger
 * alone: it has a node of its own.
 *
 * A node may be packed with LZF: then its block is what the run came to, `room`
 * the bytes of that, `count` is as ever, and list_node_used tells the bytes of
 * the run. Everything else wants it opened first.
 */
#ifndef STORAGE_VALUES_LIST_NODE_H
#define STORAGE_VALUES_LIST_NODE_H

#include <stdbool.h>
#include <stdint.h>

#include "storage/index/packed_entry.h"

enum list_end { LIST_FRONT, LIST_BACK };

/* All zero is a node without elements, which owns nothing. */
struct list_node {
    unsigned char *block;
    uint32_t       begin; /* place of the first entry */
    uint32_t       end;   /* behind the last entry */
    uint32_t       room;  /* bytes of the block */
    uint32_t       count; /* entries */
};

/* The `begin` of a packed node; its `end` is such that end - begin is right. */
#define LIST_NODE_PACKED UINT32_MAX

static inline bool list_node_is_packed(const struct list_node *node)
{
    return node->begin == LIST_NODE_PACKED;
}

/* How large a node may be. */
struct list_node_limit {
    uint32_t bytes; /* of the run, with the seven bytes its listpack has besides */
    uint32_t count;
};

/* What list-max-listpack-size says: -1 to -5 for 4 to 64 KiB, else a count, of 8 KiB at most. */
struct list_node_limit list_node_limit_of(int32_t option);

/* Bytes of the run. */
static inline uint32_t list_node_used(const struct list_node *node)
{
    return node->end - node->begin;
}

static inline const unsigned char *list_node_at(const struct list_node *node, uint32_t place)
{
    return node->block + place;
}

/* The place of the entry behind this one; node->end behind the last. */
static inline uint32_t list_node_next(const struct list_node *node, uint32_t place)
{
    return place + packed_entry_size(node->block + place);
}

/* The place of the entry in front of this one, which may be node->end but not the first. */
static inline uint32_t list_node_previous(const struct list_node *node, uint32_t place)
{
    return place - packed_entry_size_before(node->block + place);
}

/* The place of an entry by its index, or node->end if index is the count. O(bytes) of the nearer half. */
uint32_t list_node_seek(const struct list_node *node, uint32_t index);

/* Gives the block back; the node is empty again. */
void list_node_clear(struct list_node *node);

/*
 * Adds an entry at an end. False, changing nothing, if the node is full. An
 * empty node takes any entry. Amortised O(entry).
 */
MUST_USE bool list_node_push(struct list_node *node, enum list_end end,
                             const struct packed_entry *entry, struct list_node_limit limit);

/*
 * Gives an empty node a block of so many bytes, or of as many as it may have; of few
 * bytes it gives none. An entry must be pushed at that end next.
 */
void list_node_begin(struct list_node *node, enum list_end end, uint64_t room,
                     struct list_node_limit limit);

/* Takes `count` entries, at most as many as there are, from an end. O(bytes taken). */
void list_node_drop(struct list_node *node, enum list_end end, uint32_t count);

/* Whether an entry in place of `replaced` bytes would keep the node within its limit. */
bool list_node_takes(const struct list_node *node, const struct packed_entry *entry,
                     uint32_t replaced, struct list_node_limit limit);

/*
 * Inserts an entry in front of a place, which may be node->end, and returns its
 * own place. Ask list_node_takes first. O(bytes).
 */
uint32_t list_node_insert(struct list_node *node, uint32_t place,
                          const struct packed_entry *entry);

/* Takes out the entry at a place. O(bytes). */
void list_node_delete(struct list_node *node, uint32_t place);

/*
 * Takes out those equal to an entry: skips the first `skip` of them, then takes
 * at most `most`. Returns how many it took. O(bytes), however many there are.
 */
uint32_t list_node_remove(struct list_node *node, const struct packed_entry *entry,
                          uint32_t skip, uint32_t most);

/* How many are equal to an entry. */
uint32_t list_node_matches(const struct list_node *node, const struct packed_entry *entry);

/* Moves the entries from the index-th on into `rest`, which is empty. Both are left without spare room. */
void list_node_split(struct list_node *node, uint32_t index, struct list_node *rest);

/* Moves all entries of `other` behind those of the node; `other` is empty then. */
void list_node_join(struct list_node *node, struct list_node *other);

/* Gives spare room back: for nodes that are not at an end of their list any more. */
void list_node_fit(struct list_node *node);

/* Packs the run, unless that saves too little. O(bytes). */
void list_node_pack(struct list_node *node);

/* Makes a packed node an open one again, without spare room. O(bytes). */
void list_node_open(struct list_node *node);

/* Makes `copy` a copy without spare room, packed if the node is. */
void list_node_copy(const struct list_node *node, struct list_node *copy);

/* Asserts that the run is whole and every entry is in its shortest form. */
void list_node_check(const struct list_node *node);

#endif
