/*
 * Making, opening, turning on and off. How turns are written is in aof_write.c,
 * how the log is rewritten in aof_rewrite.c.
 *
 * What always holds:
 *   (1) `folder`, `lock` and `manifest` are there together or not at all.
 *   (2) `fd` is open while statements are heard, and is the last increment of
 *       the manifest when ON, a temporary file when STARTING.
 */
#include "storage/persist/aof.h"

#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <unistd.h>

#include "storage/base/faults.h"
#include "storage/base/io.h"
#include "storage/base/log.h"
#include "storage/base/memory.h"
#include "storage/base/worker.h"
#include "storage/persist/aof_base.h"
#include "storage/persist/aof_manifest.h"
#include "storage/persist/aof_private.h"
#include "storage/persist/aof_rewrite.h"
#include "storage/persist/folder.h"
#include "storage/persist/points.h"
#include "storage/persist/snapshot.h"

static char *copy_text(const char *text)
{
    size_t size = strlen(text) + 1;
    char *copy = memory_new(size);

    memcpy(copy, text, size);
    return copy;
}

struct aof *aof_new(const struct aof_setup *setup)
{
    struct aof *aof = memory_new_zeroed(1, sizeof(*aof));

    aof->setup = *setup;
    aof->setup.dir = copy_text(setup->dir);
    aof->setup.dirname = copy_text(setup->dirname);
    aof->setup.filename = copy_text(setup->filename);
    aof->where = (struct recovery_setup){ aof->setup.dir,      aof->setup.dirname,
                                          aof->setup.filename, setup->policy.cut_torn_tail,
                                          setup->faults,       setup->log };
    aof->fd = -1;
    aof->lock = -1;
    aof->rewrite_ok = true;
    aof->rewrite_took_sec = -1;
    aof->turning_from = -1;
    aof->worker = worker_new("millrace-aof");
    aof->scribe = aof_scribe_new(&(struct aof_scribe_setup){ setup->faults, setup->moved,
                                                             setup->who });
    return aof;
}

/* Texts that the setup shows as borrowed are the log's own copies. */
static void free_text(const char *text)
{
    union {
        const char *borrowed;
        void *own;
    } either = { text };

    memory_free(either.own);
}

void aof_leave_lock(struct aof *aof)
{
    if (aof->lock >= 0)
        (void)close(aof->lock);
    aof->lock = -1;
}

/* Leaves the folder: forgets what is in it, closes it and gives its lock back. */
static void leave(struct aof *aof)
{
    worker_drain(aof->worker);
    if (aof->placing != NULL) {
        struct aof_placing *placing = aof_place_collect(aof);

        must(placing != NULL);
        aof_place_end(placing);
    }
    if (aof->removal != NULL)
        aof_forget_removal(aof);
    aof_manifest_free(aof->manifest);
    aof->manifest = NULL;
    folder_close(aof->folder);
    aof->folder = NULL;
    aof->folder_unsynced = false;
    aof->history_waits = false;
    aof->broken = false;
    if (aof->lock >= 0)
        (void)close(aof->lock);
    aof->lock = -1;
}

void aof_free(struct aof *aof)
{
    if (aof == NULL)
        return;
    aof_rewrite_abort(aof);
    aof_write_end(aof);
    aof_rewrite_turned(aof);
    leave(aof);
    aof_scribe_free(aof->scribe);
    worker_free(aof->worker);
    buffer_clear(&aof->dated);
    buffer_clear(&aof->turning_text);
    free_text(aof->setup.dir);
    free_text(aof->setup.dirname);
    free_text(aof->setup.filename);
    memory_free(aof);
}

void aof_set_policy(struct aof *aof, const struct aof_policy *policy)
{
    bool remove = aof->setup.policy.keep_history && !policy->keep_history && aof->folder != NULL;

    aof->setup.policy = *policy;
    aof->where.cut_torn_tail = policy->cut_torn_tail;
    aof_write_follow(aof);
    if (!remove)
        return;
    /* Whoever asks for it finds it done: the one change of options that waits for the disk. */
    aof->history_waits = true;
    while (aof->history_waits || aof->removal != NULL) {
        aof_rewrite_poll(aof);
        aof_remove_history(aof);
        worker_drain(aof->worker);
        if (aof_rewrite_runs(aof) || aof->folder_unsynced)
            return; /* it is done later */
    }
    aof_rewrite_poll(aof);
}

/* ---- The folder ---- */

bool aof_enter(struct aof *aof, struct trouble *trouble)
{
    must(aof->folder == NULL);
    aof->folder = recovery_enter(&aof->where, &aof->lock, trouble);
    if (aof->folder == NULL)
        return false;
    aof->manifest = recovery_choose(&aof->where, aof->folder, trouble);
    if (aof->manifest != NULL)
        return true;
    leave(aof);
    return false;
}

void aof_leave_if_off(struct aof *aof)
{
    if (aof->state == AOF_OFF && aof->folder != NULL && !aof_rewrite_runs(aof) &&
        aof->placing == NULL && aof->removal == NULL &&
        (!aof->history_waits || aof->setup.policy.keep_history))
        leave(aof);
}

/* Saves a manifest and, if it is there to stay, makes it the log's. Takes it. Waits for the disk. */
MUST_USE static bool adopt(struct aof *aof, struct aof_manifest **manifest, struct trouble *trouble)
{
    char temporary[RECOVERY_NAME_MAX];
    char name[RECOVERY_NAME_MAX];
    struct buffer text = { 0 };
    enum folder_replaced replaced;

    recovery_temporary_name(&aof->where, "manifest", temporary);
    recovery_manifest_name(&aof->where, name);
    aof_manifest_print(*manifest, &text);
    replaced = folder_replace(aof->folder, temporary, name, buffer_slice(&text), trouble);
    buffer_clear(&text);
    if (replaced == FOLDER_KEPT) {
        (void)trouble_wrap(trouble, "saving the manifest");
        return false;
    }
    aof_manifest_free(aof->manifest);
    aof->manifest = *manifest;
    *manifest = NULL;
    if (replaced == FOLDER_UNSURE) {
        /* What the folder shows is this manifest; nothing may be promised by it yet. */
        aof->trouble = *trouble;
        aof->folder_unsynced = true;
        aof_write_break(aof, "saving the manifest of");
    } else {
        aof->folder_unsynced = false;
    }
    return true;
}

/* ---- Opening ---- */

bool aof_open(struct aof *aof, struct trouble *trouble)
{
    must(aof->state == AOF_OFF);
    if (!aof_enter(aof, trouble))
        return false;
    aof->state = AOF_OPENED;
    return true;
}

/* Makes an empty file and has its name durable with the manifest that will name it. */
static int make_file(struct aof *aof, const char *what, const char *name, struct trouble *trouble)
{
    log_line(aof->setup.log, LOG_NOTICE, "Creating AOF %s file %s on server start", what, name);
    return folder_open_file(aof->folder, name, O_RDWR | O_CREAT | O_TRUNC, trouble);
}

/* Writes the base of a log that has no data yet: not empty, so that one that lost its data is. */
static bool fill_first_base(struct aof *aof, int fd, struct trouble *trouble)
{
    struct writer *writer = writer_new_file(fd, aof->setup.faults);
    bool fine;

    if (aof_writes_rdb(aof))
        snapshot_write_base(aof->setup.snapshot, writer, NULL, NULL);
    else
        aof_base_write(aof->setup.keyspaces, writer,
                       &(struct aof_base_watcher){ .time = aof_time_to_tell(aof) });
    fine = writer_flush(writer, trouble);
    writer_free(writer);
    if (fine && (faults_hit(aof->setup.faults, "fsync") || fsync(fd) < 0))
        fine = trouble_errno(trouble, "syncing the first base");
    return fine;
}

bool aof_writes_rdb(const struct aof *aof)
{
    return aof->setup.policy.rdb_base && aof->setup.snapshot != NULL;
}

/* The new base of a manifest, which names it for what it is. */
static const struct aof_file *name_base(const struct aof *aof, struct aof_manifest *manifest)
{
    if (aof_writes_rdb(aof))
        return aof_manifest_set_rdb_base(manifest, aof->setup.filename);
    return aof_manifest_set_base(manifest, aof->setup.filename, NULL);
}

/*
 * Makes the first base. It has content, so a crash must not leave it without a
 * manifest: it would look as if the manifest had been lost. Until the log is
 * complete it is named as history, which is what a crash makes of it.
 */
static bool make_first_base(struct aof *aof, struct aof_manifest *next, struct trouble *trouble)
{
    struct aof_manifest *announced = aof_manifest_copy(aof->manifest);
    const struct aof_file *base = name_base(aof, next);
    bool fine;
    int fd;

    aof_manifest_add_history(announced, base);
    fine = adopt(aof, &announced, trouble) && !aof->folder_unsynced;
    aof_manifest_free(announced);
    if (!fine)
        return false;
    fd = make_file(aof, "base", base->name, trouble);
    fine = fd >= 0 && fill_first_base(aof, fd, trouble);
    if (fd >= 0)
        (void)close(fd);
    if (fine)
        point_reached(aof->setup.faults, POINT_first_base_made);
    return fine;
}

/* Adds what a log needs to be written to; returns the descriptor of the last increment. */
static int complete(struct aof *aof, struct trouble *trouble)
{
    struct aof_manifest *manifest = aof_manifest_copy(aof->manifest);
    const char *stem = aof->setup.filename;
    bool fine = true;
    int fd = -1;

    if (aof_manifest_base(manifest) == NULL && aof_manifest_last(manifest) == NULL)
        fine = make_first_base(aof, manifest, trouble);
    if (fine)
        fd = make_file(aof, "incr", aof_manifest_add_increment(manifest, stem)->name, trouble);
    point_reached(aof->setup.faults, POINT_first_increment_made);
    if (fd >= 0 && (!adopt(aof, &manifest, trouble) || aof->folder_unsynced)) {
        (void)close(fd);
        fd = -1;
    }
    aof_manifest_free(manifest);
    return fd;
}

/* What was loaded may have been written, or named, by a process that died before it was synced. */
static bool make_durable(const struct aof *aof, int fd, struct trouble *trouble)
{
    if (faults_hit(aof->setup.faults, "fsync") || fsync(fd) < 0)
        return trouble_errno(trouble, "syncing the AOF");
    return folder_sync(aof->folder, trouble);
}

static bool open_last(struct aof *aof, uint64_t sealed, struct trouble *trouble)
{
    const struct aof_file *last = aof_manifest_last(aof->manifest);
    int64_t size = 0;
    int fd;

    if (last == NULL) {
        fd = complete(aof, trouble);
    } else {
        log_line(aof->setup.log, LOG_NOTICE, "Opening AOF incr file %s on server start",
                 last->name);
        size = folder_file_size(aof->folder, last->name, trouble);
        fd = size < 0 ? -1 : folder_open_file(aof->folder, last->name, O_RDWR, trouble);
        if (fd >= 0 && !make_durable(aof, fd, trouble)) {
            (void)close(fd);
            fd = -1;
        }
    }
    if (fd < 0)
        return false;
    aof_write_to(aof, fd, (uint64_t)size, last == NULL ? 0 : sealed);
    return true;
}

bool aof_load(struct aof *aof, const struct aof_runner *runner, struct trouble *trouble)
{
    struct recovery_result loaded;

    must(aof->state == AOF_OPENED);
    if (!recovery_load(&aof->where, aof->folder, aof->manifest, runner, &loaded, trouble) ||
        !open_last(aof, loaded.sealed, trouble))
        return false;
    aof->older = loaded.bytes - aof_scribe_size(aof->scribe);
    aof->loaded_base = loaded.bytes;
    aof->state = AOF_ON;
    aof->history_waits = true;
    aof_remove_history(aof);
    return true;
}

bool aof_reload(struct aof *aof, const struct aof_runner *runner, struct trouble *trouble)
{
    struct recovery_setup where = aof->where;
    struct recovery_result loaded;

    bool off = aof->folder == NULL;
    bool fine;

    if (off && !aof_enter(aof, trouble))
        return false;
    where.cut_torn_tail = false;
    fine = aof_flush_and_sync(aof, trouble) &&
           recovery_load(&where, aof->folder, aof->manifest, runner, &loaded, trouble);
    if (off)
        leave(aof);
    return fine;
}

/* ---- On and off ---- */

bool aof_start(struct aof *aof, struct trouble *trouble)
{
    must(aof->state == AOF_OFF);
    aof_rewrite_abort(aof);
    leave(aof); /* a rewrite while it was off may not have tidied up yet */
    if (!aof_enter(aof, trouble))
        return false;
    aof->state = AOF_STARTING;
    aof->heard = false;
    aof->rewrite_not_before = 0;
    log_line(aof->setup.log, LOG_NOTICE,
             "The AOF was turned on, its first base in an AOF background was scheduled");
    return true;
}

void aof_stop(struct aof *aof)
{
    struct trouble trouble;

    if (aof->state == AOF_OFF)
        return;
    aof_rewrite_abort(aof);
    if (!aof_flush_and_sync(aof, &trouble))
        log_line(aof->setup.log, LOG_WARNING,
                 "The end of the append only log is lost, the disk refuses it: %s", trouble.text);
    aof_write_end(aof);
    aof_rewrite_turned(aof);
    leave(aof);
    aof->state = AOF_OFF;
    aof->broken = false;
    aof->no_room = false;
    aof->requested = false;
}

bool aof_is_on(const struct aof *aof)
{
    return aof->state == AOF_ON || aof->state == AOF_STARTING;
}

bool aof_is_starting(const struct aof *aof)
{
    return aof->state == AOF_STARTING;
}

bool aof_hears(const struct aof *aof)
{
    return aof->state == AOF_ON || (aof->state == AOF_STARTING && aof->heard);
}

bool aof_is_broken(const struct aof *aof)
{
    return aof->broken;
}

const char *aof_trouble(const struct aof *aof)
{
    return aof->trouble.text;
}

/* ---- Figures ---- */

uint64_t aof_current_size(const struct aof *aof)
{
    return aof->state == AOF_ON ? aof->older + aof_scribe_size(aof->scribe) : 0;
}

void aof_figures(struct aof *aof, struct aof_figures *figures)
{
    int64_t running = -1;

    if (aof->child != NULL)
        running = (clock_monotonic(aof->setup.clock) - aof->rewrite_began) / 1000000;
    *figures = (struct aof_figures){
        .enabled = aof_is_on(aof),
        .rewrite_in_progress = aof_rewrite_runs(aof) || aof->removal != NULL ||
                               aof->placing != NULL ||
                               (aof->history_waits && !aof->setup.policy.keep_history),
        .rewrite_scheduled = aof->requested || aof_rewrite_is_due(aof),
        .last_rewrite_time_sec = aof->rewrite_took_sec,
        .current_rewrite_time_sec = running,
        .last_bgrewrite_ok = aof->rewrite_ok,
        .last_write_ok = !aof->broken && !aof->no_room,
        .last_cow_size = aof->copied,
        .current_cow_size = aof->copied_now,
        .rewrite_keys_done = aof->keys_done,
        .rewrites = aof->rewrites,
        .rewrites_consecutive_failures = aof->failures,
        .current_size = aof_current_size(aof),
        .base_size = aof->loaded_base,
        .pending_bio_fsync = aof->syncing,
        .delayed_fsync = aof->delayed_fsync,
        .buffer_length = aof->said - aof_scribe_written(aof->scribe),
        .buffer_memory = aof_scribe_memory(aof->scribe),
        .last_fork_usec = aof->fork_usec,
        .last_fork_at = aof->rewrite_began,
        .forks = aof->forks,
    };
}

void aof_check(struct aof *aof)
{
    must((aof->folder == NULL) == (aof->manifest == NULL));
    must((aof->folder == NULL) == (aof->lock < 0));
    must(aof->promised <= aof->said);
    must(aof->turning == NULL || aof->placing == NULL);
    aof_scribe_check(aof->scribe);
    must(!aof_hears(aof) || aof->fd >= 0);
    must(aof->state != AOF_ON || aof_manifest_last(aof->manifest) != NULL);
    if (aof->manifest != NULL)
        aof_manifest_check(aof->manifest);
}
