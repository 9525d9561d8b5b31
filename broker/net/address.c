#include "broker/net/address.h"

#include <arpa/inet.h>
#include <netinet/in.h>
#include <stdio.h>
#include <sys/un.h>

struct sockaddr_storage address_own(int fd)
{
    struct sockaddr_storage address = { .ss_family = AF_UNSPEC };
    socklen_t len = sizeof(address);

    (void)getsockname(fd, (struct sockaddr *)&address, &len);
    return address;
}

struct sockaddr_storage address_of_peer(int fd)
{
    struct sockaddr_storage address = { .ss_family = AF_UNSPEC };
    socklen_t len = sizeof(address);

    (void)getpeername(fd, (struct sockaddr *)&address, &len);
    return address;
}

bool address_is_loopback(const struct sockaddr_storage *address)
{
    if (address->ss_family == AF_INET) {
        const struct sockaddr_in *v4 = (const struct sockaddr_in *)address;

        return ntohl(v4->sin_addr.s_addr) >> 24 == IN_LOOPBACKNET;
    }
    if (address->ss_family == AF_INET6) {
        const struct sockaddr_in6 *v6 = (const struct sockaddr_in6 *)address;

        return IN6_IS_ADDR_LOOPBACK(&v6->sin6_addr);
    }
    return false;
}

void address_print(const struct sockaddr_storage *address, char *to, size_t size)
{
    char text[INET6_ADDRSTRLEN] = "?";

    if (address->ss_family == AF_INET) {
        const struct sockaddr_in *v4 = (const struct sockaddr_in *)address;

        inet_ntop(AF_INET, &v4->sin_addr, text, sizeof(text));
        snprintf(to, size, "%s:%u", text, ntohs(v4->sin_port));
    } else if (address->ss_family == AF_INET6) {
        const struct sockaddr_in6 *v6 = (const struct sockaddr_in6 *)address;

        inet_ntop(AF_INET6, &v6->sin6_addr, text, sizeof(text));
        snprintf(to, size, "[%s]:%u", text, ntohs(v6->sin6_port));
    } else if (address->ss_family == AF_UNIX) {
        const struct sockaddr_un *local = (const struct sockaddr_un *)address;

        snprintf(to, size, "%s:0", local->sun_path);
    } else {
        snprintf(to, size, "?:0");
    }
}
