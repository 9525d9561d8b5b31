/*
 * A Lua 5.1 machine in which scripts that are not trusted may run.
 *
 * Scripts see the tables they are given and can change none of them, so that
 * no script leaves anything behind for the next. Stock Lua has no read-only
 * tables; what scripts hold instead of a table is a stand-in, empty, whose
 * metatable looks things up in the real one and refuses every change:
 *
 *     script's `string` ──► {} ──metatable──► { __index = real, __newindex = refuse,
 *                                               __metatable = stand-in of nothing,
 *                                               [mark] = real }
 *
 * The functions that pass metatables by (next, pairs, rawget, rawset,
 * setmetatable, table.insert and kin) are replaced by ones that know stand-ins.
 *
 * What always holds:
 *   (1) No value that a script can reach is a real protected table.
 *   (2) Code is text: a chunk that begins with Lua's signature is refused.
 *   (3) Memory is the house's; a block too large to be meant is refused, which
 *       a script sees as the error "not enough memory".
 */
#ifndef BROKER_SCRIPT_ENGINE_H
#define BROKER_SCRIPT_ENGINE_H

#include <lua5.1/lua.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "storage/base/buffer.h"
#include "storage/base/slice.h"

struct engine;

/* A machine with the standard libraries; nothing is protected yet. `seed` is of math.random. */
struct engine *engine_new(int32_t seed);
void engine_free(struct engine *engine);

/* The machine itself, borrowed. */
lua_State *engine_lua(struct engine *engine);

/* Bytes the machine holds. */
size_t engine_memory(const struct engine *engine);

/* Replaces the table on top of the stack by a stand-in that scripts cannot change. */
void engine_protect(lua_State *lua);

/* If the value at an index is a stand-in, pushes the real table and returns true. */
bool engine_push_real(lua_State *lua, int index);

/*
 * Makes what scripts see of the globals: the names of Redis's list, tables
 * protected. Whatever is to be seen besides is a field of the table on top of
 * the stack, which is taken. To be called once.
 */
void engine_seal(struct engine *engine);

/* Makes it an error to ask the table on top of the stack for a field that it does not have. */
void engine_guard(lua_State *lua);

/*
 * Of a sealed machine: globals are looked up in the table on top of the stack,
 * which is taken, until nil is given in its place.
 */
void engine_look_up_in(struct engine *engine);

/* Sets a global of a sealed machine to the value on top of the stack, which is taken. */
void engine_set_global(struct engine *engine, const char *name);

/*
 * Compiles a text and pushes the function. False if it does not compile: then
 * the trouble is appended to `why` and nothing pushed. `name` as Lua wants it:
 * "@user_script".
 */
bool engine_compile(struct engine *engine, struct slice text, const char *name,
                    struct buffer *why);

#endif
