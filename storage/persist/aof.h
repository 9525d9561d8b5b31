/*
 * The append only file: everything said since the base was written, forced to
 * disk as often as was promised.
 *
 *            aof_open, aof_load                    disk fails
 *   OFF ───────────────────────► ON  ◄──────────────────────────► ON, broken
 *    │ ▲                         ▲ │   aof_tick, once it works
 *    │ └────────aof_stop─────────┼─┘
 *    └─────aof_start────► STARTING: the first base is being written
 *
 * What is handed to aof_append in one turn is written in one piece, perhaps with
 * that of others: on disk it is there whole or, after a crash, cut off whole with
 * what follows. Room is
 * reserved before a change is made (aof_admits), so that a full disk refuses
 * the change instead of breaking a promise. When a write or an fsync fails all
 * the same, the log is broken: nothing more is admitted, what was not written
 * is kept, and it is tried again each second. Nothing is ever written behind a
 * hole or a half-written statement.
 *
 * The main thread waits for no disk once the log is loaded, except, with `always`, for one
 * that takes less time than to wake a thread (aof_settle). Beside it there are
 * two: the scribe, which writes and syncs (aof_scribe.h), and one that closes,
 * removes and names files.
 */
#ifndef STORAGE_PERSIST_AOF_H
#define STORAGE_PERSIST_AOF_H

#include <stdbool.h>
#include <stdint.h>

#include "storage/base/clock.h"
#include "storage/base/must.h"
#include "storage/base/slice.h"
#include "storage/persist/aof_load.h"
#include "storage/persist/child.h"

struct aof;
struct faults;
struct keyspaces;
struct log;
struct snapshot;
struct trouble;

/* When what was written is forced to disk. */
enum aof_sync {
    AOF_SYNC_ALWAYS,   /* before it is promised; turns share an fsync */
    AOF_SYNC_EVERYSEC, /* about once a second, by the other thread */
    AOF_SYNC_NO        /* when the kernel likes */
};

/* What may change while it runs. */
struct aof_policy {
    enum aof_sync sync;
    bool          no_sync_on_rewrite; /* while a child rewrites, nothing is forced to disk */
    bool          cut_torn_tail;      /* at the load; else a torn end is refused */
    bool          rdb_base;           /* bases are snapshots, if setup.snapshot can write them */
    bool          sync_base_often;    /* they are forced to disk piece by piece */
    bool          keep_history;       /* files that are no longer needed stay */
    bool          tell_time;          /* a note of the time once a second */
    int64_t       growth_percentage;  /* rewrite by itself when it has grown so much; 0 never */
    int64_t       growth_least;       /* and is at least so many bytes */
    int64_t       key_delay;          /* for tests: how a rewrite dawdles; see progress.h */
};

/* Texts are copied; pointers are borrowed for its life. */
struct aof_setup {
    const char       *dir;      /* the data folder */
    const char       *dirname;  /* the log's folder in it */
    const char       *filename; /* what its files' names begin with */
    struct aof_policy policy;
    struct keyspaces *keyspaces; /* what a rewrite writes */
    struct clock     *clock;
    struct faults    *faults; /* may be NULL */
    struct log       *log;    /* may be NULL */
    struct child_birth birth; /* of children that rewrite */
    struct snapshot  *snapshot; /* writes bases in RDB format; may be NULL: there are none */
    void            (*moved)(void *who); /* has aof_collect called soon; on another thread; or NULL */
    void            (*later)(void *who, micros delay); /* has it called after so long; or NULL */
    void             *who;
};

/* Makes a log that is off. Touches no file. */
struct aof *aof_new(const struct aof_setup *setup);

/* Closes it as it is: whoever wants all on disk calls aof_flush_and_sync before. NULL is fine. */
void aof_free(struct aof *aof);

/* ---- At the start ---- */

/* In a child: leaves the lock to the parent, and it ends with the parent. */
void aof_leave_lock(struct aof *aof);

/* Opens and locks the folder, decides which files to trust. False with trouble: do not start. */
MUST_USE bool aof_open(struct aof *aof, struct trouble *trouble);

/* Runs everything, cuts a torn end, opens the last increment: from then on it is ON. */
MUST_USE bool aof_load(struct aof *aof, const struct aof_runner *runner, struct trouble *trouble);

/*
 * Runs all files again, once all that was said is written; also those of a log
 * that is off now. For tests: nothing is cut.
 */
MUST_USE bool aof_reload(struct aof *aof, const struct aof_runner *runner,
                         struct trouble *trouble);

/* ---- CONFIG SET ---- */

/*
 * Turns it on with the data there is: a base is written first, and what the
 * folder held before is history when that is done. The rewrite begins at the
 * end of the turn (aof_wants_rewrite). False with trouble: it stays off.
 */
MUST_USE bool aof_start(struct aof *aof, struct trouble *trouble);

/* Turns it off, with all on disk if the disk can; the files stay. */
void aof_stop(struct aof *aof);

/* Follows new options from now on. */
void aof_set_policy(struct aof *aof, const struct aof_policy *policy);

/* ---- Each turn ---- */

/* Whether it is on or about to be. */
bool aof_is_on(const struct aof *aof);

/* Whether its first base is still being written, as far as aof_tick has seen. */
bool aof_is_starting(const struct aof *aof);

/*
 * Looks at once whether that has ended, where no aof_tick came by for long; begins
 * nothing. If the base is written it waits for it to be put in its place.
 */
void aof_follow_start(struct aof *aof);

/* Whether statements have to be handed to it now. */
bool aof_hears(const struct aof *aof);

/*
 * Whether a change may be made whose statements have about so many bytes.
 * False if it is broken or the disk has no room for them; aof_trouble says why.
 * One comparison, nearly always.
 */
bool aof_admits(struct aof *aof, size_t bytes);
const char *aof_trouble(const struct aof *aof);

/*
 * Takes the statements of a turn, without waiting for a disk. They may be
 * acknowledged when aof_promised has reached what aof_appended is afterwards:
 * with `always` that comes later, otherwise it nearly always has when this
 * returns. False: the log is broken from now on. They are kept in memory and
 * written when the disk works again, but the process may end before, so nobody
 * must be told that they are safe. While it is broken already only keys that
 * expire say something; that is kept, and nobody waits for it. `feed` may be empty.
 */
MUST_USE bool aof_append(struct aof *aof, struct slice feed);

/*
 * The same at the end of a turn, for who calls aof_settle at the end of this turn and of
 * those to come. With `always` and a disk that is done sooner than a thread is woken,
 * what was appended may wait for that.
 */
MUST_USE bool aof_append_turn(struct aof *aof, struct slice feed);

/*
 * Forces to disk what still waits for that, unless the next turn may bring more: true
 * if so, and then another turn is to come at once, which waits for nobody.
 * Takes a quarter of a millisecond or so when it uses the disk; it does so only while
 * the disk has shown that it is as quick as that, and leaves it to the other thread for
 * a second or longer once it was not.
 */
MUST_USE bool aof_settle(struct aof *aof);

/*
 * Takes note of what other threads did since it was called last: what is promised
 * moves, the log may be broken or mended. For whoever setup.moved has woken.
 */
void aof_collect(struct aof *aof);

/*
 * Bytes that may be acknowledged, of those appended. It only rises. With `always`
 * they are on disk. With `everysec` and `no` they are all, except while the log is
 * broken, and while what was appended two seconds ago is not on disk with
 * `everysec`: then they are what is on disk.
 */
uint64_t aof_promised(const struct aof *aof);

/* Whether nothing is promised before it is on disk, be the disk well or not. */
bool aof_waits_for_disk(const struct aof *aof);

/* The same, and the disk works. */
bool aof_promises_disk(const struct aof *aof);

/* Whether it cannot be written: aof_trouble says why. */
bool aof_is_broken(const struct aof *aof);

/* Everything written and forced to disk, whatever the policy says; for the shutdown. */
MUST_USE bool aof_flush_and_sync(struct aof *aof, struct trouble *trouble);

/*
 * What is to be done now and then, ten times a second or so: the fsync of each
 * second, trying again what failed, following the child of a rewrite.
 */
void aof_tick(struct aof *aof);

/*
 * Bytes handed to it so far, and how many of them are on disk for good: what was
 * handed over before the first was asked for is safe once the second has reached
 * it. While it is off both are the same.
 */
uint64_t aof_appended(const struct aof *aof);
uint64_t aof_durable(const struct aof *aof);

/* Has the other thread sync what was written, now, whatever the policy: somebody waits for it. */
void aof_sync_soon(struct aof *aof);

/* For tests: sleeps so long before each write; DEBUG AOF-FLUSH-SLEEP. */
void aof_delay_writes(struct aof *aof, micros delay);

/* ---- What it is doing ---- */

/* For INFO persistence, named as there. */
struct aof_figures {
    bool     enabled;
    bool     rewrite_in_progress; /* up to the removal of what it replaced */
    bool     rewrite_scheduled;
    int64_t  last_rewrite_time_sec;    /* -1: none yet */
    int64_t  current_rewrite_time_sec; /* -1: none */
    bool     last_bgrewrite_ok;
    bool     last_write_ok;
    uint64_t last_cow_size;
    uint64_t current_cow_size;
    uint64_t rewrite_keys_done;
    uint64_t rewrites;
    uint64_t rewrites_consecutive_failures;
    uint64_t current_size;
    uint64_t base_size; /* when it was loaded or rewritten last */
    uint64_t pending_bio_fsync;
    uint64_t delayed_fsync;
    uint64_t buffer_length;
    size_t   buffer_memory; /* what that takes, with room to spare */
    int64_t  last_fork_usec;
    micros   last_fork_at; /* monotonic; 0: none yet */
    uint64_t forks;
};
void aof_figures(struct aof *aof, struct aof_figures *figures);

/* Asserts every invariant; for tests. */
void aof_check(struct aof *aof);

#endif
