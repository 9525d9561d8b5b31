/* What writing and reading the snapshot share. */
#ifndef STORAGE_PERSIST_SNAPSHOT_PRIVATE_H
#define STORAGE_PERSIST_SNAPSHOT_PRIVATE_H

#include "storage/base/buffer.h"
#include "storage/persist/child.h"
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

/* Sleeps for a test: microseconds, or one for so many keys. */
void snapshot_dawdle(int64_t delay, uint64_t keys);

#endif
