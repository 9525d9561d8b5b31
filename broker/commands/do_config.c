/*
 * CONFIG: reading and changing the options while the broker runs.
 */
#include "handlers.h"

#include "broker/broker.h"
#include "broker/config/config.h"
#include "broker/config/config_rewrite.h"
#include "broker/dispatch/caller.h"
#include "broker/metrics/error_counts.h"
#include "broker/metrics/metrics.h"
#include "broker/net/connection.h"
#include "broker/net/loop.h"
#include "broker/observe/vitals.h"
#include "broker/upkeep/defragmenter.h"
#include "storage/base/glob.h"

/* Answers with a name and the value of its option, if one of the patterns matches the name.
 * What is hidden is found by its name alone. */
static size_t show(struct call *call, size_t first, const struct option *option, const char *name)
{
    const struct options *options = config_options(call->broker->config);
    struct buffer value = { 0 };
    bool matches = false;

    args_rewind(call->args, first);
    while (!matches && args_more(call->args)) {
        struct slice pattern = args_next(call->args);

        matches = option->when == OPTION_HIDDEN
                      ? slice_equal_nocase(pattern, slice_text(name))
                      : glob_match_nocase(pattern, slice_text(name));
    }
    if (!matches)
        return 0;

    /* An empty value has an address too. */
    buffer_reserve(&value, 1);
    options_print(options, option, &value);
    reply_bulk(call->reply, slice_text(name));
    reply_bulk(call->reply, buffer_slice(&value));
    buffer_clear(&value);
    return 1;
}

/* CONFIG GET pattern [pattern ...]: names that match, with their values. */
enum verdict do_config_get(struct call *call)
{
    size_t first = args_position(call->args);
    struct outbox_hole hole = reply_open(call->reply);
    size_t count = 0;

    for (size_t i = 0; i < options_count(); i++) {
        const struct option *option = options_at(i);

        count += show(call, first, option, option->name);
        if (option->alias != NULL)
            count += show(call, first, option, option->alias);
    }
    reply_close_map(call->reply, hole, count);
    return VERDICT_DONE;
}

/* Whether this session may change what is protected. */
static bool may_protected(const struct call *call)
{
    const struct options *options = config_options(call->broker->config);
    const struct connection *connection = call->session->connection;

    switch ((enum option_local)options->enable_protected_configs) {
    case OPTION_LOCAL_NO:
        return false;
    case OPTION_LOCAL_YES:
        return true;
    case OPTION_LOCAL_LOCAL:
        return connection != NULL &&
               (connection_is_unix(connection) || connection_is_loopback(connection));
    }
    return false;
}

/* Whether an option cannot change while data is loaded. */
static bool waits_for_load(const struct call *call, struct slice name)
{
    const struct metrics *metrics = call->broker->metrics;

    return (metrics->loading != 0 || metrics->async_loading != 0) &&
           (slice_equal_nocase(name, SLICE("appendonly")) ||
            slice_equal_nocase(name, SLICE("dir")));
}

/* CONFIG SET name value [name value ...]: all of them, or none. */
enum verdict do_config_set(struct call *call)
{
    size_t count = args_left(call->args) / 2;
    struct config_pair *pairs = arena_take(call->arena, count * sizeof(*pairs));
    struct trouble trouble;

    if (args_left(call->args) % 2 != 0)
        return call_refuse(call, REFUSAL_SYNTAX);
    for (size_t i = 0; i < count; i++) {
        pairs[i].name = args_next(call->args);
        pairs[i].value = args_next(call->args);
        if (waits_for_load(call, pairs[i].name))
            return call_refuse(call, REFUSAL_LOADING);
    }

    if (!config_set_live(call->broker->config, pairs, count, may_protected(call), &trouble))
        return call_refuse_with(call, "ERR %s", trouble.text);

    reply_ok(call->reply);
    return VERDICT_DONE;
}

/* CONFIG RESETSTAT: counters begin at zero again. */
enum verdict do_config_resetstat(struct call *call)
{
    struct broker *broker = call->broker;

    metrics_reset(broker->metrics);
    error_counts_reset(broker->errors);
    vitals_reset(broker->vitals);
    loop_reset_figures(broker->loop);
    *outbox_pool_counts(connections_pool(broker->connections)) = (struct outbox_pool_counts){ 0 };
    *keyspaces_counts(broker->keyspaces) = (struct keyspace_counts){ 0 };
    defragmenter_reset(broker->defragmenter);
    caller_reset_counts(broker->caller);
    reply_ok(call->reply);
    return VERDICT_DONE;
}

/* CONFIG REWRITE: the file says what is in force. */
enum verdict do_config_rewrite(struct call *call)
{
    struct trouble trouble;

    if (config_path(call->broker->config)[0] == '\0')
        return call_refuse_with(call, "ERR The server is running without a config file");
    if (!config_rewrite(call->broker->config, false, &trouble))
        return call_refuse_with(call, "ERR Rewriting config file: %s", trouble.text);
    reply_ok(call->reply);
    return VERDICT_DONE;
}

/* CONFIG HELP */
enum verdict do_config_help(struct call *call)
{
    static const char *const lines[] = {
        "GET <pattern> [<pattern> ...]",
        "    Show the options whose names match, with their values.",
        "SET <option> <value> [<option> <value> ...]",
        "    Change options: all of them, or none.",
        "RESETSTAT",
        "    Let the counters of INFO begin at zero.",
        "REWRITE",
        "    Write the options in force to the configuration file.",
        NULL,
    };

    return call_help(call, lines);
}
