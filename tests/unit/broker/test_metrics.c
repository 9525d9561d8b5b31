#include <CUnit/CUnit.h>

#include "broker/metrics/error_counts.h"
#include "broker/metrics/metrics.h"
#include "broker/metrics/rate.h"
#include "broker/observe/info.h"

void suite_metrics(void);

static void counters_are_reset_and_gauges_are_not(void)
{
    struct metrics metrics = { .commands_processed = 5, .connected_clients = 3 };
    struct buffer text = { 0 };

    metrics_print(&metrics, "clients", &text);
    CU_ASSERT_TRUE(
        slice_equal(buffer_slice(&text), SLICE("connected_clients:3\r\nblocked_clients:0\r\n")));
    metrics_reset(&metrics);
    CU_ASSERT_EQUAL(metrics.commands_processed, 0);
    CU_ASSERT_EQUAL(metrics.connected_clients, 3);
    buffer_clear(&text);
}

static void errors_are_counted_by_code_in_their_order(void)
{
    struct error_counts *counts = error_counts_new();
    struct buffer text = { 0 };

    error_counts_add(counts, SLICE("WRONGTYPE x"));
    error_counts_add(counts, SLICE("ERR y"));
    error_counts_add(counts, SLICE("ERR"));
    error_counts_add(counts, SLICE("A=B,C:D x"));
    CU_ASSERT_EQUAL(error_counts_of(counts, SLICE("ERR")), 2);
    CU_ASSERT_EQUAL(error_counts_of(counts, SLICE("NONE")), 0);
    CU_ASSERT_EQUAL(error_counts_total(counts), 4);
    error_counts_print(counts, &text);
    CU_ASSERT_TRUE(slice_equal(buffer_slice(&text),
                               SLICE("errorstat_A_B_C_D:count=1\r\nerrorstat_ERR:count=2\r\n"
                                     "errorstat_WRONGTYPE:count=1\r\n")));
    error_counts_reset(counts);
    CU_ASSERT_EQUAL(error_counts_of(counts, SLICE("ERR")), 0);
    buffer_clear(&text);
    error_counts_free(counts);
}

static void too_many_codes_are_counted_together(void)
{
    struct error_counts *counts = error_counts_new();
    char code[] = "AA x";

    for (int i = 0; i < 26 * 26; i++) {
        code[0] = (char)('A' + i / 26);
        code[1] = (char)('A' + i % 26);
        error_counts_add(counts, SLICE("ERR"));
        error_counts_add(counts, slice_text(code));
    }
    CU_ASSERT_EQUAL(error_counts_of(counts, SLICE("ERR")), 26 * 26);
    CU_ASSERT_EQUAL(error_counts_of(counts, SLICE("AA")), 1);
    CU_ASSERT_EQUAL(error_counts_of(counts, SLICE("ERRORSTATS_OVERFLOW")), 26 * 26 - 127);
    error_counts_free(counts);
}

static void a_rate_is_the_mean_of_its_samples(void)
{
    struct rate rate = { 0 };

    for (int i = 0; i <= RATE_SAMPLES; i++)
        rate_look(&rate, (uint64_t)i * 50, 1 + i * 100000);
    CU_ASSERT_EQUAL(rate_per_second(&rate), 500);
}

static void say_one(void *who, struct buffer *to)
{
    buffer_print(to, "field:%s\r\n", (const char *)who);
}

static bool prints(const struct info *info, const char *name, const char *text)
{
    struct slice word = slice_text(name);
    struct buffer printed = { 0 };
    bool fine;

    buffer_reserve(&printed, 1);
    info_print(info, &word, 1, &printed);
    fine = slice_equal(buffer_slice(&printed), slice_text(text));
    buffer_clear(&printed);
    return fine;
}

static void info_has_the_sections_that_are_asked_for(void)
{
    struct info *info = info_new();
    struct slice names[] = { SLICE("keyspace"), SLICE("CPU"), SLICE("cpu") };
    struct buffer text = { 0 };
    char a[] = "a";
    char b[] = "b";

    info_add(info, "cpu", say_one, a);
    info_add(info, "keyspace", say_one, a);
    info_add(info, "cpu", say_one, b);
    CU_ASSERT_TRUE(prints(info, "cpu", "# CPU\r\nfield:a\r\nfield:b\r\n"));
    CU_ASSERT_TRUE(prints(info, "nonsense", ""));
    info_print(info, names, 3, &text);
    CU_ASSERT_TRUE(
        slice_equal(buffer_slice(&text),
                    SLICE("# CPU\r\nfield:a\r\nfield:b\r\n\r\n# Keyspace\r\nfield:a\r\n")));
    buffer_clear(&text);
    info_free(info);
}

static void sizes_are_shown_for_people(void)
{
    struct buffer text = { 0 };

    info_print_size(&text, 894);
    buffer_add_byte(&text, ' ');
    info_print_size(&text, 916168);
    CU_ASSERT_TRUE(slice_equal(buffer_slice(&text), SLICE("894B 894.70K")));
    buffer_clear(&text);
}

void suite_metrics(void)
{
    CU_pSuite suite = CU_add_suite("metrics", NULL, NULL);

    CU_add_test(suite, "counters are reset and gauges are not",
                counters_are_reset_and_gauges_are_not);
    CU_add_test(suite, "errors are counted by code, in their order",
                errors_are_counted_by_code_in_their_order);
    CU_add_test(suite, "too many codes are counted together", too_many_codes_are_counted_together);
    CU_add_test(suite, "a rate is the mean of its samples", a_rate_is_the_mean_of_its_samples);
    CU_add_test(suite, "info has the sections that are asked for",
                info_has_the_sections_that_are_asked_for);
    CU_add_test(suite, "sizes are shown for people", sizes_are_shown_for_people);
}
