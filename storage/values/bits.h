/*
 * Strings seen as bits and as small integers.
 *
 * Bits are numbered as Redis numbers them: bit 0 is the highest of the first
 * byte. An integer of a bit field begins at any bit, its highest bit first.
 * Behind the end of a string all bits are 0.
 *
 * Nothing here allocates or fails. Counting and combining run at the speed of
 * memory; what else there is looks at eight bytes at a time.
 */
#ifndef STORAGE_VALUES_BITS_H
#define STORAGE_VALUES_BITS_H

#include <stdint.h>

#include "storage/base/must.h"
#include "storage/base/slice.h"

/* Bits from <= bit < to, within the string. */
struct bits_range {
    uint64_t from;
    uint64_t to;
};

/* One bit; 0 behind the end. O(1). */
bool bits_get(struct slice bytes, uint64_t bit);

/* Sets one bit, which lies within the bytes. O(1). */
void bits_set(char *bytes, uint64_t bit, bool value);

/* How many bits of a range are set. O(n). */
uint64_t bits_count(struct slice bytes, struct bits_range range);

/* The first bit of a range with this value. False if there is none. O(n). */
MUST_USE bool bits_find(struct slice bytes, struct bits_range range, bool value, uint64_t *bit);

/* -- Combining strings. */

enum bits_operation {
    BITS_AND,
    BITS_OR,
    BITS_XOR,
    BITS_NOT,
    BITS_DIFF,   /* of the first, what no other has */
    BITS_DIFF_1, /* what some other has, and the first has not */
    BITS_AND_OR, /* of the first, what some other has */
    BITS_ONE,    /* what just one of all has */
};

/*
 * Combines strings bit by bit into `to`, which holds as many bytes as the
 * longest of them and overlaps none; shorter ones are followed by zeros. NOT
 * takes one string, those that tell the first from the others two or more, the
 * rest one or more. O(sum of their lengths).
 */
void bits_combine(char *to, size_t len, enum bits_operation operation,
                  const struct slice *strings, size_t count);

/* -- Bit fields. */

/* An integer of 1 to 64 bits, or of 1 to 63 if it has no sign. */
struct bits_type {
    uint8_t width;
    bool    is_signed;
};

/* Reads "i16" or "u8". */
MUST_USE bool bits_type_read(struct slice text, struct bits_type *type);

/* What becomes of a value that does not fit. */
enum bits_overflow {
    BITS_WRAP,     /* its low bits are kept */
    BITS_SATURATE, /* the greatest or least that fits is taken */
    BITS_FAIL      /* nothing is changed */
};

/* The integer at a bit. Bits behind the end are 0. */
int64_t bits_read(struct slice bytes, uint64_t at, struct bits_type type);

/* Puts an integer at a bit; all of it lies within the bytes. Higher bits of the value are cut. */
void bits_write(char *bytes, uint64_t at, struct bits_type type, int64_t value);

/*
 * The sum of a value of the type and an increment, brought into the bounds of
 * the type. False if it does not fit and must fail.
 */
MUST_USE bool bits_add(struct bits_type type, enum bits_overflow overflow, int64_t value,
                       int64_t increment, int64_t *sum);

/* Brings any number into the bounds; a type without sign takes it as one without sign. */
MUST_USE bool bits_fit(struct bits_type type, enum bits_overflow overflow, int64_t number,
                       int64_t *value);

#endif
