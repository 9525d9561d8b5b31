/*
 * A new file is written beside the old one, forced to disk, and takes its name;
 * then the folder is forced to disk, which holds the names.
 */
#include "storage/base/file.h"

#include <errno.h>
#include <fcntl.h>
#include <libgen.h>
#include <limits.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

enum { CHUNK = 16 * 1024 };

static bool reason(struct trouble *trouble, int error)
{
    return trouble_set(trouble, "%s", strerror(error));
}

bool file_read(const char *path, struct buffer *to, size_t most, struct trouble *trouble)
{
    int fd = open(path, O_RDONLY | O_CLOEXEC);
    size_t before = to->len;
    ssize_t got = 1;
    int error = 0;

    if (fd < 0)
        return reason(trouble, errno);
    while (got != 0 && error == 0) {
        got = read(fd, buffer_reserve(to, CHUNK), CHUNK);
        if (got > 0)
            buffer_commit(to, (size_t)got);
        if (got < 0 && errno != EINTR)
            error = errno;
        else if (to->len - before > most)
            error = EFBIG;
    }
    close(fd);
    return error == 0 || reason(trouble, error);
}

/* 0, or the errno of what failed. */
static int write_new(const char *path, struct slice bytes, mode_t mode)
{
    int fd = open(path, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, mode);
    int error = 0;

    if (fd < 0)
        return errno;
    while (error == 0 && bytes.len > 0) {
        ssize_t wrote = write(fd, bytes.at, bytes.len);

        if (wrote >= 0)
            bytes = slice_after(bytes, (size_t)wrote);
        else if (errno != EINTR)
            error = errno;
    }
    /* Renamed before its bytes are on disk, it might be empty after a power cut. */
    if (error == 0 && fsync(fd) != 0)
        error = errno;
    close(fd);
    return error;
}

static int sync_folder_of(const char *path)
{
    char copy[PATH_MAX];
    int error = 0;
    int fd;

    snprintf(copy, sizeof(copy), "%s", path);
    fd = open(dirname(copy), O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    if (fd < 0)
        return errno;
    if (fsync(fd) != 0)
        error = errno;
    close(fd);
    return error;
}

bool file_replace(const char *path, struct slice bytes, mode_t mode, struct trouble *trouble)
{
    char fresh[PATH_MAX];
    struct stat status;
    int error;

    if (snprintf(fresh, sizeof(fresh), "%s.%ld.new", path, (long)getpid()) >= (int)sizeof(fresh))
        return reason(trouble, ENAMETOOLONG);
    if (stat(path, &status) == 0)
        mode = status.st_mode & 0777;
    error = write_new(fresh, bytes, mode);
    if (error == 0 && rename(fresh, path) != 0)
        error = errno;
    if (error != 0)
        (void)unlink(fresh);
    else
        error = sync_folder_of(path);
    return error == 0 || reason(trouble, error);
}
