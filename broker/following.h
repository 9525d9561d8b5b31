/*
 * Following a primary: the follower is made, bound to the rooms it needs, and
 * begins once data is loaded.
 */
#ifndef BROKER_FOLLOWING_H
#define BROKER_FOLLOWING_H

#include "broker/broker.h"
#include "broker/protocol/reply.h"

struct session;

/* Makes broker->follower; sessions and the caller come later. */
void following_make(struct broker *broker);

/* Binds it to them. */
void following_bind(struct broker *broker);

/*
 * Whether replication stands in the way of a script, as it tells of itself that it
 * writes, or that it may run on a replica which lost its primary.
 */
enum refusal following_stands_in_way(void *broker, const struct session *session, bool writes,
                                     bool bears_stale);

/* Follows whom the configuration names, from where the data stands that was loaded. */
void following_begin(struct broker *broker);

#endif
