/*
 * What always holds:
 *   (1) Every topic of the three collections has at least one hearer.
 *   (2) Every link is in the table of links, in its topic's hearers at at_topic,
 *       and in its subscriber's links at at_subscriber.
 *   (3) No two links have the same topic and subscriber.
 */
#include "pubsub/hub.h"

#include "pubsub/hub_private.h"
#include "pubsub/subscriber.h"
#include "storage/base/memory.h"

/* A link's key is the two pointers it begins with. */
static struct slice key_of(const void *item)
{
    return slice_of(item, offsetof(struct link, at_topic));
}

static const struct table_kind links_by_ends = { .key = key_of };

struct hub *hub_new(const struct hash_key *key)
{
    struct hub *hub = memory_new_zeroed(1, sizeof(*hub));

    hub->key = *key;
    channels_init(&hub->channels, TOPIC_CHANNEL, &hub->key);
    channels_init(&hub->shards, TOPIC_SHARD, &hub->key);
    patterns_init(&hub->patterns, &hub->key);
    table_init(&hub->links, &links_by_ends, &hub->key);
    return hub;
}

void hub_free(struct hub *hub)
{
    if (hub == NULL)
        return;
    must(hub->subscribers == 0);
    channels_clear(&hub->channels);
    channels_clear(&hub->shards);
    patterns_clear(&hub->patterns);
    table_clear(&hub->links, NULL, NULL);
    memory_free(hub);
}

struct topic *hub_find(const struct hub *hub, enum topic_kind kind, struct slice name)
{
    if (kind == TOPIC_PATTERN)
        return patterns_find(&hub->patterns, name);
    return channels_find(kind == TOPIC_SHARD ? &hub->shards : &hub->channels, name);
}

struct topic *hub_open(struct hub *hub, enum topic_kind kind, struct slice name)
{
    if (kind == TOPIC_PATTERN)
        return patterns_open(&hub->patterns, name);
    return channels_open(kind == TOPIC_SHARD ? &hub->shards : &hub->channels, name);
}

void hub_close(struct hub *hub, struct topic *topic)
{
    if (topic->kind == TOPIC_PATTERN)
        patterns_close(&hub->patterns, topic);
    else
        channels_close(topic->kind == TOPIC_SHARD ? &hub->shards : &hub->channels, topic);
}

size_t hub_publish(struct hub *hub, enum topic_kind kind, struct slice channel,
                   struct slice payload)
{
    struct bytes *body = NULL;
    const struct topic *topic = hub_find(hub, kind, channel);
    size_t receivers = 0;

    if (topic != NULL) {
        topic_tell(topic, channel, payload, &body);
        receivers += topic->count;
    }
    if (kind == TOPIC_CHANNEL) {
        topic = patterns_first(&hub->patterns, channel);
        for (; topic != NULL; topic = patterns_next(topic, channel)) {
            topic_tell(topic, channel, payload, &body);
            receivers += topic->count;
        }
    }
    bytes_drop(body);
    hub->published++;
    hub->delivered += receivers;
    return receivers;
}

static struct table *topics_of(struct hub *hub, enum topic_kind kind)
{
    if (kind == TOPIC_PATTERN)
        return &hub->patterns.topics;
    return kind == TOPIC_SHARD ? &hub->shards.topics : &hub->channels.topics;
}

/* To look at what a walk needs to be able to change. */
static struct hub *opened(const struct hub *hub)
{
    return (struct hub *)(uintptr_t)hub;
}

bool hub_is_empty(const struct hub *hub)
{
    return table_count(&hub->links) == 0;
}

size_t hub_topics(const struct hub *hub, enum topic_kind kind)
{
    return table_count(topics_of(opened(hub), kind));
}

size_t hub_hearers(const struct hub *hub, enum topic_kind kind, struct slice name)
{
    const struct topic *topic = hub_find(hub, kind, name);

    return topic != NULL ? topic->count : 0;
}

void hub_visit(struct hub *hub, enum topic_kind kind, void (*visit)(void *who, struct slice name),
               void *who)
{
    struct table_walk walk;
    void *item = table_walk_begin(&walk, topics_of(hub, kind));

    for (; item != NULL; item = table_walk_next(&walk))
        visit(who, topic_name(item));
    table_walk_end(&walk);
}

uint64_t hub_published(const struct hub *hub)
{
    return hub->published;
}

uint64_t hub_delivered(const struct hub *hub)
{
    return hub->delivered;
}

/* A topic with a name of medium length and one hearer. */
enum { TOPIC_BYTES = 128 };

size_t hub_memory(const struct hub *hub)
{
    struct hub *open = opened(hub);
    size_t bytes = table_memory(&hub->links);

    for (int kind = 0; kind < TOPIC_KINDS; kind++) {
        const struct table *topics = topics_of(open, (enum topic_kind)kind);

        bytes += table_memory(topics) + table_count(topics) * TOPIC_BYTES;
    }
    return bytes;
}

static void check_link(const struct hub *hub, const struct link *link)
{
    const struct topic *topic = link->topic;

    must(link->at_topic < topic->count);
    must(topic->hearers[link->at_topic].link == link);
    must(subscriber_link(link->subscriber, topic->kind, link->at_subscriber) == link);
    must(hub_find(hub, topic->kind, topic_name(topic)) == topic);
}

/* Asserts that every topic of a kind is heard; returns by how many in all. */
static size_t check_topics(struct hub *hub, enum topic_kind kind)
{
    struct table_walk walk;
    const struct topic *topic = table_walk_begin(&walk, topics_of(hub, kind));
    size_t hearers = 0;

    for (; topic != NULL; topic = table_walk_next(&walk)) {
        must(topic->count > 0 && topic->kind == kind);
        hearers += topic->count;
    }
    table_walk_end(&walk);
    table_check(topics_of(hub, kind));
    return hearers;
}

void hub_check(const struct hub *hub)
{
    struct hub *open = opened(hub);
    struct table_walk walk;
    const struct link *link = table_walk_begin(&walk, &open->links);

    for (; link != NULL; link = table_walk_next(&walk))
        check_link(hub, link);
    table_walk_end(&walk);
    table_check(&hub->links);
    must(check_topics(open, TOPIC_CHANNEL) + check_topics(open, TOPIC_SHARD) +
             check_topics(open, TOPIC_PATTERN) ==
         table_count(&hub->links));
    patterns_check(&hub->patterns);
}
