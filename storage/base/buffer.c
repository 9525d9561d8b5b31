/*
 * A growing run of bytes.
 *
 * What always holds:
 *   (1) len <= capacity.
 *   (2) `at` is NULL exactly when capacity is 0.
 *
 * Room doubles while it is small and grows by a quarter once it is large, and
 * always fills the allocator's size class to its end.
 */
#include "storage/base/buffer.h"

#include <stdarg.h>
#include <stdio.h>

#include "storage/base/memory.h"
#include "storage/base/must.h"
#include "storage/base/number.h"

enum { BUFFER_FIRST = 64, BUFFER_LARGE = 64 * 1024 * 1024 };

void buffer_reserve_tight(struct buffer *buffer, size_t more)
{
    size_t needed = buffer->len + more;

    must(needed >= more);
    if (buffer->capacity >= needed && buffer->at != NULL)
        return;
    buffer->capacity = memory_good_size(needed);
    buffer->at = memory_resize(buffer->at, buffer->capacity);
}

char *buffer_reserve_slow(struct buffer *buffer, size_t more)
{
    size_t needed = buffer->len + more;
    size_t grown = buffer->capacity < BUFFER_LARGE ? buffer->capacity * 2
                                                   : buffer->capacity + buffer->capacity / 4;

    must(needed >= more);
    if (buffer->capacity - buffer->len >= more && buffer->at != NULL)
        return buffer->at + buffer->len;
    if (grown < needed)
        grown = needed;
    if (grown < BUFFER_FIRST)
        grown = BUFFER_FIRST;
    grown = memory_good_size(grown);
    buffer->at = memory_resize(buffer->at, grown);
    buffer->capacity = grown;
    return buffer->at + buffer->len;
}

void buffer_add_integer(struct buffer *buffer, int64_t value)
{
    char *to = buffer_reserve(buffer, NUMBER_INTEGER_MAX);

    buffer->len += number_put(to, value);
}

void buffer_print(struct buffer *buffer, const char *format, ...)
{
    va_list words;
    size_t room;
    int wanted;

    (void)buffer_reserve(buffer, BUFFER_FIRST);
    room = buffer->capacity - buffer->len;
    va_start(words, format);
    wanted = vsnprintf(buffer->at + buffer->len, room, format, words);
    va_end(words);
    must(wanted >= 0);

    if ((size_t)wanted >= room) {
        /* One byte more, for the NUL that vsnprintf insists on. */
        (void)buffer_reserve(buffer, (size_t)wanted + 1);
        va_start(words, format);
        vsnprintf(buffer->at + buffer->len, (size_t)wanted + 1, format, words);
        va_end(words);
    }
    buffer->len += (size_t)wanted;
}

void buffer_drop_front(struct buffer *buffer, size_t count)
{
    must(count <= buffer->len);
    buffer->len -= count;
    if (buffer->len > 0 && count > 0)
        memmove(buffer->at, buffer->at + count, buffer->len);
}

void buffer_clear(struct buffer *buffer)
{
    if (buffer->at != NULL)
        memory_free_sized(buffer->at, buffer->capacity);
    *buffer = (struct buffer){ NULL, 0, 0 };
}
