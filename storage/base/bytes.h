/*
 * Owned, immutable, reference-counted bytes: encoded once, shared by all who
 * need them (a published message, a statement, a large value).
 *
 * The count is atomic, so that a worker thread may drop its share. The bytes
 * follow the header in one block; len + spare stays what it was made with.
 */
#ifndef STORAGE_BASE_BYTES_H
#define STORAGE_BASE_BYTES_H

#include <stdatomic.h>
#include <stdint.h>

#include "storage/base/slice.h"

struct bytes {
    _Atomic uint32_t shares; /* Private. */
    uint32_t         spare;  /* allocated behind the bytes; a sole owner may lengthen into it */
    size_t           len;
    char             at[];   /* written by the maker only, before it is shared */
};

/* New bytes of the given length, not yet filled in, with one share. */
struct bytes *bytes_new(size_t len);

/* New bytes of the given length, all zero. Long ones are fresh pages of the kernel, zero already:
 * they take no time. */
struct bytes *bytes_new_zeroed(size_t len);

/* New bytes with a copy of what the slice shows, with one share. */
struct bytes *bytes_copy(struct slice from);

static inline struct slice bytes_slice(const struct bytes *bytes)
{
    return (struct slice){ bytes->at, bytes->len };
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
