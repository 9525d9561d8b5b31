/* What the files of the sorted-set commands share. */
#ifndef BROKER_COMMANDS_DO_ZSET_PRIVATE_H
#define BROKER_COMMANDS_DO_ZSET_PRIVATE_H

#include "broker/dispatch/call.h"
#include "storage/values/zset.h"

/* The sorted set of a key, or NULL. */
MUST_USE enum refusal find_zset(struct call *call, struct slice key, enum look why,
                                struct zset **zset);

/* Makes a key hold a sorted set, which is the keyspace's then. */
void put_zset(struct call *call, struct slice key, struct zset *zset);

/* Stores an outcome under a key, noting the event; an empty one takes the key away. Takes the
 * zset and replies with how many members it has. */
enum verdict store_zset(struct call *call, struct slice key, struct zset *zset,
                        const char *event);

/* Replies with the members of a span, announced. */
void reply_span(struct call *call, const struct zset *zset, struct zset_span span,
                enum zset_direction direction, bool with_scores);

/* Notes that `count` members were removed, and that the zset went with its last one. */
void note_removal(struct call *call, struct slice key, const struct zset *zset, size_t count,
                  const char *event);

#endif
