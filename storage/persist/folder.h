/*
 * A folder on disk, held open: files in it are opened, renamed, replaced and
 * removed by name, and what was done to its names can be made durable.
 *
 * A file is durable in two steps, its bytes (fdatasync) and its name (fsync of
 * the folder); whoever forgets the second finds after a power cut a file that
 * is whole and nowhere. Every step may be made to fail: "open", "write",
 * "fsync", "rename", "unlink", "mkdir" of faults.h.
 */
#ifndef STORAGE_PERSIST_FOLDER_H
#define STORAGE_PERSIST_FOLDER_H

#include <stdbool.h>
#include <stdint.h>

#include "storage/base/must.h"
#include "storage/base/slice.h"
#include "storage/base/trouble.h"

struct buffer;
struct faults;
struct folder;

/* Opens a folder, making it if it is not there and its parent is. `faults` may be NULL. */
struct folder *folder_open(const char *path, struct faults *faults, struct trouble *trouble);
void folder_close(struct folder *folder);

/* Opens a file with flags of open(2); -1 with trouble. The caller closes it. */
int folder_open_file(const struct folder *folder, const char *name, int flags,
                     struct trouble *trouble);

/* The size of a regular file, or -1 with trouble (trouble->code is ENOENT if there is none). */
int64_t folder_file_size(const struct folder *folder, const char *name, struct trouble *trouble);
bool folder_has(const struct folder *folder, const char *name);

/* Reads a whole file of at most `most` bytes. */
MUST_USE bool folder_read_file(const struct folder *folder, const char *name, size_t most,
                               struct buffer *into, struct trouble *trouble);

/* Gives a file another name, replacing what had it; durable after folder_sync. */
MUST_USE bool folder_rename(const struct folder *folder, const char *from, const char *to,
                            struct trouble *trouble);

/* Moves a file in from another folder of the same disk. */
MUST_USE bool folder_take_file(const struct folder *folder, const char *path, const char *name,
                               struct trouble *trouble);

/* Removes a file; one that is not there is fine. */
bool folder_unlink(const struct folder *folder, const char *name, struct trouble *trouble);

/* Makes all names in the folder durable. */
MUST_USE bool folder_sync(const struct folder *folder, struct trouble *trouble);

/* How replacing a file ended. */
enum folder_replaced {
    FOLDER_REPLACED, /* and durable */
    FOLDER_UNSURE,   /* the new file is there, but a power cut may bring the old one back */
    FOLDER_KEPT      /* nothing changed */
};

/*
 * Puts a file in the place of another at one blow: written under the name
 * `temporary`, made durable, renamed, the folder made durable.
 */
MUST_USE enum folder_replaced folder_replace(const struct folder *folder, const char *temporary,
                                             const char *name, struct slice content,
                                             struct trouble *trouble);

/* Shows the name of each file; false from `show` stops. */
bool folder_each(const struct folder *folder, bool (*show)(void *who, const char *name), void *who,
                 struct trouble *trouble);

#endif
