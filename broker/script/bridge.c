/*
 * The table `redis`, but for its calls (bridge_call.c); running a script with it, and what
 * is answered when one fails.
 *
 * Lua leaves C functions by longjmp when it raises an error, so nothing here owns memory
 * while it asks Lua for anything.
 */
#include "broker/script/bridge.h"

#include <lua5.1/lauxlib.h>

#include "broker/dispatch/caller.h"
#include "broker/script/bridge_private.h"
#include "broker/script/lua_reply.h"
#include "broker/script/patience.h"
#include "storage/base/digest.h"
#include "storage/base/log.h"
#include "storage/base/memory.h"
#include "storage/base/must.h"

enum { REPL_NONE = 0, REPL_AOF = 1, REPL_REPLICA = 2, REPL_ALL = 3 };

struct bridge *bridge_new(const struct bridge_setup *setup)
{
    struct bridge *bridge = memory_new_zeroed(1, sizeof(*bridge));

    bridge->setup = *setup;
    return bridge;
}

void bridge_free(struct bridge *bridge)
{
    if (bridge == NULL)
        return;
    if (bridge->pool != NULL) {
        outbox_clear(&bridge->outbox);
        outbox_pool_free(bridge->pool);
    }
    lua_reader_free(bridge->reader);
    memory_free(bridge->words);
    memory_free(bridge);
}

void bridge_allow_all(struct bridge *bridge, bool allow)
{
    bridge->allows_all = allow;
}

/* What is made for the first script there is. */
static void make_ready(struct bridge *bridge)
{
    if (bridge->reader != NULL)
        return;
    bridge->reader = lua_reader_new();
    bridge->pool = outbox_pool_new();
    outbox_init(&bridge->outbox, bridge->pool);
}

/* ---- The table ---- */

static bool ends_line(char byte)
{
    return byte == '\r' || byte == '\n';
}

static int redis_error_reply(lua_State *lua)
{
    size_t len;
    const char *text;
    bool coded;

    if (lua_gettop(lua) != 1 || lua_type(lua, 1) != LUA_TSTRING) {
        lua_push_error(lua, SLICE("ERR wrong number or type of arguments"), false);
        return 1;
    }
    text = lua_tolstring(lua, 1, &len);
    if (len > 0 && text[0] == '-') {
        text++;
        len--;
    }
    /* A line without a code gets the common one, and begins with its first word. */
    coded = memchr(text, ' ', len) != NULL;
    for (; !coded && len > 0 && ends_line(text[0]); len--)
        text++;
    lua_pushstring(lua, coded ? "" : "ERR ");
    lua_pushlstring(lua, text, len);
    lua_concat(lua, 2);
    lua_createtable(lua, 0, 1);
    lua_insert(lua, -2);
    lua_setfield(lua, -2, "err");
    return 1;
}

static int redis_status_reply(lua_State *lua)
{
    if (lua_gettop(lua) != 1 || lua_type(lua, 1) != LUA_TSTRING) {
        lua_push_error(lua, SLICE("ERR wrong number or type of arguments"), false);
        return 1;
    }
    lua_createtable(lua, 0, 1);
    lua_insert(lua, -2);
    lua_setfield(lua, -2, "ok");
    return 1;
}

static int redis_sha1hex(lua_State *lua)
{
    unsigned char digest[DIGEST_SHA1_SIZE];
    char hex[2 * DIGEST_SHA1_SIZE + 1];
    size_t len = 0;
    const char *text;

    if (lua_gettop(lua) != 1)
        return bridge_raise(lua, "ERR wrong number of arguments");
    text = lua_tolstring(lua, 1, &len);
    digest_sha1(slice_of(text, text != NULL ? len : 0), digest);
    digest_hex(digest, sizeof(digest), hex);
    lua_pushstring(lua, hex);
    return 1;
}

static int redis_log(lua_State *lua)
{
    struct bridge *bridge = bridge_of(lua);
    int count = lua_gettop(lua);
    int level;

    if (count < 2)
        return bridge_raise(lua, "ERR redis.log() requires two arguments or more.");
    if (!lua_isnumber(lua, 1))
        return bridge_raise(lua, "ERR First argument must be a number (log level).");
    level = (int)lua_tonumber(lua, 1);
    if (level < LOG_DEBUG || level > LOG_WARNING)
        return bridge_raise(lua, "ERR Invalid debug level.");
    lua_pushliteral(lua, "");
    for (int i = 2; i <= count; i++) {
        if (!lua_isstring(lua, i))
            continue;
        lua_pushstring(lua, i > 2 ? " " : "");
        lua_pushvalue(lua, i);
        lua_concat(lua, 3);
    }
    log_line(bridge->setup.log, (enum log_level)level, "%s", lua_tostring(lua, -1));
    return 0;
}

static int redis_setresp(lua_State *lua)
{
    struct bridge *bridge = bridge_of(lua);
    int version;

    if (lua_gettop(lua) != 1)
        return bridge_raise(lua, "ERR redis.setresp() requires one argument.");
    version = (int)lua_tonumber(lua, 1);
    if (version != 2 && version != 3)
        return bridge_raise(lua, "ERR RESP version must be 2 or 3.");
    if (bridge->run != NULL)
        bridge->run->resp3 = version == 3;
    return 0;
}

/* The AOF and the replicas hear one feed: either both are told or neither. */
static int redis_set_repl(lua_State *lua)
{
    struct bridge *bridge = bridge_of(lua);
    int flags;

    if (lua_gettop(lua) != 1)
        return bridge_raise(lua, "ERR redis.set_repl() requires two arguments.");
    flags = (int)lua_tonumber(lua, 1);
    if (flags < REPL_NONE || flags > REPL_ALL)
        return bridge_raise(
            lua, "ERR Invalid replication flags. Use REPL_AOF, REPL_REPLICA, REPL_ALL or "
                 "REPL_NONE.");
    if (bridge->run != NULL) {
        unsigned audience = AUDIENCE_NOBODY;

        if ((flags & REPL_AOF) != 0)
            audience |= AUDIENCE_LOG;
        if ((flags & REPL_REPLICA) != 0)
            audience |= AUDIENCE_REPLICAS;
        ledger_set_audience(bridge->run->call->ledger, (enum ledger_audience)audience);
    }
    return 0;
}

/* Effects are what is told, always. */
static int redis_replicate_commands(lua_State *lua)
{
    lua_pushboolean(lua, 1);
    return 1;
}

/* There is no debugger. */
static int redis_breakpoint(lua_State *lua)
{
    lua_pushboolean(lua, 0);
    return 1;
}

static int redis_debug(lua_State *lua)
{
    (void)lua;
    return 0;
}

static int redis_acl_check_cmd(lua_State *lua)
{
    struct bridge *bridge = bridge_of(lua);
    size_t count = (size_t)lua_gettop(lua);
    const char *wrong = bridge_read_words(bridge, lua, count);
    const struct command *command;

    if (wrong != NULL)
        return bridge_raise(lua, wrong);
    command = bridge_find_command(bridge, count);
    if (command == NULL || command->run == NULL)
        return bridge_raise(lua, "ERR Invalid command passed to redis.acl_check_cmd()");
    if (bridge->run == NULL)
        return bridge_raise(
            lua, "ERR redis.acl_check_cmd can only be called inside a script invocation");
    lua_pushboolean(lua, bridge->setup.may(bridge->setup.may_who, bridge->run->call->session,
                                           command, bridge->words, count));
    return 1;
}

/* ---- Making the table ---- */

static void set_function(struct bridge *bridge, lua_State *lua, const char *name,
                         lua_CFunction function)
{
    lua_pushlightuserdata(lua, bridge);
    lua_pushcclosure(lua, function, 1);
    lua_setfield(lua, -2, name);
}

static void set_number(lua_State *lua, const char *name, int number)
{
    lua_pushnumber(lua, number);
    lua_setfield(lua, -2, name);
}

/* "7.0.15" as 0x0007000f. */
static int version_number(const char *version)
{
    int number = 0;
    int part = 0;

    for (; *version != '\0'; version++) {
        if (*version == '.') {
            number = (number | part) << 8;
            part = 0;
        } else {
            part = part * 10 + (*version - '0');
        }
    }
    return number | part;
}

void bridge_push_for_loading(struct bridge *bridge, lua_State *lua)
{
    lua_newtable(lua);
    set_number(lua, "LOG_DEBUG", LOG_DEBUG);
    set_number(lua, "LOG_VERBOSE", LOG_VERBOSE);
    set_number(lua, "LOG_NOTICE", LOG_NOTICE);
    set_number(lua, "LOG_WARNING", LOG_WARNING);
    lua_pushstring(lua, bridge->setup.version);
    lua_setfield(lua, -2, "REDIS_VERSION");
    set_number(lua, "REDIS_VERSION_NUM", version_number(bridge->setup.version));
    set_function(bridge, lua, "log", redis_log);
}

void bridge_push(struct bridge *bridge, lua_State *lua, bool for_functions)
{
    static const struct luaL_Reg functions[] = {
        { "call", bridge_call },
        { "pcall", bridge_pcall },
        { "error_reply", redis_error_reply },
        { "status_reply", redis_status_reply },
        { "sha1hex", redis_sha1hex },
        { "setresp", redis_setresp },
        { "set_repl", redis_set_repl },
        { "acl_check_cmd", redis_acl_check_cmd },
    };

    bridge_push_for_loading(bridge, lua);
    for (size_t i = 0; i < sizeof(functions) / sizeof(functions[0]); i++)
        set_function(bridge, lua, functions[i].name, functions[i].func);
    if (!for_functions) {
        set_function(bridge, lua, "replicate_commands", redis_replicate_commands);
        set_function(bridge, lua, "breakpoint", redis_breakpoint);
        set_function(bridge, lua, "debug", redis_debug);
    }
    set_number(lua, "REPL_NONE", REPL_NONE);
    set_number(lua, "REPL_AOF", REPL_AOF);
    set_number(lua, "REPL_SLAVE", REPL_REPLICA);
    set_number(lua, "REPL_REPLICA", REPL_REPLICA);
    set_number(lua, "REPL_ALL", REPL_ALL);
}

/* ---- Running ---- */

int bridge_on_error(lua_State *lua)
{
    lua_Debug place;
    bool known = lua_getstack(lua, 1, &place) && lua_getinfo(lua, "Sl", &place);

    /* A function in C, redis.call say: the place is where it was called. */
    if (known && place.what[0] == 'C')
        known = lua_getstack(lua, 2, &place) && lua_getinfo(lua, "Sl", &place);
    if (!lua_istable(lua, 1)) {
        const char *text = lua_tostring(lua, 1);

        lua_createtable(lua, 0, 3);
        if (lua_isboolean(lua, 1))
            text = lua_toboolean(lua, 1) ? "true" : "false";
        lua_pushfstring(lua, "ERR %s", text != NULL ? text : luaL_typename(lua, 1));
        lua_setfield(lua, -2, "err");
        lua_replace(lua, 1);
    }
    if (known) {
        lua_pushliteral(lua, "source");
        lua_pushstring(lua, place.source);
        lua_rawset(lua, 1);
        lua_pushliteral(lua, "line");
        lua_pushnumber(lua, place.currentline);
        lua_rawset(lua, 1);
    }
    lua_settop(lua, 1);
    return 1;
}

/* A text of the error on top of the stack, which stays: "err", "source". Empty if it has none. */
static struct slice error_field(lua_State *lua, const char *name)
{
    size_t len;
    const char *at;

    lua_pushstring(lua, name);
    lua_rawget(lua, -2);
    /* The text belongs to the table, which stays; a number becomes its text there. */
    at = lua_isstring(lua, -1) ? lua_tolstring(lua, -1, &len) : NULL;
    if (at != NULL) {
        lua_pushstring(lua, name);
        lua_pushvalue(lua, -2);
        lua_rawset(lua, -4);
    }
    lua_pop(lua, 1);
    return slice_of(at, at != NULL ? len : 0);
}

struct slice bridge_error_text(lua_State *lua)
{
    struct slice err = SLICE("");

    if (lua_istable(lua, -1)) {
        err = error_field(lua, "err");
    } else if (lua_type(lua, -1) == LUA_TSTRING) {
        err.at = lua_tolstring(lua, -1, &err.len);
    }
    return err.len > 0 ? err : SLICE("ERR unknown error");
}

/* Answers with the error on top of the stack. */
static void reply_failure(lua_State *lua, const struct script_run *run)
{
    struct reply *reply = run->call->reply;
    struct error_counts *counts = reply->counts;
    struct buffer line = { 0 };
    struct slice source;

    if (!lua_istable(lua, -1)) {
        /* An error in handling an error; Lua has a text for it. */
        buffer_add(&line, SLICE("ERR "));
        buffer_add(&line, bridge_error_text(lua));
        reply_error(reply, buffer_slice(&line));
        buffer_clear(&line);
        return;
    }
    source = error_field(lua, "source");
    buffer_add(&line, bridge_error_text(lua));
    buffer_add(&line, SLICE(" script: "));
    buffer_add(&line, run->name);
    if (source.len > 0) {
        lua_getfield(lua, -1, "line");
        buffer_print(&line, ", on %.*s:%d.", (int)source.len, source.at,
                     (int)lua_tonumber(lua, -1));
        lua_pop(lua, 1);
    }
    lua_getfield(lua, -1, "ignore_error_stats_update");
    if (lua_toboolean(lua, -1))
        reply->counts = NULL;
    lua_pop(lua, 1);
    reply_error(reply, buffer_slice(&line));
    reply->counts = counts;
    buffer_clear(&line);
}

enum verdict bridge_run(struct bridge *bridge, lua_State *lua, struct script_run *run,
                        int arguments)
{
    struct call *call = run->call;
    uint32_t db = call->session->db;
    int base = lua_gettop(lua) - arguments;
    int status;

    make_ready(bridge);
    must(bridge->run == NULL);
    bridge->run = run;
    lua_pushcfunction(lua, bridge_on_error);
    lua_insert(lua, base);
    patience_begin(bridge->setup.patience, lua, run);
    status = lua_pcall(lua, arguments, 1, base);
    patience_end(bridge->setup.patience, lua);
    bridge->run = NULL;
    call->session->db = db;
    ledger_set_audience(call->ledger, AUDIENCE_ALL);
    ledger_say_nothing(call->ledger);
    if (status == 0)
        lua_reply_write(lua, call->reply, run->resp3);
    else
        reply_failure(lua, run);
    lua_settop(lua, base - 1);
    return status == 0 ? VERDICT_DONE : VERDICT_REFUSED;
}

enum refusal bridge_refuses(const struct bridge *bridge, struct script_run *run,
                            bool read_only_command)
{
    const uint32_t exempt = SCRIPT_SAYS_NOTHING | SCRIPT_NO_WRITES;

    run->over_memory = bridge->setup.is_over_memory(bridge->setup.is_over_memory_who);
    if ((run->flags & exempt) == 0 && read_only_command)
        return REFUSAL_SCRIPT_WRITES;
    if ((run->flags & (exempt | SCRIPT_ALLOW_OOM)) == 0 && run->over_memory)
        return REFUSAL_OUT_OF_MEMORY;
    return bridge->setup.stands_in_way(bridge->setup.stands_in_way_who, run->call->session,
                                       (run->flags & exempt) == 0,
                                       (run->flags & SCRIPT_ALLOW_STALE) != 0);
}
