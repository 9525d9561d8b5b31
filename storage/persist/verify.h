/*
 * Looking at files without a server: is a snapshot or a log whole, what is in
 * it, and where is the first byte that is wrong.
 *
 *   a snapshot        keys by type, those that expire, the largest
 *   a log             statements and bytes, of a single file or all that a
 *                     manifest names
 *   a folder          the snapshots and the log in it
 *
 * Nothing is changed unless asked: then the torn end of a log is cut off.
 */
#ifndef STORAGE_PERSIST_VERIFY_H
#define STORAGE_PERSIST_VERIFY_H

#include <stdbool.h>

#include "storage/base/buffer.h"

struct keyspaces;
struct value_limits;

/* Pointers are borrowed. */
struct verify_setup {
    struct keyspaces          *keyspaces; /* empty, and stays so: it knows the types */
    const struct value_limits *limits;
    bool                       fix; /* cut off the torn end of a log */
};

/* How it went; the worst of all files. */
enum verify_outcome {
    VERIFY_FINE,
    VERIFY_FIXED, /* something was cut off, as asked */
    VERIFY_TORN,  /* something could be cut off */
    VERIFY_BAD    /* damaged, missing or unreadable */
};

/* Looks at a file or a folder and writes a report, line by line. O(all bytes). */
enum verify_outcome verify_path(const struct verify_setup *setup, const char *path,
                                struct buffer *report);

#endif
