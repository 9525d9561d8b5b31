/*
 * Integers and doubles to and from text.
 *
 * Integers are written two digits at a time from the back, their width being
 * known beforehand from the number of bits.
 *
 * A double is shown with 17 significant digits, rounded to even from its exact
 * value, as printf's %.17g defines it. For what people mostly store, from
 * 0.0001 up to 10^17, this is done exactly in 128 bits: the double is
 * mantissa / 2^k, so digits = mantissa * 10^n / 2^k with n chosen to give 17 of
 * them, and no product passes 53 + 67 bits. The rest is left to printf.
 *
 * Reading has a quick way too (Clinger, 1990): a decimal of at most 2^53 times
 * or over a power of ten up to 10^22 takes one correctly rounded operation.
 */
#include "storage/base/number.h"

#include <ctype.h>
#include <errno.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>

__extension__ typedef unsigned __int128 wide;

static const char digit_pairs[201] = "0001020304050607080910111213141516171819"
                                     "2021222324252627282930313233343536373839"
                                     "4041424344454647484950515253545556575859"
                                     "6061626364656667686970717273747576777879"
                                     "8081828384858687888990919293949596979899";

static const uint64_t powers_of_ten[20] = {
    1u,
    10u,
    100u,
    1000u,
    10000u,
    100000u,
    1000000u,
    10000000u,
    100000000u,
    1000000000u,
    10000000000u,
    100000000000u,
    1000000000000u,
    10000000000000u,
    100000000000000u,
    1000000000000000u,
    10000000000000000u,
    100000000000000000u,
    1000000000000000000u,
    10000000000000000000u,
};

/* How many decimal digits a number has; 0 has one. */
static inline size_t digits_of(uint64_t value)
{
    /* 1233 / 4096 is a little more than the logarithm of 2 to base 10. */
    unsigned bits = 64u - (unsigned)__builtin_clzll(value | 1);
    unsigned guess = (bits * 1233u) >> 12;

    return guess + (guess == 0 || value >= powers_of_ten[guess]);
}

/* Writes exactly `width` digits, with zeros in front if the number has fewer. */
static inline void put_digits(char *to, uint64_t value, size_t width)
{
    while (width >= 2) {
        uint64_t rest = value / 100;

        width -= 2;
        memcpy(to + width, digit_pairs + 2 * (value - rest * 100), 2);
        value = rest;
    }
    if (width == 1)
        to[0] = (char)('0' + value % 10);
}

size_t number_put_unsigned(char *to, uint64_t value)
{
    size_t width;

    if (value < 10) {
        *to = (char)('0' + value);
        return 1;
    }
    width = digits_of(value);
    put_digits(to, value, width);
    return width;
}

size_t number_put(char *to, int64_t value)
{
    if (value >= 0)
        return number_put_unsigned(to, (uint64_t)value);
    *to = '-';
    return 1 + number_put_unsigned(to + 1, -(uint64_t)value);
}

size_t number_width(int64_t value)
{
    return value >= 0 ? digits_of((uint64_t)value) : 1 + digits_of(-(uint64_t)value);
}

bool number_read_unsigned(struct slice text, uint64_t *value)
{
    uint64_t sum = 0;

    if (text.len == 0 || text.len > NUMBER_INTEGER_MAX)
        return false;
    if (text.at[0] == '0') {
        *value = 0;
        return text.len == 1;
    }
    for (size_t i = 0; i < text.len; i++) {
        unsigned digit = (unsigned)(unsigned char)text.at[i] - '0';

        if (digit > 9)
            return false;
        /* Nineteen digits always fit; only the twentieth needs care. */
        if (i == 19 && (sum > UINT64_MAX / 10 || sum * 10 > UINT64_MAX - digit))
            return false;
        sum = sum * 10 + digit;
    }
    *value = sum;
    return true;
}

bool number_read(struct slice text, int64_t *value)
{
    bool negative = text.len > 0 && text.at[0] == '-';
    uint64_t size;

    if (negative)
        text = slice_after(text, 1);
    if (!number_read_unsigned(text, &size))
        return false;
    if (negative ? size == 0 || size > (uint64_t)INT64_MAX + 1 : size > INT64_MAX)
        return false;
    *value = (int64_t)(negative ? -size : size);
    return true;
}

/* Whether the double is a whole number that 17 digits show without an exponent. */
static inline bool is_short_integer(double value)
{
    return value > -1e17 && value < 1e17 && value == (double)(int64_t)value;
}

/*
 * The 17 leading digits of a fraction 0.0001 <= value < 10^17 as one number,
 * rounded to even; `behind` is how many of them stand behind the point.
 */
static uint64_t leading_digits(double value, unsigned *behind)
{
    uint64_t bits;
    uint64_t mantissa;
    unsigned shift;
    wide product;
    wide rest;
    wide half;
    uint64_t digits;

    memcpy(&bits, &value, sizeof(bits));
    mantissa = (bits & ((UINT64_C(1) << 52) - 1)) | UINT64_C(1) << 52;
    /* value is mantissa / 2^shift. It has a fraction, so the shift is above 0. */
    shift = 1075u - (unsigned)(bits >> 52);
    if (value >= 1)
        *behind = 17u - (unsigned)digits_of((uint64_t)value);
    else
        *behind = value >= 0.1 ? 17 : value >= 0.01 ? 18 : value >= 0.001 ? 19 : 20;

    product = (wide)mantissa * powers_of_ten[*behind < 19 ? *behind : 19];
    if (*behind > 19)
        product *= 10;
    digits = (uint64_t)(product >> shift);
    rest = product & (((wide)1 << shift) - 1);
    half = (wide)1 << (shift - 1);
    return digits + (rest > half || (rest == half && (digits & 1) != 0));
}

/* Writes a positive fraction in plain form; returns its length. */
static size_t put_fraction(char *to, double value)
{
    unsigned behind;
    uint64_t digits = leading_digits(value, &behind);
    uint64_t whole = 0;
    size_t len;

    while (behind > 1 && digits % 100 == 0) {
        digits /= 100;
        behind -= 2;
    }
    if (behind > 0 && digits % 10 == 0) {
        digits /= 10;
        behind--;
    }
    if (behind < 20) {
        whole = digits / powers_of_ten[behind];
        digits -= whole * powers_of_ten[behind];
    }
    len = number_put_unsigned(to, whole);
    if (behind == 0)
        return len;
    to[len] = '.';
    put_digits(to + len + 1, digits, behind);
    return len + 1 + behind;
}

size_t number_put_double(char *to, double value)
{
    char text[NUMBER_DOUBLE_MAX];
    size_t len = 0;
    int printed;

    if (is_short_integer(value) && (value != 0 || !signbit(value)))
        return number_put(to, (int64_t)value);
    if (isnan(value)) {
        memcpy(to, "nan", 3);
        return 3;
    }
    if (signbit(value)) {
        to[len++] = '-';
        value = -value;
    }
    if (value >= 0.0001 && value < 1e17)
        return len + put_fraction(to + len, value);
    /* Infinity comes out as "inf" this way as well, and nothing at all as "0". */
    printed = snprintf(text, sizeof(text), "%.17g", value);
    memcpy(to + len, text, (size_t)printed);
    return len + (size_t)printed;
}

/* A decimal as far as the quick way understands it: digits * 10^exponent. */
struct decimal {
    uint64_t digits;
    int exponent;
    bool negative;
};

/* Reads digits from `at`, at most 19 in all, and counts them. */
static const char *take_digits(const char *at, const char *end, uint64_t *digits, int *count)
{
    while (at < end && (unsigned)(unsigned char)*at - '0' <= 9) {
        *digits = *digits * 10 + ((unsigned)(unsigned char)*at - '0');
        (*count)++;
        at++;
    }
    return at;
}

/* Reads sign, digits, point, digits and exponent. False only says "not the quick way". */
static bool read_decimal(struct slice text, struct decimal *decimal)
{
    const char *at = text.at;
    const char *end = text.at + text.len;
    const char *point;
    int count = 0;

    /* Up to 19 bytes hold at most 19 digits, which cannot overflow the sum. */
    if (text.len == 0 || text.len > 19)
        return false;
    *decimal = (struct decimal){ 0, 0, *at == '-' };
    if (*at == '-' || *at == '+')
        at++;
    at = take_digits(at, end, &decimal->digits, &count);
    if (at < end && *at == '.') {
        point = ++at;
        at = take_digits(at, end, &decimal->digits, &count);
        decimal->exponent = -(int)(at - point);
    }
    if (count > 0 && at < end && (*at == 'e' || *at == 'E')) {
        bool below = false;
        uint64_t exponent = 0;
        int exponent_digits = 0;

        if (++at < end && (*at == '-' || *at == '+'))
            below = *at++ == '-';
        at = take_digits(at, end, &exponent, &exponent_digits);
        if (exponent_digits == 0 || exponent > 100)
            return false;
        decimal->exponent += below ? -(int)exponent : (int)exponent;
    }
    return count > 0 && at == end;
}

bool number_read_double(struct slice text, double *value)
{
    static const double exact[23] = { 1e0,  1e1,  1e2,  1e3,  1e4,  1e5,  1e6,  1e7,
                                      1e8,  1e9,  1e10, 1e11, 1e12, 1e13, 1e14, 1e15,
                                      1e16, 1e17, 1e18, 1e19, 1e20, 1e21, 1e22 };
    struct decimal decimal;
    char copy[NUMBER_LONG_DOUBLE_MAX];
    char *end;
    double size;

    if (read_decimal(text, &decimal) && decimal.digits <= UINT64_C(1) << 53 &&
        decimal.exponent >= -22 && decimal.exponent <= 22) {
        size = (double)decimal.digits;
        size =
            decimal.exponent < 0 ? size / exact[-decimal.exponent] : size * exact[decimal.exponent];
        *value = decimal.negative ? -size : size;
        return true;
    }
    if (text.len == 0 || text.len >= sizeof(copy) || isspace((unsigned char)text.at[0]))
        return false;
    memcpy(copy, text.at, text.len);
    copy[text.len] = '\0';
    errno = 0;
    size = strtod(copy, &end);
    if (end != copy + text.len || isnan(size))
        return false;
    if (errno == ERANGE && (isinf(size) || size == 0))
        return false;
    *value = size;
    return true;
}

bool number_read_long_double(struct slice text, long double *value)
{
    char copy[NUMBER_LONG_DOUBLE_MAX];
    char *end;
    long double size;

    if (text.len == 0 || text.len >= sizeof(copy) || isspace((unsigned char)text.at[0]))
        return false;
    memcpy(copy, text.at, text.len);
    copy[text.len] = '\0';
    errno = 0;
    size = strtold(copy, &end);
    if (end != copy + text.len || isnan(size))
        return false;
    if (errno == ERANGE && (isinf(size) || size == 0))
        return false;
    *value = size;
    return true;
}

size_t number_put_long_double(char *to, long double value)
{
    char text[NUMBER_LONG_DOUBLE_MAX];
    size_t len;

    len = (size_t)snprintf(text, sizeof(text), "%.17Lf", value);
    if (isfinite(value)) {
        while (text[len - 1] == '0')
            len--;
        if (text[len - 1] == '.')
            len--;
        /* What is too small to show has lost its sign as well. */
        if (len == 2 && text[0] == '-' && text[1] == '0') {
            text[0] = '0';
            len = 1;
        }
    }
    memcpy(to, text, len);
    return len;
}

/* What a unit such as "kb" multiplies by, or 0 if there is no such unit. */
static uint64_t unit_size(struct slice unit)
{
    static const struct {
        struct slice name;
        uint64_t size;
    } units[] = {
        { { "", 0 }, 1 },           { { "b", 1 }, 1 },
        { { "k", 1 }, 1000 },       { { "kb", 2 }, 1024 },
        { { "m", 1 }, 1000000 },    { { "mb", 2 }, 1024 * 1024 },
        { { "g", 1 }, 1000000000 }, { { "gb", 2 }, 1024 * 1024 * 1024 },
    };

    for (size_t i = 0; i < sizeof(units) / sizeof(units[0]); i++) {
        if (slice_equal_nocase(unit, units[i].name))
            return units[i].size;
    }
    return 0;
}

bool number_read_size(struct slice text, uint64_t *bytes)
{
    uint64_t sum = 0;
    uint64_t unit;
    size_t at = 0;

    /* No digits at all count as 0, and too many as the most there is. */
    for (; at < text.len && text.at[at] >= '0' && text.at[at] <= '9'; at++) {
        if (__builtin_mul_overflow(sum, (uint64_t)10, &sum) ||
            __builtin_add_overflow(sum, (uint64_t)(text.at[at] - '0'), &sum))
            sum = UINT64_MAX;
    }
    unit = unit_size(slice_after(text, at));
    if (unit == 0 || __builtin_mul_overflow(sum, unit, &sum))
        return false;
    *bytes = sum;
    return true;
}
