/* The child writes one temporary file; everything that has a name is done by the parent. */
#include "storage/persist/aof_rewrite.h"

#include <fcntl.h>
#include <unistd.h>

#include "storage/base/faults.h"
#include "storage/base/io.h"
#include "storage/base/log.h"
#include "storage/base/memory.h"
#include "storage/base/worker.h"
#include "storage/keyspace/keyspace.h"
#include "storage/persist/aof_base.h"
#include "storage/persist/aof_manifest.h"
#include "storage/persist/aof_private.h"
#include "storage/persist/child.h"
#include "storage/persist/folder.h"
#include "storage/persist/points.h"
#include "storage/persist/progress.h"
#include "storage/persist/snapshot.h"

enum {
    SECOND = 1000000,
    SYNC_EVERY = 4 * 1024 * 1024, /* the child syncs little and often */
    FAILURES_BORNE = 3,           /* before pauses are counted in minutes */
    PAUSE_MOST = 60,              /* minutes */
    SLACK = 64 * 1024             /* seals of what waits to be written */
};

bool aof_rewrite_runs(const struct aof *aof)
{
    return aof->child != NULL || aof->turning != NULL ||
           (aof->placing != NULL && aof->placing->with_base);
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

bool aof_rewrite_is_due(const struct aof *aof)
{
    return aof->state == AOF_STARTING && !aof_rewrite_runs(aof) &&
           clock_monotonic(aof->setup.clock) >= aof->rewrite_not_before;
}

/* Says once in a pause that there is one: when a rewrite would have begun by itself. */
static void tell_pause(struct aof *aof)
{
    micros left = aof->rewrite_not_before - clock_monotonic(aof->setup.clock);

    if (aof->pause_told || aof->failures < FAILURES_BORNE)
        return;
    aof->pause_told = true;
    log_line(aof->setup.log, LOG_WARNING,
             "Background AOF rewrite has repeatedly failed and triggered the limit, will retry in "
             "%lld minutes",
             (long long)(left / SECOND + 59) / 60);
}

bool aof_rewrite_wanted(struct aof *aof)
{
    if (aof->child != NULL || aof->broken || aof->state == AOF_OPENED || aof->turning != NULL ||
        aof->placing != NULL)
        return false;
    if (aof->requested)
        return true;
    if (aof->state != AOF_STARTING && !(aof->state == AOF_ON && has_grown(aof)))
        return false;
    if (clock_monotonic(aof->setup.clock) < aof->rewrite_not_before) {
        tell_pause(aof);
        return false;
    }
    if (aof->state == AOF_ON)
        log_line(aof->setup.log, LOG_NOTICE, "Starting automatic rewriting of AOF on %llu%% growth",
                 (unsigned long long)((aof_current_size(aof) - aof->loaded_base) * 100 /
                                      (aof->loaded_base == 0 ? 1 : aof->loaded_base)));
    return true;
}

/* ---- In the child ---- */

static bool write_base(void *who, struct child_line *line, struct trouble *trouble)
{
    struct aof *aof = who;
    struct progress progress;
    struct aof_base_watcher watcher = { progress_wrote_key, &progress, NULL,
                                        aof_time_to_tell(aof) };
    char name[RECOVERY_NAME_MAX];
    struct writer *writer;
    int fd;

    aof_leave_lock(aof);
    recovery_temporary_name(&aof->where, "base", name);
    fd = folder_open_file(aof->folder, name, O_WRONLY | O_CREAT | O_TRUNC, trouble);
    if (fd < 0)
        return false;
    point_reached(aof->setup.faults, POINT_base_opened);
    writer = writer_new_file(fd, aof->setup.faults);
    if (aof->setup.policy.sync_base_often)
        writer_sync_every(writer, SYNC_EVERY);
    progress_begin(&progress, line, aof->setup.policy.key_delay);
    if (aof->setup.snapshot != NULL)
        watcher.functions = snapshot_functions(aof->setup.snapshot);
    if (aof->rdb)
        snapshot_write_base(aof->setup.snapshot, writer, progress_wrote_key, &progress);
    else
        aof_base_write(aof->setup.keyspaces, writer, &watcher);
    progress_end(&progress);
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
    aof->pause_told = false;
}

static void end_child(struct aof *aof)
{
    child_free(aof->child);
    aof->child = NULL;
    keyspaces_pause_resizing(aof->setup.keyspaces, false);
    aof_write_follow(aof);
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
        aof->heard = false;
        aof->broken = false;
    }
}

/* Has the scribe go over to a new increment, which the manifest will name. */
static void hand_over(struct aof *aof, struct aof_manifest *manifest, int fd)
{
    aof_write_covered_soon(aof);
    aof_manifest_print(manifest, &aof->turning_text);
    recovery_temporary_name(&aof->where, "manifest", aof->turning_temporary);
    recovery_manifest_name(&aof->where, aof->turning_name);
    aof->turnover = (struct aof_turnover){
        .folder = aof->folder,
        .temporary = aof->turning_temporary,
        .name = aof->turning_name,
        .manifest = buffer_slice(&aof->turning_text),
        .fd = fd,
    };
    aof->turning = manifest;
    aof->turning_from = aof->fd;
    aof->fd = fd;
    aof->bound = 0;
    aof_scribe_turn_over(aof->scribe, &aof->turnover);
}

/* Begins to go over to a new increment; what was said before comes to disk first. */
static bool turn_over(struct aof *aof, struct trouble *trouble)
{
    struct aof_manifest *manifest = aof_manifest_copy(aof->manifest);
    uint64_t reserved = aof->reserved;
    struct trouble unheard;
    const char *name;
    int fd;

    name = aof_manifest_add_increment(manifest, aof->setup.filename)->name;
    log_line(aof->setup.log, LOG_NOTICE, "Creating AOF incr file %s on background rewrite", name);
    fd = folder_open_file(aof->folder, name, O_RDWR | O_CREAT | O_TRUNC, trouble);
    point_reached(aof->setup.faults, POINT_increment_made);
    if (fd >= 0 && aof_room_reserve(aof, fd, trouble)) {
        hand_over(aof, manifest, fd);
        return true;
    }
    if (fd >= 0) {
        (void)close(fd);
        (void)folder_unlink(aof->folder, name, &unheard);
    }
    aof->reserved = reserved;
    aof_manifest_free(manifest);
    return false;
}

/* It goes on in the file it was in; the child's base would not fit to that. */
static void stay(struct aof *aof)
{
    struct trouble unheard;

    aof_write_close(aof, aof->turnover.fd, 0);
    (void)folder_unlink(aof->folder, aof_manifest_last(aof->turning)->name, &unheard);
    aof_manifest_free(aof->turning);
    aof->turning = NULL;
    if (aof->fd >= 0) {
        aof->fd = aof->turning_from;
        aof->bound = aof_scribe_size(aof->scribe) + (aof->said - aof_scribe_written(aof->scribe)) +
                     SLACK;
        aof->reserved = aof->bound;
    }
    log_line(aof->setup.log, LOG_WARNING, "Background AOF rewrite could not begin: %s",
             aof->turnover.trouble.text);
    if (aof->child != NULL)
        end_child(aof);
    count_failure(aof);
    unprepare(aof);
}

void aof_rewrite_turned(struct aof *aof)
{
    enum aof_turnover_state state;

    if (LIKELY(aof->turning == NULL))
        return;
    state = aof_scribe_turned(aof->scribe);
    if (state != AOF_TURNOVER_DONE && state != AOF_TURNOVER_FAILED)
        return;
    buffer_clear(&aof->turning_text);
    if (state == AOF_TURNOVER_FAILED) {
        stay(aof);
        return;
    }
    aof_manifest_free(aof->manifest);
    aof->manifest = aof->turning;
    aof->turning = NULL;
    aof->older += aof->turnover.old_size;
    aof_write_close(aof, aof->turnover.old_fd, aof->turnover.old_size);
    aof->folder_unsynced = aof->turnover.replaced == FOLDER_UNSURE;
    if (aof->folder_unsynced) {
        aof->trouble = aof->turnover.trouble;
        aof_write_break(aof, "saving the manifest of");
    }
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
        return aof->folder != NULL || aof_enter(aof, trouble);
    case AOF_OPENED:
        break;
    }
    return trouble_set(trouble, "the log is being loaded");
}

static bool start_child(struct aof *aof, struct trouble *trouble)
{
    struct child_setup setup = { write_base, aof, aof->setup.faults, aof->setup.birth };
    micros before = clock_monotonic(aof->setup.clock);

    aof->rdb = aof_writes_rdb(aof);
    /* Faults are counted under a lock that the other thread must not hold at the fork. */
    if (aof->setup.faults != NULL) {
        worker_drain(aof->worker);
        aof_scribe_rest(aof->scribe);
    }
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
    must(!aof_rewrite_runs(aof) && aof->placing == NULL);
    aof->requested = false;
    if (!prepare(aof, trouble) || !start_child(aof, trouble)) {
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
    aof_write_follow(aof);
    log_line(aof->setup.log, LOG_NOTICE, "Background append only file rewriting started by pid %d",
             (int)child_pid(aof->child));
    return true;
}

/* ---- Ending ---- */

/*
 * Names the new files as history: between their renames and the manifest that
 * needs them, a crash must not leave data that nobody names.
 */
static struct aof_manifest *announce(const struct aof *aof, const struct aof_manifest *next)
{
    struct aof_manifest *manifest = aof_manifest_copy(aof->manifest);

    aof_manifest_add_history(manifest, aof_manifest_base(next));
    if (aof->state == AOF_STARTING)
        aof_manifest_add_history(manifest, aof_manifest_last(next));
    return manifest;
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
static void begin_placing(struct aof *aof)
{
    struct aof_placing *placing = memory_new_zeroed(1, sizeof(*placing));

    log_line(aof->setup.log, LOG_NOTICE, "Background AOF rewrite terminated with success");
    placing->next = plan(aof);
    placing->announced = announce(aof, placing->next);
    placing->with_base = true;
    placing->with_increment = aof->state == AOF_STARTING;
    aof_place_begin(aof, placing);
}

static void note_placed(struct aof *aof, const struct aof_placing *placing)
{
    char temporary[RECOVERY_NAME_MAX];

    recovery_temporary_name(&aof->where, "base", temporary);
    log_line(aof->setup.log, LOG_NOTICE,
             "Successfully renamed the temporary AOF base file %s into %s", temporary,
             aof_manifest_base(aof->manifest)->name);
    aof->older = placing->base_size < 0 ? 0 : (uint64_t)placing->base_size;
    if (aof->state == AOF_STARTING)
        aof->state = AOF_ON;
    aof->loaded_base = aof_current_size(aof);
    aof->failures = 0;
    aof->rewrite_ok = true;
    aof->rewrite_not_before = 0;
    log_line(aof->setup.log, LOG_NOTICE, "Background AOF rewrite finished successfully");
}

/* Looks whether a change of the manifest has ended. */
static void poll_placing(struct aof *aof)
{
    struct aof_placing *placing = aof_place_collect(aof);

    if (placing == NULL)
        return;
    if (placing->with_base) {
        aof->history_waits = true;
        if (placing->fine) {
            note_placed(aof, placing);
        } else {
            log_line(aof->setup.log, LOG_WARNING, "The rewritten AOF could not be put in place: %s",
                     placing->trouble.text);
            count_failure(aof);
            unprepare(aof);
        }
        aof_write_follow(aof);
    } else if (!placing->fine && placing->next != NULL) {
        log_line(aof->setup.log, LOG_WARNING, "The removal of history was not noted: %s",
                 placing->trouble.text);
    }
    aof_place_end(placing);
}

void aof_rewrite_poll(struct aof *aof)
{
    struct child_report report;
    struct trouble trouble = { 0 };
    enum child_state state;

    poll_placing(aof);
    /* The base fits only when the file behind it is the one that was begun with it. */
    if (aof->child == NULL || aof->turning != NULL || aof->placing != NULL)
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
        begin_placing(aof);
        return;
    }
    log_line(aof->setup.log, LOG_WARNING, "Background AOF rewrite terminated with error: %s",
             trouble.text);
    count_failure(aof);
    unprepare(aof);
}

void aof_follow_start(struct aof *aof)
{
    if (aof->state != AOF_STARTING)
        return;
    aof_collect(aof);
    aof_rewrite_poll(aof);
    if (aof->placing == NULL || !aof->placing->with_base)
        return;
    worker_drain(aof->worker);
    poll_placing(aof);
}

void aof_rewrite_abort(struct aof *aof)
{
    if (aof->placing != NULL) {
        worker_drain(aof->worker);
        poll_placing(aof);
    }
    if (aof->child == NULL)
        return;
    log_line(aof->setup.log, LOG_NOTICE, "Killing running AOF rewrite child: %ld",
             (long)child_pid(aof->child));
    end_child(aof);
    unprepare(aof);
}
