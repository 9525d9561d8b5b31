#include "broker/session/subscription.h"

#include "broker/net/connection.h"
#include "broker/session/overflow.h"
#include "broker/session/sessions.h"
#include "pubsub/subscriber.h"
#include "storage/base/memory.h"
#include "storage/base/must.h"

/* Up to here copying costs less than keeping another span and share. */
enum { COPY_UP_TO = 2048 };

/* The sink of one session. */
struct ear {
    struct sink sink; /* first, so that a sink is its ear */
    struct session *session;
};

/* The session published it itself, or caused it: it follows the reply, which it must not split. */
static void receive_behind(struct session *session, const struct message *message)
{
    buffer_add_byte(&session->behind, session->reply.resp3 ? '>' : '*');
    buffer_add(&session->behind, message->head);
    buffer_add(&session->behind, bytes_slice(message->body));
}

static void receive(struct sink *sink, const struct message *message)
{
    struct session *session = ((struct ear *)(void *)sink)->session;
    struct outbox *out = session->reply.out;
    struct slice head = message->head;
    size_t body = bytes_len(message->body);
    bool copied = body <= COPY_UP_TO;
    size_t room = 1 + head.len + (copied ? body : 0);
    char *at;

    if (session->in_call) {
        receive_behind(session, message);
        return;
    }
    if (UNLIKELY(session->overflow != NULL) &&
        overflow_takes(session, message, sessions_options(session->home)))
        return;
    at = outbox_reserve(out, room);
    at[0] = session->reply.resp3 ? '>' : '*';
    memcpy(at + 1, head.at, head.len);
    if (copied)
        memcpy(at + 1 + head.len, message->body->at, body);
    outbox_commit(out, room);
    if (!copied)
        outbox_share(out, message->body, bytes_slice(message->body));
    if (session->connection != NULL)
        connection_wants_send_last(session->connection);
}

static uint64_t identity(const struct sink *sink)
{
    return ((const struct ear *)(const void *)sink)->session->id;
}

static struct subscriber *open_subscriber(struct session *session, struct hub *hub)
{
    struct ear *ear = memory_new(sizeof(*ear));

    *ear = (struct ear){ .sink = { .receive = receive, .identity = identity }, .session = session };
    return subscriber_new(hub, &ear->sink);
}

/* Keeps the session's own counts, which others read without knowing of hubs. */
static void recount(struct session *session)
{
    session->channels = (uint32_t)subscription_count(session, TOPIC_CHANNEL);
    session->patterns = (uint32_t)subscription_count(session, TOPIC_PATTERN);
    session->shards = (uint32_t)subscription_count(session, TOPIC_SHARD);
}

bool subscription_join(struct session *session, struct hub *hub, enum topic_kind kind,
                       struct slice name)
{
    bool joined;

    if (session->subscriber == NULL)
        session->subscriber = open_subscriber(session, hub);
    joined = subscriber_join(session->subscriber, kind, name);
    recount(session);
    return joined;
}

bool subscription_leave(struct session *session, enum topic_kind kind, struct slice name)
{
    bool left = session->subscriber != NULL && subscriber_leave(session->subscriber, kind, name);

    recount(session);
    return left;
}

size_t subscription_count(const struct session *session, enum topic_kind kind)
{
    return session->subscriber != NULL ? subscriber_count(session->subscriber, kind) : 0;
}

bool subscription_any(const struct session *session, enum topic_kind kind, struct slice *name)
{
    size_t count = subscription_count(session, kind);

    if (count == 0)
        return false;
    *name = subscriber_at(session->subscriber, kind, count - 1);
    return true;
}

struct slice subscription_at(const struct session *session, enum topic_kind kind, size_t index)
{
    return subscriber_at(session->subscriber, kind, index);
}

void subscription_end(struct session *session)
{
    struct sink *sink;

    if (session->subscriber == NULL)
        return;
    sink = subscriber_sink(session->subscriber);
    subscriber_free(session->subscriber);
    memory_free(sink);
    session->subscriber = NULL;
    recount(session);
}

void subscription_farewell(void *who, struct session *session)
{
    (void)who;
    subscription_end(session);
}

size_t subscription_memory(const struct session *session)
{
    if (session->subscriber == NULL)
        return 0;
    return memory_good_size(sizeof(struct ear)) + subscriber_memory(session->subscriber);
}
