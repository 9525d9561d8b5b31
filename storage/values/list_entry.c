/* Choosing the shortest form of an element, and reading integers back. */
#include "storage/values/list_entry.h"

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
        head[0] = (unsigned char)(0xC0 | (bits >> 8 & 0x1F));
        head[1] = (unsigned char)bits;
        return 2;
    }
    if (fits(value, 16)) {
        head[0] = 0xF1;
        bytes = 2;
    } else if (fits(value, 24)) {
        head[0] = 0xF2;
        bytes = 3;
    } else if (fits(value, 32)) {
        head[0] = 0xF3;
        bytes = 4;
    } else {
        head[0] = 0xF4;
        bytes = 8;
    }
    memcpy(head + 1, &bits, bytes);
    return (uint8_t)(1 + bytes);
}

static uint8_t put_length(unsigned char *head, size_t length)
{
    uint32_t wide = (uint32_t)length;

    if (length < 64) {
        head[0] = (unsigned char)(0x80 | length);
        return 1;
    }
    if (length < 4096) {
        head[0] = (unsigned char)(0xE0 | length >> 8);
        head[1] = (unsigned char)length;
        return 2;
    }
    head[0] = 0xF0;
    memcpy(head + 1, &wide, sizeof(wide));
    return 5;
}

void list_entry_form(struct list_entry *entry, struct slice element)
{
    uint32_t body;
    int64_t integer;

    must(element.len < UINT32_MAX - 16);
    if (element.len <= NUMBER_INTEGER_MAX && element.len > 0 &&
        (unsigned char)element.at[0] <= '9' && number_read(element, &integer)) {
        entry->text = slice_of(NULL, 0);
        entry->head_size = put_integer(entry->head, integer);
    } else {
        entry->text = element;
        entry->head_size = put_length(entry->head, element.len);
    }
    body = entry->head_size + (uint32_t)entry->text.len;
    entry->tail_size = (uint8_t)list_entry_tail(body);
    entry->size = body + entry->tail_size;
}

int64_t list_entry_integer(const unsigned char *at)
{
    uint32_t first = at[0];
    uint64_t bits = 0;
    unsigned bytes;

    if (first < 0x80)
        return first;
    if (first < 0xE0) {
        bits = (uint64_t)(first & 0x1F) << 8 | at[1];
        return (int64_t)(bits << 51) >> 51;
    }
    must_dear(first >= 0xF1 && first <= 0xF4);
    bytes = first == 0xF4 ? 8 : first - 0xF1 + 2;
    memcpy(&bits, at + 1, bytes);
    return (int64_t)(bits << (64 - 8 * bytes)) >> (64 - 8 * bytes);
}
