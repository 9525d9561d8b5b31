#include "storage/base/mover.h"

#include <CUnit/CUnit.h>
#include <string.h>

#include "storage/base/memory.h"

void suite_mover(void);

static bool none(const void *block)
{
    (void)block;
    return false;
}

static void a_block_moves_with_its_content_size_and_alignment(void)
{
    for (size_t size = 1; size < 5000; size = size * 3 / 2 + 1) {
        struct mover mover = { .wanted = NULL };
        char *block = memory_new(size);
        char *before = block;
        size_t usable = memory_usable(block);

        memset(block, (int)(size % 251), size);
        CU_ASSERT(mover_move(&mover, &block));
        CU_ASSERT_PTR_NOT_EQUAL(block, before);
        CU_ASSERT_EQUAL(memory_usable(block), usable);
        CU_ASSERT_EQUAL(block[size - 1], (char)(size % 251));
        CU_ASSERT_EQUAL(mover.moved, 1);
        memory_free_sized(block, size);
    }
    struct mover mover = { .wanted = NULL };
    void *line = memory_new_aligned(64, 64);

    CU_ASSERT(mover_move(&mover, &line));
    CU_ASSERT_EQUAL((uintptr_t)line % 64, 0);
    memory_free_sized(line, 64);
}

static void what_is_not_to_move_stays(void)
{
    struct mover mover = { .wanted = none };
    void *block = memory_new(100);
    void *before = block;
    void *nothing = NULL;

    CU_ASSERT(!mover_move(&mover, &block));
    CU_ASSERT_PTR_EQUAL(block, before);
    CU_ASSERT_PTR_NULL(mover_copy(&mover, block));
    CU_ASSERT(!mover_move(&mover, &nothing));
    CU_ASSERT_EQUAL(mover.left, 2);
    CU_ASSERT_EQUAL(mover.moved, 0);
    memory_free(block);
}

static void the_total_in_use_stays_the_same(void)
{
    struct mover mover = { .wanted = NULL };
    void *block;
    size_t before;

    memory_thread_begin();
    block = memory_new(300);
    before = memory_used();
    for (int i = 0; i < 100; i++)
        CU_ASSERT(mover_move(&mover, &block));
    CU_ASSERT_EQUAL(memory_used(), before);
    memory_free(block);
}

void suite_mover(void)
{
    CU_pSuite suite = CU_add_suite("base: mover", NULL, NULL);

    CU_add_test(suite, "a block moves with its content, size and alignment",
                a_block_moves_with_its_content_size_and_alignment);
    CU_add_test(suite, "what is not to move stays", what_is_not_to_move_stays);
    CU_add_test(suite, "the total in use stays the same", the_total_in_use_stays_the_same);
}
