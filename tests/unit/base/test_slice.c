/* Borrowed bytes. */
#include <CUnit/Basic.h>

#include "storage/base/slice.h"

void suite_slice(void);

static void slices_are_equal_byte_for_byte(void)
{
    CU_ASSERT_TRUE(slice_equal(SLICE("abc"), slice_text("abc")));
    CU_ASSERT_FALSE(slice_equal(SLICE("abc"), SLICE("abd")));
    CU_ASSERT_FALSE(slice_equal(SLICE("abc"), SLICE("ab")));
    CU_ASSERT_TRUE(slice_equal(slice_of(NULL, 0), SLICE("")));
    CU_ASSERT_FALSE(slice_equal(slice_of("a\0b", 3), slice_of("a\0c", 3)));
}

static void a_prefix_comes_before_what_it_begins(void)
{
    CU_ASSERT_TRUE(slice_compare(SLICE("ab"), SLICE("abc")) < 0);
    CU_ASSERT_TRUE(slice_compare(SLICE("b"), SLICE("abc")) > 0);
    CU_ASSERT_TRUE(slice_compare(SLICE("\xff"), SLICE("a")) > 0);
    CU_ASSERT_EQUAL(slice_compare(slice_of(NULL, 0), SLICE("")), 0);
}

static void only_letters_lose_their_case(void)
{
    CU_ASSERT_TRUE(slice_equal_nocase(SLICE("GeT[1]"), SLICE("gEt[1]")));
    CU_ASSERT_FALSE(slice_equal_nocase(SLICE("["), SLICE("{")));
    CU_ASSERT_FALSE(slice_equal_nocase(SLICE("@"), SLICE("`")));
    CU_ASSERT_FALSE(slice_equal_nocase(SLICE("\xc4"), SLICE("\xe4")));
    CU_ASSERT_FALSE(slice_equal_nocase(SLICE("get"), SLICE("gets")));
}

static void what_is_behind_can_be_taken(void)
{
    CU_ASSERT_TRUE(slice_equal(slice_after(SLICE("millrace"), 4), SLICE("race")));
    CU_ASSERT_EQUAL(slice_after(SLICE("mill"), 4).len, 0);
}

void suite_slice(void)
{
    CU_pSuite suite = CU_add_suite("slice", NULL, NULL);

    CU_add_test(suite, "slices are equal byte for byte", slices_are_equal_byte_for_byte);
    CU_add_test(suite, "a prefix comes before what it begins",
                a_prefix_comes_before_what_it_begins);
    CU_add_test(suite, "only letters lose their case", only_letters_lose_their_case);
    CU_add_test(suite, "what is behind can be taken", what_is_behind_can_be_taken);
}
