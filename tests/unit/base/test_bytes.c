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
    CU_ASSERT_EQUAL(bytes_len(bytes), 0);
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

static void the_length_of_long_bytes_stands_in_front(void)
{
    static const size_t lengths[] = { 0, 1, 255, 256, 65534, 65535, 65536, 1000000 };

    memory_thread_begin();
    for (size_t i = 0; i < sizeof(lengths) / sizeof(lengths[0]); i++) {
        size_t before = memory_used();
        struct bytes *bytes = bytes_new_zeroed(lengths[i]);
        char *block = bytes_block(bytes);

        CU_ASSERT_EQUAL(bytes_len(bytes), lengths[i]);
        CU_ASSERT_EQUAL(bytes_slice(bytes).len, lengths[i]);
        CU_ASSERT_EQUAL(bytes->at - block, lengths[i] < 65535 ? BYTES_HEAD : BYTES_LONG_HEAD);
        CU_ASSERT_TRUE(lengths[i] == 0 ||
                       (bytes->at[0] == 0 && bytes->at[lengths[i] - 1] == 0));
        bytes_drop(bytes);
        CU_ASSERT_EQUAL(memory_used(), before);
    }
}

static void five_hundred_bytes_fit_a_block_of_512(void)
{
    struct bytes *bytes = bytes_new(506);

    CU_ASSERT_TRUE(memory_usable(bytes_block(bytes)) <= 512);
    bytes_drop(bytes);
}

static void bytes_with_room_to_spare_grow_where_they_are(void)
{
    size_t before;
    struct bytes *bytes;

    memory_thread_begin();
    before = memory_used();
    bytes = bytes_new_spare(10, 100000, false);
    memset(bytes->at, 'x', 10);
    CU_ASSERT_EQUAL(bytes_len(bytes), 10);
    CU_ASSERT_TRUE(bytes_grow(bytes, 10));
    CU_ASSERT_TRUE(bytes_grow(bytes, 100010));
    CU_ASSERT_EQUAL(bytes_len(bytes), 100010);
    CU_ASSERT_EQUAL(bytes->at[9], 'x');
    CU_ASSERT_EQUAL(bytes->at[10], 0);
    CU_ASSERT_EQUAL(bytes->at[100009], 0);
    CU_ASSERT_FALSE(bytes_grow(bytes, 1000000));
    CU_ASSERT_EQUAL(bytes_len(bytes), 100010);
    bytes_drop(bytes);
    CU_ASSERT_EQUAL(memory_used(), before);
}

/* What the size class has beyond what was asked for is room too, and freed with the rest. */
static void short_bytes_grow_within_their_size_class(void)
{
    size_t before;
    struct bytes *bytes;
    size_t usable;

    memory_thread_begin();
    before = memory_used();
    bytes = bytes_new(300);
    memset(bytes->at, 'x', 300);
    usable = memory_usable(bytes_block(bytes));
    CU_ASSERT_TRUE(bytes_grow(bytes, usable - BYTES_HEAD));
    CU_ASSERT_EQUAL(bytes_len(bytes), usable - BYTES_HEAD);
    CU_ASSERT_FALSE(bytes_grow(bytes, usable - BYTES_HEAD + 1));
    bytes_drop(bytes);
    CU_ASSERT_EQUAL(memory_used(), before);

    /* Not beyond what a short length can say, whatever room there is. */
    bytes = bytes_new(65534);
    CU_ASSERT_FALSE(bytes_grow(bytes, 65535));
    bytes_drop(bytes);
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
    CU_add_test(suite, "the length of long bytes stands in front",
                the_length_of_long_bytes_stands_in_front);
    CU_add_test(suite, "500 bytes fit a block of 512", five_hundred_bytes_fit_a_block_of_512);
    CU_add_test(suite, "bytes with room to spare grow where they are",
                bytes_with_room_to_spare_grow_where_they_are);
    CU_add_test(suite, "short bytes grow within their size class",
                short_bytes_grow_within_their_size_class);
    CU_add_test(suite, "threads may share and drop at once", threads_may_share_and_drop_at_once);
}
