/*
 * Turning the log on, off or over happens at the end of a turn only, when the
 * feed is empty: a child that is forked then has in its memory exactly what was
 * appended, no statement more or less.
 */
#include "broker/effects/propagate.h"

#include "broker/dispatch/transaction.h"
#include "broker/effects/watch.h"
#include "broker/session/sessions.h"
#include "storage/base/memory.h"
#include "storage/persist/aof.h"
#include "storage/persist/aof_rewrite.h"
#include "storage/persist/snapshot.h"

enum { FEED_KEPT = 1024 * 1024 }; /* room of the feed that is not given back */

struct propagate {
    struct ledger        *ledger;
    struct aof           *aof;
    struct watch         *watch;
    struct sessions      *sessions;
    const struct snapshot *snapshot;
    const struct command *exec;
    bool                  stopping; /* the log is to be turned off */
    struct propagate_taker taker;
    struct clock         *clock;
    uint64_t             *took; /* microseconds in which the log took statements; NULL: nobody asks */
};

struct propagate *propagate_new(struct ledger *ledger, struct aof *aof, struct watch *watch)
{
    static const struct slice exec[] = { { "exec", 4 } };
    struct propagate *propagate = memory_new_zeroed(1, sizeof(*propagate));

    propagate->ledger = ledger;
    propagate->aof = aof;
    propagate->watch = watch;
    propagate->exec = command_find(exec, 1);
    return propagate;
}

void propagate_free(struct propagate *propagate)
{
    memory_free(propagate);
}

void propagate_set_sessions(struct propagate *propagate, struct sessions *sessions)
{
    propagate->sessions = sessions;
}

void propagate_set_taker(struct propagate *propagate, struct propagate_taker taker)
{
    propagate->taker = taker;
}

void propagate_measure(struct propagate *propagate, struct clock *clock, uint64_t *took)
{
    propagate->clock = clock;
    propagate->took = took;
}

void propagate_set_snapshot(struct propagate *propagate, const struct snapshot *snapshot)
{
    propagate->snapshot = snapshot;
}

/* Whether a snapshot is being written: one child at a time. */
static bool is_occupied(const struct propagate *propagate)
{
    return propagate->snapshot != NULL && snapshot_runs(propagate->snapshot);
}

/* ---- Refusing ---- */

/* About how many bytes a call will say: its own request, and what is said already. */
static size_t weigh(const struct propagate *propagate, const struct call *call)
{
    size_t bytes = ledger_feed(propagate->ledger)->len + call->args->raw.len;

    if (call->args->raw.len > 0)
        return bytes;
    for (size_t i = 0; i < call->args->count; i++)
        bytes += call->args->words[i].len + NUMBER_INTEGER_MAX + 5;
    return bytes;
}

/* A transaction with writes in it is over: it cannot be kept. */
static enum pass abort_transaction(struct propagate *propagate, struct call *call)
{
    transaction_end(call->session);
    watch_end(propagate->watch, call->session);
    (void)call_refuse_with(call,
                           "EXECABORT Transaction discarded because of: MISCONF Errors writing to "
                           "the AOF file: %s",
                           aof_trouble(propagate->aof));
    return PASS_REFUSED;
}

enum pass propagate_guard(void *who, struct call *call)
{
    struct propagate *propagate = who;
    bool exec = call->command == propagate->exec;

    /* What a primary says is done, or its data would no longer be ours. */
    if (LIKELY((call->command->flags & COMMAND_WRITE) == 0 && !exec) ||
        call->session->connection == NULL)
        return PASS_ON;
    if (LIKELY(aof_admits(propagate->aof, weigh(propagate, call))))
        return PASS_ON;
    if (exec)
        return transaction_has(call->session, COMMAND_WRITE) ? abort_transaction(propagate, call)
                                                             : PASS_ON;
    (void)call_refuse_with(call, "MISCONF Errors writing to the AOF file: %s",
                           aof_trouble(propagate->aof));
    return PASS_REFUSED;
}

/* ---- The end of a turn ---- */

void propagate_promise(struct propagate *propagate)
{
    if (propagate->sessions != NULL)
        sessions_promise(propagate->sessions, aof_promised(propagate->aof),
                         aof_is_broken(propagate->aof));
}

/*
 * The log takes statements; if it cannot write them it says so by what it promises. Changes stay
 * made: replicas hear of them all the same, and perhaps before our disk has them.
 */
static void hand_on(struct propagate *propagate, struct slice statements, bool turn_ends)
{
    struct buffer told = { 0 };
    bool measured = propagate->took != NULL && aof_is_on(propagate->aof);
    micros began = measured ? clock_monotonic(propagate->clock) : 0;
    bool fine = turn_ends ? aof_append_turn(propagate->aof, statements)
                          : aof_append(propagate->aof, statements);

    if (measured)
        *propagate->took += (uint64_t)(clock_monotonic(propagate->clock) - began);

    if (!fine)
        propagate_promise(propagate);
    if (propagate->taker.take == NULL)
        return;
    if (UNLIKELY(ledger_has_asides(propagate->ledger))) {
        ledger_tell_replicas(propagate->ledger, statements.len, &told);
        propagate->taker.take(propagate->taker.who, buffer_slice(&told));
        buffer_clear(&told);
        return;
    }
    propagate->taker.take(propagate->taker.who, statements);
}

static void empty(struct propagate *propagate, struct buffer *feed)
{
    if (feed->capacity > FEED_KEPT)
        buffer_clear(feed);
    else
        buffer_rewind(feed);
    ledger_feed_begins_at(propagate->ledger, aof_appended(propagate->aof));
}

void propagate_finished(void *who)
{
    struct propagate *propagate = who;
    struct slice finished = buffer_slice(ledger_feed(propagate->ledger));

    finished.len = ledger_feed_finished(propagate->ledger);
    if (finished.len == 0)
        return;
    hand_on(propagate, finished, false);
    ledger_feed_drop_finished(propagate->ledger);
    ledger_feed_begins_at(propagate->ledger, aof_appended(propagate->aof));
    propagate_promise(propagate);
}

static bool is_taken(const struct propagate *propagate)
{
    return propagate->taker.hears != NULL && propagate->taker.hears(propagate->taker.who);
}

/* Nothing is encoded that nobody takes. */
static void listen(const struct propagate *propagate, bool log, bool replicas)
{
    if (UNLIKELY(replicas != ledger_heard_by(propagate->ledger, LISTENER_REPLICAS)))
        ledger_listen(propagate->ledger, LISTENER_REPLICAS, replicas);
    if (UNLIKELY((log || replicas) != ledger_heard_by(propagate->ledger, LISTENER_FEED)))
        ledger_listen(propagate->ledger, LISTENER_FEED, log || replicas);
}

bool propagate_step(void *who)
{
    struct propagate *propagate = who;
    struct buffer *feed = ledger_feed(propagate->ledger);
    struct trouble trouble;
    bool again;

    if (feed->len > 0 || UNLIKELY(ledger_has_asides(propagate->ledger))) {
        hand_on(propagate, buffer_slice(feed), true);
        ledger_forget_asides(propagate->ledger);
        empty(propagate, feed);
    }
    again = aof_settle(propagate->aof);
    propagate_promise(propagate);
    if (UNLIKELY(propagate->stopping)) {
        propagate->stopping = false;
        aof_stop(propagate->aof);
        ledger_feed_restart(propagate->ledger);
    }
    if (UNLIKELY(aof_rewrite_wanted(propagate->aof)) && !is_occupied(propagate)) {
        /* The log has said what went wrong, if it did, and tries again by itself. */
        if (!aof_rewrite_begin(propagate->aof, &trouble))
            (void)trouble_wrap(&trouble, "rewriting");
        ledger_feed_restart(propagate->ledger);
    }
    listen(propagate, aof_hears(propagate->aof), is_taken(propagate));
    return again;
}

bool propagate_keep_log(struct propagate *propagate, bool on, struct trouble *trouble)
{
    if (on && propagate->stopping) {
        propagate->stopping = false; /* it was not turned off yet */
        return true;
    }
    if (on)
        return aof_is_on(propagate->aof) || aof_start(propagate->aof, trouble);
    propagate->stopping = aof_is_on(propagate->aof);
    return true;
}
