/* What the files of the log share: its state, and the steps between them. */
#ifndef STORAGE_PERSIST_AOF_PRIVATE_H
#define STORAGE_PERSIST_AOF_PRIVATE_H

#include <stdatomic.h>

#include "storage/base/buffer.h"
#include "storage/base/trouble.h"
#include "storage/persist/aof.h"
#include "storage/persist/recovery.h"

struct child;
struct worker;

enum aof_state { AOF_OFF, AOF_OPENED, AOF_ON, AOF_STARTING };

enum sync_state { SYNC_IDLE, SYNC_RUNNING, SYNC_DONE };

/* An fsync on the other thread; one at a time. */
struct aof_sync_job {
    atomic_int     state; /* enum sync_state */
    int            fd;
    int            error;
    uint64_t       upto; /* size of the file when it was asked for */
    struct faults *faults;
};

/* History that the other thread removes. */
struct aof_removal {
    atomic_bool    done;
    struct folder *folder;
    struct faults *faults;
    char         **names;
    size_t         count;
};

struct aof {
    struct aof_setup       setup;
    struct recovery_setup  where;
    enum aof_state         state;
    struct folder         *folder; /* NULL while OFF and not rewriting */
    int                    lock;
    struct aof_manifest   *manifest; /* NULL while `folder` is */
    struct worker         *worker;

    /* The increment that is written to. */
    int           fd;       /* -1: none */
    uint64_t      size;     /* whole turns in it; what is written next begins here */
    uint64_t      reserved; /* the disk has promised room up to here */
    uint64_t      synced;   /* durable up to here */
    uint64_t      past;     /* bytes of files it wrote before this one, all durable */
    uint64_t      unsealed; /* bytes in front of `size` that no seal is about (aof_seal.h) */
    uint64_t      sum;      /* CRC64 of these */
    uint64_t      older;    /* bytes of the files before it */
    uint64_t      loaded_base; /* `current size` when loaded or rewritten */
    struct buffer pending;  /* taken and not written */
    int64_t       told_time; /* seconds since 1970, as last noted in the log */
    micros        write_delay; /* for tests: sleeps before each write */

    /* Time. */
    micros              sync_at;       /* when the last fsync was begun */
    micros              postponed_at;  /* since when writing waits for an fsync; 0: it does not */
    struct aof_sync_job job;
    uint64_t            delayed_fsync;

    /* What is wrong. */
    bool           broken;
    bool           torn;            /* a part of a failed write may stand behind `size` */
    bool           sync_failed;     /* bytes between `synced` and `size` may never reach the disk */
    bool           folder_unsynced; /* the manifest may not be durable */
    bool           no_room;         /* the last reservation failed */
    micros         retry_at;
    micros         complained_at;
    struct trouble trouble;

    /* Rewriting. */
    struct child       *child;
    bool                requested;
    bool                heard;     /* STARTING: the child's moment has passed, statements count */
    micros              rewrite_began;
    micros              rewrite_not_before;
    int64_t             rewrite_took_sec;
    int64_t             fork_usec;
    uint64_t            forks;
    bool                rewrite_ok;
    uint64_t            rewrites;
    uint64_t            failures; /* in a row */
    uint64_t            copied;   /* of the last child */
    uint64_t            copied_now;
    uint64_t            keys_done;
    struct aof_removal *removal;
    bool                rdb;       /* what the child writes is a snapshot */
    bool                history_waits; /* to be removed, once the manifest is durable */
};

/* ---- aof_write.c ---- */

/* Seconds since 1970 if times are to be noted, else 0. */
int64_t aof_time_to_tell(const struct aof *aof);

/* Opens a file to write to, at its end; `size` is what it holds, sealed up to `sealed`. */
void aof_write_to(struct aof *aof, int fd, uint64_t size, uint64_t sealed);

/* Gives back the room that was reserved and not used: a full disk may need it to be rewritten. */
void aof_write_release(struct aof *aof);

/* Closes the file that is written to, on the other thread. */
void aof_write_end(struct aof *aof);

/* Writes what is pending and forces it to disk, on this thread. */
MUST_USE bool aof_write_all(struct aof *aof, struct trouble *trouble);

/* Takes note of what the other thread did. */
void aof_write_collect(struct aof *aof);

/* Notes that the log cannot be written, for the reason in aof->trouble. */
void aof_write_break(struct aof *aof, const char *doing);

/* ---- aof.c ---- */

/* Whether bases are snapshots; and the new base of a manifest, which names it for what it is. */
bool aof_writes_rdb(const struct aof *aof);
const struct aof_file *aof_name_base(const struct aof *aof, struct aof_manifest *manifest);

/* Saves a manifest and, if it is there to stay, makes it the log's. Takes it. */
MUST_USE bool aof_adopt(struct aof *aof, struct aof_manifest **manifest, struct trouble *trouble);

/* Opens and locks the folder and reads the manifest; and leaves it again. */
MUST_USE bool aof_enter(struct aof *aof, struct trouble *trouble);
void aof_leave(struct aof *aof);

/*
 * Has the other thread remove what the manifest calls history, if that waits,
 * and notes in the manifest what is gone.
 */
void aof_remove_history(struct aof *aof);

/* Bytes of all files of the log; 0 unless it is ON. */
uint64_t aof_current_size(const struct aof *aof);

#endif
