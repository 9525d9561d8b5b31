/*
 * The scribe: the thread that writes the log and forces it to disk, so that
 * the main thread need never wait for a disk.
 *
 *   main thread                               the scribe's thread
 *   aof_scribe_say ──────► gathered ──taken──► batch ──► file, seals ──► fdatasync
 *   aof_scribe_turn_over ► behind what was said before, in front of what is said after
 *
 * While one batch is written and forced to disk the next one gathers: however
 * many turns that takes, they share the next fsync. Offsets count the bytes said
 * since the scribe was made; seals and notes of the time are not among them.
 *
 * When a write or an fsync fails, the scribe keeps what it could not write, goes
 * on gathering and does nothing more until it is told to try again. The file
 * never holds a part of a batch for longer than it takes to cut it off.
 *
 * With `always` a disk that is quicker than waking a thread is not left to one: what
 * several turns said is forced to disk by the main thread (aof_pace.h says when).
 *
 * All functions are for the main thread, and none waits for the disk unless it
 * says so.
 */
#ifndef STORAGE_PERSIST_AOF_SCRIBE_H
#define STORAGE_PERSIST_AOF_SCRIBE_H

#include <stdbool.h>
#include <stdint.h>

#include "storage/base/clock.h"
#include "storage/base/must.h"
#include "storage/base/slice.h"
#include "storage/base/trouble.h"
#include "storage/persist/folder.h"

struct aof_scribe;

/* `moved` is called on the scribe's thread when that has news; it may be NULL. */
struct aof_scribe_setup {
    struct faults *faults; /* may be NULL */
    void (*moved)(void *who);
    void *who;
};

struct aof_scribe *aof_scribe_new(const struct aof_scribe_setup *setup);

/* Waits for what is under way; what has only gathered is not written. NULL is fine. */
void aof_scribe_free(struct aof_scribe *scribe);

/* Gives it a file, to be written at its end; `size` is what it holds, sealed up to `sealed`. */
void aof_scribe_open(struct aof_scribe *scribe, int fd, uint64_t size, uint64_t sealed);

/*
 * Takes the file away again, unwritten what has gathered; waits for what is under
 * way. Returns its descriptor and, at `size`, how much of it is whole turns.
 */
int aof_scribe_close(struct aof_scribe *scribe, uint64_t *size);

/* Whether everything is forced to disk as soon as it is written. */
void aof_scribe_set_always(struct aof_scribe *scribe, bool always);

/* For tests: sleeps so long before each write. */
void aof_scribe_delay(struct aof_scribe *scribe, micros delay);

/* ---- Saying ---- */

/*
 * Takes statements, copying them: they are written as soon as may be. While it has
 * no file they count as kept.
 */
void aof_scribe_say(struct aof_scribe *scribe, struct slice statements);

enum aof_scribe_quiet {
    AOF_SCRIBE_NOT_TAKEN, /* the disk may take longer than waking a thread: say it instead */
    AOF_SCRIBE_SOME,      /* more may come before long */
    AOF_SCRIBE_ALL        /* it is as much as the last batches were */
};

/* The same, but nobody is woken: the caller is to call aof_scribe_commit soon. */
MUST_USE enum aof_scribe_quiet aof_scribe_say_quietly(struct aof_scribe *scribe,
                                                      struct slice statements);

/*
 * Forces what was said quietly to disk from here; waits for it, a quarter of a
 * millisecond or so. If the thread is at work, or has to be, it does it, and tells.
 */
void aof_scribe_commit(struct aof_scribe *scribe);

enum aof_scribe_wrote {
    AOF_SCRIBE_WROTE, /* it is in the file, though not forced to disk */
    AOF_SCRIBE_BUSY,  /* the thread has something to do: nothing was done, say it instead */
    AOF_SCRIBE_BROKE  /* writing failed; the statements are kept, to be written later */
};

/*
 * Writes statements from here, if nothing is forced to disk at the time: what
 * ends in the kernel's cache waits for no disk, and outlives this process.
 */
MUST_USE enum aof_scribe_wrote aof_scribe_write(struct aof_scribe *scribe,
                                                struct slice statements);

/* Has all that was said so far forced to disk. */
void aof_scribe_sync_soon(struct aof_scribe *scribe);

/* The same, and waits for it. False with trouble: it cannot be written. */
MUST_USE bool aof_scribe_finish(struct aof_scribe *scribe, struct trouble *trouble);

/* Tries again what failed; all that is in the file and may not be on disk is written anew. */
void aof_scribe_retry(struct aof_scribe *scribe);

/* Waits until the thread rests; for a fork in tests. */
void aof_scribe_rest(struct aof_scribe *scribe);

/* ---- Turning over ---- */

enum aof_turnover_state { AOF_TURNOVER_NONE, AOF_TURNOVER_WAITS, AOF_TURNOVER_DONE,
                          AOF_TURNOVER_FAILED };

/*
 * Going over to a new file: all that was said before is forced to disk in the old
 * one, then a manifest that names the new one is made durable, then what is said
 * after this is written there. One at a time, and its owner keeps it until it is
 * collected with aof_scribe_turned. If it fails all stays in the old file.
 */
struct aof_turnover {
    /* Given: borrowed until it is collected. */
    const struct folder *folder;
    const char          *temporary; /* the manifest's, while it is written */
    const char          *name;      /* of the manifest */
    struct slice         manifest;
    int                  fd; /* the new file, empty; the scribe's if it succeeds */

    /* Found, once it is collected. */
    enum folder_replaced replaced;
    uint64_t             old_size;
    int                  old_fd; /* of the old file, the owner's to close, if it succeeded */
    struct trouble       trouble;
};
void aof_scribe_turn_over(struct aof_scribe *scribe, struct aof_turnover *turnover);

/* How the last one ended: DONE and FAILED are told once. */
enum aof_turnover_state aof_scribe_turned(struct aof_scribe *scribe);

/* ---- What it has done ---- */

struct aof_scribe_status {
    uint64_t said;
    uint64_t written; /* in the file up to here */
    uint64_t durable; /* on disk up to here */
    uint64_t size;    /* of the file: whole turns and seals */
    bool     busy;    /* it works on something, or is about to */
    bool     failed;  /* waits for aof_scribe_retry */
    bool     syncing; /* the disk is at it */
    bool     lost;    /* what the disk had lost was written anew; told once */
    struct trouble trouble; /* why it failed */
};
void aof_scribe_look(struct aof_scribe *scribe, struct aof_scribe_status *status);

/* The offset that is on disk; without a lock. */
uint64_t aof_scribe_durable(const struct aof_scribe *scribe);
uint64_t aof_scribe_written(const struct aof_scribe *scribe);

/* Whether the scribe waits for the disk; without a lock. */
bool aof_scribe_is_syncing(const struct aof_scribe *scribe);

/* Bytes of memory for what is said and not written, room to spare included. */
size_t aof_scribe_memory(struct aof_scribe *scribe);

/* Bytes of the file; without a lock. */
uint64_t aof_scribe_size(const struct aof_scribe *scribe);

/* Asserts every invariant; for tests. */
void aof_scribe_check(struct aof_scribe *scribe);

#endif
