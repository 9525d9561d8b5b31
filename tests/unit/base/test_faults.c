/* Faults to order. */
#include <CUnit/Basic.h>
#include <errno.h>
#include <signal.h>
#include <sys/wait.h>
#include <unistd.h>

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

static void an_end_comes_at_the_nth_pass(void)
{
    struct faults *faults;
    int status = 0;
    pid_t child = fork();

    if (child == 0) {
        faults = faults_new();
        faults_end_at(faults, "here", 2);
        faults_pass(NULL, "here");
        faults_pass(faults, "there");
        faults_pass(faults, "here");
        if (faults_hit(faults, "write"))
            _exit(1);
        faults_pass(faults, "here");
        _exit(2);
    }
    CU_ASSERT_EQUAL(waitpid(child, &status, 0), child);
    CU_ASSERT_TRUE(WIFSIGNALED(status) && WTERMSIG(status) == SIGKILL);
}

void suite_faults(void)
{
    CU_pSuite suite = CU_add_suite("faults", NULL, NULL);

    CU_add_test(suite, "nothing fails without faults", nothing_fails_without_faults);
    CU_add_test(suite, "the nth one fails", the_nth_one_fails);
    CU_add_test(suite, "arming again counts from then", arming_again_counts_from_then);
    CU_add_test(suite, "an end comes at the nth pass", an_end_comes_at_the_nth_pass);
}
