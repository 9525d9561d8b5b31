#include "pubsub/channels.h"

static struct slice key_of(const void *item)
{
    return topic_name(item);
}

static const struct table_kind topics_by_name = { .key = key_of };

void channels_init(struct channels *channels, enum topic_kind kind, const struct hash_key *key)
{
    table_init(&channels->topics, &topics_by_name, key);
    channels->kind = kind;
}

void channels_clear(struct channels *channels)
{
    must(table_count(&channels->topics) == 0);
    table_clear(&channels->topics, NULL, NULL);
}

struct topic *channels_find(const struct channels *channels, struct slice name)
{
    void **slot;

    if (table_count(&channels->topics) == 0)
        return NULL;
    slot = table_find_slot_by(&channels->topics, name, table_hash(&channels->topics, name), key_of);
    return slot != NULL ? *slot : NULL;
}

struct topic *channels_open(struct channels *channels, struct slice name)
{
    uint64_t hash = table_hash(&channels->topics, name);
    struct topic *topic = table_find(&channels->topics, name, hash);

    if (topic == NULL) {
        topic = topic_new(channels->kind, name);
        table_add(&channels->topics, topic, hash);
    }
    return topic;
}

void channels_close(struct channels *channels, struct topic *topic)
{
    uint64_t hash = table_hash(&channels->topics, topic_name(topic));

    must(table_remove_item(&channels->topics, topic, hash));
    topic_free(topic);
}
