/*
 * The base of the log: all data at one moment, as the shortest statements that
 * rebuild it.
 *
 *   #millrace base CR LF
 *   FUNCTION LOAD <code>, for each library of functions
 *   SELECT <db>, then for each key
 *       SET <key> <string> [PXAT <due>]               or
 *       statements of at most 64 elements, PEXPIREAT <key> <due>
 *   #sum <bytes before this line> <their CRC64> CR LF     (aof_seal.h)
 *   #end <bytes before this line> CR LF
 *
 * The lines with '#' are annotations that Redis passes over. They tell a base
 * of ours that was cut short between two statements from one that is whole.
 */
#ifndef STORAGE_PERSIST_AOF_BASE_H
#define STORAGE_PERSIST_AOF_BASE_H

#include <stdbool.h>
#include <stdint.h>

#include "storage/base/must.h"
#include "storage/base/slice.h"

struct keyspaces;
struct rdb_functions;
struct trouble;
struct writer;

/* Told after each key how many were written so far. */
struct aof_base_watcher {
    void (*wrote)(void *who, uint64_t keys);
    void *who;
    const struct rdb_functions *functions; /* written in front of the keys; may be NULL */
    int64_t time; /* seconds since 1970 to note in front of all, 0 for none */
};

/* Writes everything; the writer is asked for its troubles by whoever made it. O(all data). */
void aof_base_write(struct keyspaces *keyspaces, struct writer *to,
                    const struct aof_base_watcher *watcher);

/* What the edges of a base say of it. */
enum aof_base_state {
    AOF_BASE_PLAIN, /* no annotations: not written by us, nothing can be said */
    AOF_BASE_WHOLE,
    AOF_BASE_CUT,   /* it begins like ours and does not end so */
    AOF_BASE_RDB    /* it is no log of statements */
};

/* Looks at the first and the last bytes of a file. */
MUST_USE bool aof_base_look(int fd, uint64_t size, enum aof_base_state *state,
                            struct trouble *trouble);

#endif
