/*
 * What the libraries of others do not check themselves, checked in front of them: a script
 * must not be able to end the server.
 *
 * 1. Lua's matching goes one call deeper with each repeated or captured item of a pattern.
 * 2. string.rep adds one piece after the other, and nobody can stop it meanwhile.
 * 3. bit.tohex takes the least integer for a number of digits, and writes beyond its own.
 * 4. cjson keeps lengths in an int and makes room for six bytes for each byte of a string; a
 *    result of two gigabytes writes beyond its memory, or ends the process.
 *
 * Each of these is the original with a closure in front that has it as its upvalue.
 */
#include <lua5.1/lauxlib.h>
#include <stdbool.h>
#include <stdint.h>
#include <string.h>

#include "broker/script/libraries.h"

/* Bytes that no string of a script needs to have. */
#define LENGTH_MOST ((size_t)1 << 30)

enum {
    ITEMS_MOST = 4000,     /* repeated or captured in a pattern */
    DIGITS_MOST = 8,       /* of bit.tohex, either way */
    NUMBER_BYTES = 32,     /* of a number as JSON has it, its comma and all */
    NULL_BYTES = 5,        /* of what is missing in an array */
    HOLES_FEW = 1000000,   /* so many are counted without asking how cjson is set */
    DEPTH_USUAL = 1000,    /* of tables; beyond that cjson is asked what it allows */
    SLOTS_OF_LEVEL = 4
};

/* ---- Strings ---- */

/* Calls the original in place of the closure, with the same arguments. It has no upvalues. */
static int go_on(lua_State *lua)
{
    return lua_tocfunction(lua, lua_upvalueindex(1))(lua);
}

/* string.match, gmatch and gsub: (text, pattern, ...) */
static int match_bounded(lua_State *lua)
{
    size_t items = 0;
    const char *pattern;
    size_t len;

    /* Of two wrong arguments Lua names the first. */
    (void)luaL_checkstring(lua, 1);
    pattern = luaL_checklstring(lua, 2, &len);
    if (len > ITEMS_MOST) {
        for (size_t i = 0; i < len; i++)
            items += memchr("?*+-()", pattern[i], 6) != NULL;
        if (items > ITEMS_MOST)
            return luaL_error(lua, "pattern too complex");
    }
    return go_on(lua);
}

/* string.find(text, pattern [, from [, plain]]) */
static int find_bounded(lua_State *lua)
{
    return lua_toboolean(lua, 4) ? go_on(lua) : match_bounded(lua);
}

/* string.rep(text, count): doubled within a block that Lua owns, whatever happens then. */
static int rep_bounded(lua_State *lua)
{
    size_t len;
    const char *text = luaL_checklstring(lua, 1, &len);
    lua_Integer count = luaL_checkinteger(lua, 2);
    size_t total;
    char *whole;

    if (count <= 0 || len == 0) {
        lua_pushliteral(lua, "");
        return 1;
    }
    if ((size_t)count > LENGTH_MOST / len)
        return luaL_error(lua, "resulting string too large");
    total = len * (size_t)count;
    whole = lua_newuserdata(lua, total);
    memcpy(whole, text, len);
    for (size_t done = len; done < total; done *= 2)
        memcpy(whole + done, whole, done < total - done ? done : total - done);
    lua_pushlstring(lua, whole, total);
    return 1;
}

/* ---- bit ---- */

/* What bit makes of a number: the low 32 bits of its integer, as it rounds; 0 of what is none. */
static int32_t low_bits(lua_Number number)
{
    /* 2^52 + 2^51: so the integer stands in the lowest bits of the double. */
    double shifted = number + 6755399441055744.0;
    uint64_t bits;
    uint32_t low;
    int32_t digits;

    memcpy(&bits, &shifted, sizeof(bits));
    low = (uint32_t)bits;
    memcpy(&digits, &low, sizeof(digits));
    return digits;
}

/* bit.tohex(number [, digits]): many a number has the least integer in its low bits. */
static int tohex_bounded(lua_State *lua)
{
    if (lua_isnumber(lua, 2) && low_bits(lua_tonumber(lua, 2)) == INT32_MIN) {
        lua_pushinteger(lua, -DIGITS_MOST);
        lua_replace(lua, 2);
    }
    return go_on(lua);
}

/* ---- cjson ---- */

/* How long a text may become. Its bytes are never fewer than those that cjson writes. */
struct estimate {
    lua_State *lua;
    size_t bytes;
    lua_Integer depth_most; /* 0 before cjson was asked */
};

/* A setting of cjson, by the function that tells it. */
static lua_Number setting(lua_State *lua, int upvalue, int which)
{
    lua_Number value;

    lua_pushvalue(lua, lua_upvalueindex(upvalue));
    lua_call(lua, 0, 3);
    value = lua_tonumber(lua, which - 4);
    lua_pop(lua, 3);
    return value;
}

/* The upvalues of encode: the original, encode_sparse_array and encode_max_depth. */
enum { ORIGINAL = 1, SPARSE = 2, DEPTH = 3, RATIO_OF_SPARSE = 2, SAFE_OF_SPARSE = 3 };

/* Holes of an array are written, unless they are too many for how cjson is set. */
static size_t holes_written(lua_State *lua, lua_Number last, size_t count)
{
    lua_Number holes = last - (lua_Number)count;

    if (holes > HOLES_FEW) {
        lua_Number ratio = setting(lua, SPARSE, RATIO_OF_SPARSE);

        if (ratio > 0 && last > (lua_Number)count * ratio &&
            last > setting(lua, SPARSE, SAFE_OF_SPARSE))
            return 0;
    }
    return holes < (lua_Number)LENGTH_MOST ? (size_t)holes : LENGTH_MOST;
}

static bool add_value(struct estimate *estimate, int depth);

/* Whether the table on top fits, `depth` deep. */
static bool add_table(struct estimate *estimate, int depth)
{
    lua_State *lua = estimate->lua;
    lua_Number last = 0;
    size_t count = 0;
    bool array = true;

    if (!lua_checkstack(lua, SLOTS_OF_LEVEL))
        return luaL_error(lua, "Cannot serialise, excessive nesting (%d)", depth) != 0;
    if (depth > DEPTH_USUAL) {
        if (estimate->depth_most == 0)
            estimate->depth_most = (lua_Integer)setting(lua, DEPTH, 1);
        if (depth > estimate->depth_most)
            return true; /* cjson itself refuses it, and comes no further than here */
    }
    estimate->bytes += 2;
    for (lua_pushnil(lua); lua_next(lua, -2) != 0; lua_pop(lua, 1)) {
        if (lua_type(lua, -2) == LUA_TNUMBER) {
            lua_Number key = lua_tonumber(lua, -2);

            last = key > last ? key : last;
            array = array && key >= 1;
            estimate->bytes += NUMBER_BYTES;
        } else {
            array = false;
            estimate->bytes += 6 * lua_objlen(lua, -2) + 4;
        }
        count++;
        if (!add_value(estimate, depth)) {
            lua_pop(lua, 2);
            return false;
        }
    }
    if (array && last > (lua_Number)count)
        estimate->bytes += NULL_BYTES * holes_written(lua, last, count);
    return estimate->bytes <= LENGTH_MOST;
}

/* Whether the value on top fits. */
static bool add_value(struct estimate *estimate, int depth)
{
    switch (lua_type(estimate->lua, -1)) {
    case LUA_TSTRING:
        estimate->bytes += 6 * lua_objlen(estimate->lua, -1) + 3;
        break;
    case LUA_TTABLE:
        return add_table(estimate, depth + 1);
    default:
        estimate->bytes += NUMBER_BYTES;
    }
    return estimate->bytes <= LENGTH_MOST;
}

/*
 * Raises the error on top again. cjson was called from here and not from the script, so that
 * what it says does not tell the script's line yet; other errors come as they are.
 */
static int raise_from_script(lua_State *lua)
{
    static const char begins[] = "Cannot serialise";
    const char *text = lua_type(lua, -1) == LUA_TSTRING ? lua_tostring(lua, -1) : NULL;

    if (text != NULL && strncmp(text, begins, sizeof(begins) - 1) == 0) {
        luaL_where(lua, 1);
        lua_insert(lua, -2);
        lua_concat(lua, 2);
    }
    return lua_error(lua);
}

/* cjson.encode(value) */
static int encode_bounded(lua_State *lua)
{
    struct estimate estimate = { .lua = lua };

    luaL_argcheck(lua, lua_gettop(lua) == 1, 1, "expected 1 argument");
    if (!add_value(&estimate, 0))
        return luaL_error(lua, "Cannot serialise, the result may be too large");
    lua_pushvalue(lua, lua_upvalueindex(ORIGINAL));
    lua_insert(lua, 1);
    return lua_pcall(lua, 1, 1, 0) == 0 ? 1 : raise_from_script(lua);
}

/* Puts ours in front of encode, in the table of a cjson that is on top. */
static void bound_encode(lua_State *lua)
{
    lua_getfield(lua, -1, "encode");
    lua_getfield(lua, -2, "encode_sparse_array");
    lua_getfield(lua, -3, "encode_max_depth");
    lua_pushcclosure(lua, encode_bounded, 3);
    lua_setfield(lua, -2, "encode");
}

/* cjson.new(): another one, with settings of its own */
static int new_bounded(lua_State *lua)
{
    lua_pushvalue(lua, lua_upvalueindex(1));
    lua_call(lua, 0, 1);
    bound_encode(lua);
    return 1;
}

/* ---- All of them ---- */

static void bound(lua_State *lua, const char *name, lua_CFunction by)
{
    lua_getfield(lua, -1, name);
    lua_pushcclosure(lua, by, 1);
    lua_setfield(lua, -2, name);
}

void library_bound_strings(lua_State *lua)
{
    bound(lua, "find", find_bounded);
    bound(lua, "match", match_bounded);
    bound(lua, "gmatch", match_bounded);
    bound(lua, "gsub", match_bounded);
    bound(lua, "rep", rep_bounded);
}

void library_bound_bit(lua_State *lua)
{
    bound(lua, "tohex", tohex_bounded);
}

void library_bound_cjson(lua_State *lua)
{
    bound_encode(lua);
    bound(lua, "new", new_bounded);
}
