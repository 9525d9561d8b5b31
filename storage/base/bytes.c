/*
 * Shared bytes: a count, a length and the bytes in one block.
 *
 * What always holds:
 *   (1) shares is at least 1 until the bytes are freed.
 *   (2) len + spare is what the block was made with, but for what the size class
 *       gave beyond it, so it can be freed by size.
 */
#include "storage/base/bytes.h"

#include "storage/base/memory.h"
#include "storage/base/must.h"

struct bytes *bytes_new(size_t len)
{
    struct bytes *bytes;

    must(len < SIZE_MAX - sizeof(*bytes));
    bytes = memory_new(sizeof(*bytes) + len);
    atomic_init(&bytes->shares, 1);
    bytes->spare = 0;
    bytes->len = len;
    return bytes;
}

struct bytes *bytes_new_zeroed(size_t len)
{
    struct bytes *bytes;

    must(len < SIZE_MAX - sizeof(*bytes));
    bytes = memory_new_zeroed(1, sizeof(*bytes) + len);
    atomic_init(&bytes->shares, 1);
    bytes->len = len;
    return bytes;
}

struct bytes *bytes_copy(struct slice from)
{
    struct bytes *bytes = bytes_new(from.len);

    if (from.len > 0)
        memcpy(bytes->at, from.at, from.len);
    return bytes;
}

void bytes_drop(struct bytes *bytes)
{
    if (bytes == NULL)
        return;
    /* A sole owner has nobody to race with, and is spared the locked instruction. */
    if (!bytes_sole(bytes) &&
        atomic_fetch_sub_explicit(&bytes->shares, 1, memory_order_acq_rel) != 1)
        return;
    memory_free_sized(bytes, sizeof(*bytes) + bytes->len + bytes->spare);
}
