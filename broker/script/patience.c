/*
 * The hook of the machine counts instructions; it looks at the clock every so
 * many of them. When a run is killed the hook raises an error at every
 * instruction, so that no pcall of the script can keep it alive.
 */
#include "broker/script/patience.h"

#include <lua5.1/lauxlib.h>

#include "broker/config/options.h"
#include "broker/dispatch/transaction.h"
#include "broker/net/connection.h"
#include "broker/net/loop.h"
#include "broker/script/lua_reply.h"
#include "storage/base/log.h"
#include "storage/base/memory.h"
#include "storage/base/must.h"

enum {
    INSTRUCTIONS = 100000, /* between looks at the clock: about a millisecond */
    BETWEEN_LOOKS = 10     /* milliseconds between readings of input while a script is busy */
};

/* Where the registry of a machine has the patience: the hook gets no argument of ours. */
static const char place = 'p';

struct patience {
    struct patience_setup setup;
    struct script_run *run;
    lua_State *lua; /* the machine that runs it */
    millis looked; /* when input was last read */
};

struct patience *patience_new(const struct patience_setup *setup)
{
    struct patience *patience = memory_new_zeroed(1, sizeof(*patience));

    patience->setup = *setup;
    return patience;
}

void patience_free(struct patience *patience)
{
    memory_free(patience);
}

const struct script_run *patience_run(const struct patience *patience)
{
    return patience->run;
}

static millis now_of(const struct patience *patience)
{
    return clock_monotonic(patience->setup.clock) / 1000;
}

millis patience_took(const struct patience *patience)
{
    return patience->run != NULL ? now_of(patience) - patience->run->began : 0;
}

static void raise_killed(lua_State *lua, lua_Debug *activation)
{
    (void)activation;
    lua_push_error(lua, SLICE("ERR Script killed by user with SCRIPT KILL..."), false);
    (void)lua_error(lua);
}

/* The server ends: what a script did so far was never acknowledged, nor will it be. */
static void give_up(struct patience *patience)
{
    ledger_unsay(patience->run->call->ledger);
    patience->run->killed = true;
}

/* The script's own connection is not read from: its request is still being looked at. */
static void become_busy(struct patience *patience)
{
    struct script_run *run = patience->run;
    struct connection *connection = run->call->session->connection;

    run->busy = true;
    patience->setup.keep(patience->setup.keep_who);
    if (connection != NULL)
        connection_pause_reading(connection, true);
    log_line(patience->setup.log, LOG_WARNING,
             "Slow script detected: still in execution after %lld milliseconds. You can try killing "
             "the script using the %s command. Script name is: %.*s.",
             (long long)patience_took(patience),
             run->is_function ? "FUNCTION KILL" : "SCRIPT KILL", (int)run->name.len,
             run->name.at);
}

static void look(lua_State *lua, lua_Debug *activation)
{
    struct patience *patience;
    struct script_run *run;
    millis now;

    lua_pushlightuserdata(lua, (void *)(uintptr_t)&place);
    lua_rawget(lua, LUA_REGISTRYINDEX);
    patience = lua_touserdata(lua, -1);
    lua_pop(lua, 1);
    run = patience->run;
    now = now_of(patience);
    if (run == NULL || now - run->began < patience->setup.options->busy_reply_threshold)
        return;
    if (!run->busy)
        become_busy(patience);
    if (now - patience->looked >= BETWEEN_LOOKS && !run->killed) {
        patience->looked = now;
        loop_meanwhile(patience->setup.loop, connections_meanwhile, patience->setup.connections);
        if (loop_is_stopped(patience->setup.loop))
            give_up(patience);
    }
    if (run->killed) {
        /* The machine itself too: a coroutine that is stopped returns to it. */
        lua_sethook(patience->lua, raise_killed, LUA_MASKLINE | LUA_MASKCOUNT, 1);
        lua_sethook(lua, raise_killed, LUA_MASKLINE | LUA_MASKCOUNT, 1);
        raise_killed(lua, activation);
    }
}

void patience_begin(struct patience *patience, lua_State *lua, struct script_run *run)
{
    must(patience->run == NULL);
    patience->run = run;
    patience->lua = lua;
    run->began = run->call->began / 1000;
    patience->looked = run->began;
    if (patience->setup.options->busy_reply_threshold <= 0)
        return;
    lua_pushlightuserdata(lua, (void *)(uintptr_t)&place);
    lua_pushlightuserdata(lua, patience);
    lua_rawset(lua, LUA_REGISTRYINDEX);
    lua_sethook(lua, look, LUA_MASKCOUNT, INSTRUCTIONS);
}

void patience_end(struct patience *patience, lua_State *lua)
{
    struct connection *connection = patience->run->call->session->connection;

    lua_sethook(lua, NULL, 0, 0);
    if (patience->run->busy && connection != NULL)
        connection_pause_reading(connection, false);
    patience->run = NULL;
}

static enum refusal busy_refusal(const struct patience *patience)
{
    return patience->run->is_function ? REFUSAL_FUNCTION_BUSY : REFUSAL_SCRIPT_BUSY;
}

enum refusal patience_kill(struct patience *patience, bool function)
{
    struct script_run *run = patience->run;

    if (run == NULL)
        return REFUSAL_SCRIPT_NONE;
    if (run->is_function != function)
        return busy_refusal(patience);
    if (run->wrote)
        return REFUSAL_SCRIPT_UNKILLABLE;
    run->killed = true;
    return REFUSAL_NONE;
}

bool patience_refuses(const struct patience *patience, struct call *call)
{
    if (patience->run == NULL || !patience->run->busy)
        return false;
    (void)call_refuse(call, busy_refusal(patience));
    return true;
}

/* An EXEC that comes meanwhile is over with its transaction. */
static void abort_transaction(struct patience *patience, struct call *call)
{
    struct slice line = refusal_line(busy_refusal(patience));

    transaction_end(call->session);
    patience->setup.unwatch(patience->setup.unwatch_who, call->session);
    (void)call_refuse_with(call, "EXECABORT Transaction discarded because of: %.*s",
                           (int)line.len, line.at);
}

enum pass patience_guard(void *who, struct call *call)
{
    struct patience *patience = who;

    if (LIKELY(patience->run == NULL) || !patience->run->busy ||
        (call->command->flags & COMMAND_ALLOW_BUSY) != 0)
        return PASS_ON;
    if (slice_equal(command_name(call->command), SLICE("exec")))
        abort_transaction(patience, call);
    else
        (void)call_refuse(call, busy_refusal(patience));
    return PASS_REFUSED;
}
