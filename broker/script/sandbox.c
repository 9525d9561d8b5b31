/*
 * Each function here that has the name of one of Lua's own does what that does,
 * and one thing besides. Those that guard a change call the original, which is
 * their upvalue.
 */
#include "broker/script/sandbox.h"

#include <limits.h>
#include <lua5.1/lauxlib.h>
#include <math.h>

#include "broker/script/engine.h"
#include "broker/script/libraries.h"

enum {
    TEXT_MOST = 1 << 29, /* bytes of a script */
    PLACES_MOST = 1000000 /* in front of the first of a table, to be moved */
};

/* ---- Chance ---- */

void chance_seed(struct chance *chance, int32_t seed)
{
    chance->state = ((uint64_t)(uint32_t)seed << 16) | 0x330E;
}

/* A number from 0 to 2147483647. */
static int32_t chance_next(struct chance *chance)
{
    chance->state = (chance->state * UINT64_C(0x5DEECE66D) + 0xB) & UINT64_C(0xFFFFFFFFFFFF);
    return (int32_t)(chance->state >> 17);
}

/* math.random([m [, n]]) */
static int math_random(lua_State *lua)
{
    struct chance *chance = lua_touserdata(lua, lua_upvalueindex(1));
    double fraction = (double)(chance_next(chance) % INT32_MAX) / (double)INT32_MAX;
    int least;
    int most;

    switch (lua_gettop(lua)) {
    case 0:
        lua_pushnumber(lua, fraction);
        return 1;
    case 1:
        most = luaL_checkint(lua, 1);
        luaL_argcheck(lua, 1 <= most, 1, "interval is empty");
        lua_pushnumber(lua, floor(fraction * most) + 1);
        return 1;
    case 2:
        least = luaL_checkint(lua, 1);
        most = luaL_checkint(lua, 2);
        luaL_argcheck(lua, least <= most, 2, "interval is empty");
        lua_pushnumber(lua, floor(fraction * ((double)most - least + 1)) + least);
        return 1;
    default:
        return luaL_error(lua, "wrong number of arguments");
    }
}

/* math.randomseed(seed) */
static int math_randomseed(lua_State *lua)
{
    struct chance *chance = lua_touserdata(lua, lua_upvalueindex(1));

    chance_seed(chance, luaL_checkint(lua, 1));
    return 0;
}

/* ---- Code ---- */

/* What is still to be given to the compiler. */
struct pieces {
    struct slice text;
    bool blank; /* to be put in front */
};

static const char *next_piece(lua_State *lua, void *who, size_t *size)
{
    struct pieces *pieces = who;
    struct slice piece = pieces->text;

    (void)lua;
    if (pieces->blank) {
        pieces->blank = false;
        *size = 1;
        return " ";
    }
    pieces->text = slice_of(NULL, 0);
    *size = piece.len;
    return piece.at;
}

bool sandbox_load(lua_State *lua, struct slice text, const char *name)
{
    /* Lua takes for bytecode what begins with its signature; behind a blank it is bad text. */
    struct pieces pieces = { text, text.len > 0 && text.at[0] == LUA_SIGNATURE[0] };
    bool fine;

    if (text.len > TEXT_MOST) {
        lua_pushliteral(lua, "chunk has too many bytes"); /* it counts some of them in an int */
        return false;
    }
    lua_pushstring(lua, name); /* the compiler keeps the same string, and not from the collector */
    fine = lua_load(lua, next_piece, &pieces, name) == 0;
    lua_remove(lua, -2);
    return fine;
}

static int loaded(lua_State *lua, bool fine)
{
    if (fine)
        return 1;
    lua_pushnil(lua);
    lua_insert(lua, -2);
    return 2;
}

/* loadstring(text [, name]) */
static int base_loadstring(lua_State *lua)
{
    size_t len;
    const char *text = luaL_checklstring(lua, 1, &len);
    const char *name = luaL_optstring(lua, 2, text);

    return loaded(lua, sandbox_load(lua, slice_of(text, len), name));
}

/* load(pieces [, name]): the pieces are put together first; what is wrong with them is told as what is
 * wrong with the text, and not raised. */
static int base_load(lua_State *lua)
{
    const char *name = luaL_optstring(lua, 2, "=(load)");
    size_t len;
    const char *text;

    luaL_checktype(lua, 1, LUA_TFUNCTION);
    lua_settop(lua, 2);
    lua_pushliteral(lua, "");
    for (;;) {
        lua_pushvalue(lua, 1);
        if (lua_pcall(lua, 0, 1, 0) != 0)
            return loaded(lua, false);
        if (lua_isnil(lua, -1) || (lua_isstring(lua, -1) && lua_objlen(lua, -1) == 0))
            break;
        if (!lua_isstring(lua, -1)) {
            luaL_where(lua, 1);
            lua_pushliteral(lua, "reader function must return a string");
            lua_concat(lua, 2);
            return loaded(lua, false);
        }
        lua_concat(lua, 2);
    }
    lua_pop(lua, 1);
    text = lua_tolstring(lua, 3, &len);
    return loaded(lua, sandbox_load(lua, slice_of(text, len), name));
}

/* ---- Errors ---- */

/* pcall(function, ...): an error that is a table with `err` is told as that text. */
static int base_pcall(lua_State *lua)
{
    int status;

    luaL_checkany(lua, 1);
    status = lua_pcall(lua, lua_gettop(lua) - 1, LUA_MULTRET, 0);
    if (status != 0 && lua_istable(lua, -1)) {
        lua_getfield(lua, -1, "err");
        if (lua_isstring(lua, -1))
            lua_replace(lua, -2);
        else
            lua_pop(lua, 1);
    }
    lua_pushboolean(lua, status == 0);
    lua_insert(lua, 1);
    return lua_gettop(lua);
}

/*
 * xpcall(function, handler). Lua calls a handler where the error is raised, and one that is
 * raised to stop a script cannot stop the handler. Here it is called when all is undone; as
 * there is no debug library, it sees no difference.
 */
static int base_xpcall(lua_State *lua)
{
    int status;

    luaL_checkany(lua, 2);
    lua_settop(lua, 2);
    lua_insert(lua, 1); /* handler function */
    status = lua_pcall(lua, 0, LUA_MULTRET, 0); /* handler error */
    if (status == LUA_ERRRUN) {
        if (lua_pcall(lua, 1, 1, 0) != 0) {
            lua_pop(lua, 1);
            lua_pushliteral(lua, "error in error handling");
        }
        lua_pushnil(lua); /* where the handler was */
        lua_insert(lua, 1);
    }
    lua_pushboolean(lua, status == 0);
    lua_replace(lua, 1);
    return lua_gettop(lua);
}

/* ---- Tables ---- */

/* unpack(table [, first [, last]]): Lua's own counts them in an int, and too many are few. */
static int base_unpack(lua_State *lua)
{
    int64_t first;
    int64_t last;

    luaL_checktype(lua, 1, LUA_TTABLE);
    first = luaL_optint(lua, 2, 1);
    last = lua_isnoneornil(lua, 3) ? (int64_t)lua_objlen(lua, 1) : luaL_checkint(lua, 3);
    if (first > last)
        return 0;
    if (last - first >= INT_MAX || !lua_checkstack(lua, (int)(last - first + 1)))
        return luaL_error(lua, "too many results to unpack");
    for (int64_t i = first; i <= last; i++)
        lua_rawgeti(lua, 1, (int)i);
    return (int)(last - first + 1);
}

/* ---- Stand-ins ---- */

static int refuse(lua_State *lua)
{
    lua_pushliteral(lua, "Attempt to modify a readonly table");
    return lua_error(lua);
}

/*
 * Goes on as the original, unless its first argument may not be changed. That is in the same frame,
 * so that what is wrong with an argument is told by the script's name for it, and its line.
 */
static int guarded(lua_State *lua)
{
    if (engine_push_real(lua, 1))
        return refuse(lua);
    return lua_tocfunction(lua, lua_upvalueindex(1))(lua);
}

/*
 * table.insert(table [, place], value): Lua moves all from the place on, also where nothing is,
 * and nobody can stop it meanwhile.
 */
static int guarded_insert(lua_State *lua)
{
    if (lua_gettop(lua) == 3 && lua_istable(lua, 1) && lua_isnumber(lua, 2) &&
        (int32_t)lua_tointeger(lua, 2) < -PLACES_MOST)
        return luaL_argerror(lua, 2, "position out of bounds");
    return guarded(lua);
}

/* next(table [, key]) */
static int base_next(lua_State *lua)
{
    luaL_checktype(lua, 1, LUA_TTABLE);
    lua_settop(lua, 2);
    if (engine_push_real(lua, 1))
        lua_replace(lua, 1);
    if (lua_next(lua, 1) != 0)
        return 2;
    lua_pushnil(lua);
    return 1;
}

/* pairs(table): the upvalues are Lua's own next, and the one that knows stand-ins. */
static int base_pairs(lua_State *lua)
{
    luaL_checktype(lua, 1, LUA_TTABLE);
    lua_pushvalue(lua, lua_upvalueindex(engine_push_real(lua, 1) ? 2 : 1));
    lua_pushvalue(lua, 1);
    lua_pushnil(lua);
    return 3;
}

/* rawget(table, key) */
static int base_rawget(lua_State *lua)
{
    luaL_checktype(lua, 1, LUA_TTABLE);
    luaL_checkany(lua, 2);
    lua_settop(lua, 2);
    if (engine_push_real(lua, 1))
        lua_replace(lua, 1);
    lua_rawget(lua, 1);
    return 1;
}

/* ---- What is seen ---- */

/* Replaces a field of the table on top by a closure that has the original as its upvalue. */
static void guard_field(lua_State *lua, const char *name, lua_CFunction by)
{
    lua_getfield(lua, -1, name);
    lua_pushcclosure(lua, by, 1);
    lua_setfield(lua, -2, name);
}

static void set_function(lua_State *lua, const char *name, lua_CFunction function)
{
    lua_pushcfunction(lua, function);
    lua_setfield(lua, -2, name);
}

static void set_chance(lua_State *lua, const char *name, lua_CFunction function,
                       struct chance *chance)
{
    lua_pushlightuserdata(lua, chance);
    lua_pushcclosure(lua, function, 1);
    lua_setfield(lua, -2, name);
}

/* Copies globals by name into the table on top. */
static void copy_globals(lua_State *lua)
{
    static const char *const names[] = {
        "assert",   "collectgarbage", "error",  "gcinfo",   "getmetatable", "ipairs", "next",
        "pairs",    "rawequal",       "rawget", "rawset",   "select",       "setmetatable",
        "tonumber", "tostring",       "type",   "unpack",   "xpcall",       "_VERSION",
        "coroutine", "string",        "table",  "math",
    };

    for (size_t i = 0; i < sizeof(names) / sizeof(names[0]); i++) {
        lua_getglobal(lua, names[i]);
        lua_setfield(lua, -2, names[i]);
    }
}

/* Of `os` the clock alone, which newer versions of Redis show. */
static void copy_clock(lua_State *lua)
{
    lua_createtable(lua, 0, 1);
    lua_getglobal(lua, "os");
    lua_getfield(lua, -1, "clock");
    lua_setfield(lua, -3, "clock");
    lua_pop(lua, 1);
    lua_setfield(lua, -2, "os");
}

static void fill_math(lua_State *lua, struct chance *chance)
{
    lua_getfield(lua, -1, "math");
    set_chance(lua, "random", math_random, chance);
    set_chance(lua, "randomseed", math_randomseed, chance);
    lua_pop(lua, 1);
}

void sandbox_fill(lua_State *lua, struct chance *chance)
{
    copy_globals(lua);
    copy_clock(lua);
    fill_math(lua, chance);
    set_function(lua, "loadstring", base_loadstring);
    set_function(lua, "load", base_load);
    set_function(lua, "pcall", base_pcall);
    set_function(lua, "xpcall", base_xpcall);
    set_function(lua, "unpack", base_unpack);
    set_function(lua, "rawget", base_rawget);
    lua_getfield(lua, -1, "next");
    lua_pushcfunction(lua, base_next);
    lua_pushcclosure(lua, base_pairs, 2);
    lua_setfield(lua, -2, "pairs");
    set_function(lua, "next", base_next);
    guard_field(lua, "rawset", guarded);
    guard_field(lua, "setmetatable", guarded);
    lua_getfield(lua, -1, "string");
    library_bound_strings(lua);
    lua_pop(lua, 1);
    lua_getfield(lua, -1, "table");
    guard_field(lua, "insert", guarded_insert); /* others find nothing in a stand-in to change */
    lua_pop(lua, 1);
}
