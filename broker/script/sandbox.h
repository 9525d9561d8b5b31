/*
 * What scripts see of Lua: the global functions and libraries of Redis's list,
 * with those replaced that could load bytecode or pass stand-ins by.
 */
#ifndef BROKER_SCRIPT_SANDBOX_H
#define BROKER_SCRIPT_SANDBOX_H

#include <lua5.1/lua.h>
#include <stdbool.h>
#include <stdint.h>

#include "storage/base/slice.h"

/* The numbers of math.random: the 48-bit generator of POSIX. */
struct chance {
    uint64_t state;
};
void chance_seed(struct chance *chance, int32_t seed);

/*
 * Adds to the table on top of the stack what scripts see of the standard
 * libraries, which are open. `chance` is borrowed as long as the machine lives.
 */
void sandbox_fill(lua_State *lua, struct chance *chance);

/* Compiles text, never bytecode; pushes the function, or an error and returns false. */
bool sandbox_load(lua_State *lua, struct slice text, const char *name);

#endif
