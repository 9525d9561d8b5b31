/* The machine: what scripts see, and that they change nothing; the libraries. */
#include <CUnit/Basic.h>
#include <lua5.1/lauxlib.h>

#include "broker/script/engine.h"
#include "broker/script/libraries.h"

void suite_engine(void);

static struct engine *sealed(void)
{
    struct engine *engine = engine_new(1);

    lua_newtable(engine_lua(engine));
    libraries_fill(engine_lua(engine));
    engine_seal(engine);
    return engine;
}

/* Runs a text that must return true; what it says otherwise is printed. */
static bool holds(struct engine *engine, const char *text)
{
    lua_State *lua = engine_lua(engine);
    struct buffer why = { 0 };
    int top = lua_gettop(lua);
    bool fine = engine_compile(engine, slice_text(text), "@text", &why);

    if (!fine) {
        printf("\n%s: %.*s\n", text, (int)why.len, why.at);
    } else if (lua_pcall(lua, 0, 1, 0) != 0 || !lua_toboolean(lua, -1)) {
        printf("\n%s: %s\n", text, lua_tostring(lua, -1));
        fine = false;
    }
    buffer_clear(&why);
    lua_settop(lua, top);
    return fine;
}

/* Whether a text fails with an error that has some words in it. */
static bool fails(struct engine *engine, const char *text, const char *words)
{
    lua_State *lua = engine_lua(engine);
    struct buffer why = { 0 };
    int top = lua_gettop(lua);
    bool fine = engine_compile(engine, slice_text(text), "@text", &why) &&
                lua_pcall(lua, 0, 1, 0) != 0 && strstr(lua_tostring(lua, -1), words) != NULL;

    buffer_clear(&why);
    lua_settop(lua, top);
    return fine;
}

static void no_table_of_the_house_can_be_changed(void)
{
    static const char *const attempts[] = {
        "x = 1", "_G.x = 1", "rawset(_G, 'x', 1)", "setmetatable(_G, {})", "string.x = 1",
        "rawset(string, 'sub', 1)", "setmetatable(table, {})", "table.insert(math, 1)",
        "getmetatable(_G).x = 1", "getmetatable('').__index = 1", "getmetatable(string).x = 1",
        "cjson.null = 1", "for k in pairs(bit) do bit[k] = 1 end",
        "local t = getmetatable(struct); t.__index = {}",
    };
    struct engine *engine = sealed();

    for (size_t i = 0; i < sizeof(attempts) / sizeof(attempts[0]); i++)
        CU_ASSERT(fails(engine, attempts[i], "readonly table"));
    CU_ASSERT(holds(engine, "return ('x'):rep(2) == 'xx' and bit.band(3, 1) == 1"));
    engine_free(engine);
}

static void what_is_not_there_is_an_error(void)
{
    struct engine *engine = sealed();

    CU_ASSERT(fails(engine, "return nothing", "nonexistent global variable 'nothing'"));
    CU_ASSERT(fails(engine, "return io", "nonexistent global variable 'io'"));
    CU_ASSERT(fails(engine, "return debug", "nonexistent global variable 'debug'"));
    CU_ASSERT(fails(engine, "return os.execute()", "execute"));
    CU_ASSERT(holds(engine, "return rawget(_G, 'nothing') == nil"));
    engine_free(engine);
}

static void walks_see_what_stands_behind(void)
{
    struct engine *engine = sealed();

    CU_ASSERT(holds(engine, "local n = 0 for k, v in pairs(struct) do n = n + 1 end return n == 3"));
    CU_ASSERT(holds(engine, "return type(next(string)) == 'string'"));
    CU_ASSERT(holds(engine, "return rawget(string, 'rep') == string.rep"));
    CU_ASSERT(holds(engine, "local n = 0 for k in pairs({1, 2, a = 3}) do n = n + 1 end return n == 3"));
    CU_ASSERT(holds(engine, "local t = setmetatable({}, {__index = {a = 1}}) return t.a == 1"));
    CU_ASSERT(holds(engine, "local t = {3, 1, 2} table.sort(t) table.insert(t, 4) return #t == 4"));
    engine_free(engine);
}

static void bytecode_is_bad_text(void)
{
    struct engine *engine = sealed();
    struct buffer why = { 0 };

    CU_ASSERT_FALSE(engine_compile(engine, SLICE("\x1bLuaQ"), "@text", &why));
    CU_ASSERT(strstr(why.at, "char(27)") != NULL);
    buffer_clear(&why);
    CU_ASSERT(holds(engine, "return loadstring(string.dump(function() end)) == nil"));
    CU_ASSERT(holds(engine, "local n = 0 return load(function() n = n + 1 "
                            "return n == 1 and '\\27Lua' or nil end) == nil"));
    CU_ASSERT(holds(engine, "return loadstring('return 7')() == 7"));
    engine_free(engine);
}

static void chance_follows_its_seed(void)
{
    struct engine *engine = sealed();

    CU_ASSERT(holds(engine, "math.randomseed(5) local a = math.random() math.randomseed(5) "
                            "return a == math.random()"));
    CU_ASSERT(holds(engine, "for i = 1, 1000 do local n = math.random(-3, 3) "
                            "if n < -3 or n > 3 or n % 1 ~= 0 then return false end end "
                            "return true"));
    engine_free(engine);
}

static void what_cmsgpack_packs_it_unpacks(void)
{
    static const char text[] =
        "local function value(depth)\n"
        "  local kind = math.random(depth < 4 and 7 or 5)\n"
        "  if kind == 1 then return math.random() < 0.5 end\n"
        "  if kind == 2 then return math.random(-2^31, 2^31 - 1) end\n"
        "  if kind == 3 then return math.random() * 2 ^ math.random(-60, 60) end\n"
        "  if kind == 4 then return ('x'):rep(math.random(0, 300)) end\n"
        "  if kind == 5 then return 2 ^ math.random(0, 62) end\n"
        "  local t = {}\n"
        "  for i = 1, math.random(0, 20) do\n"
        "    t[kind == 6 and i or ('k' .. i)] = value(depth + 1)\n"
        "  end\n"
        "  return t\n"
        "end\n"
        "local function same(a, b)\n"
        "  if type(a) ~= 'table' or type(b) ~= 'table' then return a == b end\n"
        "  for k, v in pairs(a) do if not same(v, b[k]) then return false end end\n"
        "  for k in pairs(b) do if a[k] == nil then return false end end\n"
        "  return true\n"
        "end\n"
        "for i = 1, 300 do\n"
        "  local a, b = value(0), value(0)\n"
        "  local c, d = cmsgpack.unpack(cmsgpack.pack(a, b))\n"
        "  if not same(a, c) or not same(b, d) then return false end\n"
        "end\n"
        "return true";
    struct engine *engine = sealed();

    CU_ASSERT(holds(engine, text));
    CU_ASSERT(holds(engine, "local t = {} t[1] = t return #cmsgpack.pack(t) == 17"));
    CU_ASSERT(fails(engine, "cmsgpack.unpack('\\220\\255\\255')", "Missing bytes"));
    CU_ASSERT(fails(engine, "cmsgpack.unpack('\\221\\255\\255\\255\\255')", "Missing bytes"));
    engine_free(engine);
}

static void what_struct_packs_it_unpacks(void)
{
    static const char text[] =
        "local letters = { 'b', 'h', 'i', 'l', 'i3', 'i5', 'd', 's' }\n"
        "for i = 1, 500 do\n"
        "  local format = ({ '<', '>', '!4', '>!8' })[math.random(4)]\n"
        "  local values = {}\n"
        "  for j = 1, math.random(1, 8) do\n"
        "    local letter = letters[math.random(#letters)]\n"
        "    format = format .. letter\n"
        "    values[j] = letter == 's' and ('y'):rep(math.random(0, 9)) or math.random(-128, 127)\n"
        "  end\n"
        "  local bytes = struct.pack(format, unpack(values))\n"
        "  local back = { struct.unpack(format, bytes) }\n"
        "  if back[#values + 1] ~= #bytes + 1 then return false end\n"
        "  for j = 1, #values do if back[j] ~= values[j] then return false end end\n"
        "end\n"
        "return true";
    struct engine *engine = sealed();

    CU_ASSERT(holds(engine, text));
    CU_ASSERT(fails(engine, "struct.pack('i33', 1)", "larger than limit"));
    CU_ASSERT(fails(engine, "struct.unpack('c9', 'x')", "data string too short"));
    CU_ASSERT(fails(engine, "struct.unpack('c0', 'x')", "needs a previous size"));
    CU_ASSERT(fails(engine, "struct.unpack('s', 'x')", "unfinished string"));
    engine_free(engine);
}

static void memory_is_counted_and_given_back(void)
{
    struct engine *engine = sealed();
    size_t before = engine_memory(engine);

    CU_ASSERT(holds(engine, "return #('x'):rep(1000000) == 1000000"));
    for (int i = 0; i < 12; i++) /* a buffer of Lua's own is halved each time */
        lua_gc(engine_lua(engine), LUA_GCCOLLECT, 0);
    CU_ASSERT(engine_memory(engine) < before + 10000);
    CU_ASSERT(fails(engine, "local t = 'x' for i = 1, 40 do t = t .. t end", "not enough memory"));
    CU_ASSERT(holds(engine, "return true"));
    engine_free(engine);
}

void suite_engine(void)
{
    CU_pSuite suite = CU_add_suite("engine", NULL, NULL);

    CU_add_test(suite, "no table of the house can be changed",
                no_table_of_the_house_can_be_changed);
    CU_add_test(suite, "what is not there is an error", what_is_not_there_is_an_error);
    CU_add_test(suite, "walks see what stands behind", walks_see_what_stands_behind);
    CU_add_test(suite, "bytecode is bad text", bytecode_is_bad_text);
    CU_add_test(suite, "chance follows its seed", chance_follows_its_seed);
    CU_add_test(suite, "what cmsgpack packs it unpacks", what_cmsgpack_packs_it_unpacks);
    CU_add_test(suite, "what struct packs it unpacks", what_struct_packs_it_unpacks);
    CU_add_test(suite, "memory is counted and given back", memory_is_counted_and_given_back);
}
