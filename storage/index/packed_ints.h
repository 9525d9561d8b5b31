/*
 * A sorted set of integers in one block, in Redis's intset layout, so that
 * dumps and RDB files are a copy of it.
 *
 *     width u32 (2, 4 or 8) | count u32 | count integers of that width, rising
 *
 * All numbers are little-endian. The width is the least that holds every member
 * ever added: it grows and never shrinks. Functions that may move the block
 * return it, and the old pointer is dead.
 *
 * Costs: n is the number of members.
 */
#ifndef STORAGE_INDEX_PACKED_INTS_H
#define STORAGE_INDEX_PACKED_INTS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "storage/base/must.h"
#include "storage/base/random.h"
#include "storage/base/slice.h"

struct packed_ints;

struct packed_ints *packed_ints_new(void) MUST_USE;
void packed_ints_free(struct packed_ints *ints);

/* A copy of bytes that packed_ints_valid approved of. */
struct packed_ints *packed_ints_copy(struct slice bytes) MUST_USE;

/* The block as bytes, borrowed until the next change. */
struct slice packed_ints_slice(const struct packed_ints *ints);

/* How many members there are. O(1). */
size_t packed_ints_count(const struct packed_ints *ints);

/* Bytes the block takes in memory. */
size_t packed_ints_memory(const struct packed_ints *ints);

/* Adds a member; `added`, if not NULL, says whether it was new. O(n). */
struct packed_ints *packed_ints_add(struct packed_ints *ints, int64_t member, bool *added) MUST_USE;

/* Removes a member; `removed`, if not NULL, says whether it was there. O(n). */
struct packed_ints *packed_ints_remove(struct packed_ints *ints, int64_t member,
                                       bool *removed) MUST_USE;

/* O(log n). */
bool packed_ints_has(const struct packed_ints *ints, int64_t member);

/* The first rank from `from` on whose member is not less than this one, or the count. O(log d) for
 * one that is d ranks ahead. */
size_t packed_ints_seek(const struct packed_ints *ints, size_t from, int64_t member);

/* The member at an index, which is less than the count; they rise. O(1). */
int64_t packed_ints_at(const struct packed_ints *ints, size_t index);

/* A member chosen by chance; the set is not empty. */
int64_t packed_ints_random(const struct packed_ints *ints, struct random *random);

/* Whether bytes from outside are such a set. Shallow: the header agrees with the length. Deep:
 * the members rise, none twice. */
bool packed_ints_valid(struct slice bytes, bool deep);

/* Asserts that the set is valid, deeply. */
void packed_ints_check(const struct packed_ints *ints);

#endif
