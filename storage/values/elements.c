/*
 * A block is walked over once to see that it is whole; what is walked over
 * afterwards needs no more doubt, but steps through the same code.
 */
#include "storage/values/elements.h"

#include "storage/index/packed.h"

enum {
    END = 0xFF,
    ZIPLIST_HEAD = 10,
    ZIPLIST_UNCOUNTED = 65535,
    LONG_LENGTH = 0xFE, /* four bytes follow */
    ZIPMAP_UNCOUNTED = 254
};

static uint64_t load_little(const unsigned char *at, unsigned bytes)
{
    uint64_t number = 0;

    for (unsigned i = 0; i < bytes; i++)
        number |= (uint64_t)at[i] << (8 * i);
    return number;
}

static int64_t load_signed(const unsigned char *at, unsigned bytes)
{
    return (int64_t)(load_little(at, bytes) << (64 - 8 * bytes)) >> (64 - 8 * bytes);
}

static const unsigned char *byte_at(const struct elements *elements, size_t place)
{
    return (const unsigned char *)elements->block.at + place;
}

/* Bytes in front of the end byte that are still there from a place on. */
static size_t left_from(const struct elements *elements, size_t place)
{
    return elements->block.len - 1 - place;
}

/* The digits of an integer, good for this step and three more. */
static struct slice print(struct elements *elements, int64_t integer)
{
    char *room = elements->digits[elements->turn++ & 3];

    return slice_of(room, number_put(room, integer));
}

/* ---- Ziplists ---- */

/* Bytes of the integer of an encoding, 0 if it is in the encoding itself; -1 for a string. */
static int integer_bytes(unsigned code)
{
    switch (code) {
    case 0xC0:
        return 2;
    case 0xD0:
        return 4;
    case 0xE0:
        return 8;
    case 0xF0:
        return 3;
    case 0xFE:
        return 1;
    default:
        return code >= 0xF1 && code <= 0xFD ? 0 : -1;
    }
}

/* Head and length of a string's encoding; false if it is none or cut. */
static bool string_head(const unsigned char *at, size_t left, size_t *head, size_t *len)
{
    switch (at[0] >> 6) {
    case 0:
        *head = 1;
        *len = at[0] & 0x3F;
        return true;
    case 1:
        *head = 2;
        *len = left < 2 ? 0 : (size_t)(at[0] & 0x3F) << 8 | at[1];
        return left >= 2;
    case 2:
        *head = 5;
        *len = left < 5 ? 0
                        : (size_t)at[1] << 24 | (size_t)at[2] << 16 | (size_t)at[3] << 8 | at[4];
        return left >= 5 && at[0] == 0x80;
    default:
        return false;
    }
}

/* One entry; `before` is the length of the one before it. Tells its own length. */
static bool ziplist_entry(struct elements *elements, size_t before, size_t *size,
                          struct slice *element)
{
    const unsigned char *at = byte_at(elements, elements->at);
    size_t left = left_from(elements, elements->at);
    size_t lead = left > 0 && at[0] == LONG_LENGTH ? 5 : 1;
    size_t head, len;
    int bytes;

    if (left <= lead || at[0] == END ||
        (lead == 1 ? at[0] : load_little(at + 1, 4)) != before)
        return false;
    bytes = integer_bytes(at[lead]);
    if (bytes >= 0) {
        *size = lead + 1 + (size_t)bytes;
        if (*size > left)
            return false;
        *element = print(elements, bytes == 0 ? (at[lead] & 0x0F) - 1
                                              : load_signed(at + lead + 1, (unsigned)bytes));
        return true;
    }
    if (!string_head(at + lead, left - lead, &head, &len) || len > left - lead - head)
        return false;
    *size = lead + head + len;
    *element = slice_of(at + lead + head, len);
    return true;
}

static bool ziplist_whole(struct elements *elements)
{
    const unsigned char *head = (const unsigned char *)elements->block.at;
    size_t len = elements->block.len;
    size_t before = 0, size, last = ZIPLIST_HEAD;
    struct slice element;
    uint64_t noted;

    if (len <= ZIPLIST_HEAD || load_little(head, 4) != len || head[len - 1] != END)
        return false;
    noted = load_little(head + 8, 2);
    elements->at = ZIPLIST_HEAD;
    for (; elements->at < len - 1; elements->at += size) {
        if (!ziplist_entry(elements, before, &size, &element))
            return false;
        last = elements->at;
        before = size;
        elements->count++;
    }
    elements->at = ZIPLIST_HEAD;
    return load_little(head + 4, 4) == last &&
           (noted == ZIPLIST_UNCOUNTED || noted == elements->count);
}

/* The next of a ziplist that is whole: what it says of the entry before needs no second look. */
static bool ziplist_next(struct elements *elements, struct slice *element)
{
    const unsigned char *at = byte_at(elements, elements->at);
    size_t size;

    if (elements->at >= elements->block.len - 1 ||
        !ziplist_entry(elements, at[0] == LONG_LENGTH ? load_little(at + 1, 4) : at[0], &size,
                       element))
        return false;
    elements->at += size;
    return true;
}

/* ---- Zipmaps ---- */

static bool zipmap_next(struct elements *elements, struct slice *element)
{
    size_t left, head, len;
    const unsigned char *at;

    if (elements->spare > left_from(elements, elements->at))
        return false;
    elements->at += elements->spare;
    elements->spare = 0;
    left = left_from(elements, elements->at);
    at = byte_at(elements, elements->at);
    if (left == 0 || at[0] == END)
        return false;
    head = at[0] == LONG_LENGTH ? 5 : 1;
    if (left < head + (elements->is_value ? 1 : 0))
        return false;
    len = head == 1 ? at[0] : load_little(at + 1, 4);
    if (elements->is_value) {
        elements->spare = at[head];
        head++;
    }
    if (len > left - head)
        return false;
    *element = slice_of(at + head, len);
    elements->at += head + len;
    elements->is_value = !elements->is_value;
    return true;
}

static bool zipmap_whole(struct elements *elements)
{
    size_t len = elements->block.len;
    struct slice element;

    if (len < 2 || *byte_at(elements, len - 1) != END)
        return false;
    elements->at = 1;
    while (zipmap_next(elements, &element))
        elements->count++;
    if (elements->at != len - 1 || elements->spare != 0 || elements->is_value)
        return false;
    elements->at = 1;
    return *byte_at(elements, 0) >= ZIPMAP_UNCOUNTED ||
           (size_t)*byte_at(elements, 0) * 2 == elements->count;
}

/* ---- All ---- */

static const struct packed *packed_of(const struct elements *elements)
{
    return (const struct packed *)(const void *)elements->block.at;
}

bool elements_begin(struct elements *elements, enum elements_kind kind, struct slice block)
{
    *elements = (struct elements){ .kind = kind, .block = block };
    switch (kind) {
    case ELEMENTS_ZIPLIST:
        return ziplist_whole(elements);
    case ELEMENTS_ZIPMAP:
        return zipmap_whole(elements);
    case ELEMENTS_PACKED:
        break;
    }
    if (!packed_valid(block, true))
        return false;
    elements->count = packed_count(packed_of(elements));
    elements->at = packed_first(packed_of(elements));
    return true;
}

size_t elements_count(const struct elements *elements)
{
    return elements->count;
}

bool elements_next(struct elements *elements, struct slice *element)
{
    struct packed_value value;

    if (elements->kind == ELEMENTS_ZIPLIST)
        return ziplist_next(elements, element);
    if (elements->kind == ELEMENTS_ZIPMAP)
        return zipmap_next(elements, element);
    if (elements->at == 0)
        return false;
    value = packed_get(packed_of(elements), elements->at);
    elements->at = packed_next(packed_of(elements), elements->at);
    *element = value.is_integer ? print(elements, value.integer) : value.text;
    return true;
}
