/*
 * Stands between a server and its disk, loaded by LD_PRELOAD. It watches files
 * below one folder, records what is done to them, and fails what it is told to.
 *
 *   DISK_FOLDER   the folder, as an absolute path without links
 *   DISK_CONTROL  a file that holds a struct disk_control
 *   DISK_RECORD   where steps are appended; without it nothing is recorded
 *
 * What always holds:
 *   (1) Steps are done and recorded under one lock for all processes, so the
 *       record has them in the order in which they happened. Only an fsync
 *       takes time: it has a step where it begins and one where it ends, and
 *       makes durable what was done before it began.
 *   (2) A descriptor is watched from its open to its close.
 *   (3) An fsync that is to fail does not reach the disk.
 *
 * It calls the kernel itself, because it must not allocate: the first mmap comes
 * from the allocator's own beginning. Nothing is really synced; a test's power
 * cut is made from the record. What changes names is in disk_shim_names.c.
 */
#include "tests/wire/disk/disk_shim_private.h"

#include <dirent.h>
#include <dlfcn.h>
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <sched.h>
#include <signal.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/uio.h>
#include <time.h>
#include <unistd.h>

enum { DESCRIPTORS = 65536 };

static struct {
    struct disk_control *control; /* NULL: nothing is watched */
    char folder[PATH_MAX];
    size_t folder_length;
    int record; /* -1: none */
    uint64_t inode[DESCRIPTORS]; /* of a watched file; 0: not watched */
    bool is_folder[DESCRIPTORS];
    uint64_t syncs;
} shim = { .record = -1 };

__attribute__((constructor)) static void begin(void)
{
    const char *folder = getenv("DISK_FOLDER");
    const char *control = getenv("DISK_CONTROL");
    const char *record = getenv("DISK_RECORD");
    void *memory;
    int fd;

    if (folder == NULL || control == NULL || strlen(folder) >= sizeof(shim.folder))
        return;
    memcpy(shim.folder, folder, strlen(folder) + 1);
    shim.folder_length = strlen(folder);
    if (record != NULL) {
        fd = (int)syscall(SYS_openat, AT_FDCWD, record, O_WRONLY | O_CREAT | O_APPEND, 0644);
        shim.record = fcntl(fd, F_DUPFD_CLOEXEC, 1000);
        (void)syscall(SYS_close, fd);
    }
    fd = (int)syscall(SYS_openat, AT_FDCWD, control, O_RDWR | O_CLOEXEC, 0);
    memory = (void *)syscall(SYS_mmap, NULL, sizeof(struct disk_control), PROT_READ | PROT_WRITE,
                             MAP_SHARED, (long)fd, 0L);
    (void)syscall(SYS_close, fd);
    if (fd >= 0 && memory != MAP_FAILED)
        shim.control = memory;
}

/* ---- One at a time ---- */

/* Servers and their children are killed at any moment, also while they hold the lock. */
static bool is_gone(pid_t process)
{
    return kill(process, 0) < 0 && errno == ESRCH;
}

void shim_lock(void)
{
    uint32_t me = (uint32_t)getpid();
    uint32_t holder = 0;
    int error = errno;

    while (!__atomic_compare_exchange_n(&shim.control->lock, &holder, me, false,
                                        __ATOMIC_ACQUIRE, __ATOMIC_RELAXED)) {
        if (is_gone((pid_t)holder))
            continue; /* it is taken from whoever held it */
        holder = 0;
        sched_yield();
    }
    errno = error;
}

void shim_unlock(void)
{
    __atomic_store_n(&shim.control->lock, 0, __ATOMIC_RELEASE);
}

uint64_t shim_now(void)
{
    struct timespec now;

    clock_gettime(CLOCK_MONOTONIC, &now);
    return (uint64_t)now.tv_sec * 1000000000 + (uint64_t)now.tv_nsec;
}

bool shim_fails(enum disk_kind kind)
{
    struct disk_control *control = shim.control;
    uint32_t asked = __atomic_add_fetch(&control->asked[kind], 1, __ATOMIC_SEQ_CST);

    if (control->armed != 1 + (uint32_t)kind || asked < control->from ||
        asked - control->from >= control->times)
        return false;
    __atomic_add_fetch(&control->hits, 1, __ATOMIC_SEQ_CST);
    errno = control->error;
    return true;
}

void shim_record(struct disk_step step, uint64_t began, const char *path, const char *other,
                 const struct iovec *bytes, int count)
{
    struct iovec parts[IOV_MAX];
    int used = 0;

    if (shim.record < 0)
        return;
    step.process = (uint32_t)getpid();
    step.began = began;
    step.path_length = path == NULL ? 0 : (uint32_t)strlen(path);
    step.other_length = other == NULL ? 0 : (uint32_t)strlen(other);
    parts[used++] = (struct iovec){ &step, sizeof(step) };
    if (path != NULL)
        parts[used++] = (struct iovec){ (void *)path, step.path_length };
    if (other != NULL)
        parts[used++] = (struct iovec){ (void *)other, step.other_length };
    for (uint64_t left = step.length; left > 0 && count > 0 && used < IOV_MAX; bytes++, count--) {
        size_t some = bytes->iov_len < left ? bytes->iov_len : (size_t)left;

        parts[used++] = (struct iovec){ bytes->iov_base, some };
        left -= some;
    }
    (void)syscall(SYS_writev, shim.record, parts, used);
}

/* ---- Names ---- */

const char *shim_below(int folder, const char *name, char room[PATH_MAX])
{
    char link[64];
    ssize_t length = 0;

    if (shim.control == NULL)
        return NULL;
    if (name[0] != '/') {
        if (folder == AT_FDCWD)
            (void)snprintf(link, sizeof(link), "/proc/self/cwd");
        else
            (void)snprintf(link, sizeof(link), "/proc/self/fd/%d", folder);
        length = syscall(SYS_readlink, link, room, PATH_MAX - 1);
        if (length < 0)
            return NULL;
        room[length++] = '/';
    }
    while (name[0] == '.' && name[1] == '/')
        name += 2;
    if ((size_t)length + strlen(name) >= PATH_MAX)
        return NULL;
    memcpy(room + length, name, strlen(name) + 1);
    length = (ssize_t)strlen(room);
    while (length > 1 && (room[length - 1] == '/' ||
                          (room[length - 1] == '.' && room[length - 2] == '/')))
        room[--length] = '\0';
    if (strncmp(room, shim.folder, shim.folder_length) != 0)
        return NULL;
    if (room[shim.folder_length] == '\0')
        return room + shim.folder_length;
    return room[shim.folder_length] == '/' ? room + shim.folder_length + 1 : NULL;
}

static bool is_watched(int fd)
{
    return shim.control != NULL && fd >= 0 && fd < DESCRIPTORS && shim.inode[fd] != 0;
}

static void watch(int fd, const struct stat *about)
{
    if (fd < 0 || fd >= DESCRIPTORS)
        return;
    shim.inode[fd] = about->st_ino;
    shim.is_folder[fd] = S_ISDIR(about->st_mode);
}

/* ---- Opening and closing ---- */

/* A lock file holds no data: what is written there is a courtesy, and not watched. */
static bool is_lock(const char *name)
{
    size_t length = strlen(name);

    return length > 5 && strcmp(name + length - 5, ".lock") == 0;
}

static int open_watched(int folder, const char *name, const char *path, int flags, mode_t mode)
{
    struct stat before, about;
    uint64_t began;
    bool was;
    int fd;

    if (shim_fails(DISK_OPEN))
        return -1;
    shim_lock();
    began = shim_now();
    was = fstatat(folder, name, &before, 0) == 0;
    fd = (int)syscall(SYS_openat, folder, name, flags, mode);
    if (fd >= 0 && !is_lock(name) && fstat(fd, &about) == 0) {
        watch(fd, &about);
        if (!was)
            shim_record((struct disk_step){ .kind = STEP_CREATE, .inode = about.st_ino }, began, path,
                   NULL, NULL, 0);
        else if ((flags & O_TRUNC) != 0 && before.st_size > 0)
            shim_record((struct disk_step){ .kind = STEP_TRUNCATE, .inode = about.st_ino }, began,
                   path, NULL, NULL, 0);
    }
    shim_unlock();
    return fd;
}

int openat(int folder, const char *name, int flags, ...)
{
    char room[PATH_MAX];
    const char *path = shim_below(folder, name, room);
    mode_t mode = 0;
    va_list more;

    if ((flags & (O_CREAT | O_TMPFILE)) != 0) {
        va_start(more, flags);
        mode = va_arg(more, mode_t);
        va_end(more);
    }
    if (path != NULL)
        return open_watched(folder, name, path, flags, mode);
    return (int)syscall(SYS_openat, folder, name, flags, mode);
}

int open(const char *name, int flags, ...)
{
    mode_t mode = 0;
    va_list more;

    if ((flags & (O_CREAT | O_TMPFILE)) != 0) {
        va_start(more, flags);
        mode = va_arg(more, mode_t);
        va_end(more);
    }
    return openat(AT_FDCWD, name, flags, mode);
}

int close(int fd)
{
    if (fd >= 0 && fd < DESCRIPTORS)
        shim.inode[fd] = 0;
    return (int)syscall(SYS_close, fd);
}

/* libc closes the descriptor of a listing without asking anybody. */
int closedir(DIR *listing)
{
    void *found = dlsym(RTLD_NEXT, "closedir");
    int (*next)(DIR *);
    int fd = dirfd(listing);

    if (fd >= 0 && fd < DESCRIPTORS)
        shim.inode[fd] = 0;
    memcpy(&next, &found, sizeof(next));
    return next(listing);
}

/* ---- Bytes ---- */

void shim_give_room(uint64_t bytes)
{
    if (shim.control->room != UINT64_MAX)
        shim.control->room += bytes;
}

/* How much of `length` bytes at `offset` the disk has room for. */
static size_t take_room(int fd, uint64_t offset, size_t length)
{
    struct disk_control *control = shim.control;
    struct stat about;
    uint64_t has, needed;

    if (control->room == UINT64_MAX || fstat(fd, &about) != 0)
        return length;
    has = (uint64_t)about.st_blocks * 512;
    if ((uint64_t)about.st_size > has)
        has = (uint64_t)about.st_size;
    needed = offset + length > has ? offset + length - has : 0;
    if (needed > length)
        needed = length;
    if (needed > control->room) {
        length -= (size_t)(needed - control->room);
        needed = control->room;
    }
    control->room -= needed;
    return length;
}

static ssize_t write_watched(int fd, const struct iovec *bytes, int count, int64_t at)
{
    struct iovec one;
    uint64_t offset, began;
    size_t length = 0;
    size_t room;
    ssize_t done;

    if (shim_fails(DISK_WRITE))
        return -1;
    for (int i = 0; i < count; i++)
        length += bytes[i].iov_len;
    shim_lock();
    offset = at >= 0 ? (uint64_t)at
                     : (uint64_t)lseek(fd, 0, (fcntl(fd, F_GETFL) & O_APPEND) != 0 ? SEEK_END
                                                                                    : SEEK_CUR);
    room = take_room(fd, offset, length);
    if (room == 0 && length > 0) {
        shim_unlock();
        errno = ENOSPC;
        return -1;
    }
    if (room < length) { /* a part, as a full disk takes it */
        one = bytes[0];
        if (one.iov_len > room)
            one.iov_len = room;
        shim.control->room += room - one.iov_len;
        bytes = &one;
        count = 1;
    }
    began = shim_now();
    done = at >= 0 ? syscall(SYS_pwritev, fd, bytes, (long)count, (long)at, 0L)
                   : syscall(SYS_writev, fd, bytes, count);
    if (done > 0)
        shim_record((struct disk_step){ .kind = STEP_WRITE, .inode = shim.inode[fd], .offset = offset,
                                   .length = (uint64_t)done },
               began, NULL, NULL, bytes, count);
    shim_unlock();
    return done;
}

ssize_t writev(int fd, const struct iovec *bytes, int count)
{
    return is_watched(fd) ? write_watched(fd, bytes, count, -1)
                          : syscall(SYS_writev, fd, bytes, count);
}

ssize_t pwritev(int fd, const struct iovec *bytes, int count, off_t at)
{
    return is_watched(fd) ? write_watched(fd, bytes, count, at)
                          : syscall(SYS_pwritev, fd, bytes, (long)count, (long)at, 0L);
}

ssize_t write(int fd, const void *bytes, size_t length)
{
    struct iovec one = { (void *)bytes, length };

    return is_watched(fd) ? write_watched(fd, &one, 1, -1)
                          : syscall(SYS_write, fd, bytes, length);
}

ssize_t pwrite(int fd, const void *bytes, size_t length, off_t at)
{
    struct iovec one = { (void *)bytes, length };

    return is_watched(fd) ? write_watched(fd, &one, 1, at)
                          : syscall(SYS_pwrite64, fd, bytes, length, at);
}

int ftruncate(int fd, off_t length)
{
    struct stat about;
    uint64_t began;
    int done;

    if (!is_watched(fd))
        return (int)syscall(SYS_ftruncate, fd, length);
    if (shim_fails(DISK_TRUNCATE))
        return -1;
    shim_lock();
    began = shim_now();
    if (fstat(fd, &about) == 0 && (uint64_t)about.st_blocks * 512 > (uint64_t)length)
        shim_give_room((uint64_t)about.st_blocks * 512 - (uint64_t)length);
    done = (int)syscall(SYS_ftruncate, fd, length);
    if (done == 0)
        shim_record((struct disk_step){ .kind = STEP_TRUNCATE, .inode = shim.inode[fd],
                                   .offset = (uint64_t)length },
               began, NULL, NULL, NULL, 0);
    shim_unlock();
    return done;
}

/* Room that is reserved is seen by nobody: it takes room, and is no step. */
int fallocate(int fd, int mode, off_t offset, off_t length)
{
    int done;

    if (!is_watched(fd))
        return (int)syscall(SYS_fallocate, fd, mode, offset, length);
    if (shim_fails(DISK_RESERVE))
        return -1;
    shim_lock();
    if (shim.control->room != UINT64_MAX) {
        uint64_t left = shim.control->room;

        if (take_room(fd, (uint64_t)offset, (size_t)length) < (size_t)length) {
            shim.control->room = left;
            shim_unlock();
            errno = ENOSPC;
            return -1;
        }
    }
    done = (int)syscall(SYS_fallocate, fd, mode, offset, length);
    shim_unlock();
    return done;
}

/* ---- Durability ---- */

static void dawdle(uint32_t microseconds)
{
    struct timespec pause = { microseconds / 1000000, (long)(microseconds % 1000000) * 1000 };

    if (microseconds > 0)
        nanosleep(&pause, NULL);
}

static int sync_watched(int fd)
{
    bool folder = shim.is_folder[fd];
    struct disk_step step = { .kind = folder ? STEP_FOLDER_SYNC_BEGIN : STEP_SYNC_BEGIN,
                              .inode = shim.inode[fd] };
    char room[PATH_MAX];
    const char *path = folder ? shim_below(fd, ".", room) : NULL;
    bool failed = shim_fails(DISK_SYNC);
    int error = errno;

    shim_lock();
    step.offset = ((uint64_t)getpid() << 32) + ++shim.syncs;
    if (!failed)
        shim_record(step, shim_now(), path, NULL, NULL, 0);
    else if (!folder)
        shim_record((struct disk_step){ .kind = STEP_SYNC_FAILED, .inode = shim.inode[fd] },
               shim_now(), NULL, NULL, NULL, 0);
    shim_unlock();
    dawdle(shim.control->sync_delay);
    if (failed) {
        errno = error;
        return -1;
    }
    step.kind = folder ? STEP_FOLDER_SYNC_END : STEP_SYNC_END;
    shim_lock();
    if (!shim.control->forgets_sync)
        shim_record(step, shim_now(), path, NULL, NULL, 0);
    shim_unlock();
    return 0;
}

int fsync(int fd)
{
    return is_watched(fd) ? sync_watched(fd) : (int)syscall(SYS_fsync, fd);
}

int fdatasync(int fd)
{
    return is_watched(fd) ? sync_watched(fd) : (int)syscall(SYS_fdatasync, fd);
}

/* Promises nothing of lengths and names, so it is taken for nothing. */
int sync_file_range(int fd, off_t offset, off_t length, unsigned flags)
{
    return is_watched(fd) ? 0 : (int)syscall(SYS_sync_file_range, fd, offset, length, flags);
}

/* ---- Processes and memory ---- */

pid_t fork(void)
{
    void *found = dlsym(RTLD_NEXT, "fork");
    pid_t (*next)(void);

    memcpy(&next, &found, sizeof(next));
    if (shim.control != NULL && shim_fails(DISK_FORK))
        return -1;
    return next();
}

void *mmap(void *at, size_t length, int protection, int flags, int fd, off_t offset)
{
    if (shim.control != NULL && shim_fails(DISK_MAP))
        return MAP_FAILED;
    return (void *)syscall(SYS_mmap, at, length, protection, flags, fd, offset);
}
