/* Keeping data on disk: SAVE, BGSAVE, LASTSAVE, BGREWRITEAOF. */
#include "handlers.h"

#include "broker/broker.h"
#include "broker/dispatch/transaction.h"
#include "broker/upkeep/save_points.h"
#include "storage/base/trouble.h"
#include "storage/persist/aof_rewrite.h"
#include "storage/persist/snapshot.h"

/* Whether a child is at work, of whichever kind. */
static bool child_works(const struct broker *broker)
{
    return aof_rewrite_runs(broker->aof) || snapshot_runs(broker->snapshot);
}

/* SAVE: everybody waits. */
enum verdict do_save(struct call *call)
{
    struct snapshot *snapshot = call->broker->snapshot;
    struct trouble trouble;

    if (snapshot_runs(snapshot))
        return call_refuse(call, REFUSAL_SAVE_RUNS);
    if (!snapshot_save(snapshot, ledger_changes(call->ledger), &trouble))
        return call_refuse_with(call, "ERR %s", trouble.text);
    reply_ok(call->reply);
    return VERDICT_DONE;
}

/* BGSAVE [SCHEDULE]: inside a transaction it begins when that is over. */
enum verdict do_bgsave(struct call *call)
{
    struct broker *broker = call->broker;
    bool schedule = false;
    struct trouble trouble;

    if (args_more(call->args)) {
        schedule = args_take(call->args, SLICE("schedule"));
        if (!schedule || args_more(call->args))
            return call_refuse(call, REFUSAL_SYNTAX);
    }
    if (snapshot_runs(broker->snapshot))
        return call_refuse(call, REFUSAL_SAVE_RUNS);
    if (child_works(broker) || ledger_depth(call->ledger) > 1) {
        if (!schedule && ledger_depth(call->ledger) <= 1)
            return call_refuse(call, REFUSAL_OTHER_CHILD);
        save_points_schedule(broker->save_points);
        reply_simple(call->reply, SLICE("Background saving scheduled"));
        return VERDICT_DONE;
    }
    if (!snapshot_begin(broker->snapshot, ledger_changes(call->ledger), &trouble))
        return call_refuse_with(call, "ERR %s", trouble.text);
    reply_simple(call->reply, SLICE("Background saving started"));
    return VERDICT_DONE;
}

/* LASTSAVE: seconds since 1970. */
enum verdict do_lastsave(struct call *call)
{
    struct snapshot_figures figures;

    snapshot_figures(call->broker->snapshot, &figures);
    reply_integer(call->reply, figures.last_save);
    return VERDICT_DONE;
}

/* BGREWRITEAOF: begins at the end of this turn, when all that was said is written. */
enum verdict do_bgrewriteaof(struct call *call)
{
    struct aof *aof = call->broker->aof;
    bool later = child_works(call->broker) || ledger_depth(call->ledger) > 1;

    if (aof_rewrite_runs(aof))
        return call_refuse_with(call,
                                "ERR Background append only file rewriting already in progress");
    aof_rewrite_request(aof);
    reply_simple(call->reply, later ? SLICE("Background append only file rewriting scheduled")
                                    : SLICE("Background append only file rewriting started"));
    return VERDICT_DONE;
}
