/*
 * A list of strings and integers in one block, in Redis's listpack layout to
 * the byte, so that dumps and RDB files are a copy of it.
 *
 *     total bytes u32 | entries u16 | entry entry entry ... | 0xFF
 *
 * All numbers are little-endian. The count is 65,535 when it does not fit. The layout of an
 * entry is told in packed_entry.h. Format source: the public listpack specification
 * (antirez/listpack).
 *
 * A string that is a canonical integer is stored as an integer. A place is the
 * offset of an entry from the block's begin, 0 for "no entry"; places before
 * the one that is changed stay valid. Functions that may move the block return
 * it, and the old pointer is dead.
 *
 * Costs: n is the number of bytes.
 */
#ifndef STORAGE_INDEX_PACKED_H
#define STORAGE_INDEX_PACKED_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "storage/base/digest.h"
#include "storage/base/must.h"
#include "storage/base/slice.h"

struct packed;

enum {
    PACKED_HEADER = 6,             /* bytes in front of the first entry */
    PACKED_EMPTY = 7,              /* bytes of an empty list */
    PACKED_BYTES_MAX = 1073741824, /* no list is larger; see packed_fits */
    PACKED_TEXT_MAX = 20           /* bytes of an integer as text */
};

/* One element: an integer, or bytes borrowed from the block or the caller. */
struct packed_value {
    bool         is_integer;
    int64_t      integer;
    struct slice text; /* when it is not an integer */
};

static inline struct packed_value packed_text(struct slice text)
{
    return (struct packed_value){ .text = text };
}

static inline struct packed_value packed_integer(int64_t integer)
{
    return (struct packed_value){ .is_integer = true, .integer = integer };
}

/* An empty list with room for `capacity` bytes in all (0: the least). Ended by packed_free. */
struct packed *packed_new(size_t capacity) MUST_USE;
void packed_free(struct packed *packed);

/* A copy of bytes that packed_valid approved of, or that packed_slice gave. */
struct packed *packed_copy(struct slice bytes) MUST_USE;

/* The block as bytes, borrowed until the next change. */
struct slice packed_slice(const struct packed *packed);

/* Bytes of the list, and bytes its block takes in memory. */
size_t packed_bytes(const struct packed *packed);
size_t packed_memory(const struct packed *packed);

/* How many entries. O(1), but O(n) beyond 65,534. */
size_t packed_count(const struct packed *packed);

/* Whether values of `extra` bytes in all, `entries` of them, may be added. Inserting more than
 * fits is a panic, so ask first where sizes come from outside. */
bool packed_fits(const struct packed *packed, size_t extra, size_t entries);

/* The bytes that an entry with this value takes. */
size_t packed_entry_bytes(struct packed_value value);

/* -- Walking. Each returns a place, or 0 behind either end of the list. O(1). */
size_t packed_first(const struct packed *packed);
size_t packed_last(const struct packed *packed);
size_t packed_next(const struct packed *packed, size_t place);
size_t packed_previous(const struct packed *packed, size_t place);

/* The place of an index; negative ones count from the end, -1 is the last. O(n), from the
 * nearer end. */
size_t packed_at(const struct packed *packed, int64_t index);

/* What stands at a place. */
struct packed_value packed_get(const struct packed *packed, size_t place);

/* The value as text: its own bytes, or the integer printed into `room`. */
struct slice packed_print(struct packed_value value, char room[PACKED_TEXT_MAX]);

/* Whether an entry is this text (an integer is equal to its canonical text). */
bool packed_is(const struct packed *packed, size_t place, struct slice text);

/*
 * The first place from `place` on that is this text, looking at every
 * (skip + 1)th entry: skip 1 looks at the fields of a list of pairs. 0 if none.
 */
size_t packed_find(const struct packed *packed, size_t place, struct slice text, size_t skip);

/*
 * Whether no two of the entries that packed_find would look at are equal, in a list that this module
 * wrote, so that equal entries are equal bytes. O(n), with four to eight bytes an entry meanwhile.
 */
bool packed_distinct(const struct packed *packed, size_t skip, const struct hash_key *key);

/* -- Changing. Each returns the block, perhaps moved. A text handed in must not lie in it.
 * Amortised, an append costs its own length; a prepend is O(n). */
struct packed *packed_append(struct packed *packed, struct slice text) MUST_USE;
struct packed *packed_append_integer(struct packed *packed, int64_t integer) MUST_USE;
struct packed *packed_prepend(struct packed *packed, struct slice text) MUST_USE;

/*
 * Inserts two entries one behind the other, a field and its value, before the one at `place`, or
 * behind all if that is 0: at the cost of one. The block is made if there is none yet (NULL), for
 * just these two.
 */
struct packed *packed_insert_pair(struct packed *packed, size_t place, struct packed_value first,
                                  struct packed_value second) MUST_USE;

/* Inserts before or after the entry at `*place` and sets it to the new entry's place. O(n). */
struct packed *packed_insert_before(struct packed *packed, size_t *place,
                                    struct packed_value value) MUST_USE;
struct packed *packed_insert_after(struct packed *packed, size_t *place,
                                   struct packed_value value) MUST_USE;

/* Puts a value in place of an entry, at the same place. O(n), O(1) if its size stays. */
struct packed *packed_replace(struct packed *packed, size_t place,
                              struct packed_value value) MUST_USE;

/* Deletes the entry at `*place`; it then names the entry that followed, or 0. O(n). */
struct packed *packed_delete(struct packed *packed, size_t *place) MUST_USE;

/* Deletes up to `count` entries from `*place` on; it then names what followed, or 0. O(n). */
struct packed *packed_delete_range(struct packed *packed, size_t *place, size_t count) MUST_USE;

/* Appends all entries of another list, which is left as it was. */
struct packed *packed_merge(struct packed *packed, const struct packed *other) MUST_USE;

/* Gives back what the block has to spare, before it is kept for long. */
struct packed *packed_trim(struct packed *packed) MUST_USE;

/* -- Trust. */

/*
 * Whether bytes from outside are a list. Shallow: header and end agree with the
 * length. Deep: every entry too, so that no walk can leave the block. Reads
 * nothing outside the slice.
 */
bool packed_valid(struct slice bytes, bool deep);

/* Asserts that the list is valid, deeply, and that each entry is in its shortest form. */
void packed_check(const struct packed *packed);

#endif
