#include "broker/replication/seal.h"

#include <string.h>

#include "storage/base/digest.h"
#include "storage/format/rdb_format.h"

static size_t kept(const struct seal *seal)
{
    return seal->came < SEAL_SUM ? (size_t)seal->came : SEAL_SUM;
}

static void keep_head(struct seal *seal, struct slice bytes)
{
    size_t at = (size_t)seal->came;
    size_t len = SEAL_HEAD - at < bytes.len ? SEAL_HEAD - at : bytes.len;

    memcpy(seal->head + at, bytes.at, len);
}

void seal_take(struct seal *seal, struct slice bytes)
{
    size_t old = kept(seal);
    size_t gone; /* so many of the tail are the last no more */

    if (bytes.len == 0)
        return;
    if (seal->came < SEAL_HEAD)
        keep_head(seal, bytes);
    seal->came += bytes.len;
    gone = old + bytes.len > SEAL_SUM ? old + bytes.len - SEAL_SUM : 0;
    if (gone > old)
        gone = old;
    seal->sum = digest_crc64(seal->sum, slice_of(seal->tail, gone));
    memmove(seal->tail, seal->tail + gone, old - gone);
    old -= gone;
    if (bytes.len > SEAL_SUM - old) {
        size_t more = bytes.len - (SEAL_SUM - old);

        seal->sum = digest_crc64(seal->sum, slice_of(bytes.at, more));
        bytes = slice_after(bytes, more);
    }
    memcpy(seal->tail + old, bytes.at, bytes.len);
}

bool seal_is_whole(const struct seal *seal)
{
    struct slice head = slice_of(seal->head, SEAL_HEAD);
    uint64_t noted = 0;

    if (seal->came < SEAL_HEAD + SEAL_SUM || !rdb_begins(head) || rdb_version_of(head) < 0)
        return false;
    if (rdb_version_of(head) < RDB_VERSION_SUMMED)
        return true;
    for (int i = SEAL_SUM - 1; i >= 0; i--)
        noted = noted << 8 | (unsigned char)seal->tail[i];
    return noted == 0 || noted == seal->sum;
}
