/* Thin over the calls of the kernel; what it adds is the order, the story and the faults. */
#include "storage/persist/folder.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "storage/base/buffer.h"
#include "storage/base/faults.h"
#include "storage/base/io.h"
#include "storage/base/memory.h"
#include "storage/persist/points.h"

enum { FILE_MODE = 0644, FOLDER_MODE = 0755 };

struct folder {
    int fd;
    struct faults *faults; /* borrowed; may be NULL */
    char *path;
};

/* Makes the name of a new folder durable in the one above it. */
static bool sync_parent(const char *path, struct faults *faults, struct trouble *trouble)
{
    struct buffer parent = { 0 };
    const char *slash = strrchr(path, '/');
    bool fine;
    int fd;

    if (slash != NULL)
        buffer_add(&parent, slice_of(path, (size_t)(slash - path)));
    if (slash == path)
        buffer_add_byte(&parent, '/');
    if (slash == NULL)
        buffer_add_byte(&parent, '.');
    buffer_add_byte(&parent, '\0');
    fd = open(parent.at, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    buffer_clear(&parent);
    fine = fd >= 0 && !faults_hit(faults, "fsync") && fsync(fd) == 0;
    if (!fine)
        (void)trouble_errno(trouble, "making the folder %s durable", path);
    if (fd >= 0)
        (void)close(fd);
    return fine;
}

struct folder *folder_open(const char *path, struct faults *faults, struct trouble *trouble)
{
    struct folder *folder;
    int fd;

    if (faults_hit(faults, "mkdir") || (mkdir(path, FOLDER_MODE) < 0 && errno != EEXIST)) {
        (void)trouble_errno(trouble, "making the folder %s", path);
        return NULL;
    }
    if (!sync_parent(path, faults, trouble))
        return NULL;
    fd = faults_hit(faults, "open") ? -1 : open(path, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    if (fd < 0) {
        (void)trouble_errno(trouble, "opening the folder %s", path);
        return NULL;
    }
    folder = memory_new_zeroed(1, sizeof(*folder));
    folder->fd = fd;
    folder->faults = faults;
    folder->path = memory_new(strlen(path) + 1);
    memcpy(folder->path, path, strlen(path) + 1);
    return folder;
}

void folder_close(struct folder *folder)
{
    if (folder == NULL)
        return;
    (void)close(folder->fd);
    memory_free(folder->path);
    memory_free(folder);
}

int folder_open_file(const struct folder *folder, const char *name, int flags,
                     struct trouble *trouble)
{
    int fd = faults_hit(folder->faults, "open")
                 ? -1
                 : openat(folder->fd, name, flags | O_CLOEXEC, FILE_MODE);

    if (fd < 0)
        (void)trouble_errno(trouble, "opening %s", name);
    return fd;
}

int64_t folder_file_size(const struct folder *folder, const char *name, struct trouble *trouble)
{
    struct stat about;

    if (fstatat(folder->fd, name, &about, 0) < 0) {
        (void)trouble_errno(trouble, "Unable to obtain the AOF file %s length. stat", name);
        return -1;
    }
    if (!S_ISREG(about.st_mode)) {
        (void)trouble_set(trouble, "%s is not a regular file", name);
        return -1;
    }
    return about.st_size;
}

bool folder_has(const struct folder *folder, const char *name)
{
    struct stat about;

    return fstatat(folder->fd, name, &about, 0) == 0;
}

bool folder_read_file(const struct folder *folder, const char *name, size_t most,
                      struct buffer *into, struct trouble *trouble)
{
    int64_t size = folder_file_size(folder, name, trouble);
    struct reader *reader;
    bool fine;
    int fd;

    if (size < 0)
        return false;
    if ((uint64_t)size > most)
        return trouble_set(trouble, "%s is far too long", name);
    fd = folder_open_file(folder, name, O_RDONLY, trouble);
    if (fd < 0)
        return false;
    reader = reader_new_file(fd);
    fine = reader_get_into(reader, into, (size_t)size);
    if (!fine && !reader_failed(reader, trouble))
        (void)trouble_set(trouble, "%s ended early", name);
    reader_free(reader);
    (void)close(fd);
    return fine;
}

bool folder_rename(const struct folder *folder, const char *from, const char *to,
                   struct trouble *trouble)
{
    if (faults_hit(folder->faults, "rename") || renameat(folder->fd, from, folder->fd, to) < 0)
        return trouble_errno(trouble, "renaming %s to %s", from, to);
    return true;
}

bool folder_take_file(const struct folder *folder, const char *path, const char *name,
                      struct trouble *trouble)
{
    if (faults_hit(folder->faults, "rename") || renameat(AT_FDCWD, path, folder->fd, name) < 0)
        return trouble_errno(trouble, "moving %s to %s", path, folder->path);
    return sync_parent(path, folder->faults, trouble) && folder_sync(folder, trouble);
}

bool folder_unlink(const struct folder *folder, const char *name, struct trouble *trouble)
{
    if (faults_hit(folder->faults, "unlink") ||
        (unlinkat(folder->fd, name, 0) < 0 && errno != ENOENT))
        return trouble_errno(trouble, "removing %s", name);
    return true;
}

bool folder_sync(const struct folder *folder, struct trouble *trouble)
{
    if (faults_hit(folder->faults, "fsync") || fsync(folder->fd) < 0)
        return trouble_errno(trouble, "syncing the folder %s", folder->path);
    return true;
}

static bool write_durably(const struct folder *folder, int fd, struct slice content,
                          struct trouble *trouble)
{
    struct writer *writer = writer_new_file(fd, folder->faults);
    bool fine;

    writer_put(writer, content);
    fine = writer_flush(writer, trouble);
    writer_free(writer);
    if (fine && (faults_hit(folder->faults, "fsync") || fsync(fd) < 0))
        return trouble_errno(trouble, "syncing");
    return fine;
}

enum folder_replaced folder_replace(const struct folder *folder, const char *temporary,
                                    const char *name, struct slice content,
                                    struct trouble *trouble)
{
    int fd = folder_open_file(folder, temporary, O_WRONLY | O_CREAT | O_TRUNC, trouble);
    struct trouble unheard;
    bool fine;

    if (fd < 0)
        return FOLDER_KEPT;
    fine = write_durably(folder, fd, content, trouble);
    (void)close(fd);
    if (!fine)
        (void)trouble_wrap(trouble, "writing %s", temporary);
    else
        point_reached(folder->faults, POINT_manifest_written);
    if (!fine || !folder_rename(folder, temporary, name, trouble)) {
        (void)folder_unlink(folder, temporary, &unheard);
        return FOLDER_KEPT;
    }
    point_reached(folder->faults, POINT_manifest_renamed);
    if (!folder_sync(folder, trouble))
        return FOLDER_UNSURE;
    point_reached(folder->faults, POINT_manifest_durable);
    return FOLDER_REPLACED;
}

bool folder_each(const struct folder *folder, bool (*show)(void *who, const char *name), void *who,
                 struct trouble *trouble)
{
    int fd = openat(folder->fd, ".", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    DIR *listing = fd < 0 ? NULL : fdopendir(fd);
    const struct dirent *entry;
    bool on = true;

    if (listing == NULL) {
        (void)trouble_errno(trouble, "listing the folder %s", folder->path);
        if (fd >= 0)
            (void)close(fd);
        return false;
    }
    while (on && (entry = readdir(listing)) != NULL) {
        if (strcmp(entry->d_name, ".") != 0 && strcmp(entry->d_name, "..") != 0)
            on = show(who, entry->d_name);
    }
    (void)closedir(listing);
    return true;
}
