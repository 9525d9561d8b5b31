/*
 * The reading half of a packed list: walking, getting, finding, and judging
 * bytes from outside.
 *
 * What always holds of a list:
 *   (1) The total in the header is the number of bytes, the last of which is
 *       0xFF and the only one that is read as the code of an entry and is it.
 *   (2) Entries follow each other without gaps, and the length behind each is
 *       that of its body.
 *   (3) The count in the header is the number of entries, or 65,535.
 */
#include "storage/base/number.h"
#include "storage/index/packed_private.h"

struct slice packed_slice(const struct packed *packed)
{
    return slice_of(packed, packed_total(packed));
}

size_t packed_bytes(const struct packed *packed)
{
    return packed_total(packed);
}

size_t packed_count(const struct packed *packed)
{
    size_t count = packed_noted_count(packed);

    if (LIKELY(count != PACKED_UNCOUNTED))
        return count;
    count = 0;
    for (size_t place = packed_first(packed); place != 0; place = packed_next(packed, place))
        count++;
    return count;
}

/* A place, unless it is that of the end. */
static size_t place_or_none(const struct packed *packed, size_t place)
{
    return *packed_byte(packed, place) != PACKED_END ? place : 0;
}

size_t packed_first(const struct packed *packed)
{
    return place_or_none(packed, PACKED_HEADER);
}

/* The place of the entry that ends where another, or the list's end, begins. */
static size_t place_before(const struct packed *packed, size_t place)
{
    return place - packed_entry_size_before(packed_byte(packed, place));
}

size_t packed_last(const struct packed *packed)
{
    size_t end = packed_total(packed) - 1;

    return end == PACKED_HEADER ? 0 : place_before(packed, end);
}

size_t packed_next(const struct packed *packed, size_t place)
{
    return place_or_none(packed, place + packed_entry_size(packed_byte(packed, place)));
}

size_t packed_previous(const struct packed *packed, size_t place)
{
    return place == PACKED_HEADER ? 0 : place_before(packed, place);
}

static size_t at_from_end(const struct packed *packed, uint64_t steps)
{
    size_t place = packed_last(packed);

    while (steps-- > 0 && place != 0)
        place = packed_previous(packed, place);
    return place;
}

size_t packed_at(const struct packed *packed, int64_t index)
{
    size_t count = packed_noted_count(packed);
    size_t place;

    if (count != PACKED_UNCOUNTED) {
        if (index < 0)
            index += (int64_t)count;
        if (index < 0 || index >= (int64_t)count)
            return 0;
        if ((size_t)index > count / 2)
            return at_from_end(packed, count - 1 - (size_t)index);
    } else if (index < 0) {
        return at_from_end(packed, (uint64_t)(-(index + 1)));
    }
    place = packed_first(packed);
    while (index-- > 0 && place != 0)
        place = packed_next(packed, place);
    return place;
}

struct packed_value packed_get(const struct packed *packed, size_t place)
{
    const unsigned char *at = packed_byte(packed, place);

    if (packed_entry_is_text(at))
        return packed_text(packed_entry_text(at));
    return packed_integer(packed_entry_integer(at));
}

struct slice packed_print(struct packed_value value, char room[PACKED_TEXT_MAX])
{
    if (!value.is_integer)
        return value.text;
    return slice_of(room, number_put(room, value.integer));
}

/* Whether an entry is a text that is also read as an integer, if it is one. */
static inline bool equals(const unsigned char *at, struct slice text, bool is_number,
                          int64_t number)
{
    if (!packed_entry_is_text(at))
        return is_number && packed_entry_integer(at) == number;
    return slice_equal(packed_entry_text(at), text);
}

bool packed_is(const struct packed *packed, size_t place, struct slice text)
{
    int64_t number = 0;
    bool is_number = text.len <= PACKED_TEXT_MAX && number_read(text, &number);

    return equals(packed_byte(packed, place), text, is_number, number);
}

size_t packed_find(const struct packed *packed, size_t place, struct slice text, size_t skip)
{
    int64_t number = 0;
    bool is_number = text.len <= PACKED_TEXT_MAX && number_read(text, &number);
    const unsigned char *at = packed_byte(packed, place);

    if (place == 0)
        return 0;
    while (*at != PACKED_END) {
        if (equals(at, text, is_number, number))
            return (size_t)(at - packed_byte(packed, 0));
        at += packed_entry_size(at);
        for (size_t left = skip; left > 0 && *at != PACKED_END; left--)
            at += packed_entry_size(at);
    }
    return 0;
}

/* Whether an entry begins at `at` and ends, its length included, before `end`. */
static bool entry_valid(const unsigned char *at, const unsigned char *end, size_t *step)
{
    size_t room = (size_t)(end - at);
    size_t head = packed_entry_head(at[0]);
    size_t body;

    if (head == 0 || head > room)
        return false;
    body = packed_entry_body(at);
    if (body > room || packed_entry_tail(body) > room - body)
        return false;
    *step = body + packed_entry_tail(body);
    /* Read backwards it has to be the same, in just as many bytes. */
    for (size_t i = 0; i < *step - body; i++) {
        unsigned char byte = at[*step - 1 - i];
        bool more = i + 1 < *step - body;

        if ((byte & 0x7F) != (body >> (7 * i) & 0x7F) || !!(byte & 0x80) != more)
            return false;
    }
    return true;
}

bool packed_valid(struct slice bytes, bool deep)
{
    const struct packed *packed = (const void *)bytes.at;
    size_t entries = 0;
    size_t place = PACKED_HEADER;
    size_t step = 0;

    if (bytes.len < PACKED_EMPTY || bytes.len > PACKED_BYTES_MAX)
        return false;
    if (packed_total(packed) != bytes.len || *packed_byte(packed, bytes.len - 1) != PACKED_END)
        return false;
    if (!deep)
        return true;
    for (; place < bytes.len - 1; place += step, entries++) {
        if (!entry_valid(packed_byte(packed, place), packed_byte(packed, bytes.len - 1), &step))
            return false;
    }
    return packed_noted_count(packed) == PACKED_UNCOUNTED || packed_noted_count(packed) == entries;
}

void packed_check(const struct packed *packed)
{
    size_t count = 0;

    must(packed_valid(packed_slice(packed), true));
    for (size_t place = packed_first(packed); place != 0; place = packed_next(packed, place)) {
        struct packed_value value = packed_get(packed, place);
        size_t next = packed_next(packed, place);
        int64_t number;

        must(packed_entry_size(packed_byte(packed, place)) == packed_entry_bytes(value));
        must(value.is_integer || !number_read(value.text, &number));
        must(next != 0 ? packed_previous(packed, next) == place : packed_last(packed) == place);
        count++;
    }
    must(count == packed_count(packed));
}
