/*
 * Small files as bytes: read whole, replaced whole.
 */
#ifndef STORAGE_BASE_FILE_H
#define STORAGE_BASE_FILE_H

#include <stdbool.h>
#include <stddef.h>
#include <sys/types.h>

#include "storage/base/buffer.h"
#include "storage/base/must.h"
#include "storage/base/slice.h"
#include "storage/base/trouble.h"

/*
 * Appends what a file holds; it may be a pipe. On false the trouble is the reason
 * alone, as the kernel words it; a file of more than `most` bytes is too large.
 */
MUST_USE bool file_read(const char *path, struct buffer *to, size_t most, struct trouble *trouble);

/*
 * Puts bytes in the place of what a file holds. A crash or a power cut leaves the
 * old file or the new one, whole; when it returns true it is the new one. Its mode
 * stays, and is `mode` if there was no file. On false, with the reason alone, the
 * file is as it was; or new, if only the folder could not be forced to disk.
 * Waits for the disk.
 */
MUST_USE bool file_replace(const char *path, struct slice bytes, mode_t mode,
                           struct trouble *trouble);

#endif
