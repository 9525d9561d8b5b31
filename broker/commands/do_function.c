/* FUNCTION, FCALL and FCALL_RO. */
#include "handlers.h"

#include "broker/broker.h"
#include "broker/observe/monitor.h"
#include "broker/script/function_dump.h"
#include "broker/script/patience.h"
#include "broker/session/session.h"
#include "storage/base/glob.h"

/* function numkeys [key ...] [arg ...] */
static enum verdict call_function(struct call *call, bool read_only)
{
    struct args *args = call->args;
    struct function_request request = { .read_only = read_only };
    const struct function *function;
    int64_t count;

    /* In front of what the function calls. */
    monitor_show(call->broker->monitor, call);
    function = functions_find(call->broker->functions, args_next(args));
    if (function == NULL)
        return call_refuse(call, REFUSAL_FUNCTION_NONE);
    if (!args_next_integer(args, &count))
        return call_refuse(call, REFUSAL_KEYS_BAD);
    if (count > (int64_t)args_left(args))
        return call_refuse(call, REFUSAL_TOO_MANY_KEYS);
    if (count < 0)
        return call_refuse(call, REFUSAL_KEYS_NEGATIVE);
    request.key_count = (size_t)count;
    request.keys = args->words + args->at;
    request.argument_count = args_left(args) - (size_t)count;
    request.arguments = request.keys + count;
    return functions_call(call->broker->functions, call, function, &request);
}

/* FCALL function numkeys [key ...] [arg ...] */
enum verdict do_fcall(struct call *call)
{
    return call_function(call, false);
}

/* FCALL_RO function numkeys [key ...] [arg ...] */
enum verdict do_fcall_ro(struct call *call)
{
    return call_function(call, true);
}

/* FUNCTION LOAD [REPLACE] function-code */
enum verdict do_function_load(struct call *call)
{
    struct args *args = call->args;
    struct buffer why = { 0 };
    struct slice name;
    bool replace = false;

    while (args_left(args) > 1) {
        struct slice word = args_next(args);

        if (!slice_equal_nocase(word, SLICE("replace")))
            return call_refuse_with(call, "ERR Unknown option given: %.*s", (int)word.len,
                                    word.at);
        replace = true;
    }
    /* Nobody waits for those that come out of the log. */
    name = functions_load(call->broker->functions, args_next(args), replace,
                          call->session->connection != NULL, &why);
    if (name.len == 0)
        reply_error(call->reply, buffer_slice(&why));
    buffer_clear(&why);
    if (name.len == 0)
        return VERDICT_REFUSED;
    ledger_count(call->ledger, 1);
    reply_bulk(call->reply, name);
    return VERDICT_DONE;
}

/* FUNCTION DELETE library-name */
enum verdict do_function_delete(struct call *call)
{
    if (!functions_delete(call->broker->functions, args_next(call->args)))
        return call_refuse(call, REFUSAL_LIBRARY_NONE);
    ledger_count(call->ledger, 1);
    reply_ok(call->reply);
    return VERDICT_DONE;
}

/* FUNCTION FLUSH [ASYNC|SYNC]: there is little to free, so that both do the same. */
enum verdict do_function_flush(struct call *call)
{
    if (args_left(call->args) > 1)
        return call_refuse_subcommand(call);
    if (!call_take_flush_mode(call))
        return call_refuse_with(call, "ERR FUNCTION FLUSH only supports SYNC|ASYNC option");
    functions_flush(call->broker->functions);
    ledger_count(call->ledger, 1);
    reply_ok(call->reply);
    return VERDICT_DONE;
}

/* FUNCTION DUMP */
enum verdict do_function_dump(struct call *call)
{
    struct buffer payload = { 0 };

    function_dump_put(call->broker->functions, &payload);
    reply_bulk(call->reply, buffer_slice(&payload));
    buffer_clear(&payload);
    return VERDICT_DONE;
}

/* FUNCTION RESTORE serialized-value [FLUSH|APPEND|REPLACE] */
enum verdict do_function_restore(struct call *call)
{
    enum function_policy policy = FUNCTION_APPEND;
    struct slice payload = args_next(call->args);
    struct buffer why = { 0 };
    bool fine;

    if (args_left(call->args) > 1)
        return call_refuse_subcommand(call);
    if (args_take(call->args, SLICE("replace")))
        policy = FUNCTION_REPLACE;
    else if (args_take(call->args, SLICE("flush")))
        policy = FUNCTION_FLUSH;
    else if (args_more(call->args) && !args_take(call->args, SLICE("append")))
        return call_refuse_with(call, "ERR Wrong restore policy given, value should be either "
                                      "FLUSH, APPEND or REPLACE.");
    fine = function_dump_restore(call->broker->functions, payload, policy, &why);
    if (fine)
        reply_ok(call->reply);
    else
        reply_error(call->reply, buffer_slice(&why));
    buffer_clear(&why);
    if (fine)
        ledger_count(call->ledger, 1);
    return fine ? VERDICT_DONE : VERDICT_REFUSED;
}

/* FUNCTION LIST [LIBRARYNAME pattern] [WITHCODE] */
enum verdict do_function_list(struct call *call)
{
    struct args *args = call->args;
    struct slice pattern = SLICE("*");
    bool with_pattern = false;
    bool with_code = false;

    while (args_more(args)) {
        struct slice word = args_next(args);

        if (!with_code && slice_equal_nocase(word, SLICE("withcode"))) {
            with_code = true;
        } else if (!with_pattern && slice_equal_nocase(word, SLICE("libraryname"))) {
            if (!args_more(args))
                return call_refuse_with(call, "ERR library name argument was not given");
            pattern = args_next(args);
            with_pattern = true;
        } else {
            return call_refuse_with(call, "ERR Unknown argument %.*s", (int)word.len, word.at);
        }
    }
    functions_list(call->broker->functions, call->reply, pattern, with_code);
    return VERDICT_DONE;
}

static void tell_running(struct call *call, const struct script_run *run)
{
    const struct args *args;

    if (run == NULL) {
        reply_nil(call->reply);
        return;
    }
    args = run->call->args;
    reply_map(call->reply, 3);
    reply_bulk(call->reply, SLICE("name"));
    reply_bulk(call->reply, run->name);
    reply_bulk(call->reply, SLICE("command"));
    reply_array(call->reply, args->count);
    for (size_t i = 0; i < args->count; i++)
        reply_bulk(call->reply, args->words[i]);
    reply_bulk(call->reply, SLICE("duration_ms"));
    reply_integer(call->reply, patience_took(call->broker->patience));
}

/* FUNCTION STATS */
enum verdict do_function_stats(struct call *call)
{
    const struct script_run *run = patience_run(call->broker->patience);
    struct function_figures figures = functions_figures(call->broker->functions);

    if (run != NULL && !run->is_function)
        return call_refuse(call, REFUSAL_SCRIPT_BUSY);
    reply_map(call->reply, 2);
    reply_bulk(call->reply, SLICE("running_script"));
    tell_running(call, run);
    reply_bulk(call->reply, SLICE("engines"));
    reply_map(call->reply, 1);
    reply_bulk(call->reply, SLICE("LUA"));
    reply_map(call->reply, 2);
    reply_bulk(call->reply, SLICE("libraries_count"));
    reply_integer(call->reply, (int64_t)figures.libraries);
    reply_bulk(call->reply, SLICE("functions_count"));
    reply_integer(call->reply, (int64_t)figures.functions);
    return VERDICT_DONE;
}

/* FUNCTION KILL */
enum verdict do_function_kill(struct call *call)
{
    enum refusal refusal = patience_kill(call->broker->patience, true);

    if (refusal != REFUSAL_NONE)
        return call_refuse(call, refusal);
    reply_ok(call->reply);
    return VERDICT_DONE;
}

/* FUNCTION HELP */
enum verdict do_function_help(struct call *call)
{
    static const char *const lines[] = {
        "LOAD [REPLACE] <FUNCTION CODE>",
        "    Loads a library; REPLACE puts it in the place of one of the same name.",
        "DELETE <LIBRARY NAME>",
        "    Removes a library and its functions.",
        "LIST [LIBRARYNAME PATTERN] [WITHCODE]",
        "    Lists libraries and their functions; with their code if that is asked.",
        "STATS",
        "    Tells which function is running, and how much is loaded.",
        "KILL",
        "    Stops the function that is running, if it has not written yet.",
        "FLUSH [ASYNC|SYNC]",
        "    Removes all libraries.",
        "DUMP",
        "    All libraries as one payload for RESTORE.",
        "RESTORE <PAYLOAD> [FLUSH|APPEND|REPLACE]",
        "    Loads the libraries of a payload. APPEND, which is usual, refuses those that are there,",
        "    REPLACE puts them in their place, and FLUSH removes all others.",
        NULL,
    };

    return call_help(call, lines);
}
