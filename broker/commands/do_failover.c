/* FAILOVER: see broker/handover.h. */
#include "handlers.h"

#include "broker/broker.h"
#include "broker/handover.h"
#include "broker/replication/primary.h"

#define REPLICA_AT(chain_link) \
    CHAIN_OWNER((struct chain *)(uintptr_t)(chain_link), struct replica, link)

/* What the words say. */
struct failover {
    struct slice host; /* empty: any */
    int64_t      port;
    int64_t      timeout;
    bool         force;
};

/* False if it has answered with an error. */
static bool read_words(struct call *call, struct failover *wish)
{
    struct args *args = call->args;

    while (args_more(args)) {
        if (wish->timeout == 0 && args_left(args) > 1 && args_take(args, SLICE("timeout"))) {
            if (!args_next_integer(args, &wish->timeout)) {
                (void)call_refuse(call, REFUSAL_NOT_INTEGER);
                return false;
            }
            if (wish->timeout <= 0) {
                (void)call_refuse_with(call, "ERR FAILOVER timeout must be greater than 0");
                return false;
            }
        } else if (wish->host.len == 0 && args_left(args) > 2 && args_take(args, SLICE("to"))) {
            wish->host = args_next(args);
            if (!args_next_integer(args, &wish->port)) {
                (void)call_refuse(call, REFUSAL_NOT_INTEGER);
                return false;
            }
        } else if (!wish->force && args_take(args, SLICE("force"))) {
            wish->force = true;
        } else {
            (void)call_refuse(call, REFUSAL_SYNTAX);
            return false;
        }
    }
    return true;
}

static const struct replica *find_target(const struct call *call, const struct failover *wish)
{
    const struct chain *all = primary_chain(call->broker->primary);

    for (const struct chain *link = all->next; link != all; link = link->next) {
        const struct replica *replica = REPLICA_AT(link);

        if (replica->port == wish->port &&
            slice_equal_nocase(slice_text(replica_address(replica)), wish->host))
            return replica;
    }
    return NULL;
}

/* Why it cannot be begun, or NULL. */
static const char *objection(const struct call *call, const struct failover *wish,
                             const struct replica *target)
{
    if (handover_runs(call->broker->handover))
        return "FAILOVER already in progress.";
    if (call->broker->role->is_replica)
        return "FAILOVER is not valid when server is a replica.";
    if (primary_count(call->broker->primary) == 0)
        return "FAILOVER requires connected replicas.";
    if (wish->force && (wish->timeout == 0 || wish->host.len == 0))
        return "FAILOVER with force option requires both a timeout and target HOST and IP.";
    if (wish->host.len > 0 && target == NULL)
        return "FAILOVER target HOST and PORT is not a replica.";
    if (target != NULL && target->state != REPLICA_ONLINE)
        return "FAILOVER target replica is not online.";
    return NULL;
}

/* FAILOVER [TO host port [FORCE]] [TIMEOUT milliseconds] | ABORT */
enum verdict do_failover(struct call *call)
{
    struct failover wish = { .host = SLICE("") };
    const struct replica *target;
    const char *why;

    if (args_left(call->args) == 1 && args_take(call->args, SLICE("abort"))) {
        if (!handover_abort(call->broker->handover))
            return call_refuse_with(call, "ERR No failover in progress.");
        reply_ok(call->reply);
        return VERDICT_DONE;
    }
    if (!read_words(call, &wish))
        return VERDICT_REFUSED;
    target = wish.host.len > 0 ? find_target(call, &wish) : NULL;
    why = objection(call, &wish, target);
    if (why != NULL)
        return call_refuse_with(call, "ERR %s", why);
    handover_begin(call->broker->handover,
                   &(struct handover_wish){ target, wish.timeout, wish.force });
    reply_ok(call->reply);
    return VERDICT_DONE;
}
