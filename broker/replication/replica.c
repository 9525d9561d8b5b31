/* What one replica told of itself, and its names. */
#include "broker/replication/replica.h"

#include <arpa/inet.h>
#include <netinet/in.h>
#include <stdio.h>
#include <unistd.h>

#include "broker/net/address.h"
#include "broker/net/connection.h"
#include "storage/base/memory.h"

/* Asked while it is connected: when it has gone there is none. */
static void find_peer(struct replica *replica)
{
    struct sockaddr_storage peer =
        address_of_peer(connection_descriptor(replica->session->connection));
    const void *address = NULL;

    if (peer.ss_family == AF_INET)
        address = &((const struct sockaddr_in *)(const void *)&peer)->sin_addr;
    else if (peer.ss_family == AF_INET6)
        address = &((const struct sockaddr_in6 *)(const void *)&peer)->sin6_addr;
    if (address == NULL || inet_ntop(peer.ss_family, address, replica->peer,
                                     (socklen_t)sizeof(replica->peer)) == NULL)
        (void)snprintf(replica->peer, sizeof(replica->peer), "?");
}

struct replica *replica_of(struct session *session)
{
    struct replica *replica = session->replica;

    if (replica != NULL)
        return replica;
    replica = memory_new_zeroed(1, sizeof(*replica));
    chain_init(&replica->link);
    replica->session = session;
    replica->file = -1;
    session->replica = replica;
    find_peer(replica);
    return replica;
}

void replica_let_go(struct replica *replica)
{
    bytes_drop(replica->held);
    replica->held = NULL;
}

void replica_free(struct replica *replica)
{
    if (replica == NULL)
        return;
    chain_leave(&replica->link);
    replica_let_go(replica);
    if (replica->file >= 0)
        (void)close(replica->file);
    memory_free(replica);
}

const char *replica_address(const struct replica *replica)
{
    return replica->address[0] != '\0' ? replica->address : replica->peer;
}

void replica_print_name(const struct replica *replica, char to[REPLICA_NAME])
{
    const char *address = replica_address(replica);
    bool is_ipv6 = strchr(address, ':') != NULL;

    if (replica->port == 0)
        (void)snprintf(to, REPLICA_NAME, "%s:<unknown-replica-port>", address);
    else
        (void)snprintf(to, REPLICA_NAME, "%s%s%s:%u", is_ipv6 ? "[" : "", address,
                       is_ipv6 ? "]" : "", (unsigned)replica->port);
}

const char *replica_state_name(enum replica_state state)
{
    switch (state) {
    case REPLICA_KNOWN:
        return "known";
    case REPLICA_WAITS:
    case REPLICA_SAVING:
        return "wait_bgsave";
    case REPLICA_SENDING:
        return "send_bulk";
    case REPLICA_ONLINE:
        return "online";
    }
    return "";
}

bool replica_is_fed(const struct replica *replica)
{
    return replica->state == REPLICA_ONLINE && !replica->begins_on_ack &&
           !connection_closing(replica->session->connection);
}
