/*
 * Between servers: ROLE, REPLICAOF. There are no replicas yet, so this server is always a primary
 * that nobody follows.
 */
#include "handlers.h"

/* ROLE: primary, the offset of what replicas are sent, and the replicas. */
enum verdict do_role(struct call *call)
{
    reply_array(call->reply, 3);
    reply_bulk(call->reply, SLICE("master"));
    reply_integer(call->reply, 0);
    reply_array(call->reply, 0);
    return VERDICT_DONE;
}

/* REPLICAOF NO ONE: what this server is anyhow. */
enum verdict do_replicaof(struct call *call)
{
    if (!args_take(call->args, SLICE("no")) || !args_take(call->args, SLICE("one")))
        return call_refuse(call, REFUSAL_NO_REPLICATION);
    reply_ok(call->reply);
    return VERDICT_DONE;
}

/* SLAVEOF NO ONE: the old name. */
enum verdict do_slaveof(struct call *call)
{
    return do_replicaof(call);
}
