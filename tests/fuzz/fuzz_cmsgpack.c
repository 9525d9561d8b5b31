/*
 * Fuzzes cmsgpack.unpack: whatever is unpacked can be packed, and what that
 * gives is unpacked to as many values again, which can be packed too. Not to the
 * same bytes: tables have no place for nil, which too deep a table becomes; and
 * not at all if that was a key.
 */
#include <stdbool.h>
#include <stdint.h>
#include <stdlib.h>

#include <lua5.1/lauxlib.h>

#include "broker/script/libraries.h"
#include "storage/base/must.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

enum { VALUES_MOST = 64 };

/* Calls a function of the library with `arguments` values on the stack; how many results, or -1. */
static int call(lua_State *lua, const char *name, int arguments)
{
    int base = lua_gettop(lua) - arguments;

    lua_getfield(lua, 1, name);
    lua_insert(lua, base + 1);
    if (lua_pcall(lua, arguments, LUA_MULTRET, 0) == 0)
        return lua_gettop(lua) - base;
    lua_settop(lua, base);
    return -1;
}

/* Packs the values on top of the stack, takes them, and leaves the bytes. */
static bool pack(lua_State *lua, int values)
{
    return call(lua, "pack", values) == 1;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    lua_State *lua = luaL_newstate();
    int values;
    int again;

    library_msgpack_push(lua);
    lua_pushlstring(lua, (const char *)data, size);
    values = call(lua, "unpack", 1);
    if (values > 0 && values <= VALUES_MOST) {
        must(pack(lua, values));
        lua_pushvalue(lua, -1);
        again = call(lua, "unpack", 1);
        must(again == values || again == -1);
        must(again == -1 || pack(lua, values));
    }
    lua_close(lua);
    return 0;
}
