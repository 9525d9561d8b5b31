/* Choosing the shortest form of an element, and reading integers back. */
#include "storage/index/packed_entry.h"

/* Whether a two's complement integer fits into so many bits. */
static bool fits(int64_t value, unsigned bits)
{
    int64_t limit = INT64_C(1) << (bits - 1);

    return value >= -limit && value < limit;
}

static uint8_t put_integer(unsigned char *head, int64_t value)
{
    uint64_t bits = (uint64_t)value;
    unsigned bytes;

    if (value >= 0 && value < 128) {
        head[0] = (unsigned char)value;
        return 1;
    }
    if (fits(value, 13)) {
        head[0] = (unsigned char)(PACKED_CODE_INT13 | (bits >> 8 & 0x1F));
        head[1] = (unsigned char)bits;
        return 2;
    }
    if (fits(value, 16)) {
        head[0] = PACKED_CODE_INT16;
        bytes = 2;
    } else if (fits(value, 24)) {
        head[0] = PACKED_CODE_INT24;
        bytes = 3;
    } else if (fits(value, 32)) {
        head[0] = PACKED_CODE_INT32;
        bytes = 4;
    } else {
        head[0] = PACKED_CODE_INT64;
        bytes = 8;
    }
    memcpy(head + 1, &bits, bytes);
    return (uint8_t)(1 + bytes);
}

static uint8_t put_length(unsigned char *head, size_t length)
{
    uint32_t wide = (uint32_t)length;

    if (length < 64) {
        head[0] = (unsigned char)(PACKED_CODE_TEXT6 | length);
        return 1;
    }
    if (length < 4096) {
        head[0] = (unsigned char)(PACKED_CODE_TEXT12 | length >> 8);
        head[1] = (unsigned char)length;
        return 2;
    }
    head[0] = PACKED_CODE_TEXT32;
    memcpy(head + 1, &wide, sizeof(wide));
    return 5;
}

/* Says the sizes of what head and text are chosen for. */
static void finish(struct packed_entry *entry)
{
    size_t body = entry->head_size + entry->text.len;

    entry->tail_size = (uint8_t)packed_entry_tail(body);
    entry->size = (uint32_t)(body + entry->tail_size);
}

void packed_entry_of_integer(struct packed_entry *entry, int64_t integer)
{
    entry->text = slice_of(NULL, 0);
    entry->head_size = put_integer(entry->head, integer);
    finish(entry);
}

void packed_entry_of_text(struct packed_entry *entry, struct slice text)
{
    int64_t integer;

    must(text.len < UINT32_MAX - 16);
    if (text.len <= NUMBER_INTEGER_MAX && text.len > 0 && (unsigned char)text.at[0] <= '9' &&
        number_read(text, &integer)) {
        packed_entry_of_integer(entry, integer);
        return;
    }
    entry->text = text;
    entry->head_size = put_length(entry->head, text.len);
    finish(entry);
}

int64_t packed_entry_integer(const unsigned char *at)
{
    uint32_t first = at[0];
    uint64_t bits = 0;
    unsigned bytes;

    if (first < PACKED_CODE_TEXT6)
        return first;
    if (first < PACKED_CODE_TEXT12) {
        bits = (uint64_t)(first & 0x1F) << 8 | at[1];
        return (int64_t)(bits << 51) >> 51;
    }
    must(first >= PACKED_CODE_INT16 && first <= PACKED_CODE_INT64);
    bytes = first == PACKED_CODE_INT64 ? 8 : first - PACKED_CODE_INT16 + 2;
    memcpy(&bits, at + 1, bytes);
    return (int64_t)(bits << (64 - 8 * bytes)) >> (64 - 8 * bytes);
}
