/* Addresses of sockets: whose, of which kind, and in words. */
#ifndef BROKER_NET_ADDRESS_H
#define BROKER_NET_ADDRESS_H

#include <stdbool.h>
#include <stddef.h>
#include <sys/socket.h>

/* Our own end of a socket, and the peer's; AF_UNSPEC if it cannot be told. */
struct sockaddr_storage address_own(int fd);
struct sockaddr_storage address_of_peer(int fd);

/* Whether it is a loopback address, 127.0.0.0/8 or ::1: packets to it never leave the machine. */
bool address_is_loopback(const struct sockaddr_storage *address);

/* "127.0.0.1:50312", "[::1]:6379", or the path of a unix socket with ":0". */
void address_print(const struct sockaddr_storage *address, char *to, size_t size);

#endif
