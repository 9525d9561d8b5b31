/*
 * The lock of the snapshot's name: a file beside it, NAME.lock, open and locked as long as
 * this server may write the name. The kernel lets go of it with the process, so that a kill
 * leaves a file that means nothing. It holds for a folder and a name: both may change while
 * the server runs, and the old name stays locked as long as a child writes it.
 *
 * Its text is for whoever is refused: the number of the process, and "log" behind it if that
 * keeps a log, so that its data is not in the snapshot alone.
 */
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

#include "storage/base/memory.h"
#include "storage/persist/snapshot_private.h"

enum {
    TRIES = 50, /* at a start: half a second */
    PAUSE_NS = 10000000
};

/* Says whose lock it is, as far as the file tells. */
static bool refuse_second(struct snapshot *snapshot, int fd, const char *name,
                          struct trouble *trouble)
{
    char owner[32] = { 0 };
    ssize_t got = pread(fd, owner, sizeof(owner) - 1, 0);

    snapshot->owner = strstr(owner, " log\n") != NULL ? SNAPSHOT_OWNER_LOGS : SNAPSHOT_OWNER_OTHER;
    return trouble_set(trouble,
                       "another server (process %.*s) uses this folder: it holds the lock %s; "
                       "give one of them a --dir of its own, or --save ''",
                       got > 0 ? (int)strcspn(owner, " \n") : 1, got > 0 ? owner : "?", name);
}

/* Whether the file that is open is still the one of the name: its owner may have removed it. */
static bool is_there(int fd, const char *path)
{
    struct stat open_one, named;

    return fstat(fd, &open_one) == 0 && stat(path, &named) == 0 &&
           open_one.st_ino == named.st_ino && open_one.st_dev == named.st_dev;
}

/* Opens and locks; -2 to try again, because the owner went meanwhile. */
static int try_lock(struct snapshot *snapshot, const char *path, const char *name,
                    struct trouble *trouble)
{
    char digits[32];
    int len;
    int fd = open(path, O_RDWR | O_CREAT | O_CLOEXEC, 0644);

    snapshot->owner = SNAPSHOT_OWNER_NONE;

    if (fd < 0) {
        (void)trouble_errno(trouble, "opening the lock %s", name);
        return -1;
    }
    if (flock(fd, LOCK_EX | LOCK_NB) < 0) {
        (void)refuse_second(snapshot, fd, name, trouble);
        (void)close(fd);
        return -1;
    }
    if (!is_there(fd, path)) {
        (void)close(fd);
        return -2;
    }
    len = snprintf(digits, sizeof(digits), "%d%s\n", (int)getpid(),
                   snapshot->setup.policy.logged ? " log" : "");
    if (ftruncate(fd, 0) < 0 || pwrite(fd, digits, (size_t)len, 0) < 0)
        (void)0; /* it only says who */
    return fd;
}

static void let_go(int *lock, char **path)
{
    if (*lock >= 0) {
        (void)unlink(*path);
        (void)close(*lock);
    }
    *lock = -1;
    memory_free(*path);
    *path = NULL;
}

void snapshot_unlock(struct snapshot *snapshot)
{
    let_go(&snapshot->lock, &snapshot->locked);
}

void snapshot_unlock_left(struct snapshot *snapshot)
{
    let_go(&snapshot->left_lock, &snapshot->left);
}

void snapshot_leave_lock(struct snapshot *snapshot)
{
    if (snapshot->lock >= 0)
        (void)close(snapshot->lock);
    if (snapshot->left_lock >= 0)
        (void)close(snapshot->left_lock);
    snapshot->lock = -1;
    snapshot->left_lock = -1;
}

enum snapshot_owner snapshot_owner(const struct snapshot *snapshot)
{
    return snapshot->owner;
}

/* The lock's path, absolute; NULL with trouble. The caller frees it. */
static char *path_of(const char *name, struct trouble *trouble)
{
    char *folder = getcwd(NULL, 0);
    size_t size;
    char *path;

    if (folder == NULL) {
        (void)trouble_errno(trouble, "finding the data folder");
        return NULL;
    }
    size = strlen(folder) + strlen(name) + 2;
    path = memory_new(size);
    (void)snprintf(path, size, "%s/%s", folder, name);
    free(folder);
    return path;
}

static bool is_held(int lock, const char *locked, const char *path)
{
    return lock >= 0 && strcmp(path, locked) == 0 && is_there(lock, path);
}

/* Makes a lock the one that is held. The name before is left to a child that may write it. */
static void hold(struct snapshot *snapshot, int fd, char *path)
{
    if (snapshot->child != NULL && snapshot->left_lock < 0) {
        snapshot->left_lock = snapshot->lock;
        snapshot->left = snapshot->locked;
    } else {
        snapshot_unlock(snapshot);
    }
    snapshot->lock = fd;
    snapshot->locked = path;
}

/* Goes back to a name that a child still writes. */
static void come_back(struct snapshot *snapshot)
{
    snapshot_unlock(snapshot);
    snapshot->lock = snapshot->left_lock;
    snapshot->locked = snapshot->left;
    snapshot->left_lock = -1;
    snapshot->left = NULL;
}

static bool lock_name(struct snapshot *snapshot, int tries, struct trouble *trouble)
{
    const struct timespec pause = { 0, PAUSE_NS };
    char name[SNAPSHOT_NAME_MOST];
    char *path;
    int fd;

    snapshot->owner = SNAPSHOT_OWNER_NONE;
    if (snprintf(name, sizeof(name), "%s.lock", snapshot->filename) >= SNAPSHOT_NAME_MOST)
        return trouble_set(trouble, "the name of the snapshot is too long");
    path = path_of(name, trouble);
    if (path == NULL)
        return false;
    if (is_held(snapshot->left_lock, snapshot->left, path))
        come_back(snapshot);
    if (is_held(snapshot->lock, snapshot->locked, path)) {
        memory_free(path);
        return true;
    }
    fd = try_lock(snapshot, path, name, trouble);
    while (fd == -2 || (fd < 0 && snapshot->owner != SNAPSHOT_OWNER_NONE && --tries > 0)) {
        if (fd != -2)
            (void)nanosleep(&pause, NULL);
        fd = try_lock(snapshot, path, name, trouble);
    }
    if (fd < 0) {
        memory_free(path);
        return false;
    }
    hold(snapshot, fd, path);
    return true;
}

bool snapshot_lock(struct snapshot *snapshot, struct trouble *trouble)
{
    return lock_name(snapshot, 1, trouble);
}

bool snapshot_lock_at_start(struct snapshot *snapshot, struct trouble *trouble)
{
    return lock_name(snapshot, TRIES, trouble);
}
