/*
 * Who has what: replicas tell how far they are, once a second and when they are
 * asked; WAIT and WAITAOF count them.
 */
#ifndef BROKER_REPLICATION_ACKS_H
#define BROKER_REPLICATION_ACKS_H

#include <stddef.h>
#include <stdint.h>

#include "storage/base/slice.h"

struct primary;
struct waiting;

/* How many replicas that are online have the stream up to an offset, in memory, or on their disks. */
size_t acks_count(const struct primary *primary, int64_t offset);
size_t acks_count_on_disk(const struct primary *primary, int64_t offset);

/*
 * Has those run again who wait under a key, in each of so many databases, because
 * somebody has acknowledged something. O(1) if nobody waits for anything.
 */
void acks_wake(struct primary *primary, struct waiting *waiting, uint32_t databases,
               struct slice key);

#endif
