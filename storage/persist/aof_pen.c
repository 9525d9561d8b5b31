/* The scribe's pen: bytes to the file, seals between them, fsyncs behind them. */
#include "storage/persist/aof_scribe_private.h"

#include <errno.h>
#include <sys/stat.h>
#include <unistd.h>

#include "storage/base/digest.h"
#include "storage/base/faults.h"
#include "storage/persist/aof_seal.h"
#include "storage/persist/points.h"

enum { BATCH_KEPT = 1024 * 1024, COPY = 64 * 1024 };

/* Adds what stands in the file behind its last seal to the sum of the next one. */
static void sum_rest(struct aof_scribe *scribe, uint64_t from)
{
    char bytes[16 * 1024];

    while (from < aof_pen_at(scribe)) {
        uint64_t left = aof_pen_at(scribe) - from;
        ssize_t got = pread(scribe->fd, bytes, left < sizeof(bytes) ? (size_t)left : sizeof(bytes),
                            (off_t)from);

        if (got <= 0)
            return; /* the seal will not be right, and the disk is known to be bad */
        scribe->sum = digest_crc64(scribe->sum, slice_of(bytes, (size_t)got));
        scribe->unsealed += (uint64_t)got;
        from += (uint64_t)got;
    }
}

void aof_pen_begin(struct aof_scribe *scribe, int fd, uint64_t size, uint64_t sealed)
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
        ftruncate(scribe->fd, (off_t)aof_pen_at(scribe)) < 0)
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
    scribe->torn = at > aof_pen_at(scribe);
    (void)take_away_torn(scribe);
    scribe->story = first;
    return false;
}

/* Writes bytes at `size`: all of them, or as if none. */
static bool put(struct aof_scribe *scribe, struct slice bytes)
{
    uint64_t at = aof_pen_at(scribe);

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
    return (struct ending){ aof_pen_at(scribe), scribe->unsealed, scribe->sum };
}

static bool go_back(struct aof_scribe *scribe, const struct ending *ending)
{
    scribe->torn = scribe->torn || aof_pen_at(scribe) > ending->size;
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
bool aof_pen_put(struct aof_scribe *scribe, struct slice bytes, uint64_t enough)
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

    while (at < aof_pen_at(scribe)) {
        uint64_t left = aof_pen_at(scribe) - at;
        ssize_t got = pread(scribe->fd, bytes, left < COPY ? (size_t)left : COPY, (off_t)at);

        if (got <= 0 || pwrite(scribe->fd, bytes, (size_t)got, (off_t)at) != got)
            return trouble_errno(&scribe->story, "writing anew");
        at += (uint64_t)got;
    }
    return true;
}

/* Whether the file has a name yet: what is forced to one that somebody removed is found by no start. */
static bool is_named(const struct aof_scribe *scribe)
{
    struct stat about;

    return fstat(scribe->fd, &about) < 0 || about.st_nlink > 0;
}

static bool force(struct aof_scribe *scribe)
{
    bool failed;

    if (scribe->unsure && !write_anew(scribe))
        return false;
    atomic_store(&scribe->syncing, true);
    failed = faults_hit(scribe->setup.faults, "fsync") || fdatasync(scribe->fd) < 0;
    atomic_store(&scribe->syncing, false);
    if (failed)
        return trouble_errno(&scribe->story, "syncing");
    if (!is_named(scribe))
        return trouble_set(&scribe->story, "the file was removed while the server used it; "
                                           "CONFIG SET appendonly no, then yes, makes it anew");
    scribe->synced = aof_pen_at(scribe);
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

bool aof_pen_write_batch(struct aof_scribe *scribe, bool sync, uint64_t enough)
{
    struct ending before = ending_of(scribe);

    if (!aof_pen_put(scribe, buffer_slice(&scribe->batch), enough))
        return false;
    if (sync && scribe->synced < aof_pen_at(scribe) && !force(scribe)) {
        scribe->unsure = scribe->unsure || scribe->synced < before.size;
        return go_back(scribe, &before);
    }
    forget_batch(scribe);
    atomic_store(&scribe->written, scribe->batch_upto);
    if (scribe->synced == aof_pen_at(scribe))
        atomic_store(&scribe->durable, scribe->batch_upto);
    return true;
}

bool aof_pen_mark(struct aof_scribe *scribe)
{
    if (scribe->marked == aof_pen_at(scribe))
        return true;
    if (!seal(scribe, 0))
        return false;
    if (!force(scribe)) {
        scribe->unsure = true;
        return false;
    }
    scribe->marked = aof_pen_at(scribe);
    return true;
}

bool aof_pen_turn_over(struct aof_scribe *scribe, struct aof_turnover *turnover)
{
    if (!seal(scribe, 1)) {
        turnover->trouble = scribe->story;
        return false;
    }
    if (scribe->synced < aof_pen_at(scribe) && !force(scribe)) {
        scribe->unsure = true;
        turnover->trouble = scribe->story;
        return false;
    }
    turnover->old_size = aof_pen_at(scribe);
    /* Room that was reserved and not used: a full disk may need it to be rewritten. */
    if (ftruncate(scribe->fd, (off_t)turnover->old_size) < 0)
        (void)0; /* it only costs room */
    atomic_store(&scribe->syncing, true); /* the manifest is made durable, too */
    turnover->replaced = folder_replace(turnover->folder, turnover->temporary, turnover->name,
                                        turnover->manifest, &turnover->trouble);
    atomic_store(&scribe->syncing, false);
    if (turnover->replaced == FOLDER_KEPT)
        return false;
    turnover->old_fd = scribe->fd;
    aof_pen_begin(scribe, turnover->fd, 0, 0);
    point_reached(scribe->setup.faults, POINT_increment_begun);
    return true;
}
