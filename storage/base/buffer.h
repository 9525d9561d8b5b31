/*
 * A growing run of bytes, owned. All zero is an empty buffer, so it can be
 * embedded and needs no init; buffer_clear leaves it so again.
 */
#ifndef STORAGE_BASE_BUFFER_H
#define STORAGE_BASE_BUFFER_H

#include <stdint.h>

#include "storage/base/slice.h"

struct buffer {
    char  *at;       /* NULL while nothing was ever reserved */
    size_t len;      /* bytes in use */
    size_t capacity; /* bytes allocated */
};

/* Makes room for `more` bytes behind the end and returns where they go. Amortised O(1). */
char *buffer_reserve_slow(struct buffer *buffer, size_t more);

static inline char *buffer_reserve(struct buffer *buffer, size_t more)
{
    /* Not >=, so that the NULL of an empty buffer is never returned. */
    if (buffer->capacity - buffer->len > more)
        return buffer->at + buffer->len;
    return buffer_reserve_slow(buffer, more);
}

/* The same, but with no room to spare: for one whose size is known beforehand. */
void buffer_reserve_tight(struct buffer *buffer, size_t more);

/* Says that `count` reserved bytes were written. */
static inline void buffer_commit(struct buffer *buffer, size_t count)
{
    buffer->len += count;
}

static inline void buffer_add(struct buffer *buffer, struct slice bytes)
{
    char *to = buffer_reserve(buffer, bytes.len);

    if (bytes.len > 0)
        memcpy(to, bytes.at, bytes.len);
    buffer->len += bytes.len;
}

static inline void buffer_add_byte(struct buffer *buffer, char byte)
{
    *buffer_reserve(buffer, 1) = byte;
    buffer->len++;
}

/* A decimal integer. */
void buffer_add_integer(struct buffer *buffer, int64_t value);

/* Formatted text; for reports such as INFO, never on a command's hot path. */
void buffer_print(struct buffer *buffer, const char *format, ...)
    __attribute__((format(printf, 2, 3)));

/* Drops the first `count` bytes, moving the rest down. O(what is left). */
void buffer_drop_front(struct buffer *buffer, size_t count);

/* Forgets the contents, keeps the room. */
static inline void buffer_rewind(struct buffer *buffer)
{
    buffer->len = 0;
}

/* Gives the room back as well. */
void buffer_clear(struct buffer *buffer);

static inline struct slice buffer_slice(const struct buffer *buffer)
{
    return (struct slice){ buffer->at, buffer->len };
}

#endif
