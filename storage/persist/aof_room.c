/*
 * Room on the disk, promised before it is needed: a full disk refuses a change before it
 * is made. Up to `reserved` the file may grow without asking again, and more is asked for
 * ahead by the other thread.
 */
#include <errno.h>
#include <fcntl.h>

#include "storage/base/faults.h"
#include "storage/base/log.h"
#include "storage/base/worker.h"
#include "storage/persist/aof_private.h"

enum {
    RESERVE = 8 * 1024 * 1024,        /* asked of the disk at a time */
    AHEAD = 4 * 1024 * 1024,          /* with less to spare the other thread asks for more */
    AHEAD_MOST = 128 * 1024 * 1024,   /* or as much as is said in a second, up to this */
    TICKS = 10,                       /* of aof_tick in a second, or so */
    MARGIN = 64 * 1024,               /* statements may be longer than the request said */
    BEHIND_MOST = 128 * 1024 * 1024   /* said and not written */
};

void aof_room_begin(struct aof *aof, uint64_t size)
{
    aof->reserved = size;
    aof->ahead_wanted = AHEAD;
}

void aof_room_note(struct aof *aof)
{
    struct aof_ahead *ahead = &aof->ahead;

    if (!ahead->runs || !atomic_load(&ahead->done))
        return;
    ahead->runs = false;
    if (ahead->fine && ahead->fd == aof->fd && ahead->from == aof->reserved)
        aof->reserved += ahead->len;
}

static bool reserve_more(int fd, uint64_t from, uint64_t len, struct faults *faults)
{
    int got;

    do
        got = faults_hit(faults, "reserve")
                  ? -1
                  : fallocate(fd, FALLOC_FL_KEEP_SIZE, (off_t)from, (off_t)len);
    while (got < 0 && errno == EINTR);
    return got == 0;
}

static bool reserve(struct aof *aof, uint64_t need)
{
    uint64_t more = need > RESERVE ? need : RESERVE;
    bool got = reserve_more(aof->fd, aof->bound, more, aof->setup.faults);

    if (!got && more > need) {
        more = need; /* a nearly full disk may have what is really needed */
        got = reserve_more(aof->fd, aof->bound, more, aof->setup.faults);
    }
    if (!got && errno != ENOSPC && errno != EDQUOT && errno != EFBIG && errno != EIO) {
        aof->reserved = UINT64_MAX; /* this disk makes no promises */
        return true;
    }
    if (got)
        aof->reserved = aof->bound + more;
    return got;
}

/* A nearly full disk may have less. */
static void run_ahead(void *what)
{
    struct aof_ahead *ahead = what;

    ahead->fine = reserve_more(ahead->fd, ahead->from, ahead->len, NULL);
    while (!ahead->fine && ahead->len > RESERVE) {
        ahead->len = ahead->len / 2 > RESERVE ? ahead->len / 2 : RESERVE;
        ahead->fine = reserve_more(ahead->fd, ahead->from, ahead->len, NULL);
    }
    atomic_store(&ahead->done, true);
}

/* Has the other thread ask for room before it is needed: the file system may take its time. */
static void reserve_ahead(struct aof *aof)
{
    struct aof_ahead *ahead = &aof->ahead;
    uint64_t spare, len;

    aof_room_note(aof);
    spare = aof->reserved - aof->bound;
    if (ahead->runs || aof->turning != NULL || aof->broken || spare >= aof->ahead_wanted)
        return;
    len = aof->ahead_wanted - spare > RESERVE ? aof->ahead_wanted - spare : RESERVE;
    *ahead = (struct aof_ahead){ .runs = true, .fd = aof->fd, .from = aof->reserved, .len = len };
    worker_queue(aof->worker, run_ahead, ahead);
}

void aof_room_look_ahead(struct aof *aof)
{
    uint64_t wanted = (aof->said - aof->said_at_tick) * TICKS;
    uint64_t before = aof->ahead_wanted - aof->ahead_wanted / 16;

    aof->said_at_tick = aof->said;
    wanted = wanted > before ? wanted : before;
    aof->ahead_wanted = wanted < AHEAD ? AHEAD : wanted > AHEAD_MOST ? AHEAD_MOST : wanted;
}

static bool refuse_for_room(struct aof *aof)
{
    (void)trouble_errno(&aof->trouble, "reserving room");
    if (!aof->no_room)
        log_line(aof->setup.log, LOG_WARNING,
                 "Error writing to the AOF file: %s; writes are refused until there is room",
                 aof->trouble.text);
    aof->no_room = true;
    return false;
}

/* The disk does not follow: memory must not fill with what it has not taken. */
static bool refuse_for_backlog(struct aof *aof)
{
    return trouble_set(&aof->trouble, "the disk is too slow: %d megabytes wait to be written",
                       BEHIND_MOST >> 20);
}

bool aof_admits(struct aof *aof, size_t bytes)
{
    uint64_t need = bytes + MARGIN;

    if (aof->fd < 0)
        return true;
    if (UNLIKELY(aof->broken))
        return false;
    if (UNLIKELY(aof->said - aof_scribe_written(aof->scribe) > BEHIND_MOST))
        return refuse_for_backlog(aof);
    if (LIKELY(aof->reserved >= aof->bound && aof->reserved - aof->bound >= need + aof->ahead_wanted))
        return true;
    if (aof->reserved < aof->bound || aof->reserved - aof->bound < need) {
        aof_collect(aof); /* which knows better how long the file is */
        if (aof->broken)
            return false;
        if ((aof->reserved < aof->bound || aof->reserved - aof->bound < need) &&
            !reserve(aof, need))
            return refuse_for_room(aof);
    }
    if (aof->no_room)
        log_line(aof->setup.log, LOG_WARNING,
                 "AOF write error looks solved, Redis can write again.");
    aof->no_room = false;
    if (aof->reserved != UINT64_MAX)
        reserve_ahead(aof);
    return true;
}

bool aof_room_reserve(struct aof *aof, int fd, struct trouble *trouble)
{
    if (reserve_more(fd, 0, 4 * MARGIN, aof->setup.faults)) {
        aof->reserved = 4 * MARGIN;
        return true;
    }
    if (errno == ENOSPC || errno == EDQUOT || errno == EFBIG || errno == EIO)
        return trouble_errno(trouble, "reserving room");
    aof->reserved = UINT64_MAX;
    return true;
}
