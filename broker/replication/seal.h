/*
 * The checksum of a snapshot that comes in pieces, so that it is known to be whole
 * before anything is let go for it. What stands at its end is the CRC64 of all bytes
 * before, little-endian, since version 5 of the format; 0 says that nobody made one.
 *
 * Source: the published format of RDB files.
 */
#ifndef BROKER_REPLICATION_SEAL_H
#define BROKER_REPLICATION_SEAL_H

#include <stdbool.h>
#include <stdint.h>

#include "storage/base/slice.h"

enum { SEAL_HEAD = 9, SEAL_SUM = 8 };

/* All zero is before the first byte. */
struct seal {
    uint64_t came;             /* Private: bytes so far */
    uint64_t sum;              /* Private: of all of them but the last eight */
    char     head[SEAL_HEAD];  /* Private: the first, which tell the version */
    char     tail[SEAL_SUM];   /* Private: the last eight, as far as there are any */
};

/* Takes the next bytes. O(bytes). */
void seal_take(struct seal *seal, struct slice bytes);

/* Whether it is a snapshot, and the sum at its end that of what came, or there is none. */
bool seal_is_whole(const struct seal *seal);

#endif
