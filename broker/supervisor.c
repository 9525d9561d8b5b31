/* One datagram each time: what is said three times in a life needs no open socket. */
#include "broker/supervisor.h"

#include <stddef.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

static const char *notify_socket(void)
{
    const char *path = getenv("NOTIFY_SOCKET");

    return path != NULL && path[0] != '\0' ? path : NULL;
}

bool supervisor_is_wanted(const struct options *options)
{
    return options->supervised == OPTION_SUPERVISED_SYSTEMD ||
           (options->supervised == OPTION_SUPERVISED_AUTO && notify_socket() != NULL);
}

/* Fills in the address; returns its length, or 0 if no socket can have that name. */
static socklen_t address_of(const char *path, struct sockaddr_un *address)
{
    size_t length = strlen(path);

    if ((path[0] != '/' && path[0] != '@') || length >= sizeof(address->sun_path))
        return 0;
    address->sun_family = AF_UNIX;
    memcpy(address->sun_path, path, length);
    if (path[0] == '@')
        address->sun_path[0] = '\0'; /* not in the file system; its name ends with its length */
    return (socklen_t)(offsetof(struct sockaddr_un, sun_path) + length);
}

bool supervisor_tell(const struct options *options, const char *lines, struct trouble *trouble)
{
    struct sockaddr_un address = { 0 };
    const char *path = notify_socket();
    socklen_t length;
    int fd;
    bool sent;

    if (!supervisor_is_wanted(options))
        return true;
    if (path == NULL)
        return trouble_set(trouble, "NOTIFY_SOCKET is not set: systemd does so for Type=notify");
    length = address_of(path, &address);
    if (length == 0)
        return trouble_set(trouble, "NOTIFY_SOCKET is no address of a socket: %s", path);
    fd = socket(AF_UNIX, SOCK_DGRAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
    if (fd < 0)
        return trouble_errno(trouble, "opening a socket");
    sent = sendto(fd, lines, strlen(lines), MSG_NOSIGNAL, (const struct sockaddr *)&address,
                  length) >= 0;
    if (!sent)
        (void)trouble_errno(trouble, "telling %s", path);
    (void)close(fd);
    return sent;
}
