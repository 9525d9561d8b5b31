/*
 * A small broker for tests of the log: counters and texts in a keyspace,
 * changed by statements that it also appends, and rebuilt from them.
 */
#ifndef TESTS_UNIT_STORAGE_AOF_MILL_H
#define TESTS_UNIT_STORAGE_AOF_MILL_H

#include "storage/base/buffer.h"
#include "storage/base/faults.h"
#include "storage/base/trouble.h"
#include "storage/persist/aof.h"

/* Statements, and names of files, as tests write them. */
#define INCR_N "*2\r\n$4\r\nINCR\r\n$1\r\nn\r\n"
#define SET_A "*3\r\n$3\r\nSET\r\n$1\r\na\r\n$1\r\n1\r\n"
#define MULTI "*1\r\n$5\r\nMULTI\r\n"
#define EXEC "*1\r\n$4\r\nEXEC\r\n"
#define MANIFEST "appendonlydir/appendonly.aof.manifest"
#define BASE(n) "appendonlydir/appendonly.aof." #n ".base.aof"
#define INCR(n) "appendonlydir/appendonly.aof." #n ".incr.aof"

struct mill {
    char              dir[64]; /* the data folder, made anew */
    struct clock     *clock;   /* settable */
    struct keyspaces *keys;
    struct aof       *aof; /* NULL between two lives */
    struct faults    *faults;
    struct aof_policy policy;
    bool              quick;   /* each turn finds the disk quick: the main thread uses it */
    struct buffer     feed;
    bool              in_multi;
    struct buffer     queued; /* statements between MULTI and EXEC */
    int64_t           applied; /* increments of "n" made in memory */
    int64_t           acked;   /* increments that may be acknowledged */
    uint64_t          ran;     /* statements run by the last load */
    int               asked_later; /* how often the log asked to be looked at later */
};

/* A folder in /tmp and a policy of fsync always. */
void mill_begin(struct mill *mill);

/* Ends it and removes the folder. */
void mill_end(struct mill *mill);

/* Starts over the folder: open and load. */
bool mill_start(struct mill *mill, struct trouble *trouble);

/* Ends without a word to the log, as a crash does. */
void mill_crash(struct mill *mill);

/* One turn: INCR n, if the log admits it. */
void mill_turn(struct mill *mill);

/* Runs statements in RESP, and says them. */
void mill_say(struct mill *mill, struct slice statements);

/* Lets time pass, a tick each tenth of a second. */
void mill_wait(struct mill *mill, int tenths);

/* The same until nothing is kept back: with everysec a turn is, while an fsync runs, and a crash
 * may take it. */
void mill_settle(struct mill *mill);

/* Rewrites, and waits for the end of it. */
void mill_rewrite(struct mill *mill);

/* What a key of database 0 holds, as a number; 0 if it is not there. */
int64_t mill_number(struct mill *mill, const char *key);

/* Paths and contents of the log's files. */
void mill_path(const struct mill *mill, const char *name, char *path, size_t size);
void mill_write_file(const struct mill *mill, const char *name, struct slice content);
void mill_read_file(const struct mill *mill, const char *name, struct buffer *into);
bool mill_has_file(const struct mill *mill, const char *name);

/* The same as claims of a test: it starts; the file goes, at the latest when the other thread has
 * come to remove it; the file holds this, at the latest when what it replaces is gone. */
void mill_expect_start(struct mill *mill);
void mill_expect_gone(struct mill *mill, const char *name);
void mill_expect_file(struct mill *mill, const char *name, const char *content);

#endif
