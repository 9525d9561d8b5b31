/* Shared bytes. */
#include <CUnit/Basic.h>
#include <pthread.h>

#include "storage/base/bytes.h"
#include "storage/base/memory.h"

void suite_bytes(void);

static void a_copy_owns_its_bytes(void)
{
    char text[] = "river";
    struct bytes *bytes = bytes_copy(slice_text(text));

    text[0] = 'x';
    CU_ASSERT_TRUE(slice_equal(bytes_slice(bytes), SLICE("river")));
    CU_ASSERT_TRUE(bytes_sole(bytes));
    bytes_drop(bytes);
    bytes = bytes_copy(slice_of(NULL, 0));
    CU_ASSERT_EQUAL(bytes->len, 0);
    bytes_drop(bytes);
    bytes_drop(NULL);
}

static void the_last_share_frees_the_bytes(void)
{
    size_t before;
    struct bytes *bytes;

    memory_thread_begin();
    before = memory_used();
    bytes = bytes_new(100000);
    CU_ASSERT_PTR_EQUAL(bytes_share(bytes), bytes);
    bytes_share(bytes);
    CU_ASSERT_FALSE(bytes_sole(bytes));
    bytes_drop(bytes);
    bytes_drop(bytes);
    CU_ASSERT_TRUE(bytes_sole(bytes));
    CU_ASSERT_TRUE(memory_used() >= before + 100000);
    bytes_drop(bytes);
    CU_ASSERT_EQUAL(memory_used(), before);
}

enum { SHARES_EACH = 20000 };

static void *share_and_drop(void *what)
{
    for (int i = 0; i < SHARES_EACH; i++)
        bytes_drop(bytes_share(what));
    bytes_drop(what);
    return NULL;
}

static void threads_may_share_and_drop_at_once(void)
{
    struct bytes *bytes = bytes_copy(SLICE("shared"));
    pthread_t threads[4];

    for (int i = 0; i < 4; i++)
        pthread_create(&threads[i], NULL, share_and_drop, bytes_share(bytes));
    for (int i = 0; i < 4; i++)
        pthread_join(threads[i], NULL);
    CU_ASSERT_TRUE(bytes_sole(bytes));
    bytes_drop(bytes);
}

void suite_bytes(void)
{
    CU_pSuite suite = CU_add_suite("bytes", NULL, NULL);

    CU_add_test(suite, "a copy owns its bytes", a_copy_owns_its_bytes);
    CU_add_test(suite, "the last share frees the bytes", the_last_share_frees_the_bytes);
    CU_add_test(suite, "threads may share and drop at once", threads_may_share_and_drop_at_once);
}
