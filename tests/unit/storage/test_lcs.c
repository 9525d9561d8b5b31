/*
 * The longest common sequence: against the plain table of all lengths, whose
 * way back is the one that Redis takes.
 */
#include <CUnit/CUnit.h>

#include "storage/base/random.h"
#include "storage/values/lcs.h"

void suite_lcs(void);

enum { LONGEST = 150 };

struct model {
    uint16_t length[LONGEST + 1][LONGEST + 1];
};

static void fill_model(struct model *model, struct slice a, struct slice b)
{
    memset(model, 0, sizeof *model);
    for (size_t i = 1; i <= a.len; i++) {
        for (size_t j = 1; j <= b.len; j++) {
            uint16_t up = model->length[i - 1][j];
            uint16_t left = model->length[i][j - 1];

            if (a.at[i - 1] == b.at[j - 1])
                model->length[i][j] = (uint16_t)(model->length[i - 1][j - 1] + 1);
            else
                model->length[i][j] = up > left ? up : left;
        }
    }
}

/* Walks the table and the runs side by side. */
static void same_way_back(const struct model *model, const struct lcs *lcs, struct slice a,
                          struct slice b)
{
    struct lcs_walk walk;
    struct lcs_run run = { 0 };
    size_t i = a.len, j = b.len;
    size_t left = 0; /* of the run */
    size_t total = 0;

    lcs_walk_begin(&walk, lcs);
    while (i > 0 && j > 0) {
        if (a.at[i - 1] == b.at[j - 1]) {
            if (left == 0) {
                CU_ASSERT_FATAL(lcs_walk_next(&walk, &run));
                left = run.length;
                total += left;
            }
            i--, j--, left--;
            CU_ASSERT_EQUAL(run.first + left, i);
            CU_ASSERT_EQUAL(run.second + left, j);
        } else if (model->length[i - 1][j] > model->length[i][j - 1]) {
            CU_ASSERT_EQUAL(left, 0);
            i--;
        } else {
            CU_ASSERT_EQUAL(left, 0);
            j--;
        }
    }
    CU_ASSERT_FALSE(lcs_walk_next(&walk, &run));
    CU_ASSERT_EQUAL(total, lcs_length(lcs));
}

static void agrees_with_table(void)
{
    struct model model;
    struct random random;
    char a[LONGEST], b[LONGEST];

    random_seed(&random, 7);
    for (unsigned round = 0; round < 2000; round++) {
        struct slice first = slice_of(a, random_below(&random, LONGEST + 1));
        struct slice second = slice_of(b, random_below(&random, LONGEST + 1));
        uint64_t letters = 1 + random_below(&random, 1 + round % 40);
        struct lcs *lcs, *length_only;

        for (size_t i = 0; i < LONGEST; i++) {
            a[i] = (char)(0xF0 + random_below(&random, letters));
            b[i] = (char)(0xF0 + random_below(&random, letters));
        }
        fill_model(&model, first, second);
        lcs = lcs_new(first, second, true);
        length_only = lcs_new(first, second, false);
        CU_ASSERT_EQUAL(lcs_length(lcs), model.length[first.len][second.len]);
        CU_ASSERT_EQUAL(lcs_length(length_only), lcs_length(lcs));
        same_way_back(&model, lcs, first, second);
        lcs_free(length_only);
        lcs_free(lcs);
    }
}

static void nothing_in_common(void)
{
    struct lcs *lcs = lcs_new(SLICE(""), SLICE("abc"), true);
    struct lcs_walk walk;
    struct lcs_run run;

    lcs_walk_begin(&walk, lcs);
    CU_ASSERT_FALSE(lcs_walk_next(&walk, &run));
    CU_ASSERT_EQUAL(lcs_length(lcs), 0);
    lcs_free(lcs);
    lcs_free(NULL);
    lcs = lcs_new(SLICE("abc"), SLICE("xyz"), true);
    lcs_walk_begin(&walk, lcs);
    CU_ASSERT_FALSE(lcs_walk_next(&walk, &run));
    lcs_free(lcs);
}

void suite_lcs(void)
{
    CU_pSuite suite = CU_add_suite("lcs", NULL, NULL);

    CU_add_test(suite, "length and runs are those of the table of all lengths", agrees_with_table);
    CU_add_test(suite, "strings without a common byte have no run", nothing_in_common);
}
