/*
 * The libraries of scripts besides Lua's own: cjson and bit, which are Debian's
 * lua-cjson and lua-bitop, and struct and cmsgpack, which are ours.
 */
#ifndef BROKER_SCRIPT_LIBRARIES_H
#define BROKER_SCRIPT_LIBRARIES_H

#include <lua5.1/lua.h>

/* Adds all of them, as fields, to the table on top of the stack. */
void libraries_fill(lua_State *lua);

/* Pushes the table `struct`: C structs to and from strings. */
void library_struct_push(lua_State *lua);

/* Pushes the table `cmsgpack`: values to and from MessagePack. */
void library_msgpack_push(lua_State *lua);

/*
 * Put bounds in front of functions of others that would end the server, or keep it for
 * long, for some arguments: in the table on top of the stack, which is `string`, `bit`, `cjson`.
 */
void library_bound_strings(lua_State *lua);
void library_bound_bit(lua_State *lua);
void library_bound_cjson(lua_State *lua);

#endif
