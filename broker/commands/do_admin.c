/*
 * For the operator: INFO, TIME, SHUTDOWN, LOLWUT, MODULE LIST.
 */
#include "handlers.h"

#include "broker/boot.h"
#include "broker/broker.h"
#include "broker/departure.h"
#include "broker/dispatch/caller.h"
#include "broker/observe/info.h"
#include "broker/observe/version.h"
#include "broker/script/patience.h"
#include "storage/base/trouble.h"

/* INFO [section ...] */
enum verdict do_info(struct call *call)
{
    struct buffer text = { 0 };

    /* An empty report has an address too. */
    buffer_reserve(&text, 1);
    info_print(call->broker->info, call->args->words + call->args->at, args_left(call->args),
               &text);
    reply_verbatim(call->reply, buffer_slice(&text), "txt");
    buffer_clear(&text);
    return VERDICT_DONE;
}

/* TIME: seconds since 1970, and microseconds of the second under way; in a script, of its beginning,
 * so that it sees one time alone, by which keys expire too. */
enum verdict do_time(struct call *call)
{
    micros now = call->scripted ? caller_now_micros(call->caller) : clock_wall(call->broker->clock);

    reply_array(call->reply, 2);
    reply_bulk_integer(call->reply, now / 1000000);
    reply_bulk_integer(call->reply, now % 1000000);
    return VERDICT_DONE;
}

/* The end is decided elsewhere, or that there is none. */
static enum verdict wait_for_end(struct call *call)
{
    const struct slice key = DEPARTURE_KEY;

    return call_wait(call, &(struct wait){ .keys = &key, .count = 1, .kind = VALUE_STRING,
                                           .lane = SLICE("shutdown"), .shared = true,
                                           .on_gone = true });
}

static enum verdict go_on_waiting(struct call *call)
{
    return departure_left(call->broker->departure) > 0 ? wait_for_end(call)
                                                       : call_refuse(call, REFUSAL_SHUTDOWN);
}

/*
 * SHUTDOWN [NOSAVE|SAVE] [NOW] [FORCE] [ABORT]
 *
 * The AOF is always flushed and fsynced before the end, and a snapshot saved if
 * there are rules for it. There are no replicas to wait for, so NOW changes
 * nothing and there is never anything to abort. On success nothing is answered:
 * the connection ends.
 */
enum verdict do_shutdown(struct call *call)
{
    unsigned how = 0;
    bool abort = false;
    struct trouble trouble = { 0 };

    while (args_more(call->args)) {
        if (args_take(call->args, SLICE("save")))
            how |= BOOT_END_SAVE;
        else if (args_take(call->args, SLICE("nosave")))
            how |= BOOT_END_NOSAVE;
        else if (args_take(call->args, SLICE("abort")))
            abort = true;
        else if (args_take(call->args, SLICE("force")))
            how |= BOOT_END_FORCE;
        else if (args_take(call->args, SLICE("now")))
            how |= BOOT_END_NOW;
        else
            return call_refuse(call, REFUSAL_SYNTAX);
    }
    if (((how & BOOT_END_SAVE) != 0 && (how & BOOT_END_NOSAVE) != 0) || (abort && how != 0))
        return call_refuse(call, REFUSAL_SYNTAX);
    if (call->again)
        return go_on_waiting(call);
    if (abort) {
        if (!departure_abort(call->broker->departure))
            return call_refuse_with(call, "ERR No shutdown in progress.");
        reply_ok(call->reply);
        return VERDICT_DONE;
    }
    if ((how & BOOT_END_NOSAVE) == 0 && patience_refuses(call->broker->patience, call))
        return VERDICT_REFUSED;
    /* In the midst of a script nobody else gets anywhere: there is nothing to wait for. */
    if (!call->may_wait || ledger_depth(call->ledger) > 1)
        how |= BOOT_END_NOW;
    switch (departure_ask(call->broker->departure, how, &trouble)) {
    case DEPARTURE_FAILED:
        return call_refuse(call, REFUSAL_SHUTDOWN);
    case DEPARTURE_WAITS:
        return wait_for_end(call);
    case DEPARTURE_ENDS:
        break;
    }
    return VERDICT_DONE;
}

/* LOLWUT [VERSION version]: a mill wheel, and the version. */
enum verdict do_lolwut(struct call *call)
{
    struct slice wheel = SLICE("     __|__\n"
                               "   /\\  |  /\\\n"
                               "  /__\\_|_/__\\     ~ ~ ~\n"
                               "  \\  / | \\  /   ~ ~ ~ ~ ~\n"
                               "~~~\\/__|__\\/~~~~~~~~~~~~~~\n"
                               "Millrace " MILLRACE_VERSION ", Redis ver. " REDIS_VERSION "\n");

    reply_verbatim(call->reply, wheel, "txt");
    return VERDICT_DONE;
}

/* MODULE LIST: none can be loaded. */
enum verdict do_module_list(struct call *call)
{
    reply_array(call->reply, 0);
    return VERDICT_DONE;
}

/* That modules cannot be loaded, in the words of a server whose options forbid it. */
static enum verdict refuse_module(struct call *call)
{
    return call_refuse_with(
        call, "ERR MODULE command not allowed. If the enable-module-command option is set to "
              "\"local\", you can run it from a local connection, otherwise you need to set this "
              "option in the configuration file, and then restart the server.");
}

/* MODULE LOAD path [arg ...] */
enum verdict do_module_load(struct call *call)
{
    return refuse_module(call);
}

/* MODULE LOADEX path [CONFIG name value] ... [ARGS arg ...] */
enum verdict do_module_loadex(struct call *call)
{
    return refuse_module(call);
}

/* MODULE UNLOAD name */
enum verdict do_module_unload(struct call *call)
{
    return refuse_module(call);
}

/* MODULE HELP */
enum verdict do_module_help(struct call *call)
{
    static const char *const lines[] = {
        "LIST",
        "    Lists the loaded modules: none ever is.",
        NULL,
    };

    return call_help(call, lines);
}
