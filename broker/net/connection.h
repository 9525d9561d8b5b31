/*
 * A connection: a socket and its bytes.
 *
 * Bytes read are shown to the handler, which says how many it took; the rest is
 * kept and shown again together with what comes after. Bytes to be written are
 * put into the outbox, and leave when `connections_send` runs at the end of
 * the turn. A connection that has nothing half-read and nothing to send holds
 * no buffers.
 *
 *   open ──peer closes, error, limit──► closing ──end of the turn──► closed(who), gone
 *
 * Replies may have to wait until the disk has what they tell of. A promise is a
 * number that rises: the handler says which one the bytes in an outbox wait for
 * (`leaving`), and connections_promise says which ones have been kept.
 *
 * The socket's bytes pass through a transport, so that TLS or another way to
 * read and write can take its place.
 */
#ifndef BROKER_NET_CONNECTION_H
#define BROKER_NET_CONNECTION_H

#include <stdbool.h>
#include <stdint.h>
#include <sys/types.h>
#include <sys/uio.h>

#include "broker/protocol/outbox.h"
#include "storage/base/slice.h"

struct connection;
struct connections;
struct loop;
struct metrics;

/* How bytes reach the peer; results and errno as read and writev give them. */
struct transport {
    ssize_t (*read)(void *who, int fd, void *to, size_t len);
    ssize_t (*write)(void *who, int fd, const struct iovec *vectors, int count);
    void (*close)(void *who, int fd);
};

/* The plain socket. */
extern const struct transport transport_plain;

/* Bytes that a handler will be shown next, in this turn; borrowed. */
struct preview {
    void        *who;
    struct slice bytes;
};

/* Who is told what happens on a connection. */
struct connection_handler {
    /*
     * Bytes are there: all that are not taken yet. Returns how many are taken.
     * `wanted` may be set to the least number of bytes that make a difference.
     */
    size_t (*input)(void *who, struct slice bytes, size_t *wanted);

    /* The peer takes no more for now and so many bytes are left to send; 0: it took them all. */
    void (*backlog)(void *who, size_t pending);

    /*
     * The room for bytes read and not taken has changed, or what was asked has been
     * done. False: the connection is closing, and no more is to be read.
     */
    bool (*kept)(void *who);

    /* The connection ends after this; `reason` is for the log. */
    void (*closed)(void *who, const char *reason);

    /*
     * The promise that what is in the outbox waits for now (connections_promise). NULL: it
     * waits for none.
     */
    uint64_t (*leaving)(void *who);

    /*
     * What several connections with this handler will be shown, in the order in which they
     * will be: a chance to ask for memory, no more. Some may be shown nothing after all,
     * because the calls before close them. NULL: nobody looks ahead.
     */
    void (*ahead)(const struct preview *previews, size_t count);
};

/* All connections of a thread, with what they share. Pointers are borrowed. */
struct connections *connections_new(struct loop *loop, struct metrics *metrics);
void connections_free(struct connections *all);
struct outbox_pool *connections_pool(struct connections *all);

/*
 * Steps of the turn: read from those that have something, in the order in
 * which it came; show kept bytes again to those that can go on, send what
 * is in the outboxes, close what is to be closed. True if more is to be done.
 */
bool connections_read(void *connections);
bool connections_wake(void *connections);
bool connections_send(void *connections);
bool connections_close(void *connections);

/*
 * Says how far promises have come: outboxes that waited for that are sent at the
 * end of the turn. At first there is nothing to wait for.
 */
void connections_promise(struct connections *all, uint64_t upto);

/*
 * Says that promises will not be kept, until told otherwise: who waits for one, now
 * or later, is not answered; its connection is closed.
 */
void connections_break(struct connections *all, bool broken);

/*
 * In the midst of a turn: reads from those that have something, and sends what
 * is in the outboxes. What was answered in this turn must be in the log already.
 * Nobody is closed.
 */
void connections_meanwhile(void *connections);

/* Takes a connected, non-blocking socket over. */
struct connection *connection_new(struct connections *all, int fd,
                                  const struct transport *transport, void *transport_who,
                                  const struct connection_handler *handler, void *who);

/* Where replies are written. Call connection_wants_send after writing outside of `input`. */
struct outbox *connection_outbox(struct connection *connection);
void connection_wants_send(struct connection *connection);

/*
 * The same for bytes that were not asked for, such as a published message: they are sent after
 * the answers of this turn. So the publisher has its answer first and goes on while subscribers are
 * sent to; many subscribers are sent to in several turns, so that nobody waits for all of
 * them, and what is published meanwhile leaves with the same system calls.
 */
void connection_wants_send_last(struct connection *connection);

/* Shows the kept bytes to the handler again in this turn: it can go on now. */
void connection_wake(struct connection *connection);

/* Ends a connection at the end of the turn: at once, or when the outbox is sent. */
void connection_close(struct connection *connection, const char *reason);
void connection_close_when_sent(struct connection *connection);

/* Shuts the socket down now, both ways; what follows is the same as when the peer closes it. */
void connection_hang_up(struct connection *connection);
bool connection_closing(const struct connection *connection);

/* Whether it ends with this turn, whatever is left to send: as good as gone. */
bool connection_is_over(const struct connection *connection);

/* Stops reading, and begins again: back-pressure. */
void connection_pause_reading(struct connection *connection, bool pause);

/* The socket's file descriptor, as CLIENT LIST tells it. */
int connection_descriptor(const struct connection *connection);

/* Bytes read and not taken yet, and the room kept for them. */
size_t connection_unread(const struct connection *connection);
size_t connection_unread_room(const struct connection *connection);

/* Bytes of memory, the outbox's not counted. O(1). */
size_t connection_memory(const struct connection *connection);

/* The two ends in words, as address_print does; of a unix socket both are its path. */
void connection_peer_name(const struct connection *connection, char *to, size_t size);
void connection_own_name(const struct connection *connection, char *to, size_t size);
bool connection_is_unix(const struct connection *connection);
bool connection_is_loopback(const struct connection *connection);

#endif
