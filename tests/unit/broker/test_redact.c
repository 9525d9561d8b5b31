/* What SLOWLOG and MONITOR may show of a request. */
#include "broker/observe/redact.h"

#include <CUnit/CUnit.h>
#include <stdio.h>
#include <string.h>

#include "broker/dispatch/call.h"

void suite_redact(void);

enum { WORDS = 16 };

/* The request, of words with one space between, as it may be shown; `?` is a hidden word. */
static const char *shown(const char *request, char *room, size_t size)
{
    struct slice words[WORDS];
    struct args args = { .words = words };
    struct call call = { .args = &args };
    struct redacted redacted;
    size_t used = 0;

    for (const char *word = request; *word != '\0'; word += word[0] == ' ') {
        size_t len = strcspn(word, " ");

        must(args.count < WORDS);
        words[args.count++] = slice_of(word, len);
        word += len;
    }
    call.command = command_find(words, args.count);
    CU_ASSERT_PTR_NOT_NULL_FATAL(call.command);
    redacted = redact(&call);
    room[0] = '\0';
    for (size_t i = 0; i < args.count; i++) {
        struct slice word = redacted_word(&redacted, i);
        bool hidden = slice_equal(word, SLICE("(redacted)"));

        used += (size_t)snprintf(room + used, size - used, "%s%.*s", i > 0 ? " " : "",
                                 hidden ? 1 : (int)word.len, hidden ? "?" : word.at);
    }
    return room;
}

static void assert_shown(const char *request, const char *expected)
{
    char room[256];

    CU_ASSERT_STRING_EQUAL(shown(request, room, sizeof(room)), expected);
}

static void most_requests_are_shown_whole(void)
{
    assert_shown("SET auth secret", "SET auth secret");
    assert_shown("ACL WHOAMI", "ACL WHOAMI");
    assert_shown("CONFIG GET requirepass", "CONFIG GET requirepass");
}

static void passwords_and_who_they_belong_to_are_hidden(void)
{
    assert_shown("AUTH secret", "AUTH ?");
    assert_shown("auth anna secret", "auth ? ?");
    assert_shown("HELLO 3 AUTH anna secret SETNAME me", "HELLO 3 AUTH ? ? SETNAME me");
    assert_shown("HELLO 3 SETNAME me auth anna secret", "HELLO 3 SETNAME me auth ? ?");
    assert_shown("HELLO 3 SETNAME me", "HELLO 3 SETNAME me");
}

static void rules_of_users_are_hidden(void)
{
    assert_shown("ACL SETUSER anna on >secret ~*", "ACL SETUSER ? ? ? ?");
    assert_shown("ACL GETUSER anna", "ACL GETUSER ?");
    assert_shown("ACL DELUSER anna bert", "ACL DELUSER ? ?");
}

static void of_options_only_secrets_are_hidden(void)
{
    assert_shown("CONFIG SET maxmemory 1gb requirepass secret port 1",
                 "CONFIG SET maxmemory 1gb requirepass ? port 1");
    assert_shown("CONFIG SET MasterAuth secret masteruser anna",
                 "CONFIG SET MasterAuth ? masteruser ?");
    /* The value of another option may be the name of a secret one. */
    assert_shown("CONFIG SET proc-title-template requirepass port 1",
                 "CONFIG SET proc-title-template requirepass port 1");
}

static void passwords_for_other_servers_are_hidden(void)
{
    assert_shown("MIGRATE there 6379 key 0 100 AUTH secret", "MIGRATE there 6379 key 0 100 AUTH ?");
    assert_shown("MIGRATE there 6379 key 0 100 COPY AUTH2 anna secret KEYS",
                 "MIGRATE there 6379 key 0 100 COPY AUTH2 ? ? KEYS");
    assert_shown("MIGRATE auth 6379 auth 0 100 COPY", "MIGRATE auth 6379 auth 0 100 COPY");
}

static void a_request_that_ends_too_soon_is_no_trouble(void)
{
    assert_shown("AUTH", "AUTH");
    assert_shown("HELLO 3 AUTH anna", "HELLO 3 AUTH anna"); /* refused: it is no password */
    assert_shown("CONFIG SET requirepass", "CONFIG SET requirepass");
    assert_shown("MIGRATE there 6379 key 0 100 AUTH", "MIGRATE there 6379 key 0 100 AUTH");
}

void suite_redact(void)
{
    CU_pSuite suite = CU_add_suite("redact", NULL, NULL);

    CU_ADD_TEST(suite, most_requests_are_shown_whole);
    CU_ADD_TEST(suite, passwords_and_who_they_belong_to_are_hidden);
    CU_ADD_TEST(suite, rules_of_users_are_hidden);
    CU_ADD_TEST(suite, of_options_only_secrets_are_hidden);
    CU_ADD_TEST(suite, passwords_for_other_servers_are_hidden);
    CU_ADD_TEST(suite, a_request_that_ends_too_soon_is_no_trouble);
}
