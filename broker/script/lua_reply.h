/*
 * Replies as values of Lua, and values of Lua as replies.
 *
 *   +OK            { ok = "OK" }           :7    7
 *   -ERR no        { err = "ERR no" }      $3    "abc"
 *   $-1 *-1        false                   *2    { 1, 2 }
 *
 *   under RESP3 besides
 *   _   nil            #t  true            ,1.5  { double = 1.5 }
 *   %1  { map = { k = v } }                ~1    { set = { a = true } }
 *   (12 { big_number = "12" }              =txt  { verbatim_string = { string, format } }
 *
 * The other way, a number loses its fraction, and a table without one of those
 * fields is an array up to its first nil.
 *
 * Source: the documentation of Redis, "Lua API reference", data type conversion.
 */
#ifndef BROKER_SCRIPT_LUA_REPLY_H
#define BROKER_SCRIPT_LUA_REPLY_H

#include <lua5.1/lua.h>
#include <stdbool.h>

#include "broker/protocol/reply.h"

struct lua_reader;

/* Reads replies into machines, one at a time. */
struct lua_reader *lua_reader_new(void);
void lua_reader_free(struct lua_reader *reader);

/*
 * Takes the one reply that is in the outbox, which is empty afterwards, and
 * pushes it on the stack of `lua`: the machine, or a coroutine of it. Errors
 * are tables marked as counted. `resp3` tells how it was written. False with
 * nothing pushed if the stack of Lua has no room for it.
 */
bool lua_reader_take(struct lua_reader *reader, lua_State *lua, struct outbox *outbox,
                     bool resp3);

/*
 * Writes the value on top of the stack as a reply and takes it away. With
 * `script_resp3` booleans are told as such.
 */
void lua_reply_write(lua_State *lua, struct reply *reply, bool script_resp3);

/* Pushes a table { err = line }; `counted`: the error is in the statistics already. */
void lua_push_error(lua_State *lua, struct slice line, bool counted);

#endif
