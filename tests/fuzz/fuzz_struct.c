/*
 * Fuzzes struct.unpack, size and pack: the first line is the format. What is
 * unpacked at the beginning of the bytes can be packed, unless c0 took sizes away.
 */
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <lua5.1/lauxlib.h>

#include "broker/script/libraries.h"
#include "storage/base/must.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

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

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    const uint8_t *end = size > 0 ? memchr(data, '\n', size) : NULL;
    size_t format = end != NULL ? (size_t)(end - data) : size;
    size_t rest = end != NULL ? format + 1 : size;
    lua_State *lua = luaL_newstate();
    int results;

    library_struct_push(lua);
    lua_pushlstring(lua, (const char *)data, format);
    (void)call(lua, "size", 1);
    lua_settop(lua, 1);
    lua_pushlstring(lua, (const char *)data, format);
    lua_pushvalue(lua, -1);
    lua_pushlstring(lua, (const char *)data + rest, size - rest);
    results = call(lua, "unpack", 2);
    if (results > 0) {
        lua_pop(lua, 1); /* where it ended */
        results = call(lua, "pack", results); /* the format is below the values */
        must(results == 1 || memchr(data, '0', format) != NULL);
    }
    lua_close(lua);
    return 0;
}
