/*
 * What always holds:
 *   (1) subscriptions[0 .. count) is what we listen to or have asked to; each
 *       name is there once for its kind.
 *   (2) Messages of names that are no longer there are dropped: they were under
 *       way when we stopped listening.
 */
#include "clients/lib/mr_subscriber.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

struct subscription {
    char            *name;
    bool             is_pattern;
    mr_message_hook *hook;
    void            *owner;
};

struct mr_subscriber {
    struct mr_link      *link;
    struct subscription *subscriptions;
    size_t               count;
    size_t               room;
    size_t               confirmed;
    char                 refusal[256];
};

struct mr_subscriber *mr_subscriber_new(struct mr_link *link)
{
    struct mr_subscriber *subscriber = calloc(1, sizeof *subscriber);

    if (subscriber != NULL)
        subscriber->link = link;
    return subscriber;
}

void mr_subscriber_free(struct mr_subscriber *subscriber)
{
    if (subscriber == NULL)
        return;
    for (size_t i = 0; i < subscriber->count; i++)
        free(subscriber->subscriptions[i].name);
    free(subscriber->subscriptions);
    free(subscriber);
}

static struct subscription *find(struct mr_subscriber *subscriber, const char *name, size_t length,
                                 bool is_pattern)
{
    for (size_t i = 0; i < subscriber->count; i++) {
        struct subscription *at = &subscriber->subscriptions[i];

        if (at->is_pattern == is_pattern && strlen(at->name) == length &&
            memcmp(at->name, name, length) == 0)
            return at;
    }
    return NULL;
}

static bool add(struct mr_subscriber *subscriber, const char *name, bool is_pattern,
                mr_message_hook *hook, void *owner)
{
    struct subscription *at = find(subscriber, name, strlen(name), is_pattern);

    if (at != NULL) {
        at->hook = hook;
        at->owner = owner;
        return true;
    }
    if (subscriber->count == subscriber->room) {
        size_t room = subscriber->room > 0 ? subscriber->room * 2 : 8;
        struct subscription *grown = realloc(subscriber->subscriptions, room * sizeof *grown);

        if (grown == NULL)
            return false;
        subscriber->subscriptions = grown;
        subscriber->room = room;
    }

    char *copy = strdup(name);

    if (copy == NULL)
        return false;
    subscriber->subscriptions[subscriber->count++] =
        (struct subscription){.name = copy, .is_pattern = is_pattern, .hook = hook, .owner = owner};
    return mr_link_say_words(subscriber->link, is_pattern ? "PSUBSCRIBE" : "SUBSCRIBE", name,
                             (char *)NULL);
}

bool mr_subscriber_channel(struct mr_subscriber *subscriber, const char *channel,
                           mr_message_hook *hook, void *owner)
{
    return add(subscriber, channel, false, hook, owner);
}

bool mr_subscriber_pattern(struct mr_subscriber *subscriber, const char *pattern,
                           mr_message_hook *hook, void *owner)
{
    return add(subscriber, pattern, true, hook, owner);
}

static bool drop(struct mr_subscriber *subscriber, const char *name, bool is_pattern)
{
    struct subscription *at = find(subscriber, name, strlen(name), is_pattern);

    if (at == NULL)
        return false;
    if (!mr_link_say_words(subscriber->link, is_pattern ? "PUNSUBSCRIBE" : "UNSUBSCRIBE", name,
                           (char *)NULL))
        return false;
    free(at->name);
    *at = subscriber->subscriptions[--subscriber->count];
    return true;
}

bool mr_subscriber_drop_channel(struct mr_subscriber *subscriber, const char *channel)
{
    return drop(subscriber, channel, false);
}

bool mr_subscriber_drop_pattern(struct mr_subscriber *subscriber, const char *pattern)
{
    return drop(subscriber, pattern, true);
}

bool mr_subscriber_renew(struct mr_subscriber *subscriber)
{
    subscriber->confirmed = 0;
    subscriber->refusal[0] = '\0';
    for (size_t i = 0; i < subscriber->count; i++) {
        const struct subscription *at = &subscriber->subscriptions[i];

        if (!mr_link_say_words(subscriber->link, at->is_pattern ? "PSUBSCRIBE" : "SUBSCRIBE",
                               at->name, (char *)NULL))
            return false;
    }
    return true;
}

const char *mr_subscriber_refusal(const struct mr_subscriber *subscriber)
{
    return subscriber->refusal;
}

size_t mr_subscriber_confirmed(const struct mr_subscriber *subscriber)
{
    return subscriber->confirmed;
}

/* Hands a message to its callback; false if nobody here listens to it any more. */
static bool deliver(struct mr_subscriber *subscriber, const struct mr_reply *reply)
{
    bool is_pattern = mr_reply_is(&reply->children[0], "pmessage");
    const struct mr_reply *name = &reply->children[1];
    const struct mr_reply *channel = &reply->children[is_pattern ? 2 : 1];
    const struct mr_reply *text = &reply->children[is_pattern ? 3 : 2];
    struct subscription *at;

    if (name->text == NULL || channel->text == NULL || text->text == NULL)
        return false;
    at = find(subscriber, name->text, name->length, is_pattern);
    if (at == NULL)
        return false;

    struct mr_message message = {.pattern = is_pattern ? name->text : NULL,
                                 .channel = channel->text,
                                 .channel_length = channel->length,
                                 .text = text->text,
                                 .length = text->length};

    at->hook(at->owner, &message);
    return true;
}

/* Takes one reply or push; true if it was a message that reached its callback. */
static bool take(struct mr_subscriber *subscriber, const struct mr_reply *reply)
{
    if (reply->type == MR_ERROR) {
        snprintf(subscriber->refusal, sizeof subscriber->refusal, "%s", reply->text);
        return false;
    }
    if ((reply->type != MR_ARRAY && reply->type != MR_PUSH) || reply->count < 3)
        return false;

    const struct mr_reply *kind = &reply->children[0];

    if (mr_reply_is(kind, "message") || (mr_reply_is(kind, "pmessage") && reply->count == 4))
        return deliver(subscriber, reply);
    if (reply->children[2].type == MR_INTEGER && reply->children[2].integer >= 0)
        subscriber->confirmed = (size_t)reply->children[2].integer;
    return false;
}

enum mr_outcome mr_subscriber_turn(struct mr_subscriber *subscriber, int timeout_ms)
{
    struct mr_reply *reply;
    enum mr_outcome outcome;

    /* A confirmation begins the wait again: they are few and come at once. */
    while ((outcome = mr_link_hear(subscriber->link, timeout_ms, &reply)) == MR_HEARD) {
        bool delivered = take(subscriber, reply);

        mr_reply_free(reply);
        if (delivered)
            return MR_HEARD;
        if (subscriber->refusal[0] != '\0')
            return MR_GONE;
    }
    return outcome;
}
