/*
 * Reading.
 *
 * Bytes are read into one buffer that all connections of a thread share, and
 * shown to the handler there. Only what it does not take is copied into a
 * buffer of the connection's own, which goes as soon as it is empty. A
 * connection waiting for the rest of a large word reads straight into its own.
 *
 * A few connections are read from, one behind the other, before the first is shown
 * its bytes, so that handlers can look ahead. What always holds: arrivals from
 * `shown` to `arrived` were read and not shown yet, their bytes lie in the shared
 * buffer of then, and nothing is read from anybody until they were shown.
 */
#include <errno.h>

#include "broker/metrics/metrics.h"
#include "broker/net/connection_private.h"
#include "storage/base/memory.h"
#include "storage/base/must.h"

enum {
    OWN_BYTES = 1024 * 1024, /* most of a long word read in one turn */
    ROOM_AHEAD = 15          /* times what came of a long word: the room for what is missing */
};

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
                                 connection->wanted - connection->unread.len < CONNECTION_READ_BYTES
                                     ? connection->wanted - connection->unread.len
                                     : fresh.len);
        buffer_add(&connection->unread, fresh);
        taken =
            connection->handler->input(connection->who, buffer_slice(&connection->unread), &wanted);
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
        /*
         * Room follows what really came, so that a claim alone costs nothing. Each step may copy
         * what is there, so they are large; what is not written yet takes no memory.
         */
        size_t came = unread->len > CONNECTION_READ_BYTES ? unread->len : CONNECTION_READ_BYTES;

        buffer_reserve_tight(unread, missing / ROOM_AHEAD < came ? missing : ROOM_AHEAD * came);
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
void connection_on_readable(struct ev_loop *ev, ev_io *watcher, int events)
{
    struct connection *connection = watcher->data;

    (void)ev;
    (void)events;
    if (!chain_linked(&connection->readable))
        chain_put_first(&connection->all->readable, &connection->readable);
}

/* What was asked counts once it was looked at, and is answered at the end of the turn. */
static void note_input(struct connection *connection, size_t len)
{
    struct connections *all = connection->all;

    all->metrics->net_input_bytes += (uint64_t)len;
    all->metrics->reads_processed++;
    if (outbox_pending(&connection->outbox) > 0)
        connection_wants_send(connection);
}

/* Nothing could be read: for now, or for ever. */
static void end_of_input(struct connection *connection, ssize_t got)
{
    if (got == 0)
        connection_close(connection, "the peer closed it");
    else if (errno != EAGAIN && errno != EINTR)
        connection_close(connection, "reading failed");
}

static bool waits_for_long_word(const struct connection *connection)
{
    return connection->wanted > connection->unread.len + CONNECTION_READ_BYTES;
}

static void read_long_word(struct connection *connection)
{
    ssize_t got = read_own_on(connection);

    if (LIKELY(got > 0))
        note_input(connection, (size_t)got);
    else
        end_of_input(connection, got);
}

static void show_arrival(struct connection *connection, struct slice bytes)
{
    size_t len = bytes.len;

    if (UNLIKELY(connection->closing))
        return;
    show_input(connection, bytes);
    if (UNLIKELY(waits_for_long_word(connection)) && !connection->closing) {
        ssize_t more = read_own_on(connection);

        len += more > 0 ? (size_t)more : 0;
    }
    note_input(connection, len);
}

/* Shows what was read, in the order of reading; some of it may have been shown already. */
static void show_arrivals(struct connections *all)
{
    while (all->shown < all->arrived) {
        unsigned next = all->shown++;

        show_arrival(all->arrivals[next].connection, all->arrivals[next].bytes);
    }
}

/*
 * Reads from those that have something, one behind the other into the shared buffer, as
 * long as what came is little. Who waits for a long word is read from alone.
 */
static void gather(struct connections *all)
{
    size_t used = 0;

    all->shown = all->arrived = 0;
    while (!chain_is_empty(&all->readable) && all->arrived < CONNECTIONS_TOGETHER &&
           used <= CONNECTIONS_LITTLE) {
        struct connection *connection =
            CHAIN_OWNER(all->readable.next, struct connection, readable);
        ssize_t got;

        if (UNLIKELY(waits_for_long_word(connection)) && all->arrived > 0)
            return;
        chain_leave(&connection->readable);
        if (UNLIKELY(connection->closing))
            continue;
        if (UNLIKELY(waits_for_long_word(connection))) {
            read_long_word(connection);
            continue;
        }
        got = connection->transport->read(connection->transport_who, connection->reader.fd,
                                          all->input + used, CONNECTION_READ_BYTES);
        if (UNLIKELY(got <= 0)) {
            end_of_input(connection, got);
            continue;
        }
        all->arrivals[all->arrived++] =
            (struct arrival){ connection, slice_of(all->input + used, (size_t)got) };
        used += (size_t)got;
    }
}

/* Tells the handler of several that come with requests, not with the rest of one. */
static void look_ahead(struct connections *all)
{
    const struct connection_handler *handler = NULL;
    struct preview previews[CONNECTIONS_TOGETHER];
    size_t count = 0;

    for (unsigned i = 0; i < all->arrived; i++) {
        const struct connection *connection = all->arrivals[i].connection;

        if (connection->handler->ahead == NULL || connection->unread.len > 0 ||
            (handler != NULL && handler != connection->handler))
            continue;
        handler = connection->handler;
        previews[count++] = (struct preview){ connection->who, all->arrivals[i].bytes };
    }
    if (count > 1)
        handler->ahead(previews, count);
}

/*
 * Bytes are shown when several connections have been read from: what the first ones will
 * look at is on its way from memory then.
 */
static void read_all(struct connections *all)
{
    show_arrivals(all);
    while (!chain_is_empty(&all->readable)) {
        gather(all);
        if (all->arrived > 1)
            look_ahead(all);
        show_arrivals(all);
    }
}

bool connections_read(void *connections)
{
    read_all(connections);
    return false;
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

    /* What lies in the shared buffer is still being looked at, or not shown yet. */
    all->input = memory_new(CONNECTIONS_INPUT_BYTES);
    read_all(all);
    memory_free(all->input);
    all->input = input;
    (void)connections_send(all);
}
