/*
 * Bits of strings: against the slowest way of doing the same, a bit at a time.
 */
#include <CUnit/CUnit.h>
#include <stdlib.h>

#include "storage/base/memory.h"
#include "storage/base/random.h"
#include "storage/values/bits.h"

void suite_bits(void);

enum { BYTES = 300, STRINGS = 4, LARGE = 10000 };

static bool bit_of(const char *bytes, uint64_t bit)
{
    return ((unsigned char)bytes[bit / 8] >> (7 - bit % 8) & 1) != 0;
}

/* Bytes in which runs of equal bits are not rare. */
static void fill(struct random *random, char *bytes, size_t len)
{
    size_t at = 0;

    while (at < len) {
        size_t run = 1 + random_below(random, 40);
        uint64_t kind = random_below(random, 3);

        for (; run > 0 && at < len; run--)
            bytes[at++] = (char)(kind == 0 ? 0 : kind == 1 ? 0xFF : random_next(random));
    }
}

static struct bits_range some_range(struct random *random, size_t len)
{
    uint64_t from = random_below(random, len * 8 + 1);

    return (struct bits_range){ from, from + random_below(random, len * 8 + 1 - from) };
}

static void counts_and_finds(void)
{
    struct random random;
    char bytes[BYTES];

    random_seed(&random, 1);
    for (unsigned round = 0; round < 20000; round++) {
        size_t len = 1 + random_below(&random, BYTES);
        struct bits_range range = some_range(&random, len);
        struct slice all = slice_of(bytes, len);
        bool value = random_below(&random, 2) == 1;
        uint64_t count = 0;
        uint64_t first = range.to;
        uint64_t found = range.to;

        fill(&random, bytes, len);
        for (uint64_t bit = range.from; bit < range.to; bit++) {
            count += bit_of(bytes, bit);
            if (first == range.to && bit_of(bytes, bit) == value)
                first = bit;
        }
        must(bits_count(all, range) == count);
        must(bits_find(all, range, value, &found) == (first < range.to));
        must(found == first);
    }
    CU_PASS("counts and positions are those of a bit at a time");
}

static void sets_and_gets(void)
{
    struct random random;
    char bytes[BYTES] = { 0 };
    bool model[BYTES * 8] = { false };

    random_seed(&random, 2);
    for (unsigned round = 0; round < 100000; round++) {
        uint64_t bit = random_below(&random, BYTES * 8);
        bool value = random_below(&random, 2) == 1;

        must(bits_get(slice_of(bytes, BYTES), bit) == model[bit]);
        bits_set(bytes, bit, value);
        model[bit] = value;
    }
    CU_ASSERT_FALSE(bits_get(slice_of(bytes, 1), 8));
    CU_ASSERT_FALSE(bits_get(SLICE(""), UINT64_MAX));
}

static char byte_of(const struct slice *string, size_t at)
{
    return at < string->len ? string->at[at] : '\0';
}

static void check_combined(const char *to, size_t len, enum bits_operation operation,
                           const struct slice *strings, size_t count)
{
    for (size_t at = 0; at < len; at++) {
        int byte = byte_of(&strings[0], at);

        for (size_t i = 1; i < count; i++) {
            int other = byte_of(&strings[i], at);

            byte = operation == BITS_AND  ? byte & other
                   : operation == BITS_OR ? byte | other
                                          : byte ^ other;
        }
        must(to[at] == (char)(operation == BITS_NOT ? ~byte : byte));
    }
}

static void combines(void)
{
    struct random random;
    char *to = memory_new(LARGE);
    char *room = memory_new(STRINGS * LARGE);
    struct slice strings[STRINGS];

    random_seed(&random, 3);
    for (unsigned round = 0; round < 600; round++) {
        enum bits_operation operation = (enum bits_operation)random_below(&random, 4);
        size_t count = operation == BITS_NOT ? 1 : 1 + random_below(&random, STRINGS);
        size_t most = round % 10 == 0 ? LARGE : BYTES;
        size_t len = 0;

        for (size_t i = 0; i < count; i++) {
            strings[i] = slice_of(room + i * LARGE, random_below(&random, most + 1));
            fill(&random, room + i * LARGE, strings[i].len);
            len = strings[i].len > len ? strings[i].len : len;
        }
        bits_combine(to, len, operation, strings, count);
        check_combined(to, len, operation, strings, count);
    }
    memory_free(room);
    memory_free(to);
    CU_PASS("combined strings are those of a byte at a time");
}

static struct bits_type some_type(struct random *random)
{
    bool is_signed = random_below(random, 2) == 1;

    return (struct bits_type){ (uint8_t)(1 + random_below(random, is_signed ? 64 : 63)),
                               is_signed };
}

static int64_t naive_read(const char *bytes, uint64_t at, struct bits_type type)
{
    uint64_t value = type.is_signed && bit_of(bytes, at) ? UINT64_MAX : 0;

    for (unsigned i = 0; i < type.width; i++)
        value = value << 1 | bit_of(bytes, at + i);
    return (int64_t)value;
}

static void fields_are_read_and_written(void)
{
    struct random random;
    char bytes[BYTES];
    char before[BYTES];

    random_seed(&random, 4);
    fill(&random, bytes, BYTES);
    for (unsigned round = 0; round < 50000; round++) {
        struct bits_type type = some_type(&random);
        uint64_t at = random_below(&random, BYTES * 8 - type.width + 1);
        int64_t value = (int64_t)random_next(&random) >> random_below(&random, 64);
        int64_t fit;

        must(bits_read(slice_of(bytes, BYTES), at, type) == naive_read(bytes, at, type));
        memcpy(before, bytes, BYTES);
        bits_write(bytes, at, type, value);
        must(bits_fit(type, BITS_WRAP, value, &fit));
        must(bits_read(slice_of(bytes, BYTES), at, type) == fit);
        for (uint64_t bit = 0; bit < BYTES * 8; bit += 1 + bit % 3)
            must((bit >= at && bit < at + type.width) ||
                 bit_of(bytes, bit) == bit_of(before, bit));
    }
    CU_ASSERT_EQUAL(bits_read(SLICE("\xff"), 4, (struct bits_type){ 8, false }), 0xF0);
    CU_ASSERT_EQUAL(bits_read(SLICE("\xff"), 400, (struct bits_type){ 64, true }), 0);
}

static void sums_stay_within_their_type(void)
{
    struct random random;

    random_seed(&random, 5);
    for (unsigned round = 0; round < 50000; round++) {
        struct bits_type type = some_type(&random);
        int64_t most = (int64_t)(UINT64_MAX >> (64 - type.width) >> type.is_signed);
        int64_t least = type.is_signed ? -most - 1 : 0;
        int64_t increment = (int64_t)random_next(&random) >> random_below(&random, 64);
        int64_t value;
        int64_t sum;
        long double real;
        bool fits;

        must(bits_fit(type, BITS_WRAP, (int64_t)random_next(&random), &value));
        real = (long double)value + (long double)increment;
        fits = real >= (long double)least && real <= (long double)most;
        must(bits_add(type, BITS_FAIL, value, increment, &sum) == fits);
        must(bits_add(type, BITS_SATURATE, value, increment, &sum));
        must(sum == (fits ? (int64_t)real : real < 0 ? least : most));
        must(bits_add(type, BITS_WRAP, value, increment, &sum));
        must(sum >= least && sum <= most);
        must((((uint64_t)value + (uint64_t)increment - (uint64_t)sum) &
              (UINT64_MAX >> (64 - type.width))) == 0);
    }
    CU_PASS("sums wrap, saturate and fail");
}

static void types_are_read(void)
{
    struct bits_type type;
    const char *const bad[] = { "", "i", "u64", "i65", "u0", "i08", "x8", "8", "i1x", "i123", "I8" };

    CU_ASSERT_TRUE(bits_type_read(SLICE("i64"), &type) && type.width == 64 && type.is_signed);
    CU_ASSERT_TRUE(bits_type_read(SLICE("u63"), &type) && type.width == 63 && !type.is_signed);
    CU_ASSERT_TRUE(bits_type_read(SLICE("u1"), &type) && type.width == 1);
    for (size_t i = 0; i < sizeof(bad) / sizeof(*bad); i++)
        CU_ASSERT_FALSE(bits_type_read(slice_text(bad[i]), &type));
}

void suite_bits(void)
{
    CU_pSuite suite = CU_add_suite("bits", NULL, NULL);

    CU_add_test(suite, "ranges are counted and searched", counts_and_finds);
    CU_add_test(suite, "single bits are set and read", sets_and_gets);
    CU_add_test(suite, "strings of any lengths are combined", combines);
    CU_add_test(suite, "integers of any width are read and written", fields_are_read_and_written);
    CU_add_test(suite, "sums wrap, saturate or fail", sums_stay_within_their_type);
    CU_add_test(suite, "names of types are read", types_are_read);
}
