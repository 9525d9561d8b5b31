#include "broker/session/limits.h"

#include "broker/config/options.h"
#include "broker/metrics/metrics.h"
#include "broker/net/connection.h"
#include "broker/session/overflow.h"

void limits_input(struct session *session, size_t kept, const struct options *options,
                  struct metrics *metrics)
{
    if (kept <= (uint64_t)options->client_query_buffer_limit ||
        connection_closing(session->connection))
        return;
    metrics->query_buffer_disconnections++;
    connection_close(session->connection, "its request is larger than client-query-buffer-limit");
}

static const struct option_limit *limit_of(const struct session *session,
                                           const struct options *options)
{
    enum option_class class = OPTION_CLASS_NORMAL;

    if (session->is_replica)
        class = OPTION_CLASS_REPLICA;
    else if (session->channels + session->patterns + session->shards > 0)
        class = OPTION_CLASS_PUBSUB;
    return &options->client_output_buffer_limit.of[class];
}

static void close_slow(struct session *session, struct metrics *metrics)
{
    metrics->output_buffer_disconnections++;
    connection_close(session->connection,
                     "it did not read its output up to client-output-buffer-limit");
}

size_t limits_hard(const struct session *session, const struct options *options)
{
    size_t hard = (size_t)limit_of(session, options)->hard;

    /* A replica that goes on from where it was may be sent the whole backlog. */
    if (session->is_replica && hard > 0 && hard < (uint64_t)options->repl_backlog_size)
        return (size_t)options->repl_backlog_size;
    return hard;
}

size_t limits_soft(const struct session *session, const struct options *options)
{
    return (size_t)limit_of(session, options)->soft;
}

void limits_output(struct session *session, size_t pending, const struct options *options,
                   struct metrics *metrics)
{
    const struct option_limit *limit = limit_of(session, options);
    size_t hard = limits_hard(session, options);

    if (hard > 0 && pending >= hard && !connection_closing(session->connection))
        close_slow(session, metrics);
    else if (limit->soft > 0 && pending >= (uint64_t)limit->soft)
        overflow_warn(session, pending, (size_t)limit->soft);
}

void limits_linger(struct session *session, millis now, const struct options *options,
                   struct metrics *metrics)
{
    const struct option_limit *limit = limit_of(session, options);

    if (limit->soft == 0 || outbox_pending(session->reply.out) < (uint64_t)limit->soft)
        session->slow_since = 0;
    else if (session->slow_since == 0)
        session->slow_since = now;
    else if (now - session->slow_since >= limit->soft_seconds * 1000)
        close_slow(session, metrics);
}
