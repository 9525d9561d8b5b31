/*
 * Strings seen as bits.
 *
 * Everything works on words of eight bytes read with the first byte highest,
 * so that bit i of the string is bit 63 - i of the word. A word at the end of a
 * string is completed with zeros, which is what lies behind a string anyway.
 *
 * Strings are combined in blocks: the compiler makes vectors of a block's loop,
 * because its length is known, and a block stays in the nearest cache while
 * one string after the other is brought in.
 */
#include "storage/values/bits.h"

enum { WORD = 8, WORD_BITS = 64, BLOCK = 4096, LANE = 64 };

__extension__ typedef __int128 wide; /* holds any sum of two 64-bit integers */

bool bits_get(struct slice bytes, uint64_t bit)
{
    uint64_t index = bit >> 3;

    if (index >= bytes.len)
        return false;
    return ((unsigned char)bytes.at[index] >> (7 - (bit & 7)) & 1) != 0;
}

void bits_set(char *bytes, uint64_t bit, bool value)
{
    unsigned byte = (unsigned char)bytes[bit >> 3];
    unsigned mask = 0x80u >> (bit & 7);

    bytes[bit >> 3] = (char)(value ? byte | mask : byte & ~mask);
}

/* The eight bytes from an index on. */
static uint64_t word_at(struct slice bytes, uint64_t index)
{
    uint64_t word = 0;

    if (LIKELY(bytes.len >= WORD && index <= bytes.len - WORD))
        memcpy(&word, bytes.at + index, WORD);
    else if (index < bytes.len)
        memcpy(&word, bytes.at + index, bytes.len - index);
#if __BYTE_ORDER__ == __ORDER_LITTLE_ENDIAN__
    word = __builtin_bswap64(word);
#endif
    return word;
}

/* Of a word that begins at bit `first` of the string, what lies within a range. */
static uint64_t within(uint64_t word, uint64_t first, struct bits_range range)
{
    if (first < range.from)
        word &= UINT64_MAX >> (range.from - first);
    if (range.to - first < WORD_BITS)
        word &= ~(UINT64_MAX >> (range.to - first));
    return word;
}

/* -- Counting. */

/* Four sums, so that no count waits for the one before. */
__attribute__((always_inline)) static inline uint64_t count_words(const char *at, size_t words)
{
    uint64_t counts[4] = { 0 };
    uint64_t word[4];
    size_t i = 0;

    for (; i + 4 <= words; i += 4) {
        memcpy(word, at + i * WORD, sizeof(word));
        for (unsigned lane = 0; lane < 4; lane++)
            counts[lane] += (uint64_t)__builtin_popcountll(word[lane]);
    }
    for (; i < words; i++) {
        memcpy(word, at + i * WORD, WORD);
        counts[0] += (uint64_t)__builtin_popcountll(word[0]);
    }
    return counts[0] + counts[1] + counts[2] + counts[3];
}

#ifdef __x86_64__
__attribute__((target("popcnt"))) static uint64_t count_words_fast(const char *at, size_t words)
{
    return count_words(at, words);
}
#endif

/* Most processors count bits in one instruction, but not all that this may run on. */
static uint64_t count_run(const char *at, size_t words)
{
#ifdef __x86_64__
    if (LIKELY(__builtin_cpu_supports("popcnt")))
        return count_words_fast(at, words);
#endif
    return count_words(at, words);
}

uint64_t bits_count(struct slice bytes, struct bits_range range)
{
    uint64_t index = range.from >> 3;
    uint64_t total = 0;
    size_t words;

    if (range.from >= range.to)
        return 0;
    if ((range.from & 7) != 0) {
        uint64_t word = within(word_at(bytes, index), index << 3, range);

        total += (uint64_t)__builtin_popcountll(word);
        index += WORD;
    }
    if (index << 3 >= range.to)
        return total;
    words = (size_t)((range.to - (index << 3)) / WORD_BITS);
    total += count_run(bytes.at + index, words);
    index += words * WORD;
    if (index << 3 < range.to)
        total += (uint64_t)__builtin_popcountll(within(word_at(bytes, index), index << 3, range));
    return total;
}

/* How many bytes from an index on are all equal to `same`, in steps of 64, before `end`. */
static uint64_t same_run(struct slice bytes, uint64_t index, uint64_t end, uint64_t same)
{
    uint64_t begin = index;

    for (; index + LANE <= end; index += LANE) {
        uint64_t words[LANE / WORD];
        uint64_t other = 0;

        memcpy(words, bytes.at + index, LANE);
        for (unsigned i = 0; i < LANE / WORD; i++)
            other |= words[i] ^ same;
        if (other != 0)
            break;
    }
    return index - begin;
}

bool bits_find(struct slice bytes, struct bits_range range, bool value, uint64_t *bit)
{
    uint64_t flip = value ? 0 : UINT64_MAX;

    if (range.from >= range.to)
        return false;
    for (uint64_t index = range.from >> 3; index << 3 < range.to; index += WORD) {
        uint64_t word = within(word_at(bytes, index) ^ flip, index << 3, range);

        if (word != 0) {
            *bit = (index << 3) + (uint64_t)__builtin_clzll(word);
            return true;
        }
        index += same_run(bytes, index + WORD, range.to >> 3, flip);
    }
    return false;
}

/* -- Combining. */

#define BITS_COMBINE(name, expression)                                                          \
    static void name(char *restrict to, const char *restrict from, size_t len)                  \
    {                                                                                           \
        size_t at = 0;                                                                          \
                                                                                                \
        for (; at + LANE <= len; at += LANE) {                                                  \
            for (size_t i = at; i < at + LANE; i++)                                             \
                to[i] = (char)(expression);                                                     \
        }                                                                                       \
        for (size_t i = at; i < len; i++)                                                       \
            to[i] = (char)(expression);                                                         \
    }

BITS_COMBINE(and_into, to[i] & from[i])
BITS_COMBINE(or_into, to[i] | from[i])
BITS_COMBINE(xor_into, to[i] ^ from[i])
BITS_COMBINE(not_into, ~from[i])

/* The part of a string that lies in a block. */
static struct slice block_of(struct slice string, size_t at, size_t len)
{
    if (at >= string.len)
        return SLICE("");
    return slice_of(string.at + at, string.len - at < len ? string.len - at : len);
}

static void combine_block(char *to, size_t len, enum bits_operation operation, struct slice part)
{
    if (operation == BITS_AND)
        memset(to + part.len, 0, len - part.len);
    if (part.len == 0)
        return;
    switch (operation) {
    case BITS_AND:
        and_into(to, part.at, part.len);
        break;
    case BITS_OR:
        or_into(to, part.at, part.len);
        break;
    case BITS_XOR:
        xor_into(to, part.at, part.len);
        break;
    case BITS_NOT:
        not_into(to, part.at, part.len);
        break;
    case BITS_DIFF:
    case BITS_DIFF_1:
    case BITS_AND_OR:
    case BITS_ONE:
        must(false);
    }
}

/* One block of what the first string and the others have each of their own. */
static void tell_apart(char *to, size_t len, enum bits_operation operation,
                       const struct slice *strings, size_t count, size_t at)
{
    struct slice first = block_of(strings[0], at, len);

    memset(to, 0, len);
    for (size_t i = 1; i < count; i++)
        combine_block(to, len, BITS_OR, block_of(strings[i], at, len));
    for (size_t i = 0; i < len; i++) {
        unsigned char own = i < first.len ? (unsigned char)first.at[i] : 0;
        unsigned char others = (unsigned char)to[i];

        to[i] = (char)(operation == BITS_DIFF     ? own & ~others
                       : operation == BITS_DIFF_1 ? others & ~own
                                                  : own & others);
    }
}

/* One block of what just one of the strings has. */
static void find_single(char *to, size_t len, const struct slice *strings, size_t count, size_t at)
{
    char twice[BLOCK] = { 0 };

    memset(to, 0, len);
    for (size_t i = 0; i < count; i++) {
        struct slice part = block_of(strings[i], at, len);

        for (size_t j = 0; j < part.len; j++) {
            twice[j] = (char)(twice[j] | (to[j] & part.at[j]));
            to[j] = (char)(to[j] | part.at[j]);
        }
    }
    for (size_t j = 0; j < len; j++)
        to[j] = (char)(to[j] & ~twice[j]);
}

void bits_combine(char *to, size_t len, enum bits_operation operation,
                  const struct slice *strings, size_t count)
{
    must(count > 0 && (operation != BITS_NOT || (count == 1 && strings[0].len == len)));
    for (size_t at = 0; at < len; at += BLOCK) {
        size_t size = len - at < BLOCK ? len - at : BLOCK;
        struct slice part = block_of(strings[0], at, size);

        if (operation == BITS_ONE) {
            find_single(to + at, size, strings, count, at);
            continue;
        }
        if (operation > BITS_NOT) {
            tell_apart(to + at, size, operation, strings, count, at);
            continue;
        }
        if (operation == BITS_NOT) {
            combine_block(to + at, size, operation, part);
            continue;
        }
        if (part.len > 0)
            memcpy(to + at, part.at, part.len);
        memset(to + at + part.len, 0, size - part.len);
        for (size_t i = 1; i < count; i++)
            combine_block(to + at, size, operation, block_of(strings[i], at, size));
    }
}

/* -- Bit fields. */

bool bits_type_read(struct slice text, struct bits_type *type)
{
    unsigned width = 0;

    if (text.len < 2 || text.len > 3 || (text.at[0] != 'i' && text.at[0] != 'u') ||
        text.at[1] == '0')
        return false;
    for (size_t i = 1; i < text.len; i++) {
        if (text.at[i] < '0' || text.at[i] > '9')
            return false;
        width = width * 10 + (unsigned)(text.at[i] - '0');
    }
    type->width = (uint8_t)width;
    type->is_signed = text.at[0] == 'i';
    return width <= (type->is_signed ? 64u : 63u);
}

/* Cuts a value to the width of a type and gives it the sign that its highest bit says. */
static int64_t cut(struct bits_type type, uint64_t bits)
{
    unsigned spare = WORD_BITS - type.width;

    if (type.is_signed)
        return (int64_t)(bits << spare) >> spare;
    return (int64_t)(bits << spare >> spare);
}

int64_t bits_read(struct slice bytes, uint64_t at, struct bits_type type)
{
    uint64_t index = at >> 3;
    unsigned skip = (unsigned)(at & 7);
    uint64_t bits = word_at(bytes, index) << skip;

    if (skip + type.width > WORD_BITS)
        bits |= word_at(bytes, index + WORD) >> (WORD_BITS - skip);
    return cut(type, bits >> (WORD_BITS - type.width));
}

void bits_write(char *bytes, uint64_t at, struct bits_type type, int64_t value)
{
    uint64_t bits = (uint64_t)value;
    unsigned left = type.width;

    /* From the last byte to the first: each takes as many of the low bits as belong to it. */
    while (left > 0) {
        uint64_t last = at + left - 1;
        unsigned shift = 7 - (unsigned)(last & 7);
        unsigned here = 8 - shift < left ? 8 - shift : left;
        unsigned mask = (0xFFu >> (8 - here)) << shift;
        unsigned byte = (unsigned char)bytes[last >> 3];

        bytes[last >> 3] = (char)((byte & ~mask) | ((unsigned)(bits & 0xFF) << shift & mask));
        bits >>= here;
        left -= here;
    }
}

static bool bring_in(struct bits_type type, enum bits_overflow overflow, wide number,
                     int64_t *value)
{
    wide most = ((wide)1 << (type.is_signed ? type.width - 1 : type.width)) - 1;
    wide least = type.is_signed ? -most - 1 : 0;

    *value = cut(type, (uint64_t)number);
    if (number >= least && number <= most)
        return true;
    if (overflow == BITS_SATURATE)
        *value = (int64_t)(number < least ? least : most);
    return overflow != BITS_FAIL;
}

bool bits_add(struct bits_type type, enum bits_overflow overflow, int64_t value,
              int64_t increment, int64_t *sum)
{
    return bring_in(type, overflow, (wide)value + increment, sum);
}

bool bits_fit(struct bits_type type, enum bits_overflow overflow, int64_t number, int64_t *value)
{
    int64_t most = (int64_t)(((uint64_t)1 << (type.width - 1)) - 1);

    /* Redis takes a negative number for a type without sign as one beyond all of them. */
    if (!type.is_signed)
        return bring_in(type, overflow, (wide)(uint64_t)number, value);
    /* Of the least numbers there are Redis says so too: their distance to the greatest of the
       type is more than it can reckon. */
    if (type.width < WORD_BITS && number < most - INT64_MAX && overflow == BITS_SATURATE) {
        *value = most;
        return true;
    }
    return bring_in(type, overflow, number, value);
}
