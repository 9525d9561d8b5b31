/* Keeping data on disk: BGREWRITEAOF. */
#include "handlers.h"

#include "broker/broker.h"
#include "storage/persist/aof_rewrite.h"

/* BGREWRITEAOF: begins at the end of this turn, when all that was said is written. */
enum verdict do_bgrewriteaof(struct call *call)
{
    struct aof *aof = call->broker->aof;

    if (aof_rewrite_runs(aof))
        return call_refuse_with(call,
                                "ERR Background append only file rewriting already in progress");
    aof_rewrite_request(aof);
    reply_simple(call->reply, SLICE("Background append only file rewriting started"));
    return VERDICT_DONE;
}
