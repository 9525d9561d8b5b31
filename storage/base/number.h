/*
 * Integers and doubles to and from text, exactly as Redis prints and reads
 * them. Nothing here allocates; nothing but the doubles uses printf.
 */
#ifndef STORAGE_BASE_NUMBER_H
#define STORAGE_BASE_NUMBER_H

#include <stdint.h>

#include "storage/base/must.h"
#include "storage/base/slice.h"

/* Room for any integer, any double and any long double, as text without a NUL; a long double
 * without an exponent has up to 4,933 digits in front of the point. */
enum { NUMBER_INTEGER_MAX = 20, NUMBER_DOUBLE_MAX = 32, NUMBER_LONG_DOUBLE_MAX = 5 * 1024 };

/* Writes a decimal integer at `to`, which has NUMBER_INTEGER_MAX bytes; returns its length. */
size_t number_put(char *to, int64_t value);
size_t number_put_unsigned(char *to, uint64_t value);

/* How many bytes number_put would write. */
size_t number_width(int64_t value);

/*
 * Reads a whole slice as a canonical decimal integer: no blanks, no plus, no
 * leading zeros, no "-0". What it accepts prints back to the same bytes.
 */
MUST_USE bool number_read(struct slice text, int64_t *value);
MUST_USE bool number_read_unsigned(struct slice text, uint64_t *value);

/*
 * Writes a double as replies show it: 17 significant digits with the zeros
 * behind them taken away, as printf's %.17g does, so 0.1 is
 * "0.10000000000000001" and 1e17 is "1e+17"; "inf", "-inf", "nan", "-0". `to`
 * has NUMBER_DOUBLE_MAX bytes; returns the length. About 35 ns from 0.0001 up
 * to 1e17 and 10 for whole numbers; beyond, what printf takes.
 */
size_t number_put_double(char *to, double value);

/*
 * Reads a whole slice as a double: decimal or exponent or hexadecimal form as
 * strtod takes it, "inf" and "infinity" with a sign and in any case. Refused
 * are blanks in front, an empty slice, NaN, what overflows or becomes 0 by being
 * too small, and texts of NUMBER_LONG_DOUBLE_MAX bytes or more.
 */
MUST_USE bool number_read_double(struct slice text, double *value);

/* The same for long double; INCRBYFLOAT adds in this width. */
MUST_USE bool number_read_long_double(struct slice text, long double *value);

/*
 * Writes a long double for humans: 17 digits behind the point, trailing zeros
 * taken away, never an exponent. `to` has NUMBER_LONG_DOUBLE_MAX bytes.
 */
size_t number_put_long_double(char *to, long double value);

/*
 * Reads a size such as "1gb", "64k", "100": 1k = 1000, 1kb = 1024, and so for
 * m and g, in any case. As in Redis, no digits count as 0, and digits past 64
 * bits as the most there is; what its unit carries past 64 bits is refused.
 */
MUST_USE bool number_read_size(struct slice text, uint64_t *bytes);

#endif
