#!/bin/sh
# Writes the main function of one room's unit tests: runner.sh ROOM test_x.c ...
# Each test file exports suite_x, which registers its suite with CUnit.
room=$1; shift
echo "/* Made by tests/unit/runner.sh: the unit tests of $room. */"
echo '#include <CUnit/Basic.h>'
echo '#include <string.h>'
for file; do
    name=$(basename "$file" .c); echo "void suite_${name#test_}(void);"
done
cat <<'CODE'
/* A word: only suites whose names have it are run. */
static void choose(const char *word)
{
    CU_set_fail_on_inactive(CU_FALSE);
    for (CU_pSuite suite = CU_get_registry()->pSuite; suite != NULL; suite = suite->pNext)
        CU_set_suite_active(suite, strstr(suite->pName, word) != NULL);
}
int main(int count, char **words)
{
    unsigned failures;

    CU_initialize_registry();
CODE
for file; do
    name=$(basename "$file" .c); echo "    suite_${name#test_}();"
done
cat <<'CODE'
    if (count > 1)
        choose(words[1]);
    CU_basic_set_mode(CU_BRM_NORMAL);
    CU_basic_run_tests();
    failures = CU_get_number_of_failures();
    CU_cleanup_registry();
    return failures > 0;
}
CODE
