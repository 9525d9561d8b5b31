/*
 * The bytes of a segment: numbers, names and values, written and read in place.
 *
 * A value is written as a listpack writes it, without the length behind it:
 *
 *     0xxxxxxx                     integer 0 to 127
 *     10xxxxxx                     string of up to 63 bytes
 *     110xxxxx +1                  integer of 13 bits, signed
 *     1110xxxx +1                  string of up to 4,095 bytes
 *     F1 +2, F2 +3, F3 +4, F4 +8   integer of 16, 24, 32, 64 bits, signed
 *     F0 +4                        string of up to 2^32 - 1 bytes
 *
 * Format source of values: the public listpack specification (antirez/listpack).
 * Writers return the end of what they wrote, readers of what they read; room
 * and trust are the caller's affair.
 */
#ifndef STREAMS_SEGMENT_PRIVATE_H
#define STREAMS_SEGMENT_PRIVATE_H

#include "storage/base/must.h"
#include "storage/base/number.h"
#include "storage/base/slice.h"

enum { VARINT_MAX = 10 }; /* bytes of a number of seven bits a byte */

/* -- Numbers of seven bits a byte. */

static inline char *put_varint(char *to, uint64_t value)
{
    while (value >= 0x80) {
        *to++ = (char)(value | 0x80);
        value >>= 7;
    }
    *to++ = (char)value;
    return to;
}

/* In exactly `width` bytes, so that a length can be filled in afterwards. */
static inline void put_varint_wide(char *to, uint64_t value, unsigned width)
{
    for (unsigned i = 1; i < width; i++) {
        *to++ = (char)(value | 0x80);
        value >>= 7;
    }
    *to = (char)value;
}

static inline const char *get_varint(const char *at, uint64_t *value)
{
    uint8_t byte = (uint8_t)*at++;
    uint64_t read = byte & 0x7f;

    for (unsigned shift = 7; UNLIKELY(byte & 0x80); shift += 7) {
        byte = (uint8_t)*at++;
        read |= (uint64_t)(byte & 0x7f) << shift;
    }
    *value = read;
    return at;
}

static inline unsigned varint_width(uint64_t value)
{
    unsigned width = 1;

    while (value >= 0x80) {
        value >>= 7;
        width++;
    }
    return width;
}

/* -- Values. */

static inline char *put_little(char *to, uint64_t value, unsigned bytes)
{
    for (unsigned i = 0; i < bytes; i++)
        *to++ = (char)(value >> (8 * i));
    return to;
}

static inline uint64_t get_little(const char *at, unsigned bytes)
{
    uint64_t value = 0;

    for (unsigned i = 0; i < bytes; i++)
        value |= (uint64_t)(uint8_t)at[i] << (8 * i);
    return value;
}

static inline char *put_integer(char *to, int64_t value)
{
    if (value >= 0 && value <= 127) {
        *to++ = (char)value;
        return to;
    }
    if (value >= -4096 && value <= 4095) {
        uint64_t bits = (uint64_t)value & 0x1fff;

        *to++ = (char)(0xc0 | bits >> 8);
        *to++ = (char)bits;
        return to;
    }
    if (value >= INT16_MIN && value <= INT16_MAX) {
        *to++ = (char)0xf1;
        return put_little(to, (uint64_t)value, 2);
    }
    if (value >= -(1 << 23) && value < 1 << 23) {
        *to++ = (char)0xf2;
        return put_little(to, (uint64_t)value, 3);
    }
    if (value >= INT32_MIN && value <= INT32_MAX) {
        *to++ = (char)0xf3;
        return put_little(to, (uint64_t)value, 4);
    }
    *to++ = (char)0xf4;
    return put_little(to, (uint64_t)value, 8);
}

static inline char *put_string(char *to, struct slice text)
{
    if (text.len < 64) {
        *to++ = (char)(0x80 | text.len);
    } else if (text.len < 4096) {
        *to++ = (char)(0xe0 | text.len >> 8);
        *to++ = (char)text.len;
    } else {
        *to++ = (char)0xf0;
        to = put_little(to, text.len, 4);
    }
    if (text.len > 0)
        memcpy(to, text.at, text.len);
    return to + text.len;
}

static inline char *put_value(char *to, struct slice text)
{
    int64_t integer;

    /* Most strings do not begin like a number, and need not be tried. */
    if (text.len > 0 && text.len <= NUMBER_INTEGER_MAX && (uint8_t)text.at[0] <= '9' &&
        number_read(text, &integer))
        return put_integer(to, integer);
    return put_string(to, text);
}

/* The most bytes a value takes: an integer never takes more than its digits would. */
static inline size_t value_bytes(size_t len)
{
    return len + (len < 64 ? 1 : len < 4096 ? 2 : 5);
}

/* An integer of so many bytes, its sign extended. */
static inline int64_t get_signed(const char *at, unsigned bytes)
{
    unsigned shift = 64 - 8 * bytes;

    return (int64_t)(get_little(at, bytes) << shift) >> shift;
}

static inline const char *get_integer(const char *at, int64_t *value)
{
    uint8_t first = (uint8_t)*at++;

    if (first < 0x80) {
        *value = first;
        return at;
    }
    if (first < 0xe0) {
        uint64_t bits = (uint64_t)(first & 0x1f) << 8 | (uint8_t)*at;

        *value = (int64_t)(bits << 51) >> 51;
        return at + 1;
    }
    unsigned bytes = first == 0xf4 ? 8 : first - 0xf1u + 2;

    *value = get_signed(at, bytes);
    return at + bytes;
}

static inline const char *get_value(const char *at, struct slice *value, char *number)
{
    uint8_t first = (uint8_t)*at;
    size_t len;

    if (LIKELY((first & 0xc0) == 0x80)) {
        len = first & 0x3f;
        at += 1;
    } else if ((first & 0xf0) == 0xe0) {
        len = (size_t)(first & 0x0f) << 8 | (uint8_t)at[1];
        at += 2;
    } else if (first == 0xf0) {
        len = get_little(at + 1, 4);
        at += 5;
    } else {
        int64_t integer;

        at = get_integer(at, &integer);
        *value = slice_of(number, number_put(number, integer));
        return at;
    }
    *value = slice_of(at, len);
    return at + len;
}

static inline const char *get_name(const char *at, struct slice *name)
{
    uint64_t len;

    at = get_varint(at, &len);
    *name = slice_of(at, len);
    return at + len;
}

static inline char *put_name(char *to, struct slice name)
{
    to = put_varint(to, name.len);
    if (name.len > 0)
        memcpy(to, name.at, name.len);
    return to + name.len;
}

#endif
