/* Each guard begins with the cheap test that nearly always ends it. */
#include "broker/dispatch/gate.h"

#include "broker/dispatch/transaction.h"
#include "broker/metrics/metrics.h"
#include "broker/net/connection.h"
#include "storage/base/buffer.h"

enum { QUOTED_MOST = 128 };

static int quoted_len(struct slice word)
{
    return (int)(word.len > QUOTED_MOST ? QUOTED_MOST : word.len);
}

/*
 * What browsers say, not sessions: a page of somebody else's can have its reader's browser send
 * a POST here, in whose body are commands. Nobody who says such a thing is heard any further.
 */
static bool hang_up_on_browser(const struct call *call)
{
    struct slice name = call->args->words[0];

    if (call->session->connection == NULL ||
        (!slice_equal_nocase(name, SLICE("post")) && !slice_equal_nocase(name, SLICE("host:"))))
        return false;
    connection_close(call->session->connection, "it speaks HTTP");
    return true;
}

/* Quotes the words behind an unknown name, each up to its first NUL, as far as 128 bytes go. */
static enum pass refuse_unknown(struct call *call)
{
    const struct args *args = call->args;
    struct buffer line = { 0 };
    size_t quoted = 0; /* bytes that were written of words and quotes, not bytes they have */

    if (UNLIKELY(hang_up_on_browser(call)))
        return PASS_REFUSED;
    buffer_print(&line, "ERR unknown command '%.*s', with args beginning with: ",
                 quoted_len(args->words[0]), args->words[0].at);
    for (size_t i = 1; i < args->count && quoted < QUOTED_MOST; i++) {
        struct slice word = args->words[i];
        size_t room = QUOTED_MOST - quoted;
        size_t len = word.len < room ? word.len : room;
        size_t before = line.len;

        buffer_print(&line, "'%.*s' ", (int)len, word.at);
        quoted += line.len - before;
    }
    reply_error(call->reply, buffer_slice(&line));
    buffer_clear(&line);
    return PASS_REFUSED;
}

static enum pass refuse_unknown_subcommand(struct call *call)
{
    char family[32];
    const char *name = call->command->full_name;
    size_t i = 0;

    for (; name[i] != '\0' && i + 1 < sizeof(family); i++)
        family[i] = name[i] >= 'a' && name[i] <= 'z' ? (char)(name[i] - 32) : name[i];
    family[i] = '\0';
    (void)call_refuse_with(call, "ERR unknown subcommand '%.*s'. Try %s HELP.",
                           quoted_len(call->args->words[1]), call->args->words[1].at, family);
    return PASS_REFUSED;
}

/* An EXEC that is refused ends the transaction, if there is one, and says so. */
#define EXEC_REFUSED "EXECABORT Transaction discarded because of: "

static bool refuses_exec(struct call *call)
{
    if (!slice_equal(command_name(call->command), SLICE("exec")))
        return false;
    transaction_end(call->session);
    return true;
}

static enum pass refuse_arity(struct call *call)
{
    if (refuses_exec(call))
        (void)call_refuse_with(call, EXEC_REFUSED "wrong number of arguments for 'exec' command");
    else
        (void)call_refuse_arity(call);
    return PASS_REFUSED;
}

enum pass gate_known(void *nobody, struct call *call)
{
    const struct command *command = call->command;
    size_t count = call->args->count;

    (void)nobody;
    if (LIKELY(command != NULL && command->subcommand_count == 0 && command_takes(command, count)))
        return PASS_ON;
    if (command == NULL)
        return refuse_unknown(call);
    if (command_lacks_subcommand(command, count))
        return refuse_unknown_subcommand(call);
    if (command->run == NULL || !command_takes(command, count))
        return refuse_arity(call);
    return PASS_ON;
}

enum pass gate_loaded(void *who, struct call *call)
{
    const struct metrics *metrics = who;

    /* Beside a load that will replace it the old data is served, as far as that makes sense. */
    if (UNLIKELY(metrics->async_loading != 0) && call->session->connection != NULL &&
        (call->command->flags & COMMAND_NO_ASYNC_LOADING) != 0) {
        (void)call_refuse(call, REFUSAL_LOADING);
        return PASS_REFUSED;
    }
    /* The log's own statements come from nobody's connection. */
    if (LIKELY(metrics->loading == 0) || (call->command->flags & COMMAND_LOADING) != 0 ||
        call->session->connection == NULL)
        return PASS_ON;
    (void)call_refuse(call, REFUSAL_LOADING);
    return PASS_REFUSED;
}

/* Commands that a session under RESP2 may still send once it is subscribed. */
static bool may_while_hearing(const struct command *command)
{
    static const struct slice allowed[] = {
        { "ping", 4 },       { "subscribe", 9 },    { "ssubscribe", 10 }, { "sunsubscribe", 12 },
        { "unsubscribe", 11 }, { "psubscribe", 10 }, { "punsubscribe", 12 }, { "quit", 4 },
        { "reset", 5 },
    };

    for (size_t i = 0; i < sizeof(allowed) / sizeof(allowed[0]); i++) {
        if (slice_equal(allowed[i], command_full_name(command)))
            return true;
    }
    return false;
}

enum pass gate_mode(void *nobody, struct call *call)
{
    const struct session *session = call->session;

    (void)nobody;
    if (UNLIKELY(session_only_hears(session)) && !may_while_hearing(call->command)) {
        (void)call_refuse_with(call,
                               "%sCan't execute '%s': only (P|S)SUBSCRIBE / (P|S)UNSUBSCRIBE / "
                               "PING / QUIT / RESET are allowed in this context",
                               refuses_exec(call) ? EXEC_REFUSED : "ERR ",
                               call->command->full_name);
        return PASS_REFUSED;
    }
    if (UNLIKELY(session->is_monitor || session->is_replica) &&
        (call->command->flags & (COMMAND_WRITE | COMMAND_READONLY | COMMAND_MAY_REPLICATE)) != 0) {
        (void)call_refuse_with(call, "ERR Replica can't interact with the keyspace");
        return PASS_REFUSED;
    }
    if (UNLIKELY(session->transaction != NULL) &&
        (call->command->flags & COMMAND_NO_MULTI) != 0) {
        (void)call_refuse(call, REFUSAL_NOT_IN_MULTI);
        return PASS_REFUSED;
    }
    return PASS_ON;
}
