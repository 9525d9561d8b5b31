/* Listening sockets; each new one is made non-blocking and handed on. */
#include "broker/net/listener.h"

#include <errno.h>
#include <ev.h>
#include <fcntl.h>
#include <netdb.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <stdbool.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <unistd.h>

#include "broker/net/address.h"
#include "broker/net/loop.h"
#include "storage/base/memory.h"

enum { PATH_BYTES = sizeof(((struct sockaddr_un *)0)->sun_path) };

struct listener {
    ev_io                watcher;
    struct loop         *loop;
    struct listener_sink sink;
    int                  spare; /* kept for when there is no other descriptor left, or -1 */
    char                 path[PATH_BYTES]; /* of a unix socket, else empty */
};

/*
 * Replies are small and wait for nothing. Where no network is between us and the peer, nothing is
 * ever congested: Reno, which every kernel allows, then costs least. Beside BBR, which paces each
 * packet, it spared 4 to 8 % of the CPU of a request in most runs. Both are mere wishes.
 */
static void tune(int fd, const struct sockaddr_storage *peer)
{
    static const char reno[] = "reno";
    int on = 1;

    if (peer->ss_family != AF_INET && peer->ss_family != AF_INET6)
        return;
    (void)setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &on, sizeof(on));
    if (address_is_loopback(peer))
        (void)setsockopt(fd, IPPROTO_TCP, TCP_CONGESTION, reno, sizeof(reno) - 1);
}

/* Who cannot be kept waiting is taken with the spare descriptor, and told. False: not even so. */
static bool refuse_waiting(struct listener *listener)
{
    int fd;

    if (listener->spare < 0)
        return false;
    close(listener->spare);
    fd = accept4(listener->watcher.fd, NULL, NULL, SOCK_NONBLOCK | SOCK_CLOEXEC);
    if (fd >= 0)
        listener->sink.refused(listener->sink.who, fd);
    listener->spare = open("/dev/null", O_RDONLY | O_CLOEXEC);
    return fd >= 0;
}

static void accept_waiting(struct ev_loop *ev, ev_io *watcher, int events)
{
    struct listener *listener = watcher->data;

    (void)ev;
    (void)events;
    for (int64_t i = 0; i < *listener->sink.most; i++) {
        struct sockaddr_storage peer = { .ss_family = AF_UNSPEC };
        socklen_t len = sizeof(peer);
        int fd = accept4(watcher->fd, (struct sockaddr *)&peer, &len, SOCK_NONBLOCK | SOCK_CLOEXEC);

        if (fd < 0) {
            /* Left waiting they would wake the loop again and again. */
            if ((errno == EMFILE || errno == ENFILE) && refuse_waiting(listener))
                continue;
            return;
        }
        tune(fd, &peer);
        listener->sink.accepted(listener->sink.who, fd);
    }
}

static struct listener *start(struct loop *loop, int fd, struct listener_sink sink)
{
    struct listener *listener = memory_new_zeroed(1, sizeof(*listener));

    listener->loop = loop;
    listener->sink = sink;
    listener->spare = open("/dev/null", O_RDONLY | O_CLOEXEC);
    ev_io_init(&listener->watcher, accept_waiting, fd, EV_READ);
    listener->watcher.data = listener;
    ev_io_start(loop_ev(loop), &listener->watcher);
    return listener;
}

/* Opens, binds and listens on one resolved address; -1 with errno. */
static int open_address(const struct addrinfo *info, int backlog)
{
    int fd = socket(info->ai_family, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
    int on = 1;

    if (fd < 0)
        return -1;
    if (info->ai_family == AF_INET6)
        (void)setsockopt(fd, IPPROTO_IPV6, IPV6_V6ONLY, &on, sizeof(on));
    if (setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, &on, sizeof(on)) < 0 ||
        bind(fd, info->ai_addr, info->ai_addrlen) < 0 || listen(fd, backlog) < 0) {
        int error = errno;

        close(fd);
        errno = error;
        return -1;
    }
    return fd;
}

struct listener *listener_new_tcp(struct loop *loop, const char *address, uint16_t port,
                                  int backlog, struct listener_sink sink, struct trouble *trouble)
{
    struct addrinfo hints = { .ai_socktype = SOCK_STREAM, .ai_flags = AI_PASSIVE };
    struct addrinfo *found = NULL;
    char digits[8];
    int failed;
    int fd;

    snprintf(digits, sizeof(digits), "%u", port);
    hints.ai_family = AF_UNSPEC;
    if (strcmp(address, "*") == 0 || strcmp(address, "::*") == 0) {
        hints.ai_family = address[0] == '*' ? AF_INET : AF_INET6;
        failed = getaddrinfo(NULL, digits, &hints, &found);
    } else {
        failed = getaddrinfo(address, digits, &hints, &found);
    }
    if (failed != 0) {
        trouble_set(trouble, "%s:%u: %s", address, port, gai_strerror(failed));
        return NULL;
    }
    fd = open_address(found, backlog);
    freeaddrinfo(found);
    if (fd < 0) {
        trouble_errno(trouble, "%s:%u", address, port);
        return NULL;
    }
    return start(loop, fd, sink);
}

struct listener *listener_new_unix(struct loop *loop, const char *path, unsigned mode,
                                   int backlog, struct listener_sink sink, struct trouble *trouble)
{
    struct sockaddr_un address = { .sun_family = AF_UNIX };
    struct listener *listener;
    int fd;

    if (strlen(path) >= sizeof(address.sun_path)) {
        trouble_set(trouble, "%s: the path of a unix socket has at most %zu bytes", path,
                    sizeof(address.sun_path) - 1);
        return NULL;
    }
    memcpy(address.sun_path, path, strlen(path) + 1);
    fd = socket(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
    (void)unlink(path);
    if (fd < 0 || bind(fd, (struct sockaddr *)&address, sizeof(address)) < 0 ||
        listen(fd, backlog) < 0) {
        trouble_errno(trouble, "%s", path);
        if (fd >= 0)
            close(fd);
        return NULL;
    }
    if (mode != 0)
        (void)chmod(path, (mode_t)mode);
    listener = start(loop, fd, sink);
    memcpy(listener->path, path, strlen(path) + 1);
    return listener;
}

void listener_free(struct listener *listener)
{
    if (listener == NULL)
        return;
    ev_io_stop(loop_ev(listener->loop), &listener->watcher);
    close(listener->watcher.fd);
    if (listener->spare >= 0)
        close(listener->spare);
    if (listener->path[0] != '\0')
        (void)unlink(listener->path);
    memory_free(listener);
}
