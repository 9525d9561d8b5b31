/* Whom this server follows: REPLICAOF. */
#include "handlers.h"

#include "broker/broker.h"
#include "broker/handover.h"
#include "broker/replication/follower.h"
#include "broker/replication/role.h"
#include "storage/base/log.h"

/* Says in the log who asked for it. */
static void tell(struct call *call, const char *what, struct slice host, int64_t port)
{
    struct buffer who = { 0 };

    if (call->session->connection != NULL)
        session_describe(call->session, call->now, &who);
    if (host.len > 0)
        log_line(call->broker->log, LOG_NOTICE, "%s %.*s:%lld enabled (user request from '%.*s')",
                 what, (int)host.len, host.at, (long long)port, (int)who.len,
                 who.len > 0 ? who.at : "");
    else
        log_line(call->broker->log, LOG_NOTICE, "%s enabled (user request from '%.*s')", what,
                 (int)who.len, who.len > 0 ? who.at : "");
    buffer_clear(&who);
}

/* REPLICAOF host port | NO ONE: follows another server, or nobody from now on. */
enum verdict do_replicaof(struct call *call)
{
    struct follower *follower = call->broker->follower;
    struct slice host = args_next(call->args);
    int64_t port;

    if (handover_runs(call->broker->handover))
        return call_refuse_with(call, "ERR REPLICAOF not allowed while failing over.");
    if (slice_equal_nocase(host, SLICE("no")) && args_take(call->args, SLICE("one"))) {
        if (follower_state(follower) != FOLLOWER_NOBODY) {
            follower_leave(follower);
            tell(call, "MASTER MODE", SLICE(""), 0);
        }
        reply_ok(call->reply);
        return VERDICT_DONE;
    }
    if (call->session->is_replica)
        return call_refuse(call, REFUSAL_REPLICA_SPEAKS);
    if (!args_next_integer(call->args, &port) || port < 0 || port > 65535 || host.len > 255)
        return call_refuse(call, REFUSAL_PRIMARY_PORT);
    if (follower_follows(follower, host, port)) {
        log_line(call->broker->log, LOG_NOTICE,
                 "REPLICAOF would result into synchronization with the master we are already "
                 "connected with. No operation performed.");
        reply_simple(call->reply, SLICE("OK Already connected to specified master"));
        return VERDICT_DONE;
    }
    follower_follow(follower, host, port);
    tell(call, "REPLICAOF", host, port);
    reply_ok(call->reply);
    return VERDICT_DONE;
}

/* SLAVEOF host port | NO ONE: the old name. */
enum verdict do_slaveof(struct call *call)
{
    return do_replicaof(call);
}
