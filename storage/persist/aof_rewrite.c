/* The child writes one temporary file; everything that has a name is done by the parent. */
#include "storage/persist/aof_rewrite.h"

#include <fcntl.h>
#include <time.h>
#include <unistd.h>

#include "storage/base/faults.h"
#include "storage/base/io.h"
#include "storage/base/log.h"
#include "storage/base/worker.h"
#include "storage/keyspace/keyspace.h"
#include "storage/persist/aof_base.h"
#include "storage/persist/aof_manifest.h"
#include "storage/persist/aof_private.h"
#include "storage/persist/child.h"
#include "storage/persist/folder.h"
#include "storage/persist/points.h"
#include "storage/persist/snapshot.h"

enum {
    SECOND = 1000000,
    SYNC_EVERY = 4 * 1024 * 1024, /* the child syncs little and often */
    TELL_EVERY = 1024,            /* keys between looks at the clock */
    FAILURES_BORNE = 3,           /* before pauses are counted in minutes */
    PAUSE_MOST = 60               /* minutes */
};

bool aof_rewrite_runs(const struct aof *aof)
{
    return aof->child != NULL;
}

void aof_rewrite_request(struct aof *aof)
{
    aof->requested = true;
}

/* Whether it has grown by so much that it should be rewritten. */
static bool has_grown(const struct aof *aof)
{
    const struct aof_policy *policy = &aof->setup.policy;
    uint64_t size = aof_current_size(aof);
    uint64_t base = aof->loaded_base == 0 ? 1 : aof->loaded_base;

    return policy->growth_percentage > 0 && size > (uint64_t)policy->growth_least && size > base &&
           (double)(size - base) * 100.0 / (double)base >= (double)policy->growth_percentage;
}

bool aof_rewrite_wanted(struct aof *aof)
{
    if (aof->child != NULL || aof->broken || aof->state == AOF_OPENED)
        return false;
    if (aof->requested)
        return true;
    if (aof->state != AOF_STARTING && !(aof->state == AOF_ON && has_grown(aof)))
        return false;
    if (clock_monotonic(aof->setup.clock) < aof->rewrite_not_before)
        return false;
    if (aof->state == AOF_ON)
        log_line(aof->setup.log, LOG_NOTICE, "Starting automatic rewriting of AOF on %llu%% growth",
                 (unsigned long long)((aof_current_size(aof) - aof->loaded_base) * 100 /
                                      (aof->loaded_base == 0 ? 1 : aof->loaded_base)));
    return true;
}

/* ---- In the child ---- */

struct writing {
    struct aof *aof;
    struct child_line *line;
    struct clock *clock;
    micros told;
};

static void wrote_key(void *who, uint64_t keys)
{
    struct writing *writing = who;
    micros delay = writing->aof->setup.policy.key_delay;
    micros now;

    if (delay > 0) {
        struct timespec pause = { delay / SECOND, delay % SECOND * 1000 };

        (void)nanosleep(&pause, NULL);
    }
    if (keys % TELL_EVERY != 0)
        return;
    now = clock_monotonic(writing->clock);
    if (now - writing->told < SECOND)
        return;
    writing->told = now;
    child_tell(writing->line, keys);
}

static bool write_base(void *who, struct child_line *line, struct trouble *trouble)
{
    struct aof *aof = who;
    struct writing writing = { aof, line, clock_new(), 0 };
    struct aof_base_watcher watcher = { wrote_key, &writing, NULL, aof_time_to_tell(aof) };
    char name[RECOVERY_NAME_MAX];
    struct writer *writer;
    int fd;

    /* The lock is the parent's: it must end with the parent. */
    (void)close(aof->lock);
    recovery_temporary_name(&aof->where, "base", name);
    fd = folder_open_file(aof->folder, name, O_WRONLY | O_CREAT | O_TRUNC, trouble);
    if (fd < 0)
        return false;
    point_reached(aof->setup.faults, POINT_base_opened);
    writer = writer_new_file(fd, aof->setup.faults);
    if (aof->setup.policy.sync_base_often)
        writer_sync_every(writer, SYNC_EVERY);
    writing.told = clock_monotonic(writing.clock);
    if (aof->setup.snapshot != NULL)
        watcher.functions = snapshot_functions(aof->setup.snapshot);
    if (aof->rdb)
        snapshot_write_base(aof->setup.snapshot, writer, wrote_key, &writing);
    else
        aof_base_write(aof->setup.keyspaces, writer, &watcher);
    if (!writer_flush(writer, trouble))
        return trouble_wrap(trouble, "writing %s", name);
    point_reached(aof->setup.faults, POINT_base_written);
    if (faults_hit(aof->setup.faults, "fsync") || fsync(fd) < 0)
        return trouble_errno(trouble, "syncing %s", name);
    point_reached(aof->setup.faults, POINT_base_synced);
    return true;
}

/* ---- Beginning ---- */

/* Notes a failure and when to try again. */
static void count_failure(struct aof *aof)
{
    int64_t minutes = 1;

    aof->failures++;
    aof->rewrite_ok = false;
    aof->rewrite_not_before = clock_monotonic(aof->setup.clock) + SECOND;
    if (aof->failures < FAILURES_BORNE)
        return;
    for (uint64_t i = FAILURES_BORNE; i < aof->failures && minutes < PAUSE_MOST; i++)
        minutes *= 2;
    minutes = minutes > PAUSE_MOST ? PAUSE_MOST : minutes;
    aof->rewrite_not_before += minutes * 60 * SECOND;
    log_line(aof->setup.log, LOG_WARNING,
             "Background AOF rewrite has repeatedly failed and triggered the limit, will retry in "
             "%lld minutes",
             (long long)minutes);
}

/* Goes over to a new increment that the manifest names. What was written before is durable. */
static bool turn_over(struct aof *aof, struct trouble *trouble)
{
    struct aof_manifest *manifest;
    struct trouble unheard;
    const char *name;
    int fd;

    if (!aof_write_all(aof, trouble))
        return false;
    aof_write_release(aof);
    manifest = aof_manifest_copy(aof->manifest);
    name = aof_manifest_add_increment(manifest, aof->setup.filename)->name;
    log_line(aof->setup.log, LOG_NOTICE, "Creating AOF incr file %s on background rewrite", name);
    fd = folder_open_file(aof->folder, name, O_RDWR | O_CREAT | O_TRUNC, trouble);
    point_reached(aof->setup.faults, POINT_increment_made);
    if (fd >= 0 && !aof_adopt(aof, &manifest, trouble)) {
        (void)close(fd);
        (void)folder_unlink(aof->folder, name, &unheard);
        fd = -1;
    }
    aof_manifest_free(manifest);
    if (fd < 0)
        return false;
    aof->older += aof->size;
    aof_write_end(aof);
    aof_write_to(aof, fd, 0, 0);
    point_reached(aof->setup.faults, POINT_increment_begun);
    return true;
}

/* While it is being turned on, statements go to a file that no manifest names. */
static bool begin_unnamed(struct aof *aof, struct trouble *trouble)
{
    char name[RECOVERY_NAME_MAX];
    int fd;

    recovery_temporary_name(&aof->where, "incr", name);
    fd = folder_open_file(aof->folder, name, O_RDWR | O_CREAT | O_TRUNC, trouble);
    if (fd < 0)
        return false;
    aof_write_to(aof, fd, 0, 0);
    aof->older = 0;
    return true;
}

/* Makes ready for the fork: where statements go from that moment on. */
static bool prepare(struct aof *aof, struct trouble *trouble)
{
    switch (aof->state) {
    case AOF_ON:
        return turn_over(aof, trouble);
    case AOF_STARTING:
        return begin_unnamed(aof, trouble);
    case AOF_OFF:
        return aof_enter(aof, trouble);
    case AOF_OPENED:
        break;
    }
    return trouble_set(trouble, "the log is being loaded");
}

/* Takes back what prepare did, where it was for the rewrite alone. */
static void unprepare(struct aof *aof)
{
    char name[RECOVERY_NAME_MAX];
    struct trouble unheard;

    if (aof->folder == NULL)
        return;
    recovery_temporary_name(&aof->where, "base", name);
    (void)folder_unlink(aof->folder, name, &unheard);
    if (aof->state == AOF_STARTING && aof->fd >= 0) {
        recovery_temporary_name(&aof->where, "incr", name);
        log_line(aof->setup.log, LOG_NOTICE, "Removing the temp incr aof file %s", name);
        aof_write_end(aof);
        (void)folder_unlink(aof->folder, name, &unheard);
        buffer_rewind(&aof->pending);
        aof->heard = false;
        aof->broken = false;
    }
    if (aof->state == AOF_OFF)
        aof_leave(aof);
}

static bool start_child(struct aof *aof, struct trouble *trouble)
{
    struct child_setup setup = { write_base, aof, aof->setup.faults };
    micros before = clock_monotonic(aof->setup.clock);

    aof->rdb = aof_writes_rdb(aof);
    /* Faults are counted under a lock that the other thread must not hold at the fork. */
    if (aof->setup.faults != NULL)
        worker_drain(aof->worker);
    aof->child = child_start(&setup, trouble);
    aof->fork_usec = clock_monotonic(aof->setup.clock) - before;
    if (aof->child == NULL)
        return trouble_wrap(trouble, "Can't rewrite append only file in background");
    aof->forks++;
    point_reached(aof->setup.faults, POINT_rewrite_forked);
    return true;
}

bool aof_rewrite_begin(struct aof *aof, struct trouble *trouble)
{
    must(aof->child == NULL);
    /* Who waits for the other thread's fsync must not be the main thread. */
    aof_write_collect(aof);
    if (atomic_load(&aof->job.state) != SYNC_IDLE) {
        aof->requested = true;
        return trouble_set(trouble, "an fsync is under way; the rewrite begins after it");
    }
    aof->requested = false;
    if (!prepare(aof, trouble) || aof->broken || !start_child(aof, trouble)) {
        if (aof->broken)
            *trouble = aof->trouble;
        log_line(aof->setup.log, LOG_WARNING, "Background AOF rewrite could not begin: %s",
                 trouble->text);
        unprepare(aof);
        count_failure(aof);
        return false;
    }
    aof->heard = true;
    aof->rewrites++;
    aof->copied_now = 0;
    aof->keys_done = 0;
    aof->rewrite_began = clock_monotonic(aof->setup.clock);
    keyspaces_pause_resizing(aof->setup.keyspaces, true);
    log_line(aof->setup.log, LOG_NOTICE, "Background append only file rewriting started by pid %d",
             (int)child_pid(aof->child));
    return true;
}

/* ---- Ending ---- */

static void end_child(struct aof *aof)
{
    child_free(aof->child);
    aof->child = NULL;
    keyspaces_pause_resizing(aof->setup.keyspaces, false);
}

/*
 * Names the new files as history: between their renames and the manifest that
 * needs them, a crash must not leave data that nobody names.
 */
static bool announce(struct aof *aof, const struct aof_manifest *next, struct trouble *trouble)
{
    struct aof_manifest *manifest = aof_manifest_copy(aof->manifest);
    bool fine;

    aof_manifest_add_history(manifest, aof_manifest_base(next));
    if (aof->state == AOF_STARTING)
        aof_manifest_add_history(manifest, aof_manifest_last(next));
    fine = aof_adopt(aof, &manifest, trouble);
    aof_manifest_free(manifest);
    if (fine)
        point_reached(aof->setup.faults, POINT_base_announced);
    return fine;
}

/* Gives the child's file, and when starting the first increment, their names. */
static bool name_files(struct aof *aof, const struct aof_manifest *next, struct trouble *trouble)
{
    const char *base = aof_manifest_base(next)->name;
    char temporary[RECOVERY_NAME_MAX];

    recovery_temporary_name(&aof->where, "base", temporary);
    if (!folder_rename(aof->folder, temporary, base, trouble))
        return false;
    log_line(aof->setup.log, LOG_NOTICE,
             "Successfully renamed the temporary AOF base file %s into %s", temporary, base);
    point_reached(aof->setup.faults, POINT_base_renamed);
    if (aof->state != AOF_STARTING)
        return true;
    recovery_temporary_name(&aof->where, "incr", temporary);
    if (!folder_rename(aof->folder, temporary, aof_manifest_last(next)->name, trouble))
        return false;
    point_reached(aof->setup.faults, POINT_increment_renamed);
    return true;
}

/* What the log is to be made of: the new base, and what was said since it. */
static struct aof_manifest *plan(const struct aof *aof)
{
    struct aof_manifest *next = aof_manifest_copy(aof->manifest);

    if (aof->rdb)
        (void)aof_manifest_set_rdb_base(next, aof->setup.filename);
    else
        (void)aof_manifest_set_base(next, aof->setup.filename, NULL);
    aof_manifest_retire(next, aof->state == AOF_ON ? 1 : 0);
    if (aof->state == AOF_STARTING)
        (void)aof_manifest_add_increment(next, aof->setup.filename);
    return next;
}

/* Puts the new base in the place of all that was before. */
static bool put_in_place(struct aof *aof, struct trouble *trouble)
{
    struct aof_manifest *next = plan(aof);
    bool fine = announce(aof, next, trouble) && name_files(aof, next, trouble) &&
                aof_adopt(aof, &next, trouble);
    int64_t size = 0;

    aof_manifest_free(next);
    aof->history_waits = true;
    if (!fine)
        return false;
    point_reached(aof->setup.faults, POINT_base_adopted);
    size = folder_file_size(aof->folder, aof_manifest_base(aof->manifest)->name, trouble);
    aof->older = size < 0 ? 0 : (uint64_t)size;
    if (aof->state == AOF_STARTING)
        aof->state = AOF_ON;
    aof->loaded_base = aof_current_size(aof);
    return true;
}

static void finish(struct aof *aof, struct trouble *trouble)
{
    log_line(aof->setup.log, LOG_NOTICE, "Background AOF rewrite terminated with success");
    if (!put_in_place(aof, trouble)) {
        log_line(aof->setup.log, LOG_WARNING, "The rewritten AOF could not be put in place: %s",
                 trouble->text);
        count_failure(aof);
        unprepare(aof);
        return;
    }
    aof->failures = 0;
    aof->rewrite_ok = true;
    aof->rewrite_not_before = 0;
    aof_remove_history(aof);
    log_line(aof->setup.log, LOG_NOTICE, "Background AOF rewrite finished successfully");
    if (aof->state != AOF_OFF)
        return;
    worker_drain(aof->worker);
    aof_remove_history(aof);
    aof_leave(aof);
}

void aof_rewrite_poll(struct aof *aof)
{
    struct child_report report;
    struct trouble trouble = { 0 };
    enum child_state state;

    if (aof->child == NULL)
        return;
    state = child_poll(aof->child, &report, &trouble);
    aof->copied_now = report.copied;
    if (report.done > aof->keys_done)
        aof->keys_done = report.done;
    if (state == CHILD_RUNNING)
        return;
    end_child(aof);
    aof->copied = report.copied;
    aof->copied_now = 0;
    aof->rewrite_took_sec =
        (clock_monotonic(aof->setup.clock) - aof->rewrite_began) / SECOND;
    log_line(aof->setup.log, LOG_NOTICE, "Fork CoW for AOF rewrite: current %llu MB",
             (unsigned long long)(report.copied >> 20));
    if (state == CHILD_DONE) {
        finish(aof, &trouble);
        return;
    }
    log_line(aof->setup.log, LOG_WARNING, "Background AOF rewrite terminated with error: %s",
             trouble.text);
    count_failure(aof);
    unprepare(aof);
}

void aof_rewrite_abort(struct aof *aof)
{
    if (aof->child == NULL)
        return;
    log_line(aof->setup.log, LOG_NOTICE, "Killing running AOF rewrite child: %ld",
             (long)child_pid(aof->child));
    end_child(aof);
    unprepare(aof);
}
