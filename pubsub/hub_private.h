/* What hub.c and subscriber.c share. */
#ifndef PUBSUB_HUB_PRIVATE_H
#define PUBSUB_HUB_PRIVATE_H

#include "pubsub/channels.h"
#include "pubsub/hub.h"
#include "pubsub/patterns.h"

struct hub {
    struct channels channels;
    struct channels shards;
    struct patterns patterns;
    struct table links; /* every subscription, by topic and subscriber */
    struct hash_key key;
    uint64_t published;
    uint64_t delivered;
    size_t subscribers;
};

/* The topic of a kind and name, or NULL; made if it is missing; closed when nobody hears it. */
struct topic *hub_find(const struct hub *hub, enum topic_kind kind, struct slice name);
struct topic *hub_open(struct hub *hub, enum topic_kind kind, struct slice name);
void hub_close(struct hub *hub, struct topic *topic);

/* The links of a subscriber of one kind: how many, and one of them. For hub_check. */
const struct link *subscriber_link(const struct subscriber *subscriber, enum topic_kind kind,
                                   size_t index);

#endif
