#include "broker/observe/redact.h"

#include "broker/dispatch/call.h"

static bool is(const struct call *call, struct slice full_name)
{
    return slice_equal(command_full_name(call->command), full_name);
}

/* The words behind AUTH in HELLO [protocol [AUTH user password] [SETNAME name]]. */
static void hide_hello(const struct call *call, struct redacted *redacted)
{
    const struct args *args = call->args;

    for (size_t i = 2; i + 2 < args->count; i++) {
        if (!slice_equal_nocase(args->words[i], SLICE("auth")))
            continue;
        redacted->first = i + 1;
        redacted->last = i + 3;
        return;
    }
}

/* Everything behind AUTH or AUTH2 of MIGRATE is one or two words. */
static void hide_migrate(const struct call *call, struct redacted *redacted)
{
    const struct args *args = call->args;

    for (size_t i = 6; i + 1 < args->count; i++) {
        bool two = slice_equal_nocase(args->words[i], SLICE("auth2"));

        if (!two && !slice_equal_nocase(args->words[i], SLICE("auth")))
            continue;
        redacted->first = i + 1;
        redacted->last = i + (two ? 3 : 2);
        return;
    }
}

struct redacted redact(const struct call *call)
{
    struct redacted redacted = { .call = call };
    const struct args *args = call->args;

    if (is(call, SLICE("auth"))) {
        redacted.first = 1;
        redacted.last = args->count;
    } else if (is(call, SLICE("hello"))) {
        hide_hello(call, &redacted);
    } else if (is(call, SLICE("config|set"))) {
        redacted.first = 2;
        redacted.last = args->count;
        redacted.pairs = true;
    } else if (is(call, SLICE("acl|setuser")) || is(call, SLICE("acl|deluser")) ||
               is(call, SLICE("acl|getuser"))) {
        redacted.first = 2;
        redacted.last = args->count;
    } else if (is(call, SLICE("migrate"))) {
        hide_migrate(call, &redacted);
    }
    return redacted;
}

/* Whether an option's value is a secret. */
static bool is_secret(struct slice option)
{
    static const struct slice secrets[] = {
        { "requirepass", 11 },       { "masterauth", 10 },
        { "masteruser", 10 },        { "tls-key-file-pass", 17 },
        { "primaryauth", 11 },       { "tls-client-key-file-pass", 24 },
        { "primaryuser", 11 },
    };

    for (size_t i = 0; i < sizeof(secrets) / sizeof(secrets[0]); i++) {
        if (slice_equal_nocase(option, secrets[i]))
            return true;
    }
    return false;
}

struct slice redacted_word(const struct redacted *redacted, size_t index)
{
    const struct slice *words = redacted->call->args->words;
    bool hidden = index >= redacted->first && index < redacted->last;

    if (hidden && redacted->pairs)
        hidden = (index - redacted->first) % 2 == 1 && is_secret(words[index - 1]);
    return hidden ? SLICE("(redacted)") : words[index];
}
