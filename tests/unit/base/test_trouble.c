/* Errors with their story. */
#include <CUnit/Basic.h>
#include <errno.h>
#include <string.h>

#include "storage/base/trouble.h"

void suite_trouble(void);

static void a_story_is_told_from_the_outside_in(void)
{
    struct trouble trouble;

    CU_ASSERT_FALSE(trouble_set(&trouble, "line %d: unknown file kind '%s'", 3, "x"));
    CU_ASSERT_FALSE(trouble_wrap(&trouble, "reading %s", "manifest"));
    CU_ASSERT_FALSE(trouble_wrap(&trouble, "opening appendonlydir"));
    CU_ASSERT_STRING_EQUAL(trouble.text, "opening appendonlydir: reading manifest: "
                                         "line 3: unknown file kind 'x'");
    CU_ASSERT_EQUAL(trouble.code, 0);
}

static void the_kernels_reason_is_kept(void)
{
    struct trouble trouble;

    errno = ENOENT;
    CU_ASSERT_FALSE(trouble_errno(&trouble, "opening %s", "a.conf"));
    CU_ASSERT_STRING_EQUAL(trouble.text, "opening a.conf: No such file or directory");
    CU_ASSERT_EQUAL(trouble.code, ENOENT);
    trouble_wrap(&trouble, "starting");
    CU_ASSERT_EQUAL(trouble.code, ENOENT);
}

static void a_story_too_long_is_cut(void)
{
    struct trouble trouble;

    trouble_set(&trouble, "%600s", "end");
    for (int i = 0; i < 100; i++)
        trouble_wrap(&trouble, "once more");
    CU_ASSERT_EQUAL(strlen(trouble.text), sizeof(trouble.text) - 1);
    CU_ASSERT_EQUAL(strncmp(trouble.text, "once more: once more: ", 22), 0);
}

void suite_trouble(void)
{
    CU_pSuite suite = CU_add_suite("trouble", NULL, NULL);

    CU_add_test(suite, "a story is told from the outside in", a_story_is_told_from_the_outside_in);
    CU_add_test(suite, "the kernel's reason is kept", the_kernels_reason_is_kept);
    CU_add_test(suite, "a story too long is cut", a_story_too_long_is_cut);
}
