/* Looking on: SLOWLOG, MONITOR. */
#include "handlers.h"

#include "broker/broker.h"
#include "broker/dispatch/caller.h"
#include "broker/observe/monitor.h"
#include "broker/observe/slowlog.h"

enum { SLOWLOG_USUAL = 10 };

/* SLOWLOG GET [count] */
enum verdict do_slowlog_get(struct call *call)
{
    const struct slowlog *slowlog = call->broker->slowlog;
    size_t kept = slowlog_count(slowlog);
    int64_t most = SLOWLOG_USUAL;

    if (args_left(call->args) > 1)
        return call_refuse_subcommand(call);
    if (args_more(call->args) &&
        (!args_next_integer(call->args, &most) || most < -1))
        return call_refuse_with(call, "ERR count should be greater than or equal to -1");
    if (most < 0 || (uint64_t)most > kept)
        most = (int64_t)kept;

    reply_array(call->reply, (size_t)most);
    for (size_t i = 0; i < (size_t)most; i++) {
        struct slow_call slow = slowlog_at(slowlog, i);

        reply_array(call->reply, 6);
        reply_integer(call->reply, (int64_t)slow.id);
        reply_integer(call->reply, slow.when);
        reply_integer(call->reply, slow.took);
        reply_raw(call->reply, slow.words);
        reply_bulk(call->reply, slow.peer);
        reply_bulk(call->reply, slow.name);
    }
    return VERDICT_DONE;
}

/* SLOWLOG LEN */
enum verdict do_slowlog_len(struct call *call)
{
    reply_integer(call->reply, (int64_t)slowlog_count(call->broker->slowlog));
    return VERDICT_DONE;
}

/* SLOWLOG RESET */
enum verdict do_slowlog_reset(struct call *call)
{
    slowlog_reset(call->broker->slowlog);
    reply_ok(call->reply);
    return VERDICT_DONE;
}

/* SLOWLOG HELP */
enum verdict do_slowlog_help(struct call *call)
{
    static const char *const lines[] = {
        "GET [<count>]",
        "    The latest slow calls, 10 unless said otherwise, -1 for all. Of each: number,",
        "    time, microseconds, words, address and name of who said it.",
        "LEN",
        "    How many slow calls are kept.",
        "RESET",
        "    Forgets them.",
        NULL,
    };

    return call_help(call, lines);
}

/* MONITOR: every call is shown from now on. */
enum verdict do_monitor(struct call *call)
{
    if (!call->may_wait)
        return call_refuse_with(call, "ERR MONITOR isn't allowed for DENY BLOCKING client");
    if (monitor_join(call->broker->monitor, call->session)) {
        caller_ask_witnesses(call->caller);
        reply_ok(call->reply);
    }
    return VERDICT_DONE;
}
