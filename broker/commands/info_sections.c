/*
 * INFO, section by section: what the broker counts, and what it can only look
 * up when it is asked. Fields whose subject is not built yet have the value
 * that is true: nothing was evicted, nobody replicates.
 */
#include "broker/commands/info_sections.h"

#include <inttypes.h>
#include <stdio.h>
#include <sys/resource.h>
#include <sys/sysinfo.h>
#include <sys/utsname.h>
#include <unistd.h>

#include "broker/broker.h"
#include "broker/commands/memory_parts.h"
#include "broker/commands/migrate_links.h"
#include "broker/config/config.h"
#include "broker/departure.h"
#include "broker/dispatch/caller.h"
#include "broker/dispatch/waiting.h"
#include "broker/effects/tracking.h"
#include "broker/effects/watch.h"
#include "broker/handover.h"
#include "broker/metrics/error_counts.h"
#include "broker/metrics/histogram.h"
#include "broker/metrics/metrics.h"
#include "broker/net/connection.h"
#include "broker/net/loop.h"
#include "broker/observe/info.h"
#include "broker/observe/version.h"
#include "broker/observe/vitals.h"
#include "broker/replication/follower.h"
#include "broker/replication/primary.h"
#include "broker/session/sessions.h"
#include "broker/script/functions.h"
#include "broker/script/scripts.h"
#include "broker/session/subscription.h"
#include "broker/upkeep/defragmenter.h"
#include "broker/supervisor.h"
#include "broker/upkeep/memory_limit.h"
#include "broker/upkeep/save_points.h"
#include "pubsub/hub.h"
#include "storage/base/memory.h"
#include "storage/keyspace/own_expiry.h"
#include "storage/base/worker.h"
#include "storage/keyspace/keyspace.h"
#include "storage/persist/aof.h"
#include "storage/persist/aof_rewrite.h"
#include "storage/persist/snapshot.h"

static void write_server(void *who, struct buffer *to)
{
    const struct broker *broker = who;
    const struct options *options = config_options(broker->config);
    const struct vitals *vitals = broker->vitals;
    micros now = clock_wall(broker->clock);
    int64_t uptime = (now - vitals->started) / 1000000;
    struct utsname name;

    uname(&name);
    buffer_print(to,
                 "redis_version:%s\r\nmillrace_version:%s\r\nredis_git_sha1:00000000\r\n"
                 "redis_git_dirty:0\r\nredis_build_id:0\r\nredis_mode:standalone\r\n",
                 REDIS_VERSION, MILLRACE_VERSION);
    buffer_print(to,
                 "os:%s %s %s\r\narch_bits:64\r\nmonotonic_clock:POSIX clock_gettime\r\n"
                 "multiplexing_api:epoll\r\natomicvar_api:c11-builtin\r\n",
                 name.sysname, name.release, name.machine);
#ifdef __clang__
    buffer_print(to, "gcc_version:0.0.0\r\n");
#else
    buffer_print(to, "gcc_version:%d.%d.%d\r\n", __GNUC__, __GNUC_MINOR__, __GNUC_PATCHLEVEL__);
#endif
    buffer_print(to, "process_id:%ld\r\nprocess_supervised:%s\r\nrun_id:%s\r\n", (long)getpid(),
                 supervisor_is_wanted(options) ? "systemd" : "no", vitals->run_id);
    buffer_print(to, "tcp_port:%" PRId64 "\r\nserver_time_usec:%" PRId64 "\r\n", options->port,
                 now);
    buffer_print(to, "uptime_in_seconds:%" PRId64 "\r\nuptime_in_days:%" PRId64 "\r\n", uptime,
                 uptime / 86400);
    buffer_print(to, "hz:%" PRId64 "\r\nconfigured_hz:%" PRId64 "\r\n", options->hz, options->hz);
    buffer_print(to, "lru_clock:%" PRId64 "\r\nexecutable:%s\r\nconfig_file:%s\r\n",
                 (now / 1000000) & 0xFFFFFF, vitals->executable, config_path(broker->config));
    buffer_print(to, "io_threads_active:0\r\n");
    if (departure_left(broker->departure) > 0)
        buffer_print(to, "shutdown_in_milliseconds:%" PRId64 "\r\n",
                     departure_left(broker->departure));
}

static void write_clients(void *who, struct buffer *to)
{
    const struct broker *broker = who;
    struct memory_parts parts;
    struct tracking_figures tracked;

    memory_parts_look(broker, &parts);
    tracking_figures(broker->tracking, &tracked);
    broker->metrics->connected_clients =
        sessions_count(broker->sessions) - primary_count(broker->primary);
    metrics_print(broker->metrics, "clients", to);
    buffer_print(to, "cluster_connections:0\r\nmaxclients:%" PRId64 "\r\n",
                 config_options(broker->config)->maxclients);
    buffer_print(to,
                 "client_recent_max_input_buffer:%zu\r\n"
                 "client_recent_max_output_buffer:%zu\r\n",
                 parts.largest_input, parts.largest_output);
    buffer_print(to, "tracking_clients:%zu\r\nclients_in_timeout_table:%" PRIu64 "\r\n",
                 tracked.sessions,
                 broker->metrics->blocked_clients);
    buffer_print(to,
                 "pubsub_clients:%zu\r\nwatching_clients:%zu\r\n"
                 "total_watched_keys:%zu\r\ntotal_blocking_keys:%zu\r\n"
                 "total_blocking_keys_on_nokey:%zu\r\n",
                 parts.subscribed, watch_sessions(broker->watch), watch_keys(broker->watch),
                 waiting_keys(broker->waiting),
                 waiting_keys_on_gone(broker->waiting));
}

/* Two lines: the number, and the number for people. */
static void print_amount(struct buffer *to, const char *field, uint64_t bytes)
{
    buffer_print(to, "%s:%" PRIu64 "\r\n%s_human:", field, bytes, field);
    info_print_size(to, bytes);
    buffer_add(to, SLICE("\r\n"));
}

enum { ALLOCATOR_COUNT_LASTS = 100000 }; /* microseconds */

/* To count is more than half of the work of INFO: who asks often is told what was just counted. */
static void look_at_allocator(const struct broker *broker, struct memory_figures *figures)
{
    micros now = clock_monotonic(broker->clock);

    if (now - broker->vitals->allocator_counted < ALLOCATOR_COUNT_LASTS) {
        memory_figures_last(figures);
        return;
    }
    broker->vitals->allocator_counted = now;
    memory_figures(figures);
}

static void print_allocator(const struct broker *broker, struct buffer *to,
                            const struct memory_parts *parts)
{
    struct memory_figures figures;

    look_at_allocator(broker, &figures);
    buffer_print(to,
                 "allocator_allocated:%zu\r\nallocator_active:%zu\r\nallocator_resident:%zu\r\n",
                 figures.allocated, figures.active, figures.resident);
    buffer_print(to, "allocator_frag_ratio:%.2f\r\nallocator_frag_bytes:%zd\r\n",
                 memory_ratio(figures.active, figures.allocated),
                 (ssize_t)(figures.active - figures.allocated));
    buffer_print(to, "allocator_rss_ratio:%.2f\r\nallocator_rss_bytes:%zd\r\n",
                 memory_ratio(figures.resident, figures.active),
                 (ssize_t)(figures.resident - figures.active));
    buffer_print(to, "rss_overhead_ratio:%.2f\r\nrss_overhead_bytes:%zd\r\n",
                 memory_ratio(parts->resident, figures.resident),
                 (ssize_t)(parts->resident - figures.resident));
    buffer_print(to, "mem_fragmentation_ratio:%.2f\r\nmem_fragmentation_bytes:%zd\r\n",
                 memory_ratio(parts->resident, parts->used),
                 (ssize_t)(parts->resident - parts->used));
}

static void print_scripts(const struct broker *broker, struct buffer *to)
{
    struct script_figures eval = scripts_figures(broker->scripts);
    struct function_figures functions = functions_figures(broker->functions);
    size_t machines = eval.machine_bytes + functions.machine_bytes;
    size_t texts = eval.bytes + functions.bytes;

    buffer_print(to, "used_memory_vm_eval:%zu\r\n", eval.machine_bytes);
    print_amount(to, "used_memory_lua", eval.machine_bytes);
    buffer_print(to, "used_memory_scripts_eval:%zu\r\nnumber_of_cached_scripts:%zu\r\n",
                 eval.bytes, eval.count);
    buffer_print(to, "number_of_functions:%zu\r\nnumber_of_libraries:%zu\r\n",
                 functions.functions, functions.libraries);
    buffer_print(to, "used_memory_vm_functions:%zu\r\n", functions.machine_bytes);
    print_amount(to, "used_memory_vm_total", machines);
    buffer_print(to, "used_memory_functions:%zu\r\n", functions.bytes);
    print_amount(to, "used_memory_scripts", texts);
}

static void write_memory(void *who, struct buffer *to)
{
    const struct broker *broker = who;
    struct memory_parts parts;
    size_t data;
    struct sysinfo machine = { .mem_unit = 1 };

    sysinfo(&machine);
    memory_parts_look(broker, &parts);
    data = parts.used > parts.startup ? parts.used - parts.startup : parts.used;
    print_amount(to, "used_memory", parts.used);
    print_amount(to, "used_memory_rss", parts.resident);
    print_amount(to, "used_memory_peak", parts.peak);
    buffer_print(to, "used_memory_peak_perc:%.2f%%\r\n", 100 * memory_ratio(parts.used, parts.peak));
    buffer_print(to, "used_memory_overhead:%zu\r\nused_memory_startup:%zu\r\n", parts.overhead,
                 parts.startup);
    buffer_print(to, "used_memory_dataset:%zu\r\nused_memory_dataset_perc:%.2f%%\r\n",
                 parts.dataset, 100 * memory_ratio(parts.dataset, data));
    print_amount(to, "total_system_memory", (uint64_t)machine.totalram * machine.mem_unit);
    print_scripts(broker, to);
    print_amount(to, "maxmemory", memory_limit_bytes(broker->memory_limit));
    buffer_print(to, "maxmemory_policy:");
    options_print(broker->options, options_find(SLICE("maxmemory-policy")), to);
    buffer_add(to, SLICE("\r\n"));
    memory_limit_print(broker->memory_limit, to);
    print_allocator(broker, to, &parts);
    buffer_print(to, "mem_not_counted_for_evict:%zu\r\nmem_replication_backlog:%zu\r\n"
                     "mem_total_replication_buffers:%zu\r\nmem_clients_slaves:%zu\r\n",
                 parts.aof + parts.feed + parts.excess, parts.backlog,
                 primary_buffer_memory(broker->primary), parts.replicas);
    buffer_print(to, "mem_clients_normal:%zu\r\nmem_cluster_links:0\r\nmem_aof_buffer:%zu\r\n"
                     "mem_output_spare:%zu\r\nmem_pubsub:%zu\r\nmem_allocator:%s\r\n",
                 parts.clients, parts.aof, parts.pool, parts.pubsub, memory_allocator());
    defragmenter_print_running(broker->defragmenter, to);
    buffer_print(to, "lazyfree_pending_objects:%zu\r\n", worker_pending(broker->worker));
    broker->metrics->lazyfreed_objects = keyspaces_counts(broker->keyspaces)->handed;
    metrics_print(broker->metrics, "memory", to);
}

static const char *ok_or_err(bool ok)
{
    return ok ? "ok" : "err";
}

static void print_aof(const struct broker *broker, struct buffer *to)
{
    bool occupied = snapshot_runs(broker->snapshot);
    struct aof_figures now;

    aof_figures(broker->aof, &now);
    /* What only waits for the end of the turn is as good as under way. */
    now.rewrite_in_progress = now.rewrite_in_progress || (now.rewrite_scheduled && !occupied);
    now.rewrite_scheduled = now.rewrite_scheduled && occupied;
    buffer_print(to, "aof_enabled:%d\r\naof_rewrite_in_progress:%d\r\naof_rewrite_scheduled:%d\r\n",
                 now.enabled, now.rewrite_in_progress, now.rewrite_scheduled);
    buffer_print(to,
                 "aof_last_rewrite_time_sec:%" PRId64 "\r\naof_current_rewrite_time_sec:%" PRId64
                 "\r\naof_last_bgrewrite_status:%s\r\n",
                 now.last_rewrite_time_sec, now.current_rewrite_time_sec,
                 ok_or_err(now.last_bgrewrite_ok));
    buffer_print(to,
                 "aof_rewrites:%" PRIu64 "\r\naof_rewrites_consecutive_failures:%" PRIu64
                 "\r\naof_last_write_status:%s\r\naof_last_cow_size:%" PRIu64 "\r\n",
                 now.rewrites, now.rewrites_consecutive_failures, ok_or_err(now.last_write_ok),
                 now.last_cow_size);
    buffer_print(to, "module_fork_in_progress:0\r\nmodule_fork_last_cow_size:0\r\n");
    if (!now.enabled)
        return;
    buffer_print(to,
                 "aof_current_size:%" PRIu64 "\r\naof_base_size:%" PRIu64
                 "\r\naof_pending_rewrite:0\r\naof_buffer_length:%" PRIu64 "\r\n",
                 now.current_size, now.base_size, now.buffer_length);
    buffer_print(to, "aof_pending_bio_fsync:%" PRIu64 "\r\naof_delayed_fsync:%" PRIu64 "\r\n",
                 now.pending_bio_fsync, now.delayed_fsync);
}

/* How far the load is, while there is one. */
static void print_loading(const struct broker *broker, struct buffer *to)
{
    const struct metrics *metrics = broker->metrics;
    double done = metrics->loading_total > 0
                      ? (double)metrics->loaded_bytes * 100 / (double)metrics->loading_total
                      : 0;
    int64_t passed = clock_wall(broker->clock) / 1000000 - (int64_t)metrics->loading_began;
    double rate = (double)metrics->loaded_bytes / (double)(passed > 0 ? passed : 1);

    if (!metrics->loading)
        return;
    metrics_print(metrics, "loading", to);
    buffer_print(to, "loading_rdb_used_mem:0\r\nloading_loaded_perc:%.2f\r\nloading_eta_seconds:%d\r\n",
                 done,
                 rate > 0 ? (int)((double)(metrics->loading_total - metrics->loaded_bytes) / rate)
                          : 1);
}

static void print_child(const struct broker *broker, const struct snapshot_figures *now,
                        struct buffer *to)
{
    struct aof_figures log;
    uint64_t keys = now->keys_done;
    uint64_t total = now->keys_total;

    aof_figures(broker->aof, &log);
    if (log.rewrite_in_progress) {
        keys = log.rewrite_keys_done;
        total = 0;
        for (uint32_t db = 0; db < keyspaces_count(broker->keyspaces); db++)
            total += keyspace_count(keyspaces_at(broker->keyspaces, db));
    }
    if (keys > total)
        keys = total;
    buffer_print(to,
                 "async_loading:%" PRIu64 "\r\ncurrent_cow_peak:%" PRIu64 "\r\ncurrent_cow_size:%" PRIu64
                 "\r\ncurrent_cow_size_age:%" PRId64 "\r\n",
                 broker->metrics->async_loading, now->cow_peak, now->in_progress ? now->cow_size : log.current_cow_size,
                 now->cow_age_sec);
    buffer_print(to,
                 "current_fork_perc:%.2f\r\ncurrent_save_keys_processed:%" PRIu64
                 "\r\ncurrent_save_keys_total:%" PRIu64 "\r\n",
                 total > 0 ? (double)keys * 100 / (double)total : 0, keys, total);
}

static void write_persistence(void *who, struct buffer *to)
{
    const struct broker *broker = who;
    struct snapshot_figures now;

    snapshot_figures(broker->snapshot, &now);
    metrics_print(broker->metrics, "persistence", to);
    print_loading(broker, to);
    print_child(broker, &now, to);
    buffer_print(to,
                 "rdb_changes_since_last_save:%" PRIu64 "\r\nrdb_bgsave_in_progress:%d\r\n"
                 "rdb_last_save_time:%" PRId64 "\r\nrdb_last_bgsave_status:%s\r\n",
                 save_points_unsaved(broker->save_points), now.in_progress, now.last_save,
                 ok_or_err(now.last_ok));
    buffer_print(to,
                 "rdb_last_bgsave_time_sec:%" PRId64 "\r\nrdb_current_bgsave_time_sec:%" PRId64
                 "\r\nrdb_saves:%" PRIu64 "\r\nrdb_last_cow_size:%" PRIu64 "\r\n",
                 now.last_took_sec, now.running_sec, now.saves, now.last_cow_size);
    buffer_print(to,
                 "rdb_last_load_keys_expired:%" PRIu64 "\r\nrdb_last_load_keys_loaded:%" PRIu64
                 "\r\n",
                 now.loaded_expired, now.loaded_keys);
    print_aof(broker, to);
}

/* Who forks keeps count of it. */
static void count_forks(const struct broker *broker)
{
    struct snapshot_figures snapshots;
    struct aof_figures log;

    snapshot_figures(broker->snapshot, &snapshots);
    aof_figures(broker->aof, &log);
    broker->metrics->forks = snapshots.forks + log.forks;
    broker->metrics->latest_fork_usec =
        (uint64_t)(log.last_fork_at > snapshots.last_try ? log.last_fork_usec
                                                         : snapshots.fork_usec);
}

void info_sections_count_turns(struct broker *broker)
{
    const struct command_counts *counts = caller_counts(broker->caller);
    struct loop_figures figures = loop_figures(broker->loop);
    struct metrics *metrics = broker->metrics;

    metrics->turns = figures.turns;
    metrics->turns_took = (uint64_t)figures.took;
    metrics->longest_turn = (uint64_t)figures.longest;
    metrics->commands_took = 0;
    for (size_t i = 0; i < command_count(); i++)
        metrics->commands_took += counts[i].usec;
}

/* Microseconds that a turn takes of late. */
static uint64_t turn_length(const struct vitals *vitals)
{
    uint64_t turns = rate_per_second(&vitals->turns);

    return turns > 0 ? rate_per_second(&vitals->turns_took) / turns : 0;
}

static void write_stats(void *who, struct buffer *to)
{
    struct broker *broker = who;
    const struct vitals *vitals = broker->vitals;
    const struct keyspace_counts *counts = keyspaces_counts(broker->keyspaces);
    struct metrics *metrics = broker->metrics;
    struct aof_figures log;
    struct tracking_figures tracked;

    /* Lower rooms keep counts of their own; the table of metrics shows them. */
    aof_figures(broker->aof, &log);
    metrics->keyspace_hits = counts->hits;
    metrics->keyspace_misses = counts->misses;
    metrics->expired_keys = counts->expired;
    metrics->expired_subkeys = counts->expired_fields;
    metrics->evicted_keys = counts->evicted;
    count_forks(broker);
    metrics->error_replies = error_counts_total(broker->errors);
    metrics->reply_expands = outbox_pool_counts(connections_pool(broker->connections))->taken;
    metrics->reply_shrinks = outbox_pool_counts(connections_pool(broker->connections))->given_back;
    info_sections_count_turns(broker);
    metrics_print(metrics, "stats", to);

    buffer_print(to, "instantaneous_ops_per_sec:%" PRIu64 "\r\n",
                 rate_per_second(&vitals->commands));
    buffer_print(to, "instantaneous_input_kbps:%.2f\r\ninstantaneous_output_kbps:%.2f\r\n",
                 (double)rate_per_second(&vitals->input) / 1024,
                 (double)rate_per_second(&vitals->output) / 1024);
    buffer_print(to, "pubsub_channels:%zu\r\npubsub_patterns:%zu\r\npubsubshard_channels:%zu\r\n",
                 hub_topics(broker->hub, TOPIC_CHANNEL), hub_topics(broker->hub, TOPIC_PATTERN),
                 hub_topics(broker->hub, TOPIC_SHARD));
    buffer_print(to, "expired_stale_perc:0.00\r\n");
    memory_limit_print_stats(broker->memory_limit, to);
    buffer_print(to, "evicted_scripts:%" PRIu64 "\r\n", scripts_figures(broker->scripts).evicted);
    tracking_figures(broker->tracking, &tracked);
    buffer_print(to, "tracking_total_keys:%zu\r\ntracking_total_items:%zu\r\n"
                     "tracking_total_prefixes:%zu\r\n",
                 tracked.keys, tracked.items, tracked.prefixes);
    buffer_print(to, "instantaneous_input_repl_kbps:0.00\r\n"
                     "instantaneous_output_repl_kbps:0.00\r\n"
                     "migrate_cached_sockets:%zu\r\nslave_expires_tracked_keys:%zu\r\n",
                 migrate_links_count(broker->migrate_links), own_expiry_count(broker->keyspaces));
    defragmenter_print(broker->defragmenter, to);
    buffer_print(to, "instantaneous_eventloop_cycles_per_sec:%" PRIu64
                     "\r\ninstantaneous_eventloop_duration_usec:%" PRIu64 "\r\n",
                 rate_per_second(&vitals->turns), turn_length(vitals));
    buffer_print(to, "io_threaded_reads_processed:0\r\nio_threaded_writes_processed:0\r\n");
}

static void write_replication(void *who, struct buffer *to)
{
    const struct broker *broker = who;

    buffer_print(to, "role:%s\r\n", broker->role->is_replica ? "slave" : "master");
    if (broker->role->is_replica)
        follower_describe(broker->follower, to);
    primary_print_replicas(broker->primary, to);
    buffer_print(to, "master_failover_state:%s\r\n", handover_state_name(broker->handover));
    primary_print_backlog(broker->primary, to);
}

static void print_usage(struct buffer *to, const char *suffix, int whose)
{
    struct rusage usage = { 0 };

    getrusage(whose, &usage);
    buffer_print(to, "used_cpu_sys%s:%ld.%06ld\r\nused_cpu_user%s:%ld.%06ld\r\n", suffix,
                 (long)usage.ru_stime.tv_sec, (long)usage.ru_stime.tv_usec, suffix,
                 (long)usage.ru_utime.tv_sec, (long)usage.ru_utime.tv_usec);
}

static void write_cpu(void *who, struct buffer *to)
{
    (void)who;
    print_usage(to, "", RUSAGE_SELF);
    print_usage(to, "_children", RUSAGE_CHILDREN);
    print_usage(to, "_main_thread", RUSAGE_THREAD);
}

static void write_commandstats(void *who, struct buffer *to)
{
    const struct broker *broker = who;
    const struct command_counts *counts = caller_counts(broker->caller);

    for (size_t i = 0; i < command_count(); i++) {
        const struct command_counts *of = &counts[i];

        if (of->calls == 0 && of->rejected == 0 && of->failed == 0)
            continue;
        buffer_print(to, "cmdstat_%s:calls=%" PRIu64 ",usec=%" PRIu64 ",usec_per_call=%.2f",
                     command_at(i)->full_name, of->calls, of->usec,
                     of->calls > 0 ? (double)of->usec / (double)of->calls : 0.0);
        buffer_print(to, ",rejected_calls=%" PRIu64 ",failed_calls=%" PRIu64 "\r\n", of->rejected,
                     of->failed);
    }
}

static void write_latencystats(void *who, struct buffer *to)
{
    const struct broker *broker = who;
    const struct command_counts *counts = caller_counts(broker->caller);
    const struct option_percents *percents = &broker->options->latency_tracking_info_percentiles;

    for (size_t i = 0; i < command_count() && broker->options->latency_tracking; i++) {
        struct histogram *took = counts[i].took;

        if (took == NULL || histogram_total(took) == 0)
            continue;
        buffer_print(to, "latency_percentiles_usec_%s:", command_at(i)->full_name);
        for (size_t j = 0; j < percents->count; j++)
            buffer_print(to, "%sp%.12g=%.3f", j > 0 ? "," : "", percents->at[j],
                         (double)histogram_at(took, percents->at[j]) / 1000);
        buffer_add(to, SLICE("\r\n"));
    }
}

static void write_errorstats(void *who, struct buffer *to)
{
    const struct broker *broker = who;

    error_counts_print(broker->errors, to);
}

static void write_cluster(void *who, struct buffer *to)
{
    (void)who;
    buffer_add(to, SLICE("cluster_enabled:0\r\n"));
}

static void write_keyspace(void *who, struct buffer *to)
{
    const struct broker *broker = who;

    for (uint32_t db = 0; db < keyspaces_count(broker->keyspaces); db++) {
        const struct keyspace *keys = keyspaces_at(broker->keyspaces, db);

        if (keyspace_count(keys) == 0)
            continue;
        buffer_print(to, "db%" PRIu32 ":keys=%zu,expires=%zu,avg_ttl=0", db, keyspace_count(keys),
                     keyspace_expiring(keys));
        if (keyspace_expiring_fields(keys) > 0)
            buffer_print(to, ",subexpiry=%zu", keyspace_expiring_fields(keys));
        buffer_print(to, "\r\n");
    }
}

static void write_debug(void *who, struct buffer *to)
{
    struct broker *broker = who;

    info_sections_count_turns(broker);
    metrics_print(broker->metrics, "debug", to);
}

void info_sections_add(struct broker *broker)
{
    struct info *info = broker->info;

    info_add(info, "server", write_server, broker);
    info_add(info, "clients", write_clients, broker);
    info_add(info, "memory", write_memory, broker);
    info_add(info, "persistence", write_persistence, broker);
    info_add(info, "stats", write_stats, broker);
    info_add(info, "replication", write_replication, broker);
    info_add(info, "cpu", write_cpu, broker);
    info_add(info, "commandstats", write_commandstats, broker);
    info_add(info, "latencystats", write_latencystats, broker);
    info_add(info, "errorstats", write_errorstats, broker);
    info_add(info, "cluster", write_cluster, broker);
    info_add(info, "keyspace", write_keyspace, broker);
    info_add(info, "debug", write_debug, broker);
}
