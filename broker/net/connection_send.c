/*
 * Sending.
 *
 * What has been put into an outbox leaves at the end of the turn, with one system call
 * where the socket takes it all; what it does not take waits until libev says that it
 * can. Replies may have to wait for a promise, that what they tell is on disk: then the
 * outbox has a gate, and what lies behind it stays until the gate opens.
 */
#include <errno.h>

#include "broker/metrics/metrics.h"
#include "broker/net/connection_private.h"
#include "broker/net/loop.h"
#include "storage/base/must.h"

enum {
    LARGE_OUTPUT = 64 * 1024, /* the handler is told of more than that before it is sent */
    VECTORS = 64,             /* spans sent with one system call */
    SENT_A_STEP = 16,         /* outboxes of messages: the others go on in the next turn ... */
    MUCH_OUTPUT = 16 * 1024   /* ... unless as much has come together in them */
};

void connection_wants_send(struct connection *connection)
{
    if (UNLIKELY(connection->sends_last)) {
        chain_leave(&connection->sending);
        connection->sends_last = false;
    }
    if (!chain_linked(&connection->sending))
        chain_put_last(&connection->all->sending, &connection->sending);
}

void connection_wants_send_last(struct connection *connection)
{
    if (chain_linked(&connection->sending))
        return;
    connection->sends_last = true;
    chain_put_last(&connection->all->sending_last, &connection->sending);
}

void connection_on_writable(struct ev_loop *ev, ev_io *watcher, int events)
{
    struct connection *connection = watcher->data;

    (void)ev;
    (void)events;
    connection_wants_send(connection);
}

static void wait_until_writable(struct connection *connection, bool wait)
{
    if (connection->writing == wait)
        return;
    connection->writing = wait;
    if (wait)
        ev_io_start(loop_ev(connection->all->loop), &connection->writer);
    else
        ev_io_stop(loop_ev(connection->all->loop), &connection->writer);
}

/* Who speaks to this peer is told how much it has not taken. */
static void tell_backlog(struct connection *connection, size_t pending)
{
    connection->behind = pending > 0;
    connection->handler->backlog(connection->who, pending);
}

/*
 * How many bytes may leave: all, unless there is a promise to be waited for. What
 * was put in until then leaves with it; what came later has a gate of its own, so
 * that who goes on asking is answered all the same.
 */
static size_t may_leave(struct connection *connection)
{
    struct connections *all = connection->all;
    size_t pending = outbox_pending(&connection->outbox);
    uint64_t leaving =
        connection->handler->leaving == NULL ? 0 : connection->handler->leaving(connection->who);

    if (LIKELY(leaving <= all->promised)) {
        connection->gate = 0;
        connection->may_leave = 0;
        chain_leave(&connection->held);
        return pending;
    }
    if (connection->gate != 0 && connection->gate <= all->promised) {
        connection->may_leave += connection->gated;
        connection->gate = 0;
    }
    if (connection->gate == 0) {
        connection->gate = leaving;
        connection->gated = pending - connection->may_leave;
    }
    if (UNLIKELY(all->broken))
        connection_close(connection, "what it was to be told may be lost");
    if (!chain_linked(&connection->held))
        chain_put_last(&all->held, &connection->held);
    return all->broken ? 0 : connection->may_leave;
}

void connections_promise(struct connections *all, uint64_t upto)
{
    struct chain *link = all->held.next;

    if (upto == all->promised)
        return;
    all->promised = upto;
    while (link != &all->held) {
        struct connection *connection = CHAIN_OWNER(link, struct connection, held);

        link = link->next;
        if (connection->gate <= upto)
            connection_wants_send(connection);
    }
}

void connections_break(struct connections *all, bool broken)
{
    if (LIKELY(!broken && !all->broken))
        return;
    all->broken = broken;
    for (struct chain *link = all->held.next; broken && link != &all->held; link = link->next)
        connection_close(CHAIN_OWNER(link, struct connection, held),
                         "what it was to be told may be lost");
}

/* The socket is full. */
static void fall_behind(struct connection *connection)
{
    wait_until_writable(connection, true);
    tell_backlog(connection, outbox_pending(&connection->outbox));
}

/* Shortens vectors to at most `most` bytes; returns how many are left. */
static int shorten(struct iovec *vectors, int count, size_t most)
{
    int i;

    for (i = 0; i < count && most > 0; i++) {
        if (vectors[i].iov_len > most)
            vectors[i].iov_len = most;
        most -= vectors[i].iov_len;
    }
    return i;
}

/* Offers the socket at most `*most` bytes, and takes off what it took. False: it takes no more. */
static bool send_some(struct connection *connection, size_t *most)
{
    struct outbox *outbox = &connection->outbox;
    struct metrics *metrics = connection->all->metrics;
    struct iovec vectors[VECTORS];
    int count = shorten(vectors, outbox_vectors(outbox, vectors, VECTORS), *most);
    size_t offered = 0;
    ssize_t sent = connection->transport->write(connection->transport_who, connection->reader.fd,
                                                vectors, count);

    if (sent < 0 && errno == EINTR)
        return true;
    if (sent < 0) {
        if (errno == EAGAIN)
            fall_behind(connection);
        else
            connection_close(connection, "writing failed");
        return false;
    }
    for (int i = 0; i < count; i++)
        offered += vectors[i].iov_len;
    outbox_sent(outbox, (size_t)sent);
    *most -= (size_t)sent;
    if (UNLIKELY(connection->gate != 0))
        connection->may_leave -= (size_t)sent;
    metrics->net_output_bytes += (uint64_t)sent;
    metrics->writes_processed++;
    if ((size_t)sent < offered)
        fall_behind(connection);
    return (size_t)sent == offered;
}

/* Sends as much as may leave and the socket takes. */
static void send_outbox(struct connection *connection)
{
    struct outbox *outbox = &connection->outbox;
    size_t most;

    /* Too much is too much before any of it is sent. */
    if (UNLIKELY(outbox_pending(outbox) > LARGE_OUTPUT || outbox->choked)) {
        tell_backlog(connection, outbox_pending(outbox));
        if (outbox->choked)
            connection_close(connection, "it was sent more than it may leave unread");
        if (connection->closing)
            return;
    }
    most = may_leave(connection);
    while (most > 0)
        if (!send_some(connection, &most))
            return;
    if (UNLIKELY(outbox_pending(outbox) > 0)) {
        wait_until_writable(connection, false); /* it is not the socket that it waits for */
        return;
    }
    if (UNLIKELY(connection->behind)) {
        wait_until_writable(connection, false);
        tell_backlog(connection, 0);
    }
    if (UNLIKELY(connection->close_when_sent))
        connection_close(connection, "it was told to go");
}

/* Sends the outboxes of a chain, but no more of them than `most` unless they hold much. */
static void send_those_of(struct chain *sending, size_t most)
{
    for (size_t sent = 0; !chain_is_empty(sending); sent++) {
        struct connection *connection = CHAIN_OWNER(sending->next, struct connection, sending);

        if (sent >= most && outbox_pending(&connection->outbox) < MUCH_OUTPUT)
            return;
        chain_leave(&connection->sending);
        connection->sends_last = false;
        if (!connection->closing)
            send_outbox(connection);
    }
}

bool connections_send(void *connections)
{
    struct connections *all = connections;

    send_those_of(&all->sending, SIZE_MAX);
    send_those_of(&all->sending_last, SENT_A_STEP);
    return false;
}
