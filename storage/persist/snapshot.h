/*
 * Snapshots: all data at one moment, in one file of the RDB format.
 *
 *   temp-<process>.rdb   is written, by a child or while everybody waits,
 *                        forced to disk, and then renamed to
 *   <file name>          which is therefore whole, always
 *
 * A snapshot that fails leaves the one before. Whoever writes one owns the file
 * name: a second server in the same folder is refused (snapshot_lock).
 */
#ifndef STORAGE_PERSIST_SNAPSHOT_H
#define STORAGE_PERSIST_SNAPSHOT_H

#include <stdbool.h>
#include <stdint.h>

#include "storage/base/clock.h"
#include "storage/base/must.h"
#include "storage/persist/child.h"
#include "storage/persist/rdb_load.h"

struct faults;
struct log;
struct snapshot;
struct trouble;

/* What may change while it runs. */
struct snapshot_policy {
    const char *filename;  /* copied */
    bool        logged;    /* there is a log too: told to whoever is refused the name */
    bool        compress;
    bool        checksum;
    bool        sync_often; /* a child forces little pieces to disk, not all at the end */
    bool        idle;       /* keys are saved with how long they were not used */
    bool        frequency;  /* or with how often they are */
    int64_t     save_delay; /* for tests: slows a save down; see progress.h */
    int64_t     load_delay; /* likewise, while loading */
    uint64_t    load_step;  /* bytes between looks at who else is there while loading */
};

/* Pointers are borrowed for its life. */
struct snapshot_setup {
    struct keyspaces          *keyspaces;
    const struct value_limits *limits;
    struct clock              *clock;
    struct faults             *faults; /* may be NULL */
    struct log                *log;    /* may be NULL */
    struct child_birth         birth;  /* of children that save */
    struct snapshot_policy     policy;
};

/* Makes it. Touches no file; files are in the folder the process is in. */
struct snapshot *snapshot_new(const struct snapshot_setup *setup);
void snapshot_free(struct snapshot *snapshot);
void snapshot_set_policy(struct snapshot *snapshot, const struct snapshot_policy *policy);

/* Libraries of functions, kept as they are until somebody runs them: hand in whoever does. */
const struct rdb_functions *snapshot_functions(const struct snapshot *snapshot);
void snapshot_set_functions(struct snapshot *snapshot, const struct rdb_functions *functions);

/*
 * Owns the file name from now on, against other servers in this folder. Taken
 * by itself before something is written; whoever means to write takes it at the
 * start. The name owned before, if another, is given back when no child writes it.
 * False with trouble: another server has it, or it cannot be locked.
 */
MUST_USE bool snapshot_lock(struct snapshot *snapshot, struct trouble *trouble);

/* The same, but a server that was just killed is given half a second to go. */
MUST_USE bool snapshot_lock_at_start(struct snapshot *snapshot, struct trouble *trouble);

/* Who had the name when it was to be locked last. */
enum snapshot_owner {
    SNAPSHOT_OWNER_NONE,  /* nobody else: it is ours, or there was other trouble */
    SNAPSHOT_OWNER_OTHER, /* another server */
    SNAPSHOT_OWNER_LOGS   /* another server, which kept a log when it locked the name */
};
enum snapshot_owner snapshot_owner(const struct snapshot *snapshot);

/* In a child: leaves the lock to the parent, and it ends with the parent. */
void snapshot_leave_lock(struct snapshot *snapshot);

/* Removes what killed servers left half written here. Done by itself after each save. */
void snapshot_sweep(const struct snapshot *snapshot);

/*
 * Writes a snapshot, on this thread. `changes` is how many there were since the
 * start: what of them is saved is known afterwards. O(all data).
 */
MUST_USE bool snapshot_save(struct snapshot *snapshot, uint64_t changes, struct trouble *trouble);

/* Has a child write it. False with trouble, which was logged. */
MUST_USE bool snapshot_begin(struct snapshot *snapshot, uint64_t changes, struct trouble *trouble);

/* Where a snapshot goes that is not kept as a file, and what is in it. */
struct snapshot_pipe {
    int          fd;   /* the child's end; stays the caller's */
    struct slice mark; /* "$EOF:mark\r\n" goes in front, the mark behind; empty for neither */
    bool         no_keys;
    bool         no_functions;
};

/*
 * Has a child write a snapshot into a pipe. It counts as one under way, but what
 * is on disk does not change. False with trouble, which was logged.
 */
MUST_USE bool snapshot_begin_pipe(struct snapshot *snapshot, const struct snapshot_pipe *to,
                                    struct trouble *trouble);

/* Whether the child that writes does so into a pipe. */
bool snapshot_is_piped(const struct snapshot *snapshot);

/*
 * Who is told that a child has ended, or was made to, and who knows of
 * replication at the moment of saving: `look` is false if there is nothing to say.
 */
struct snapshot_replication {
    bool (*look)(void *who, struct rdb_replication *facts);
    void (*ended)(void *who, bool streamed, bool fine);
    void *who;
};
void snapshot_set_replication(struct snapshot *snapshot,
                              const struct snapshot_replication *replication);

/* Removes the unfinished file of a process, from the folder it is in; safe in a signal handler. */
void snapshot_remove_temporary(int process);

/* Whether a child writes. */
bool snapshot_runs(const struct snapshot *snapshot);

/* Looks whether the child has ended; to be called about ten times a second. */
void snapshot_tick(struct snapshot *snapshot);

/* Kills the child; the file stays as it was, and nothing counts as failed. */
void snapshot_abort(struct snapshot *snapshot);

/* How a load went. */
enum snapshot_loaded {
    SNAPSHOT_LOADED,
    SNAPSHOT_NONE,   /* there is no file */
    SNAPSHOT_REFUSED /* with trouble */
};

/* Who is told how a load goes; false ends it. */
struct snapshot_watcher {
    bool (*progress)(void *who, uint64_t done, uint64_t total);
    void *who;
};

/* Loads the file, with `merge` over what there is. */
MUST_USE enum snapshot_loaded snapshot_load(struct snapshot *snapshot, bool merge,
                                            const struct snapshot_watcher *watcher,
                                            struct trouble *trouble);

/*
 * Reads a snapshot out of a reader, as the base of a log: keys past their time
 * are kept. `end` as rdb_load has it.
 */
MUST_USE bool snapshot_load_base(struct snapshot *snapshot, struct reader *from, uint64_t end,
                                 const struct snapshot_watcher *watcher, struct trouble *trouble);

/*
 * Reads a snapshot that somebody else sent, keys past their time and all, into
 * databases and libraries of functions, which need not be ours. `end` as rdb_load
 * has it. False with trouble: a part is there.
 */
MUST_USE bool snapshot_load_sent(struct snapshot *snapshot, struct reader *from, uint64_t end,
                                 struct keyspaces *into, const struct rdb_functions *functions,
                                 const struct snapshot_watcher *watcher,
                                 struct rdb_load_result *result, struct trouble *trouble);

/*
 * Gives a file that was sent the name of the snapshot; a child that writes one is
 * killed first. False with trouble: it keeps its own.
 */
MUST_USE bool snapshot_replace(struct snapshot *snapshot, const char *file,
                               struct trouble *trouble);

/* Where in a stream the data stood that snapshot_load loaded last. */
const struct rdb_stream *snapshot_stream(const struct snapshot *snapshot);

/*
 * Shows the keys that snapshot_load left out because their time was over, and forgets
 * them: whoever has the rest of the stream's data has them still. False if they were
 * too many to be remembered.
 */
bool snapshot_tell_expired(struct snapshot *snapshot,
                           void (*show)(void *who, uint32_t db, struct slice key), void *who);

/* Writes one as the base of a log; `wrote` is told after each key. */
void snapshot_write_base(struct snapshot *snapshot, struct writer *to,
                         void (*wrote)(void *who, uint64_t keys), void *who);

/* Whether RESTORE takes payloads whose checksum is wrong: for tests. */
bool snapshot_trusts(const struct snapshot *snapshot);
void snapshot_trust(struct snapshot *snapshot, bool on);

/* For INFO persistence. */
struct snapshot_figures {
    bool     in_progress;
    bool     last_ok;
    int64_t  last_save;     /* seconds since 1970: the end of the last that went well */
    int64_t  last_try;      /* monotonic microseconds: when the last one was begun */
    uint64_t saved_changes; /* how many changes the last one has */
    int64_t  last_took_sec; /* -1: none yet */
    int64_t  running_sec;   /* -1: none */
    uint64_t saves;         /* since the start */
    uint64_t last_cow_size;
    uint64_t cow_size;      /* of the child that runs */
    uint64_t cow_peak;
    int64_t  cow_age_sec;   /* since it told that */
    uint64_t keys_done;
    uint64_t keys_total;
    int64_t  fork_usec;     /* of the last fork */
    uint64_t forks;
    uint64_t loaded_expired;
    uint64_t loaded_keys;
};
void snapshot_figures(const struct snapshot *snapshot, struct snapshot_figures *figures);

/* Says that all `changes` so far are saved: the data was just loaded. */
void snapshot_is_current(struct snapshot *snapshot, uint64_t changes);

#endif
