#include <CUnit/CUnit.h>

#include "broker/acl/acl_log.h"
#include "broker/config/options.h"

void suite_acl_log(void);

static void note(struct acl_log *log, enum denied what, const char *object, millis when)
{
    acl_log_note(log, &(struct acl_line){ .what = what,
                                          .context = ACL_TOP_LEVEL,
                                          .object = slice_text(object),
                                          .user = SLICE("alice"),
                                          .session = SLICE("id=1"),
                                          .when = when });
}

static bool line_is(const struct acl_log *log, size_t index, const char *object, uint64_t count)
{
    struct acl_line line = acl_log_at(log, index);

    return slice_equal(line.object, slice_text(object)) && line.count == count &&
           slice_equal(line.user, SLICE("alice")) && slice_equal(line.session, SLICE("id=1"));
}

static void the_same_again_within_a_minute_is_counted(void)
{
    struct options options;
    struct acl_log *log;

    options_init(&options);
    log = acl_log_new(&options);
    note(log, DENIED_COMMAND, "get", 1000);
    note(log, DENIED_KEY, "get", 1000);
    note(log, DENIED_COMMAND, "get", 61000);
    CU_ASSERT_EQUAL(acl_log_count(log), 2);
    CU_ASSERT_TRUE(line_is(log, 0, "get", 2));
    CU_ASSERT_EQUAL(acl_log_at(log, 0).what, DENIED_COMMAND);
    CU_ASSERT_EQUAL(acl_log_at(log, 0).when, 61000);
    CU_ASSERT_EQUAL(acl_log_at(log, 0).first, 1000);
    CU_ASSERT_EQUAL(acl_log_at(log, 0).number, 0);
    CU_ASSERT_EQUAL(acl_log_at(log, 1).number, 1);
    note(log, DENIED_COMMAND, "get", 121001);
    CU_ASSERT_EQUAL(acl_log_count(log), 3);
    CU_ASSERT_TRUE(line_is(log, 0, "get", 1));
    CU_ASSERT_EQUAL(acl_log_at(log, 0).number, 2);
    acl_log_reset(log);
    CU_ASSERT_EQUAL(acl_log_count(log), 0);
    acl_log_free(log);
    options_clear(&options);
}

static void only_the_latest_are_kept(void)
{
    struct options options;
    struct acl_log *log;

    options_init(&options);
    options.acllog_max_len = 2;
    log = acl_log_new(&options);
    note(log, DENIED_KEY, "a", 1);
    note(log, DENIED_KEY, "b", 2);
    note(log, DENIED_KEY, "c", 3);
    CU_ASSERT_EQUAL(acl_log_count(log), 2);
    CU_ASSERT_TRUE(line_is(log, 0, "c", 1));
    CU_ASSERT_TRUE(line_is(log, 1, "b", 1));
    options.acllog_max_len = 0;
    note(log, DENIED_KEY, "d", 4);
    CU_ASSERT_EQUAL(acl_log_count(log), 0);
    acl_log_free(log);
    options_clear(&options);
}

void suite_acl_log(void)
{
    CU_pSuite suite = CU_add_suite("acl log", NULL, NULL);

    CU_add_test(suite, "the same again within a minute is counted",
                the_same_again_within_a_minute_is_counted);
    CU_add_test(suite, "only the latest are kept", only_the_latest_are_kept);
}
