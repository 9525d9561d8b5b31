#include "broker/metrics/error_counts.h"

#include <CUnit/CUnit.h>
#include <stdio.h>

void suite_error_counts(void);

static void lines_count_under_their_first_word(void)
{
    struct error_counts *counts = error_counts_new();
    struct buffer text = { 0 };

    error_counts_add(counts, SLICE("WRONGTYPE Operation against a key"));
    error_counts_add(counts, SLICE("ERR syntax error"));
    error_counts_add(counts, SLICE("WRONGTYPE Operation against a key"));
    CU_ASSERT_EQUAL(error_counts_of(counts, SLICE("WRONGTYPE")), 2);
    CU_ASSERT_EQUAL(error_counts_of(counts, SLICE("ERR")), 1);
    CU_ASSERT_EQUAL(error_counts_of(counts, SLICE("NOAUTH")), 0);
    CU_ASSERT_EQUAL(error_counts_total(counts), 3);
    error_counts_print(counts, &text);
    CU_ASSERT(slice_equal(buffer_slice(&text), SLICE("errorstat_ERR:count=1\r\n"
                                                     "errorstat_WRONGTYPE:count=2\r\n")));
    error_counts_reset(counts);
    CU_ASSERT_EQUAL(error_counts_total(counts), 0);
    buffer_clear(&text);
    error_counts_free(counts);
}

static void their_number_is_bounded(void)
{
    struct error_counts *counts = error_counts_new();
    char line[32];

    for (int i = 0; i < 1000; i++) {
        int len = snprintf(line, sizeof(line), "CODE%d of a script", i);

        error_counts_add(counts, slice_of(line, (size_t)len));
    }
    CU_ASSERT_EQUAL(error_counts_total(counts), 1000);
    CU_ASSERT_EQUAL(error_counts_of(counts, SLICE("CODE0")), 1);
    CU_ASSERT_EQUAL(error_counts_of(counts, SLICE("CODE999")), 0);
    CU_ASSERT_EQUAL(error_counts_of(counts, SLICE("ERRORSTATS_OVERFLOW")),
                    1000 - ERROR_COUNTS_CODES);
    error_counts_free(counts);
}

void suite_error_counts(void)
{
    CU_pSuite suite = CU_add_suite("metrics: error counts", NULL, NULL);

    CU_add_test(suite, "lines count under their first word", lines_count_under_their_first_word);
    CU_add_test(suite, "their number is bounded", their_number_is_bounded);
}
