/*
 * redis.call and redis.pcall: words of Lua become a call within the call of the script, its
 * reply a value of Lua.
 *
 * The words are slices of Lua's own strings, which stand on the stack of the function
 * meanwhile.
 */
#include <lua5.1/lauxlib.h>
#include <math.h>

#include "broker/dispatch/caller.h"
#include "broker/dispatch/naming.h"
#include "broker/script/bridge_private.h"
#include "broker/script/lua_reply.h"
#include "storage/base/memory.h"
#include "storage/base/must.h"

int bridge_raise(lua_State *lua, const char *line)
{
    lua_push_error(lua, slice_text(line), false);
    return lua_error(lua);
}

/* Makes a number on the stack text, as Redis prints it; false if it is neither number nor text. */
static bool make_text(lua_State *lua, int index)
{
    char digits[NUMBER_DOUBLE_MAX + 1];
    lua_Number number;
    size_t len = 0;

    if (lua_type(lua, index) == LUA_TSTRING)
        return true;
    if (lua_type(lua, index) != LUA_TNUMBER)
        return false;
    number = lua_tonumber(lua, index);
    /* What 0/0 is has a sign, and Redis shows it. */
    if (number != number && signbit(number))
        digits[len++] = '-';
    len += number_put_double(digits + len, number);
    lua_pushlstring(lua, digits, len);
    lua_replace(lua, index);
    return true;
}

const char *bridge_read_words(struct bridge *bridge, lua_State *lua, size_t count)
{
    if (count == 0)
        return "ERR Please specify at least one argument for this redis lib call";
    if (count > bridge->capacity) {
        bridge->capacity = count < 16 ? 16 : count * 2;
        bridge->words = memory_resize(bridge->words, bridge->capacity * sizeof(struct slice));
    }
    for (size_t i = 0; i < count; i++) {
        size_t len;
        const char *at;

        if (!make_text(lua, (int)i + 1))
            return "ERR Lua redis lib command arguments must be strings or integers";
        at = lua_tolstring(lua, (int)i + 1, &len);
        bridge->words[i] = slice_of(at, len);
    }
    return NULL;
}

/*
 * Whether the words are XREAD or XREADGROUP that would wait. What is wrong in front of BLOCK
 * is left to the command, which says so.
 */
static bool asks_to_wait(const struct command *command, const struct slice *words, size_t count)
{
    bool group = slice_equal(command_name(command), SLICE("xreadgroup"));

    if (LIKELY(!group && !slice_equal(command_name(command), SLICE("xread"))))
        return false;
    for (size_t i = group ? 4 : 1; i < count; i++) {
        int64_t number;

        if (slice_equal_nocase(words[i], SLICE("streams")))
            return false;
        if (slice_equal_nocase(words[i], SLICE("block")))
            return true;
        if (slice_equal_nocase(words[i], SLICE("count")) && i + 1 < count &&
            !number_read(words[++i], &number))
            return false;
    }
    return false;
}

/* Whether a command is not for scripts. None of theirs is: runs do not nest. */
static bool is_forbidden(const struct bridge *bridge, const struct command *command)
{
    return (command->flags & COMMAND_NOSCRIPT) != 0 &&
           (!bridge->allows_all || (command->categories & UINT64_C(1) << CATEGORY_SCRIPTING) != 0);
}

/* Why a script may not call this, or nothing. */
static struct slice objection(const struct bridge *bridge, const struct script_run *run,
                              const struct command *command, size_t count)
{
    if (command == NULL || command_lacks_subcommand(command, count))
        return SLICE("ERR Unknown Redis command called from script");
    if (command->run == NULL || !command_takes(command, count))
        return SLICE("ERR Wrong number of args calling Redis command from script");
    if (is_forbidden(bridge, command))
        return SLICE("ERR This Redis command is not allowed from script");
    if ((run->flags & SCRIPT_NO_WRITES) != 0 &&
        (command->flags & (COMMAND_WRITE | COMMAND_MAY_REPLICATE)) != 0)
        return SLICE("ERR Write commands are not allowed from read-only scripts.");
    /* Once it has written it cannot be stopped half way. */
    if (run->over_memory && !run->wrote && (command->flags & COMMAND_DENYOOM) != 0 &&
        (run->flags & SCRIPT_ALLOW_OOM) == 0)
        return refusal_line(REFUSAL_OUT_OF_MEMORY);
    return SLICE("");
}

static void refuse_to_wait(struct reply *reply, struct slice name)
{
    struct buffer line = { 0 };

    buffer_print(&line, "ERR %.*s command is not allowed with BLOCK option from scripts",
                 (int)name.len, name.at);
    reply_error(reply, buffer_slice(&line));
    buffer_clear(&line);
}

/* Whether a command may not run because queues are full; then that is the reply. */
static bool refuse_queue(const struct bridge *bridge, const struct command *command,
                         struct reply *reply)
{
    struct buffer line = { 0 };
    bool refused = bridge->setup.refuses_queue(bridge->setup.refuses_queue_who, command, &line);

    if (refused)
        reply_error(reply, buffer_slice(&line));
    buffer_clear(&line);
    return refused;
}

const struct command *bridge_find_command(struct bridge *bridge, size_t count)
{
    if (UNLIKELY(!naming_is_empty(bridge->setup.naming)) &&
        naming_translate(bridge->setup.naming, &bridge->words[0]) == NAMED_NO_MORE)
        return NULL;
    return command_find(bridge->words, count);
}

/* Runs the words; the reply is in the outbox afterwards. Whether it is no error. */
static bool run_words(struct bridge *bridge, size_t count)
{
    struct script_run *run = bridge->run;
    struct call *call = run->call;
    const struct command *command = bridge_find_command(bridge, count);
    struct slice line = objection(bridge, run, command, count);
    struct reply reply = { .out = &bridge->outbox,
                           .counts = call->reply->counts,
                           .resp3 = run->resp3 };

    if (line.len > 0) {
        if (command != NULL)
            caller_counts(call->caller)[command->index].rejected++;
        reply_error(&reply, line);
        return false;
    }
    if (UNLIKELY((command->flags & COMMAND_BLOCKING) != 0) &&
        asks_to_wait(command, bridge->words, count)) {
        refuse_to_wait(&reply, bridge->words[0]);
        return false;
    }
    if ((command->flags & COMMAND_WRITE) != 0) {
        if (!run->wrote && refuse_queue(bridge, command, &reply))
            return false;
        run->wrote = true;
    }
    (void)caller_run_within(call->caller, call->session, &reply, command, bridge->words, count);
    return reply.errors == 0;
}

static int call_words(lua_State *lua, bool raises)
{
    struct bridge *bridge = bridge_of(lua);
    size_t count = (size_t)lua_gettop(lua);
    const char *wrong;
    bool fine;

    if (bridge->run == NULL)
        return bridge_raise(lua,
                            "ERR redis.call/pcall can only be called inside a script invocation");
    wrong = bridge_read_words(bridge, lua, count);
    if (wrong != NULL) {
        lua_push_error(lua, slice_text(wrong), false);
        return raises ? lua_error(lua) : 1;
    }
    fine = run_words(bridge, count);
    lua_settop(lua, 0); /* the words are done with, and may have filled the stack */
    if (!lua_reader_take(bridge->reader, lua, &bridge->outbox, bridge->run->resp3))
        return luaL_error(lua, "reached lua stack limit");
    if (raises && !fine && lua_istable(lua, -1))
        return lua_error(lua);
    return 1;
}

int bridge_call(lua_State *lua)
{
    return call_words(lua, true);
}

int bridge_pcall(lua_State *lua)
{
    return call_words(lua, false);
}
