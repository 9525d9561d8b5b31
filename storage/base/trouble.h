/*
 * An error of the world (disk, network, a bad file) with its story.
 *
 * The lowest layer sets the reason; each layer above wraps it with what it was
 * doing, giving "opening appendonlydir: reading manifest: line 3: unknown file
 * kind 'x'". Plain data of a fixed size, kept on the stack of whoever asks.
 */
#ifndef STORAGE_BASE_TROUBLE_H
#define STORAGE_BASE_TROUBLE_H

#include <stdbool.h>

struct trouble {
    int  code;      /* errno where the kernel said no, else 0 */
    char text[512]; /* NUL-terminated, cut at the end if it grows too long */
};

/* Sets the reason. Always returns false, so that one can `return trouble_set(...)`. */
bool trouble_set(struct trouble *trouble, const char *format, ...)
    __attribute__((format(printf, 2, 3)));

/* Sets the reason from errno: "what: No such file or directory". Returns false. */
bool trouble_errno(struct trouble *trouble, const char *format, ...)
    __attribute__((format(printf, 2, 3)));

/* Puts "what: " in front of the story. Returns false. */
bool trouble_wrap(struct trouble *trouble, const char *format, ...)
    __attribute__((format(printf, 2, 3)));

#endif
