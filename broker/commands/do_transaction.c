/* MULTI, EXEC, DISCARD, WATCH, UNWATCH. */
#include "handlers.h"

#include "broker/broker.h"
#include "broker/dispatch/transaction.h"
#include "broker/effects/watch.h"

/* MULTI */
enum verdict do_multi(struct call *call)
{
    if (call->session->transaction != NULL)
        return call_refuse(call, REFUSAL_NESTED_MULTI);
    transaction_begin(call->session);
    reply_ok(call->reply);
    return VERDICT_DONE;
}

/* DISCARD */
enum verdict do_discard(struct call *call)
{
    if (call->session->transaction == NULL)
        return call_refuse(call, REFUSAL_DISCARD_WITHOUT_MULTI);
    transaction_end(call->session);
    watch_end(call->broker->watch, call->session);
    reply_ok(call->reply);
    return VERDICT_DONE;
}

/* EXEC */
enum verdict do_exec(struct call *call)
{
    struct session *session = call->session;
    struct watch *watch = call->broker->watch;
    bool failed;

    if (session->transaction == NULL)
        return call_refuse(call, REFUSAL_EXEC_WITHOUT_MULTI);
    failed = session->watch_failed || watch_any_past(watch, session);
    watch_end(watch, session);
    if (transaction_is_broken(session)) {
        transaction_end(session);
        return call_refuse(call, REFUSAL_EXEC_ABORTED);
    }
    if (failed) {
        transaction_end(session);
        reply_nil_array(call->reply);
        return VERDICT_DONE;
    }
    transaction_run(call);
    /* What the calls did they have said themselves. */
    ledger_say_nothing(call->ledger);
    return VERDICT_DONE;
}

/* WATCH key [key ...] */
enum verdict do_watch(struct call *call)
{
    if (call->session->transaction != NULL)
        return call_refuse(call, REFUSAL_WATCH_IN_MULTI);
    while (args_more(call->args))
        watch_key(call->broker->watch, call->session, call->session->db, args_next(call->args));
    reply_ok(call->reply);
    return VERDICT_DONE;
}

/* UNWATCH */
enum verdict do_unwatch(struct call *call)
{
    watch_end(call->broker->watch, call->session);
    reply_ok(call->reply);
    return VERDICT_DONE;
}
