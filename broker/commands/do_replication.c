/*
 * Whom this server follows: REPLICAOF.
 */
#include "handlers.h"

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
