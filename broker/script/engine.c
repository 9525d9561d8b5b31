/* The machine: allocation, stand-ins, and the globals that scripts see. */
#include "broker/script/engine.h"

#include <lua5.1/lauxlib.h>
#include <lua5.1/lualib.h>

#include "broker/script/sandbox.h"
#include "storage/base/memory.h"
#include "storage/base/must.h"

/* No script means to have a single block as large as this. */
#define BLOCK_MOST ((size_t)1 << 30)

enum { STEP_KILOBYTES = 1 }; /* of collecting garbage, with each text that is compiled */

struct engine {
    lua_State *lua;
    size_t used;
    struct chance chance;
    int globals; /* the real table of globals, in the registry */
};

/* Its address is the key under which the metatable of a stand-in has the real table. */
static const char mark = 'r';

static void *mark_key(void)
{
    return (void *)(uintptr_t)&mark;
}

static void *allocate(void *who, void *block, size_t old_size, size_t size)
{
    struct engine *engine = who;

    if (size == 0) {
        engine->used -= block != NULL ? old_size : 0;
        memory_free(block);
        return NULL;
    }
    if (size > BLOCK_MOST && size > old_size)
        return NULL;
    engine->used += size - (block != NULL ? old_size : 0);
    return memory_resize(block, size);
}

/* Lua calls this when nobody catches an error of its: there is always somebody. */
static int panicked(lua_State *lua)
{
    bool caught = false;

    (void)lua;
    must(caught);
    return 0;
}

struct engine *engine_new(int32_t seed)
{
    static const struct luaL_Reg libraries[] = { { "", luaopen_base },
                                                 { LUA_TABLIBNAME, luaopen_table },
                                                 { LUA_STRLIBNAME, luaopen_string },
                                                 { LUA_MATHLIBNAME, luaopen_math },
                                                 { LUA_OSLIBNAME, luaopen_os } };
    struct engine *engine = memory_new_zeroed(1, sizeof(*engine));

    engine->lua = lua_newstate(allocate, engine);
    must(engine->lua != NULL);
    chance_seed(&engine->chance, seed);
    lua_atpanic(engine->lua, panicked);
    for (size_t i = 0; i < sizeof(libraries) / sizeof(libraries[0]); i++) {
        lua_pushcfunction(engine->lua, libraries[i].func);
        lua_pushstring(engine->lua, libraries[i].name);
        lua_call(engine->lua, 1, 0);
    }
    return engine;
}

void engine_free(struct engine *engine)
{
    if (engine == NULL)
        return;
    lua_close(engine->lua);
    memory_free(engine);
}

lua_State *engine_lua(struct engine *engine)
{
    return engine->lua;
}

size_t engine_memory(const struct engine *engine)
{
    return engine->used + sizeof(*engine);
}

static int refuse_change(lua_State *lua)
{
    return luaL_error(lua, "Attempt to modify a readonly table");
}

void engine_protect(lua_State *lua)
{
    lua_newtable(lua);                         /* real standin */
    lua_createtable(lua, 0, 4);                /* real standin meta */
    lua_pushvalue(lua, -3);
    lua_setfield(lua, -2, "__index");
    lua_pushcfunction(lua, refuse_change);
    lua_setfield(lua, -2, "__newindex");
    lua_pushlightuserdata(lua, mark_key());
    lua_pushvalue(lua, -4);
    lua_rawset(lua, -3);
    /* Who asks for the metatable gets something that cannot be changed either. */
    lua_getfield(lua, LUA_REGISTRYINDEX, "nothing");
    if (lua_isnil(lua, -1)) {
        lua_pop(lua, 1);
        lua_pushvalue(lua, -2);
        lua_setfield(lua, -2, "__metatable");
    } else {
        lua_setfield(lua, -2, "__metatable");
    }
    lua_setmetatable(lua, -2);
    lua_remove(lua, -2);
}

bool engine_push_real(lua_State *lua, int index)
{
    if (lua_type(lua, index) != LUA_TTABLE || !lua_getmetatable(lua, index))
        return false;
    lua_pushlightuserdata(lua, mark_key());
    lua_rawget(lua, -2);
    lua_remove(lua, -2);
    if (lua_istable(lua, -1))
        return true;
    lua_pop(lua, 1);
    return false;
}

static int no_such_global(lua_State *lua)
{
    if (!lua_isstring(lua, 2))
        return luaL_error(lua, "Second argument to luaProtectedTableError must be a string or number");
    return luaL_error(lua, "Script attempted to access nonexistent global variable '%s'",
                      lua_tostring(lua, 2));
}

void engine_guard(lua_State *lua)
{
    lua_createtable(lua, 0, 1);
    lua_pushcfunction(lua, no_such_global);
    lua_setfield(lua, -2, "__index");
    lua_setmetatable(lua, -2);
}

/* Pushes the table that sealed globals are looked up in. */
static void push_globals(struct engine *engine)
{
    lua_rawgeti(engine->lua, LUA_REGISTRYINDEX, engine->globals);
}

void engine_look_up_in(struct engine *engine)
{
    lua_State *lua = engine->lua;

    if (lua_isnil(lua, -1)) {
        lua_pop(lua, 1);
        push_globals(engine);
    }
    lua_getmetatable(lua, LUA_GLOBALSINDEX);
    lua_insert(lua, -2);
    lua_setfield(lua, -2, "__index");
    lua_pop(lua, 1);
}

/* Protects every table among the globals on top of the stack. */
static void protect_tables(lua_State *lua)
{
    for (lua_pushnil(lua); lua_next(lua, -2) != 0; lua_pop(lua, 1)) {
        if (!lua_istable(lua, -1))
            continue;
        lua_pushvalue(lua, -2);
        lua_pushvalue(lua, -2);
        engine_protect(lua);
        lua_rawset(lua, -5); /* the key is there already: a walk may go on */
    }
}

/* Methods of strings are found in the real table, but nobody gets hold of it. */
static void protect_string_methods(lua_State *lua)
{
    bool have_methods;

    lua_pushliteral(lua, "");
    have_methods = lua_getmetatable(lua, -1) != 0;
    must(have_methods);
    lua_getfield(lua, -3, "string");
    lua_createtable(lua, 0, 1);
    lua_insert(lua, -2);
    lua_setfield(lua, -2, "__index");
    engine_protect(lua);
    lua_setfield(lua, -2, "__metatable");
    lua_pop(lua, 2);
}

void engine_seal(struct engine *engine)
{
    lua_State *lua = engine->lua;

    lua_newtable(lua);
    engine_protect(lua);
    lua_setfield(lua, LUA_REGISTRYINDEX, "nothing");
    sandbox_fill(lua, &engine->chance);
    protect_tables(lua);
    protect_string_methods(lua);
    engine_guard(lua);
    lua_pushvalue(lua, -1);
    engine->globals = luaL_ref(lua, LUA_REGISTRYINDEX);
    lua_pushvalue(lua, -1); /* globals globals */
    engine_protect(lua);    /* globals standin */
    lua_pushvalue(lua, -1);
    lua_setfield(lua, -3, "_G");
    lua_replace(lua, LUA_GLOBALSINDEX);
    lua_pop(lua, 1);
    lua_gc(lua, LUA_GCCOLLECT, 0);
}

void engine_set_global(struct engine *engine, const char *name)
{
    push_globals(engine);
    lua_insert(engine->lua, -2);
    lua_pushstring(engine->lua, name);
    lua_insert(engine->lua, -2);
    lua_rawset(engine->lua, -3);
    lua_pop(engine->lua, 1);
}

bool engine_compile(struct engine *engine, struct slice text, const char *name,
                    struct buffer *why)
{
    lua_State *lua = engine->lua;
    size_t len;
    const char *said;

    /* Compiling leaves garbage; what waits until memory has doubled is too much of it. */
    lua_gc(lua, LUA_GCSTEP, STEP_KILOBYTES);
    if (sandbox_load(lua, text, name))
        return true;
    said = lua_tolstring(lua, -1, &len);
    buffer_add(why, slice_of(said, len));
    lua_pop(lua, 1);
    return false;
}
