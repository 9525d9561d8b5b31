/* A new file is written beside the old one, forced to disk, and takes its name. */
#include "broker/acl/acl_file.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdio.h>
#include <sys/stat.h>
#include <unistd.h>

enum { CHUNK = 16 * 1024, LARGEST = 64 * 1024 * 1024 };

bool acl_file_read(const char *path, struct buffer *to, struct trouble *trouble)
{
    int fd = open(path, O_RDONLY | O_CLOEXEC);
    ssize_t got = 1;

    if (fd < 0)
        return trouble_set(trouble, "%s", strerror(errno));
    while (got != 0) {
        got = read(fd, buffer_reserve(to, CHUNK), CHUNK);
        if (got > 0)
            buffer_commit(to, (size_t)got);
        if ((got < 0 && errno != EINTR) || to->len > LARGEST) {
            (void)trouble_set(trouble, "%s", got < 0 ? strerror(errno) : strerror(EFBIG));
            close(fd);
            return false;
        }
    }
    close(fd);
    return true;
}

static bool write_all(int fd, struct slice bytes)
{
    while (bytes.len > 0) {
        ssize_t wrote = write(fd, bytes.at, bytes.len);

        if (wrote >= 0)
            bytes = slice_after(bytes, (size_t)wrote);
        else if (errno != EINTR)
            return false;
    }
    return fsync(fd) == 0;
}

bool acl_file_write(const char *path, struct slice bytes, struct trouble *trouble)
{
    char fresh[PATH_MAX];
    struct stat status;
    mode_t mode = stat(path, &status) == 0 ? status.st_mode & 0777 : 0600;
    bool fine;
    int fd;

    if (snprintf(fresh, sizeof(fresh), "%s.%ld.new", path, (long)getpid()) >= (int)sizeof(fresh))
        return trouble_set(trouble, "the name is too long");
    fd = open(fresh, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, mode);
    if (fd < 0)
        return trouble_errno(trouble, "opening %s", fresh);
    /* Renamed before its bytes are on disk, it might be empty after a power cut: all doors open. */
    fine = write_all(fd, bytes) && fsync(fd) == 0;
    if (!fine)
        (void)trouble_errno(trouble, "writing %s", fresh);
    close(fd);
    if (fine && rename(fresh, path) != 0)
        fine = trouble_errno(trouble, "renaming %s", fresh);
    if (!fine)
        (void)unlink(fresh);
    return fine;
}
