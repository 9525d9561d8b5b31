/*
 * A subscriber: one sink's subscriptions, so that it can leave all at once.
 *
 * About 80 bytes for each subscription, beside the topic itself.
 */
#ifndef PUBSUB_SUBSCRIBER_H
#define PUBSUB_SUBSCRIBER_H

#include "pubsub/hub.h"
#include "pubsub/sink.h"

struct subscriber;

/* A subscriber that hears nothing yet. The hub and the sink outlive it. */
struct subscriber *subscriber_new(struct hub *hub, struct sink *sink);

/* Leaves everything and is freed. NULL is fine. O(its subscriptions). */
void subscriber_free(struct subscriber *subscriber);

/* The sink it was made with. */
struct sink *subscriber_sink(const struct subscriber *subscriber);

/* Subscribes to a topic. Returns false, changing nothing, if it was already. O(1). */
bool subscriber_join(struct subscriber *subscriber, enum topic_kind kind, struct slice name);

/* Leaves a topic. Returns false if it was not subscribed. O(1). */
bool subscriber_leave(struct subscriber *subscriber, enum topic_kind kind, struct slice name);

/* How many topics of a kind it hears. */
size_t subscriber_count(const struct subscriber *subscriber, enum topic_kind kind);

/*
 * The name of the topic it joined at a position below subscriber_count;
 * borrowed until the subscriber joins or leaves anything. Leaving the last one
 * moves no other.
 */
struct slice subscriber_at(const struct subscriber *subscriber, enum topic_kind kind, size_t index);

/* Bytes of its own and of its links, topics excluded. */
size_t subscriber_memory(const struct subscriber *subscriber);

#endif
