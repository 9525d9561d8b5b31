/*
 * One element of a list as bytes: the entry of a listpack (storage/index/packed.h
 * describes the layout), so that a run of them is saved by copying.
 *
 *     head: encoding, and an integer's value or a string's length | text | tail
 *
 * The tail is the length of what stands before it, 1 to 5 bytes of seven bits,
 * the highest first; every byte but the first has bit 7 set, hence it can be
 * read backwards. Each size of tail stops one short of the largest number it
 * could hold: that is how listpacks are written in the field.
 *
 * An element always has its shortest form, a canonical integer that of an
 * integer, so that equal elements are equal bytes.
 */
#ifndef STORAGE_VALUES_LIST_ENTRY_H
#define STORAGE_VALUES_LIST_ENTRY_H

#include <stdint.h>

#include "storage/base/must.h"
#include "storage/base/number.h"
#include "storage/base/slice.h"

enum { LIST_ENTRY_HEAD_MAX = 9, LIST_ENTRY_TAIL_MAX = 5 };

/* An element ready to be written or to be looked for. The text is borrowed from the caller. */
struct list_entry {
    unsigned char head[LIST_ENTRY_HEAD_MAX];
    uint8_t       head_size;
    uint8_t       tail_size;
    struct slice  text; /* empty for an integer */
    uint32_t      size; /* of head, text and tail */
};

/* How the element is written; its text must be shorter than 2^32 - 16 bytes. */
void list_entry_form(struct list_entry *entry, struct slice element);

/* Bytes of the tail behind a body (head and text) of this size. */
static inline uint32_t list_entry_tail(uint32_t body)
{
    if (LIKELY(body < 128))
        return 1;
    if (body < 16383)
        return 2;
    if (body < 2097151)
        return 3;
    return body < 268435455 ? 4 : 5;
}

/* Bytes of head and text of the entry that begins here. */
static inline uint32_t list_entry_body(const unsigned char *at)
{
    uint32_t first = at[0];
    uint32_t length;

    if (first < 0x80)
        return 1;
    if (first < 0xC0)
        return 1 + (first & 0x3F);
    if (first < 0xE0)
        return 2;
    if (first < 0xF0)
        return 2 + ((first & 0x0F) << 8 | at[1]);
    if (first == 0xF0) {
        memcpy(&length, at + 1, sizeof(length));
        return 5 + length;
    }
    return first == 0xF4 ? 9 : first - 0xF1 + 3;
}

/* Bytes of the whole entry that begins here. */
static inline uint32_t list_entry_size(const unsigned char *at)
{
    uint32_t body = list_entry_body(at);

    return body + list_entry_tail(body);
}

/* Bytes of the whole entry that ends in front of here. */
static inline uint32_t list_entry_size_before(const unsigned char *end)
{
    uint32_t body = 0;
    unsigned shift = 0;
    const unsigned char *byte = end - 1;

    while (UNLIKELY(*byte & 0x80)) {
        body |= (uint32_t)(*byte & 0x7F) << shift;
        shift += 7;
        byte--;
    }
    body |= (uint32_t)*byte << shift;
    return body + (uint32_t)(end - byte);
}

/* Writes an entry, which takes entry->size bytes. */
static inline void list_entry_put(unsigned char *to, const struct list_entry *entry)
{
    uint32_t body = entry->head_size + (uint32_t)entry->text.len;

    memcpy(to, entry->head, entry->head_size);
    to += entry->head_size;
    if (entry->text.len > 0)
        memcpy(to, entry->text.at, entry->text.len);
    to += entry->text.len;
    for (unsigned left = entry->tail_size; left > 0; left--) {
        unsigned mark = left == entry->tail_size ? 0 : 0x80;

        /* A tail of five bytes has room for 35 bits; a body has 32. */
        *to++ = (unsigned char)(((uint64_t)body >> (7 * (left - 1)) & 0x7F) | mark);
    }
}

/* The integer of an entry that is not a string. */
int64_t list_entry_integer(const unsigned char *at);

/* The text of an entry: its own bytes, or an integer printed into `room`. */
static inline struct slice list_entry_text(const unsigned char *at, char room[NUMBER_INTEGER_MAX])
{
    uint32_t first = at[0];
    uint32_t length;

    if (LIKELY(first >= 0x80 && first < 0xC0))
        return slice_of(at + 1, first & 0x3F);
    if (first >= 0xE0 && first < 0xF0)
        return slice_of(at + 2, (first & 0x0F) << 8 | at[1]);
    if (first == 0xF0) {
        memcpy(&length, at + 1, sizeof(length));
        return slice_of(at + 5, length);
    }
    return slice_of(room, number_put(room, list_entry_integer(at)));
}

/* Whether the entry that begins here, of `size` bytes in all, is this one. */
static inline bool list_entry_is(const unsigned char *at, uint32_t size,
                                 const struct list_entry *entry)
{
    return size == entry->size && memcmp(at, entry->head, entry->head_size) == 0 &&
           (entry->text.len == 0 ||
            memcmp(at + entry->head_size, entry->text.at, entry->text.len) == 0);
}

#endif
