/*
 * Owned, immutable, reference-counted bytes: encoded once, shared by all who
 * need them (a published message, a statement, a large value).
 *
 * The count is atomic, so that a worker thread may drop its share. All is one
 * block, with a head of six bytes, so that bytes of a round length just under a
 * size class (500, 1,000) do not need the next one:
 *
 *     short   shares u32 | length u16 | bytes ...
 *     long    length u64 | spare u64 | shares u32 | 0xFFFF | bytes ... | spare ...
 *
 * Long are those of 65,535 bytes and more, and those with room to spare.
 */
#ifndef STORAGE_BASE_BYTES_H
#define STORAGE_BASE_BYTES_H

#include <stdatomic.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "storage/base/slice.h"

struct bytes {
    _Atomic uint32_t shares; /* Private. */
    uint16_t         length; /* Private: bytes_len tells it. */
    char             at[];   /* written by the maker only, before it is shared */
};

/* What stands in front of long ones. */
struct bytes_long {
    size_t len;
    size_t spare; /* allocated behind the bytes */
};

enum {
    BYTES_HEAD = offsetof(struct bytes, at),
    BYTES_LONG = UINT16_MAX, /* the `length` of long ones */
    BYTES_LONG_HEAD = (int)sizeof(struct bytes_long) + BYTES_HEAD
};
_Static_assert(BYTES_HEAD == 6, "no more than Redis needs for a string");

static inline struct bytes_long *bytes_front(const struct bytes *bytes)
{
    return (struct bytes_long *)(uintptr_t)bytes - 1;
}

static inline size_t bytes_len(const struct bytes *bytes)
{
    size_t length = bytes->length;

    return __builtin_expect(length == BYTES_LONG, 0) ? bytes_front(bytes)->len : length;
}

/* New bytes of the given length, not yet filled in, with one share. */
struct bytes *bytes_new(size_t len);

/* New bytes of the given length, all zero. Long ones are fresh pages of the kernel, zero already:
 * they take no time. */
struct bytes *bytes_new_zeroed(size_t len);

/* The same, zero or not yet filled in, with room to grow in place by so many bytes more. */
struct bytes *bytes_new_spare(size_t len, size_t spare, bool zeroed);

/* Lengthens bytes of which the caller is the only owner by zeros, where they are. False, changing
 * nothing, if there is no room. */
bool bytes_grow(struct bytes *bytes, size_t len);

/* The block they are in, as the allocator knows it. */
void *bytes_block(const struct bytes *bytes);

/* New bytes with a copy of what the slice shows, with one share. */
struct bytes *bytes_copy(struct slice from);

static inline struct slice bytes_slice(const struct bytes *bytes)
{
    return (struct slice){ bytes->at, bytes_len(bytes) };
}

/* One share more; returns its argument. */
static inline struct bytes *bytes_share(struct bytes *bytes)
{
    atomic_fetch_add_explicit(&bytes->shares, 1, memory_order_relaxed);
    return bytes;
}

/* Whether the caller's is the only share. */
static inline bool bytes_sole(const struct bytes *bytes)
{
    return atomic_load_explicit(&bytes->shares, memory_order_acquire) == 1;
}

/* How many shares there are; others may change that meanwhile. For reports. */
static inline uint32_t bytes_shares(const struct bytes *bytes)
{
    return atomic_load_explicit(&bytes->shares, memory_order_relaxed);
}

/* One share less; the last frees the bytes. NULL is fine. */
void bytes_drop(struct bytes *bytes);

#endif
