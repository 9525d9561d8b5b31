/* The allocator: sizes, zeros, and counts that come out right across threads. */
#include <CUnit/Basic.h>
#include <pthread.h>
#include <string.h>

#include "storage/base/memory.h"

void suite_memory(void);

static void a_block_of_nothing_is_a_block(void)
{
    void *block = memory_new(0);

    CU_ASSERT_PTR_NOT_NULL(block);
    memory_free_sized(block, 0);
    block = memory_resize(NULL, 0);
    CU_ASSERT_PTR_NOT_NULL(block);
    block = memory_resize(block, 0);
    CU_ASSERT_PTR_NOT_NULL(block);
    memory_free(block);
    memory_free(NULL);
}

static void zeroed_memory_is_zero(void)
{
    static const char zeros[3000];
    char *block = memory_new(3000);

    memset(block, 'x', 3000);
    memory_free(block);
    block = memory_new_zeroed(30, 100);
    CU_ASSERT_EQUAL(memcmp(block, zeros, sizeof(zeros)), 0);
    memory_free(block);
}

static void resizing_keeps_what_was_there(void)
{
    char *block = memory_resize(NULL, 10);

    memcpy(block, "0123456789", 10);
    block = memory_resize(block, 100000);
    CU_ASSERT_EQUAL(memcmp(block, "0123456789", 10), 0);
    block = memory_resize(block, 5);
    CU_ASSERT_EQUAL(memcmp(block, "01234", 5), 0);
    memory_free_sized(block, 5);
}

static void a_good_size_is_what_a_block_has(void)
{
    for (size_t size = 1; size < 70000; size = size * 5 / 4 + 1) {
        size_t good = memory_good_size(size);
        void *block = memory_new(size);

        CU_ASSERT_TRUE(good >= size);
        CU_ASSERT_EQUAL(memory_usable(block), good);
        CU_ASSERT_EQUAL(memory_good_size(good), good);
        memory_free_sized(block, size);
    }
    CU_ASSERT_EQUAL(memory_usable(NULL), 0);
}

static void use_goes_up_and_down_with_blocks(void)
{
    size_t before;
    size_t size = memory_good_size(100000);
    void *block;

    memory_thread_begin();
    before = memory_used();
    block = memory_new(100000);
    CU_ASSERT_EQUAL(memory_used() - before, size);
    block = memory_resize(block, 200000);
    CU_ASSERT_EQUAL(memory_used() - before, memory_good_size(200000));
    memory_free(block);
    CU_ASSERT_EQUAL(memory_used(), before);
}

static void *make_a_block(void *to)
{
    memory_thread_begin();
    *(void **)to = memory_new(1000000);
    memory_thread_end();
    return NULL;
}

static void *free_a_block(void *block)
{
    memory_thread_begin();
    memory_free(block);
    memory_thread_end();
    return NULL;
}

static void a_block_may_be_freed_by_another_thread(void)
{
    size_t before;
    size_t during;
    void *block = NULL;
    pthread_t thread;

    memory_thread_begin();
    before = memory_used();
    pthread_create(&thread, NULL, make_a_block, &block);
    pthread_join(thread, NULL);
    during = memory_used();
    /* Starting a thread takes some memory of its own, which is counted too. */
    CU_ASSERT_TRUE(during >= before + 1000000 && during < before + 1200000);
    memory_free(block);
    CU_ASSERT_TRUE(memory_used() < before + 100000);

    block = memory_new(1000000);
    pthread_create(&thread, NULL, free_a_block, block);
    pthread_join(thread, NULL);
    CU_ASSERT_TRUE(memory_used() < before + 100000);
}

static void threads_give_their_places_back(void)
{
    pthread_t thread;
    void *block = NULL;

    for (int i = 0; i < 600; i++) {
        pthread_create(&thread, NULL, make_a_block, &block);
        pthread_join(thread, NULL);
        memory_free(block);
    }
    CU_PASS("600 threads found a place, one after another");
}

static void figures_are_told(void)
{
    struct memory_figures figures;
    void *block;

    memory_thread_begin();
    block = memory_new(1000);
    memory_figures(&figures);
    CU_ASSERT_TRUE(figures.allocated > 0);
    CU_ASSERT_TRUE(figures.active >= figures.allocated);
    CU_ASSERT_TRUE(figures.resident >= figures.active);
    memory_free(block);
    memory_purge();
    CU_ASSERT_TRUE(strlen(memory_allocator()) > 3);
}

static void figures_of_last_time_stand_still(void)
{
    struct memory_figures then, last;
    void *block;

    memory_thread_begin();
    memory_figures(&then);
    block = memory_new(8 << 20);
    memory_figures_last(&last);
    if (strcmp(memory_allocator(), "libc") != 0) /* which counts all the time */
        CU_ASSERT_EQUAL(last.allocated, then.allocated);
    memory_figures(&last);
    CU_ASSERT_TRUE(last.allocated >= then.allocated + (8 << 20));
    memory_free(block);
}

void suite_memory(void)
{
    CU_pSuite suite = CU_add_suite("memory", NULL, NULL);

    CU_add_test(suite, "a block of nothing is a block", a_block_of_nothing_is_a_block);
    CU_add_test(suite, "zeroed memory is zero", zeroed_memory_is_zero);
    CU_add_test(suite, "resizing keeps what was there", resizing_keeps_what_was_there);
    CU_add_test(suite, "a good size is what a block has", a_good_size_is_what_a_block_has);
    CU_add_test(suite, "use goes up and down with blocks", use_goes_up_and_down_with_blocks);
    CU_add_test(suite, "a block may be freed by another thread",
                a_block_may_be_freed_by_another_thread);
    CU_add_test(suite, "threads give their places back", threads_give_their_places_back);
    CU_add_test(suite, "figures are told", figures_are_told);
    CU_add_test(suite, "figures of last time stand still", figures_of_last_time_stand_still);
}
