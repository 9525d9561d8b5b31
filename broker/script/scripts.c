/*
 * What always holds:
 *   (1) A script is in both tables, under its digest and under its text; its
 *       function is in the registry of the machine under `function`.
 *   (2) A script is in the chain `passing` if EVAL brought it and nobody
 *       loaded it since; the one used last is last.
 *   (3) There is a machine if there is a script.
 */
#include "broker/script/scripts.h"

#include <lua5.1/lauxlib.h>
#include <lua5.1/lua.h>

#include "broker/script/bridge.h"
#include "broker/script/engine.h"
#include "broker/script/first_line.h"
#include "broker/script/libraries.h"
#include "storage/base/chain.h"
#include "storage/base/memory.h"
#include "storage/base/mover.h"
#include "storage/index/table.h"

enum {
    HEX = 2 * DIGEST_SHA1_SIZE,
    PASSING_MOST = 500, /* scripts of EVAL that are kept */
    PASSING_BYTES = 8 * 1024 * 1024 /* of their texts; the last is kept in any case */
};

struct script {
    struct chain passing;
    char digest[HEX + 1];
    int function;
    uint32_t flags; /* enum script_flags */
    size_t size;    /* of the text */
    char text[];
};

struct scripts {
    struct scripts_setup setup;
    struct engine *engine;
    struct table known;   /* by digest */
    struct table by_text; /* the same: EVAL need not make a digest */
    struct chain passing;
    size_t passing_count;
    size_t passing_bytes; /* of their texts */
    size_t bytes;
    uint64_t evicted;
};

static struct slice key_of(const void *item)
{
    const struct script *script = item;

    return slice_of(script->digest, HEX);
}

static struct slice text_of(const void *item)
{
    const struct script *script = item;

    return slice_of(script->text, script->size);
}

static const struct table_kind kind = { key_of };
static const struct table_kind text_kind = { text_of };

struct scripts *scripts_new(const struct scripts_setup *setup)
{
    struct scripts *scripts = memory_new_zeroed(1, sizeof(*scripts));

    scripts->setup = *setup;
    table_init(&scripts->known, &kind, setup->secret);
    table_init(&scripts->by_text, &text_kind, setup->secret);
    chain_init(&scripts->passing);
    return scripts;
}

static void free_script(void *who, void *item)
{
    (void)who;
    memory_free(item);
}

void scripts_flush(struct scripts *scripts)
{
    table_clear(&scripts->by_text, NULL, NULL);
    table_clear(&scripts->known, free_script, NULL);
    table_init(&scripts->known, &kind, scripts->setup.secret);
    table_init(&scripts->by_text, &text_kind, scripts->setup.secret);
    chain_init(&scripts->passing);
    scripts->passing_count = 0;
    scripts->passing_bytes = 0;
    scripts->bytes = 0;
    engine_free(scripts->engine);
    scripts->engine = NULL;
}

void scripts_free(struct scripts *scripts)
{
    if (scripts == NULL)
        return;
    scripts_flush(scripts);
    table_clear(&scripts->by_text, NULL, NULL);
    table_clear(&scripts->known, NULL, NULL);
    memory_free(scripts);
}

/* The machine, made if there is none. */
static struct engine *engine_of(struct scripts *scripts)
{
    lua_State *lua;

    if (scripts->engine != NULL)
        return scripts->engine;
    scripts->engine = engine_new((int32_t)random_below(scripts->setup.random, INT32_MAX));
    lua = engine_lua(scripts->engine);
    lua_newtable(lua);
    libraries_fill(lua);
    bridge_push(scripts->setup.bridge, lua, false);
    lua_setfield(lua, -2, "redis");
    engine_seal(scripts->engine);
    return scripts->engine;
}

static struct script *find(const struct scripts *scripts, struct slice digest)
{
    char lower[HEX];

    if (digest.len != HEX)
        return NULL;
    for (size_t i = 0; i < HEX; i++)
        lower[i] = digest.at[i] >= 'A' && digest.at[i] <= 'Z' ? (char)(digest.at[i] + 32)
                                                              : digest.at[i];
    digest = slice_of(lower, HEX);
    return table_find(&scripts->known, digest, table_hash(&scripts->known, digest));
}

bool scripts_know(const struct scripts *scripts, struct slice digest)
{
    return find(scripts, digest) != NULL;
}

static struct script *find_text(const struct scripts *scripts, struct slice text)
{
    return table_find(&scripts->by_text, text, table_hash(&scripts->by_text, text));
}

static void digest_text(struct slice text, char hex[HEX + 1])
{
    unsigned char digest[DIGEST_SHA1_SIZE];

    digest_sha1(text, digest);
    digest_hex(digest, sizeof(digest), hex);
}

/* ---- The first line ---- */

static bool read_flags(struct slice list, uint32_t *flags, struct buffer *why)
{
    bool more = list.len > 0;

    while (more) {
        const char *comma = list.len > 0 ? memchr(list.at, ',', list.len) : NULL;
        struct slice name = slice_of(list.at, comma != NULL ? (size_t)(comma - list.at) : list.len);
        uint32_t flag = script_flag(name);

        if (flag == 0) {
            buffer_print(why, "ERR Unexpected flag in script shebang: %.*s", (int)name.len,
                         name.at);
            return false;
        }
        *flags |= flag;
        more = comma != NULL;
        list = slice_after(list, name.len + more);
    }
    return true;
}

static bool read_words(const struct first_line *line, uint32_t *flags, struct buffer *why)
{
    *flags = 0;
    if (!slice_equal(line->words[0], SLICE("#!lua"))) {
        buffer_print(why, "ERR Unexpected engine in script shebang: %.*s",
                     (int)line->words[0].len, line->words[0].at);
        return false;
    }
    for (int i = 1; i < line->count; i++) {
        struct slice word = line->words[i];

        if (word.len < 6 || memcmp(word.at, "flags=", 6) != 0) {
            buffer_print(why, "ERR Unknown lua shebang option: %.*s", (int)word.len, word.at);
            return false;
        }
        if (!read_flags(slice_after(word, 6), flags, why))
            return false;
    }
    return true;
}

/* Reads a first line that begins with #!, takes it off the text and sets the flags. */
static bool read_first_line(struct slice *text, uint32_t *flags, struct buffer *why)
{
    struct first_line line;
    bool fine;

    *flags = SCRIPT_SAYS_NOTHING;
    if (!first_line_read(&line, *text))
        return true;
    if (line.count > 0) {
        fine = read_words(&line, flags, why);
    } else {
        fine = false;
        buffer_add(why, memchr(text->at, '\n', text->len) == NULL
                            ? SLICE("ERR Invalid script shebang")
                            : SLICE("ERR Invalid engine in script shebang"));
    }
    *text = line.rest;
    first_line_clear(&line);
    return fine;
}

bool scripts_only_read(const struct scripts *scripts, struct slice text, bool by_digest)
{
    const struct script *script = by_digest ? find(scripts, text) : find_text(scripts, text);
    struct buffer why = { 0 };
    uint32_t flags = 0;

    if (script != NULL)
        flags = script->flags;
    else if (!by_digest)
        (void)read_first_line(&text, &flags, &why);
    buffer_clear(&why);
    return (flags & SCRIPT_NO_WRITES) != 0;
}

/* ---- Keeping ---- */

/* It is none of those that pass any more, if it was. */
static void leave_passing(struct scripts *scripts, struct script *script)
{
    if (!chain_linked(&script->passing))
        return;
    chain_leave(&script->passing);
    scripts->passing_count--;
    scripts->passing_bytes -= script->size;
}

static void forget(struct scripts *scripts, struct script *script)
{
    struct slice digest = key_of(script);

    struct slice text = text_of(script);

    (void)table_remove(&scripts->known, digest, table_hash(&scripts->known, digest));
    (void)table_remove(&scripts->by_text, text, table_hash(&scripts->by_text, text));
    leave_passing(scripts, script);
    luaL_unref(engine_lua(scripts->engine), LUA_REGISTRYINDEX, script->function);
    scripts->bytes -= script->size + sizeof(*script);
    memory_free(script);
}

/* Compiles a text that is not known yet; NULL and why not. */
static struct script *compile(struct scripts *scripts, struct slice text, struct buffer *why)
{
    struct engine *engine = engine_of(scripts);
    struct slice code = text;
    struct script *script;
    uint32_t flags;

    if (!read_first_line(&code, &flags, why))
        return NULL;
    buffer_add(why, SLICE("ERR Error compiling script (new function): "));
    if (!engine_compile(engine, code, "@user_script", why))
        return NULL;
    script = memory_new(sizeof(*script) + text.len);
    *script = (struct script){ .flags = flags, .size = text.len };
    if (text.len > 0)
        memcpy(script->text, text.at, text.len);
    chain_init(&script->passing);
    digest_text(text, script->digest);
    script->function = luaL_ref(engine_lua(engine), LUA_REGISTRYINDEX);
    table_add(&scripts->known, script, table_hash(&scripts->known, key_of(script)));
    table_add(&scripts->by_text, script, table_hash(&scripts->by_text, text_of(script)));
    scripts->bytes += script->size + sizeof(*script);
    return script;
}

/* A script that EVAL brought is the one used last, and the oldest of too many, or too long, go. */
static void keep_passing(struct scripts *scripts, struct script *script)
{
    chain_put_last(&scripts->passing, &script->passing);
    scripts->passing_count++;
    scripts->passing_bytes += script->size;
    while (scripts->passing_count > PASSING_MOST ||
           (scripts->passing_bytes > PASSING_BYTES && scripts->passing_count > 1)) {
        scripts->evicted++;
        forget(scripts, CHAIN_OWNER(scripts->passing.next, struct script, passing));
    }
}

enum verdict scripts_load(struct scripts *scripts, struct call *call, struct slice text)
{
    struct script *script = find_text(scripts, text);
    struct buffer why = { 0 };

    if (script == NULL)
        script = compile(scripts, text, &why);
    if (script == NULL) {
        reply_error(call->reply, buffer_slice(&why));
        buffer_clear(&why);
        return VERDICT_REFUSED;
    }
    buffer_clear(&why);
    leave_passing(scripts, script);
    reply_bulk(call->reply, key_of(script));
    return VERDICT_DONE;
}

/* ---- Running ---- */

/* Sets a global to a table of the words. */
static void set_words(struct engine *engine, const char *name, const struct slice *words,
                      size_t count)
{
    lua_State *lua = engine_lua(engine);

    lua_createtable(lua, (int)count, 0);
    for (size_t i = 0; i < count; i++) {
        lua_pushlstring(lua, words[i].at, words[i].len);
        lua_rawseti(lua, -2, (int)i + 1);
    }
    engine_set_global(engine, name);
}

/* The script that is asked for; answers and returns NULL if there is none. */
static struct script *look_up(struct scripts *scripts, struct call *call,
                              const struct script_request *request)
{
    struct script *script;
    struct buffer why = { 0 };

    if (request->by_digest) {
        script = find(scripts, request->text);
        if (script == NULL)
            (void)call_refuse(call, REFUSAL_NO_SCRIPT);
    } else {
        script = find_text(scripts, request->text);
        if (script == NULL) {
            script = compile(scripts, request->text, &why);
            if (script == NULL)
                reply_error(call->reply, buffer_slice(&why));
            else
                keep_passing(scripts, script);
            buffer_clear(&why);
            return script;
        }
    }
    if (script != NULL && chain_linked(&script->passing)) {
        chain_leave(&script->passing);
        chain_put_last(&scripts->passing, &script->passing);
    }
    return script;
}

enum verdict scripts_run(struct scripts *scripts, struct call *call,
                         const struct script_request *request)
{
    struct script *script = look_up(scripts, call, request);
    struct script_run run = { .call = call };
    enum refusal refusal;
    lua_State *lua;

    if (script == NULL)
        return VERDICT_REFUSED;
    run.name = key_of(script);
    run.flags = script->flags;
    refusal = bridge_refuses(scripts->setup.bridge, &run, request->read_only);
    if (refusal != REFUSAL_NONE)
        return call_refuse(call, refusal);
    if (request->read_only)
        run.flags |= SCRIPT_NO_WRITES;
    set_words(scripts->engine, "KEYS", request->keys, request->key_count);
    set_words(scripts->engine, "ARGV", request->arguments, request->argument_count);
    lua = engine_lua(scripts->engine);
    lua_rawgeti(lua, LUA_REGISTRYINDEX, script->function);
    return bridge_run(scripts->setup.bridge, lua, &run, 0);
}

struct script_figures scripts_figures(const struct scripts *scripts)
{
    struct script_figures figures = { .count = table_count(&scripts->known),
                                      .bytes = scripts->bytes + table_memory(&scripts->known) +
                                               table_memory(&scripts->by_text),
                                      .evicted = scripts->evicted };

    if (scripts->engine != NULL)
        figures.machine_bytes = engine_memory(scripts->engine);
    return figures;
}

struct script_move {
    struct scripts *scripts;
    struct mover   *mover;
};

static void move_script(void *who, void **slot)
{
    const struct script_move *move = who;
    struct table *by_text = &move->scripts->by_text;
    struct script *script = *slot;
    struct script *moved = mover_copy(move->mover, script);
    struct slice text = text_of(script);
    void **other;

    if (moved == NULL)
        return;
    other = table_find_slot(by_text, text, table_hash(by_text, text));
    must(other != NULL && *other == script);
    *slot = *other = moved;
    chain_moved(&moved->passing, &script->passing);
    mover_leave(move->mover, script);
}

uint64_t scripts_move(void *who, struct mover *mover, uint64_t at)
{
    struct scripts *scripts = who;
    struct script_move move = { scripts, mover };

    return table_move(&scripts->known, mover, at, move_script, &move);
}
