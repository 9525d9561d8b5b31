/*
 * A session as a sink of published messages.
 *
 * A session that never subscribed has no subscriber and costs nothing. With its
 * first subscription it gets one, which lives until the session ends or is
 * reset. The session's counts of channels, patterns and shard channels are kept
 * here.
 *
 * A short message is copied into the session's outbox. A long one is shared: a
 * thousand sessions that have not read it yet hold it once.
 */
#ifndef BROKER_SESSION_SUBSCRIPTION_H
#define BROKER_SESSION_SUBSCRIPTION_H

#include "broker/session/session.h"
#include "pubsub/hub.h"

/* Subscribes the session to a topic of the hub. False if it was subscribed already. */
bool subscription_join(struct session *session, struct hub *hub, enum topic_kind kind,
                       struct slice name);

/* Leaves a topic. False if the session was not subscribed to it. */
bool subscription_leave(struct session *session, enum topic_kind kind, struct slice name);

/* How many topics of a kind the session is subscribed to. */
size_t subscription_count(const struct session *session, enum topic_kind kind);

/* The name of one of them, borrowed until the session joins or leaves; false if there is none. */
bool subscription_any(const struct session *session, enum topic_kind kind, struct slice *name);

/* The name of the one at a position below subscription_count; borrowed likewise. */
struct slice subscription_at(const struct session *session, enum topic_kind kind, size_t index);

/* Leaves everything: RESET, and the end of the session. Harmless if there is nothing. */
void subscription_end(struct session *session);

/* The same as a farewell (sessions.h); `who` is not looked at. */
void subscription_farewell(void *who, struct session *session);

/* Bytes held for the session's subscriptions. */
size_t subscription_memory(const struct session *session);

#endif
