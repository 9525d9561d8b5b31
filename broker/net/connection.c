/*
 * Reading and writing.
 *
 * Bytes are read into one buffer that all connections of a thread share, and
 * shown to the handler there. Only what it does not take is copied into a
 * buffer of the connection's own, which goes as soon as it is empty. A
 * connection waiting for the rest of a large word reads straight into its own.
 *
 * What always holds:
 *   (1) `unread` holds the bytes that were shown and not taken, in order.
 *   (2) A connection is in the chain `sending` or `sending_last` if its outbox may have
 *       bytes; in the latter if, and only if, `sends_last`.
 *   (3) A connection is in the chain `ending` once it is closing; it is freed
 *       in connections_close, never while its handler runs.
 */
#include "broker/net/connection.h"

#include <errno.h>
#include <ev.h>
#include <sys/socket.h>
#include <unistd.h>

#include "broker/metrics/metrics.h"
#include "broker/net/address.h"
#include "broker/net/loop.h"
#include "storage/base/buffer.h"
#include "storage/base/chain.h"
#include "storage/base/memory.h"
#include "storage/base/must.h"

enum {
    READ_BYTES = 64 * 1024,        /* the shared buffer: most bytes taken from one peer a turn */
    LARGE_OUTPUT = 64 * 1024,      /* the handler is told of more than that before it is sent */
    GROW_MOST = 4 * 1024 * 1024,   /* a buffer of its own grows by at most so much at once */
    OWN_BYTES = 1024 * 1024,       /* most of a long word read in one turn */
    VECTORS = 64,                  /* spans sent with one system call */
    SENT_A_STEP = 16,              /* outboxes of messages: the others go on in the next turn ... */
    MUCH_OUTPUT = 16 * 1024        /* ... unless as much has come together in them */
};

struct connections {
    struct loop        *loop;
    struct metrics     *metrics;
    struct outbox_pool *pool;
    struct chain        readable;
    struct chain        sending;
    struct chain        sending_last;
    struct chain        ending;
    struct chain        waking;
    struct chain        held;  /* whose outboxes wait for a promise */
    uint64_t            promised;
    bool                broken; /* promises will not be kept: nobody is held, but closed */
    size_t              count;
    char               *input; /* READ_BYTES that are shown and then read over */
};

struct connection {
    ev_io                            reader;
    struct outbox                    outbox;
    struct buffer                    unread;
    size_t                           wanted; /* bytes before the handler can go on */
    struct chain                     readable;
    struct chain                     sending;
    struct chain                     ending;
    struct chain                     waking;
    struct chain                     held;
    uint64_t                         gate;  /* the promise that is waited for; 0: none */
    size_t                           free;  /* bytes of the outbox that may leave now ... */
    size_t                           gated; /* ... and as many again when the gate opens */
    struct connections              *all;
    const struct transport          *transport;
    void                            *transport_who;
    const struct connection_handler *handler;
    void                            *who;
    const char                      *reason; /* why it ends, once it does */
    ev_io                            writer;
    bool                             closing;
    bool                             close_when_sent;
    bool                             writing; /* the socket was full: libev says when it is not */
    bool                             sends_last; /* it is in the chain for what nobody asked for */
    bool                             behind;  /* the handler was told of a backlog */
};

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
    all->input = memory_new(READ_BYTES);
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

size_t connections_count(const struct connections *all)
{
    return all->count;
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

/* Keeps what the handler did not take of bytes that lie in the shared buffer. */
static void keep_rest(struct connection *connection, struct slice rest)
{
    if (rest.len > 0)
        buffer_add(&connection->unread, rest);
}

static void drop_taken(struct connection *connection, size_t taken)
{
    if (taken == connection->unread.len)
        buffer_clear(&connection->unread);
    else if (taken > 0)
        buffer_drop_front(&connection->unread, taken);
}

static void show_input(struct connection *connection, struct slice fresh)
{
    size_t wanted = 0;
    size_t taken;

    if (connection->unread.len == 0) {
        taken = connection->handler->input(connection->who, fresh, &wanted);
        keep_rest(connection, slice_after(fresh, taken));
    } else {
        /* Its size is known: no room to spare is wanted, as much as is there already is. */
        if (connection->wanted > connection->unread.len + fresh.len)
            buffer_reserve_tight(&connection->unread,
                                 connection->wanted - connection->unread.len < READ_BYTES
                                     ? connection->wanted - connection->unread.len
                                     : fresh.len);
        buffer_add(&connection->unread, fresh);
        taken = connection->handler->input(connection->who, buffer_slice(&connection->unread),
                                           &wanted);
        drop_taken(connection, taken);
    }
    connection->wanted = wanted > taken ? wanted - taken : 0;
    (void)connection->handler->kept(connection->who);
}

/* Reads the rest of a large word where it is going to stay. */
static ssize_t read_own(struct connection *connection)
{
    struct buffer *unread = &connection->unread;
    size_t missing = connection->wanted - unread->len;
    ssize_t got;

    if (missing > unread->capacity - unread->len) {
        size_t step = missing < GROW_MOST ? missing : GROW_MOST;

        /* Room follows what really came, so that a claim alone costs nothing. */
        if (step > unread->len && step > READ_BYTES)
            step = unread->len > READ_BYTES ? unread->len : READ_BYTES;
        buffer_reserve_tight(unread, step);
        if (!connection->handler->kept(connection->who)) {
            errno = EAGAIN;
            return -1;
        }
    }
    got = connection->transport->read(connection->transport_who, connection->reader.fd,
                                      unread->at + unread->len, unread->capacity - unread->len);
    if (got > 0) {
        buffer_commit(unread, (size_t)got);
        if (unread->len >= connection->wanted)
            show_input(connection, SLICE(""));
    }
    return got;
}

/* The same again while more is there at once, up to a megabyte: long words come in few turns. */
static ssize_t read_own_on(struct connection *connection)
{
    ssize_t total = 0;

    while (total < OWN_BYTES && connection->wanted > connection->unread.len) {
        ssize_t got = read_own(connection);

        if (got <= 0)
            return total > 0 ? total : got;
        total += got;
        if (connection->closing)
            break;
    }
    return total;
}

/* libev tells of the latest first: whoever is told of last is read from first. */
static void on_readable(struct ev_loop *ev, ev_io *watcher, int events)
{
    struct connection *connection = watcher->data;

    (void)ev;
    (void)events;
    if (!chain_linked(&connection->readable))
        chain_put_first(&connection->all->readable, &connection->readable);
}

static void read_input(struct connection *connection)
{
    struct connections *all = connection->all;
    ssize_t got;

    if (UNLIKELY(connection->closing))
        return;
    if (UNLIKELY(connection->wanted > connection->unread.len + READ_BYTES)) {
        got = read_own_on(connection);
    } else {
        got = connection->transport->read(connection->transport_who, connection->reader.fd,
                                          all->input, READ_BYTES);
        if (LIKELY(got > 0))
            show_input(connection, slice_of(all->input, (size_t)got));
        if (UNLIKELY(connection->wanted > connection->unread.len + READ_BYTES) &&
            !connection->closing) {
            ssize_t more = read_own_on(connection);

            got += more > 0 ? more : 0;
        }
    }
    if (LIKELY(got > 0)) {
        all->metrics->net_input_bytes += (uint64_t)got;
        all->metrics->reads_processed++;
        if (outbox_pending(&connection->outbox) > 0)
            connection_wants_send(connection);
        return;
    }
    if (got == 0)
        connection_close(connection, "the peer closed it");
    else if (errno != EAGAIN && errno != EINTR)
        connection_close(connection, "reading failed");
}

bool connections_read(void *connections)
{
    struct connections *all = connections;

    while (!chain_is_empty(&all->readable)) {
        struct connection *connection =
            CHAIN_OWNER(all->readable.next, struct connection, readable);

        chain_leave(&connection->readable);
        read_input(connection);
    }
    return false;
}

static void on_writable(struct ev_loop *ev, ev_io *watcher, int events)
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
        connection->free = 0;
        chain_leave(&connection->held);
        return pending;
    }
    if (connection->gate != 0 && connection->gate <= all->promised) {
        connection->free += connection->gated;
        connection->gate = 0;
    }
    if (connection->gate == 0) {
        connection->gate = leaving;
        connection->gated = pending - connection->free;
    }
    if (UNLIKELY(all->broken))
        connection_close(connection, "what it was to be told may be lost");
    if (!chain_linked(&connection->held))
        chain_put_last(&all->held, &connection->held);
    return all->broken ? 0 : connection->free;
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

void connection_send_now(struct connection *connection)
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
    while (most > 0) {
        struct iovec vectors[VECTORS];
        int count = shorten(vectors, outbox_vectors(outbox, vectors, VECTORS), most);
        size_t offered = 0;
        ssize_t sent = connection->transport->write(connection->transport_who,
                                                    connection->reader.fd, vectors, count);

        if (sent < 0) {
            if (errno == EINTR)
                continue;
            if (errno == EAGAIN)
                fall_behind(connection);
            else
                connection_close(connection, "writing failed");
            return;
        }
        for (int i = 0; i < count; i++)
            offered += vectors[i].iov_len;
        outbox_sent(outbox, (size_t)sent);
        most -= (size_t)sent;
        if (UNLIKELY(connection->gate != 0))
            connection->free -= (size_t)sent;
        connection->all->metrics->net_output_bytes += (uint64_t)sent;
        connection->all->metrics->writes_processed++;
        if ((size_t)sent < offered) {
            fall_behind(connection);
            return;
        }
    }
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
            connection_send_now(connection);
    }
}

bool connections_send(void *connections)
{
    struct connections *all = connections;

    send_those_of(&all->sending, SIZE_MAX);
    send_those_of(&all->sending_last, SENT_A_STEP);
    return false;
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

bool connections_wake(void *connections)
{
    struct connections *all = connections;
    struct chain waking;

    chain_init(&waking);
    chain_move_all(&all->waking, &waking);
    while (!chain_is_empty(&waking)) {
        struct connection *connection = CHAIN_OWNER(waking.next, struct connection, waking);

        chain_leave(&connection->waking);
        if (!connection->closing && connection->unread.len > 0)
            show_input(connection, SLICE(""));
        connection_wants_send(connection);
    }
    return !chain_is_empty(&all->waking);
}

void connections_meanwhile(void *connections)
{
    struct connections *all = connections;
    char *input = all->input;
    struct chain readable;

    /* What lies in the shared buffer is still being looked at. */
    all->input = memory_new(READ_BYTES);
    chain_init(&readable);
    chain_move_all(&all->readable, &readable);
    while (!chain_is_empty(&readable)) {
        struct connection *connection = CHAIN_OWNER(readable.next, struct connection, readable);

        chain_leave(&connection->readable);
        read_input(connection);
    }
    memory_free(all->input);
    all->input = input;
    (void)connections_send(all);
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
    ev_io_init(&connection->reader, on_readable, fd, EV_READ);
    ev_io_init(&connection->writer, on_writable, fd, EV_WRITE);
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
