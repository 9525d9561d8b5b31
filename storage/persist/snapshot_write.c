/*
 * All data into the file of the snapshot, into a pipe, or into the base of a log. A file is
 * written under a name of its process, synced, renamed and made durable in its folder: who
 * is killed on the way leaves the old one as it was.
 */
#include <fcntl.h>
#include <stdio.h>
#include <sys/file.h>
#include <unistd.h>

#include "storage/base/faults.h"
#include "storage/base/io.h"
#include "storage/base/memory.h"
#include "storage/persist/folder.h"
#include "storage/persist/points.h"
#include "storage/persist/snapshot_private.h"

enum {
    SECOND = 1000000,
    SYNC_EVERY = 4 * 1024 * 1024
};

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

void snapshot_name_temporary(int process, char name[SNAPSHOT_NAME_MOST])
{
    (void)snprintf(name, SNAPSHOT_NAME_MOST, "temp-%d.rdb", process);
}

void snapshot_remove_temporary(int process)
{
    char name[SNAPSHOT_NAME_MOST];

    snapshot_name_temporary(process, name);
    (void)unlink(name);
}

/* Writes all into an open file and has it on disk. */
static bool fill(struct snapshot *snapshot, struct progress *progress, int fd,
                 struct trouble *trouble)
{
    struct rdb_save_setup setup = save_setup(snapshot);
    struct writer *writer = writer_new_file(fd, snapshot->setup.faults);
    bool fine;

    setup.wrote = progress_wrote_key;
    setup.who = progress;
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

bool snapshot_write_file(struct snapshot *snapshot, struct progress *progress,
                         struct trouble *trouble)
{
    struct folder *folder = folder_open(".", snapshot->setup.faults, trouble);
    char temporary[SNAPSHOT_NAME_MOST];
    struct trouble unheard;
    bool fine;
    int fd;

    if (folder == NULL)
        return false;
    snapshot_name_temporary((int)getpid(), temporary);
    fd = folder_open_file(folder, temporary, O_WRONLY | O_CREAT | O_TRUNC, trouble);
    point_reached(snapshot->setup.faults, POINT_snapshot_opened);
    if (fd >= 0)
        (void)flock(fd, LOCK_EX | LOCK_NB); /* it is no leftover: snapshot_sweep.c */
    fine = fd >= 0 && fill(snapshot, progress, fd, trouble);
    if (fd >= 0)
        (void)close(fd);
    fine = fine && put_in_place(snapshot, folder, temporary, trouble);
    if (!fine)
        (void)folder_unlink(folder, temporary, &unheard);
    folder_close(folder);
    return fine;
}

bool snapshot_write_pipe(struct snapshot *snapshot, struct progress *progress,
                         struct trouble *trouble)
{
    const struct snapshot_pipe *stream = &snapshot->pipe;
    struct rdb_save_setup setup = save_setup(snapshot);
    struct writer *writer = writer_new_file(stream->fd, snapshot->setup.faults);
    bool fine;

    setup.wrote = progress_wrote_key;
    setup.who = progress;
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
