/*
 * The path of a turn's statements to the disk.
 *
 *   (1) Bytes of the file below `size` are whole turns, in the order they were
 *       appended; nothing is written but at `size`.
 *   (2) `synced` <= `size` <= the file's end, and all below `synced` is durable.
 *   (3) What was taken and not written is in `pending`, and comes before
 *       everything that is appended later.
 *   (4) While `broken`, nothing is admitted and nothing was acknowledged that is
 *       in `pending`.
 */
#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include "storage/base/digest.h"
#include "storage/base/faults.h"
#include "storage/base/log.h"
#include "storage/base/memory.h"
#include "storage/base/worker.h"
#include "storage/persist/aof_private.h"
#include "storage/persist/aof_rewrite.h"
#include "storage/persist/aof_seal.h"
#include "storage/persist/folder.h"

enum {
    SECOND = 1000000,
    RESERVE = 4 * 1024 * 1024, /* asked of the disk at a time */
    MARGIN = 64 * 1024,        /* statements may be longer than the request said */
    POSTPONE_MOST = 2 * SECOND,
    COMPLAIN_EVERY = 30 * SECOND,
    PENDING_KEPT = 1024 * 1024
};

static micros now(const struct aof *aof)
{
    return clock_monotonic(aof->setup.clock);
}

/* ---- The file ---- */

/* Adds what stands in the file behind its last seal to the sum of the next one. */
static void sum_rest(struct aof *aof, uint64_t from)
{
    char bytes[16 * 1024];

    while (from < aof->size) {
        uint64_t left = aof->size - from;
        ssize_t got = pread(aof->fd, bytes, left < sizeof(bytes) ? (size_t)left : sizeof(bytes),
                            (off_t)from);

        if (got <= 0)
            return; /* the seal will not be right, and the disk is known to be bad */
        aof->sum = digest_crc64(aof->sum, slice_of(bytes, (size_t)got));
        aof->unsealed += (uint64_t)got;
        from += (uint64_t)got;
    }
}

void aof_write_to(struct aof *aof, int fd, uint64_t size, uint64_t sealed)
{
    aof->past += aof->size;
    aof->fd = fd;
    aof->size = size;
    aof->reserved = size;
    aof->synced = size;
    aof->torn = false;
    aof->sync_failed = false;
    aof->sync_at = now(aof);
    aof->postponed_at = 0;
    aof->unsealed = 0;
    aof->sum = 0;
    sum_rest(aof, sealed);
}

void aof_write_release(struct aof *aof)
{
    if (aof->reserved > aof->size && aof->reserved != UINT64_MAX &&
        ftruncate(aof->fd, (off_t)aof->size) == 0)
        aof->reserved = aof->size;
}

struct closing {
    int fd;
    uint64_t size;
};

uint64_t aof_appended(const struct aof *aof)
{
    return aof->fd < 0 ? 0 : aof->past + aof->size + aof->pending.len;
}

uint64_t aof_durable(const struct aof *aof)
{
    return aof->fd < 0 ? 0 : aof->past + aof->synced;
}

/* Gives back the room that was reserved and not used. */
static void close_file(void *what)
{
    struct closing *closing = what;

    if (ftruncate(closing->fd, (off_t)closing->size) < 0)
        (void)0; /* it only costs room */
    (void)close(closing->fd);
    memory_free(closing);
}

void aof_write_end(struct aof *aof)
{
    struct closing *closing;

    if (aof->fd < 0)
        return;
    closing = memory_new(sizeof(*closing));
    *closing = (struct closing){ aof->fd, aof->size };
    worker_queue(aof->worker, close_file, closing);
    aof->fd = -1;
}

/* ---- Trouble ---- */

void aof_write_break(struct aof *aof, const char *doing)
{
    micros at = now(aof);

    if (!aof->broken || at - aof->complained_at >= COMPLAIN_EVERY) {
        aof->complained_at = at;
        log_line(aof->setup.log, LOG_WARNING, "Error %s the AOF file: %s", doing,
                 aof->trouble.text);
    }
    aof->broken = true;
    aof->retry_at = at + SECOND;
}

/* Takes away what stands behind the last whole turn. */
static bool take_away_torn(struct aof *aof)
{
    if (!aof->torn)
        return true;
    if (faults_hit(aof->setup.faults, "truncate") || ftruncate(aof->fd, (off_t)aof->size) < 0)
        return trouble_errno(&aof->trouble, "truncating");
    aof->reserved = aof->size; /* room behind the end went with it */
    aof->torn = false;
    return true;
}

void aof_delay_writes(struct aof *aof, micros delay)
{
    aof->write_delay = delay;
}

/* Writes bytes at `size`: all of them, or as if none. */
static bool put(struct aof *aof, struct slice bytes)
{
    uint64_t at = aof->size;

    if (UNLIKELY(aof->write_delay > 0) && bytes.len > 0) {
        struct timespec pause = { aof->write_delay / SECOND, aof->write_delay % SECOND * 1000 };

        (void)nanosleep(&pause, NULL);
    }
    if (!take_away_torn(aof))
        return false;
    while (bytes.len > 0) {
        ssize_t written = faults_hit(aof->setup.faults, "write")
                              ? -1
                              : pwrite(aof->fd, bytes.at, bytes.len, (off_t)at);

        if (written < 0 && errno == EINTR)
            continue;
        if (written <= 0) {
            if (written == 0)
                errno = ENOSPC;
            (void)trouble_errno(&aof->trouble, "writing");
            aof->torn = at > aof->size;
            if (aof->torn) {
                struct trouble first = aof->trouble;

                (void)take_away_torn(aof);
                aof->trouble = first;
            }
            return false;
        }
        bytes = slice_after(bytes, (size_t)written);
        at += (uint64_t)written;
    }
    aof->size = at;
    return true;
}

/* Writes statements, which count for the next seal. */
static bool put_summed(struct aof *aof, struct slice bytes)
{
    if (!put(aof, bytes))
        return false;
    if (bytes.len > 0)
        aof->sum = digest_crc64(aof->sum, bytes);
    aof->unsealed += bytes.len;
    return true;
}

/*
 * Seals what was written, if it is `enough` bytes. What cannot be sealed now is
 * sealed later: no statement is lost, so this is no failure.
 */
static void seal(struct aof *aof, uint64_t enough)
{
    char line[AOF_SEAL_MAX];

    if (aof->unsealed < enough)
        return;
    if (!put(aof, slice_of(line, aof_seal_print(aof->unsealed, aof->sum, line))))
        return;
    aof->unsealed = 0;
    aof->sum = 0;
}

static bool force(struct aof *aof)
{
    if (faults_hit(aof->setup.faults, "fsync") || fdatasync(aof->fd) < 0)
        return trouble_errno(&aof->trouble, "syncing");
    aof->synced = aof->size;
    return true;
}

/* ---- The other thread ---- */

static void run_sync(void *what)
{
    struct aof_sync_job *job = what;

    job->error = 0;
    if (faults_hit(job->faults, "fsync") || fdatasync(job->fd) < 0)
        job->error = errno;
    atomic_store(&job->state, SYNC_DONE);
}

static bool sync_runs(struct aof *aof)
{
    return atomic_load(&aof->job.state) == SYNC_RUNNING;
}

void aof_write_collect(struct aof *aof)
{
    if (atomic_load(&aof->job.state) != SYNC_DONE)
        return;
    atomic_store(&aof->job.state, SYNC_IDLE);
    if (aof->job.fd != aof->fd)
        return;
    if (aof->job.error != 0) {
        errno = aof->job.error;
        (void)trouble_errno(&aof->trouble, "syncing");
        aof->sync_failed = true;
        aof_write_break(aof, "syncing");
    } else if (aof->job.upto > aof->synced) {
        aof->synced = aof->job.upto;
    }
}

static bool syncing_is_off(const struct aof *aof)
{
    return aof->setup.policy.no_sync_on_rewrite && aof_rewrite_runs(aof);
}

static void begin_sync(struct aof *aof, micros at)
{
    aof->sync_at = at;
    aof->job.fd = aof->fd;
    aof->job.upto = aof->size;
    aof->job.faults = aof->setup.faults;
    atomic_store(&aof->job.state, SYNC_RUNNING);
    worker_queue(aof->worker, run_sync, &aof->job);
}

/* Has the other thread sync, about once a second, if there is something to sync. */
static void sync_on_time(struct aof *aof, micros at)
{
    if (aof->fd < 0 || aof->synced == aof->size || at - aof->sync_at < SECOND ||
        sync_runs(aof) || aof->sync_failed || syncing_is_off(aof))
        return;
    begin_sync(aof, at);
}

void aof_sync_soon(struct aof *aof)
{
    aof_write_collect(aof);
    if (aof->fd >= 0 && aof->synced < aof->size && !sync_runs(aof) && !aof->sync_failed)
        begin_sync(aof, now(aof));
}

/*
 * Writing to a file that is being synced may wait for the disk, so statements
 * are kept back meanwhile, but for two seconds at most.
 */
static bool postpones(struct aof *aof, micros at)
{
    if (aof->setup.policy.sync != AOF_SYNC_EVERYSEC || !sync_runs(aof)) {
        aof->postponed_at = 0;
        return false;
    }
    if (aof->postponed_at == 0)
        aof->postponed_at = at;
    if (at - aof->postponed_at < POSTPONE_MOST)
        return true;
    aof->delayed_fsync++;
    log_line(aof->setup.log, LOG_NOTICE,
             "Asynchronous AOF fsync is taking too long (disk is busy?). Writing the AOF buffer "
             "without waiting for fsync to complete, this may slow down Redis.");
    return false;
}

/* ---- Appending ---- */

static void keep(struct aof *aof, struct slice bytes)
{
    if (bytes.len > 0)
        buffer_add(&aof->pending, bytes);
}

static void forget_pending(struct aof *aof)
{
    if (aof->pending.capacity > PENDING_KEPT)
        buffer_clear(&aof->pending);
    else
        buffer_rewind(&aof->pending);
}

/* Writes bytes as the policy promises; where it cannot, the file is as before. */
static bool write_turn(struct aof *aof, struct slice bytes)
{
    uint64_t before = aof->size;
    uint64_t unsealed = aof->unsealed;
    uint64_t sum = aof->sum;

    if (!put_summed(aof, bytes)) {
        aof_write_break(aof, "writing to");
        return false;
    }
    seal(aof, AOF_SEAL_EVERY);
    if (aof->setup.policy.sync != AOF_SYNC_ALWAYS || syncing_is_off(aof) || force(aof))
        return true;
    /*
     * After a failed fsync the kernel holds the pages for clean, so another
     * fsync would promise nothing: the bytes have to be written again.
     */
    aof->size = before;
    aof->unsealed = unsealed;
    aof->sum = sum;
    aof->torn = true;
    aof->sync_failed = aof->synced < before;
    aof_write_break(aof, "syncing");
    return false;
}

int64_t aof_time_to_tell(const struct aof *aof)
{
    return UNLIKELY(aof->setup.policy.tell_time) ? clock_wall(aof->setup.clock) / SECOND : 0;
}

/* Notes the time in front of statements, once a second. */
static void note_time(struct aof *aof)
{
    int64_t seconds = aof_time_to_tell(aof);

    if (LIKELY(seconds == 0) || seconds == aof->told_time)
        return;
    aof->told_time = seconds;
    buffer_print(&aof->pending, "#TS:%lld\r\n", (long long)seconds);
}

bool aof_append(struct aof *aof, struct slice feed)
{
    micros at;

    if (!aof_hears(aof) || (feed.len == 0 && aof->pending.len == 0 && aof->synced == aof->size))
        return true;
    at = now(aof);
    if (feed.len > 0)
        note_time(aof);
    aof_write_collect(aof);
    if (aof->broken || postpones(aof, at)) {
        keep(aof, feed);
        return true;
    }
    if (aof->pending.len > 0) {
        keep(aof, feed);
        feed = buffer_slice(&aof->pending);
        if (!write_turn(aof, feed))
            return false;
        forget_pending(aof);
    } else if (feed.len > 0 && !write_turn(aof, feed)) {
        keep(aof, feed);
        return false;
    }
    if (aof->setup.policy.sync == AOF_SYNC_EVERYSEC)
        sync_on_time(aof, at);
    return true;
}

bool aof_write_all(struct aof *aof, struct trouble *trouble)
{
    bool fine = put_summed(aof, buffer_slice(&aof->pending));

    if (fine) {
        forget_pending(aof);
        seal(aof, 1);
    }
    fine = fine && (aof->synced == aof->size || force(aof));
    if (!fine) {
        aof->sync_failed = aof->sync_failed || aof->synced < aof->size;
        *trouble = aof->trouble;
        aof_write_break(aof, "writing to");
    }
    return fine;
}

bool aof_flush_and_sync(struct aof *aof, struct trouble *trouble)
{
    if (aof->fd < 0)
        return true;
    worker_drain(aof->worker);
    aof_write_collect(aof);
    if (aof->folder_unsynced && !folder_sync(aof->folder, trouble))
        return false;
    aof->folder_unsynced = false;
    return aof_write_all(aof, trouble);
}

/* ---- Room ---- */

static bool reserve(struct aof *aof, uint64_t need)
{
    uint64_t more = need > RESERVE ? need : RESERVE;
    int got;

    for (;;) {
        got = faults_hit(aof->setup.faults, "reserve")
                  ? -1
                  : fallocate(aof->fd, FALLOC_FL_KEEP_SIZE, (off_t)aof->size, (off_t)more);
        if (got == 0 || (errno != EINTR && more == need))
            break;
        if (errno != EINTR)
            more = need; /* a nearly full disk may have what is really needed */
    }
    if (got < 0 && errno != ENOSPC && errno != EDQUOT && errno != EFBIG && errno != EIO) {
        aof->reserved = UINT64_MAX; /* this disk makes no promises */
        return true;
    }
    if (got == 0)
        aof->reserved = aof->size + more;
    return got == 0;
}

bool aof_admits(struct aof *aof, size_t bytes)
{
    uint64_t need = aof->pending.len + bytes + MARGIN;

    if (aof->fd < 0)
        return true;
    if (UNLIKELY(aof->broken))
        return false;
    if (LIKELY(aof->reserved >= aof->size && aof->reserved - aof->size >= need))
        return true;
    if (!reserve(aof, need)) {
        (void)trouble_errno(&aof->trouble, "reserving room");
        if (!aof->no_room)
            log_line(aof->setup.log, LOG_WARNING,
                     "Error writing to the AOF file: %s; writes are refused until there is room",
                     aof->trouble.text);
        aof->no_room = true;
        return false;
    }
    if (aof->no_room)
        log_line(aof->setup.log, LOG_WARNING,
                 "AOF write error looks solved, Redis can write again.");
    aof->no_room = false;
    return true;
}

/* ---- Now and then ---- */

/* Tries again what failed; true when all is well again. */
static bool mend(struct aof *aof)
{
    bool rewrite = aof->sync_failed;

    if (sync_runs(aof))
        return false;
    if (aof->folder_unsynced && !folder_sync(aof->folder, &aof->trouble))
        return false;
    aof->folder_unsynced = false;
    if (!put_summed(aof, buffer_slice(&aof->pending)))
        return false;
    forget_pending(aof);
    if (!force(aof))
        return false;
    aof->sync_failed = false;
    /* What failed to reach the disk cannot be written again from memory; the data can. */
    if (rewrite)
        aof_rewrite_request(aof);
    return true;
}

static void try_again(struct aof *aof, micros at)
{
    if (at < aof->retry_at)
        return;
    if (!mend(aof)) {
        aof_write_break(aof, "writing to");
        return;
    }
    aof->broken = false;
    log_line(aof->setup.log, LOG_WARNING, "AOF write error looks solved, Redis can write again.");
}

void aof_tick(struct aof *aof)
{
    micros at = now(aof);

    aof_write_collect(aof);
    if (aof->broken && aof->fd >= 0)
        try_again(aof, at);
    else if (aof->fd >= 0 && !aof_append(aof, SLICE("")))
        log_line(aof->setup.log, LOG_DEBUG, "What was kept back could not be written");
    if (aof->fd >= 0 && !aof->broken && aof->setup.policy.sync != AOF_SYNC_NO)
        sync_on_time(aof, at);
    aof_rewrite_poll(aof);
    aof_remove_history(aof);
}
