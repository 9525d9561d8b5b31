#include <CUnit/CUnit.h>

#include "broker/replication/role.h"

void suite_role(void);

#define SOME_ID SLICE("0123456789abcdef0123456789abcdef01234567")

static struct slice id_of(const struct role *role)
{
    return slice_text(role->id);
}

static struct slice second_of(const struct role *role)
{
    return slice_text(role->second_id);
}

static void a_new_server_is_a_primary_without_a_past(void)
{
    struct role *role = role_new();

    CU_ASSERT_FALSE(role->is_replica);
    CU_ASSERT_EQUAL(id_of(role).len, ROLE_ID);
    CU_ASSERT_TRUE(slice_equal(second_of(role), SLICE("0000000000000000000000000000000000000000")));
    CU_ASSERT_EQUAL(role->offset, 0);
    CU_ASSERT_EQUAL(role->second_offset, -1);
    CU_ASSERT_TRUE(role_knows(role, id_of(role), 1));
    CU_ASSERT_FALSE(role_knows(role, SOME_ID, 1));
    CU_ASSERT_FALSE(role_knows(role, second_of(role), 0));
    role_free(role);
}

static void who_was_with_us_up_to_the_branch_goes_on_and_who_was_further_does_not(void)
{
    struct role *role = role_new();

    role_adopt(role, SOME_ID, 100);
    CU_ASSERT_TRUE(slice_equal(id_of(role), SOME_ID));
    role_branch(role);
    CU_ASSERT_FALSE(slice_equal(id_of(role), SOME_ID));
    CU_ASSERT_TRUE(slice_equal(second_of(role), SOME_ID));
    CU_ASSERT_EQUAL(role->second_offset, 101);
    role->offset = 200;
    CU_ASSERT_TRUE(role_knows(role, SOME_ID, 100));
    CU_ASSERT_TRUE(role_knows(role, SOME_ID, 101));
    CU_ASSERT_FALSE(role_knows(role, SOME_ID, 102));
    CU_ASSERT_TRUE(role_knows(role, id_of(role), 150));
    role_begin_history(role);
    CU_ASSERT_FALSE(role_knows(role, SOME_ID, 50));
    CU_ASSERT_EQUAL(role->second_offset, -1);
    CU_ASSERT_EQUAL(role->offset, 200);
    role_free(role);
}

static void a_replica_follows_the_branch_of_its_primary(void)
{
    struct role *role = role_new();
    char first[ROLE_ID + 1];

    memcpy(first, role->id, sizeof(first));
    role->offset = 7;
    role_follow_branch(role, SOME_ID);
    CU_ASSERT_TRUE(slice_equal(id_of(role), SOME_ID));
    CU_ASSERT_TRUE(role_knows(role, slice_text(first), 8));
    CU_ASSERT_FALSE(role_knows(role, slice_text(first), 9));
    role_free(role);
}

static void a_saved_history_is_gone_on_from_where_it_was_saved(void)
{
    struct role *role = role_new();

    role_resume(role, SOME_ID, 1000);
    CU_ASSERT_EQUAL(role->offset, 1000);
    CU_ASSERT_TRUE(role_knows(role, SOME_ID, 1001));
    CU_ASSERT_FALSE(slice_equal(id_of(role), SOME_ID));
    role_free(role);
}

void suite_role(void)
{
    CU_pSuite suite = CU_add_suite("role", NULL, NULL);

    CU_add_test(suite, "a new server is a primary without a past",
                a_new_server_is_a_primary_without_a_past);
    CU_add_test(suite, "who was with us up to the branch goes on, and who was further does not",
                who_was_with_us_up_to_the_branch_goes_on_and_who_was_further_does_not);
    CU_add_test(suite, "a replica follows the branch of its primary",
                a_replica_follows_the_branch_of_its_primary);
    CU_add_test(suite, "a saved history is gone on from where it was saved",
                a_saved_history_is_gone_on_from_where_it_was_saved);
}
