/*
 * A connection from its beginning to its end, and what can be asked of it.
 *
 * What always holds:
 *   (1) `unread` holds the bytes that were shown and not taken, in order
 *       (connection_read.c).
 *   (2) A connection is in the chain `sending` or `sending_last` if its outbox may have
 *       bytes; in the latter if, and only if, `sends_last` (connection_send.c).
 *   (3) A connection is in the chain `ending` once it is closing; it is freed
 *       in connections_close, never while its handler runs.
 */
#include "broker/net/connection.h"

#include <sys/socket.h>
#include <unistd.h>

#include "broker/net/address.h"
#include "broker/net/connection_private.h"
#include "broker/net/loop.h"
#include "storage/base/memory.h"
#include "storage/base/must.h"

static ssize_t plain_read(void *who, int fd, void *to, size_t len)
{
    (void)who;
    return recv(fd, to, len, 0);
}

static ssize_t plain_write(void *who, int fd, const struct iovec *vectors, int count)
{
    (void)who;
    if (count == 1)
        return send(fd, vectors[0].iov_base, vectors[0].iov_len, MSG_NOSIGNAL);
    return writev(fd, vectors, count);
}

static void plain_close(void *who, int fd)
{
    (void)who;
    close(fd);
}

const struct transport transport_plain = { plain_read, plain_write, plain_close };

struct connections *connections_new(struct loop *loop, struct metrics *metrics)
{
    struct connections *all = memory_new_zeroed(1, sizeof(*all));

    all->loop = loop;
    all->metrics = metrics;
    all->pool = outbox_pool_new();
    all->input = memory_new(CONNECTIONS_INPUT_BYTES);
    chain_init(&all->readable);
    chain_init(&all->sending);
    chain_init(&all->sending_last);
    chain_init(&all->ending);
    chain_init(&all->waking);
    chain_init(&all->held);
    all->promised = UINT64_MAX;
    return all;
}

void connections_free(struct connections *all)
{
    if (all == NULL)
        return;
    must(all->count == 0);
    outbox_pool_free(all->pool);
    memory_free(all->input);
    memory_free(all);
}

struct outbox_pool *connections_pool(struct connections *all)
{
    return all->pool;
}

void connection_close(struct connection *connection, const char *reason)
{
    if (connection->closing)
        return;
    connection->closing = true;
    connection->reason = reason;
    chain_put_last(&connection->all->ending, &connection->ending);
}

static void connection_end(struct connection *connection)
{
    struct connections *all = connection->all;
    struct ev_loop *ev = loop_ev(all->loop);

    ev_io_stop(ev, &connection->reader);
    ev_io_stop(ev, &connection->writer);
    connection->handler->closed(connection->who, connection->reason);
    connection->transport->close(connection->transport_who, connection->reader.fd);
    chain_leave(&connection->readable);
    chain_leave(&connection->sending);
    chain_leave(&connection->ending);
    chain_leave(&connection->waking);
    chain_leave(&connection->held);
    outbox_clear(&connection->outbox);
    buffer_clear(&connection->unread);
    memory_free(connection);
    all->count--;
}

bool connections_close(void *connections)
{
    struct connections *all = connections;

    while (!chain_is_empty(&all->ending))
        connection_end(CHAIN_OWNER(all->ending.next, struct connection, ending));
    return !chain_is_empty(&all->sending) || !chain_is_empty(&all->sending_last) ||
           !chain_is_empty(&all->ending) || !chain_is_empty(&all->waking);
}

struct connection *connection_new(struct connections *all, int fd,
                                  const struct transport *transport, void *transport_who,
                                  const struct connection_handler *handler, void *who)
{
    struct connection *connection = memory_new_zeroed(1, sizeof(*connection));

    connection->all = all;
    connection->transport = transport;
    connection->transport_who = transport_who;
    connection->handler = handler;
    connection->who = who;
    outbox_init(&connection->outbox, all->pool);
    chain_init(&connection->readable);
    chain_init(&connection->sending);
    chain_init(&connection->ending);
    chain_init(&connection->waking);
    chain_init(&connection->held);
    ev_io_init(&connection->reader, connection_on_readable, fd, EV_READ);
    ev_io_init(&connection->writer, connection_on_writable, fd, EV_WRITE);
    connection->reader.data = connection;
    connection->writer.data = connection;
    ev_io_start(loop_ev(all->loop), &connection->reader);
    all->count++;
    return connection;
}

struct outbox *connection_outbox(struct connection *connection)
{
    return &connection->outbox;
}

void connection_wake(struct connection *connection)
{
    if (!chain_linked(&connection->waking))
        chain_put_last(&connection->all->waking, &connection->waking);
}

void connection_hang_up(struct connection *connection)
{
    (void)shutdown(connection->reader.fd, SHUT_RDWR);
}

void connection_close_when_sent(struct connection *connection)
{
    connection->close_when_sent = true;
    connection_wants_send(connection);
}

bool connection_closing(const struct connection *connection)
{
    return connection->closing || connection->close_when_sent;
}

bool connection_is_over(const struct connection *connection)
{
    return connection->closing;
}

void connection_pause_reading(struct connection *connection, bool pause)
{
    struct ev_loop *ev = loop_ev(connection->all->loop);

    if (pause)
        ev_io_stop(ev, &connection->reader);
    else
        ev_io_start(ev, &connection->reader);
}

int connection_descriptor(const struct connection *connection)
{
    return connection->reader.fd;
}

size_t connection_unread(const struct connection *connection)
{
    return connection->unread.len;
}

size_t connection_unread_room(const struct connection *connection)
{
    return connection->unread.capacity;
}

size_t connection_memory(const struct connection *connection)
{
    return memory_good_size(sizeof(*connection)) + connection->unread.capacity;
}

void connection_peer_name(const struct connection *connection, char *to, size_t size)
{
    int fd = connection->reader.fd;
    struct sockaddr_storage address = address_own(fd);

    /* The peers of a unix socket have no names: all are told by ours. */
    if (address.ss_family != AF_UNIX)
        address = address_of_peer(fd);
    address_print(&address, to, size);
}

void connection_own_name(const struct connection *connection, char *to, size_t size)
{
    struct sockaddr_storage address = address_own(connection->reader.fd);

    address_print(&address, to, size);
}

bool connection_is_unix(const struct connection *connection)
{
    return address_own(connection->reader.fd).ss_family == AF_UNIX;
}

bool connection_is_loopback(const struct connection *connection)
{
    struct sockaddr_storage address = address_of_peer(connection->reader.fd);

    return address.ss_family == AF_UNIX || address_is_loopback(&address);
}
