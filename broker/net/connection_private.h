/* What connection.c, connection_read.c and connection_send.c share. */
#ifndef BROKER_NET_CONNECTION_PRIVATE_H
#define BROKER_NET_CONNECTION_PRIVATE_H

#include <ev.h>

#include "broker/net/connection.h"
#include "storage/base/buffer.h"
#include "storage/base/chain.h"

/* Most bytes that are taken from one peer a turn, unless a word is longer. */
enum { CONNECTION_READ_BYTES = 64 * 1024 };

/* How many connections are read from before the first is shown its bytes, and how many bytes may
 * have come by then for one more to be read. So the shared buffer has room for all. */
enum { CONNECTIONS_TOGETHER = 16, CONNECTIONS_LITTLE = 16 * 1024,
       CONNECTIONS_INPUT_BYTES = CONNECTIONS_LITTLE + CONNECTION_READ_BYTES };

/* What was read of one of them. */
struct arrival {
    struct connection *connection;
    struct slice bytes;
};

/* What happened to connections waits in chains for the step of the turn that deals with it. */
struct connections {
    struct loop *loop;
    struct metrics *metrics;
    struct outbox_pool *pool;
    struct chain readable;
    struct chain sending;
    struct chain sending_last;
    struct chain ending;
    struct chain waking;
    struct chain held; /* whose outboxes wait for a promise */
    uint64_t promised;
    bool broken; /* promises will not be kept: nobody is held, but closed */
    size_t count;
    char *input; /* CONNECTIONS_INPUT_BYTES that are shown and then read over */
    struct arrival arrivals[CONNECTIONS_TOGETHER];
    unsigned arrived;
    unsigned shown;
};

struct connection {
    ev_io reader;
    struct outbox outbox;
    struct buffer unread;
    size_t wanted; /* bytes before the handler can go on */
    struct chain readable;
    struct chain sending;
    struct chain ending;
    struct chain waking;
    struct chain held;
    uint64_t gate; /* the promise that is waited for; 0: none */
    size_t may_leave; /* bytes of the outbox that wait for no promise any more */
    size_t gated;     /* bytes behind those, which may leave when the gate opens */
    struct connections *all;
    const struct transport *transport;
    void *transport_who;
    const struct connection_handler *handler;
    void *who;
    const char *reason; /* why it ends, once it does */
    ev_io writer;
    bool closing;
    bool close_when_sent;
    bool writing;    /* the socket was full: libev says when it is not */
    bool sends_last; /* it is in the chain for what nobody asked for */
    bool behind;     /* the handler was told of a backlog */
};

/* What libev calls: the peer has sent something; the socket takes bytes again. */
void connection_on_readable(struct ev_loop *ev, ev_io *watcher, int events);
void connection_on_writable(struct ev_loop *ev, ev_io *watcher, int events);

#endif
