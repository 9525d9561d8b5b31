/* What the files of the snapshot share: snapshot.c and snapshot_*.c. */
#ifndef STORAGE_PERSIST_SNAPSHOT_PRIVATE_H
#define STORAGE_PERSIST_SNAPSHOT_PRIVATE_H

#include "storage/base/buffer.h"
#include "storage/persist/child.h"
#include "storage/persist/progress.h"
#include "storage/persist/snapshot.h"

/* Libraries nobody runs: length, bytes, length, bytes ... */
struct shelf {
    struct buffer texts;
};

struct snapshot {
    struct snapshot_setup setup;
    char                 *filename;
    struct rdb_functions  functions;
    struct shelf          shelf;
    int                   lock; /* -1: not held */
    char                 *locked; /* the name it is held for */
    int                   left_lock; /* of a name left while a child writes it; -1: none */
    char                 *left;
    enum snapshot_owner   owner;
    bool                  trusting;
    struct snapshot_replication replication;
    struct rdb_replication facts;    /* at the moment of the latest save */
    struct snapshot_pipe  pipe;      /* of the child that runs, if it `streams` */
    bool                  streams;

    struct child         *child;
    micros                began;
    micros                told_at;
    uint64_t              changes; /* when it began */
    struct child_report   report;
    struct snapshot_figures figures;
    struct rdb_stream     stream; /* of what was loaded */
    struct buffer         expired; /* keys that were left out: database, length, name; each */
    bool                  too_many_expired;
};

/*
 * Writes the file, whole and durable or not at all; or into the pipe of `snapshot->pipe`,
 * to its end. The caller holds the lock of the name, or is a child of who does.
 */
MUST_USE bool snapshot_write_file(struct snapshot *snapshot, struct progress *progress,
                                  struct trouble *trouble);
MUST_USE bool snapshot_write_pipe(struct snapshot *snapshot, struct progress *progress,
                                  struct trouble *trouble);

/* The name under which a process writes the file. */
enum { SNAPSHOT_NAME_MOST = 512 };
void snapshot_name_temporary(int process, char name[SNAPSHOT_NAME_MOST]);

/* Lets go of the name that snapshot_lock holds, if it does. */
void snapshot_unlock(struct snapshot *snapshot);

/* Lets go of the name that was left while a child wrote it, which has ended. */
void snapshot_unlock_left(struct snapshot *snapshot);

#endif
