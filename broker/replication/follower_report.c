/* What a replica tells of itself, and what it refuses. */
#include <inttypes.h>

#include "broker/config/options.h"
#include "broker/dispatch/transaction.h"
#include "broker/net/connection.h"
#include "broker/replication/follower_private.h"
#include "broker/replication/role.h"

enum { SECOND = 1000000 };

enum follower_state follower_state(const struct follower *follower)
{
    return follower->state;
}

struct session *follower_session(const struct follower *follower)
{
    return follower->session;
}

/* Whether the stream comes; a connection that has just ended is up no more. */
static bool is_up(const struct follower *follower)
{
    return follower->state == FOLLOWER_FOLLOWING && follower->peer != NULL &&
           !connection_is_over(follower->peer->connection);
}

static bool is_syncing(const struct follower *follower)
{
    return follower->state == FOLLOWER_RECEIVING || follower->state == FOLLOWER_LOADING;
}

/* Bytes of the stream that came, done or not. */
static int64_t read_offset(const struct follower *follower)
{
    int64_t offset = follower->setup.role->offset;

    if (follower->state == FOLLOWER_FOLLOWING)
        offset += (int64_t)(follower->unit.len + follower->left);
    return offset;
}

static void describe_sync(const struct follower *follower, int64_t silent, struct buffer *to)
{
    const struct arrival *arrival = &follower->arrival;
    double share = arrival->size > 0 ? (double)arrival->came * 100 / (double)arrival->size : 0;

    buffer_print(to,
                 "master_sync_total_bytes:%" PRIu64 "\r\nmaster_sync_read_bytes:%" PRIu64 "\r\n"
                 "master_sync_left_bytes:%" PRId64 "\r\nmaster_sync_perc:%.2f\r\n"
                 "master_sync_last_io_seconds_ago:%" PRId64 "\r\n",
                 arrival->size, arrival->came, (int64_t)(arrival->size - arrival->came), share,
                 silent);
}

void follower_describe(const struct follower *follower, struct buffer *to)
{
    const struct options *options = follower->setup.options;
    bool up = is_up(follower);
    int64_t silent = (clock_monotonic(follower->setup.clock) - follower->heard) / SECOND;
    int64_t now = clock_wall(follower->setup.clock) / SECOND;

    buffer_print(to,
                 "master_host:%s\r\nmaster_port:%" PRId64 "\r\nmaster_link_status:%s\r\n"
                 "master_last_io_seconds_ago:%" PRId64 "\r\nmaster_sync_in_progress:%d\r\n"
                 "slave_read_repl_offset:%" PRId64 "\r\nslave_repl_offset:%" PRId64 "\r\n",
                 follower->host != NULL ? follower->host : "", follower->port,
                 up ? "up" : "down", up ? silent : -1, is_syncing(follower),
                 read_offset(follower), follower->setup.role->offset);
    if (is_syncing(follower))
        describe_sync(follower, silent, to);
    if (!up)
        buffer_print(to, "master_link_down_since_seconds:%" PRId64 "\r\n",
                     follower->down_since != 0 ? now - follower->down_since : -1);
    buffer_print(to,
                 "slave_priority:%" PRId64 "\r\nslave_read_only:%d\r\nreplica_announced:%d\r\n",
                 options->replica_priority, options->replica_read_only,
                 options->replica_announced);
}

static struct slice name_of(enum follower_state state)
{
    switch (state) {
    case FOLLOWER_NOBODY:
        return SLICE("none");
    case FOLLOWER_WAITING:
        return SLICE("connect");
    case FOLLOWER_CONNECTING:
        return SLICE("connecting");
    case FOLLOWER_GREETING:
        return SLICE("handshake");
    case FOLLOWER_RECEIVING:
    case FOLLOWER_LOADING:
        return SLICE("sync");
    case FOLLOWER_FOLLOWING:
        return SLICE("connected");
    }
    return SLICE("unknown");
}

void follower_reply_role(const struct follower *follower, struct reply *reply)
{
    bool up = is_up(follower);

    reply_array(reply, 5);
    reply_bulk(reply, SLICE("slave"));
    reply_bulk(reply, slice_text(follower->host != NULL ? follower->host : ""));
    reply_integer(reply, follower->port);
    reply_bulk(reply, follower->state == FOLLOWER_FOLLOWING && !up ? SLICE("connect")
                                                                   : name_of(follower->state));
    reply_integer(reply, up ? follower->setup.role->offset : -1);
}

bool follower_is_read_only(const struct follower *follower)
{
    return follower->state != FOLLOWER_NOBODY && follower->setup.options->replica_read_only;
}

bool follower_is_stale(const struct follower *follower)
{
    return follower->state != FOLLOWER_NOBODY && !is_up(follower) &&
           !follower->setup.options->replica_serve_stale_data;
}

/* Refuses, and ends the transaction if it was to be executed. */
static enum pass refuse(const struct follower *follower, struct call *call,
                        enum refusal refusal)
{
    struct slice line = refusal_line(refusal);

    if (!slice_equal(command_full_name(call->command), SLICE("exec")) ||
        call->session->transaction == NULL) {
        (void)call_refuse(call, refusal);
        return PASS_REFUSED;
    }
    transaction_end(call->session);
    follower->setup.unwatch(follower->setup.unwatch_who, call->session);
    (void)call_refuse_with(call, "EXECABORT Transaction discarded because of: %.*s",
                           (int)line.len, line.at);
    return PASS_REFUSED;
}

enum pass follower_guard_writes(void *who, struct call *call)
{
    const struct follower *follower = who;

    if (LIKELY(follower->state == FOLLOWER_NOBODY) || call->session->connection == NULL ||
        !follower->setup.options->replica_read_only)
        return PASS_ON;
    if ((call->command->flags & COMMAND_WRITE) == 0 &&
        !(call->session->transaction != NULL &&
          slice_equal(command_full_name(call->command), SLICE("exec")) &&
          transaction_has(call->session, COMMAND_WRITE)))
        return PASS_ON;
    return refuse(follower, call, REFUSAL_READ_ONLY_REPLICA);
}

enum pass follower_guard_stale(void *who, struct call *call)
{
    const struct follower *follower = who;

    if (LIKELY(follower->state == FOLLOWER_NOBODY) || call->session->connection == NULL ||
        !follower_is_stale(follower))
        return PASS_ON;
    if ((call->command->flags & COMMAND_STALE) != 0 &&
        !(call->session->transaction != NULL &&
          slice_equal(command_full_name(call->command), SLICE("exec")) &&
          transaction_lacks(call->session, COMMAND_STALE)))
        return PASS_ON;
    if (call->scripted) {
        (void)call_refuse_with(call, "ERR Can not execute the command on a stale replica");
        return PASS_REFUSED;
    }
    return refuse(follower, call, REFUSAL_PRIMARY_DOWN);
}
