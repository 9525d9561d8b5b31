/* Options come in, the log is told; nothing here knows what is in its files. */
#include "broker/durable.h"

#include "broker/config/config.h"
#include "broker/dispatch/replay.h"
#include "broker/effects/propagate.h"
#include "broker/upkeep/upkeep.h"
#include "storage/base/log.h"
#include "storage/persist/aof.h"
#include "storage/persist/aof_rewrite.h"

static enum aof_sync sync_of(const struct options *options)
{
    switch (options->appendfsync) {
    case OPTION_FSYNC_ALWAYS:
        return AOF_SYNC_ALWAYS;
    case OPTION_FSYNC_NO:
        return AOF_SYNC_NO;
    default:
        return AOF_SYNC_EVERYSEC;
    }
}

static struct aof_policy policy_of(const struct options *options)
{
    return (struct aof_policy){
        .sync = sync_of(options),
        .no_sync_on_rewrite = options->no_appendfsync_on_rewrite,
        .cut_torn_tail = options->aof_load_truncated,
        .growth_percentage = options->auto_aof_rewrite_percentage,
        .growth_least = options->auto_aof_rewrite_min_size,
    };
}

void durable_make(struct broker *broker)
{
    struct aof_setup setup = {
        .dir = ".", /* the broker enters its folder */
        .dirname = broker->options->appenddirname,
        .filename = broker->options->appendfilename,
        .policy = policy_of(broker->options),
        .keyspaces = broker->keyspaces,
        .clock = broker->clock,
        .log = broker->log,
    };

    broker->aof = aof_new(&setup);
    broker->propagate = propagate_new(broker->ledger, broker->aof, broker->watch);
}

static void tick(void *who)
{
    struct broker *broker = who;

    aof_tick(broker->aof);
}

static bool policy_changed(void *who, const struct options *options, struct trouble *trouble)
{
    struct broker *broker = who;
    struct aof_policy policy = policy_of(options);

    (void)trouble;
    aof_set_policy(broker->aof, &policy);
    return true;
}

static bool switched(void *who, const struct options *options, struct trouble *trouble)
{
    struct broker *broker = who;
    struct trouble why;

    if (propagate_keep_log(broker->propagate, options->appendonly, &why))
        return true;
    log_line(broker->log, LOG_WARNING, "The AOF cannot be turned on: %s", why.text);
    return trouble_set(trouble, "Unable to turn on AOF. Check server logs.");
}

void durable_bind(struct broker *broker)
{
    static const char *const names[] = { "appendfsync", "no-appendfsync-on-rewrite",
                                         "aof-load-truncated", "auto-aof-rewrite-percentage",
                                         "auto-aof-rewrite-min-size" };

    propagate_set_sessions(broker->propagate, broker->sessions);
    upkeep_add(broker->upkeep, tick, broker);
    for (size_t i = 0; i < sizeof(names) / sizeof(names[0]); i++)
        config_on_change(broker->config, names[i], policy_changed, broker);
    config_on_change(broker->config, "appendonly", switched, broker);
}

static bool run(void *who, const struct slice *words, size_t count, struct trouble *trouble)
{
    return replay_statement(who, words, count, trouble);
}

bool durable_load(struct broker *broker, struct trouble *trouble)
{
    struct aof_runner runner = { .run = run };
    micros began = clock_monotonic(broker->clock);
    bool fine;

    if (!broker->options->appendonly)
        return true;
    if (!aof_open(broker->aof, trouble))
        return false;
    runner.who = replay_new(broker->caller, broker->sessions);
    keyspaces_keep_expired(broker->keyspaces, true);
    fine = aof_load(broker->aof, &runner, trouble);
    keyspaces_keep_expired(broker->keyspaces, false);
    replay_free(runner.who);
    if (!fine)
        return false;
    ledger_listen(broker->ledger, LISTENER_FEED, true);
    log_line(broker->log, LOG_NOTICE, "DB loaded from append only file: %.3f seconds",
             (double)(clock_monotonic(broker->clock) - began) / 1e6);
    return true;
}

bool durable_ready_to_end(struct broker *broker, struct trouble *trouble)
{
    return aof_flush_and_sync(broker->aof, trouble);
}

bool durable_end(struct broker *broker, struct trouble *trouble)
{
    struct buffer *feed = ledger_feed(broker->ledger);

    if (!aof_is_on(broker->aof))
        return true;
    aof_rewrite_abort(broker->aof);
    log_line(broker->log, LOG_NOTICE, "Calling fsync() on the AOF file.");
    if (!aof_append(broker->aof, buffer_slice(feed)))
        log_line(broker->log, LOG_WARNING, "The AOF takes no more: %s", aof_trouble(broker->aof));
    buffer_rewind(feed);
    return aof_flush_and_sync(broker->aof, trouble);
}

void durable_free(struct broker *broker)
{
    aof_free(broker->aof);
    propagate_free(broker->propagate);
}
