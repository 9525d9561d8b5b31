/*
 * Seals: a checksum over each few kilobytes of the log, in a line that Redis
 * passes over.
 *
 *   #sum <bytes> <CRC64 of them, 16 hexadecimal digits> <durable> CR LF
 *
 * It is about the bytes in front of the line, back to the end of the seal
 * before or to the beginning of the file. What a crash leaves behind the last
 * seal is guarded by nothing but the form of statements.
 *
 * A seal is written before turns that would make it AOF_SEAL_EVERY bytes that lack one,
 * and behind them too if they are so many by themselves; without it they are not
 * written. So where as many bytes lie behind the last seal, they are one turn or a few
 * whose rest never came, whatever they look like, and nothing that was kept before.
 *
 * The last number says how much of the file was on disk for good when the line was
 * written. It tells damage from the traces of a power cut, which may leave out any
 * page of what was not synced and keep the next: what is wrong below that offset was
 * promised, and what is wrong behind it was not. Seals of older logs lack the number;
 * all in front of them counts as durable.
 */
#ifndef STORAGE_PERSIST_AOF_SEAL_H
#define STORAGE_PERSIST_AOF_SEAL_H

#include <stdbool.h>
#include <stdint.h>

#include "storage/base/must.h"
#include "storage/base/slice.h"

enum {
    AOF_SEAL_EVERY = 4096, /* bytes, or a turn if that has more */
    AOF_SEAL_MAX = 80      /* bytes of the line */
};

/* Writes the line at `to`, which has AOF_SEAL_MAX bytes; returns its length. */
size_t aof_seal_print(uint64_t bytes, uint64_t sum, uint64_t durable, char *to);

struct aof_seal {
    uint64_t bytes;
    uint64_t sum;
    uint64_t durable; /* UINT64_MAX: it does not say, so all in front of it */
};

/* Reads a line with its end. False if it is no seal. */
MUST_USE bool aof_seal_read(struct slice line, struct aof_seal *seal);

/* The most of a file that any seal in it says is durable; UINT64_MAX if there is no seal. */
uint64_t aof_seal_durable(struct slice file);

/*
 * Whether a seal stands in these bytes, which begin at an offset of the file,
 * that is about all since the last good seal: then they are damaged, not torn.
 */
bool aof_seal_follows(struct slice bytes, uint64_t offset, uint64_t last_seal, uint64_t *at);

#endif
