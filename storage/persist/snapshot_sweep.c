/*
 * What a killed server left half written. Who writes such a file holds a lock on
 * it, which goes with the process: process numbers would not do, since they come
 * again, and in a container are always the same.
 */
#include <dirent.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/file.h>
#include <unistd.h>

#include "storage/base/log.h"
#include "storage/persist/snapshot.h"
#include "storage/persist/snapshot_private.h"

/* "temp-<digits>.rdb", or "temp-<digits>.<digits>.rdb" of data that came from a primary. */
static bool is_temporary(const char *name)
{
    static const char stem[] = "temp-";
    const char *digits = name + sizeof(stem) - 1;
    size_t count;

    if (strncmp(name, stem, sizeof(stem) - 1) != 0)
        return false;
    count = strspn(digits, "0123456789");
    if (count > 0 && digits[count] == '.' && digits[count + 1] >= '0' && digits[count + 1] <= '9')
        count += 1 + strspn(digits + count + 1, "0123456789");
    return count > 0 && strcmp(digits + count, ".rdb") == 0;
}

static void remove_if_left(const struct snapshot *snapshot, int folder, const char *name)
{
    int fd = openat(folder, name, O_RDWR | O_CLOEXEC | O_NOFOLLOW);

    if (fd < 0)
        return;
    if (flock(fd, LOCK_EX | LOCK_NB) == 0 && unlinkat(folder, name, 0) == 0)
        log_line(snapshot->setup.log, LOG_NOTICE, "Removed the unfinished file %s", name);
    (void)close(fd);
}

void snapshot_sweep(const struct snapshot *snapshot)
{
    DIR *listing = opendir(".");
    const struct dirent *entry;

    if (listing == NULL)
        return;
    while ((entry = readdir(listing)) != NULL) {
        if (is_temporary(entry->d_name))
            remove_if_left(snapshot, dirfd(listing), entry->d_name);
    }
    (void)closedir(listing);
}
