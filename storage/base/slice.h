/*
 * Borrowed bytes, by value: where they begin and how many there are.
 *
 * A slice owns nothing. It lives as long as the bytes it looks at, which the
 * function that returns one always names. It may hold any byte, also NUL, and
 * is never NUL-terminated. Two words long, so it travels in registers.
 */
#ifndef STORAGE_BASE_SLICE_H
#define STORAGE_BASE_SLICE_H

#include <stdbool.h>
#include <stddef.h>
#include <string.h>

struct slice {
    const char *at;
    size_t      len;
};

/* A slice of a string literal; its length is known to the compiler. */
#define SLICE(literal) ((struct slice){ "" literal, sizeof(literal) - 1 })

static inline struct slice slice_of(const void *at, size_t len)
{
    return (struct slice){ at, len };
}

/* The bytes of a NUL-terminated string, without the NUL. */
static inline struct slice slice_text(const char *text)
{
    return (struct slice){ text, strlen(text) };
}

static inline bool slice_equal(struct slice a, struct slice b)
{
    return a.len == b.len && (a.len == 0 || memcmp(a.at, b.at, a.len) == 0);
}

/* Bytewise order, a shorter prefix first: less than, equal to or greater than 0. */
static inline int slice_compare(struct slice a, struct slice b)
{
    size_t shared = a.len < b.len ? a.len : b.len;
    int order = shared == 0 ? 0 : memcmp(a.at, b.at, shared);

    if (order != 0)
        return order;
    return (a.len > b.len) - (a.len < b.len);
}

/* What is left behind the first `count` bytes; count must not exceed the length. */
static inline struct slice slice_after(struct slice whole, size_t count)
{
    return (struct slice){ whole.at + count, whole.len - count };
}

/* Equal but for the case of ASCII letters. */
static inline bool slice_equal_nocase(struct slice a, struct slice b)
{
    if (a.len != b.len)
        return false;
    for (size_t i = 0; i < a.len; i++) {
        unsigned char x = (unsigned char)a.at[i];
        unsigned char y = (unsigned char)b.at[i];

        if (x == y)
            continue;
        if ((x | 0x20) != (y | 0x20) || (x | 0x20) < 'a' || (x | 0x20) > 'z')
            return false;
    }
    return true;
}

#endif
