/*
 * The scribe in parts: the pen (aof_pen.c) writes the file, seals it and forces it
 * to disk; the thread and the main thread's side are in aof_scribe.c.
 *
 * Whoever is `busy` holds the pen: the file and all that is said of it belong to
 * the scribe's thread, or for one write to the main thread, and nobody takes the
 * lock to touch them. What is gathered is behind the lock.
 *
 *   (1) Bytes of the file below `size` are whole batches, in the order they were
 *       said; nothing is written but at `size`.
 *   (2) `synced` <= `size` <= the file's end, and all below `synced` is durable.
 *   (3) durable <= written <= batch_upto <= gathered_upto <= said: batch, gathered
 *       and after are what lies between `written` and `said`, in this order.
 *   (4) `after` is empty unless a turn-over waits.
 */
#ifndef STORAGE_PERSIST_AOF_SCRIBE_PRIVATE_H
#define STORAGE_PERSIST_AOF_SCRIBE_PRIVATE_H

#include <pthread.h>
#include <stdatomic.h>
#include <time.h>

#include "storage/base/buffer.h"
#include "storage/persist/aof_pace.h"
#include "storage/persist/aof_scribe.h"

struct aof_scribe {
    struct aof_scribe_setup setup;
    pthread_t               thread;
    pthread_mutex_t         lock;
    pthread_cond_t          more; /* there is something to do */
    pthread_cond_t          done; /* something was done */

    /* Behind the lock. */
    bool                 stopping;
    bool                 busy;
    bool                 open;
    bool                 always;
    bool                 sync_asked;
    bool                 retry;
    bool                 failed;
    bool                 lost;
    bool                 sealing; /* the end is to be sealed, however little it is */
    struct buffer        gathered;
    struct buffer        after;
    uint64_t             gathered_upto;
    uint64_t             said;
    struct aof_turnover *turnover; /* that waits */
    struct aof_turnover *turning;  /* that is being made */
    enum aof_turnover_state turned;
    struct trouble       trouble;
    micros               delay;
    size_t               lingers_for; /* bytes to be gathered before the thread is woken; 0: any */
    struct pace          pace;

    /* Written by who holds the pen, read by all. */
    _Atomic uint64_t written;
    _Atomic uint64_t durable;
    _Atomic uint64_t size;
    atomic_bool      syncing;
    _Atomic size_t   batch_room; /* of the batch's buffer */

    /* The pen's. */
    int            fd;
    uint64_t       synced;
    uint64_t       unsealed; /* bytes in front of `size` that no seal is about (aof_seal.h) */
    uint64_t       sum;      /* CRC64 of these */
    uint64_t       marked;   /* up to here the file says of itself that it is durable */
    bool           torn;     /* a part of a failed write may stand behind `size` */
    bool           unsure;   /* bytes between `synced` and `size` may never reach the disk */
    struct buffer  batch;
    uint64_t       batch_upto;
    struct trouble story; /* of the failure under way */
};

/* Where the next byte of the file goes. */
static inline uint64_t aof_pen_at(const struct aof_scribe *scribe)
{
    return atomic_load_explicit(&scribe->size, memory_order_relaxed);
}

/* Monotonic, of the kernel itself: the disk takes its own time, also in tests. */
static inline micros aof_pen_clock(void)
{
    struct timespec now;

    (void)clock_gettime(CLOCK_MONOTONIC, &now);
    return (micros)now.tv_sec * 1000000 + now.tv_nsec / 1000;
}

/* ---- For who holds the pen ---- */

/* Takes a file over; `size` is what it holds, sealed up to `sealed`. */
void aof_pen_begin(struct aof_scribe *scribe, int fd, uint64_t size, uint64_t sealed);

/*
 * Writes statements, and seals what is `enough` bytes; all of it, or with a story as
 * if nothing.
 */
MUST_USE bool aof_pen_put(struct aof_scribe *scribe, struct slice bytes, uint64_t enough);

/* Writes the batch, and forces it to disk if asked to; where it cannot, the file is as before. */
MUST_USE bool aof_pen_write_batch(struct aof_scribe *scribe, bool sync, uint64_t enough);

/* Says at an orderly end that all in front of it is durable: damage is not taken for loss then. */
MUST_USE bool aof_pen_mark(struct aof_scribe *scribe);

/* Ends one file and begins the next, which the manifest names from then on. */
MUST_USE bool aof_pen_turn_over(struct aof_scribe *scribe, struct aof_turnover *turnover);

#endif
