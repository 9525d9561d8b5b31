/* What the files of the log share: its state, and the steps between them. */
#ifndef STORAGE_PERSIST_AOF_PRIVATE_H
#define STORAGE_PERSIST_AOF_PRIVATE_H

#include <stdatomic.h>

#include "storage/base/buffer.h"
#include "storage/base/trouble.h"
#include "storage/persist/aof.h"
#include "storage/persist/aof_scribe.h"
#include "storage/persist/recovery.h"

struct child;
struct worker;

enum aof_state { AOF_OFF, AOF_OPENED, AOF_ON, AOF_STARTING };

/* History that the other thread removes. */
struct aof_removal {
    atomic_bool    done;
    struct folder *folder;
    struct faults *faults;
    char         **names;
    size_t         count;
};

/*
 * Changing the manifest on the other thread: files that are about to get their
 * names are announced, then renamed, then what the log is made of is said. Texts
 * of parts that are not wanted are empty.
 */
struct aof_placing {
    atomic_bool          done;
    const struct aof    *aof;
    struct aof_manifest *announced; /* or NULL; what `announcement` says */
    struct aof_manifest *next;      /* what `text` says */
    struct buffer        announcement;
    struct buffer        text;
    bool                 with_base;      /* the temporary base gets its name */
    bool                 with_increment; /* the temporary increment too */
    enum folder_replaced announcing;
    enum folder_replaced replacing;
    bool                 fine;
    bool                 unsure; /* some name may not be durable */
    int64_t              base_size;
    struct trouble       trouble;
};

/* What the other thread promises of the disk: room that is reserved ahead. */
struct aof_ahead {
    atomic_bool    done;
    bool           runs;
    int            fd;
    uint64_t       from;
    uint64_t       len;
    bool           fine;
    struct faults *faults;
};

struct aof {
    struct aof_setup       setup;
    struct recovery_setup  where;
    enum aof_state         state;
    struct folder         *folder; /* NULL while OFF and not rewriting */
    int                    lock;
    struct aof_manifest   *manifest; /* NULL while `folder` is */
    struct worker         *worker;

    struct aof_scribe     *scribe;

    /* The increment that what is said now goes to. */
    int           fd;       /* -1: none */
    uint64_t      bound;    /* it will not be longer than this with all that was said */
    uint64_t      reserved; /* the disk has promised room up to here; UINT64_MAX: it never does */
    struct aof_ahead ahead;
    uint64_t      ahead_wanted; /* with less to spare more is asked for */
    uint64_t      said_at_tick;
    uint64_t      older;    /* bytes of the files before it */
    uint64_t      loaded_base; /* `current size` when loaded or rewritten */
    struct buffer dated;    /* a turn's statements behind a note of the time */
    int64_t       told_time; /* seconds since 1970, as last noted in the log */

    /* Promises, in bytes said. */
    uint64_t said;       /* all that was appended */
    bool     always;     /* nothing is promised that is not on disk */
    uint64_t promised;   /* what was said up to here may be acknowledged */
    bool     syncing;    /* an fsync was asked for and has not ended */
    uint64_t sync_upto;  /* what it will force to disk */
    micros   sync_at;    /* when the last one was asked for */
    micros   covered_at; /* what was said before that is on disk */
    uint64_t awaited_upto;  /* what was said up to here is awaited in the file */
    micros   awaited_since;
    bool     overdue;    /* the disk is too slow for the promise: nothing more is promised */
    micros   slow_until; /* writing has taken long: the scribe writes */
    uint64_t delayed_fsync;
    bool     gathers;       /* statements wait for aof_settle */
    micros   gathers_since; /* the first of them */
    bool     gathered_all;  /* no more are expected */
    int      empty_turns;   /* since some came */

    /* What is wrong. */
    bool           broken;
    bool           unwritten;       /* the scribe waits to be told to try again */
    bool           folder_unsynced; /* the manifest may not be durable */
    bool           no_room;         /* the last reservation failed */
    micros         retry_at;
    micros         complained_at;
    struct trouble trouble;

    /* Rewriting. */
    struct child       *child;
    bool                requested;
    struct aof_turnover  turnover;
    struct aof_manifest *turning;  /* the manifest once it has turned over; NULL: it does not */
    struct buffer        turning_text;
    char                 turning_temporary[RECOVERY_NAME_MAX];
    char                 turning_name[RECOVERY_NAME_MAX];
    int                  turning_from; /* the file before, while it turns over */
    struct aof_placing  *placing;  /* NULL: nothing is being put in place */
    bool                 heard;     /* STARTING: the child's moment has passed, statements count */
    micros              rewrite_began;
    micros              rewrite_not_before;
    bool                pause_told;
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

/* Closes the file that is written to, on the other thread; waits for what the scribe is at. */
void aof_write_end(struct aof *aof);

/* Has the other thread cut a file to a size, and close it. */
void aof_write_close(struct aof *aof, int fd, uint64_t size);

/* Says anew how promises are to be kept: options have changed, or a rewrite begins or ends. */
void aof_write_follow(struct aof *aof);

/* Notes that the scribe is about to force all that was said to disk, as it does when it turns over. */
void aof_write_covered_soon(struct aof *aof);

/* Notes that the log cannot be written, for the reason in aof->trouble. */
void aof_write_break(struct aof *aof, const char *doing);

/* ---- aof_room.c ---- */

/* A file of so many bytes is begun: nothing is reserved yet. */
void aof_room_begin(struct aof *aof, uint64_t size);

/* Reserves a little in a new file, which is going to be written to. False: the disk is full. */
MUST_USE bool aof_room_reserve(struct aof *aof, int fd, struct trouble *trouble);

/* Takes note of what was reserved ahead, if it is for the file that is written to. */
void aof_room_note(struct aof *aof);

/*
 * Each tick: how much to reserve ahead. While the disk is at an fsync it may keep who asks for
 * room waiting for as long: what is said meanwhile has to find room already.
 */
void aof_room_look_ahead(struct aof *aof);

/* ---- aof_rewrite.c ---- */

/* Takes note of a turn-over that has ended. */
void aof_rewrite_turned(struct aof *aof);

/* ---- aof.c ---- */

/* Whether bases are snapshots. */
bool aof_writes_rdb(const struct aof *aof);

/* Opens and locks the folder and reads the manifest. */
MUST_USE bool aof_enter(struct aof *aof, struct trouble *trouble);

/* Closes the folder if the log is off and nothing is left to do in it. */
void aof_leave_if_off(struct aof *aof);

/* ---- aof_place.c ---- */

/* Begins to change the manifest; takes `placing`, of which all but the results is set. */
void aof_place_begin(struct aof *aof, struct aof_placing *placing);

/*
 * When it is done: makes the manifest the log's as far as it came and returns
 * the placing, which the caller ends. NULL while it runs or if there is none.
 */
struct aof_placing *aof_place_collect(struct aof *aof);
void aof_place_end(struct aof_placing *placing);

/* Has the other thread make the names in the folder durable. */
void aof_place_sync(struct aof *aof);

/* Takes note of a finished removal of history, and begins what waits. */
void aof_remove_history(struct aof *aof);

/* Forgets a removal that is done or given up. */
void aof_forget_removal(struct aof *aof);

/* Bytes of all files of the log; 0 unless it is ON. */
uint64_t aof_current_size(const struct aof *aof);

#endif
