/*
 * How entries of a packed list are read, for packed.c and packed_walk.c alone.
 */
#ifndef STORAGE_INDEX_PACKED_PRIVATE_H
#define STORAGE_INDEX_PACKED_PRIVATE_H

#include "storage/index/packed.h"

enum { PACKED_UNCOUNTED = 65535, PACKED_END = 0xFF };

enum packed_code {
    PACKED_CODE_TEXT6 = 0x80,
    PACKED_CODE_INT13 = 0xC0,
    PACKED_CODE_TEXT12 = 0xE0,
    PACKED_CODE_TEXT32 = 0xF0,
    PACKED_CODE_INT16 = 0xF1,
    PACKED_CODE_INT24 = 0xF2,
    PACKED_CODE_INT32 = 0xF3,
    PACKED_CODE_INT64 = 0xF4
};

struct packed {
    unsigned char total[4];
    unsigned char count[2];
    unsigned char entries[];
};

static inline unsigned char *packed_byte(const struct packed *packed, size_t place)
{
    return (unsigned char *)(uintptr_t)packed + place;
}

static inline uint32_t packed_load32(const unsigned char *at)
{
    return at[0] | (uint32_t)at[1] << 8 | (uint32_t)at[2] << 16 | (uint32_t)at[3] << 24;
}

static inline void packed_store32(unsigned char *at, uint32_t number)
{
    at[0] = (unsigned char)number;
    at[1] = (unsigned char)(number >> 8);
    at[2] = (unsigned char)(number >> 16);
    at[3] = (unsigned char)(number >> 24);
}

static inline size_t packed_total(const struct packed *packed)
{
    return packed_load32(packed->total);
}

static inline size_t packed_noted_count(const struct packed *packed)
{
    return packed->count[0] | (size_t)packed->count[1] << 8;
}

/* Bytes in front of the text of an entry, or of a whole integer entry; 0 for what begins none. */
static inline size_t packed_head_bytes(unsigned char code)
{
    static const unsigned char of_last_sixteen[16] = { 5, 3, 4, 5, 9 };

    if (code < PACKED_CODE_INT13)
        return 1;
    return code < PACKED_CODE_TEXT32 ? 2 : of_last_sixteen[code - PACKED_CODE_TEXT32];
}

/* Bytes of the text behind the head; 0 for integers. Reads no further than the head. */
static inline size_t packed_text_bytes(const unsigned char *at)
{
    if (at[0] < PACKED_CODE_TEXT6)
        return 0;
    if (at[0] < PACKED_CODE_INT13)
        return at[0] & 0x3F;
    if (at[0] < PACKED_CODE_TEXT12)
        return 0;
    if (at[0] < PACKED_CODE_TEXT32)
        return (size_t)(at[0] & 0x0F) << 8 | at[1];
    return at[0] == PACKED_CODE_TEXT32 ? packed_load32(at + 1) : 0;
}

/* Bytes of head and text. */
static inline size_t packed_body_bytes(const unsigned char *at)
{
    return packed_head_bytes(at[0]) + packed_text_bytes(at);
}

/*
 * Bytes of the length that follows a body. Seven bits a byte would do for one
 * more at each step but the first; Redis writes these the longer way, and walks
 * by the same rule, so we do as well.
 */
static inline size_t packed_back_bytes(size_t body)
{
    if (LIKELY(body < 128))
        return 1;
    if (body < 16383)
        return 2;
    if (body < 2097151)
        return 3;
    return body < 268435455 ? 4 : 5;
}

/* Bytes of a whole entry. */
static inline size_t packed_step(const unsigned char *at)
{
    size_t body = packed_body_bytes(at);

    return body + packed_back_bytes(body);
}

/* Reads the length in front of `end`, 7 bits a byte from right to left; at most five bytes. */
static inline size_t packed_read_back(const unsigned char *end)
{
    size_t body = 0;

    for (unsigned shift = 0; shift < 35; shift += 7) {
        end--;
        body |= (size_t)(*end & 0x7F) << shift;
        if (!(*end & 0x80))
            break;
    }
    return body;
}

#endif
