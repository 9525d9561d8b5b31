/*
 * cmsgpack: values of Lua to MessagePack and back.
 *
 * A table whose keys are 1 to n is an array, any other a map; a number without
 * a fraction is an integer, and one that a float holds exactly is a float.
 * Tables inside more than sixteen others are packed as nil, which is also what
 * ends a table that holds itself.
 *
 * Bytes that are not text (bin) and extensions are not known to it.
 *
 * Packing is msgpack-c's. Unpacking is ours: it goes straight to Lua, and
 * allocates nothing for what is announced and not there.
 *
 * Source: the MessagePack specification; lua-cmsgpack's documentation.
 */
#include <lua5.1/lauxlib.h>
#include <math.h>
#include <msgpack/pack.h>

#include "broker/script/libraries.h"
#include "storage/base/buffer.h"

enum { NESTED_MOST = 16, PRESIZED_MOST = 4096 };

/* ---- Packing ---- */

static int write_bytes(void *to, const char *bytes, size_t len)
{
    buffer_add(to, slice_of(bytes, len));
    return 0;
}

static void pack_value(lua_State *lua, msgpack_packer *packer, int level);

static void pack_number(msgpack_packer *packer, lua_Number number)
{
    if (number >= -9223372036854775808.0 && number < 9223372036854775808.0 &&
        (lua_Number)(int64_t)number == number)
        msgpack_pack_int64(packer, (int64_t)number);
    else if (!isnan(number) && (lua_Number)(float)number == number)
        msgpack_pack_float(packer, (float)number);
    else
        msgpack_pack_double(packer, number);
}

/* Whether the keys of the table on top are 1 to n; n is told. */
static bool is_array(lua_State *lua, size_t *count)
{
    lua_Number most = 0;
    bool only_indices = true;

    *count = 0;
    for (lua_pushnil(lua); lua_next(lua, -2) != 0; lua_pop(lua, 1)) {
        lua_Number key = lua_type(lua, -2) == LUA_TNUMBER ? lua_tonumber(lua, -2) : 0;

        (*count)++;
        if (key < 1 || key != floor(key))
            only_indices = false;
        else if (key > most)
            most = key;
    }
    return only_indices && most == (lua_Number)*count;
}

static void pack_table(lua_State *lua, msgpack_packer *packer, int level)
{
    size_t count;

    if (is_array(lua, &count)) {
        msgpack_pack_array(packer, count);
        for (size_t i = 1; i <= count; i++) {
            lua_rawgeti(lua, -1, (int)i);
            pack_value(lua, packer, level + 1);
        }
        return;
    }
    msgpack_pack_map(packer, count);
    for (lua_pushnil(lua); lua_next(lua, -2) != 0;) {
        lua_pushvalue(lua, -2);
        pack_value(lua, packer, level + 1);
        pack_value(lua, packer, level + 1);
    }
}

/* Packs the value on top of the stack and takes it. */
static void pack_value(lua_State *lua, msgpack_packer *packer, int level)
{
    size_t len;
    const char *text;

    switch (lua_type(lua, -1)) {
    case LUA_TSTRING:
        text = lua_tolstring(lua, -1, &len);
        msgpack_pack_str(packer, len);
        msgpack_pack_str_body(packer, text, len);
        break;
    case LUA_TBOOLEAN:
        if (lua_toboolean(lua, -1))
            msgpack_pack_true(packer);
        else
            msgpack_pack_false(packer);
        break;
    case LUA_TNUMBER:
        pack_number(packer, lua_tonumber(lua, -1));
        break;
    case LUA_TTABLE:
        if (level < NESTED_MOST && lua_checkstack(lua, 8))
            pack_table(lua, packer, level);
        else
            msgpack_pack_nil(packer);
        break;
    default:
        msgpack_pack_nil(packer);
        break;
    }
    lua_pop(lua, 1);
}

/* cmsgpack.pack(value, ...) */
static int pack(lua_State *lua)
{
    struct buffer bytes = { 0 };
    msgpack_packer packer;
    int count = lua_gettop(lua);

    if (count == 0)
        return luaL_argerror(lua, 0, "MessagePack pack needs input.");
    luaL_checkstack(lua, 8, "in function pack");
    msgpack_packer_init(&packer, &bytes, write_bytes);
    for (int i = 1; i <= count; i++) {
        lua_pushvalue(lua, i);
        pack_value(lua, &packer, 0);
    }
    lua_pushlstring(lua, bytes.len > 0 ? bytes.at : "", bytes.len);
    buffer_clear(&bytes);
    return 1;
}

/* ---- Unpacking ---- */

enum outcome { OUTCOME_FINE, OUTCOME_SHORT, OUTCOME_BAD };

static enum outcome unpack_value(lua_State *lua, struct slice *in);

/* Takes a big-endian number of some bytes. */
static bool take_number(struct slice *in, size_t bytes, uint64_t *number)
{
    if (in->len < bytes)
        return false;
    *number = 0;
    for (size_t i = 0; i < bytes; i++)
        *number = *number << 8 | (unsigned char)in->at[i];
    *in = slice_after(*in, bytes);
    return true;
}

static enum outcome unpack_text(lua_State *lua, struct slice *in, uint64_t len)
{
    if (in->len < len)
        return OUTCOME_SHORT;
    lua_pushlstring(lua, in->at, (size_t)len);
    *in = slice_after(*in, (size_t)len);
    return OUTCOME_FINE;
}

static enum outcome unpack_array(lua_State *lua, struct slice *in, uint64_t count)
{
    if (!lua_checkstack(lua, 4))
        return OUTCOME_BAD;
    lua_createtable(lua, count < PRESIZED_MOST && count <= in->len ? (int)count : 0, 0);
    for (uint64_t i = 1; i <= count; i++) {
        enum outcome outcome = unpack_value(lua, in);

        if (outcome != OUTCOME_FINE)
            return outcome;
        lua_rawseti(lua, -2, (int)i);
    }
    return OUTCOME_FINE;
}

static enum outcome unpack_map(lua_State *lua, struct slice *in, uint64_t count)
{
    if (!lua_checkstack(lua, 4))
        return OUTCOME_BAD;
    lua_newtable(lua);
    for (uint64_t i = 0; i < count; i++) {
        enum outcome outcome = unpack_value(lua, in);

        if (outcome == OUTCOME_FINE)
            outcome = unpack_value(lua, in);
        if (outcome != OUTCOME_FINE)
            return outcome;
        lua_rawset(lua, -3); /* which raises an error if the key is nil, or not a number */
    }
    return OUTCOME_FINE;
}

static void push_float(lua_State *lua, uint64_t bits, bool single)
{
    double number;
    float half;
    uint32_t low = (uint32_t)bits;

    if (single) {
        memcpy(&half, &low, sizeof(half));
        number = (double)half;
    } else {
        memcpy(&number, &bits, sizeof(number));
    }
    lua_pushnumber(lua, number);
}

/* A signed number of some bytes, pushed. */
static void push_signed(lua_State *lua, uint64_t number, size_t bytes)
{
    unsigned shift = 64 - 8 * (unsigned)bytes;

    lua_pushnumber(lua, (lua_Number)((int64_t)(number << shift) >> shift));
}

/* What a first byte from 0xc0 to 0xdf announces besides a short text. */
static enum outcome unpack_long(lua_State *lua, unsigned char first, struct slice *in)
{
    /* How many bytes of number follow each first byte from 0xc0; 0 for none, 9 for no such byte. */
    static const uint8_t follow[32] = { 0, 9, 0, 0, 9, 9, 9, 9, 9, 9, 4, 8, 1, 2, 4, 8,
                                        1, 2, 4, 8, 9, 9, 9, 9, 9, 1, 2, 4, 2, 4, 2, 4 };
    size_t bytes = follow[first - 0xc0];
    uint64_t number = 0;

    if (bytes == 9)
        return OUTCOME_BAD;
    if (!take_number(in, bytes, &number))
        return OUTCOME_SHORT;
    if (first == 0xc0)
        lua_pushnil(lua);
    else if (first <= 0xc3)
        lua_pushboolean(lua, first == 0xc3);
    else if (first >= 0xd9 && first <= 0xdb)
        return unpack_text(lua, in, number);
    else if (first <= 0xcb)
        push_float(lua, number, first == 0xca);
    else if (first <= 0xcf)
        lua_pushnumber(lua, (lua_Number)(int64_t)number); /* the largest come out negative */
    else if (first <= 0xd3)
        push_signed(lua, number, bytes);
    else if (first <= 0xdd)
        return unpack_array(lua, in, number);
    else
        return unpack_map(lua, in, number);
    return OUTCOME_FINE;
}

/* Takes one value and pushes it; where it fails something else may be pushed. */
static enum outcome unpack_value(lua_State *lua, struct slice *in)
{
    unsigned char first;

    if (in->len == 0)
        return OUTCOME_SHORT;
    if (!lua_checkstack(lua, 4))
        return OUTCOME_BAD;
    first = (unsigned char)in->at[0];
    *in = slice_after(*in, 1);
    if (first < 0x80) {
        lua_pushnumber(lua, first);
        return OUTCOME_FINE;
    }
    if (first >= 0xe0) {
        lua_pushnumber(lua, (lua_Number)first - 256);
        return OUTCOME_FINE;
    }
    if (first < 0x90)
        return unpack_map(lua, in, first & 0x0f);
    if (first < 0xa0)
        return unpack_array(lua, in, first & 0x0f);
    if (first < 0xc0)
        return unpack_text(lua, in, first & 0x1f);
    return unpack_long(lua, first, in);
}

/* Unpacks up to `limit` values from an offset; all of them, and no offset told, if both are 0. */
static int unpack_some(lua_State *lua, lua_Integer limit, lua_Integer offset)
{
    bool all = limit == 0 && offset == 0;
    size_t len;
    const char *text = luaL_checklstring(lua, 1, &len);
    struct slice in = slice_of(text, len);
    int count = 0; /* the stack ends before it does */

    if (offset < 0 || limit < 0)
        return luaL_error(lua, "Invalid request to unpack with offset of %d and limit of %d.",
                          (int)offset, (int)len);
    if ((size_t)offset > len)
        return luaL_error(lua, "Start offset %d greater than input length %d.", (int)offset,
                          (int)len);
    in = slice_after(in, (size_t)offset);
    for (; in.len > 0 && (all || count < limit); count++) {
        enum outcome outcome;

        luaL_checkstack(lua, 4, "in function mp_unpack_full");
        outcome = unpack_value(lua, &in);
        if (outcome == OUTCOME_SHORT)
            return luaL_error(lua, "Missing bytes in input.");
        if (outcome == OUTCOME_BAD)
            return luaL_error(lua, "Bad data format in input.");
    }
    if (all)
        return count;
    lua_pushnumber(lua, in.len == 0 ? -1 : (lua_Number)(len - in.len));
    lua_insert(lua, -(count + 1));
    return count + 1;
}

/* cmsgpack.unpack(text) */
static int unpack(lua_State *lua)
{
    return unpack_some(lua, 0, 0);
}

/* cmsgpack.unpack_one(text [, offset]) */
static int unpack_one(lua_State *lua)
{
    return unpack_some(lua, 1, luaL_optinteger(lua, 2, 0));
}

/* cmsgpack.unpack_limit(text, limit [, offset]) */
static int unpack_limit(lua_State *lua)
{
    lua_Integer limit = luaL_checkinteger(lua, 2);

    return unpack_some(lua, limit, luaL_optinteger(lua, 3, 0));
}

void library_msgpack_push(lua_State *lua)
{
    static const struct luaL_Reg functions[] = { { "pack", pack },
                                                 { "unpack", unpack },
                                                 { "unpack_one", unpack_one },
                                                 { "unpack_limit", unpack_limit } };
    static const char *const texts[][2] = {
        { "_NAME", "cmsgpack" },
        { "_VERSION", "lua-cmsgpack 0.4.0" },
        { "_COPYRIGHT", "Copyright (C) 2012, Salvatore Sanfilippo" },
        { "_DESCRIPTION", "MessagePack C implementation for Lua" },
    };

    lua_createtable(lua, 0, 8);
    for (size_t i = 0; i < sizeof(functions) / sizeof(functions[0]); i++) {
        lua_pushcfunction(lua, functions[i].func);
        lua_setfield(lua, -2, functions[i].name);
    }
    for (size_t i = 0; i < sizeof(texts) / sizeof(texts[0]); i++) {
        lua_pushstring(lua, texts[i][1]);
        lua_setfield(lua, -2, texts[i][0]);
    }
}
