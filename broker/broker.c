/* The modules in the order they need each other, and back. */
#include "broker/broker.h"

#include "broker/acl/acl.h"
#include "broker/commands/info_sections.h"
#include "broker/commands/keeper.h"
#include "broker/commands/migrate_links.h"
#include "broker/config/config.h"
#include "broker/departure.h"
#include "broker/dispatch/intake.h"
#include "broker/dispatch/naming.h"
#include "broker/dispatch/pausing.h"
#include "broker/dispatch/transaction.h"
#include "broker/dispatch/waiting.h"
#include "broker/durable.h"
#include "broker/effects/notice.h"
#include "broker/effects/propagate.h"
#include "broker/effects/tracking.h"
#include "broker/effects/watch.h"
#include "broker/flow.h"
#include "broker/following.h"
#include "broker/handover.h"
#include "broker/heeding.h"
#include "broker/metrics/error_counts.h"
#include "broker/metrics/metrics.h"
#include "broker/net/connection.h"
#include "broker/observe/crash_report.h"
#include "broker/observe/info.h"
#include "broker/observe/latency.h"
#include "broker/observe/monitor.h"
#include "broker/observe/slowlog.h"
#include "broker/observe/version.h"
#include "broker/observe/vitals.h"
#include "broker/observe/watchdog.h"
#include "broker/oom_score.h"
#include "broker/replication/follower.h"
#include "broker/replication/primary.h"
#include "broker/script/bridge.h"
#include "broker/script/functions.h"
#include "broker/script/patience.h"
#include "broker/script/scripts.h"
#include "broker/session/sessions.h"
#include "broker/session/subscription.h"
#include "broker/upkeep/defragmenter.h"
#include "broker/upkeep/memory_limit.h"
#include "broker/upkeep/upkeep.h"
#include "pubsub/hub.h"
#include "storage/base/log.h"
#include "storage/base/memory.h"
#include "storage/base/random.h"
#include "storage/base/urgency.h"
#include "storage/base/worker.h"
#include "storage/persist/aof.h"
#include "storage/persist/rdb_save.h"
#include "storage/persist/snapshot.h"
#include "storage/values/hash.h"
#include "storage/values/list.h"
#include "storage/values/set.h"
#include "storage/values/zset.h"
#include "streams/stream_value.h"

static const struct value_type string_type = { .name = "string" };

/* The one place that knows all types. */
static const struct value_types types = {
    .of = { [VALUE_STRING] = &string_type,
            [VALUE_LIST] = &list_type,
            [VALUE_SET] = &set_type,
            [VALUE_ZSET] = &zset_type,
            [VALUE_HASH] = &hash_type,
            [VALUE_STREAM] = &stream_value_type },
};

const struct value_types *broker_types(void)
{
    return &types;
}

/* The worker's first job: it frees what nobody sees any more, and nobody waits for that. */
static void lower_urgency(void *unused)
{
    (void)unused;
    urgency_lower();
}

/* What data is made of. */
static void make_storage(struct broker *broker)
{
    struct keyspaces_setup setup = { .count = (uint32_t)broker->options->databases,
                                     .types = &types };
    uint64_t seed;

    broker->secret = memory_new(sizeof(*broker->secret));
    random_secret(broker->secret, sizeof(*broker->secret));
    broker->random = memory_new(sizeof(*broker->random));
    random_secret(&seed, sizeof(seed));
    random_seed(broker->random, seed);
    broker->limits = memory_new(sizeof(*broker->limits));
    *broker->limits = value_limits_default;
    broker->limits->secret = broker->secret;
    heeding_fill_limits(broker);
    broker->worker = worker_new("millrace-work");
    worker_queue(broker->worker, lower_urgency, NULL);
    broker->ledger = ledger_new();
    setup.secret = broker->secret;
    setup.changes = ledger_change_sink(broker->ledger);
    setup.reclaim = broker->worker;
    broker->keyspaces = keyspaces_new(&setup);
    broker->hub = hub_new(broker->secret);
}

static bool is_over_memory(const void *who)
{
    const struct broker *broker = who;

    return memory_limit_is_over(broker->memory_limit);
}

static bool refuses_queue(void *who, const struct command *command, struct buffer *line)
{
    struct broker *broker = who;

    return memory_limit_refuses_queue(broker->memory_limit, command, line);
}

/* With appendfsync always what a reader removed is on disk before its reply says that it is gone. */
static bool readers_wait(const void *who)
{
    const struct broker *broker = who;

    return broker->aof != NULL && aof_promises_disk(broker->aof);
}

/* Whether EVAL, EVALSHA or FCALL calls what writes nothing; words tell, nothing is run. */
static bool call_only_reads(const void *who, const struct call *call)
{
    const struct broker *broker = who;
    struct slice name = command_name(call->command);
    struct slice word = call->args->count > 1 ? call->args->words[1] : SLICE("");
    const struct function *function;

    if (!slice_equal(name, SLICE("fcall")))
        return scripts_only_read(broker->scripts, word, slice_equal(name, SLICE("evalsha")));
    function = functions_find(broker->functions, word);
    return function != NULL && function_only_reads(function);
}

/* The lines were found right when they were read. */
static void rename_command(void *naming, struct slice from, struct slice to)
{
    struct trouble ignored;

    (void)naming_rename(naming, from, to, &ignored);
}

/* What runs scripts. */
static void make_scripts(struct broker *broker)
{
    struct rdb_functions libraries;

    broker->patience = patience_new(&(struct patience_setup){
        .loop = broker->loop, .connections = broker->connections, .clock = broker->clock,
        .log = broker->log, .options = broker->options, .unwatch = watch_forget,
        .unwatch_who = broker->watch, .keep = propagate_finished, .keep_who = broker->propagate });
    broker->bridge = bridge_new(&(struct bridge_setup){
        .patience = broker->patience, .log = broker->log, .version = REDIS_VERSION,
        .is_over_memory = is_over_memory, .is_over_memory_who = broker,
        .stands_in_way = following_stands_in_way, .stands_in_way_who = broker,
        .naming = broker->naming, .refuses_queue = refuses_queue, .refuses_queue_who = broker,
        .may = acl_may, .may_who = broker->acl });
    broker->scripts = scripts_new(&(struct scripts_setup){
        .bridge = broker->bridge, .random = broker->random, .secret = broker->secret });
    broker->functions = functions_new(&(struct functions_setup){
        .bridge = broker->bridge, .clock = broker->clock, .random = broker->random,
        .secret = broker->secret });
    libraries = functions_for_snapshots(broker->functions);
    snapshot_set_functions(broker->snapshot, &libraries);
}

static void follow_user_line(void *acl, const struct slice *words, size_t count)
{
    acl_follow_line(acl, words, count);
}

/* Users, as the configuration names them. */
static void make_users(struct broker *broker)
{
    broker->acl = acl_new(broker->options, broker->metrics);
    config_visit_users(broker->config, follow_user_line, broker->acl);
    config_print_users(broker->config, acl_print_lines, broker->acl);
}

/* What replicas have not taken yet, and the log has not written. */
static size_t spared_memory(const void *who)
{
    const struct broker *broker = who;
    struct aof_figures log;

    aof_figures(broker->aof, &log);
    return primary_excess_memory(broker->primary) + log.buffer_memory +
           ledger_feed(broker->ledger)->capacity;
}

/* Output chunks that nobody uses go before any key does. */
static void relieve_pool(void *connections)
{
    outbox_pool_trim(connections_pool(connections));
}

/* A replica that asks is no replica, or speaks what it must not. */
static void replica_talks(void *who, const struct call *call)
{
    struct broker *broker = who;
    struct buffer line = { 0 };

    /* What looks at data was refused (gate_mode). */
    if (call->command != NULL && (call->command->flags & (COMMAND_WRITE | COMMAND_READONLY |
                                                          COMMAND_MAY_REPLICATE)) != 0)
        log_line(broker->log, LOG_WARNING,
                 "== CRITICAL == This master is sending an error to its replica: '-ERR Replica "
                 "can't interact with the keyspace' after processing the command '%s'",
                 call->command->full_name);
    session_describe(call->session, call->now, &line);
    log_line(broker->log, LOG_WARNING,
             "Replica generated a reply to command '%s', disconnecting it: %.*s",
             call->command != NULL ? call->command->full_name : "?",
             (int)(line.len < 512 ? line.len : 512), line.at);
    buffer_clear(&line);
}

/* What runs calls, with all that surrounds them. */
static void make_caller(struct broker *broker)
{
    broker->flow = memory_new(sizeof(*broker->flow));
    flow_bind(broker->flow, broker);
    broker->caller = caller_new(&(struct caller_setup){
        .keyspaces = broker->keyspaces,
        .ledger = broker->ledger,
        .metrics = broker->metrics,
        .clock = broker->clock,
        .random = broker->random,
        .waiting = broker->waiting,
        .options = broker->options,
        .limits = broker->limits,
        .broker = broker,
        .guards = broker->flow->guards,
        .effects = broker->flow->effects,
        .witnesses = broker->flow->witnesses,
        .stream = &broker->role->offset,
        .only_reads = call_only_reads,
        .only_reads_who = broker,
        .readers_wait = readers_wait,
        .readers_wait_who = broker,
        .replica_talks = replica_talks,
        .replica_talks_who = broker,
    });
}

/* What follows a call, limits it, or is shown it; who may call, and what scripts do; the caller. */
static void make_dispatch(struct broker *broker)
{
    broker->waiting = waiting_new(&(struct waiting_setup){
        broker->keyspaces, broker->ledger, broker->metrics, broker->secret });
    broker->watch = watch_new(broker->ledger, broker->keyspaces, broker->secret);
    broker->tracking = tracking_new(broker->ledger, broker->options, broker->secret);
    broker->notice = notice_new(broker->ledger, broker->hub, broker->options);
    durable_make(broker);
    broker->slowlog = slowlog_new(broker->options);
    broker->latency = latency_new(broker->options, broker->clock);
    broker->monitor = monitor_new(broker->metrics);
    broker->memory_limit = memory_limit_new(&(struct memory_limit_setup){
        .keyspaces = broker->keyspaces,
        .clock = broker->clock,
        .metrics = broker->metrics,
        .worker = broker->worker,
        .options = broker->options,
        .note = latency_note,
        .note_who = broker->latency,
        .relieve = relieve_pool,
        .relieve_who = broker->connections,
        .spared = spared_memory,
        .spared_who = broker,
        .unwatch = watch_forget,
        .unwatch_who = broker->watch,
    });
    make_users(broker);
    broker->naming = naming_new();
    config_visit_renames(broker->config, rename_command, broker->naming);
    make_scripts(broker);
    broker->pausing = pausing_new(broker->loop, broker->keyspaces, broker->metrics);
    broker->role = role_new();
    broker->primary = primary_new(&(struct primary_setup){
        .role = broker->role, .loop = broker->loop, .ledger = broker->ledger,
        .snapshot = broker->snapshot, .aof = broker->aof, .log = broker->log,
        .metrics = broker->metrics, .options = broker->options });
    following_make(broker);
    make_caller(broker);
    memory_limit_set_caller(broker->memory_limit, broker->caller);
    broker->intake = intake_new(broker->caller, broker->keyspaces, broker->options,
                                broker->naming);
}

static void look_at_vitals(void *who)
{
    struct broker *broker = who;

    info_sections_count_turns(broker);
    vitals_look(broker->vitals, broker->metrics, clock_monotonic(broker->clock));
}

/* A session that ends looks on no longer. */
static void leave_monitor(void *who, struct session *session)
{
    struct broker *broker = who;

    if (monitor_leave(broker->monitor, session))
        caller_ask_witnesses(broker->caller);
}

/* Who follows us, now that there are sessions. */
static void bind_replication(struct broker *broker)
{
    primary_bind(broker->primary, broker->sessions, broker->caller);
    propagate_set_taker(broker->propagate, (struct propagate_taker){ primary_feed, primary_hears,
                                                                     broker->primary });
    sessions_add_farewell(broker->sessions, (struct farewell){ primary_forget, broker->primary });
    upkeep_add(broker->upkeep, primary_tick, broker->primary);
    broker->handover = handover_new(broker);
    upkeep_add(broker->upkeep, handover_tick, broker->handover);
    broker->departure = departure_new(broker);
    upkeep_add(broker->upkeep, departure_tick, broker->departure);
}

/* What rooms hung on a session they take back when it ends, in this order. */
static void add_farewells(struct broker *broker)
{
    const struct farewell farewells[] = {
        { waiting_forget, broker->waiting },
        { memory_limit_forget, broker->memory_limit },
        { tracking_forget, broker->tracking },
        { pausing_forget, broker->pausing },
        { watch_forget, broker->watch },
        { transaction_forget, NULL },
        { subscription_farewell, NULL },
        { leave_monitor, broker },
    };

    for (size_t i = 0; i < sizeof(farewells) / sizeof(farewells[0]); i++)
        sessions_add_farewell(broker->sessions, farewells[i]);
}

/* What happens by itself, in time that calls leave over. */
static void make_upkeep(struct broker *broker)
{
    broker->upkeep = upkeep_new(&(struct upkeep_setup){
        .loop = broker->loop,
        .note = latency_note,
        .note_who = broker->latency,
        .keyspaces = broker->keyspaces,
        .caller = broker->caller,
        .waiting = broker->waiting,
        .sessions = broker->sessions,
        .metrics = broker->metrics,
        .options = broker->options,
    });
    upkeep_add(broker->upkeep, look_at_vitals, broker);
    broker->defragmenter = defragmenter_new(&(struct defragmenter_setup){
        .loop = broker->loop,
        .keyspaces = broker->keyspaces,
        .clock = broker->clock,
        .options = broker->options,
        .note = latency_note,
        .note_who = broker->latency,
    });
    defragmenter_add(broker->defragmenter,
                     (struct defrag_room){ scripts_move, broker->scripts });
    upkeep_add(broker->upkeep, defragmenter_tick, broker->defragmenter);
    broker->keeper = keeper_new(&(struct keeper_setup){
        .loop = broker->loop,
        .keyspaces = broker->keyspaces,
        .caller = broker->caller,
        .ledger = broker->ledger,
        .log = broker->log,
    });
    upkeep_add(broker->upkeep, keeper_tick, broker->keeper);
}

/* Who is there, what happens by itself, and what ends a turn. */
static void make_sessions(struct broker *broker)
{
    struct step steps[FLOW_MOST];

    broker->sessions = sessions_new(&(struct sessions_setup){
        .connections = broker->connections,
        .metrics = broker->metrics,
        .options = broker->options,
        .errors = broker->errors,
        .secret = broker->secret,
        .intake = { intake_input, intake_ahead, broker->intake },
        .welcome = { acl_welcome, broker->acl },
    });
    acl_set_sessions(broker->acl, broker->sessions);
    tracking_set_sessions(broker->tracking, broker->sessions);
    add_farewells(broker);
    make_upkeep(broker);
    durable_bind(broker);
    bind_replication(broker);
    following_bind(broker);
    sessions_limit_memory(broker->sessions, memory_limit_of_clients(broker->memory_limit));
    loop_end_turns_with(broker->loop, steps, flow_steps(steps, broker));
}

void broker_init(struct broker *broker, struct config *config, struct clock *clock,
                 struct log *log)
{
    *broker = (struct broker){ .clock = clock, .log = log, .config = config, .launcher = -1 };
    broker->options = config_options(config);
    broker->started = clock_wall(clock);
    broker->vitals = vitals_new(broker->started);
    broker->info = info_new();
    broker->metrics = memory_new_zeroed(1, sizeof(*broker->metrics));
    broker->errors = error_counts_new();
    make_storage(broker);
    broker->loop = loop_new();
    broker->connections = connections_new(broker->loop, broker->metrics);
    make_dispatch(broker);
    make_sessions(broker);
    info_sections_add(broker);
    heeding_bind(broker);
    broker->oom_score = oom_score_new(config);
    broker->migrate_links = migrate_links_new(broker->loop);
    vitals_begin(broker->vitals);
}

void broker_clear(struct broker *broker)
{
    migrate_links_free(broker->migrate_links);
    watchdog_free(broker->watchdog);
    crash_report_free(broker->crash_report);
    oom_score_free(broker->oom_score);
    defragmenter_free(broker->defragmenter);
    upkeep_free(broker->upkeep);
    keeper_free(broker->keeper);
    follower_free(broker->follower);
    for (struct chain *all = sessions_chain(broker->sessions); !chain_is_empty(all);
         (void)connections_close(broker->connections))
        sessions_close(broker->sessions, CHAIN_OWNER(all->next, struct session, all), false);
    sessions_free(broker->sessions);
    intake_free(broker->intake);
    caller_free(broker->caller);
    departure_free(broker->departure);
    handover_free(broker->handover);
    primary_free(broker->primary);
    role_free(broker->role);
    durable_free(broker);
    memory_free(broker->flow);
    functions_free(broker->functions);
    scripts_free(broker->scripts);
    bridge_free(broker->bridge);
    naming_free(broker->naming);
    patience_free(broker->patience);
    pausing_free(broker->pausing);
    config_print_users(broker->config, NULL, NULL);
    acl_free(broker->acl);
    memory_limit_free(broker->memory_limit);
    monitor_free(broker->monitor);
    latency_free(broker->latency);
    slowlog_free(broker->slowlog);
    notice_free(broker->notice);
    tracking_free(broker->tracking);
    watch_free(broker->watch);
    waiting_free(broker->waiting);
    connections_free(broker->connections);
    loop_free(broker->loop);
    hub_free(broker->hub);
    keyspaces_free(broker->keyspaces);
    ledger_free(broker->ledger);
    worker_free(broker->worker);
    memory_free(broker->limits);
    memory_free(broker->random);
    memory_free(broker->secret);
    info_free(broker->info);
    vitals_free(broker->vitals);
    error_counts_free(broker->errors);
    memory_free(broker->metrics);
}
