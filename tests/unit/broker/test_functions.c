/* Libraries of functions: loaded whole or not at all, replaced, dumped and restored. */
#include <CUnit/Basic.h>

#include "broker/script/bridge.h"
#include "broker/script/function_dump.h"
#include "storage/base/random.h"
#include "storage/values/value.h"

void suite_functions(void);

struct bench {
    struct clock *clock;
    struct random random;
    struct bridge *bridge;
    struct functions *functions;
    struct buffer why;
};

static void begin(struct bench *bench)
{
    *bench = (struct bench){ .clock = clock_new_settable(0) };
    random_seed(&bench->random, 7);
    bench->bridge = bridge_new(&(struct bridge_setup){ .version = "7.0.15" });
    bench->functions =
        functions_new(&(struct functions_setup){ .bridge = bench->bridge,
                                                 .clock = bench->clock,
                                                 .random = &bench->random,
                                                 .secret = value_limits_default.secret });
}

static void end(struct bench *bench)
{
    functions_free(bench->functions);
    bridge_free(bench->bridge);
    buffer_clear(&bench->why);
    clock_free(bench->clock);
}

static bool load(struct bench *bench, const char *text, bool replace)
{
    buffer_rewind(&bench->why);
    return functions_load(bench->functions, slice_text(text), replace, false, &bench->why).len > 0;
}

static bool why_is(const struct bench *bench, const char *wanted)
{
    return slice_equal(buffer_slice(&bench->why), slice_text(wanted));
}

static bool has(const struct bench *bench, const char *name)
{
    return functions_find(bench->functions, slice_text(name)) != NULL;
}

static void functions_are_found_in_any_case(void)
{
    struct bench bench;

    begin(&bench);
    CU_ASSERT(
        load(&bench, "#!lua name=a\nredis.register_function('Fun_1', function() end)", false));
    CU_ASSERT(has(&bench, "fun_1"));
    CU_ASSERT(has(&bench, "FUN_1"));
    CU_ASSERT_FALSE(has(&bench, "fun"));
    CU_ASSERT_FALSE(has(&bench, ""));
    functions_check(bench.functions);
    CU_ASSERT(functions_delete(bench.functions, SLICE("a")));
    CU_ASSERT_FALSE(functions_delete(bench.functions, SLICE("a")));
    CU_ASSERT_FALSE(has(&bench, "fun_1"));
    functions_check(bench.functions);
    end(&bench);
}

static void what_fails_leaves_all_as_it_was(void)
{
    static const char *const bad[] = {
        "#!lua name=a\nredis.register_function('g', function() end) x = 1",
        "#!lua name=a\nredis.register_function('g', function() end) x.y = 1",
        "#!lua name=a\nredis.register_function('g', function() end) redis.register_function('G')",
        "#!lua name=a\nredis.register_function('other', function() end)",
        "#!lua name=a\n)",
        "#!lua name=a\n",
        "#!lua\n",
        "",
    };
    struct bench bench;

    begin(&bench);
    CU_ASSERT(load(&bench, "#!lua name=a\nredis.register_function('f', function() end)", false));
    CU_ASSERT(
        load(&bench, "#!lua name=b\nredis.register_function('other', function() end)", false));
    for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++) {
        CU_ASSERT_FALSE(load(&bench, bad[i], true));
        functions_check(bench.functions);
        CU_ASSERT(has(&bench, "f"));
        CU_ASSERT_FALSE(has(&bench, "g"));
    }
    CU_ASSERT_FALSE(
        load(&bench, "#!lua name=a\nredis.register_function('g', function() end)", false));
    CU_ASSERT(why_is(&bench, "ERR Library 'a' already exists"));
    CU_ASSERT(load(&bench, "#!lua name=a\nredis.register_function('g', function() end)", true));
    CU_ASSERT_FALSE(has(&bench, "f"));
    CU_ASSERT(has(&bench, "g"));
    functions_check(bench.functions);
    end(&bench);
}

static void a_text_that_does_not_end_is_stopped(void)
{
    struct bench bench;
    struct slice name;

    begin(&bench);
    clock_free(bench.clock);
    bench.clock = clock_new(); /* the machine's, for this one */
    functions_free(bench.functions);
    bench.functions =
        functions_new(&(struct functions_setup){ .bridge = bench.bridge,
                                                 .clock = bench.clock,
                                                 .random = &bench.random,
                                                 .secret = value_limits_default.secret });
    name = functions_load(bench.functions, SLICE("#!lua name=a\nwhile true do end"), false, true,
                          &bench.why);
    CU_ASSERT_EQUAL(name.len, 0);
    CU_ASSERT(why_is(&bench, "ERR Error registering functions: ERR FUNCTION LOAD timeout"));
    functions_check(bench.functions);
    end(&bench);
}

static void what_is_dumped_is_restored(void)
{
    struct bench bench;
    struct buffer payload = { 0 };

    begin(&bench);
    CU_ASSERT(load(&bench, "#!lua name=a\nredis.register_function('f', function() end)", false));
    CU_ASSERT(load(&bench, "#!lua name=b\nredis.register_function('g', function() end)", false));
    function_dump_put(bench.functions, &payload);
    functions_flush(bench.functions);
    functions_check(bench.functions);
    buffer_rewind(&bench.why);
    CU_ASSERT(function_dump_restore(bench.functions, buffer_slice(&payload), FUNCTION_APPEND,
                                    &bench.why));
    functions_check(bench.functions);
    CU_ASSERT(has(&bench, "f") && has(&bench, "g"));
    /* Every byte is under the sum. */
    for (size_t i = 0; i < payload.len; i++) {
        payload.at[i] = (char)(payload.at[i] ^ 4);
        buffer_rewind(&bench.why);
        CU_ASSERT_FALSE(function_dump_restore(bench.functions, buffer_slice(&payload),
                                              FUNCTION_FLUSH, &bench.why));
        payload.at[i] = (char)(payload.at[i] ^ 4);
    }
    CU_ASSERT(has(&bench, "f") && has(&bench, "g"));
    functions_check(bench.functions);
    buffer_clear(&payload);
    end(&bench);
}

enum { LIBRARIES = 4, FUNCTIONS = 6 };

/* A text of a random library, of one to six random functions. */
static void make_text(struct bench *bench, struct buffer *text, unsigned *library, unsigned *mask)
{
    *library = (unsigned)random_below(&bench->random, LIBRARIES);
    *mask = 1 + (unsigned)random_below(&bench->random, (1u << FUNCTIONS) - 1);
    buffer_rewind(text);
    buffer_print(text, "#!lua name=l%u\n", *library);
    for (unsigned i = 0; i < FUNCTIONS; i++) {
        if ((*mask & 1u << i) != 0)
            buffer_print(text, "redis.register_function('f%u', function() return %u end)\n", i, i);
    }
}

/* Two random libraries, and a picture of what is there. */
struct picture {
    unsigned there[LIBRARIES]; /* of each library the functions it has, a bit each */
    struct buffer texts[2];
    unsigned library[2];
    unsigned mask[2];
};

/* All functions of the libraries that the two drawn are not. */
static unsigned functions_of_others(const struct picture *picture, bool second)
{
    unsigned others = 0;

    for (unsigned i = 0; i < LIBRARIES; i++)
        if (i != picture->library[0] && (!second || i != picture->library[1]))
            others |= picture->there[i];
    return others;
}

/* One is loaded: if its name is free or may be replaced, and its functions are nobody else's. */
static void load_one(struct bench *bench, struct picture *picture, bool replace)
{
    unsigned *there = &picture->there[picture->library[0]];
    bool wanted =
        (*there == 0 || replace) && (functions_of_others(picture, false) & picture->mask[0]) == 0;

    CU_ASSERT_EQUAL(functions_load(bench->functions, buffer_slice(&picture->texts[0]), replace,
                                   true, &bench->why)
                            .len > 0,
                    wanted);
    if (wanted)
        *there = picture->mask[0];
}

/* Both are restored, or none. */
static void restore_both(struct bench *bench, struct picture *picture, enum function_policy policy)
{
    const unsigned *library = picture->library;
    const unsigned *mask = picture->mask;
    unsigned *there = picture->there;
    struct slice both[2] = { buffer_slice(&picture->texts[0]), buffer_slice(&picture->texts[1]) };
    unsigned others = policy == FUNCTION_FLUSH ? 0 : functions_of_others(picture, true);
    bool wanted = library[0] != library[1] && (mask[0] & mask[1]) == 0 &&
                  ((mask[0] | mask[1]) & others) == 0 &&
                  (policy != FUNCTION_APPEND || (there[library[0]] == 0 && there[library[1]] == 0));

    CU_ASSERT_EQUAL(functions_restore(bench->functions, both, 2, policy, &bench->why), wanted);
    if (!wanted)
        return;
    for (unsigned i = 0; policy == FUNCTION_FLUSH && i < LIBRARIES; i++)
        there[i] = 0;
    there[library[0]] = mask[0];
    there[library[1]] = mask[1];
}

static void delete_one(struct bench *bench, struct picture *picture)
{
    unsigned *there = &picture->there[picture->library[0]];
    char name[3] = { 'l', (char)('0' + picture->library[0]), '\0' };

    CU_ASSERT_EQUAL(functions_delete(bench->functions, slice_text(name)), *there != 0);
    *there = 0;
}

static void expect_picture(const struct bench *bench, const struct picture *picture)
{
    unsigned all = 0;

    functions_check(bench->functions);
    for (unsigned i = 0; i < LIBRARIES; i++)
        all |= picture->there[i];
    for (unsigned i = 0; i < FUNCTIONS; i++) {
        char name[3] = { 'f', (char)('0' + i), '\0' };

        CU_ASSERT_EQUAL(has(bench, name), (all & 1u << i) != 0);
    }
}

static void a_random_walk_agrees_with_a_plain_picture(void)
{
    struct bench bench;
    struct picture picture = { .there = { 0 } };

    begin(&bench);
    for (int step = 0; step < 3000; step++) {
        unsigned what = (unsigned)random_below(&bench.random, 10);

        for (int i = 0; i < 2; i++)
            make_text(&bench, &picture.texts[i], &picture.library[i], &picture.mask[i]);
        buffer_rewind(&bench.why);
        if (what < 4)
            load_one(&bench, &picture, what < 2);
        else if (what < 8)
            restore_both(&bench, &picture, (enum function_policy)random_below(&bench.random, 3));
        else
            delete_one(&bench, &picture);
        expect_picture(&bench, &picture);
    }
    buffer_clear(&picture.texts[0]);
    buffer_clear(&picture.texts[1]);
    end(&bench);
}

void suite_functions(void)
{
    CU_pSuite suite = CU_add_suite("functions", NULL, NULL);

    CU_add_test(suite, "functions are found in any case", functions_are_found_in_any_case);
    CU_add_test(suite, "what fails leaves all as it was", what_fails_leaves_all_as_it_was);
    CU_add_test(suite, "a text that does not end is stopped", a_text_that_does_not_end_is_stopped);
    CU_add_test(suite, "what is dumped is restored", what_is_dumped_is_restored);
    CU_add_test(suite, "a random walk agrees with a plain picture",
                a_random_walk_agrees_with_a_plain_picture);
}
