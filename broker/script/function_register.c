/*
 * What a library says of itself: the name in its first line, and its functions
 * with redis.register_function, in two forms:
 *
 *   redis.register_function('name', callback)
 *   redis.register_function{ function_name = 'name', callback = callback,
 *                            flags = { 'no-writes' }, description = 'what it does' }
 *
 * Lua leaves C functions by longjmp: what is owned is put into the library
 * before Lua is asked for anything more.
 */
#include <lua5.1/lauxlib.h>

#include "broker/script/bridge.h"
#include "broker/script/engine.h"
#include "broker/script/first_line.h"
#include "broker/script/functions_private.h"
#include "broker/script/lua_reply.h"
#include "storage/base/memory.h"

/* What is to be registered. Indices are places on the stack. */
struct registration {
    struct slice name;
    bool named;
    int callback; /* 0: none */
    struct slice description;
    bool described;
    uint32_t flags;
};

static int fail(lua_State *lua, struct slice line)
{
    lua_push_error(lua, line, false);
    return lua_error(lua);
}

bool function_name_is_fine(struct slice name)
{
    for (size_t i = 0; i < name.len; i++) {
        char byte = name.at[i];

        if (!((byte >= 'a' && byte <= 'z') || (byte >= 'A' && byte <= 'Z') ||
              (byte >= '0' && byte <= '9') || byte == '_'))
            return false;
    }
    return name.len > 0;
}

struct bytes *function_fold(struct slice name)
{
    struct bytes *folded = bytes_copy(name);

    for (size_t i = 0; i < bytes_len(folded); i++) {
        if (folded->at[i] >= 'A' && folded->at[i] <= 'Z')
            folded->at[i] = (char)(folded->at[i] + 'a' - 'A');
    }
    return folded;
}

struct function *library_find(const struct library *library, struct slice folded)
{
    struct function *function = library->first;

    while (function != NULL && !slice_equal(bytes_slice(function->folded), folded))
        function = function->next;
    return function;
}

void function_free(struct function *function)
{
    bytes_drop(function->folded);
    bytes_drop(function->name);
    bytes_drop(function->description);
    memory_free(function);
}

/* ---- The first line ---- */

/* Reads `name=` among the words of the first line; false and why not. */
static bool read_name(const struct first_line *line, struct slice *name, struct buffer *why)
{
    bool given = false;

    for (int i = 1; i < line->count; i++) {
        struct slice word = line->words[i];

        if (word.len < 5 || !slice_equal_nocase(slice_of(word.at, 5), SLICE("name="))) {
            buffer_print(why, "ERR Invalid metadata value given: %.*s", (int)word.len, word.at);
            return false;
        }
        if (given) {
            buffer_add(why, SLICE("ERR Invalid metadata value, name argument was given multiple "
                                  "times"));
            return false;
        }
        *name = slice_after(word, 5);
        given = true;
    }
    if (!given)
        buffer_add(why, SLICE("ERR Library name was not given"));
    return given;
}

bool library_read_first_line(struct first_line *line, struct slice text, struct slice *name,
                             struct buffer *why)
{
    struct slice engine;

    if (!first_line_read(line, text)) {
        buffer_add(why, SLICE("ERR Missing library metadata"));
        return false;
    }
    if (line->count < 1) {
        buffer_add(why, SLICE("ERR Invalid library metadata"));
        return false;
    }
    engine = slice_after(line->words[0], 2);
    if (!read_name(line, name, why))
        return false;
    if (!function_name_is_fine(*name)) {
        buffer_add(why, SLICE("ERR Library names can only contain letters, numbers, or "
                              "underscores(_) and must be at least one character long"));
        return false;
    }
    if (!slice_equal_nocase(engine, SLICE("lua"))) {
        buffer_print(why, "ERR Engine '%.*s' not found", (int)engine.len, engine.at);
        return false;
    }
    return true;
}

/* ---- Registering ---- */

static struct slice text_at(lua_State *lua, int index)
{
    size_t len;
    const char *at = lua_tolstring(lua, index, &len);

    return slice_of(at, len);
}

/* Reads the table of flags on top of the stack. */
static uint32_t read_flags(lua_State *lua)
{
    uint32_t flags = 0;

    if (!lua_istable(lua, -1))
        fail(lua, SLICE("ERR flags argument to redis.register_function must be a table "
                        "representing function flags"));
    for (int i = 1;; i++) {
        struct slice name;
        uint32_t flag;

        lua_rawgeti(lua, -1, i);
        if (lua_isnil(lua, -1))
            break;
        name = lua_type(lua, -1) == LUA_TSTRING ? text_at(lua, -1) : SLICE("");
        flag = script_flag_nocase(name);
        if (flag == 0)
            fail(lua, SLICE("ERR unknown flag given"));
        flags |= flag;
        lua_pop(lua, 1);
    }
    lua_pop(lua, 1);
    return flags;
}

/* Reads one named argument: its value is on top of the stack and stays. */
static void read_argument(lua_State *lua, struct slice key, struct registration *as)
{
    if (slice_equal_nocase(key, SLICE("function_name"))) {
        if (!lua_isstring(lua, -1))
            fail(lua, SLICE("ERR function_name argument given to redis.register_function must be "
                            "a string"));
        as->name = text_at(lua, -1);
        as->named = true;
    } else if (slice_equal_nocase(key, SLICE("description"))) {
        if (!lua_isstring(lua, -1))
            fail(lua, SLICE("ERR description argument given to redis.register_function must be a "
                            "string"));
        as->description = text_at(lua, -1);
        as->described = true;
    } else if (slice_equal_nocase(key, SLICE("callback"))) {
        if (!lua_isfunction(lua, -1))
            fail(lua, SLICE("ERR callback argument given to redis.register_function must be a "
                            "function"));
        as->callback = lua_gettop(lua);
    } else if (slice_equal_nocase(key, SLICE("flags"))) {
        as->flags = read_flags(lua);
    } else {
        fail(lua, SLICE("ERR unknown argument given to redis.register_function"));
    }
}

/* Reads the table of named arguments; the values that are texts stay on the stack. */
static void read_named(lua_State *lua, struct registration *as)
{
    if (!lua_istable(lua, 1))
        fail(lua, SLICE("ERR calling redis.register_function with a single argument is only "
                        "applicable to Lua table (representing named arguments)."));
    for (lua_pushnil(lua); lua_next(lua, 1) != 0;) {
        luaL_checkstack(lua, 4, "too many arguments");
        if (lua_type(lua, -2) == LUA_TNUMBER)
            fail(lua, SLICE("ERR unknown argument given to redis.register_function"));
        if (lua_type(lua, -2) != LUA_TSTRING)
            fail(lua, SLICE("ERR named argument key given to redis.register_function is not a "
                            "string"));
        read_argument(lua, text_at(lua, -2), as);
        lua_pushvalue(lua, -2); /* the value stays below, the key goes on */
        lua_remove(lua, -3);
        if (as->callback == lua_gettop(lua))
            as->callback--;
    }
    if (!as->named)
        fail(lua, SLICE("ERR redis.register_function must get a function name argument"));
    if (as->callback == 0)
        fail(lua, SLICE("ERR redis.register_function must get a callback argument"));
}

static void read_plain(lua_State *lua, struct registration *as)
{
    if (!lua_isstring(lua, 1))
        fail(lua, SLICE("ERR first argument to redis.register_function must be a string"));
    if (!lua_isfunction(lua, 2))
        fail(lua, SLICE("ERR second argument to redis.register_function must be a function"));
    as->name = text_at(lua, 1);
    as->callback = 2;
}

/* Puts a function at the end of a library. */
static void add(struct library *library, const struct registration *as, int reference)
{
    struct function **end = &library->first;
    struct function *function = memory_new_zeroed(1, sizeof(*function));

    while (*end != NULL)
        end = &(*end)->next;
    function->name = bytes_copy(as->name);
    function->folded = function_fold(as->name);
    function->description = as->described ? bytes_copy(as->description) : NULL;
    function->library = library;
    function->flags = as->flags;
    function->reference = reference;
    *end = function;
    library->count++;
}

static bool is_taken(const struct library *library, struct slice name)
{
    struct bytes *folded = function_fold(name);
    bool taken = library_find(library, bytes_slice(folded)) != NULL;

    bytes_drop(folded);
    return taken;
}

static int redis_register_function(lua_State *lua)
{
    struct library **loading = lua_touserdata(lua, lua_upvalueindex(1));
    struct registration as = { .callback = 0 };
    int count = lua_gettop(lua);

    if (count < 1 || count > 2)
        return fail(lua, SLICE("ERR wrong number of arguments to redis.register_function"));
    if (*loading == NULL)
        return fail(lua, SLICE("ERR redis.register_function can only be called on FUNCTION LOAD "
                               "command"));
    if (count == 1)
        read_named(lua, &as);
    else
        read_plain(lua, &as);
    if (!function_name_is_fine(as.name))
        return fail(lua, SLICE("ERR Library names can only contain letters, numbers, or "
                               "underscores(_) and must be at least one character long"));
    if (is_taken(*loading, as.name))
        return fail(lua, SLICE("ERR Function already exists in the library"));
    lua_pushvalue(lua, as.callback);
    add(*loading, &as, luaL_ref(lua, LUA_REGISTRYINDEX));
    return 0;
}

void register_push_globals(lua_State *lua, struct bridge *bridge, struct library **loading)
{
    lua_createtable(lua, 0, 1);
    bridge_push_for_loading(bridge, lua);
    lua_pushlightuserdata(lua, loading);
    lua_pushcclosure(lua, redis_register_function, 1);
    lua_setfield(lua, -2, "register_function");
    engine_guard(lua);
    engine_protect(lua);
    lua_setfield(lua, -2, "redis");
    engine_guard(lua);
}
