/*
 * What the files of the shim share. Hidden from the server it is loaded into, whose own
 * functions may have the same names.
 */
#ifndef TESTS_WIRE_DISK_SHIM_PRIVATE_H
#define TESTS_WIRE_DISK_SHIM_PRIVATE_H

#include <limits.h>
#include <stdbool.h>
#include <stdint.h>
#include <sys/uio.h>

#include "tests/wire/disk/disk_shim.h"

#pragma GCC visibility push(hidden)

/* The path below the folder that a name means, or NULL. The folder itself is "". */
const char *shim_below(int folder, const char *name, char room[PATH_MAX]);

/* Counts one asking; true with errno set if it is to fail. */
bool shim_fails(enum disk_kind kind);

/* One process and thread at a time does a step and records it. Keeps errno, which may be a fault's. */
void shim_lock(void);
void shim_unlock(void);

/* Nanoseconds of the monotonic clock. */
uint64_t shim_now(void);

/* Appends a step that began then; what a kind has not is NULL. Under the lock. */
void shim_record(struct disk_step step, uint64_t began, const char *path, const char *other,
                 const struct iovec *bytes, int count);

/* The disk has so many bytes more, if it has a limit. Under the lock. */
void shim_give_room(uint64_t bytes);

#pragma GCC visibility pop

#endif
