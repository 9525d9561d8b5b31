/* The libraries of others open themselves; ours push their tables. */
#include "broker/script/libraries.h"

#include <lua5.1/lua-bitop.h>
#include <lua5.1/lua-cjson.h>

/* Opens a library by its function, bounds it, and adds its table under a name. */
static void add(lua_State *lua, const char *name, lua_CFunction open, void (*bound)(lua_State *lua))
{
    lua_pushcfunction(lua, open);
    lua_pushstring(lua, name);
    lua_call(lua, 1, 1);
    bound(lua);
    lua_setfield(lua, -2, name);
}

void libraries_fill(lua_State *lua)
{
    add(lua, "cjson", luaopen_cjson, library_bound_cjson);
    add(lua, "bit", luaopen_bit, library_bound_bit);
    library_struct_push(lua);
    lua_setfield(lua, -2, "struct");
    library_msgpack_push(lua);
    lua_setfield(lua, -2, "cmsgpack");
}
