#include <CUnit/CUnit.h>

#include "broker/config/config.h"

void suite_config(void);

/* A room that acts on options, or refuses to. */
struct room {
    int called;
    int applied;
    int64_t seen_timeout;
    bool refuse;
};

static bool apply(void *who, const struct options *options, struct trouble *trouble)
{
    struct room *room = who;

    room->called++;
    if (room->refuse)
        return trouble_set(trouble, "Unable to do that");
    room->applied++;
    room->seen_timeout = options->timeout;
    return true;
}

static bool set_two(struct config *config, const char *name, const char *value, const char *other,
                    const char *other_value, struct trouble *trouble)
{
    struct config_pair pairs[] = {
        { slice_text(name), slice_text(value) },
        { slice_text(other), slice_text(other_value) },
    };

    return config_set_live(config, pairs, 2, false, trouble);
}

static bool set_one(struct config *config, const char *name, const char *value,
                    struct trouble *trouble)
{
    struct config_pair pair = { slice_text(name), slice_text(value) };

    return config_set_live(config, &pair, 1, false, trouble);
}

static void several_options_change_together_or_not_at_all(void)
{
    struct config *config = config_new();
    const struct options *options = config_options(config);
    struct trouble trouble;

    CU_ASSERT_TRUE(set_two(config, "timeout", "5", "maxclients", "7", &trouble));
    CU_ASSERT_EQUAL(options->timeout, 5);
    CU_ASSERT_EQUAL(options->maxclients, 7);
    CU_ASSERT_FALSE(set_two(config, "timeout", "6", "maxclients", "x", &trouble));
    CU_ASSERT_STRING_EQUAL(trouble.text,
                           "CONFIG SET failed (possibly related to argument 'maxclients') - "
                           "argument couldn't be parsed into an integer");
    CU_ASSERT_EQUAL(options->timeout, 5);
    CU_ASSERT_PTR_EQUAL(options, config_options(config));
    config_free(config);
}

static void what_may_not_be_set_is_refused_in_redis_words(void)
{
    struct config *config = config_new();
    struct config_pair dir = { SLICE("dir"), SLICE("/") };
    struct trouble trouble;

    CU_ASSERT_FALSE(set_two(config, "foo", "1", "timeout", "x", &trouble));
    CU_ASSERT_STRING_EQUAL(trouble.text,
                           "Unknown option or number of arguments for CONFIG SET - 'foo'");
    CU_ASSERT_FALSE(set_two(config, "timeout", "x", "daemonize", "no", &trouble));
    CU_ASSERT_STRING_EQUAL(trouble.text,
                           "CONFIG SET failed (possibly related to argument 'daemonize') - "
                           "can't set immutable config");
    CU_ASSERT_FALSE(set_two(config, "timeout", "1", "TIMEOUT", "2", &trouble));
    CU_ASSERT_STRING_EQUAL(trouble.text,
                           "CONFIG SET failed (possibly related to argument 'TIMEOUT') - "
                           "duplicate parameter");
    CU_ASSERT_FALSE(set_one(config, "dir", "/", &trouble));
    CU_ASSERT_STRING_EQUAL(trouble.text, "CONFIG SET failed (possibly related to argument 'dir') - "
                                         "can't set protected config");
    CU_ASSERT_TRUE(config_set_live(config, &dir, 1, true, &trouble));
    CU_ASSERT_STRING_EQUAL(config_options(config)->dir, "/");
    config_free(config);
}

static void a_room_is_told_once_of_a_change_and_not_of_none(void)
{
    struct config *config = config_new();
    struct room room = { 0 };
    struct trouble trouble;

    config_on_change(config, "timeout", apply, &room);
    config_on_change(config, "maxclients", apply, &room);
    CU_ASSERT_TRUE(set_two(config, "timeout", "5", "maxclients", "7", &trouble));
    CU_ASSERT_EQUAL(room.applied, 1);
    CU_ASSERT_EQUAL(room.seen_timeout, 5);
    CU_ASSERT_TRUE(set_one(config, "timeout", "5", &trouble));
    CU_ASSERT_EQUAL(room.applied, 1);
    config_free(config);
}

static void when_a_room_cannot_follow_all_go_back(void)
{
    struct config *config = config_new();
    struct room willing = { 0 };
    struct room unwilling = { .refuse = true };
    struct trouble trouble;

    config_on_change(config, "timeout", apply, &willing);
    config_on_change(config, "port", apply, &unwilling);
    CU_ASSERT_FALSE(set_two(config, "timeout", "5", "port", "7", &trouble));
    CU_ASSERT_STRING_EQUAL(trouble.text,
                           "CONFIG SET failed (possibly related to argument 'port') - "
                           "Unable to do that");
    CU_ASSERT_EQUAL(config_options(config)->timeout, 0);
    CU_ASSERT_EQUAL(config_options(config)->port, 6379);
    CU_ASSERT_EQUAL(willing.applied, 2);
    CU_ASSERT_EQUAL(unwilling.called, 2);
    CU_ASSERT_EQUAL(willing.seen_timeout, 0);
    config_free(config);
}

void suite_config(void)
{
    CU_pSuite suite = CU_add_suite("config", NULL, NULL);

    CU_add_test(suite, "several options change together or not at all",
                several_options_change_together_or_not_at_all);
    CU_add_test(suite, "what may not be set is refused in Redis's words",
                what_may_not_be_set_is_refused_in_redis_words);
    CU_add_test(suite, "a room is told once of a change and not of none",
                a_room_is_told_once_of_a_change_and_not_of_none);
    CU_add_test(suite, "when a room cannot follow, all go back",
                when_a_room_cannot_follow_all_go_back);
}
