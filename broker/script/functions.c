/*
 * What always holds:
 *   (1) A library is in the chain and in the table of libraries, and each of its
 *       functions is in the table of functions, under its name in small letters.
 *   (2) `loading` is NULL but while the text of a library runs.
 *   (3) There is a machine if there is a library.
 */
#include "broker/script/functions.h"

#include <lua5.1/lauxlib.h>
#include <lua5.1/lua.h>

#include "broker/script/bridge.h"
#include "broker/script/engine.h"
#include "broker/script/first_line.h"
#include "broker/script/functions_private.h"
#include "broker/script/libraries.h"
#include "broker/script/lua_reply.h"
#include "storage/base/clock.h"
#include "storage/base/glob.h"
#include "storage/base/memory.h"
#include "storage/base/must.h"
#include "storage/base/trouble.h"
#include "storage/index/table.h"
#include "storage/persist/rdb_save.h"

enum {
    LOAD_MOST = 500,       /* milliseconds that the text of a library may run */
    INSTRUCTIONS = 100000, /* between looks at the clock */
};

struct functions {
    struct functions_setup setup;
    struct engine *engine;
    int loading_globals; /* in the registry of the machine */
    struct library *loading;
    micros stop_at; /* monotonic: when a text that runs is stopped */
    struct table libraries;
    struct table functions;
    struct chain all;
    size_t bytes;
};

/* Where the registry of a machine has the functions: the hook gets no argument of ours. */
static const char place = 'f';

static struct slice library_key(const void *item)
{
    return bytes_slice(((const struct library *)item)->name);
}

static struct slice function_key(const void *item)
{
    return bytes_slice(((const struct function *)item)->folded);
}

static const struct table_kind library_kind = { library_key };
static const struct table_kind function_kind = { function_key };

struct functions *functions_new(const struct functions_setup *setup)
{
    struct functions *functions = memory_new_zeroed(1, sizeof(*functions));

    functions->setup = *setup;
    table_init(&functions->libraries, &library_kind, setup->secret);
    table_init(&functions->functions, &function_kind, setup->secret);
    chain_init(&functions->all);
    return functions;
}

void functions_free(struct functions *functions)
{
    if (functions == NULL)
        return;
    functions_flush(functions);
    table_clear(&functions->libraries, NULL, NULL);
    table_clear(&functions->functions, NULL, NULL);
    memory_free(functions);
}

/* The machine, made if there is none. */
static struct engine *engine_of(struct functions *functions)
{
    lua_State *lua;

    if (functions->engine != NULL)
        return functions->engine;
    functions->engine = engine_new((int32_t)random_below(functions->setup.random, INT32_MAX));
    lua = engine_lua(functions->engine);
    register_push_globals(lua, functions->setup.bridge, &functions->loading);
    functions->loading_globals = luaL_ref(lua, LUA_REGISTRYINDEX);
    lua_newtable(lua);
    libraries_fill(lua);
    bridge_push(functions->setup.bridge, lua, true);
    lua_setfield(lua, -2, "redis");
    engine_seal(functions->engine);
    lua_pushlightuserdata(lua, (void *)(uintptr_t)&place);
    lua_pushlightuserdata(lua, functions);
    lua_rawset(lua, LUA_REGISTRYINDEX);
    return functions->engine;
}

static struct library *find_library(const struct functions *functions, struct slice name)
{
    return table_find(&functions->libraries, name, table_hash(&functions->libraries, name));
}

static struct function *find_folded(const struct functions *functions, struct slice folded)
{
    return table_find(&functions->functions, folded, table_hash(&functions->functions, folded));
}

const struct function *functions_find(const struct functions *functions, struct slice name)
{
    const struct function *function = find_folded(functions, name);
    struct bytes *folded;

    if (function != NULL || !function_name_is_fine(name))
        return function;
    folded = function_fold(name);
    function = find_folded(functions, bytes_slice(folded));
    bytes_drop(folded);
    return function;
}

bool function_only_reads(const struct function *function)
{
    return (function->flags & SCRIPT_NO_WRITES) != 0;
}

/* ---- Libraries come and go ---- */

/* Frees a library that is in no table. */
static void free_library(struct functions *functions, struct library *library)
{
    while (library->first != NULL) {
        struct function *function = library->first;

        library->first = function->next;
        luaL_unref(engine_lua(functions->engine), LUA_REGISTRYINDEX, function->reference);
        function_free(function);
    }
    bytes_drop(library->name);
    bytes_drop(library->text);
    memory_free(library);
}

static size_t weigh(const struct library *library)
{
    return sizeof(*library) + bytes_len(library->text) + bytes_len(library->name) +
           library->count * sizeof(struct function);
}

static void put_in(struct functions *functions, struct library *library)
{
    table_add(&functions->libraries, library,
              table_hash(&functions->libraries, bytes_slice(library->name)));
    for (struct function *function = library->first; function != NULL; function = function->next)
        table_add(&functions->functions, function,
                  table_hash(&functions->functions, bytes_slice(function->folded)));
    chain_put_last(&functions->all, &library->all);
    functions->bytes += weigh(library);
}

static void take_out(struct functions *functions, struct library *library)
{
    struct slice name = bytes_slice(library->name);

    (void)table_remove(&functions->libraries, name, table_hash(&functions->libraries, name));
    for (struct function *function = library->first; function != NULL;
         function = function->next) {
        struct slice folded = bytes_slice(function->folded);

        (void)table_remove(&functions->functions, folded,
                           table_hash(&functions->functions, folded));
    }
    chain_leave(&library->all);
    functions->bytes -= weigh(library);
}

static void remove_library(struct functions *functions, struct library *library)
{
    take_out(functions, library);
    free_library(functions, library);
}

bool functions_delete(struct functions *functions, struct slice name)
{
    struct library *library = find_library(functions, name);

    if (library == NULL)
        return false;
    remove_library(functions, library);
    return true;
}

void functions_flush(struct functions *functions)
{
    while (!chain_is_empty(&functions->all))
        remove_library(functions, CHAIN_OWNER(functions->all.next, struct library, all));
    engine_free(functions->engine);
    functions->engine = NULL;
}

/* ---- Loading ---- */

/* The hook: stops a text that runs too long. */
static void look_at_clock(lua_State *lua, lua_Debug *activation)
{
    struct functions *functions;

    (void)activation;
    lua_pushlightuserdata(lua, (void *)(uintptr_t)&place);
    lua_rawget(lua, LUA_REGISTRYINDEX);
    functions = lua_touserdata(lua, -1);
    lua_pop(lua, 1);
    if (clock_monotonic(functions->setup.clock) < functions->stop_at)
        return;
    lua_push_error(lua, SLICE("ERR FUNCTION LOAD timeout"), false);
    (void)lua_error(lua);
}

/* Runs the function on top of the stack, which registers functions in a library. */
static bool run_text(struct functions *functions, struct library *library, bool hasty,
                     struct buffer *why)
{
    lua_State *lua = engine_lua(functions->engine);
    int status;

    lua_rawgeti(lua, LUA_REGISTRYINDEX, functions->loading_globals);
    engine_look_up_in(functions->engine);
    lua_pushcfunction(lua, bridge_on_error);
    lua_insert(lua, -2);
    functions->loading = library;
    if (hasty) {
        functions->stop_at = clock_monotonic(functions->setup.clock) + LOAD_MOST * 1000;
        lua_sethook(lua, look_at_clock, LUA_MASKCOUNT, INSTRUCTIONS);
    }
    status = lua_pcall(lua, 0, 0, -2);
    lua_sethook(lua, NULL, 0, 0);
    functions->loading = NULL;
    if (status != 0) {
        buffer_add(why, SLICE("ERR Error registering functions: "));
        buffer_add(why, bridge_error_text(lua));
        lua_pop(lua, 1);
    }
    lua_pop(lua, 1);
    lua_pushnil(lua);
    engine_look_up_in(functions->engine);
    return status == 0;
}

/* Whether no function has the name of one of a library that stays; why not is told. */
static bool names_are_free(const struct functions *functions, const struct library *library,
                           struct buffer *why)
{
    for (const struct function *function = library->first; function != NULL;
         function = function->next) {
        const struct function *other = find_folded(functions, bytes_slice(function->folded));

        if (other == NULL || other->library->going)
            continue;
        buffer_print(why, "ERR Function %.*s already exists", (int)bytes_len(function->name),
                     function->name->at);
        return false;
    }
    return true;
}

/* Makes a library from its code; NULL and why not. */
static struct library *make(struct functions *functions, struct slice name, struct slice text,
                            struct slice code, bool hasty, struct buffer *why)
{
    struct engine *engine = engine_of(functions);
    struct buffer trouble = { 0 };
    struct library *library;
    bool fine = engine_compile(engine, code, "@user_function", &trouble);

    if (!fine) {
        buffer_add(why, SLICE("ERR Error compiling function: "));
        buffer_add(why, buffer_slice(&trouble));
    }
    buffer_clear(&trouble);
    if (!fine)
        return NULL;
    library = memory_new_zeroed(1, sizeof(*library));
    chain_init(&library->all);
    library->name = bytes_copy(name);
    library->text = bytes_copy(text);
    fine = run_text(functions, library, hasty, why);
    if (fine && library->count == 0) {
        buffer_add(why, SLICE("ERR No functions registered"));
        fine = false;
    }
    if (fine)
        return library;
    free_library(functions, library);
    return NULL;
}

struct slice functions_load(struct functions *functions, struct slice text, bool replace,
                            bool hasty, struct buffer *why)
{
    struct first_line line;
    struct library *library = NULL;
    struct library *replaced = NULL;
    struct slice name;

    if (library_read_first_line(&line, text, &name, why)) {
        replaced = find_library(functions, name);
        if (replaced != NULL && !replace)
            buffer_print(why, "ERR Library '%.*s' already exists", (int)name.len, name.at);
        else
            library = make(functions, name, text, line.rest, hasty, why);
    }
    first_line_clear(&line);
    if (library == NULL)
        return slice_of(NULL, 0);
    if (replaced != NULL)
        replaced->going = true;
    if (!names_are_free(functions, library, why)) {
        if (replaced != NULL)
            replaced->going = false;
        free_library(functions, library);
        return slice_of(NULL, 0);
    }
    if (replaced != NULL)
        remove_library(functions, replaced);
    put_in(functions, library);
    return bytes_slice(library->name);
}

/* ---- Restoring ---- */

/* Makes one of several libraries and puts it at the end of the chain of those made so far. */
static bool stage(struct functions *functions, struct slice text, struct chain *staged,
                  struct buffer *why)
{
    struct first_line line;
    struct library *library = NULL;
    struct slice name;

    if (library_read_first_line(&line, text, &name, why))
        library = make(functions, name, text, line.rest, false, why);
    first_line_clear(&line);
    if (library == NULL)
        return false;
    chain_put_last(staged, &library->all);
    return true;
}

/* Whether two of those made have the same name, or functions of the same name; that is told. */
static bool clash(const struct library *one, const struct library *other, struct buffer *why)
{
    if (slice_equal(bytes_slice(one->name), bytes_slice(other->name))) {
        buffer_print(why, "ERR Library '%.*s' already exists", (int)bytes_len(one->name),
                     one->name->at);
        return true;
    }
    for (const struct function *function = other->first; function != NULL;
         function = function->next) {
        if (library_find(one, bytes_slice(function->folded)) == NULL)
            continue;
        buffer_print(why, "ERR Function %.*s already exists", (int)bytes_len(function->name),
                     function->name->at);
        return true;
    }
    return false;
}

static bool clash_among(const struct chain *staged, struct buffer *why)
{
    for (struct chain *one = staged->next; one != staged; one = one->next) {
        for (struct chain *other = one->next; other != staged; other = other->next) {
            if (clash(CHAIN_OWNER(one, struct library, all),
                      CHAIN_OWNER(other, struct library, all), why))
                return true;
        }
    }
    return false;
}

/* Marks the libraries that make room for those made, by the policy. */
static bool mark_going(struct functions *functions, const struct chain *staged,
                       enum function_policy policy, struct buffer *why)
{
    for (struct chain *link = functions->all.next; link != &functions->all; link = link->next)
        CHAIN_OWNER(link, struct library, all)->going = policy == FUNCTION_FLUSH;
    for (struct chain *link = staged->next; link != staged; link = link->next) {
        struct slice name = bytes_slice(CHAIN_OWNER(link, struct library, all)->name);
        struct library *there = find_library(functions, name);

        if (there == NULL)
            continue;
        if (policy == FUNCTION_APPEND) {
            buffer_print(why, "ERR Library %.*s already exists", (int)name.len, name.at);
            return false;
        }
        there->going = true;
    }
    for (struct chain *link = staged->next; link != staged; link = link->next) {
        if (!names_are_free(functions, CHAIN_OWNER(link, struct library, all), why))
            return false;
    }
    return true;
}

bool functions_restore(struct functions *functions, const struct slice *texts, size_t count,
                       enum function_policy policy, struct buffer *why)
{
    struct chain staged;
    bool fine = true;

    chain_init(&staged);
    for (size_t i = 0; i < count && fine; i++)
        fine = stage(functions, texts[i], &staged, why);
    fine = fine && !clash_among(&staged, why);
    if (fine) {
        fine = mark_going(functions, &staged, policy, why);
        for (struct chain *link = functions->all.next; link != &functions->all;) {
            struct library *library = CHAIN_OWNER(link, struct library, all);

            link = link->next;
            if (fine && library->going)
                remove_library(functions, library);
            else
                library->going = false;
        }
    }
    while (!chain_is_empty(&staged)) {
        struct library *library = CHAIN_OWNER(staged.next, struct library, all);

        chain_leave(&library->all);
        if (fine)
            put_in(functions, library);
        else
            free_library(functions, library);
    }
    return fine;
}

/* ---- Calling ---- */

static void push_words(lua_State *lua, const struct slice *words, size_t count)
{
    lua_createtable(lua, (int)count, 0);
    for (size_t i = 0; i < count; i++) {
        lua_pushlstring(lua, words[i].at, words[i].len);
        lua_rawseti(lua, -2, (int)i + 1);
    }
}

enum verdict functions_call(struct functions *functions, struct call *call,
                            const struct function *function,
                            const struct function_request *request)
{
    struct script_run run = { .call = call,
                              .name = bytes_slice(function->name),
                              .flags = function->flags,
                              .is_function = true };
    enum refusal refusal = bridge_refuses(functions->setup.bridge, &run, request->read_only);
    lua_State *lua;

    if (refusal != REFUSAL_NONE)
        return call_refuse(call, refusal);
    lua = engine_lua(functions->engine);
    lua_rawgeti(lua, LUA_REGISTRYINDEX, function->reference);
    push_words(lua, request->keys, request->key_count);
    push_words(lua, request->arguments, request->argument_count);
    return bridge_run(functions->setup.bridge, lua, &run, 2);
}

/* ---- Telling ---- */

static void list_function(struct reply *reply, const struct function *function)
{
    const char *names[SCRIPT_FLAGS];
    size_t count = script_flag_names(function->flags, names);

    reply_map(reply, 3);
    reply_bulk(reply, SLICE("name"));
    reply_bulk(reply, bytes_slice(function->name));
    reply_bulk(reply, SLICE("description"));
    if (function->description != NULL)
        reply_bulk(reply, bytes_slice(function->description));
    else
        reply_nil(reply);
    reply_bulk(reply, SLICE("flags"));
    reply_set(reply, count);
    for (size_t i = 0; i < count; i++)
        reply_simple(reply, slice_text(names[i]));
}

static void list_library(struct reply *reply, const struct library *library, bool with_code)
{
    reply_map(reply, with_code ? 4 : 3);
    reply_bulk(reply, SLICE("library_name"));
    reply_bulk(reply, bytes_slice(library->name));
    reply_bulk(reply, SLICE("engine"));
    reply_bulk(reply, SLICE("LUA"));
    reply_bulk(reply, SLICE("functions"));
    reply_array(reply, library->count);
    for (const struct function *function = library->first; function != NULL;
         function = function->next)
        list_function(reply, function);
    if (!with_code)
        return;
    reply_bulk(reply, SLICE("library_code"));
    reply_bulk(reply, bytes_slice(library->text));
}

void functions_list(const struct functions *functions, struct reply *reply, struct slice pattern,
                    bool with_code)
{
    struct outbox_hole hole = reply_open(reply);
    size_t count = 0;

    for (struct chain *link = functions->all.next; link != &functions->all; link = link->next) {
        const struct library *library = CHAIN_OWNER(link, struct library, all);

        if (!glob_match_nocase(pattern, bytes_slice(library->name)))
            continue;
        list_library(reply, library, with_code);
        count++;
    }
    reply_close_array(reply, hole, count);
}

/* ---- Snapshots ---- */

static void show_each(void *who, void (*show)(void *to, struct slice code), void *to)
{
    const struct functions *functions = who;

    for (struct chain *link = functions->all.next; link != &functions->all; link = link->next)
        show(to, bytes_slice(CHAIN_OWNER(link, struct library, all)->text));
}

static bool take_one(void *who, struct slice code, bool replace, struct trouble *trouble)
{
    struct buffer why = { 0 };
    bool fine = functions_load(who, code, replace, false, &why).len > 0;

    if (!fine)
        (void)trouble_set(trouble, "%.*s", (int)why.len, why.at);
    buffer_clear(&why);
    return fine;
}

static void forget_all(void *who)
{
    functions_flush(who);
}

struct rdb_functions functions_for_snapshots(struct functions *functions)
{
    return (struct rdb_functions){ show_each, take_one, forget_all, functions };
}

struct function_figures functions_figures(const struct functions *functions)
{
    struct function_figures figures = { .libraries = table_count(&functions->libraries),
                                        .functions = table_count(&functions->functions),
                                        .bytes = functions->bytes };

    if (functions->engine != NULL)
        figures.machine_bytes = engine_memory(functions->engine);
    return figures;
}

void functions_check(const struct functions *functions)
{
    size_t libraries = 0;
    size_t count = 0;
    size_t bytes = 0;

    must(functions->loading == NULL);
    for (struct chain *link = functions->all.next; link != &functions->all; link = link->next) {
        const struct library *library = CHAIN_OWNER(link, struct library, all);
        size_t own = 0;

        must(find_library(functions, bytes_slice(library->name)) == library);
        must(!library->going);
        for (const struct function *function = library->first; function != NULL;
             function = function->next) {
            must(function->library == library);
            must(find_folded(functions, bytes_slice(function->folded)) == function);
            own++;
        }
        must(own == library->count && own > 0);
        libraries++;
        count += own;
        bytes += weigh(library);
    }
    must(libraries == table_count(&functions->libraries));
    must(count == table_count(&functions->functions));
    must(bytes == functions->bytes);
    must(libraries == 0 || functions->engine != NULL);
}
