/*
 * Bytes that tell their own length: one byte of length up to 254, or 255 and
 * four bytes of length (little-endian), then the bytes. Members of sets and
 * fields and values of hashes are kept so, without any other header.
 */
#ifndef STORAGE_VALUES_COUNTED_H
#define STORAGE_VALUES_COUNTED_H

#include <stdint.h>

#include "storage/base/must.h"
#include "storage/base/slice.h"

enum { COUNTED_LONG = 255, COUNTED_LONG_HEAD = 5 };

/* Bytes that a text of this length takes. */
static inline size_t counted_size(size_t len)
{
    return len + (len < COUNTED_LONG ? 1 : COUNTED_LONG_HEAD);
}

/* Writes a text and returns what is behind it. */
static inline unsigned char *counted_put(unsigned char *to, struct slice text)
{
    uint32_t len = (uint32_t)text.len;

    if (LIKELY(text.len < COUNTED_LONG)) {
        *to++ = (unsigned char)len;
    } else {
        must(text.len <= UINT32_MAX);
        *to++ = COUNTED_LONG;
        memcpy(to, &len, sizeof(len));
        to += sizeof(len);
    }
    if (len > 0)
        memcpy(to, text.at, len);
    return to + len;
}

/* The text that begins here, borrowed. */
static inline struct slice counted_text(const unsigned char *at)
{
    uint32_t len;

    if (LIKELY(at[0] != COUNTED_LONG))
        return slice_of(at + 1, at[0]);
    memcpy(&len, at + 1, sizeof(len));
    return slice_of(at + COUNTED_LONG_HEAD, len);
}

#endif
