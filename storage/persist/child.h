/*
 * A child: a copy of the process at one moment, which writes a file while the
 * parent goes on.
 *
 * The child runs one function and ends. It says how far it is, and how it
 * ended, through a pipe: the exit status alone would not survive somebody else
 * who waits for children. It dies when its parent does, and has none of its sockets, because
 * it may die a little later.
 */
#ifndef STORAGE_PERSIST_CHILD_H
#define STORAGE_PERSIST_CHILD_H

#include <stdbool.h>
#include <stdint.h>
#include <sys/types.h>

#include "storage/base/trouble.h"

struct child;
struct child_line;
struct faults;

/* How far a child is. */
struct child_report {
    uint64_t done;   /* how much it has done, in units of its own, such as keys */
    uint64_t copied; /* bytes of memory copied because parent or child wrote to them */
};

/* What the process does first in each child; run may be NULL. */
struct child_birth {
    void (*run)(void *who);
    void *who;
};

struct child_setup {
    /*
     * Runs in the child. It may use memory and files, but no lock that another
     * thread may have held at the fork: neither the log nor a worker.
     */
    bool (*run)(void *who, struct child_line *line, struct trouble *trouble);
    void *who;
    struct faults *faults; /* "fork"; may be NULL */
    struct child_birth birth;
};

/* Forks. NULL with trouble if the kernel will not. */
struct child *child_start(const struct child_setup *setup, struct trouble *trouble);

/* For the child: says how far it is. */
void child_tell(struct child_line *line, uint64_t done);

enum child_state {
    CHILD_RUNNING,
    CHILD_DONE,  /* its function returned true */
    CHILD_FAILED /* it returned false, with its trouble, or died */
};

/* Looks how the child does, without waiting. Sets trouble if it failed. */
enum child_state child_poll(struct child *child, struct child_report *report,
                            struct trouble *trouble);

/* Its process id, 0 when it has ended. */
pid_t child_pid(const struct child *child);

/* Kills the child if it still runs, waits for its end, frees. NULL is fine. */
void child_free(struct child *child);

#endif
