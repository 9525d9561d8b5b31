/*
 * The path of a turn's statements to the disk, seen from the main thread.
 *
 *   (1) What was said up to `promised` may be acknowledged. With `always` that is
 *       on disk; otherwise it is in the file, which outlives this process, or the
 *       scribe has been waiting for the disk for two milliseconds; and it is on disk two
 *       seconds later, or else nothing more is promised until it is.
 *   (2) While `broken`, nothing is admitted and nothing more is promised.
 *   (3) The file will not be longer than `bound` with all that was said.
 */
#include <unistd.h>

#include "storage/base/log.h"
#include "storage/base/memory.h"
#include "storage/base/worker.h"
#include "storage/persist/aof_private.h"
#include "storage/persist/aof_rewrite.h"
#include "storage/persist/aof_seal.h"
#include "storage/persist/folder.h"
#include "storage/persist/snapshot.h"

enum {
    SECOND = 1000000,
    OVERDUE = 2 * SECOND,
    PATIENCE = 100000,                /* microseconds an answer waits for the scribe to write */
    PATIENCE_SYNCING = 2000,          /* and while the scribe waits for the disk */
    SLOW_WRITE = 5000,                /* microseconds: the disk has been waited for */
    SLOW_FOR = SECOND,
    GATHERS_MOST = 1000,              /* from the first turn whose statements wait for more */
    EMPTY_TURNS = 4,                  /* as many that bring none, and there are no more */
    COMPLAIN_EVERY = 30 * SECOND
};

static micros now(const struct aof *aof)
{
    return clock_monotonic(aof->setup.clock);
}

/* ---- The file ---- */

void aof_write_to(struct aof *aof, int fd, uint64_t size, uint64_t sealed)
{
    aof_scribe_open(aof->scribe, fd, size, sealed);
    aof->fd = fd;
    aof->bound = size;
    aof_room_begin(aof, size);
    aof->syncing = false;
    aof->sync_at = now(aof);
    aof->covered_at = aof->sync_at;
    aof->overdue = false;
    aof_write_follow(aof);
}

uint64_t aof_appended(const struct aof *aof)
{
    return aof->said;
}

uint64_t aof_durable(const struct aof *aof)
{
    return aof_scribe_durable(aof->scribe);
}

uint64_t aof_promised(const struct aof *aof)
{
    return aof->promised;
}

bool aof_waits_for_disk(const struct aof *aof)
{
    return aof->always && aof->fd >= 0;
}

bool aof_promises_disk(const struct aof *aof)
{
    return aof_waits_for_disk(aof) && !aof->broken;
}

struct closing {
    int fd;
    uint64_t size;
};

/* Gives back the room that was reserved and not used. */
static void close_file(void *what)
{
    struct closing *closing = what;

    if (ftruncate(closing->fd, (off_t)closing->size) < 0)
        (void)0; /* it only costs room */
    (void)close(closing->fd);
    memory_free(closing);
}

void aof_write_close(struct aof *aof, int fd, uint64_t size)
{
    struct closing *closing = memory_new(sizeof(*closing));

    *closing = (struct closing){ fd, size };
    worker_queue(aof->worker, close_file, closing);
}

void aof_write_end(struct aof *aof)
{
    uint64_t size;
    int fd;

    if (aof->fd < 0)
        return;
    fd = aof_scribe_close(aof->scribe, &size);
    aof_write_close(aof, fd, size);
    aof->fd = -1;
    aof->syncing = false;
    aof->unwritten = false;
    aof->overdue = false;
    aof->promised = aof->said;
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

void aof_delay_writes(struct aof *aof, micros delay)
{
    aof_scribe_delay(aof->scribe, delay);
}

/* ---- Promises ---- */

static bool syncing_is_off(const struct aof *aof)
{
    return aof->setup.policy.no_sync_on_rewrite && aof_rewrite_runs(aof);
}

void aof_write_follow(struct aof *aof)
{
    aof->always = aof->setup.policy.sync == AOF_SYNC_ALWAYS && !syncing_is_off(aof);
    aof_scribe_set_always(aof->scribe, aof->always);
}

/* Whether something that was promised by the second has waited for two: Redis's limit too. */
static bool is_overdue(struct aof *aof, micros at)
{
    if (aof->setup.policy.sync != AOF_SYNC_EVERYSEC || syncing_is_off(aof) ||
        aof_durable(aof) == aof->said || at - aof->covered_at < OVERDUE)
        return false;
    if (!aof->overdue) {
        aof->delayed_fsync++;
        log_line(aof->setup.log, LOG_NOTICE,
                 "The fsync of the AOF takes long: the disk is busy. What is written is "
                 "acknowledged when it is on disk, until that is quicker.");
    }
    return true;
}

/*
 * What a crash of this process would not take: all that is in the file. Where the scribe
 * writes, that is so a moment later, and answers wait for it; but for no disk, so what
 * was said is promised all the same when the scribe has not come to it in time.
 */
static uint64_t outlives(struct aof *aof, micros at)
{
    uint64_t written = aof_scribe_written(aof->scribe);
    micros patience = aof_scribe_is_syncing(aof->scribe) ? PATIENCE_SYNCING : PATIENCE;

    if (LIKELY(written == aof->said))
        return written;
    if (written >= aof->awaited_upto) {
        aof->awaited_upto = aof->said;
        aof->awaited_since = at;
    }
    if (at - aof->awaited_since >= patience || aof->setup.later == NULL)
        return aof->said;
    aof->setup.later(aof->setup.who, PATIENCE_SYNCING);
    return written;
}

static void promise(struct aof *aof, micros at)
{
    uint64_t to = aof_durable(aof);

    aof->overdue = is_overdue(aof, at);
    if (!aof->always && !aof->overdue && !aof->broken)
        to = outlives(aof, at);
    if (to > aof->promised)
        aof->promised = to;
}

void aof_write_covered_soon(struct aof *aof)
{
    aof->sync_at = now(aof);
    aof->sync_upto = aof->said;
    aof->syncing = true;
}

static void begin_sync(struct aof *aof)
{
    aof_write_covered_soon(aof);
    aof_scribe_sync_soon(aof->scribe);
}

/* Has the scribe sync, about once a second, if there is something to sync. */
static void sync_on_time(struct aof *aof, micros at)
{
    if (aof->fd < 0 || aof->setup.policy.sync != AOF_SYNC_EVERYSEC || aof->syncing ||
        aof->broken || at - aof->sync_at < SECOND || aof_durable(aof) == aof->said ||
        syncing_is_off(aof))
        return;
    begin_sync(aof);
}

void aof_sync_soon(struct aof *aof)
{
    aof_collect(aof);
    if (aof->fd >= 0 && !aof->syncing && !aof->broken && aof_durable(aof) < aof->said)
        begin_sync(aof);
}

/* ---- What the scribe did ---- */

/* Notes that the scribe failed, or has mended what failed. */
static void note_health(struct aof *aof, const struct aof_scribe_status *status)
{
    if (status->failed && !aof->unwritten) {
        aof->unwritten = true;
        aof->syncing = false;
        aof->trouble = status->trouble;
        aof_write_break(aof, "writing to");
    }
    if (status->failed || !aof->unwritten)
        return;
    aof->unwritten = false;
    /* Room behind the end went with what was cut off. */
    if (aof->reserved != UINT64_MAX)
        aof->reserved = aof->bound;
}

static void note_mended(struct aof *aof)
{
    if (!aof->broken || aof->unwritten || aof->folder_unsynced)
        return;
    aof->broken = false;
    log_line(aof->setup.log, LOG_WARNING, "AOF write error looks solved, Redis can write again.");
}

void aof_collect(struct aof *aof)
{
    struct aof_scribe_status status;
    micros at;

    if (aof->fd < 0 && !aof->ahead.runs)
        return;
    at = now(aof);
    aof_scribe_look(aof->scribe, &status);
    if (aof->syncing && status.durable >= aof->sync_upto) {
        aof->syncing = false;
        aof->covered_at = aof->sync_at;
    } else if (!status.busy) {
        aof->syncing = false; /* it failed: what was asked for is asked for again */
    }
    if (!status.busy && !status.failed && status.written == aof->said && aof->turning == NULL)
        aof->bound = status.size;
    note_health(aof, &status);
    aof_room_note(aof);
    aof_rewrite_turned(aof);
    note_mended(aof);
    /* What failed to reach the disk was written again; the data is, too, to be sure of it. */
    if (status.lost)
        aof_rewrite_request(aof);
    promise(aof, at);
}

/* ---- Appending ---- */

int64_t aof_time_to_tell(const struct aof *aof)
{
    return UNLIKELY(aof->setup.policy.tell_time) ? clock_wall(aof->setup.clock) / SECOND : 0;
}

/* Notes the time in front of statements, once a second. */
static struct slice with_time(struct aof *aof, struct slice feed)
{
    int64_t seconds = aof_time_to_tell(aof);

    if (LIKELY(seconds == 0) || seconds == aof->told_time)
        return feed;
    aof->told_time = seconds;
    buffer_rewind(&aof->dated);
    buffer_print(&aof->dated, "#TS:%lld\r\n", (long long)seconds);
    buffer_add(&aof->dated, feed);
    return buffer_slice(&aof->dated);
}

/*
 * Whether the main thread may use the file by itself. To write costs less than to wake
 * another, and what is in the kernel's cache outlives this process; but while
 * something is forced to the same disk, or room is reserved in the same file, writing
 * may wait for it.
 */
static bool is_calm(const struct aof *aof, micros at)
{
    return !aof->syncing && !aof->broken && !aof_rewrite_runs(aof) &&
           at >= aof->slow_until && (!aof->ahead.runs || atomic_load(&aof->ahead.done)) &&
           (aof->setup.snapshot == NULL || !snapshot_runs(aof->setup.snapshot));
}

/* Has the disk take what was gathered quietly. */
static void commit(struct aof *aof)
{
    aof->gathers = false;
    aof_scribe_commit(aof->scribe);
    aof_collect(aof);
}

bool aof_settle(struct aof *aof)
{
    if (LIKELY(!aof->gathers))
        return false;
    if (!aof->gathered_all && aof->empty_turns++ < EMPTY_TURNS &&
        now(aof) - aof->gathers_since < GATHERS_MOST)
        return true;
    commit(aof);
    return false;
}

/* Takes statements for aof_settle, if the disk is as quick as that. */
static bool gather_quietly(struct aof *aof, struct slice statements, micros at)
{
    enum aof_scribe_quiet found = aof_scribe_say_quietly(aof->scribe, statements);

    if (found == AOF_SCRIBE_NOT_TAKEN)
        return false;
    aof->gathered_all = found == AOF_SCRIBE_ALL;
    aof->empty_turns = 0;
    if (!aof->gathers)
        aof->gathers_since = at;
    aof->gathers = true;
    return true;
}

/* False if writing failed here and now. */
static bool write_or_say(struct aof *aof, struct slice statements, micros at, bool settles)
{
    enum aof_scribe_wrote wrote = AOF_SCRIBE_BUSY;
    bool calm = is_calm(aof, at);

    if (calm && settles && aof->always && gather_quietly(aof, statements, at))
        return true;
    if (calm && !aof->always) {
        wrote = aof_scribe_write(aof->scribe, statements);
        if (UNLIKELY(now(aof) - at > SLOW_WRITE))
            aof->slow_until = at + SLOW_FOR;
    }
    if (wrote == AOF_SCRIBE_BUSY)
        aof_scribe_say(aof->scribe, statements);
    return wrote != AOF_SCRIBE_BROKE;
}

static bool take(struct aof *aof, struct slice feed, bool settles)
{
    bool all_durable = aof_durable(aof) == aof->said;
    bool fine;
    micros at;

    if (feed.len == 0)
        return true;
    if (!aof_hears(aof)) {
        aof->said += feed.len;
        aof_scribe_say(aof->scribe, feed);
        aof->promised = aof->said;
        return true;
    }
    at = now(aof);
    if (all_durable)
        aof->covered_at = at;
    feed = with_time(aof, feed);
    fine = write_or_say(aof, feed, at, settles);
    aof->said += feed.len;
    aof->bound += feed.len + feed.len / 64 + AOF_SEAL_MAX;
    if (UNLIKELY(!fine)) {
        aof_collect(aof);
        return false;
    }
    promise(aof, at);
    sync_on_time(aof, at);
    return true;
}

bool aof_append(struct aof *aof, struct slice feed)
{
    return take(aof, feed, false);
}

bool aof_append_turn(struct aof *aof, struct slice feed)
{
    return take(aof, feed, true);
}

bool aof_flush_and_sync(struct aof *aof, struct trouble *trouble)
{
    bool fine;

    if (aof->fd < 0)
        return true;
    worker_drain(aof->worker);
    aof_collect(aof);
    if (aof->folder_unsynced && !folder_sync(aof->folder, trouble))
        return false;
    aof->folder_unsynced = false;
    fine = aof_scribe_finish(aof->scribe, trouble);
    aof_collect(aof);
    return fine;
}

/* ---- Now and then ---- */

/* Tries again what failed. */
static void try_again(struct aof *aof, micros at)
{
    if (at < aof->retry_at)
        return;
    aof->retry_at = at + SECOND;
    if (aof->unwritten)
        aof_scribe_retry(aof->scribe);
    if (aof->folder_unsynced)
        aof_place_sync(aof);
    if (at - aof->complained_at >= COMPLAIN_EVERY)
        aof_write_break(aof, "writing to");
}

void aof_tick(struct aof *aof)
{
    aof_collect(aof);
    aof_room_look_ahead(aof);
    if (aof->broken && aof->fd >= 0)
        try_again(aof, now(aof));
    sync_on_time(aof, now(aof));
    aof_rewrite_poll(aof);
    aof_remove_history(aof);
    aof_leave_if_off(aof);
}
