/*
 * When a snapshot is made, by whom, and what came of it. snapshot_write.c writes it,
 * snapshot_load.c reads it, snapshot_lock.c holds its name.
 *
 * What always holds:
 *   (1) The file of the name is whole: it is only ever renamed to.
 *   (2) What a child leaves half written has its process number in its name,
 *       and goes when the child does.
 */
#include "storage/persist/snapshot.h"

#include <string.h>
#include <unistd.h>

#include "storage/base/log.h"
#include "storage/base/memory.h"
#include "storage/persist/folder.h"
#include "storage/persist/snapshot_private.h"

enum { SECOND = 1000000, LOAD_STEP_USUAL = 2 * 1024 * 1024 };

/* ---- Functions that nobody runs ---- */

static void shelf_each(void *who, void (*show)(void *to, struct slice code), void *to)
{
    const struct shelf *shelf = who;
    struct slice rest = buffer_slice(&shelf->texts);

    while (rest.len > 0) {
        size_t len;

        memcpy(&len, rest.at, sizeof(len));
        rest = slice_after(rest, sizeof(len));
        show(to, slice_of(rest.at, len));
        rest = slice_after(rest, len);
    }
}

static bool shelf_take(void *who, struct slice code, bool replace, struct trouble *trouble)
{
    struct shelf *shelf = who;

    (void)replace;
    (void)trouble;
    buffer_add(&shelf->texts, slice_of(&code.len, sizeof(code.len)));
    buffer_add(&shelf->texts, code);
    return true;
}

static void shelf_forget(void *who)
{
    struct shelf *shelf = who;

    buffer_rewind(&shelf->texts);
}

const struct rdb_functions *snapshot_functions(const struct snapshot *snapshot)
{
    return &snapshot->functions;
}

void snapshot_set_functions(struct snapshot *snapshot, const struct rdb_functions *functions)
{
    snapshot->functions = *functions;
}

/* ---- Making ---- */

static char *copy_text(const char *text)
{
    size_t size = strlen(text) + 1;
    char *copy = memory_new(size);

    memcpy(copy, text, size);
    return copy;
}

void snapshot_set_policy(struct snapshot *snapshot, const struct snapshot_policy *policy)
{
    char *name = copy_text(policy->filename);

    memory_free(snapshot->filename);
    snapshot->filename = name;
    snapshot->setup.policy = *policy;
    snapshot->setup.policy.filename = name;
    if (snapshot->setup.policy.load_step == 0)
        snapshot->setup.policy.load_step = LOAD_STEP_USUAL;
}

struct snapshot *snapshot_new(const struct snapshot_setup *setup)
{
    struct snapshot *snapshot = memory_new_zeroed(1, sizeof(*snapshot));

    snapshot->setup = *setup;
    snapshot_set_policy(snapshot, &setup->policy);
    snapshot->functions =
        (struct rdb_functions){ shelf_each, shelf_take, shelf_forget, &snapshot->shelf };
    snapshot->lock = -1;
    snapshot->left_lock = -1;
    snapshot->stream = (struct rdb_stream){ .offset = -1, .db = -1 };
    snapshot->figures.last_ok = true;
    snapshot->figures.last_took_sec = -1;
    snapshot->figures.last_save = clock_wall(setup->clock) / SECOND;
    return snapshot;
}

void snapshot_free(struct snapshot *snapshot)
{
    if (snapshot == NULL)
        return;
    snapshot_abort(snapshot);
    snapshot_unlock(snapshot);
    buffer_clear(&snapshot->shelf.texts);
    buffer_clear(&snapshot->expired);
    memory_free(snapshot->filename);
    memory_free(snapshot);
}

void snapshot_is_current(struct snapshot *snapshot, uint64_t changes)
{
    snapshot->figures.saved_changes = changes;
}

void snapshot_set_replication(struct snapshot *snapshot,
                              const struct snapshot_replication *replication)
{
    snapshot->replication = *replication;
}

bool snapshot_trusts(const struct snapshot *snapshot)
{
    return snapshot->trusting;
}

void snapshot_trust(struct snapshot *snapshot, bool on)
{
    snapshot->trusting = on;
}

/* ---- Saving here and now ---- */

/* Notes how one ended. */
static void note_end(struct snapshot *snapshot, bool fine)
{
    struct snapshot_figures *figures = &snapshot->figures;

    figures->last_ok = fine;
    if (!fine)
        return;
    figures->saved_changes = snapshot->changes;
    figures->last_save = clock_wall(snapshot->setup.clock) / SECOND;
}

bool snapshot_save(struct snapshot *snapshot, uint64_t changes, struct trouble *trouble)
{
    struct progress progress;
    bool fine;

    must(snapshot->child == NULL);
    progress_begin(&progress, NULL, snapshot->setup.policy.save_delay);
    snapshot->changes = changes;
    snapshot->figures.saves++;
    fine = snapshot_lock(snapshot, trouble) && snapshot_write_file(snapshot, &progress, trouble);
    progress_end(&progress);
    note_end(snapshot, fine);
    snapshot_sweep(snapshot);
    if (fine)
        log_line(snapshot->setup.log, LOG_NOTICE, "DB saved on disk");
    else
        log_line(snapshot->setup.log, LOG_WARNING, "Error saving the RDB file %s: %s",
                 snapshot->filename, trouble->text);
    return fine;
}

/* ---- A child that writes ---- */

static bool run_child(void *who, struct child_line *line, struct trouble *trouble)
{
    struct snapshot *snapshot = who;
    struct progress progress;
    bool fine;

    snapshot_leave_lock(snapshot);
    progress_begin(&progress, line, snapshot->setup.policy.save_delay);
    fine = snapshot->streams ? snapshot_write_pipe(snapshot, &progress, trouble)
                             : snapshot_write_file(snapshot, &progress, trouble);
    progress_end(&progress);
    return fine;
}

/* Forks, and notes that a child is under way. */
static bool start_child(struct snapshot *snapshot, struct trouble *trouble)
{
    struct child_setup setup = { run_child, snapshot, snapshot->setup.faults,
                                 snapshot->setup.birth };
    struct snapshot_figures *figures = &snapshot->figures;
    micros before = clock_monotonic(snapshot->setup.clock);

    snapshot->child = child_start(&setup, trouble);
    if (snapshot->child == NULL)
        return false;
    snapshot->began = clock_monotonic(snapshot->setup.clock);
    snapshot->told_at = snapshot->began;
    snapshot->report = (struct child_report){ 0, 0 };
    figures->fork_usec = snapshot->began - before;
    figures->forks++;
    figures->saves++;
    figures->cow_peak = 0;
    figures->keys_total = 0;
    for (uint32_t db = 0; db < keyspaces_count(snapshot->setup.keyspaces); db++)
        figures->keys_total += keyspace_count(keyspaces_at(snapshot->setup.keyspaces, db));
    keyspaces_pause_resizing(snapshot->setup.keyspaces, true);
    return true;
}

bool snapshot_begin(struct snapshot *snapshot, uint64_t changes, struct trouble *trouble)
{
    struct snapshot_figures *figures = &snapshot->figures;

    must(snapshot->child == NULL);
    figures->last_try = clock_monotonic(snapshot->setup.clock);
    snapshot->changes = changes;
    snapshot->streams = false;
    if (!snapshot_lock(snapshot, trouble) || !start_child(snapshot, trouble)) {
        log_line(snapshot->setup.log, LOG_WARNING, "Can't save in background: %s", trouble->text);
        figures->last_ok = false;
        return false;
    }
    log_line(snapshot->setup.log, LOG_NOTICE, "Background saving started by pid %d",
             (int)child_pid(snapshot->child));
    return true;
}

bool snapshot_begin_pipe(struct snapshot *snapshot, const struct snapshot_pipe *to,
                         struct trouble *trouble)
{
    must(snapshot->child == NULL);
    snapshot->pipe = *to;
    snapshot->streams = true;
    if (!start_child(snapshot, trouble)) {
        log_line(snapshot->setup.log, LOG_WARNING, "Can't save in background: %s", trouble->text);
        return false;
    }
    log_line(snapshot->setup.log, LOG_NOTICE, "Background RDB transfer started by pid %d",
             (int)child_pid(snapshot->child));
    return true;
}

bool snapshot_is_piped(const struct snapshot *snapshot)
{
    return snapshot->child != NULL && snapshot->streams;
}

bool snapshot_runs(const struct snapshot *snapshot)
{
    return snapshot->child != NULL;
}

/* Frees the child and removes what it left half written. */
static void end_child(struct snapshot *snapshot, int process)
{
    char temporary[SNAPSHOT_NAME_MOST];

    child_free(snapshot->child);
    snapshot->child = NULL;
    snapshot_name_temporary(process, temporary);
    (void)unlink(temporary);
    snapshot_unlock_left(snapshot);
    snapshot_sweep(snapshot);
    keyspaces_pause_resizing(snapshot->setup.keyspaces, false);
    snapshot->figures.last_took_sec =
        (clock_monotonic(snapshot->setup.clock) - snapshot->began) / SECOND;
}

static const char *kind_of(const struct snapshot *snapshot)
{
    return snapshot->streams ? "Background RDB transfer" : "Background saving";
}

/* Replicas may have waited for this. */
static void tell_end(const struct snapshot *snapshot, bool fine)
{
    const struct snapshot_replication *of = &snapshot->replication;

    if (of->ended != NULL)
        of->ended(of->who, snapshot->streams, fine);
}

void snapshot_tick(struct snapshot *snapshot)
{
    struct trouble trouble = { 0 };
    struct child_report report;
    enum child_state state;
    int process;

    if (snapshot->child == NULL)
        return;
    process = (int)child_pid(snapshot->child);
    state = child_poll(snapshot->child, &report, &trouble);
    if (report.done != snapshot->report.done || report.copied != snapshot->report.copied)
        snapshot->told_at = clock_monotonic(snapshot->setup.clock);
    snapshot->report = report;
    if (report.copied > snapshot->figures.cow_peak)
        snapshot->figures.cow_peak = report.copied;
    if (state == CHILD_RUNNING)
        return;
    snapshot->figures.last_cow_size = report.copied;
    end_child(snapshot, process);
    if (!snapshot->streams)
        note_end(snapshot, state == CHILD_DONE);
    if (state == CHILD_DONE)
        log_line(snapshot->setup.log, LOG_NOTICE, "%s terminated with success", kind_of(snapshot));
    else
        log_line(snapshot->setup.log, LOG_WARNING, "%s error: %s", kind_of(snapshot), trouble.text);
    tell_end(snapshot, state == CHILD_DONE);
}

void snapshot_abort(struct snapshot *snapshot)
{
    int process;

    if (snapshot->child == NULL)
        return;
    process = (int)child_pid(snapshot->child);
    log_line(snapshot->setup.log, LOG_NOTICE, "Killing running saving child: %d", process);
    end_child(snapshot, process);
    tell_end(snapshot, false);
}

bool snapshot_replace(struct snapshot *snapshot, const char *file, struct trouble *trouble)
{
    struct folder *folder;
    bool fine;

    snapshot_abort(snapshot);
    if (!snapshot_lock(snapshot, trouble))
        return false;
    folder = folder_open(".", snapshot->setup.faults, trouble);
    if (folder == NULL)
        return false;
    fine = folder_rename(folder, file, snapshot->filename, trouble) && folder_sync(folder, trouble);
    folder_close(folder);
    return fine;
}

void snapshot_figures(const struct snapshot *snapshot, struct snapshot_figures *figures)
{
    micros now = clock_monotonic(snapshot->setup.clock);
    bool running = snapshot->child != NULL;

    *figures = snapshot->figures;
    figures->in_progress = running;
    figures->running_sec = running ? (now - snapshot->began) / SECOND : -1;
    figures->cow_size = running ? snapshot->report.copied : 0;
    figures->cow_age_sec = running ? (now - snapshot->told_at) / SECOND : 0;
    figures->keys_done = running ? snapshot->report.done : 0;
    figures->keys_total = running ? snapshot->figures.keys_total : 0;
    figures->cow_peak = running ? snapshot->figures.cow_peak : 0;
}
