/*
 * Listening sockets: TCP over IPv4 and IPv6, and unix.
 *
 * A listener accepts as many as are waiting, up to a limit per turn of the loop, and hands
 * each descriptor on, non-blocking and with Nagle's delay off.
 */
#ifndef BROKER_NET_LISTENER_H
#define BROKER_NET_LISTENER_H

#include <stdint.h>

#include "storage/base/must.h"
#include "storage/base/trouble.h"

struct listener;
struct loop;

/* Who takes the new sockets; the descriptor is theirs. */
struct listener_sink {
    void (*accepted)(void *who, int fd);

    /* There is no descriptor left for this one: it can only be told so. */
    void (*refused)(void *who, int fd);
    void *who;

    const int64_t *most; /* how many at once; looked at each time, so it may change */
};

/* Listens on an address, "127.0.0.1", "::1", "*" or "::*", and a port. NULL with trouble. */
MUST_USE struct listener *listener_new_tcp(struct loop *loop, const char *address, uint16_t port,
                                           int backlog, struct listener_sink sink,
                                           struct trouble *trouble);

/* Listens on a path, replacing a socket left there; `mode` 0 keeps the umask's. */
MUST_USE struct listener *listener_new_unix(struct loop *loop, const char *path, unsigned mode,
                                            int backlog, struct listener_sink sink,
                                            struct trouble *trouble);

/* Stops listening; the path of a unix socket is removed. NULL is fine. */
void listener_free(struct listener *listener);

#endif
