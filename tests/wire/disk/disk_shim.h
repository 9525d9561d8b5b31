/*
 * What a test and the disk shim share: one page of memory, a file that both map.
 * box.py has the same layout in the words of its struct module.
 *
 * The record is a file of steps in the order in which they happened, each a
 * struct disk_step, then its path, its other path and its bytes.
 */
#ifndef TESTS_WIRE_DISK_SHIM_H
#define TESTS_WIRE_DISK_SHIM_H

#include <stdint.h>

/* What may be counted and made to fail. */
enum disk_kind {
    DISK_WRITE,
    DISK_SYNC,
    DISK_RENAME,
    DISK_OPEN,
    DISK_FORK,
    DISK_MAP,
    DISK_TRUNCATE,
    DISK_RESERVE,
    DISK_UNLINK,
    DISK_MKDIR,
    DISK_KINDS
};

struct disk_control {
    uint32_t lock;               /* the process that does and records a step; 0 none */
    uint32_t armed;              /* 1 + the kind that is to fail; 0 none */
    uint32_t from;               /* the first asking that fails, from 1 */
    uint32_t times;              /* and how many in a row */
    int32_t  error;              /* what errno becomes */
    uint32_t hits;               /* how many failed */
    uint32_t forgets_sync;       /* fsync says yes and does nothing: a broken disk */
    uint32_t sync_delay;         /* microseconds that each fsync takes longer */
    uint64_t room;               /* bytes the disk has left; UINT64_MAX is no limit */
    uint32_t asked[DISK_KINDS];  /* how often each was asked */
};

/* The steps of a record. */
enum disk_step_kind {
    STEP_CREATE = 1, /* path is a new file, `inode` */
    STEP_WRITE,      /* bytes at `offset` */
    STEP_TRUNCATE,   /* to `offset` */
    STEP_SYNC_BEGIN,
    STEP_SYNC_END,   /* of the SYNC_BEGIN with the same `offset` */
    STEP_SYNC_FAILED,
    STEP_RENAME,     /* path to other path */
    STEP_LINK,
    STEP_UNLINK,
    STEP_MKDIR,
    STEP_FOLDER_SYNC_BEGIN,
    STEP_FOLDER_SYNC_END
};

struct disk_step {
    uint32_t kind;
    uint32_t process;
    uint64_t began; /* CLOCK_MONOTONIC, nanoseconds */
    uint64_t inode;
    uint64_t offset;
    uint32_t path_length;
    uint32_t other_length;
    uint64_t length; /* of the bytes */
};

#endif
