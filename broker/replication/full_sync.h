/*
 * Full synchronization: all data, to one replica or to several at once.
 *
 *   by file    a child writes the snapshot; when it is there, each replica is sent
 *              the file at its own pace:  $length CR LF, bytes
 *   by pipe    a child writes into a pipe; what comes out is shared by the outboxes
 *              of all, and the pipe is read again when the slowest has sent it:
 *              $EOF:mark CR LF, bytes, mark
 *
 * A save begins at the end of a turn, when the feed is empty: what the child sees
 * is the data at the offset that the replicas are told. One child runs at a time;
 * who asks meanwhile joins it if it writes a file for others already, else waits.
 */
#ifndef BROKER_REPLICATION_FULL_SYNC_H
#define BROKER_REPLICATION_FULL_SYNC_H

#include "broker/replication/replica.h"

struct full_sync;
struct primary;

struct full_sync *full_sync_new(struct primary *primary);
void full_sync_free(struct full_sync *sync);

/* A replica wants everything: it joins a save, or waits for the next. */
void full_sync_ask(struct full_sync *sync, struct replica *replica);

/* The end of a turn: begins a save for those who wait, if it is time. */
void full_sync_step(struct full_sync *sync);

/* Sends on what files and the pipe have; true if there is something in an outbox. */
bool full_sync_transfer(struct full_sync *sync);

/* A child has ended: storage/persist/snapshot tells. */
void full_sync_ended(struct full_sync *sync, bool streamed, bool fine);

/* A replica is going; it has been taken out of the primary's chain. */
void full_sync_left(struct full_sync *sync, const struct replica *gone);

/* Once a second: signs of life for those who wait, and an end for those who are stuck. */
void full_sync_tick(struct full_sync *sync, millis now);

#endif
