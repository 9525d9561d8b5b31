/*
 * One entry of a packed list, as bytes (packed.h describes the list). Lists of the keyspace
 * keep runs of such entries in nodes of their own, so that one is saved by copying.
 *
 *     head: encoding, and an integer's value or a text's length | text | tail
 *
 *     0xxxxxxx            an integer from 0 to 127
 *     10llllll            a text of up to 63 bytes
 *     110xxxxx x          an integer of 13 bits
 *     1110llll l          a text of up to 4095 bytes, the length's high bits first
 *     0xF0 llll           a text of up to 2^32 - 1 bytes, the length's low byte first
 *     0xF1 to 0xF4        an integer of 2, 3, 4 or 8 bytes, its low byte first
 *
 * The tail is the length of what stands before it, 1 to 5 bytes of seven bits,
 * the highest first; every byte but the first has bit 7 set, hence it can be
 * read backwards. Each size of tail stops one short of the largest number it
 * could hold: that is how listpacks are written in the field.
 *
 * What is written here always has its shortest form, a canonical integer that of an
 * integer, so that equal elements are equal bytes. What is read may be longer.
 */
#ifndef STORAGE_INDEX_PACKED_ENTRY_H
#define STORAGE_INDEX_PACKED_ENTRY_H

#include <stdint.h>
#include <string.h>

#include "storage/base/must.h"
#include "storage/base/number.h"
#include "storage/base/slice.h"

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

enum { PACKED_ENTRY_HEAD_MAX = 9, PACKED_ENTRY_TAIL_MAX = 5 };

/* An entry ready to be written or to be looked for. The text is borrowed from the caller. */
struct packed_entry {
    unsigned char head[PACKED_ENTRY_HEAD_MAX];
    uint8_t       head_size;
    uint8_t       tail_size;
    struct slice  text; /* empty for an integer */
    uint32_t      size; /* of head, text and tail */
};

/* How a text, shorter than 2^32 - 16 bytes, or an integer is written. */
void packed_entry_of_text(struct packed_entry *entry, struct slice text);
void packed_entry_of_integer(struct packed_entry *entry, int64_t integer);

/* Bytes of the head of an entry that begins with this, integers included; 0: none does. */
static inline size_t packed_entry_head(unsigned char first)
{
    static const unsigned char of_last_sixteen[16] = { 5, 3, 4, 5, 9 };

    if (first < PACKED_CODE_INT13)
        return 1;
    return first < PACKED_CODE_TEXT32 ? 2 : of_last_sixteen[first - PACKED_CODE_TEXT32];
}

static inline uint32_t packed_load32(const unsigned char *at)
{
    return at[0] | (uint32_t)at[1] << 8 | (uint32_t)at[2] << 16 | (uint32_t)at[3] << 24;
}

/* Bytes of head and text of the entry that begins here, if one does. Reads only the head. */
static inline size_t packed_entry_body(const unsigned char *at)
{
    unsigned char first = at[0];

    if (first < PACKED_CODE_TEXT6)
        return 1;
    if (first < PACKED_CODE_INT13)
        return 1 + (size_t)(first & 0x3F);
    if (first < PACKED_CODE_TEXT12)
        return 2;
    if (first < PACKED_CODE_TEXT32)
        return 2 + ((size_t)(first & 0x0F) << 8 | at[1]);
    if (first == PACKED_CODE_TEXT32)
        return 5 + (size_t)packed_load32(at + 1);
    return first == PACKED_CODE_INT64 ? 9 : first - PACKED_CODE_INT16 + 3u;
}

/* Bytes of the tail behind a body of this size. */
static inline size_t packed_entry_tail(size_t body)
{
    if (LIKELY(body < 128))
        return 1;
    if (body < 16383)
        return 2;
    if (body < 2097151)
        return 3;
    return body < 268435455 ? 4 : 5;
}

/* Bytes of the whole entry that begins here, which was found to be sound. */
static inline uint32_t packed_entry_size(const unsigned char *at)
{
    size_t body = packed_entry_body(at);

    return (uint32_t)(body + packed_entry_tail(body));
}

/* Bytes of the whole entry that ends in front of here. Reads five bytes of tail at most. */
static inline uint32_t packed_entry_size_before(const unsigned char *end)
{
    const unsigned char *at = end - 1;
    uint64_t body = *at & 0x7F;

    for (unsigned shift = 7; UNLIKELY(*at & 0x80) && shift < 35; shift += 7) {
        at--;
        body |= (uint64_t)(*at & 0x7F) << shift;
    }
    return (uint32_t)(body + (uint64_t)(end - at));
}

/* Writes an entry, which takes entry->size bytes. */
static inline void packed_entry_put(unsigned char *to, const struct packed_entry *entry)
{
    size_t body = entry->head_size + entry->text.len;

    memcpy(to, entry->head, entry->head_size);
    to += entry->head_size;
    if (entry->text.len > 0)
        memcpy(to, entry->text.at, entry->text.len);
    to += entry->text.len;
    for (unsigned left = entry->tail_size; left > 0; left--) {
        unsigned mark = left == entry->tail_size ? 0 : 0x80;

        *to++ = (unsigned char)((body >> (7 * (left - 1)) & 0x7F) | mark);
    }
}

/* Whether a text begins here, and not an integer; and the one or the other. */
static inline bool packed_entry_is_text(const unsigned char *at)
{
    return (at[0] & 0xC0) == PACKED_CODE_TEXT6 || (at[0] & 0xF0) == PACKED_CODE_TEXT12 ||
           at[0] == PACKED_CODE_TEXT32;
}
static inline struct slice packed_entry_text(const unsigned char *at)
{
    if (LIKELY((at[0] & 0xC0) == PACKED_CODE_TEXT6))
        return slice_of(at + 1, at[0] & 0x3F);
    if ((at[0] & 0xF0) == PACKED_CODE_TEXT12)
        return slice_of(at + 2, (size_t)(at[0] & 0x0F) << 8 | at[1]);
    return slice_of(at + 5, packed_load32(at + 1));
}
int64_t packed_entry_integer(const unsigned char *at);

/* What an entry holds as text: its own bytes, or an integer printed into `room`. */
static inline struct slice packed_entry_print(const unsigned char *at,
                                              char room[NUMBER_INTEGER_MAX])
{
    if (LIKELY(packed_entry_is_text(at)))
        return packed_entry_text(at);
    return slice_of(room, number_put(room, packed_entry_integer(at)));
}

/* Whether the entry that begins here, of `size` bytes in all, is this one. */
static inline bool packed_entry_is(const unsigned char *at, uint32_t size,
                                   const struct packed_entry *entry)
{
    return size == entry->size && memcmp(at, entry->head, entry->head_size) == 0 &&
           (entry->text.len == 0 ||
            memcmp(at + entry->head_size, entry->text.at, entry->text.len) == 0);
}

#endif
