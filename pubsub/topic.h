/*
 * A topic: something that can be subscribed to, and the sinks that are. It is
 * a channel, a shard channel or a pattern, and exists while somebody listens.
 *
 * A subscription is a link between a topic and a subscriber. Both keep it in
 * an array and it knows its place in each, so it is made and taken away in
 * O(1), and handing a message to all is a walk along one array.
 *
 * Shared by the modules of this folder only.
 */
#ifndef PUBSUB_TOPIC_H
#define PUBSUB_TOPIC_H

#include <stdbool.h>
#include <stdint.h>

#include "pubsub/hub.h"
#include "pubsub/sink.h"

struct prefix;
struct subscriber;

/* One subscription. Its first two members are its key in the hub's table. */
struct link {
    struct topic *topic;
    struct subscriber *subscriber;
    uint32_t at_topic;      /* its index in topic->hearers */
    uint32_t at_subscriber; /* its index in the subscriber's links of this kind */
};

/* Who hears a topic; the sink is the link's subscriber's, kept here to be near. */
struct hearer {
    struct sink *sink;
    struct link *link;
};

struct topic {
    struct hearer *hearers;
    uint32_t count;
    uint32_t capacity;
    uint8_t kind;          /* enum topic_kind */
    struct prefix *prefix; /* patterns: where it is found by its fixed prefix */
    struct topic *next;    /* patterns: the others with the same prefix */
    struct topic *prev;
    struct slice head; /* what its messages begin with */
    size_t name_len;
    char name[]; /* for patterns followed by the head */
};

/* A topic nobody hears yet. */
struct topic *topic_new(enum topic_kind kind, struct slice name);

/* Frees a topic that nobody hears. */
void topic_free(struct topic *topic);

static inline struct slice topic_name(const struct topic *topic)
{
    return slice_of(topic->name, topic->name_len);
}

/* Adds a link, telling it its place. Amortised O(1). */
void topic_add(struct topic *topic, struct link *link, struct sink *sink);

/* Takes a link away; the last one moves to its place. O(1). */
void topic_remove(struct topic *topic, const struct link *link);

/*
 * Hands a message of this topic to all who hear it. The body is encoded when
 * `*body` is NULL, from channel and payload, and then stays with the caller.
 */
void topic_tell(const struct topic *topic, struct slice channel, struct slice payload,
                struct bytes **body);

#endif
