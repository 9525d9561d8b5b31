#!/bin/sh
# Writes the main function of one room's unit tests: runner.sh ROOM test_x.c ...
# Each test file exports suite_x, which registers its suite with CUnit.
room=$1; shift
echo "/* Made by tests/unit/runner.sh: the unit tests of $room. */"
echo '#include <CUnit/Basic.h>'
for file; do
    name=$(basename "$file" .c); echo "void suite_${name#test_}(void);"
done
cat <<'CODE'
int main(void)
{
    unsigned failures;

    CU_initialize_registry();
CODE
for file; do
    name=$(basename "$file" .c); echo "    suite_${name#test_}();"
done
cat <<'CODE'
    CU_basic_set_mode(CU_BRM_NORMAL);
    CU_basic_run_tests();
    failures = CU_get_number_of_failures();
    CU_cleanup_registry();
    return failures > 0;
}
CODE
