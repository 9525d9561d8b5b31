/*
 * The thread, and the path of statements to the file.
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
#include "storage/persist/aof_scribe.h"

#include <errno.h>
#include <pthread.h>
#include <signal.h>
#include <stdatomic.h>
#include <time.h>
#include <unistd.h>

#include "storage/base/buffer.h"
#include "storage/base/digest.h"
#include "storage/base/faults.h"
#include "storage/base/memory.h"
#include "storage/persist/aof_seal.h"
#include "storage/persist/points.h"

enum {
    SECOND = 1000000,
    BATCH_KEPT = 1024 * 1024,
    COPY = 64 * 1024,
    LINGER_LEAST = 30 /* microseconds: less than that is not waited */
};

/* How turns come and how long the disk takes: when it pays to wait for more of them. */
struct pace {
    micros   sync_takes; /* on the average */
    micros   ended_at;   /* when the last batch was durable, so that its writers are answered */
    micros   cycle;      /* from one such end to the next */
    size_t   batch;      /* bytes of the last batch */
    size_t   wanted;     /* these, and what gathered meanwhile: all who write have come again */
    double   patience;   /* of sync_takes, from 0 to 1 */
};

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
    struct pace    pace;
};

/* ---- The file: for who holds the pen ---- */

static uint64_t size_of(const struct aof_scribe *scribe)
{
    return atomic_load_explicit(&scribe->size, memory_order_relaxed);
}

/* Adds what stands in the file behind its last seal to the sum of the next one. */
static void sum_rest(struct aof_scribe *scribe, uint64_t from)
{
    char bytes[16 * 1024];

    while (from < size_of(scribe)) {
        uint64_t left = size_of(scribe) - from;
        ssize_t got = pread(scribe->fd, bytes, left < sizeof(bytes) ? (size_t)left : sizeof(bytes),
                            (off_t)from);

        if (got <= 0)
            return; /* the seal will not be right, and the disk is known to be bad */
        scribe->sum = digest_crc64(scribe->sum, slice_of(bytes, (size_t)got));
        scribe->unsealed += (uint64_t)got;
        from += (uint64_t)got;
    }
}

static void begin_file(struct aof_scribe *scribe, int fd, uint64_t size, uint64_t sealed)
{
    scribe->fd = fd;
    atomic_store(&scribe->size, size);
    scribe->synced = size;
    scribe->torn = false;
    scribe->unsure = false;
    scribe->unsealed = 0;
    scribe->sum = 0;
    scribe->marked = sealed == size ? size : 0;
    sum_rest(scribe, sealed);
}

/* Takes away what stands behind the last whole batch. */
static bool take_away_torn(struct aof_scribe *scribe)
{
    if (!scribe->torn)
        return true;
    if (faults_hit(scribe->setup.faults, "truncate") ||
        ftruncate(scribe->fd, (off_t)size_of(scribe)) < 0)
        return trouble_errno(&scribe->story, "truncating");
    scribe->torn = false;
    return true;
}

/* A write that failed after `at` bytes of the file: what stands behind `size` goes at once. */
static bool tear(struct aof_scribe *scribe, uint64_t at)
{
    struct trouble first;

    (void)trouble_errno(&scribe->story, "writing");
    first = scribe->story;
    scribe->torn = at > size_of(scribe);
    (void)take_away_torn(scribe);
    scribe->story = first;
    return false;
}

/* Writes bytes at `size`: all of them, or as if none. */
static bool put(struct aof_scribe *scribe, struct slice bytes)
{
    uint64_t at = size_of(scribe);

    if (!take_away_torn(scribe))
        return false;
    while (bytes.len > 0) {
        ssize_t written = faults_hit(scribe->setup.faults, "write")
                              ? -1
                              : pwrite(scribe->fd, bytes.at, bytes.len, (off_t)at);

        if (written < 0 && errno == EINTR)
            continue;
        if (written == 0)
            errno = ENOSPC;
        if (written <= 0)
            return tear(scribe, at);
        bytes = slice_after(bytes, (size_t)written);
        at += (uint64_t)written;
    }
    atomic_store_explicit(&scribe->size, at, memory_order_relaxed);
    return true;
}

/* Writes statements, which count for the next seal. */
static bool put_summed(struct aof_scribe *scribe, struct slice bytes)
{
    if (!put(scribe, bytes))
        return false;
    if (bytes.len > 0)
        scribe->sum = digest_crc64(scribe->sum, bytes);
    scribe->unsealed += bytes.len;
    return true;
}

/* Seals what was written, if it is `enough` bytes. What lacks its seal is not written. */
static bool seal(struct aof_scribe *scribe, uint64_t enough)
{
    char line[AOF_SEAL_MAX];
    size_t len;

    if (scribe->unsealed < enough)
        return true;
    len = aof_seal_print(scribe->unsealed, scribe->sum, scribe->synced, line);
    if (!put(scribe, slice_of(line, len)))
        return false;
    scribe->unsealed = 0;
    scribe->sum = 0;
    return true;
}

/* Where the file ended, to go back there. */
struct ending {
    uint64_t size;
    uint64_t unsealed;
    uint64_t sum;
};

static struct ending ending_of(const struct aof_scribe *scribe)
{
    return (struct ending){ size_of(scribe), scribe->unsealed, scribe->sum };
}

static bool go_back(struct aof_scribe *scribe, const struct ending *ending)
{
    scribe->torn = scribe->torn || size_of(scribe) > ending->size;
    atomic_store(&scribe->size, ending->size);
    scribe->unsealed = ending->unsealed;
    scribe->sum = ending->sum;
    return false;
}

/*
 * Writes statements, and seals what is `enough` bytes. What would make more than a
 * seal is about is sealed first: so as many bytes as that without a seal are never
 * more than one batch, which is not written yet (aof_seal.h).
 */
static bool put_sealed(struct aof_scribe *scribe, struct slice bytes, uint64_t enough)
{
    struct ending before = ending_of(scribe);

    /* A file without any seal would be taken for one of another server. */
    return ((scribe->unsealed + bytes.len < AOF_SEAL_EVERY ||
             seal(scribe, before.size == 0 ? 0 : 1)) &&
            put_summed(scribe, bytes) &&
            seal(scribe, enough)) || go_back(scribe, &before);
}

/*
 * After a failed fsync the kernel holds the pages for clean, so another fsync
 * would promise nothing: the bytes are written again where they are.
 */
static bool write_anew(struct aof_scribe *scribe)
{
    char bytes[COPY];
    uint64_t at = scribe->synced;

    while (at < size_of(scribe)) {
        uint64_t left = size_of(scribe) - at;
        ssize_t got = pread(scribe->fd, bytes, left < COPY ? (size_t)left : COPY, (off_t)at);

        if (got <= 0 || pwrite(scribe->fd, bytes, (size_t)got, (off_t)at) != got)
            return trouble_errno(&scribe->story, "writing anew");
        at += (uint64_t)got;
    }
    return true;
}

static micros clock_now(void)
{
    struct timespec now;

    (void)clock_gettime(CLOCK_MONOTONIC, &now);
    return (micros)now.tv_sec * SECOND + now.tv_nsec / 1000;
}

static bool force(struct aof_scribe *scribe)
{
    micros began = clock_now();
    bool failed;

    if (scribe->unsure && !write_anew(scribe))
        return false;
    atomic_store(&scribe->syncing, true);
    failed = faults_hit(scribe->setup.faults, "fsync") || fdatasync(scribe->fd) < 0;
    atomic_store(&scribe->syncing, false);
    if (failed)
        return trouble_errno(&scribe->story, "syncing");
    scribe->pace.sync_takes = (7 * scribe->pace.sync_takes + clock_now() - began) / 8;
    scribe->synced = size_of(scribe);
    scribe->unsure = false;
    return true;
}

static void forget_batch(struct aof_scribe *scribe)
{
    if (scribe->batch.capacity > BATCH_KEPT)
        buffer_clear(&scribe->batch);
    else
        buffer_rewind(&scribe->batch);
    atomic_store_explicit(&scribe->batch_room, scribe->batch.capacity, memory_order_relaxed);
}

/* Writes the batch, and forces it to disk if asked to; where it cannot, the file is as before. */
static bool write_batch(struct aof_scribe *scribe, bool sync, uint64_t enough)
{
    struct ending before = ending_of(scribe);

    if (!put_sealed(scribe, buffer_slice(&scribe->batch), enough))
        return false;
    if (sync && scribe->synced < size_of(scribe) && !force(scribe)) {
        scribe->unsure = scribe->unsure || scribe->synced < before.size;
        return go_back(scribe, &before);
    }
    forget_batch(scribe);
    atomic_store(&scribe->written, scribe->batch_upto);
    if (scribe->synced == size_of(scribe))
        atomic_store(&scribe->durable, scribe->batch_upto);
    return true;
}

/* Says at an orderly end that all in front of it is durable: damage is not taken for loss then. */
static bool mark(struct aof_scribe *scribe)
{
    if (scribe->marked == size_of(scribe))
        return true;
    if (!seal(scribe, 0))
        return false;
    if (!force(scribe)) {
        scribe->unsure = true;
        return false;
    }
    scribe->marked = size_of(scribe);
    return true;
}

/* Ends one file and begins the next, which the manifest names from then on. */
static bool turn_over(struct aof_scribe *scribe, struct aof_turnover *turnover)
{
    if (!seal(scribe, 1)) {
        turnover->trouble = scribe->story;
        return false;
    }
    if (scribe->synced < size_of(scribe) && !force(scribe)) {
        scribe->unsure = true;
        turnover->trouble = scribe->story;
        return false;
    }
    turnover->old_size = size_of(scribe);
    /* Room that was reserved and not used: a full disk may need it to be rewritten. */
    if (ftruncate(scribe->fd, (off_t)turnover->old_size) < 0)
        (void)0; /* it only costs room */
    turnover->replaced = folder_replace(turnover->folder, turnover->temporary, turnover->name,
                                        turnover->manifest, &turnover->trouble);
    if (turnover->replaced == FOLDER_KEPT)
        return false;
    turnover->old_fd = scribe->fd;
    begin_file(scribe, turnover->fd, 0, 0);
    point_reached(scribe->setup.faults, POINT_increment_begun);
    return true;
}

static void pause_for(micros delay)
{
    struct timespec pause = { delay / SECOND, delay % SECOND * 1000 };

    if (delay > 0)
        (void)nanosleep(&pause, NULL);
}

/* ---- The thread ---- */

static void lock(struct aof_scribe *scribe)
{
    must(pthread_mutex_lock(&scribe->lock) == 0);
}

static void unlock(struct aof_scribe *scribe)
{
    must(pthread_mutex_unlock(&scribe->lock) == 0);
}

/* Whether something is to be done, whoever has the pen now. */
static bool has_work(const struct aof_scribe *scribe)
{
    if (!scribe->open || (scribe->failed && !scribe->retry))
        return false;
    return scribe->batch.len > 0 || scribe->gathered.len > 0 || scribe->turnover != NULL ||
           scribe->sync_asked || scribe->retry;
}

static void swap(struct buffer *one, struct buffer *other)
{
    struct buffer kept = *one;

    *one = *other;
    *other = kept;
}

/* Takes what has gathered, unless a batch still waits to be written again. */
static void take_batch(struct aof_scribe *scribe)
{
    if (scribe->batch.len > 0)
        return;
    swap(&scribe->batch, &scribe->gathered);
    atomic_store_explicit(&scribe->batch_room, scribe->batch.capacity, memory_order_relaxed);
    scribe->batch_upto = scribe->gathered_upto;
    scribe->turning = scribe->turnover;
    scribe->turnover = NULL;
    swap(&scribe->gathered, &scribe->after);
    scribe->gathered_upto = scribe->said;
}

/*
 * With `always` writers come in two halves: while the statements of one are forced to disk
 * the other gathers, and each fsync serves half of them. Where those who were answered just
 * now come again sooner than the disk would take for them apart, it pays to wait, and
 * every fsync serves all. Where waiting brought no more than usual it is cut down.
 */
static void linger(struct aof_scribe *scribe)
{
    struct pace *pace = &scribe->pace;
    size_t before = scribe->gathered.len;
    micros began = clock_now();
    micros until = pace->ended_at + (micros)((double)pace->sync_takes * pace->patience);
    struct timespec deadline = { until / SECOND, until % SECOND * 1000 };
    double usual, found;

    pace->patience = pace->patience > .98 ? 1. : pace->patience * 1.02;
    if (before >= pace->wanted || until - began < LINGER_LEAST || pace->cycle <= 0)
        return;
    scribe->lingers_for = pace->wanted;
    while (!scribe->stopping && !scribe->sync_asked && scribe->turnover == NULL && scribe->open &&
           scribe->gathered.len < pace->wanted &&
           pthread_cond_timedwait(&scribe->more, &scribe->lock, &deadline) == 0)
        continue;
    scribe->lingers_for = 0;
    if (scribe->gathered.len >= pace->wanted)
        return;
    usual = (double)pace->batch / (double)pace->cycle;
    found = (double)(scribe->gathered.len - before) / (double)(clock_now() - began + 1);
    if (found < 1.2 * usual)
        pace->patience /= 2;
}

/* Notes that a batch is durable: those who wait for it are answered now. */
static void keep_pace(struct aof_scribe *scribe, size_t batch)
{
    struct pace *pace = &scribe->pace;
    micros now = clock_now();

    pace->cycle = now - pace->ended_at;
    pace->ended_at = now;
    pace->batch = batch;
    pace->wanted = (batch + scribe->gathered.len) / 10 * 9;
}

/* What there is to do now, from the lock to the file and back; the lock is held around it. */
static void do_work(struct aof_scribe *scribe)
{
    bool unsure = scribe->unsure;
    uint64_t enough = scribe->sealing ? 1 : AOF_SEAL_EVERY;
    bool kept = scribe->batch.len > 0; /* from an attempt that failed; more has gathered since */
    size_t batch;
    bool sync, asked, fine, turned;

    take_batch(scribe);
    batch = scribe->batch.len;
    asked = scribe->sync_asked || scribe->retry || scribe->turning != NULL || scribe->failed;
    sync = asked || scribe->always;
    scribe->sync_asked = false;
    scribe->retry = false;
    scribe->busy = true;
    unlock(scribe);

    pause_for(scribe->batch.len > 0 ? scribe->delay : 0);
    fine = write_batch(scribe, sync, enough) && (enough > 1 || mark(scribe));
    if (!fine && scribe->turning != NULL)
        scribe->turning->trouble = scribe->story;
    turned = fine && scribe->turning != NULL && turn_over(scribe, scribe->turning);
    if (scribe->turning != NULL && !turned && scribe->unsure)
        fine = false;

    lock(scribe);
    if (scribe->turning != NULL)
        scribe->turned = turned ? AOF_TURNOVER_DONE : AOF_TURNOVER_FAILED;
    scribe->turning = NULL;
    scribe->busy = false;
    scribe->sync_asked = scribe->sync_asked || (kept && asked);
    scribe->lost = scribe->lost || (fine && unsure);
    if (sync && fine)
        keep_pace(scribe, batch);
    asked = asked || scribe->always || fine == scribe->failed;
    scribe->failed = !fine;
    if (!fine)
        scribe->trouble = scribe->story;
    must(pthread_cond_broadcast(&scribe->done) == 0);
    if (asked && scribe->setup.moved != NULL) {
        unlock(scribe);
        scribe->setup.moved(scribe->setup.who);
        lock(scribe);
    }
}

static void *work(void *who)
{
    struct aof_scribe *scribe = who;

    memory_thread_begin();
    pthread_setname_np(pthread_self(), "millrace-log");
    lock(scribe);
    while (!scribe->stopping) {
        if (!scribe->busy && has_work(scribe)) {
            if (scribe->always && !scribe->failed)
                linger(scribe);
            if (!scribe->busy && has_work(scribe) && !scribe->stopping)
                do_work(scribe);
        } else {
            must(pthread_cond_wait(&scribe->more, &scribe->lock) == 0);
        }
    }
    unlock(scribe);
    memory_thread_end();
    return NULL;
}

struct aof_scribe *aof_scribe_new(const struct aof_scribe_setup *setup)
{
    struct aof_scribe *scribe = memory_new_zeroed(1, sizeof(*scribe));
    pthread_condattr_t monotonic;
    sigset_t all;
    sigset_t before;

    scribe->setup = *setup;
    scribe->fd = -1;
    must(pthread_mutex_init(&scribe->lock, NULL) == 0);
    must(pthread_condattr_init(&monotonic) == 0);
    must(pthread_condattr_setclock(&monotonic, CLOCK_MONOTONIC) == 0);
    must(pthread_cond_init(&scribe->more, &monotonic) == 0);
    pthread_condattr_destroy(&monotonic);
    scribe->pace.patience = 1.;
    must(pthread_cond_init(&scribe->done, NULL) == 0);

    /* Signals are the main thread's business; a new thread inherits the mask. */
    sigfillset(&all);
    pthread_sigmask(SIG_SETMASK, &all, &before);
    must(pthread_create(&scribe->thread, NULL, work, scribe) == 0);
    pthread_sigmask(SIG_SETMASK, &before, NULL);
    return scribe;
}

void aof_scribe_free(struct aof_scribe *scribe)
{
    if (scribe == NULL)
        return;
    lock(scribe);
    scribe->stopping = true;
    must(pthread_cond_signal(&scribe->more) == 0);
    unlock(scribe);
    must(pthread_join(scribe->thread, NULL) == 0);
    pthread_cond_destroy(&scribe->done);
    pthread_cond_destroy(&scribe->more);
    pthread_mutex_destroy(&scribe->lock);
    if (scribe->open)
        (void)close(scribe->fd);
    buffer_clear(&scribe->batch);
    buffer_clear(&scribe->gathered);
    buffer_clear(&scribe->after);
    memory_free(scribe);
}

/* ---- For the main thread ---- */

void aof_scribe_open(struct aof_scribe *scribe, int fd, uint64_t size, uint64_t sealed)
{
    lock(scribe);
    must(!scribe->open && !scribe->busy);
    begin_file(scribe, fd, size, sealed);
    scribe->open = true;
    scribe->failed = false;
    scribe->lost = false;
    unlock(scribe);
}

static void wait_for_rest(struct aof_scribe *scribe)
{
    while (scribe->busy)
        must(pthread_cond_wait(&scribe->done, &scribe->lock) == 0);
}

/* Nothing waits any more, whatever became of it. */
static void count_as_kept(struct aof_scribe *scribe)
{
    scribe->gathered_upto = scribe->said;
    scribe->batch_upto = scribe->said;
    atomic_store(&scribe->written, scribe->said);
    atomic_store(&scribe->durable, scribe->said);
}

int aof_scribe_close(struct aof_scribe *scribe, uint64_t *size)
{
    int fd;

    lock(scribe);
    must(scribe->open);
    /* From here on it takes nothing more, whatever has gathered. */
    scribe->open = false;
    wait_for_rest(scribe);
    if (scribe->turnover != NULL) {
        (void)trouble_set(&scribe->turnover->trouble, "the log was closed");
        scribe->turned = AOF_TURNOVER_FAILED;
        scribe->turnover = NULL;
    }
    buffer_clear(&scribe->batch);
    buffer_clear(&scribe->gathered);
    buffer_clear(&scribe->after);
    count_as_kept(scribe);
    scribe->failed = scribe->retry = scribe->sync_asked = false;
    *size = size_of(scribe);
    fd = scribe->fd;
    scribe->fd = -1;
    unlock(scribe);
    return fd;
}

void aof_scribe_set_always(struct aof_scribe *scribe, bool always)
{
    lock(scribe);
    /* What was written and not forced is promised from now on. */
    if (always && !scribe->always && scribe->open)
        scribe->sync_asked = true;
    scribe->always = always;
    must(pthread_cond_signal(&scribe->more) == 0);
    unlock(scribe);
}

void aof_scribe_delay(struct aof_scribe *scribe, micros delay)
{
    lock(scribe);
    wait_for_rest(scribe);
    scribe->delay = delay;
    unlock(scribe);
}

/* Adds statements to what waits; the lock is held. */
static void gather(struct aof_scribe *scribe, struct slice statements)
{
    scribe->said += statements.len;
    if (scribe->turnover != NULL) {
        buffer_add(&scribe->after, statements);
        return;
    }
    buffer_add(&scribe->gathered, statements);
    scribe->gathered_upto = scribe->said;
}

size_t aof_scribe_memory(struct aof_scribe *scribe)
{
    size_t bytes = atomic_load_explicit(&scribe->batch_room, memory_order_relaxed);

    lock(scribe);
    bytes += scribe->gathered.capacity + scribe->after.capacity;
    unlock(scribe);
    return bytes;
}

void aof_scribe_say(struct aof_scribe *scribe, struct slice statements)
{
    lock(scribe);
    if (scribe->open) {
        gather(scribe, statements);
        if (!scribe->busy && scribe->gathered.len >= scribe->lingers_for)
            must(pthread_cond_signal(&scribe->more) == 0);
    } else {
        scribe->said += statements.len;
        count_as_kept(scribe);
    }
    unlock(scribe);
}

enum aof_scribe_wrote aof_scribe_write(struct aof_scribe *scribe, struct slice statements)
{
    bool fine;

    lock(scribe);
    if (scribe->busy || !scribe->open || scribe->always || scribe->failed || scribe->delay > 0 ||
        has_work(scribe)) {
        unlock(scribe);
        return AOF_SCRIBE_BUSY;
    }
    scribe->busy = true;
    unlock(scribe);
    fine = put_sealed(scribe, statements, AOF_SEAL_EVERY);
    lock(scribe);
    scribe->busy = false;
    if (fine) {
        scribe->said += statements.len;
        scribe->gathered_upto = scribe->said;
        scribe->batch_upto = scribe->said;
        atomic_store(&scribe->written, scribe->said);
    } else {
        gather(scribe, statements);
        scribe->failed = true;
        scribe->trouble = scribe->story;
    }
    unlock(scribe);
    return fine ? AOF_SCRIBE_WROTE : AOF_SCRIBE_BROKE;
}

void aof_scribe_sync_soon(struct aof_scribe *scribe)
{
    lock(scribe);
    scribe->sync_asked = true;
    must(pthread_cond_signal(&scribe->more) == 0);
    unlock(scribe);
}

bool aof_scribe_finish(struct aof_scribe *scribe, struct trouble *trouble)
{
    bool fine;

    lock(scribe);
    wait_for_rest(scribe);
    scribe->sync_asked = true;
    scribe->sealing = true;
    scribe->retry = scribe->failed;
    must(pthread_cond_signal(&scribe->more) == 0);
    while (scribe->busy || has_work(scribe))
        must(pthread_cond_wait(&scribe->done, &scribe->lock) == 0);
    scribe->sealing = false;
    fine = !scribe->failed;
    if (!fine)
        *trouble = scribe->trouble;
    unlock(scribe);
    return fine;
}

void aof_scribe_retry(struct aof_scribe *scribe)
{
    lock(scribe);
    scribe->retry = scribe->failed;
    must(pthread_cond_signal(&scribe->more) == 0);
    unlock(scribe);
}

void aof_scribe_rest(struct aof_scribe *scribe)
{
    lock(scribe);
    while (scribe->busy || has_work(scribe))
        must(pthread_cond_wait(&scribe->done, &scribe->lock) == 0);
    unlock(scribe);
}

void aof_scribe_turn_over(struct aof_scribe *scribe, struct aof_turnover *turnover)
{
    lock(scribe);
    must(scribe->open && scribe->turnover == NULL && scribe->turning == NULL);
    scribe->turned = AOF_TURNOVER_WAITS;
    scribe->turnover = turnover;
    must(pthread_cond_signal(&scribe->more) == 0);
    unlock(scribe);
}

enum aof_turnover_state aof_scribe_turned(struct aof_scribe *scribe)
{
    enum aof_turnover_state turned;

    lock(scribe);
    turned = scribe->turned;
    if (turned != AOF_TURNOVER_WAITS)
        scribe->turned = AOF_TURNOVER_NONE;
    unlock(scribe);
    return turned;
}

void aof_scribe_look(struct aof_scribe *scribe, struct aof_scribe_status *status)
{
    lock(scribe);
    *status = (struct aof_scribe_status){
        .said = scribe->said,
        .written = atomic_load(&scribe->written),
        .durable = atomic_load(&scribe->durable),
        .size = size_of(scribe),
        .busy = scribe->busy || has_work(scribe),
        .failed = scribe->failed,
        .syncing = atomic_load(&scribe->syncing),
        .lost = scribe->lost,
    };
    scribe->lost = false;
    if (scribe->failed)
        status->trouble = scribe->trouble;
    unlock(scribe);
}

uint64_t aof_scribe_durable(const struct aof_scribe *scribe)
{
    return atomic_load(&scribe->durable);
}

uint64_t aof_scribe_written(const struct aof_scribe *scribe)
{
    return atomic_load(&scribe->written);
}

uint64_t aof_scribe_size(const struct aof_scribe *scribe)
{
    return size_of(scribe);
}

void aof_scribe_check(struct aof_scribe *scribe)
{
    uint64_t waiting;

    lock(scribe);
    wait_for_rest(scribe);
    waiting = scribe->batch.len + scribe->gathered.len + scribe->after.len;
    must(atomic_load(&scribe->durable) <= atomic_load(&scribe->written));
    must(scribe->gathered_upto + scribe->after.len == scribe->said);
    must(atomic_load(&scribe->written) + waiting == scribe->said);
    must(scribe->after.len == 0 || scribe->turnover != NULL);
    must(scribe->fd < 0 || scribe->synced <= size_of(scribe));
    unlock(scribe);
}
