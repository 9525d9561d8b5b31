/*
 * The file of users as bytes: read whole, replaced whole.
 */
#ifndef BROKER_ACL_ACL_FILE_H
#define BROKER_ACL_ACL_FILE_H

#include "storage/base/buffer.h"
#include "storage/base/trouble.h"

/* Appends what a file holds, at most 64 megabytes. On false the reason is the kernel's alone. */
bool acl_file_read(const char *path, struct buffer *to, struct trouble *trouble);

/*
 * Puts bytes in the place of what a file holds: a crash leaves the old file or the new
 * one. A new file is for its owner alone to read. On false it is as it was.
 */
bool acl_file_write(const char *path, struct slice bytes, struct trouble *trouble);

#endif
