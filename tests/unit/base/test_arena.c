/* Memory for the length of one call. */
#include <CUnit/Basic.h>
#include <stdint.h>

#include "storage/base/arena.h"
#include "storage/base/memory.h"
#include "storage/base/random.h"

void suite_arena(void);

static void pieces_are_aligned_and_do_not_overlap(void)
{
    struct arena *arena = arena_new();
    struct random random;
    char *pieces[500];
    size_t sizes[500];

    random_seed(&random, 6);
    for (int round = 0; round < 20; round++) {
        for (int i = 0; i < 500; i++) {
            sizes[i] = random_below(&random, i % 50 == 0 ? 20000 : 200);
            pieces[i] = arena_take(arena, sizes[i]);
            CU_ASSERT_EQUAL((uintptr_t)pieces[i] & 7, 0);
            memset(pieces[i], i & 127, sizes[i]);
        }
        for (int i = 0; i < 500; i++) {
            for (size_t j = 0; j < sizes[i]; j++)
                CU_ASSERT_EQUAL_FATAL(pieces[i][j], i & 127);
        }
        arena_empty(arena);
    }
    arena_free(arena);
    arena_free(NULL);
}

static void a_copy_is_as_the_bytes(void)
{
    struct arena *arena = arena_new();
    struct slice copy = arena_copy(arena, SLICE("a word"));

    CU_ASSERT_TRUE(slice_equal(copy, SLICE("a word")));
    CU_ASSERT_EQUAL(arena_copy(arena, slice_of(NULL, 0)).len, 0);
    arena_free(arena);
}

static void rewinding_leaves_what_came_before(void)
{
    struct arena *arena = arena_new();
    struct slice before = arena_copy(arena, SLICE("before"));
    struct arena_mark mark = arena_mark(arena);
    void *first = arena_take(arena, 10);

    for (int i = 0; i < 100; i++)
        arena_take(arena, 3000);
    arena_rewind(arena, mark);
    CU_ASSERT_PTR_EQUAL(arena_take(arena, 10), first);
    CU_ASSERT_TRUE(slice_equal(before, SLICE("before")));
    arena_rewind(arena, mark);
    arena_free(arena);
}

static void marks_may_be_nested(void)
{
    struct arena *arena = arena_new();
    struct arena_mark marks[8];
    struct slice words[8];

    for (int i = 0; i < 8; i++) {
        marks[i] = arena_mark(arena);
        words[i] = arena_copy(arena, SLICE("a word of this depth"));
        arena_take(arena, (size_t)i * 5000);
    }
    for (int i = 7; i >= 0; i--) {
        arena_rewind(arena, marks[i]);
        for (int j = 0; j < i; j++)
            CU_ASSERT_TRUE(slice_equal(words[j], SLICE("a word of this depth")));
        arena_take(arena, 100000);
        arena_rewind(arena, marks[i]);
    }
    arena_free(arena);
}

static void an_emptied_arena_keeps_little_and_allocates_no_more(void)
{
    struct arena *arena = arena_new();
    size_t kept = 0;

    memory_thread_begin();
    arena_take(arena, 10 * 1000 * 1000);
    arena_empty(arena);
    for (int round = 0; round < 5; round++) {
        size_t before = memory_used();

        for (int i = 0; i < 40; i++)
            arena_take(arena, 1000);
        if (round > 1)
            CU_ASSERT_EQUAL(memory_used(), before);
        arena_empty(arena);
        kept = memory_used();
    }
    arena_free(arena);
    CU_ASSERT_TRUE(kept - memory_used() <= 80 * 1024);
}

void suite_arena(void)
{
    CU_pSuite suite = CU_add_suite("arena", NULL, NULL);

    CU_add_test(suite, "pieces are aligned and do not overlap",
                pieces_are_aligned_and_do_not_overlap);
    CU_add_test(suite, "a copy is as the bytes", a_copy_is_as_the_bytes);
    CU_add_test(suite, "rewinding leaves what came before", rewinding_leaves_what_came_before);
    CU_add_test(suite, "marks may be nested", marks_may_be_nested);
    CU_add_test(suite, "an emptied arena keeps little and allocates no more",
                an_emptied_arena_keeps_little_and_allocates_no_more);
}
