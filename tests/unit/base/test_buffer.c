/* Growing runs of bytes. */
#include <CUnit/Basic.h>
#include <stdlib.h>

#include "storage/base/buffer.h"

void suite_buffer(void);

static void an_empty_buffer_needs_no_making(void)
{
    struct buffer buffer = { 0 };

    CU_ASSERT_EQUAL(buffer_slice(&buffer).len, 0);
    buffer_add(&buffer, slice_of(NULL, 0));
    CU_ASSERT_EQUAL(buffer.len, 0);
    buffer_drop_front(&buffer, 0);
    buffer_clear(&buffer);
    buffer_clear(&buffer);
    CU_ASSERT_PTR_NULL(buffer.at);
}

static void bytes_come_out_as_they_went_in(void)
{
    struct buffer buffer = { 0 };

    for (int i = 0; i < 10000; i++) {
        buffer_add_byte(&buffer, (char)i);
        buffer_add(&buffer, SLICE("abc"));
    }
    CU_ASSERT_EQUAL(buffer.len, 40000);
    CU_ASSERT_TRUE(buffer.capacity >= buffer.len);
    for (int i = 0; i < 10000; i++) {
        CU_ASSERT_EQUAL_FATAL(buffer.at[4 * i], (char)i);
        CU_ASSERT_EQUAL_FATAL(memcmp(buffer.at + 4 * i + 1, "abc", 3), 0);
    }
    buffer_clear(&buffer);
}

static void reserved_room_can_be_filled_to_its_last_byte(void)
{
    struct buffer buffer = { 0 };

    for (size_t size = 0; size < 5000; size = size * 2 + 1) {
        memset(buffer_reserve(&buffer, size), 'x', size);
        buffer_commit(&buffer, size);
    }
    memset(buffer_reserve(&buffer, 1), 'y', buffer.capacity - buffer.len);
    buffer_clear(&buffer);
}

static void rewinding_keeps_the_room(void)
{
    struct buffer buffer = { 0 };
    size_t capacity;

    buffer_add(&buffer, SLICE("hello"));
    capacity = buffer.capacity;
    buffer_rewind(&buffer);
    CU_ASSERT_EQUAL(buffer.len, 0);
    CU_ASSERT_EQUAL(buffer.capacity, capacity);
    buffer_clear(&buffer);
}

static void the_front_can_be_dropped(void)
{
    struct buffer buffer = { 0 };

    buffer_add(&buffer, SLICE("hello, world"));
    buffer_drop_front(&buffer, 7);
    CU_ASSERT_TRUE(slice_equal(buffer_slice(&buffer), SLICE("world")));
    buffer_drop_front(&buffer, 5);
    CU_ASSERT_EQUAL(buffer.len, 0);
    buffer_clear(&buffer);
}

static void text_can_be_printed_at_any_length(void)
{
    struct buffer buffer = { 0 };
    static const char hundred[] =
        "0123456789012345678901234567890123456789012345678901234567890123456"
        "789012345678901234567890123456789";

    for (int len = 0; len <= 100; len++) {
        buffer_rewind(&buffer);
        buffer_print(&buffer, "%.*s", len, hundred);
        CU_ASSERT_TRUE(slice_equal(buffer_slice(&buffer), slice_of(hundred, (size_t)len)));
    }
    buffer_rewind(&buffer);
    buffer_print(&buffer, "%s:%d ", "port", 6379);
    buffer_add_integer(&buffer, INT64_MIN);
    CU_ASSERT_TRUE(slice_equal(buffer_slice(&buffer), SLICE("port:6379 -9223372036854775808")));
    buffer_clear(&buffer);
}

void suite_buffer(void)
{
    CU_pSuite suite = CU_add_suite("buffer", NULL, NULL);

    CU_add_test(suite, "an empty buffer needs no making", an_empty_buffer_needs_no_making);
    CU_add_test(suite, "bytes come out as they went in", bytes_come_out_as_they_went_in);
    CU_add_test(suite, "reserved room can be filled to its last byte",
                reserved_room_can_be_filled_to_its_last_byte);
    CU_add_test(suite, "rewinding keeps the room", rewinding_keeps_the_room);
    CU_add_test(suite, "the front can be dropped", the_front_can_be_dropped);
    CU_add_test(suite, "text can be printed at any length", text_can_be_printed_at_any_length);
}
