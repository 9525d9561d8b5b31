/*
 * Making and writing the file; snapshot_load.c reads it.
 *
 * What always holds:
 *   (1) The file of the name is whole: it is only ever renamed to.
 *   (2) What a child leaves half written has its process number in its name,
 *       and goes when the child does.
 */
#include "storage/persist/snapshot.h"

#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

#include "storage/base/faults.h"
#include "storage/base/io.h"
#include "storage/base/log.h"
#include "storage/base/memory.h"
#include "storage/base/trouble.h"
#include "storage/persist/folder.h"
#include "storage/persist/points.h"
#include "storage/persist/snapshot_private.h"

enum {
    SECOND = 1000000,
    SYNC_EVERY = 4 * 1024 * 1024,
    TELL_EVERY = 1024, /* keys between looks at the clock */
    NAME_MOST = 512,
    LOAD_STEP_USUAL = 2 * 1024 * 1024
};

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
    snapshot->stream = (struct rdb_stream){ .offset = -1, .db = -1 };
    snapshot->figures.last_ok = true;
    snapshot->figures.last_took_sec = -1;
    snapshot->figures.last_save = clock_wall(setup->clock) / SECOND;
    return snapshot;
}

/* Lets go of the name. */
static void unlock(struct snapshot *snapshot)
{
    if (snapshot->lock >= 0) {
        (void)unlink(snapshot->locked);
        (void)close(snapshot->lock);
    }
    snapshot->lock = -1;
    memory_free(snapshot->locked);
    snapshot->locked = NULL;
}

void snapshot_free(struct snapshot *snapshot)
{
    if (snapshot == NULL)
        return;
    snapshot_abort(snapshot);
    unlock(snapshot);
    buffer_clear(&snapshot->shelf.texts);
    buffer_clear(&snapshot->expired);
    memory_free(snapshot->filename);
    memory_free(snapshot);
}

void snapshot_is_current(struct snapshot *snapshot, uint64_t changes)
{
    snapshot->figures.saved_changes = changes;
}

bool snapshot_trusts(const struct snapshot *snapshot)
{
    return snapshot->trusting;
}

void snapshot_trust(struct snapshot *snapshot, bool on)
{
    snapshot->trusting = on;
}

/* ---- The lock ---- */

/* Says whose lock it is, as far as the file tells. */
static bool refuse_second(int fd, const char *name, struct trouble *trouble)
{
    char owner[32] = { 0 };
    ssize_t got = pread(fd, owner, sizeof(owner) - 1, 0);

    return trouble_set(trouble,
                       "another server (process %.*s) uses this folder: it holds the lock %s",
                       got > 0 ? (int)strcspn(owner, "\n") : 1, got > 0 ? owner : "?", name);
}

/* Whether the file that is open is still the one of the name: its owner may have removed it. */
static bool is_there(int fd, const char *path)
{
    struct stat open_one, named;

    return fstat(fd, &open_one) == 0 && stat(path, &named) == 0 &&
           open_one.st_ino == named.st_ino && open_one.st_dev == named.st_dev;
}

/* Opens and locks; -2 to try again, because the owner went meanwhile. */
static int try_lock(const char *path, const char *name, struct trouble *trouble)
{
    char digits[32];
    int len;
    int fd = open(path, O_RDWR | O_CREAT | O_CLOEXEC, 0644);

    if (fd < 0) {
        (void)trouble_errno(trouble, "opening the lock %s", name);
        return -1;
    }
    if (flock(fd, LOCK_EX | LOCK_NB) < 0) {
        (void)refuse_second(fd, name, trouble);
        (void)close(fd);
        return -1;
    }
    if (!is_there(fd, path)) {
        (void)close(fd);
        return -2;
    }
    len = snprintf(digits, sizeof(digits), "%d\n", (int)getpid());
    if (ftruncate(fd, 0) < 0 || pwrite(fd, digits, (size_t)len, 0) < 0)
        (void)0; /* it only says who */
    return fd;
}

bool snapshot_lock(struct snapshot *snapshot, struct trouble *trouble)
{
    char name[NAME_MOST];
    char *path;
    char *folder;
    int fd;

    if (snprintf(name, sizeof(name), "%s.lock", snapshot->filename) >= NAME_MOST)
        return trouble_set(trouble, "the name of the snapshot is too long");
    folder = getcwd(NULL, 0);
    if (folder == NULL)
        return trouble_errno(trouble, "finding the data folder");
    path = memory_new(strlen(folder) + strlen(name) + 2);
    (void)snprintf(path, strlen(folder) + strlen(name) + 2, "%s/%s", folder, name);
    free(folder);
    if (snapshot->lock >= 0 && strcmp(path, snapshot->locked) == 0 &&
        is_there(snapshot->lock, path)) {
        memory_free(path);
        return true;
    }
    do
        fd = try_lock(path, name, trouble);
    while (fd == -2);
    if (fd < 0) {
        memory_free(path);
        return false;
    }
    unlock(snapshot);
    snapshot->lock = fd;
    snapshot->locked = path;
    return true;
}

/* ---- Writing ---- */

void snapshot_dawdle(int64_t delay, uint64_t keys)
{
    struct timespec pause = { delay / SECOND, delay % SECOND * 1000 };

    if (delay > 0)
        (void)nanosleep(&pause, NULL);
    else if (delay < 0 && keys % (uint64_t)-delay == 0)
        (void)nanosleep(&(struct timespec){ 0, 1000 }, NULL);
}

/* Where a child is with it. */
struct writing {
    struct snapshot   *snapshot;
    struct child_line *line; /* NULL on the main thread */
    struct clock      *clock;
    micros             told;
};

static void wrote_key(void *who, uint64_t keys)
{
    struct writing *writing = who;
    int64_t delay = writing->snapshot->setup.policy.save_delay;
    micros now;

    if (UNLIKELY(delay != 0))
        snapshot_dawdle(delay, keys);
    if (writing->line == NULL || (keys % TELL_EVERY != 0 && delay <= 0))
        return;
    now = clock_monotonic(writing->clock);
    if (now - writing->told < SECOND)
        return;
    writing->told = now;
    child_tell(writing->line, keys);
}

void snapshot_set_replication(struct snapshot *snapshot,
                              const struct snapshot_replication *replication)
{
    snapshot->replication = *replication;
}

static struct rdb_save_setup save_setup(struct snapshot *snapshot)
{
    const struct snapshot_policy *policy = &snapshot->setup.policy;
    const struct snapshot_replication *of = &snapshot->replication;
    bool known = of->look != NULL && of->look(of->who, &snapshot->facts);

    return (struct rdb_save_setup){
        .keyspaces = snapshot->setup.keyspaces,
        .functions = &snapshot->functions,
        .replication = known ? &snapshot->facts : NULL,
        .compress = policy->compress,
        .checksum = policy->checksum,
        .idle = policy->idle,
        .frequency = policy->frequency,
        .created = clock_wall(snapshot->setup.clock) / SECOND,
        .memory = memory_used(),
    };
}

void snapshot_write_base(struct snapshot *snapshot, struct writer *to,
                         void (*wrote)(void *who, uint64_t keys), void *who)
{
    struct rdb_save_setup setup = save_setup(snapshot);

    setup.is_base = true;
    setup.replication = NULL;
    setup.wrote = wrote;
    setup.who = who;
    rdb_save(&setup, to);
}

static void name_temporary(int process, char name[NAME_MOST])
{
    (void)snprintf(name, NAME_MOST, "temp-%d.rdb", process);
}

/* Writes all into an open file and has it on disk. */
static bool fill(struct writing *writing, int fd, struct trouble *trouble)
{
    struct snapshot *snapshot = writing->snapshot;
    struct rdb_save_setup setup = save_setup(snapshot);
    struct writer *writer = writer_new_file(fd, snapshot->setup.faults);
    bool fine;

    setup.wrote = wrote_key;
    setup.who = writing;
    if (snapshot->setup.policy.sync_often)
        writer_sync_every(writer, SYNC_EVERY);
    rdb_save(&setup, writer);
    fine = writer_flush(writer, trouble);
    writer_free(writer);
    if (!fine)
        return false;
    point_reached(snapshot->setup.faults, POINT_snapshot_written);
    if (faults_hit(snapshot->setup.faults, "fsync") || fsync(fd) < 0)
        return trouble_errno(trouble, "syncing");
    point_reached(snapshot->setup.faults, POINT_snapshot_synced);
    return true;
}

/* Gives the temporary file its name, for good. */
static bool put_in_place(const struct snapshot *snapshot, const struct folder *folder,
                         const char *temporary, struct trouble *trouble)
{
    if (!folder_rename(folder, temporary, snapshot->filename, trouble))
        return false;
    point_reached(snapshot->setup.faults, POINT_snapshot_renamed);
    if (!folder_sync(folder, trouble))
        return false;
    point_reached(snapshot->setup.faults, POINT_snapshot_durable);
    return true;
}

/* Writes the temporary file, then gives it its name. */
static bool write_file(struct writing *writing, struct trouble *trouble)
{
    struct snapshot *snapshot = writing->snapshot;
    struct folder *folder = folder_open(".", snapshot->setup.faults, trouble);
    char temporary[NAME_MOST];
    struct trouble unheard;
    bool fine;
    int fd;

    if (folder == NULL)
        return false;
    name_temporary((int)getpid(), temporary);
    fd = folder_open_file(folder, temporary, O_WRONLY | O_CREAT | O_TRUNC, trouble);
    point_reached(snapshot->setup.faults, POINT_snapshot_opened);
    if (fd >= 0)
        (void)flock(fd, LOCK_EX | LOCK_NB); /* it is no leftover: snapshot_sweep.c */
    fine = fd >= 0 && fill(writing, fd, trouble);
    if (fd >= 0)
        (void)close(fd);
    fine = fine && put_in_place(snapshot, folder, temporary, trouble);
    if (!fine)
        (void)folder_unlink(folder, temporary, &unheard);
    folder_close(folder);
    return fine;
}

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
    struct writing writing = { snapshot, NULL, NULL, 0 };
    bool fine;

    must(snapshot->child == NULL);
    snapshot->changes = changes;
    snapshot->figures.saves++;
    fine = snapshot_lock(snapshot, trouble) && write_file(&writing, trouble);
    note_end(snapshot, fine);
    snapshot_sweep(snapshot);
    if (fine)
        log_line(snapshot->setup.log, LOG_NOTICE, "DB saved on disk");
    else
        log_line(snapshot->setup.log, LOG_WARNING, "Error saving the RDB file %s: %s",
                 snapshot->filename, trouble->text);
    return fine;
}

/* Writes all into a pipe. */
static bool write_stream(struct writing *writing, struct trouble *trouble)
{
    struct snapshot *snapshot = writing->snapshot;
    const struct snapshot_pipe *stream = &snapshot->pipe;
    struct rdb_save_setup setup = save_setup(snapshot);
    struct writer *writer = writer_new_file(stream->fd, snapshot->setup.faults);
    bool fine;

    setup.wrote = wrote_key;
    setup.who = writing;
    setup.no_keys = stream->no_keys;
    if (stream->no_functions)
        setup.functions = NULL;
    if (stream->mark.len > 0) {
        writer_put(writer, SLICE("$EOF:"));
        writer_put(writer, stream->mark);
        writer_put(writer, SLICE("\r\n"));
    }
    rdb_save(&setup, writer);
    writer_put(writer, stream->mark);
    fine = writer_flush(writer, trouble);
    writer_free(writer);
    return fine;
}

static bool run_child(void *who, struct child_line *line, struct trouble *trouble)
{
    struct snapshot *snapshot = who;
    struct writing writing = { snapshot, line, clock_new(), 0 };
    bool fine;

    /* The lock is the parent's: it must end with the parent. */
    if (snapshot->lock >= 0)
        (void)close(snapshot->lock);
    writing.told = clock_monotonic(writing.clock);
    fine = snapshot->streams ? write_stream(&writing, trouble) : write_file(&writing, trouble);
    clock_free(writing.clock);
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
    char temporary[NAME_MOST];

    child_free(snapshot->child);
    snapshot->child = NULL;
    name_temporary(process, temporary);
    (void)unlink(temporary);
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
    fine = folder_rename(folder, file, snapshot->filename, trouble) &&
           folder_sync(folder, trouble);
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
