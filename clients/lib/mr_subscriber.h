/*
 * Listens to channels and patterns, calling back for each message.
 *
 * A subscriber uses a link for itself: in RESP2 nothing else may be said on a
 * connection that listens, and here it is the same in RESP3. What it listens to
 * is remembered, so that a link that was reopened can be brought up again.
 *
 * Costs: a message finds its callback by looking through the subscriptions.
 */
#ifndef MR_SUBSCRIBER_H
#define MR_SUBSCRIBER_H

#include <stdbool.h>
#include <stddef.h>

#include "clients/lib/mr_link.h"

/* One message, borrowed until the callback returns. */
struct mr_message {
    const char *pattern; /* NULL if it came by the channel's own name */
    const char *channel;
    size_t      channel_length;
    const char *text;
    size_t      length;
};

typedef void mr_message_hook(void *owner, const struct mr_message *message);

struct mr_subscriber;

/* A subscriber on a link, which is borrowed and must outlive it. NULL without memory. */
struct mr_subscriber *mr_subscriber_new(struct mr_link *link);

/* Forgets the subscriptions; the link is left as it is. NULL is fine. */
void mr_subscriber_free(struct mr_subscriber *subscriber);

/*
 * Listens to a channel, or to all channels whose names match a pattern. The
 * request is said at once and sent by the next turn. A second time with the same
 * name changes the callback. False without memory or if the link is gone.
 */
bool mr_subscriber_channel(struct mr_subscriber *subscriber, const char *channel,
                           mr_message_hook *hook, void *owner);
bool mr_subscriber_pattern(struct mr_subscriber *subscriber, const char *pattern,
                           mr_message_hook *hook, void *owner);

/* Stops listening. False if it was not listening to that, or the link is gone. */
bool mr_subscriber_drop_channel(struct mr_subscriber *subscriber, const char *channel);
bool mr_subscriber_drop_pattern(struct mr_subscriber *subscriber, const char *pattern);

/*
 * Waits at most 'timeout_ms' for one message (negative: for ever) and calls back.
 * Confirmations are taken on the way. MR_GONE when the link breaks or the broker
 * refuses; mr_subscriber_refusal then has the broker's words if it was that.
 */
enum mr_outcome mr_subscriber_turn(struct mr_subscriber *subscriber, int timeout_ms);

/* What the broker refused with, an empty text if nothing. */
const char *mr_subscriber_refusal(const struct mr_subscriber *subscriber);

/* Says all subscriptions again, after mr_link_reopen. */
bool mr_subscriber_renew(struct mr_subscriber *subscriber);

/* How many channels and patterns the broker has confirmed and not ended. */
size_t mr_subscriber_confirmed(const struct mr_subscriber *subscriber);

#endif
