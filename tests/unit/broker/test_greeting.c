/* The greeting: what is said and heard, line by line, and what is made of nonsense. */
#include <CUnit/Basic.h>

#include "broker/replication/greeting.h"

void suite_greeting(void);

#define ID "0123456789abcdef0123456789abcdef01234567"

static bool says(const struct buffer *said, const char *text)
{
    return slice_equal(buffer_slice(said), slice_text(text));
}

static enum greeting_outcome hear(struct greeting *greeting, const char *line, struct buffer *say)
{
    buffer_rewind(say);
    return greeting_hear(greeting, slice_text(line), say);
}

static void nobody_known_asks_for_everything(void)
{
    const struct greeting_facts facts = { .port = 6380 };
    struct greeting greeting;
    struct buffer say = { 0 };

    greeting_begin(&greeting, &facts, NULL, &say);
    CU_ASSERT_TRUE(says(&say, "*1\r\n$4\r\nPING\r\n"));
    CU_ASSERT_EQUAL(hear(&greeting, "+PONG", &say), GREETING_MORE);
    CU_ASSERT_TRUE(says(&say, "*3\r\n$8\r\nREPLCONF\r\n$14\r\nlistening-port\r\n$4\r\n6380\r\n"
                              "*5\r\n$8\r\nREPLCONF\r\n$4\r\ncapa\r\n$3\r\neof\r\n$4\r\ncapa\r\n"
                              "$6\r\npsync2\r\n"));
    CU_ASSERT_EQUAL(hear(&greeting, "+OK", &say), GREETING_MORE);
    CU_ASSERT_EQUAL(say.len, 0);
    CU_ASSERT_EQUAL(hear(&greeting, "+OK", &say), GREETING_MORE);
    CU_ASSERT_TRUE(says(&say, "*3\r\n$5\r\nPSYNC\r\n$1\r\n?\r\n$2\r\n-1\r\n"));
    CU_ASSERT_EQUAL(hear(&greeting, "", &say), GREETING_MORE);
    CU_ASSERT_EQUAL(hear(&greeting, "+FULLRESYNC " ID " 77", &say), GREETING_WHOLE);
    CU_ASSERT_STRING_EQUAL(greeting.id, ID);
    CU_ASSERT_EQUAL(greeting.offset, 77);
    buffer_clear(&say);
}

/* As far as PSYNC, with everything there is to tell. */
static void greet(struct greeting *greeting, struct buffer *say)
{
    const struct greeting_facts facts = {
        .user = SLICE("me"), .password = SLICE("secret"), .address = SLICE("10.0.0.1"),
        .port = 7, .id = SLICE(ID), .next = 100,
    };

    greeting_begin(greeting, &facts, NULL, say);
    CU_ASSERT_EQUAL(hear(greeting, "-NOAUTH Authentication required.", say), GREETING_MORE);
    CU_ASSERT_EQUAL(hear(greeting, "+OK", say), GREETING_MORE); /* AUTH */
    CU_ASSERT_EQUAL(hear(greeting, "-ERR port?", say), GREETING_MORE);
    CU_ASSERT_EQUAL(hear(greeting, "-ERR address?", say), GREETING_MORE);
    CU_ASSERT_EQUAL(hear(greeting, "+OK", say), GREETING_MORE);
}

static void who_has_a_history_asks_for_the_rest_of_it(void)
{
    struct greeting greeting;
    struct buffer say = { 0 };

    greet(&greeting, &say);
    CU_ASSERT_TRUE(says(&say, "*3\r\n$5\r\nPSYNC\r\n$40\r\n" ID "\r\n$3\r\n100\r\n"));
    CU_ASSERT_EQUAL(hear(&greeting, "+CONTINUE", &say), GREETING_CONTINUE);
    CU_ASSERT_STRING_EQUAL(greeting.id, "");
    buffer_clear(&say);
}

static void a_primary_may_go_on_under_another_name(void)
{
    struct greeting greeting;
    struct buffer say = { 0 };

    greet(&greeting, &say);
    CU_ASSERT_EQUAL(hear(&greeting, "+CONTINUE ffffffffffffffffffffffffffffffffffffffff", &say),
                    GREETING_CONTINUE);
    CU_ASSERT_STRING_EQUAL(greeting.id, "ffffffffffffffffffffffffffffffffffffffff");
    greet(&greeting, &say);
    CU_ASSERT_EQUAL(hear(&greeting, "+CONTINUE short", &say), GREETING_CONTINUE);
    CU_ASSERT_STRING_EQUAL(greeting.id, "");
    greet(&greeting, &say);
    CU_ASSERT_EQUAL(hear(&greeting, "+CONTINUE ", &say), GREETING_CONTINUE);
    buffer_clear(&say);
}

static void a_refused_password_ends_it(void)
{
    const struct greeting_facts facts = { .password = SLICE("x"), .port = 1 };
    struct greeting greeting;
    struct buffer say = { 0 };

    greeting_begin(&greeting, &facts, NULL, &say);
    CU_ASSERT_EQUAL(hear(&greeting, "+PONG", &say), GREETING_MORE);
    CU_ASSERT_TRUE(say.len > 25 && memcmp(say.at, "*2\r\n$4\r\nAUTH\r\n$1\r\nx\r\n", 21) == 0);
    CU_ASSERT_EQUAL(hear(&greeting, "-WRONGPASS no", &say), GREETING_FAILED);
    greeting_begin(&greeting, &facts, NULL, &say);
    CU_ASSERT_EQUAL(hear(&greeting, "-ERR max number of clients reached", &say), GREETING_FAILED);
    buffer_clear(&say);
}

static void who_cannot_now_is_asked_later(void)
{
    static const char *const lines[] = { "-NOMASTERLINK Can't SYNC", "-LOADING Redis is loading" };
    struct greeting greeting;
    struct buffer say = { 0 };

    for (size_t i = 0; i < 2; i++) {
        greet(&greeting, &say);
        CU_ASSERT_EQUAL(hear(&greeting, lines[i], &say), GREETING_LATER);
        CU_ASSERT_EQUAL(say.len, 0);
    }
    buffer_clear(&say);
}

static void who_does_not_know_psync_is_asked_in_the_old_way(void)
{
    static const char *const lines[] = { "-ERR unknown command", "+HELLO", "$5", "*" };
    struct greeting greeting;
    struct buffer say = { 0 };

    for (size_t i = 0; i < 4; i++) {
        greet(&greeting, &say);
        CU_ASSERT_EQUAL(hear(&greeting, lines[i], &say), GREETING_WHOLE);
        CU_ASSERT_TRUE(says(&say, "SYNC\r\n"));
        CU_ASSERT_EQUAL(greeting.offset, -1);
    }
    buffer_clear(&say);
}

static void an_offset_that_makes_no_sense_is_not_known(void)
{
    static const char *const lines[] = { "+FULLRESYNC " ID, "+FULLRESYNC " ID " ",
                                         "+FULLRESYNC " ID " -1", "+FULLRESYNC " ID " x",
                                         "+FULLRESYNC short 1", "+FULLRESYNC " ID "1 1",
                                         "+FULLRESYNC " ID " 9223372036854775808" };
    struct greeting greeting;
    struct buffer say = { 0 };

    for (size_t i = 0; i < sizeof(lines) / sizeof(lines[0]); i++) {
        greet(&greeting, &say);
        CU_ASSERT_EQUAL(hear(&greeting, lines[i], &say), GREETING_WHOLE);
        CU_ASSERT_STRING_EQUAL(greeting.id, "");
    }
    buffer_clear(&say);
}

static void a_failover_that_is_refused_fails(void)
{
    const struct greeting_facts facts = { .port = 1, .id = SLICE(ID), .next = 5, .failover = true };
    struct greeting greeting;
    struct buffer say = { 0 };

    greeting_begin(&greeting, &facts, NULL, &say);
    CU_ASSERT_EQUAL(hear(&greeting, "+PONG", &say), GREETING_MORE);
    CU_ASSERT_EQUAL(hear(&greeting, "+OK", &say), GREETING_MORE);
    CU_ASSERT_EQUAL(hear(&greeting, "+OK", &say), GREETING_MORE);
    CU_ASSERT_TRUE(says(&say, "*4\r\n$5\r\nPSYNC\r\n$40\r\n" ID "\r\n$1\r\n5\r\n$8\r\nFAILOVER\r\n"));
    CU_ASSERT_EQUAL(hear(&greeting, "-ERR no", &say), GREETING_FAILED);
    CU_ASSERT_TRUE(greeting.refused_failover);
    buffer_clear(&say);
}

void suite_greeting(void)
{
    CU_pSuite suite = CU_add_suite("greeting", NULL, NULL);

    CU_ADD_TEST(suite, nobody_known_asks_for_everything);
    CU_ADD_TEST(suite, who_has_a_history_asks_for_the_rest_of_it);
    CU_ADD_TEST(suite, a_primary_may_go_on_under_another_name);
    CU_ADD_TEST(suite, a_refused_password_ends_it);
    CU_ADD_TEST(suite, who_cannot_now_is_asked_later);
    CU_ADD_TEST(suite, who_does_not_know_psync_is_asked_in_the_old_way);
    CU_ADD_TEST(suite, an_offset_that_makes_no_sense_is_not_known);
    CU_ADD_TEST(suite, a_failover_that_is_refused_fails);
}
