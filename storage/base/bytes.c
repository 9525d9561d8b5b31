/*
 * Shared bytes: a count, a length and the bytes in one block.
 *
 * What always holds:
 *   (1) shares is at least 1 until the bytes are freed.
 *   (2) Head, length and spare are what the block was made with, but for what the
 *       size class gave beyond it, so it can be freed by size.
 */
#include "storage/base/bytes.h"

#include "storage/base/memory.h"
#include "storage/base/must.h"

static struct bytes *begin_short(struct bytes *bytes, size_t len)
{
    atomic_init(&bytes->shares, 1);
    bytes->length = (uint16_t)len;
    return bytes;
}

struct bytes *bytes_new_spare(size_t len, size_t spare, bool zeroed)
{
    struct bytes_long *front;
    struct bytes *bytes;
    size_t size;

    must(len < SIZE_MAX / 2 && spare < SIZE_MAX / 2 - BYTES_LONG_HEAD);
    size = BYTES_LONG_HEAD + len + spare;
    front = zeroed ? memory_new_zeroed(1, size) : memory_new(size);
    *front = (struct bytes_long){ len, spare };
    bytes = (struct bytes *)(front + 1);
    return begin_short(bytes, BYTES_LONG);
}

struct bytes *bytes_new(size_t len)
{
    if (UNLIKELY(len >= BYTES_LONG))
        return bytes_new_spare(len, 0, false);
    return begin_short(memory_new(BYTES_HEAD + len), len);
}

struct bytes *bytes_new_zeroed(size_t len)
{
    if (UNLIKELY(len >= BYTES_LONG))
        return bytes_new_spare(len, 0, true);
    return begin_short(memory_new_zeroed(1, BYTES_HEAD + len), len);
}

void *bytes_block(const struct bytes *bytes)
{
    return bytes->length == BYTES_LONG ? (void *)bytes_front(bytes) : (void *)(uintptr_t)bytes;
}

bool bytes_grow(struct bytes *bytes, size_t len)
{
    bool is_long = bytes->length == BYTES_LONG;
    size_t before = bytes_len(bytes);

    if (len <= before)
        return true;
    if ((!is_long && len >= BYTES_LONG) ||
        memory_usable(bytes_block(bytes)) < (is_long ? BYTES_LONG_HEAD : BYTES_HEAD) + len)
        return false;
    memset(bytes->at + before, 0, len - before);
    if (is_long) {
        size_t spare = bytes_front(bytes)->spare;

        *bytes_front(bytes) =
            (struct bytes_long){ len, len - before < spare ? spare - (len - before) : 0 };
    } else {
        bytes->length = (uint16_t)len;
    }
    return true;
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
    if (LIKELY(bytes->length != BYTES_LONG))
        memory_free_sized(bytes, BYTES_HEAD + (size_t)bytes->length);
    else
        memory_free_sized(bytes_front(bytes), BYTES_LONG_HEAD + bytes_front(bytes)->len +
                                                  bytes_front(bytes)->spare);
}
