/*
 * A segment packs neighbouring entries of a stream into one block.
 *
 * Entries are appended in place; once sealed a segment only changes when
 * entries are deleted. The entries of a segment are handed out as views that
 * borrow its bytes. Layout and invariants are told in segment.c.
 */
#ifndef STREAMS_SEGMENT_H
#define STREAMS_SEGMENT_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "storage/base/number.h"
#include "storage/base/slice.h"
#include "streams/entry_id.h"

struct segment {
    /* Private to this room: others ask the stream. */
    struct entry_id base;    /* the ID before that of the entry at `begin` */
    struct entry_id last;    /* of its last entry, also if that one is deleted */
    uint32_t        head;    /* where the names end */
    uint32_t        begin;   /* where its first live entry begins */
    uint32_t        used;    /* where its last entry ends */
    uint32_t        room;    /* bytes of data allocated */
    uint32_t        final;   /* where its last entry begins, deleted or not */
    uint32_t        fields;  /* how many names the head has */
    uint16_t        live;    /* entries from `begin` on that are not deleted */
    uint16_t        entries; /* entries from `begin` on */
    uint16_t        written; /* entries ever written into this block, what was trimmed included */
    char            data[];
};

/* One entry, borrowed from its segment until the stream is next changed. */
struct entry {
    struct entry_id id;
    uint32_t        pairs;  /* how many fields with their values, at least 1 */
    const char     *names;  /* Private: in the head, or NULL when each value has its own */
    const char     *values; /* Private */
};

/* A walk over the fields of one entry, in their order. */
struct entry_pairs {
    const char *names;  /* Private. */
    const char *values; /* Private. */
    uint32_t    left;   /* how many were not yet handed out */
    char        number[NUMBER_INTEGER_MAX]; /* Private: a value that is kept as an integer */
};

/* Begins in front of the first field. */
void entry_pairs_begin(struct entry_pairs *pairs, const struct entry *entry);

/* The next field and value; false behind the last. The value may live in `pairs` and is borrowed
 * until the next call, the field until the stream is changed. */
bool entry_pairs_next(struct entry_pairs *pairs, struct slice *field, struct slice *value);

/*
 * All fields and values at once, in turn, into `words`, which has room for 2 *
 * pairs; values kept as integers are printed into `numbers`, which has room for
 * NUMBER_INTEGER_MAX times pairs.
 */
void entry_words(const struct entry *entry, struct slice *words, char *numbers);

/* Limits of a segment: its offsets and its count of entries must fit their fields. */
#define SEGMENT_BYTES_MAX (UINT32_C(3) << 30)
#define SEGMENT_ENTRIES_MAX UINT16_MAX

/*
 * A new segment for entries like this one, whose field names it learns; the
 * entry itself is not yet in it. `fields` are names and values in turn, 2 * pairs
 * slices; `expected` is how many bytes its entries may come to, 0 if unknown.
 */
struct segment *segment_new(struct entry_id first, const struct slice *fields, size_t pairs,
                            size_t expected);

/* A copy that is sealed. */
struct segment *segment_copy(const struct segment *segment);

/* Frees the block. NULL is fine. */
void segment_free(struct segment *segment);

/* The most bytes that an entry can take: when its field names are not those of its segment. */
size_t segment_entry_bytes(const struct slice *fields, size_t pairs);

/*
 * Appends an entry, whose ID is greater than all before. Returns the segment,
 * perhaps moved. The caller has made sure that it fits.
 */
MUST_USE struct segment *segment_append(struct segment *segment, struct entry_id id,
                                        const struct slice *fields, size_t pairs);

/* Gives back what the block has to spare. Returns it, perhaps moved. */
MUST_USE struct segment *segment_seal(struct segment *segment);

/*
 * Marks the entry as deleted. False, changing nothing, if no live entry has
 * this ID. O(entries).
 */
MUST_USE bool segment_delete(struct segment *segment, struct entry_id id);

/* Deletes the first live entry. There must be one. Amortised O(1). */
void segment_delete_first(struct segment *segment);

/* Whether at least half of it is deleted entries, so that segment_compact is worth its while. */
bool segment_is_sparse(const struct segment *segment);

/* Rewrites the block without its deleted entries. Returns the new one; the old one is freed. */
MUST_USE struct segment *segment_compact(struct segment *segment);

/* How many live entries have an ID below this one. O(entries). */
uint32_t segment_count_below(const struct segment *segment, struct entry_id id);

/* Bytes of what is written in it, its head included; a count that does not depend on allocation. */
static inline uint32_t segment_bytes(const struct segment *segment)
{
    return (uint32_t)sizeof(*segment) + segment->used;
}

/* Bytes of memory. */
size_t segment_memory(const struct segment *segment);

/* A walk forwards over the live entries of one segment. */
struct segment_walk {
    const struct segment *segment; /* Private. */
    uint32_t              at;      /* Private: where the next entry begins */
    struct entry_id       id;      /* Private: the ID before that entry */
};

/*
 * The last entry, if it was not deleted: what is before it needs no look. False
 * tells nothing of whether there is another. O(1).
 */
MUST_USE bool segment_last(const struct segment *segment, struct entry *entry);

/* Begins in front of the first live entry. */
void segment_walk_begin(struct segment_walk *walk, const struct segment *segment);

/* Begins in front of the first entry whose ID is not below `id`. O(entries). */
void segment_walk_seek(struct segment_walk *walk, const struct segment *segment,
                       struct entry_id id);

/* The next live entry; false behind the last. */
bool segment_walk_next(struct segment_walk *walk, struct entry *entry);

/* Asserts every invariant. O(entries). */
void segment_check(const struct segment *segment);

#endif
