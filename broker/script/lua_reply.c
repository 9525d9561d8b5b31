/*
 * Both ways between Lua and the protocol.
 *
 * What the reader builds stands on Lua's stack: for each aggregate that is
 * open its table, and for a map whose next key was read that key.
 */
#include "broker/script/lua_reply.h"

#include <lua5.1/lauxlib.h>

#include "clients/lib/mr_reader.h"
#include "storage/base/buffer.h"
#include "storage/base/memory.h"
#include "storage/base/must.h"
#include "storage/base/number.h"

enum {
    PRESIZED_MOST = 4096, /* elements that a table is made for before they are there */
    VECTORS = 16
};

/* An aggregate that is open. */
struct level {
    enum mr_type type;
    int elements; /* attached so far; of a map, keys and values */
};

struct lua_reader {
    struct mr_reader *reader;
    lua_State *lua; /* where the reply under way is pushed */
    bool resp3;
    size_t depth;
    struct level levels[MR_DEPTH_MAX + 1];
};

void lua_push_error(lua_State *lua, struct slice line, bool counted)
{
    lua_createtable(lua, 0, 2);
    lua_pushlstring(lua, line.at, line.len);
    lua_setfield(lua, -2, "err");
    if (counted) {
        lua_pushboolean(lua, 1);
        lua_setfield(lua, -2, "ignore_error_stats_update");
    }
}

/* Wraps what is on top into a table with one field. */
static void wrap(lua_State *lua, const char *field)
{
    lua_createtable(lua, 0, 1);
    lua_insert(lua, -2);
    lua_setfield(lua, -2, field);
}

/* The value on top is whole: it goes into the aggregate around it, if there is one. */
static void attach(struct lua_reader *reader)
{
    lua_State *lua = reader->lua;
    struct level *level;

    if (reader->depth == 0)
        return;
    level = &reader->levels[reader->depth - 1];
    level->elements++;
    switch (level->type) {
    case MR_MAP:
    case MR_ATTRIBUTE:
        if (level->elements % 2 == 0) {
            if (lua_isnil(lua, -2))
                lua_pop(lua, 2);
            else
                lua_rawset(lua, -3);
        }
        break;
    case MR_SET:
        if (lua_isnil(lua, -1)) {
            lua_pop(lua, 1);
        } else {
            lua_pushboolean(lua, 1);
            lua_rawset(lua, -3);
        }
        break;
    default:
        lua_rawseti(lua, -2, level->elements);
        break;
    }
}

static void push_verbatim(lua_State *lua, const struct mr_token *token)
{
    lua_createtable(lua, 0, 2);
    lua_pushlstring(lua, token->text, token->length);
    lua_setfield(lua, -2, "string");
    lua_pushstring(lua, token->format);
    lua_setfield(lua, -2, "format");
    wrap(lua, "verbatim_string");
}

static void push_value(lua_State *lua, const struct mr_token *token)
{
    switch (token->type) {
    case MR_STATUS:
        lua_pushlstring(lua, token->text, token->length);
        wrap(lua, "ok");
        break;
    case MR_ERROR:
        lua_push_error(lua, slice_of(token->text, token->length), true);
        break;
    case MR_INTEGER:
        lua_pushnumber(lua, (lua_Number)token->integer);
        break;
    case MR_STRING:
        lua_pushlstring(lua, token->text, token->length);
        break;
    case MR_DOUBLE:
        lua_pushnumber(lua, token->number);
        wrap(lua, "double");
        break;
    case MR_BOOLEAN:
        lua_pushboolean(lua, token->integer != 0);
        break;
    case MR_BIG_NUMBER:
        lua_pushlstring(lua, token->text, token->length);
        wrap(lua, "big_number");
        break;
    case MR_VERBATIM:
        push_verbatim(lua, token);
        break;
    case MR_NIL:
    case MR_ARRAY:
    case MR_MAP:
    case MR_SET:
    case MR_PUSH:
    case MR_ATTRIBUTE:
        lua_pushnil(lua);
        break;
    }
}

static bool on_value(void *owner, const struct mr_token *token)
{
    struct lua_reader *reader = owner;

    if (!lua_checkstack(reader->lua, 8))
        return false;
    /* Nothing is nil under RESP3, where it is written as such, and false under RESP2. */
    if (token->type == MR_NIL && !reader->resp3)
        lua_pushboolean(reader->lua, 0);
    else
        push_value(reader->lua, token);
    attach(reader);
    return true;
}

static bool on_open(void *owner, const struct mr_token *token)
{
    struct lua_reader *reader = owner;
    int count = token->count < PRESIZED_MOST ? (int)token->count : PRESIZED_MOST;

    if (!lua_checkstack(reader->lua, 8) || reader->depth == MR_DEPTH_MAX + 1)
        return false;
    reader->levels[reader->depth++] = (struct level){ token->type, 0 };
    if (token->type == MR_MAP || token->type == MR_SET)
        lua_createtable(reader->lua, 0, token->type == MR_MAP ? count / 2 : count);
    else
        lua_createtable(reader->lua, count, 0);
    return true;
}

static bool on_close(void *owner, enum mr_type type)
{
    struct lua_reader *reader = owner;

    reader->depth--;
    if (type == MR_ATTRIBUTE) {
        lua_pop(reader->lua, 1);
        return true;
    }
    if (type == MR_MAP)
        wrap(reader->lua, "map");
    else if (type == MR_SET)
        wrap(reader->lua, "set");
    attach(reader);
    return true;
}

/* A broken reader reads no more, so that there may be several, one after the other. */
static void renew(struct lua_reader *reader)
{
    static const struct mr_hooks hooks = { on_value, on_open, on_close };

    mr_reader_free(reader->reader);
    reader->reader = mr_reader_new(&hooks, reader);
    must(reader->reader != NULL);
}

struct lua_reader *lua_reader_new(void)
{
    struct lua_reader *reader = memory_new_zeroed(1, sizeof(*reader));

    renew(reader);
    return reader;
}

void lua_reader_free(struct lua_reader *reader)
{
    if (reader == NULL)
        return;
    mr_reader_free(reader->reader);
    memory_free(reader);
}

static void feed_all(struct mr_reader *reader, struct outbox *outbox)
{
    struct iovec vectors[VECTORS];

    while (outbox_pending(outbox) > 0) {
        int count = outbox_vectors(outbox, vectors, VECTORS);
        size_t len = 0;

        for (int i = 0; i < count; i++) {
            must(mr_reader_feed(reader, vectors[i].iov_base, vectors[i].iov_len));
            len += vectors[i].iov_len;
        }
        outbox_sent(outbox, len);
    }
}

bool lua_reader_take(struct lua_reader *reader, lua_State *lua, struct outbox *outbox, bool resp3)
{
    int top = lua_gettop(lua);

    reader->lua = lua;
    reader->resp3 = resp3;
    reader->depth = 0;
    feed_all(reader->reader, outbox);
    if (mr_reader_next(reader->reader) == MR_READY)
        return true;
    lua_settop(lua, top);
    renew(reader);
    return false;
}

/* ---- From Lua to the protocol ---- */

static int64_t integer_of(lua_Number number)
{
    /* What does not fit becomes what the processor makes of it, as in Redis. */
    if (!(number >= -9223372036854775808.0 && number < 9223372036854775808.0))
        return INT64_MIN;
    return (int64_t)number;
}

static struct slice text_at(lua_State *lua, int index)
{
    size_t len;
    const char *at = lua_tolstring(lua, index, &len);

    return slice_of(at, len);
}

/* Pushes a field of the table on top, by its own name and past metatables; whether it has the type. */
static bool has_field(lua_State *lua, const char *field, int type)
{
    lua_pushstring(lua, field);
    lua_rawget(lua, -2);
    if (lua_type(lua, -1) == type)
        return true;
    lua_pop(lua, 1);
    return false;
}

/* What stands in a line of the protocol ends at a NUL byte, as text does in Redis. */
static struct slice text_of_line(lua_State *lua)
{
    struct slice text = text_at(lua, -1);
    const char *end = text.len > 0 ? memchr(text.at, '\0', text.len) : NULL;

    return end != NULL ? slice_of(text.at, (size_t)(end - text.at)) : text;
}

/* A line of the protocol has no line ends inside. */
static void write_line(struct reply *reply, struct slice text,
                       void (*write)(struct reply *reply, struct slice line))
{
    struct buffer line = { 0 };

    for (size_t i = 0; i < text.len; i++)
        buffer_add_byte(&line, text.at[i] == '\r' || text.at[i] == '\n' ? ' ' : text.at[i]);
    write(reply, buffer_slice(&line));
    buffer_clear(&line);
}

/* An error that the statistics have already is not counted again. */
static void write_error(lua_State *lua, struct reply *reply)
{
    struct error_counts *counts = reply->counts;

    lua_pushliteral(lua, "ignore_error_stats_update");
    lua_rawget(lua, -3);
    if (lua_toboolean(lua, -1))
        reply->counts = NULL;
    lua_pop(lua, 1);
    reply_error(reply, text_of_line(lua));
    reply->counts = counts;
}

static size_t count_pairs(lua_State *lua)
{
    size_t count = 0;

    for (lua_pushnil(lua); lua_next(lua, -2) != 0; lua_pop(lua, 1))
        count++;
    return count;
}

/* The table on top as a map or a set; it is taken. */
static void write_pairs(lua_State *lua, struct reply *reply, bool resp3, bool set)
{
    if (set)
        reply_set(reply, count_pairs(lua));
    else
        reply_map(reply, count_pairs(lua));
    for (lua_pushnil(lua); lua_next(lua, -2) != 0;) {
        lua_pushvalue(lua, -2);
        lua_reply_write(lua, reply, resp3);
        if (set)
            lua_pop(lua, 1);
        else
            lua_reply_write(lua, reply, resp3);
    }
    lua_pop(lua, 1);
}

static bool write_verbatim(lua_State *lua, struct reply *reply)
{
    char format[3] = { 't', 'x', 't' };
    struct slice word;

    if (!has_field(lua, "string", LUA_TSTRING))
        return false;
    lua_insert(lua, -2);
    if (!has_field(lua, "format", LUA_TSTRING)) {
        lua_remove(lua, -2);
        return false;
    }
    word = text_at(lua, -1);
    if (word.len >= sizeof(format))
        memcpy(format, word.at, sizeof(format));
    reply_verbatim(reply, text_at(lua, -3), format);
    lua_pop(lua, 2);
    return true;
}

static size_t count_elements(lua_State *lua)
{
    int count = 0;

    for (;;) {
        bool last;

        lua_rawgeti(lua, -1, count + 1);
        last = lua_isnil(lua, -1);
        lua_pop(lua, 1);
        if (last)
            return (size_t)count;
        count++;
    }
}

static void write_elements(lua_State *lua, struct reply *reply, bool resp3)
{
    size_t count = count_elements(lua);

    reply_array(reply, count);
    for (size_t i = 1; i <= count; i++) {
        lua_rawgeti(lua, -1, (int)i);
        lua_reply_write(lua, reply, resp3);
    }
}

/* The table on top, which stays. */
static void write_table(lua_State *lua, struct reply *reply, bool resp3)
{
    if (has_field(lua, "err", LUA_TSTRING)) {
        write_error(lua, reply);
        lua_pop(lua, 1);
    } else if (has_field(lua, "ok", LUA_TSTRING)) {
        write_line(reply, text_of_line(lua), reply_simple);
        lua_pop(lua, 1);
    } else if (has_field(lua, "double", LUA_TNUMBER)) {
        reply_double(reply, lua_tonumber(lua, -1));
        lua_pop(lua, 1);
    } else if (has_field(lua, "map", LUA_TTABLE)) {
        write_pairs(lua, reply, resp3, false);
    } else if (has_field(lua, "set", LUA_TTABLE)) {
        write_pairs(lua, reply, resp3, true);
    } else if (has_field(lua, "big_number", LUA_TSTRING)) {
        write_line(reply, text_of_line(lua), reply_big_number);
        lua_pop(lua, 1);
    } else if (has_field(lua, "verbatim_string", LUA_TTABLE)) {
        if (!write_verbatim(lua, reply))
            reply_array(reply, 0);
        lua_pop(lua, 1);
    } else {
        write_elements(lua, reply, resp3);
    }
}

void lua_reply_write(lua_State *lua, struct reply *reply, bool script_resp3)
{
    if (!lua_checkstack(lua, 8)) {
        /* A table in itself, say: Lua bounds the depth. */
        reply_error(reply, SLICE("ERR reached lua stack limit"));
        lua_pop(lua, 1);
        return;
    }
    switch (lua_type(lua, -1)) {
    case LUA_TSTRING:
        reply_bulk(reply, text_at(lua, -1));
        break;
    case LUA_TNUMBER:
        reply_integer(reply, integer_of(lua_tonumber(lua, -1)));
        break;
    case LUA_TBOOLEAN:
        if (script_resp3)
            reply_boolean(reply, lua_toboolean(lua, -1));
        else if (lua_toboolean(lua, -1))
            reply_integer(reply, 1);
        else
            reply_nil(reply);
        break;
    case LUA_TTABLE:
        write_table(lua, reply, script_resp3);
        break;
    default:
        reply_nil(reply);
        break;
    }
    lua_pop(lua, 1);
}
