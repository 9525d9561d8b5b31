/* EVAL and its kin, and SCRIPT. */
#include "handlers.h"

#include "broker/broker.h"
#include "broker/observe/monitor.h"
#include "broker/script/patience.h"
#include "broker/script/scripts.h"
#include "storage/base/digest.h"

/* script|sha1 numkeys [key ...] [arg ...] */
static enum verdict run_script(struct call *call, bool by_digest, bool read_only)
{
    struct args *args = call->args;
    struct script_request request = { .by_digest = by_digest, .read_only = read_only };
    int64_t count;

    /* In front of what the script calls. */
    monitor_show(call->broker->monitor, call);
    request.text = args_next(args);
    /* What cannot be a digest is said before the number of keys is looked at. */
    if (by_digest && request.text.len != 2 * DIGEST_SHA1_SIZE)
        return call_refuse(call, REFUSAL_NO_SCRIPT);
    if (!args_next_integer(args, &count))
        return call_refuse(call, REFUSAL_NOT_INTEGER);
    if (count > (int64_t)args_left(args))
        return call_refuse(call, REFUSAL_TOO_MANY_KEYS);
    if (count < 0)
        return call_refuse(call, REFUSAL_KEYS_NEGATIVE);
    request.key_count = (size_t)count;
    request.keys = args->words + args->at;
    request.argument_count = args_left(args) - (size_t)count;
    request.arguments = request.keys + count;
    return scripts_run(call->broker->scripts, call, &request);
}

/* EVAL script numkeys [key ...] [arg ...] */
enum verdict do_eval(struct call *call)
{
    return run_script(call, false, false);
}

/* EVAL_RO script numkeys [key ...] [arg ...] */
enum verdict do_eval_ro(struct call *call)
{
    return run_script(call, false, true);
}

/* EVALSHA sha1 numkeys [key ...] [arg ...] */
enum verdict do_evalsha(struct call *call)
{
    return run_script(call, true, false);
}

/* EVALSHA_RO sha1 numkeys [key ...] [arg ...] */
enum verdict do_evalsha_ro(struct call *call)
{
    return run_script(call, true, true);
}

/* SCRIPT LOAD script */
enum verdict do_script_load(struct call *call)
{
    return scripts_load(call->broker->scripts, call, args_next(call->args));
}

/* SCRIPT EXISTS sha1 [sha1 ...] */
enum verdict do_script_exists(struct call *call)
{
    reply_array(call->reply, args_left(call->args));
    while (args_more(call->args))
        reply_integer(call->reply, scripts_know(call->broker->scripts, args_next(call->args)));
    return VERDICT_DONE;
}

/* SCRIPT FLUSH [ASYNC|SYNC]: there is little to free, so that both do the same. */
enum verdict do_script_flush(struct call *call)
{
    if (!call_take_flush_mode(call))
        return call_refuse_with(call, "ERR SCRIPT FLUSH only support SYNC|ASYNC option");
    scripts_flush(call->broker->scripts);
    reply_ok(call->reply);
    return VERDICT_DONE;
}

/* SCRIPT KILL */
enum verdict do_script_kill(struct call *call)
{
    enum refusal refusal = patience_kill(call->broker->patience, false);

    if (refusal != REFUSAL_NONE)
        return call_refuse(call, refusal);
    reply_ok(call->reply);
    return VERDICT_DONE;
}

/* SCRIPT DEBUG (YES|SYNC|NO) */
enum verdict do_script_debug(struct call *call)
{
    if (args_take(call->args, SLICE("no"))) {
        reply_ok(call->reply);
        return VERDICT_DONE;
    }
    if (args_take(call->args, SLICE("yes")) || args_take(call->args, SLICE("sync")))
        return call_refuse_with(call, "ERR the debugger of scripts is not supported");
    return call_refuse_with(call, "ERR Use SCRIPT DEBUG YES/SYNC/NO");
}

/* SCRIPT HELP */
enum verdict do_script_help(struct call *call)
{
    static const char *const lines[] = {
        "DEBUG (YES|SYNC|NO)",
        "    Set the debug mode for subsequent scripts executed.",
        "EXISTS <sha1> [<sha1> ...]",
        "    Return information about the existence of the scripts in the script cache.",
        "FLUSH [ASYNC|SYNC]",
        "    Flush the Lua scripts cache. Very dangerous on replicas.",
        "    When called without the optional mode argument, the behavior is determined by the",
        "    lazyfree-lazy-user-flush configuration directive. Valid modes are:",
        "    * ASYNC: Asynchronously flush the scripts cache.",
        "    * SYNC: Synchronously flush the scripts cache.",
        "KILL",
        "    Kill the currently executing Lua script.",
        "LOAD <script>",
        "    Load a script into the scripts cache without executing it.",
        NULL,
    };

    return call_help(call, lines);
}
