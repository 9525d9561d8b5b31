/*
 * Whoever receives published messages, and what it receives.
 *
 * A message is nearly the same for all who hear it: what differs is its first
 * byte, which tells the protocol, and its head, which tells why it came. What
 * follows, channel and payload, is encoded once and shared by everybody.
 *
 *     * or >    3 CRLF $7 CRLF message CRLF      $4 CRLF news CRLF $5 CRLF hello CRLF
 *     |         head                             body: one struct bytes for all
 *     the sink's
 *
 * Source of the encoding: RESP2 and RESP3 of the Redis documentation; RESP2 has
 * an array where RESP3 has a push.
 */
#ifndef PUBSUB_SINK_H
#define PUBSUB_SINK_H

#include "storage/base/bytes.h"
#include "storage/base/slice.h"

/* One message on its way; borrowed while `receive` runs. */
struct message {
    struct slice head;  /* what follows the first byte: "3\r\n$7\r\nmessage\r\n" */
    struct bytes *body; /* the rest; who keeps it takes a share of its own */
    size_t channel;     /* how many bytes of the body name the channel */
};

/*
 * A receiver embeds this and fills it in. It outlives its subscriber
 * (subscriber.h). Neither function may subscribe, unsubscribe or free one.
 */
struct sink {
    /* Takes one message. Called many times a second; must not wait. */
    void (*receive)(struct sink *sink, const struct message *message);

    /* A number that is this sink's alone, for reports. */
    uint64_t (*identity)(const struct sink *sink);
};

#endif
