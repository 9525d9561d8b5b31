/* Faults to order. */
#include <CUnit/Basic.h>
#include <errno.h>

#include "storage/base/faults.h"

void suite_faults(void);

static void nothing_fails_without_faults(void)
{
    CU_ASSERT_FALSE(faults_hit(NULL, "write"));
}

static void the_nth_one_fails(void)
{
    struct faults *faults = faults_new();

    faults_arm(faults, "write", 3, 2, ENOSPC);
    errno = 0;
    CU_ASSERT_FALSE(faults_hit(faults, "write"));
    CU_ASSERT_FALSE(faults_hit(faults, "fsync"));
    CU_ASSERT_FALSE(faults_hit(faults, "write"));
    CU_ASSERT_EQUAL(errno, 0);
    CU_ASSERT_TRUE(faults_hit(faults, "write"));
    CU_ASSERT_EQUAL(errno, ENOSPC);
    CU_ASSERT_TRUE(faults_hit(faults, "write"));
    CU_ASSERT_FALSE(faults_hit(faults, "write"));
    CU_ASSERT_EQUAL(faults_asked(faults, "write"), 5);
    CU_ASSERT_EQUAL(faults_asked(faults, "fsync"), 1);
    CU_ASSERT_EQUAL(faults_asked(faults, "fork"), 0);
    faults_free(faults);
}

static void arming_again_counts_from_then(void)
{
    struct faults *faults = faults_new();

    CU_ASSERT_FALSE(faults_hit(faults, "open"));
    faults_arm(faults, "open", 1, 1, EMFILE);
    CU_ASSERT_TRUE(faults_hit(faults, "open"));
    CU_ASSERT_FALSE(faults_hit(faults, "open"));
    faults_free(faults);
    faults_free(NULL);
}

void suite_faults(void)
{
    CU_pSuite suite = CU_add_suite("faults", NULL, NULL);

    CU_add_test(suite, "nothing fails without faults", nothing_fails_without_faults);
    CU_add_test(suite, "the nth one fails", the_nth_one_fails);
    CU_add_test(suite, "arming again counts from then", arming_again_counts_from_then);
}
