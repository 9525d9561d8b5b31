/* DEBUG, where it writes and reads files. */
#include "broker/broker.h"
#include "broker/commands/do_inspect_private.h"
#include "broker/config/config.h"
#include "broker/config/config_rewrite.h"
#include "broker/durable.h"
#include "broker/script/functions.h"
#include "storage/base/log.h"
#include "storage/base/trouble.h"
#include "storage/persist/aof.h"
#include "storage/persist/snapshot.h"

/* Empties all databases and forgets all libraries; what is loaded then is the same again, so nobody is told. */
static void forget_all(struct call *call)
{
    for (uint32_t db = 0; db < keyspaces_count(call->keyspaces); db++)
        (void)keyspace_flush(keyspaces_at(call->keyspaces, db), false);
    functions_flush(call->broker->functions);
}

enum verdict debug_reload(struct call *call)
{
    struct broker *broker = call->broker;
    bool save = true;
    bool flush = true;
    bool merge = false;
    struct trouble trouble;

    while (args_more(call->args)) {
        if (args_take(call->args, SLICE("merge")))
            merge = true;
        else if (args_take(call->args, SLICE("noflush")))
            flush = false;
        else if (args_take(call->args, SLICE("nosave")))
            save = false;
        else
            return call_refuse_with(call, "ERR DEBUG RELOAD only supports the MERGE, NOFLUSH and "
                                          "NOSAVE options.");
    }
    snapshot_abort(broker->snapshot);
    if (save && !snapshot_save(broker->snapshot, ledger_changes(call->ledger), &trouble))
        return call_refuse_with(call, "ERR %s", trouble.text);
    if (flush)
        forget_all(call);
    if (!durable_reload_snapshot(broker, merge, &trouble)) {
        log_line(broker->log, LOG_WARNING, "DEBUG RELOAD: %s", trouble.text);
        return call_refuse_with(call,
                                "ERR Error trying to load the RDB dump, check server logs");
    }
    log_line(broker->log, LOG_WARNING, "DB reloaded by DEBUG RELOAD");
    reply_ok(call->reply);
    return VERDICT_DONE;
}

enum verdict debug_load_log(struct call *call)
{
    struct broker *broker = call->broker;
    struct trouble trouble;

    ledger_say_nothing(call->ledger);
    if (!durable_reload_log(broker, &trouble)) {
        log_line(broker->log, LOG_WARNING, "DEBUG LOADAOF: %s", trouble.text);
        return call_refuse_with(call,
                                "ERR Error trying to load the AOF files, check server logs");
    }
    log_line(broker->log, LOG_WARNING, "Append Only File loaded by DEBUG LOADAOF()");
    reply_ok(call->reply);
    return VERDICT_DONE;
}

enum verdict debug_delay_log(struct call *call)
{
    int64_t delay;

    if (!args_next_integer(call->args, &delay) || delay < 0)
        return call_refuse(call, REFUSAL_NOT_INTEGER);
    aof_delay_writes(call->broker->aof, delay);
    reply_ok(call->reply);
    return VERDICT_DONE;
}

enum verdict debug_skip_checksum(struct call *call)
{
    int64_t on;

    if (!args_next_integer(call->args, &on))
        return call_refuse(call, REFUSAL_NOT_INTEGER);
    snapshot_trust(call->broker->snapshot, on != 0);
    reply_ok(call->reply);
    return VERDICT_DONE;
}

enum verdict debug_rewrite_config(struct call *call)
{
    struct trouble trouble;

    if (config_path(call->broker->config)[0] == '\0')
        return call_refuse_with(call, "ERR The server is running without a config file");
    if (!config_rewrite(call->broker->config, true, &trouble))
        return call_refuse_with(call, "ERR Rewriting config file: %s", trouble.text);
    reply_ok(call->reply);
    return VERDICT_DONE;
}
