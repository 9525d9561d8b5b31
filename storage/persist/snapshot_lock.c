/*
 * The lock of the snapshot's name: a file beside it, NAME.lock, open and locked as long as
 * this server may write the name. The kernel lets go of it with the process, so that a kill
 * leaves a file that means nothing. Its text is the number of the process, for whoever is
 * refused. It holds for a folder and a name: both may change while the server runs.
 */
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <unistd.h>

#include "storage/base/memory.h"
#include "storage/persist/snapshot_private.h"

/* Says whose lock it is, as far as the file tells. */
static bool refuse_second(int fd, const char *name, struct trouble *trouble)
{
    char owner[32] = { 0 };
    ssize_t got = pread(fd, owner, sizeof(owner) - 1, 0);

    return trouble_set(trouble,
                       "another server (process %.*s) uses this folder: it holds the lock %s; "
                       "give one of them a --dir of its own, or --save ''",
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

void snapshot_unlock(struct snapshot *snapshot)
{
    if (snapshot->lock >= 0) {
        (void)unlink(snapshot->locked);
        (void)close(snapshot->lock);
    }
    snapshot->lock = -1;
    memory_free(snapshot->locked);
    snapshot->locked = NULL;
}

void snapshot_leave_lock(struct snapshot *snapshot)
{
    if (snapshot->lock >= 0)
        (void)close(snapshot->lock);
    snapshot->lock = -1;
}

bool snapshot_lock(struct snapshot *snapshot, struct trouble *trouble)
{
    char name[SNAPSHOT_NAME_MOST];
    char *path;
    char *folder;
    int fd;

    if (snprintf(name, sizeof(name), "%s.lock", snapshot->filename) >= SNAPSHOT_NAME_MOST)
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
    snapshot_unlock(snapshot);
    snapshot->lock = fd;
    snapshot->locked = path;
    return true;
}
