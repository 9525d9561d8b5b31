/*
 * The writing half of a packed list: making and closing gaps.
 *
 * The block has no field for its capacity. The allocator knows it, and its size
 * classes lie a quarter apart, so asking for just what is needed leaves enough
 * slack that a series of appends costs its own length.
 */
#include "storage/index/packed.h"

#include "storage/base/memory.h"
#include "storage/base/number.h"
#include "storage/index/packed_private.h"

enum {
    PACKED_SMALL_BLOCK = 64,
    PACKED_EASE = 16 /* one part in so many is left to a block that gives back what lies idle */
};

/* -- The block. */

static void set_total(struct packed *packed, size_t total)
{
    packed_store32(packed->total, (uint32_t)total);
}

static void set_count(struct packed *packed, size_t count)
{
    if (count > PACKED_UNCOUNTED)
        count = PACKED_UNCOUNTED;
    packed->count[0] = (unsigned char)count;
    packed->count[1] = (unsigned char)(count >> 8);
}

/* A count that is lost stays lost: finding it again is the reader's choice. */
static void count_more(struct packed *packed, size_t more)
{
    size_t count = packed_noted_count(packed);

    if (count != PACKED_UNCOUNTED)
        set_count(packed, count + more);
}

static void count_less(struct packed *packed, size_t less)
{
    size_t count = packed_noted_count(packed);

    if (count != PACKED_UNCOUNTED)
        set_count(packed, count - less);
}

struct packed *packed_new(size_t capacity)
{
    struct packed *packed = memory_new(capacity > PACKED_EMPTY ? capacity : PACKED_EMPTY);

    set_total(packed, PACKED_EMPTY);
    set_count(packed, 0);
    *packed_byte(packed, PACKED_HEADER) = PACKED_END;
    return packed;
}

void packed_free(struct packed *packed)
{
    memory_free(packed);
}

struct packed *packed_copy(struct slice bytes)
{
    struct packed *packed = memory_new(bytes.len);

    must(packed_valid(bytes, false));
    return memcpy(packed, bytes.at, bytes.len);
}

size_t packed_memory(const struct packed *packed)
{
    return memory_usable(packed);
}

bool packed_fits(const struct packed *packed, size_t extra, size_t entries)
{
    size_t most = PACKED_BYTES_MAX - packed_total(packed);

    /* Head and length take ten bytes at most. */
    return extra <= most && entries <= (most - extra) / 10;
}

static struct packed *with_room(struct packed *packed, size_t total)
{
    must(total <= PACKED_BYTES_MAX);
    return LIKELY(total <= memory_usable(packed)) ? packed : memory_resize(packed, total);
}

struct packed *packed_trim(struct packed *packed)
{
    size_t total = packed_total(packed);

    return memory_good_size(total) < memory_usable(packed) ? memory_resize(packed, total) : packed;
}

/*
 * After a deletion: what lies idle is given back, but for a little, so that a list that gains and
 * loses by turns does not move each time.
 */
static struct packed *without_waste(struct packed *packed)
{
    size_t usable = memory_usable(packed);
    size_t wanted = packed_total(packed) + packed_total(packed) / PACKED_EASE;

    if (usable <= PACKED_SMALL_BLOCK || wanted > usable - usable / 8 ||
        memory_good_size(wanted) >= usable)
        return packed;
    return memory_resize(packed, wanted);
}

/* Changes `had` bytes at a place into a gap of `wanted`, moving what follows. */
static struct packed *make_gap(struct packed *packed, size_t place, size_t had, size_t wanted)
{
    size_t total = packed_total(packed);

    if (had == wanted)
        return packed;
    packed = with_room(packed, total - had + wanted);
    memmove(packed_byte(packed, place + wanted), packed_byte(packed, place + had),
            total - place - had);
    set_total(packed, total - had + wanted);
    return packed;
}

/* -- Encoding. */

static void encode(struct packed_entry *entry, struct packed_value value)
{
    if (value.is_integer)
        packed_entry_of_integer(entry, value.integer);
    else
        packed_entry_of_text(entry, value.text);
}

size_t packed_entry_bytes(struct packed_value value)
{
    struct packed_entry entry;

    encode(&entry, value);
    return entry.size;
}

/* -- Changing. */

static struct packed *insert_at(struct packed *packed, size_t place, struct packed_value value)
{
    struct packed_entry entry;

    encode(&entry, value);
    packed = make_gap(packed, place, 0, entry.size);
    packed_entry_put(packed_byte(packed, place), &entry);
    count_more(packed, 1);
    return packed;
}

static struct packed *append_value(struct packed *packed, struct packed_value value)
{
    return insert_at(packed, packed_total(packed) - 1, value);
}

struct packed *packed_append(struct packed *packed, struct slice text)
{
    return append_value(packed, packed_text(text));
}

struct packed *packed_append_integer(struct packed *packed, int64_t integer)
{
    return append_value(packed, packed_integer(integer));
}

struct packed *packed_prepend(struct packed *packed, struct slice text)
{
    return insert_at(packed, PACKED_HEADER, packed_text(text));
}

struct packed *packed_insert_before(struct packed *packed, size_t *place, struct packed_value value)
{
    return insert_at(packed, *place, value);
}

struct packed *packed_insert_after(struct packed *packed, size_t *place, struct packed_value value)
{
    *place += packed_entry_size(packed_byte(packed, *place));
    return insert_at(packed, *place, value);
}

struct packed *packed_insert_pair(struct packed *packed, size_t place, struct packed_value first,
                                  struct packed_value second)
{
    struct packed_entry entry[2];

    encode(&entry[0], first);
    encode(&entry[1], second);
    if (packed == NULL)
        packed = packed_new(PACKED_EMPTY + (size_t)entry[0].size + entry[1].size);
    if (place == 0)
        place = packed_total(packed) - 1;
    packed = make_gap(packed, place, 0, (size_t)entry[0].size + entry[1].size);
    packed_entry_put(packed_byte(packed, place), &entry[0]);
    packed_entry_put(packed_byte(packed, place + entry[0].size), &entry[1]);
    count_more(packed, 2);
    return packed;
}

struct packed *packed_replace(struct packed *packed, size_t place, struct packed_value value)
{
    size_t had = packed_entry_size(packed_byte(packed, place));
    struct packed_entry entry;

    encode(&entry, value);
    packed = make_gap(packed, place, had, entry.size);
    packed_entry_put(packed_byte(packed, place), &entry);
    return entry.size < had ? without_waste(packed) : packed;
}

struct packed *packed_delete_range(struct packed *packed, size_t *place, size_t count)
{
    size_t end = *place;
    size_t deleted = 0;

    while (deleted < count && *packed_byte(packed, end) != PACKED_END) {
        end += packed_entry_size(packed_byte(packed, end));
        deleted++;
    }
    packed = make_gap(packed, *place, end - *place, 0);
    count_less(packed, deleted);
    if (*packed_byte(packed, *place) == PACKED_END)
        *place = 0;
    return without_waste(packed);
}

struct packed *packed_delete(struct packed *packed, size_t *place)
{
    return packed_delete_range(packed, place, 1);
}

struct packed *packed_merge(struct packed *packed, const struct packed *other)
{
    size_t place = packed_total(packed) - 1;
    size_t added = packed_total(other) - PACKED_EMPTY;

    packed = make_gap(packed, place, 0, added);
    memcpy(packed_byte(packed, place), other->entries, added);
    if (packed_noted_count(other) == PACKED_UNCOUNTED)
        set_count(packed, PACKED_UNCOUNTED);
    else
        count_more(packed, packed_noted_count(other));
    return packed;
}
