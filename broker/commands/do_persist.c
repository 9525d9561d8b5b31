/* Keeping data on disk: SAVE, BGSAVE, LASTSAVE, BGREWRITEAOF, WAITAOF. */
#include "handlers.h"

#include "broker/broker.h"
#include "broker/config/options.h"
#include "broker/dispatch/transaction.h"
#include "broker/replication/acks.h"
#include "broker/replication/primary.h"
#include "broker/upkeep/save_points.h"
#include "storage/base/trouble.h"
#include "storage/persist/aof.h"
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

/* ---- WAITAOF ---- */

enum { LOOK_AGAIN = 10 }; /* milliseconds between looks at the disk */

/* Whether our disk has all that was said until then, and how many replicas' disks. */
static void reply_durable(struct call *call, bool durable, int64_t replicas)
{
    reply_array(call->reply, 2);
    reply_integer(call->reply, durable);
    reply_integer(call->reply, replicas);
}

/* Waits under a key that nobody else has, and looks at the clock only. */
static enum verdict wait_for_disk(struct call *call, uint64_t upto, millis timeout)
{
    const struct slice key = SLICE("\0waitaof");
    char digits[NUMBER_INTEGER_MAX];

    /* The last word is read once: from then on it is what the disk must have. */
    call_rewrite_word(call, 3, slice_of(digits, number_put_unsigned(digits, upto)));
    return call_wait(call, &(struct wait){ .keys = &key, .count = 1, .kind = VALUE_STRING,
                                           .lane = SLICE("waitaof"), .shared = true,
                                           .on_gone = true,
                                           .timeout = timeout,
                                           .wake_at = call->now + LOOK_AGAIN });
}

/* WAITAOF numlocal numreplicas timeout */
enum verdict do_waitaof(struct call *call)
{
    struct aof *aof = call->broker->aof;
    uint64_t upto = call->session->said; /* its own statements, whatever others said since */
    bool always = call->options->appendfsync == OPTION_FSYNC_ALWAYS;
    int64_t local, replicas, timeout;
    int64_t have;
    bool durable;

    if (call->broker->role->is_replica)
        return call_refuse(call, REFUSAL_WAITAOF_REPLICA);
    if (!args_next_integer(call->args, &local) || local < 0 || local > 1)
        return call_refuse(call, REFUSAL_WAITAOF_LOCAL);
    if (!args_next_integer(call->args, &replicas) || replicas < 0)
        return call_refuse(call, REFUSAL_NOT_POSITIVE);
    if (!args_next_integer(call->args, &timeout))
        return call_refuse(call, REFUSAL_TIMEOUT_INTEGER);
    if (timeout < 0)
        return call_refuse(call, REFUSAL_TIMEOUT_NEGATIVE);
    if (!call->again && timeout > INT64_MAX - call->now)
        return call_refuse(call, REFUSAL_TIMEOUT_RANGE);
    if (local > 0 && !aof_is_on(aof))
        return call_refuse(call, REFUSAL_WAITAOF_OFF);

    if (call->again)
        upto = (uint64_t)timeout;
    else
        call->session->waits_offset = primary_offset_of(call->broker->primary, call->session);
    have = (int64_t)acks_count_on_disk(call->broker->primary, call->session->waits_offset);
    /* With `always` the reply itself leaves only after the fsync of this turn. */
    /* A log without a base, which is still being written, is none that a start would load. */
    durable = aof_is_on(aof) && !aof_is_starting(aof) && (always || aof_durable(aof) >= upto);
    if (((durable || local == 0) && have >= replicas) || call->over || !call->may_wait) {
        reply_durable(call, durable, have);
        return VERDICT_DONE;
    }
    if (replicas > have && !call->again)
        primary_ask_acks(call->broker->primary);
    if (local > 0)
        aof_sync_soon(aof);
    return wait_for_disk(call, upto, timeout);
}
