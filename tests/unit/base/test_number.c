/* Numbers to and from text; what printf and Redis 7 print is the measure. */
#include <CUnit/Basic.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>

#include "storage/base/number.h"
#include "storage/base/random.h"

void suite_number(void);

static bool integer_prints_as(int64_t value, const char *text)
{
    char to[NUMBER_INTEGER_MAX];
    size_t len = number_put(to, value);
    int64_t back;

    return slice_equal(slice_of(to, len), slice_text(text)) && number_width(value) == len &&
           number_read(slice_of(to, len), &back) && back == value;
}

static void integers_print_as_printf_prints_them(void)
{
    char text[32];
    struct random random;

    CU_ASSERT_TRUE(integer_prints_as(0, "0"));
    CU_ASSERT_TRUE(integer_prints_as(-1, "-1"));
    CU_ASSERT_TRUE(integer_prints_as(INT64_MAX, "9223372036854775807"));
    CU_ASSERT_TRUE(integer_prints_as(INT64_MIN, "-9223372036854775808"));
    for (int64_t power = 1; power <= 100000000000000000; power *= 10) {
        for (int64_t value = power * 10 - 2; value <= power * 10 + 1; value++) {
            snprintf(text, sizeof(text), "%lld", (long long)value);
            CU_ASSERT_TRUE(integer_prints_as(value, text));
        }
    }
    random_seed(&random, 1);
    for (int i = 0; i < 100000; i++) {
        int64_t value = (int64_t)random_next(&random) >> (i % 64);

        snprintf(text, sizeof(text), "%lld", (long long)value);
        CU_ASSERT_TRUE_FATAL(integer_prints_as(value, text));
    }
}

static void unsigned_integers_reach_their_end(void)
{
    char to[NUMBER_INTEGER_MAX];
    uint64_t value;

    CU_ASSERT_EQUAL(number_put_unsigned(to, UINT64_MAX), 20);
    CU_ASSERT_EQUAL(memcmp(to, "18446744073709551615", 20), 0);
    CU_ASSERT_TRUE(number_read_unsigned(slice_of(to, 20), &value));
    CU_ASSERT_EQUAL(value, UINT64_MAX);
    CU_ASSERT_FALSE(number_read_unsigned(SLICE("18446744073709551616"), &value));
    CU_ASSERT_FALSE(number_read_unsigned(SLICE("99999999999999999999"), &value));
    CU_ASSERT_FALSE(number_read_unsigned(SLICE("-1"), &value));
}

static void only_canonical_integers_are_read(void)
{
    static const char *const refused[] = { "",
                                           "-",
                                           "+1",
                                           "01",
                                           "-0",
                                           "00",
                                           " 1",
                                           "1 ",
                                           "1.0",
                                           "0x1",
                                           "1a",
                                           "--1",
                                           "-01",
                                           "a",
                                           "9223372036854775808",
                                           "-9223372036854775809",
                                           "18446744073709551616",
                                           "100000000000000000000" };
    int64_t value;

    for (size_t i = 0; i < sizeof(refused) / sizeof(refused[0]); i++)
        CU_ASSERT_FALSE(number_read(slice_text(refused[i]), &value));
    CU_ASSERT_FALSE(number_read(slice_of("1\0", 2), &value));
}

static bool double_prints_as(double value, const char *text)
{
    char to[NUMBER_DOUBLE_MAX];
    size_t len = number_put_double(to, value);

    return slice_equal(slice_of(to, len), slice_text(text));
}

static void doubles_print_as_redis_prints_them(void)
{
    CU_ASSERT_TRUE(double_prints_as(0, "0"));
    CU_ASSERT_TRUE(double_prints_as(-0.0, "-0"));
    CU_ASSERT_TRUE(double_prints_as(1, "1"));
    CU_ASSERT_TRUE(double_prints_as(-1.5, "-1.5"));
    CU_ASSERT_TRUE(double_prints_as(0.1, "0.10000000000000001"));
    CU_ASSERT_TRUE(double_prints_as(0.0001, "0.0001"));
    CU_ASSERT_TRUE(double_prints_as(0.00001, "1.0000000000000001e-05"));
    CU_ASSERT_TRUE(double_prints_as(1e16, "10000000000000000"));
    CU_ASSERT_TRUE(double_prints_as(99999999999999984, "99999999999999984"));
    CU_ASSERT_TRUE(double_prints_as(1e17, "1e+17"));
    CU_ASSERT_TRUE(double_prints_as(3.14159265358979, "3.14159265358979"));
    CU_ASSERT_TRUE(double_prints_as(5e-324, "4.9406564584124654e-324"));
    CU_ASSERT_TRUE(double_prints_as(INFINITY, "inf"));
    CU_ASSERT_TRUE(double_prints_as(-INFINITY, "-inf"));
    CU_ASSERT_TRUE(double_prints_as(NAN, "nan"));
}

/* A double from all that our own way of printing covers, and a little beyond. */
static double some_double(struct random *random)
{
    uint64_t bits = random_next(random);
    double value;

    switch (bits & 3) {
    case 0:
        return (double)(int64_t)(bits >> 44) / 1000;
    case 1: {
        uint64_t exponent = 1023 - 18 + random_below(random, 80);

        bits = (bits & ~(UINT64_C(0x7ff) << 52)) | exponent << 52;
        memcpy(&value, &bits, sizeof(value));
        return value;
    }
    case 2:
        value = pow(10, (double)random_below(random, 22) - 4);
        return nextafter(value, bits & 4 ? 0 : 1e300);
    default:
        /* Halves of the last place shown: rounding must go to the even digit. */
        return (double)(bits >> 12) / (double)(1u << (bits >> 4 & 31));
    }
}

static void doubles_print_as_printf_prints_them(void)
{
    char text[64];
    char to[NUMBER_DOUBLE_MAX];
    struct random random;

    random_seed(&random, 2);
    for (int i = 0; i < 300000; i++) {
        double value = some_double(&random);
        double back;
        size_t len = number_put_double(to, value);

        snprintf(text, sizeof(text), "%.17g", value);
        CU_ASSERT_TRUE_FATAL(slice_equal(slice_of(to, len), slice_text(text)));
        CU_ASSERT_TRUE_FATAL(number_read_double(slice_of(to, len), &back) && back == value);
    }
}

static void doubles_are_read_as_strtod_reads_them(void)
{
    static const char *const read[] = { "0",
                                        "-0",
                                        "1",
                                        "+5",
                                        "-.5",
                                        "5.",
                                        "1e5",
                                        "1E-5",
                                        "0x10",
                                        "-0x1.8p3",
                                        "inf",
                                        "-INF",
                                        "+inf",
                                        "Infinity",
                                        "1e22",
                                        "1e23",
                                        "9007199254740993",
                                        "5e-324",
                                        "2e-320",
                                        "1.7976931348623157e308",
                                        "123456789012345678901234567890",
                                        "0.1e-2" };
    struct random random;
    char text[64];
    double value;

    for (size_t i = 0; i < sizeof(read) / sizeof(read[0]); i++) {
        CU_ASSERT_TRUE(number_read_double(slice_text(read[i]), &value));
        CU_ASSERT_EQUAL(value, strtod(read[i], NULL));
    }
    CU_ASSERT_TRUE(number_read_double(SLICE("-0"), &value) && signbit(value));
    random_seed(&random, 3);
    for (int i = 0; i < 100000; i++) {
        int len = snprintf(text, sizeof(text), i & 1 ? "%.*g" : "%.*f",
                           (int)random_below(&random, 20), some_double(&random));

        CU_ASSERT_TRUE_FATAL(number_read_double(slice_of(text, (size_t)len), &value));
        CU_ASSERT_EQUAL_FATAL(value, strtod(text, NULL));
    }
}

static void what_is_no_double_is_refused(void)
{
    static const char *const refused[] = { "",       " 1",     "1 ",   "nan",  "-nan",
                                           "+",      "-",      ".",    "e5",   "1e",
                                           "0x",     "1_0",    "0x1g", "\t1",  "1e400",
                                           "-1e400", "1e-400", "--1",  "1e5 ", "in" };
    char long_text[NUMBER_LONG_DOUBLE_MAX];
    double value;
    long double long_value;

    for (size_t i = 0; i < sizeof(refused) / sizeof(refused[0]); i++) {
        CU_ASSERT_FALSE(number_read_double(slice_text(refused[i]), &value));
        if (strchr(refused[i], '4') == NULL)
            CU_ASSERT_FALSE(number_read_long_double(slice_text(refused[i]), &long_value));
    }
    CU_ASSERT_FALSE(number_read_double(slice_of("1\0001", 3), &value));
    memset(long_text, '0', sizeof(long_text));
    CU_ASSERT_FALSE(number_read_long_double(slice_of(long_text, sizeof(long_text)), &long_value));
    CU_ASSERT_TRUE(
        number_read_long_double(slice_of(long_text, sizeof(long_text) - 1), &long_value));
}

static bool long_double_prints_as(const char *given, const char *text)
{
    char to[NUMBER_LONG_DOUBLE_MAX];
    long double value;

    if (!number_read_long_double(slice_text(given), &value))
        return false;
    return slice_equal(slice_of(to, number_put_long_double(to, value)), slice_text(text));
}

static void long_doubles_print_for_humans(void)
{
    char to[NUMBER_LONG_DOUBLE_MAX];
    long double most;

    CU_ASSERT_TRUE(long_double_prints_as("0.1", "0.1"));
    CU_ASSERT_TRUE(long_double_prints_as("3.0e3", "3000"));
    CU_ASSERT_TRUE(long_double_prints_as("-0.0", "0"));
    CU_ASSERT_TRUE(long_double_prints_as("-1e-20", "0"));
    CU_ASSERT_TRUE(long_double_prints_as("1e-17", "0.00000000000000001"));
    CU_ASSERT_TRUE(long_double_prints_as("1e22", "10000000000000000000000"));
    CU_ASSERT_TRUE(long_double_prints_as("0x1p3", "8"));
    CU_ASSERT_TRUE(long_double_prints_as("-5", "-5"));
    CU_ASSERT_TRUE(number_read_long_double(SLICE("1e4932"), &most));
    CU_ASSERT_EQUAL(number_put_long_double(to, most), 4933);
}

static bool size_is(const char *text, uint64_t bytes)
{
    uint64_t read;

    return number_read_size(slice_text(text), &read) && read == bytes;
}

static void sizes_have_units(void)
{
    static const char *const refused[] = { "1t", "1 k",  "-1",   "1.5gb", "+5",
                                           " 5", "5gbb", "0x10", "10%",   "17179869184gb" };
    uint64_t bytes;

    CU_ASSERT_TRUE(size_is("0", 0));
    CU_ASSERT_TRUE(size_is("100", 100));
    CU_ASSERT_TRUE(size_is("00100", 100));
    CU_ASSERT_TRUE(size_is("1b", 1));
    CU_ASSERT_TRUE(size_is("64k", 64000));
    CU_ASSERT_TRUE(size_is("5kB", 5120));
    CU_ASSERT_TRUE(size_is("1m", 1000000));
    CU_ASSERT_TRUE(size_is("1Mb", 1048576));
    CU_ASSERT_TRUE(size_is("1g", 1000000000));
    CU_ASSERT_TRUE(size_is("1GB", 1073741824));
    CU_ASSERT_TRUE(size_is("", 0));
    CU_ASSERT_TRUE(size_is("k", 0));
    CU_ASSERT_TRUE(size_is("18446744073709551616", UINT64_MAX));
    for (size_t i = 0; i < sizeof(refused) / sizeof(refused[0]); i++)
        CU_ASSERT_FALSE(number_read_size(slice_text(refused[i]), &bytes));
}

void suite_number(void)
{
    CU_pSuite suite = CU_add_suite("number", NULL, NULL);

    CU_add_test(suite, "integers print as printf prints them",
                integers_print_as_printf_prints_them);
    CU_add_test(suite, "unsigned integers reach their end", unsigned_integers_reach_their_end);
    CU_add_test(suite, "only canonical integers are read", only_canonical_integers_are_read);
    CU_add_test(suite, "doubles print as Redis prints them", doubles_print_as_redis_prints_them);
    CU_add_test(suite, "doubles print as printf prints them", doubles_print_as_printf_prints_them);
    CU_add_test(suite, "doubles are read as strtod reads them",
                doubles_are_read_as_strtod_reads_them);
    CU_add_test(suite, "what is no double is refused", what_is_no_double_is_refused);
    CU_add_test(suite, "long doubles print for humans", long_doubles_print_for_humans);
    CU_add_test(suite, "sizes have units", sizes_have_units);
}
