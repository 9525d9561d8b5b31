/* What bridge.c and bridge_call.c share. */
#ifndef BROKER_SCRIPT_BRIDGE_PRIVATE_H
#define BROKER_SCRIPT_BRIDGE_PRIVATE_H

#include "broker/script/bridge.h"

struct bridge {
    struct bridge_setup setup;
    struct script_run *run; /* under way, or NULL */
    struct outbox_pool *pool;
    struct outbox outbox; /* the reply of a call within */
    struct lua_reader *reader;
    struct slice *words;
    size_t capacity;
    bool allows_all; /* scripts may call what is not for them */
};

/* The bridge of a function of the table `redis` that Lua has called. */
static inline struct bridge *bridge_of(lua_State *lua)
{
    return lua_touserdata(lua, lua_upvalueindex(1));
}

/* Raises an error of the house: a table, so that Lua puts no place in front. */
int bridge_raise(lua_State *lua, const char *line);

/* Reads the `count` words on the stack of the function into bridge->words; NULL or an error line.
 */
const char *bridge_read_words(struct bridge *bridge, lua_State *lua, size_t count);

/* The command of the words, whatever it is called; its own name is the first of them then. */
const struct command *bridge_find_command(struct bridge *bridge, size_t count);

/* redis.call, which raises the errors that are answered, and redis.pcall, which returns them. */
int bridge_call(lua_State *lua);
int bridge_pcall(lua_State *lua);

#endif
