/*
 * Sorted integers in one block.
 *
 * What always holds:
 *   (1) The width is 2, 4 or 8, and every member fits in it.
 *   (2) Members rise strictly.
 *
 * As in packed lists the allocator knows the capacity of the block.
 */
#include "storage/index/packed_ints.h"

#include "storage/base/memory.h"

enum { INTS_HEADER = 8, INTS_SMALL_BLOCK = 64, INTS_EASE = 16 };

/* The fields are little-endian; so are the machines this is built for. */
_Static_assert(__BYTE_ORDER__ == __ORDER_LITTLE_ENDIAN__, "the layout is that of memory");

struct packed_ints {
    uint32_t width;
    uint32_t count;
    unsigned char members[];
};

static size_t bytes_of(uint32_t width, size_t count)
{
    return INTS_HEADER + width * count;
}

static uint32_t width_of(int64_t member)
{
    if (member >= INT16_MIN && member <= INT16_MAX)
        return 2;
    return member >= INT32_MIN && member <= INT32_MAX ? 4 : 8;
}

static inline int64_t get(const struct packed_ints *ints, uint32_t width, size_t index)
{
    const unsigned char *at = ints->members + index * width;
    int16_t two;
    int32_t four;
    int64_t eight;

    if (width == 2) {
        memcpy(&two, at, sizeof(two));
        return two;
    }
    if (width == 4) {
        memcpy(&four, at, sizeof(four));
        return four;
    }
    memcpy(&eight, at, sizeof(eight));
    return eight;
}

static void put(struct packed_ints *ints, size_t index, int64_t member)
{
    /* The low bytes of a little-endian number are the number of that width. */
    memcpy(ints->members + index * ints->width, &member, ints->width);
}

struct packed_ints *packed_ints_new(void)
{
    struct packed_ints *ints = memory_new(INTS_HEADER);

    ints->width = 2;
    ints->count = 0;
    return ints;
}

void packed_ints_free(struct packed_ints *ints)
{
    memory_free(ints);
}

struct packed_ints *packed_ints_copy(struct slice bytes)
{
    struct packed_ints *ints = memory_new(bytes.len);

    must(packed_ints_valid(bytes, false));
    return memcpy(ints, bytes.at, bytes.len);
}

struct slice packed_ints_slice(const struct packed_ints *ints)
{
    return slice_of(ints, bytes_of(ints->width, ints->count));
}

size_t packed_ints_count(const struct packed_ints *ints)
{
    return ints->count;
}

size_t packed_ints_memory(const struct packed_ints *ints)
{
    return memory_usable(ints);
}

/* The first rank of `count` from `low` on whose member is not less, or the one behind them. */
static size_t rank_among(const struct packed_ints *ints, size_t low, size_t count, int64_t member)
{
    uint32_t width = ints->width;

    while (count > 0) {
        size_t half = count / 2;

        if (get(ints, width, low + half) < member) {
            low += half + 1;
            count -= half + 1;
        } else {
            count = half;
        }
    }
    return low;
}

/* How many members are less. */
static size_t rank_of(const struct packed_ints *ints, int64_t member)
{
    size_t count = ints->count;

    /* Rising members are appended: look at the last one first. */
    if (count > 0 && get(ints, ints->width, count - 1) < member)
        return count;
    return rank_among(ints, 0, count, member);
}

size_t packed_ints_seek(const struct packed_ints *ints, size_t from, int64_t member)
{
    uint32_t width = ints->width;
    size_t left = ints->count - from;
    size_t step = 1;

    must_dear(from <= ints->count);
    /* Steps that double find the stretch, which is halved then. */
    while (step <= left && get(ints, width, from + step - 1) < member) {
        from += step;
        left -= step;
        step *= 2;
    }
    return rank_among(ints, from, step <= left ? step - 1 : left, member);
}

static bool is_at(const struct packed_ints *ints, size_t rank, int64_t member)
{
    return rank < ints->count && get(ints, ints->width, rank) == member;
}

bool packed_ints_has(const struct packed_ints *ints, int64_t member)
{
    return is_at(ints, rank_of(ints, member), member);
}

int64_t packed_ints_at(const struct packed_ints *ints, size_t index)
{
    must_dear(index < ints->count);
    return get(ints, ints->width, index);
}

int64_t packed_ints_random(const struct packed_ints *ints, struct random *random)
{
    return packed_ints_at(ints, random_below(random, ints->count));
}

static struct packed_ints *with_room(struct packed_ints *ints, size_t bytes)
{
    return bytes <= memory_usable(ints) ? ints : memory_resize(ints, bytes);
}

/* Makes every member wider, from the last on, so that none is overwritten unread. */
static struct packed_ints *widened(struct packed_ints *ints, uint32_t width)
{
    uint32_t narrow = ints->width;

    ints = with_room(ints, bytes_of(width, (size_t)ints->count + 1));
    ints->width = width;
    for (size_t i = ints->count; i-- > 0;)
        put(ints, i, get(ints, narrow, i));
    return ints;
}

struct packed_ints *packed_ints_add(struct packed_ints *ints, int64_t member, bool *added)
{
    uint32_t width = width_of(member);
    size_t rank;
    bool fresh;

    if (width > ints->width)
        ints = widened(ints, width);
    rank = rank_of(ints, member);
    fresh = !is_at(ints, rank, member);
    if (added != NULL)
        *added = fresh;
    if (!fresh)
        return ints;
    must(ints->count < UINT32_MAX);
    ints = with_room(ints, bytes_of(ints->width, (size_t)ints->count + 1));
    memmove(ints->members + (rank + 1) * ints->width, ints->members + rank * ints->width,
            (ints->count - rank) * ints->width);
    ints->count++;
    put(ints, rank, member);
    return ints;
}

struct packed_ints *packed_ints_remove(struct packed_ints *ints, int64_t member, bool *removed)
{
    size_t rank = rank_of(ints, member);
    bool there = is_at(ints, rank, member);
    size_t bytes;
    size_t usable;

    if (removed != NULL)
        *removed = there;
    if (!there)
        return ints;
    ints->count--;
    memmove(ints->members + rank * ints->width, ints->members + (rank + 1) * ints->width,
            (ints->count - rank) * ints->width);
    bytes = bytes_of(ints->width, ints->count);
    /* What lies idle is given back, but for a little: see packed.c. */
    usable = memory_usable(ints);
    bytes += bytes / INTS_EASE;
    if (usable <= INTS_SMALL_BLOCK || bytes > usable - usable / 8 ||
        memory_good_size(bytes) >= usable)
        return ints;
    return memory_resize(ints, bytes);
}

bool packed_ints_valid(struct slice bytes, bool deep)
{
    struct packed_ints head;
    uint32_t width;
    int64_t before = 0;

    if (bytes.len < INTS_HEADER)
        return false;
    memcpy(&head, bytes.at, INTS_HEADER);
    width = head.width;
    if (width != 2 && width != 4 && width != 8)
        return false;
    if (bytes.len != bytes_of(width, head.count))
        return false;
    for (size_t i = 0; deep && i < head.count; i++) {
        int64_t member = get((const void *)bytes.at, width, i);

        if (i > 0 && member <= before)
            return false;
        before = member;
    }
    return true;
}

void packed_ints_check(const struct packed_ints *ints)
{
    must(packed_ints_valid(packed_ints_slice(ints), true));
    must(memory_usable(ints) >= bytes_of(ints->width, ints->count));
}
