/*
 * Topics by their exact name: channels, or shard channels.
 */
#ifndef PUBSUB_CHANNELS_H
#define PUBSUB_CHANNELS_H

#include "pubsub/topic.h"
#include "storage/index/table.h"

struct channels {
    struct table topics;  /* Private. */
    enum topic_kind kind; /* Private. */
};

/* An empty set of topics of one kind. The key is borrowed. */
void channels_init(struct channels *channels, enum topic_kind kind, const struct hash_key *key);

/* Frees it; nobody may be subscribed any more. */
void channels_clear(struct channels *channels);

/* The topic of that name, or NULL. */
struct topic *channels_find(const struct channels *channels, struct slice name);

/* The topic of that name, made if it is not there. */
struct topic *channels_open(struct channels *channels, struct slice name);

/* Takes a topic that nobody hears out and frees it. */
void channels_close(struct channels *channels, struct topic *topic);

#endif
