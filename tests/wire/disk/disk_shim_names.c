/* What the shim does where names of files change: renaming, linking, removing, making folders. */
#include "tests/wire/disk/disk_shim_private.h"

#include <fcntl.h>
#include <limits.h>
#include <stdbool.h>
#include <stdio.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <unistd.h>

int renameat(int from_folder, const char *from, int to_folder, const char *to)
{
    char from_room[PATH_MAX];
    char to_room[PATH_MAX];
    const char *from_path = shim_below(from_folder, from, from_room);
    const char *to_path = shim_below(to_folder, to, to_room);
    int done;

    if (from_path == NULL || to_path == NULL)
        return (int)syscall(SYS_renameat, from_folder, from, to_folder, to);
    if (shim_fails(DISK_RENAME))
        return -1;
    shim_lock();
    uint64_t began = shim_now();
    done = (int)syscall(SYS_renameat, from_folder, from, to_folder, to);
    if (done == 0)
        shim_record((struct disk_step){ .kind = STEP_RENAME }, began, from_path, to_path, NULL, 0);
    shim_unlock();
    return done;
}

int rename(const char *from, const char *to)
{
    return renameat(AT_FDCWD, from, AT_FDCWD, to);
}

int linkat(int from_folder, const char *from, int to_folder, const char *to, int flags)
{
    char from_room[PATH_MAX];
    char to_room[PATH_MAX];
    const char *from_path = shim_below(from_folder, from, from_room);
    const char *to_path = shim_below(to_folder, to, to_room);
    int done;

    if (from_path == NULL || to_path == NULL)
        return (int)syscall(SYS_linkat, from_folder, from, to_folder, to, flags);
    shim_lock();
    uint64_t began = shim_now();
    done = (int)syscall(SYS_linkat, from_folder, from, to_folder, to, flags);
    if (done == 0)
        shim_record((struct disk_step){ .kind = STEP_LINK }, began, from_path, to_path, NULL, 0);
    shim_unlock();
    return done;
}

int link(const char *from, const char *to)
{
    return linkat(AT_FDCWD, from, AT_FDCWD, to, 0);
}

int unlinkat(int folder, const char *name, int flags)
{
    char room[PATH_MAX];
    const char *path = shim_below(folder, name, room);
    struct stat about;
    bool there;
    int done;

    if (path == NULL)
        return (int)syscall(SYS_unlinkat, folder, name, flags);
    if (shim_fails(DISK_UNLINK))
        return -1;
    shim_lock();
    uint64_t began = shim_now();
    there = fstatat(folder, name, &about, 0) == 0;
    done = (int)syscall(SYS_unlinkat, folder, name, flags);
    if (done == 0 && there) {
        shim_give_room((uint64_t)about.st_blocks * 512);
        shim_record((struct disk_step){ .kind = STEP_UNLINK }, began, path, NULL, NULL, 0);
    }
    shim_unlock();
    return done;
}

int unlink(const char *name)
{
    return unlinkat(AT_FDCWD, name, 0);
}

int mkdirat(int folder, const char *name, mode_t mode)
{
    char room[PATH_MAX];
    const char *path = shim_below(folder, name, room);
    int done;

    if (path == NULL)
        return (int)syscall(SYS_mkdirat, folder, name, mode);
    if (shim_fails(DISK_MKDIR))
        return -1;
    shim_lock();
    uint64_t began = shim_now();
    done = (int)syscall(SYS_mkdirat, folder, name, mode);
    if (done == 0)
        shim_record((struct disk_step){ .kind = STEP_MKDIR }, began, path, NULL, NULL, 0);
    shim_unlock();
    return done;
}

int mkdir(const char *name, mode_t mode)
{
    return mkdirat(AT_FDCWD, name, mode);
}
