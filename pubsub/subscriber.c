#include "pubsub/subscriber.h"

#include "pubsub/hub_private.h"
#include "storage/base/memory.h"

struct links {
    struct link **at;
    uint32_t count;
    uint32_t capacity;
};

struct subscriber {
    struct hub *hub;
    struct sink *sink;
    struct links of[TOPIC_KINDS];
};

struct subscriber *subscriber_new(struct hub *hub, struct sink *sink)
{
    struct subscriber *subscriber = memory_new_zeroed(1, sizeof(*subscriber));

    subscriber->hub = hub;
    subscriber->sink = sink;
    hub->subscribers++;
    return subscriber;
}

struct sink *subscriber_sink(const struct subscriber *subscriber)
{
    return subscriber->sink;
}

/* The bytes a link is found by. */
static struct slice link_key(const struct link *link)
{
    return slice_of(link, offsetof(struct link, at_topic));
}

/* The subscription of this subscriber to a topic, or NULL. */
static struct link *find(const struct subscriber *subscriber, const struct topic *topic)
{
    struct link probe = { .topic = (struct topic *)(uintptr_t)topic,
                          .subscriber = (struct subscriber *)(uintptr_t)subscriber };
    const struct table *links = &subscriber->hub->links;

    return table_find(links, link_key(&probe), table_hash(links, link_key(&probe)));
}

bool subscriber_join(struct subscriber *subscriber, enum topic_kind kind, struct slice name)
{
    struct hub *hub = subscriber->hub;
    struct topic *topic = hub_open(hub, kind, name);
    struct links *links = &subscriber->of[kind];
    struct link *link;

    if (find(subscriber, topic) != NULL)
        return false;

    link = memory_new(sizeof(*link));
    *link = (struct link){ .topic = topic, .subscriber = subscriber };
    topic_add(topic, link, subscriber->sink);
    if (links->count == links->capacity) {
        links->capacity = links->capacity == 0 ? 1 : links->capacity * 2;
        links->at = memory_resize(links->at, links->capacity * sizeof(*links->at));
    }
    link->at_subscriber = links->count;
    links->at[links->count++] = link;
    table_add(&hub->links, link, table_hash(&hub->links, link_key(link)));
    return true;
}

/* Takes a link out of table, topic and subscriber, closes a topic nobody hears any more. */
static void cut(struct subscriber *subscriber, struct link *link)
{
    struct hub *hub = subscriber->hub;
    struct topic *topic = link->topic;
    struct links *links = &subscriber->of[topic->kind];

    must(table_remove_item(&hub->links, link, table_hash(&hub->links, link_key(link))));
    topic_remove(topic, link);
    links->count--;
    links->at[link->at_subscriber] = links->at[links->count];
    links->at[link->at_subscriber]->at_subscriber = link->at_subscriber;
    if (topic->count == 0)
        hub_close(hub, topic);
    memory_free(link);
}

bool subscriber_leave(struct subscriber *subscriber, enum topic_kind kind, struct slice name)
{
    const struct topic *topic = hub_find(subscriber->hub, kind, name);
    struct link *link = topic != NULL ? find(subscriber, topic) : NULL;

    if (link == NULL)
        return false;
    cut(subscriber, link);
    return true;
}

void subscriber_free(struct subscriber *subscriber)
{
    if (subscriber == NULL)
        return;
    for (int kind = 0; kind < TOPIC_KINDS; kind++) {
        struct links *links = &subscriber->of[kind];

        while (links->count > 0)
            cut(subscriber, links->at[links->count - 1]);
        memory_free(links->at);
    }
    subscriber->hub->subscribers--;
    memory_free(subscriber);
}

size_t subscriber_count(const struct subscriber *subscriber, enum topic_kind kind)
{
    return subscriber->of[kind].count;
}

struct slice subscriber_at(const struct subscriber *subscriber, enum topic_kind kind, size_t index)
{
    must(index < subscriber->of[kind].count);
    return topic_name(subscriber->of[kind].at[index]->topic);
}

const struct link *subscriber_link(const struct subscriber *subscriber, enum topic_kind kind,
                                   size_t index)
{
    must(index < subscriber->of[kind].count);
    return subscriber->of[kind].at[index];
}

size_t subscriber_memory(const struct subscriber *subscriber)
{
    size_t bytes = memory_good_size(sizeof(*subscriber));

    for (int kind = 0; kind < TOPIC_KINDS; kind++) {
        const struct links *links = &subscriber->of[kind];

        bytes += memory_usable(links->at) + links->count * memory_good_size(sizeof(struct link));
    }
    return bytes;
}
