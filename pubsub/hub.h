/*
 * The hub: every subscription, and the handing of a message to all who want it.
 *
 * A message published on a channel goes to those who subscribed to the channel
 * by name and then, once for each matching pattern, to those who subscribed to
 * the pattern. Shard channels are a world of their own, without patterns. Channel
 * and payload are encoded once, however many hear them and in which form.
 *
 * Costs: publishing is O(receivers + log patterns + patterns on the path of the
 * channel's name, see patterns.h).
 */
#ifndef PUBSUB_HUB_H
#define PUBSUB_HUB_H

#include <stdbool.h>
#include <stdint.h>

#include "storage/base/digest.h"
#include "storage/base/slice.h"

struct hub;

/* What can be subscribed to. */
enum topic_kind { TOPIC_CHANNEL, TOPIC_SHARD, TOPIC_PATTERN, TOPIC_KINDS };

/* A hub with no subscriptions. The hash key is copied. */
struct hub *hub_new(const struct hash_key *key);

/* Frees it; all subscribers must be gone. NULL is fine. */
void hub_free(struct hub *hub);

/*
 * Hands a message to all who hear the channel (TOPIC_CHANNEL) or shard channel
 * (TOPIC_SHARD). Returns how many deliveries that were: a sink that hears it in
 * two ways is counted and told twice.
 */
size_t hub_publish(struct hub *hub, enum topic_kind kind, struct slice channel,
                   struct slice payload);

/* Whether nobody listens to anything: then publishing does nothing. */
bool hub_is_empty(const struct hub *hub);

/* How many channels, shard channels or different patterns have subscribers. */
size_t hub_topics(const struct hub *hub, enum topic_kind kind);

/* How many sinks are subscribed to one topic. */
size_t hub_hearers(const struct hub *hub, enum topic_kind kind, struct slice name);

/* Shows the name of every topic of a kind; the visitor may change nothing. */
void hub_visit(struct hub *hub, enum topic_kind kind, void (*visit)(void *who, struct slice name),
               void *who);

/* Messages published, and deliveries made, since the hub was made. */
uint64_t hub_published(const struct hub *hub);
uint64_t hub_delivered(const struct hub *hub);

/* Bytes of memory of topics and the tables that find them; those of names are estimated. O(1). */
size_t hub_memory(const struct hub *hub);

/* Asserts that topics, links and subscribers agree. O(n log n). */
void hub_check(const struct hub *hub);

#endif
