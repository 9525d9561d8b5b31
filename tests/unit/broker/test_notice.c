/* Keyspace events: who asked for a class hears of it, in the order of what happened. */
#include "broker/effects/notice.h"

#include <CUnit/CUnit.h>
#include <stdio.h>
#include <string.h>

#include "tests/unit/broker/house.h"

void suite_notice(void);

/* A house in which one listens to all that is published, and one changes keys. */
struct village {
    struct house    house;
    struct session *writer;
    struct session *listener;
};

static void begin(struct village *village, const char *classes)
{
    char request[64];

    house_open(&village->house);
    village->writer = house_guest(&village->house);
    village->listener = house_guest(&village->house);
    (void)snprintf(request, sizeof(request), "CONFIG SET notify-keyspace-events %s", classes);
    if (classes[0] != '\0')
        CU_ASSERT_STRING_EQUAL(house_ask(&village->house, village->writer, request), "+OK\r\n");
    (void)house_ask(&village->house, village->listener, "PSUBSCRIBE *");
}

/* What the listener has heard, each message as "channel payload;". */
static const char *heard(struct village *village, char *room, size_t size)
{
    const char *rest = house_heard(&village->house, village->listener);
    size_t used = 0;

    room[0] = '\0';
    while ((rest = strstr(rest, "pmessage\r\n$1\r\n*\r\n")) != NULL) {
        const char *channel, *payload;

        rest += strlen("pmessage\r\n$1\r\n*\r\n");
        channel = strchr(rest, '\n') + 1;
        payload = strchr(strstr(channel, "\r\n$") + 3, '\n') + 1;
        used += (size_t)snprintf(room + used, size - used, "%.*s %.*s;",
                                 (int)(strstr(channel, "\r\n") - channel), channel,
                                 (int)(strstr(payload, "\r\n") - payload), payload);
    }
    return room;
}

static void assert_heard(const char *classes, const char *request, const char *expected)
{
    struct village village;
    char room[1024];

    begin(&village, classes);
    (void)house_ask(&village.house, village.writer, request);
    CU_ASSERT_STRING_EQUAL(heard(&village, room, sizeof(room)), expected);
    house_close(&village.house);
}

static void nothing_is_told_unless_it_is_asked_for(void)
{
    assert_heard("", "SET k 1", "");
    assert_heard("K", "SET k 1", ""); /* a channel, but of no class */
    assert_heard("A", "SET k 1", ""); /* all classes, but on no channel */
}

static void a_change_is_told_by_its_key_and_by_its_event(void)
{
    assert_heard("KEA", "SET k 1", "__keyspace@0__:k set;__keyevent@0__:set k;");
    assert_heard("KA", "SET k 1", "__keyspace@0__:k set;");
    assert_heard("EA", "SET k 1", "__keyevent@0__:set k;");
}

static void only_the_classes_that_were_named_are_told(void)
{
    assert_heard("El", "LPUSH q 1", "__keyevent@0__:lpush q;");
    assert_heard("Eh", "LPUSH q 1", "");
    assert_heard("Em", "GET nobody", "__keyevent@0__:keymiss nobody;");
    assert_heard("EA", "GET nobody", ""); /* misses are not among "all" */
}

static void what_changed_nothing_is_not_told(void)
{
    assert_heard("KEA", "DEL nobody", "");
    assert_heard("KEA", "GET k", "");
}

static void the_channel_names_the_database(void)
{
    struct village village;
    char room[256];

    begin(&village, "EA");
    (void)house_ask(&village.house, village.writer, "SELECT 3");
    (void)house_ask(&village.house, village.writer, "SET k 1");
    CU_ASSERT_STRING_EQUAL(heard(&village, room, sizeof(room)), "__keyevent@3__:set k;");
    house_close(&village.house);
}

/* What a transaction publishes itself comes where it stands among its changes. */
static void a_message_of_a_transaction_comes_behind_what_was_changed_before_it(void)
{
    struct village village;
    char room[256];

    begin(&village, "EA");
    (void)house_ask(&village.house, village.writer, "MULTI");
    (void)house_ask(&village.house, village.writer, "SET a 1");
    (void)house_ask(&village.house, village.writer, "PUBLISH news between");
    (void)house_ask(&village.house, village.writer, "SET b 1");
    CU_ASSERT_STRING_EQUAL(heard(&village, room, sizeof(room)), "");
    (void)house_ask(&village.house, village.writer, "EXEC");
    CU_ASSERT_STRING_EQUAL(heard(&village, room, sizeof(room)),
                           "__keyevent@0__:set a;news between;__keyevent@0__:set b;");
    house_close(&village.house);
}

static void fields_are_told_with_their_lengths(void)
{
    assert_heard("S", "HSET h one 1 fifth 5", "__subkeyspace@0__:h hset|3:one,5:fifth;");
    assert_heard("T", "HSET h one 1", "__subkeyevent@0__:hset 1:h|3:one;");
    assert_heard("V", "HSET h one 1", "__subkeyspaceevent@0__:hset|h 3:one;");
    assert_heard("Sl", "HSET h one 1", ""); /* of lists only */
}

static void an_option_that_changes_counts_from_then_on(void)
{
    struct village village;
    char room[256];

    begin(&village, "");
    (void)house_ask(&village.house, village.writer, "SET k 1");
    (void)house_ask(&village.house, village.writer, "CONFIG SET notify-keyspace-events EA");
    (void)house_ask(&village.house, village.writer, "SET k 2");
    CU_ASSERT_STRING_EQUAL(heard(&village, room, sizeof(room)), "__keyevent@0__:set k;");
    house_close(&village.house);
}

void suite_notice(void)
{
    CU_pSuite suite = CU_add_suite("notice", NULL, NULL);

    CU_ADD_TEST(suite, nothing_is_told_unless_it_is_asked_for);
    CU_ADD_TEST(suite, a_change_is_told_by_its_key_and_by_its_event);
    CU_ADD_TEST(suite, only_the_classes_that_were_named_are_told);
    CU_ADD_TEST(suite, what_changed_nothing_is_not_told);
    CU_ADD_TEST(suite, the_channel_names_the_database);
    CU_ADD_TEST(suite, a_message_of_a_transaction_comes_behind_what_was_changed_before_it);
    CU_ADD_TEST(suite, fields_are_told_with_their_lengths);
    CU_ADD_TEST(suite, an_option_that_changes_counts_from_then_on);
}
