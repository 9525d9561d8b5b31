#include <CUnit/CUnit.h>

#include "broker/acl/scope.h"

void suite_scope(void);

static void an_empty_scope_lets_nothing_in_and_a_whole_one_everything(void)
{
    struct scope scope = { .all = false };

    CU_ASSERT_FALSE(scope_admits(&scope, SLICE("a"), 0));
    CU_ASSERT_FALSE(scope_has(&scope, SLICE("*"), SCOPE_READ));
    scope_set(&scope, true);
    CU_ASSERT_TRUE(scope_admits(&scope, SLICE("a"), SCOPE_BOTH));
    CU_ASSERT_TRUE(scope_has(&scope, SLICE("*"), SCOPE_READ));
    scope_add(&scope, SLICE("a"), SCOPE_BOTH);
    CU_ASSERT_EQUAL(scope.count, 0);
}

static void one_pattern_must_be_good_for_all_ways(void)
{
    struct scope scope = { .all = false };

    scope_add(&scope, SLICE("a*"), SCOPE_READ);
    scope_add(&scope, SLICE("ab"), SCOPE_WRITE);
    CU_ASSERT_TRUE(scope_admits(&scope, SLICE("ab"), SCOPE_READ));
    CU_ASSERT_TRUE(scope_admits(&scope, SLICE("ab"), SCOPE_WRITE));
    CU_ASSERT_FALSE(scope_admits(&scope, SLICE("ab"), SCOPE_BOTH));
    scope_add(&scope, SLICE("ab"), SCOPE_READ);
    CU_ASSERT_TRUE(scope_admits(&scope, SLICE("ab"), SCOPE_BOTH));
    CU_ASSERT_EQUAL(scope.count, 2);
    CU_ASSERT_TRUE(scope_has(&scope, SLICE("a*"), SCOPE_READ));
    CU_ASSERT_FALSE(scope_has(&scope, SLICE("abc"), SCOPE_READ));
    scope_set(&scope, false);
}

static void a_star_both_ways_is_a_pattern(void)
{
    struct scope scope = { .all = false };

    scope_add(&scope, SLICE("a"), SCOPE_BOTH);
    scope_add(&scope, SLICE("*"), SCOPE_READ);
    scope_add(&scope, SLICE("*"), SCOPE_WRITE);
    CU_ASSERT_FALSE(scope.all);
    CU_ASSERT_EQUAL(scope.count, 2);
    CU_ASSERT_TRUE(scope_admits(&scope, SLICE("b"), SCOPE_BOTH));
    scope_set(&scope, false);
}

static void a_copy_is_equal_until_one_changes(void)
{
    struct scope scope = { .all = false };
    struct scope copy = { .all = false };
    unsigned ways;

    scope_add(&scope, SLICE("a"), SCOPE_READ);
    scope_add(&scope, SLICE("b"), SCOPE_BOTH);
    scope_copy(&copy, &scope);
    CU_ASSERT_TRUE(scope_equal(&scope, &copy));
    CU_ASSERT_TRUE(slice_equal(scope_at(&copy, 1, &ways), SLICE("b")) && ways == SCOPE_BOTH);
    scope_add(&copy, SLICE("a"), SCOPE_WRITE);
    CU_ASSERT_FALSE(scope_equal(&scope, &copy));
    scope_set(&scope, false);
    scope_set(&copy, false);
    CU_ASSERT_TRUE(scope_equal(&scope, &copy));
}

void suite_scope(void)
{
    CU_pSuite suite = CU_add_suite("scope", NULL, NULL);

    CU_add_test(suite, "an empty scope lets nothing in, and a whole one everything",
                an_empty_scope_lets_nothing_in_and_a_whole_one_everything);
    CU_add_test(suite, "one pattern must be good for all ways",
                one_pattern_must_be_good_for_all_ways);
    CU_add_test(suite, "a star both ways is a pattern", a_star_both_ways_is_a_pattern);
    CU_add_test(suite, "a copy is equal until one changes", a_copy_is_equal_until_one_changes);
}
