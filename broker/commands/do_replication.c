/*
 * Between servers: ROLE, REPLICAOF, WAIT. There are no replicas yet, so this server is always a primary
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

/* WAIT numreplicas timeout: how many acknowledged, which is none, once the time is over. */
enum verdict do_wait(struct call *call)
{
    const struct slice key = SLICE("\0wait"); /* nobody else has it, and no change of it helps */
    int64_t wanted, timeout;

    if (!args_next_integer(call->args, &wanted))
        return call_refuse(call, REFUSAL_NOT_INTEGER);
    if (!args_next_integer(call->args, &timeout))
        return call_refuse(call, REFUSAL_TIMEOUT_INTEGER);
    if (timeout < 0)
        return call_refuse(call, REFUSAL_TIMEOUT_NEGATIVE);
    if (wanted <= 0 || call->over || !call->may_wait) {
        reply_integer(call->reply, 0);
        return VERDICT_DONE;
    }
    return call_wait(call, &(struct wait){ .keys = &key, .count = 1, .kind = VALUE_STRING,
                                           .lane = SLICE("wait"), .shared = true,
                                           .on_gone = true, .timeout = timeout });
}
