/*
 * Seals: a checksum over each few kilobytes of the log, in a line that Redis
 * passes over.
 *
 *   #sum <bytes> <CRC64 of them, 16 hexadecimal digits> CR LF
 *
 * It is about the bytes in front of the line, back to the end of the seal
 * before or to the beginning of the file. What a crash leaves behind the last
 * seal is guarded by nothing but the form of statements.
 */
#ifndef STORAGE_PERSIST_AOF_SEAL_H
#define STORAGE_PERSIST_AOF_SEAL_H

#include <stdbool.h>
#include <stdint.h>

#include "storage/base/must.h"
#include "storage/base/slice.h"

enum {
    AOF_SEAL_EVERY = 4096, /* bytes, or a turn if that has more */
    AOF_SEAL_MAX = 64      /* bytes of the line */
};

/* Writes the line at `to`, which has AOF_SEAL_MAX bytes; returns its length. */
size_t aof_seal_print(uint64_t bytes, uint64_t sum, char *to);

/* Reads a line with its end. False if it is no seal. */
MUST_USE bool aof_seal_read(struct slice line, uint64_t *bytes, uint64_t *sum);

/*
 * Whether a seal stands in these bytes, which begin at an offset of the file,
 * that is about all since the last good seal: then they are damaged, not torn.
 */
bool aof_seal_follows(struct slice bytes, uint64_t offset, uint64_t last_seal, uint64_t *at);

#endif
