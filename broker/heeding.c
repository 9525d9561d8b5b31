/* One table: which option whom concerns. */
#include "broker/heeding.h"

#include "broker/acl/acl.h"
#include "broker/broker.h"
#include "broker/config/config.h"
#include "broker/dispatch/caller.h"
#include "broker/effects/notice.h"
#include "broker/flow.h"
#include "broker/observe/slowlog.h"
#include "broker/replication/primary.h"
#include "broker/session/sessions.h"
#include "broker/upkeep/memory_limit.h"
#include "broker/upkeep/upkeep.h"
#include "storage/base/log.h"
#include "storage/values/value.h"

enum { BACKLOG_LEAST = 16 * 1024 };

static uint32_t bounded(int64_t value)
{
    return value > UINT32_MAX ? UINT32_MAX : (uint32_t)value;
}

void heeding_fill_limits(struct broker *broker)
{
    const struct options *options = broker->options;
    struct value_limits *limits = broker->limits;

    limits->list_node_size = (int32_t)options->list_max_listpack_size;
    limits->list_compress_depth = bounded(options->list_compress_depth);
    limits->hash_entries = bounded(options->hash_max_listpack_entries);
    limits->hash_value = bounded(options->hash_max_listpack_value);
    limits->set_ints = bounded(options->set_max_intset_entries);
    limits->set_entries = bounded(options->set_max_listpack_entries);
    limits->set_value = bounded(options->set_max_listpack_value);
    limits->zset_entries = bounded(options->zset_max_listpack_entries);
    limits->zset_value = bounded(options->zset_max_listpack_value);
    limits->stream_node_bytes = bounded(options->stream_node_max_bytes);
    limits->stream_node_entries = bounded(options->stream_node_max_entries);
    limits->hll_sparse_bytes = bounded(options->hll_sparse_max_bytes);
}

static bool limits_changed(void *who, const struct options *options, struct trouble *trouble)
{
    (void)options;
    (void)trouble;
    heeding_fill_limits(who);
    return true;
}

static bool notices_changed(void *who, const struct options *options, struct trouble *trouble)
{
    struct broker *broker = who;

    (void)options;
    (void)trouble;
    notice_follow_option(broker->notice);
    return true;
}

static bool log_changed(void *who, const struct options *options, struct trouble *trouble)
{
    struct broker *broker = who;

    (void)trouble;
    log_set_level(broker->log, (enum log_level)options->loglevel);
    return true;
}

static bool upkeep_changed(void *who, const struct options *options, struct trouble *trouble)
{
    struct broker *broker = who;

    (void)options;
    (void)trouble;
    upkeep_follow_options(broker->upkeep);
    return true;
}

static bool witnesses_changed(void *who, const struct options *options, struct trouble *trouble)
{
    struct broker *broker = who;

    (void)options;
    (void)trouble;
    slowlog_trim(broker->slowlog);
    caller_ask_witnesses(broker->caller);
    return true;
}

static bool password_changed(void *who, const struct options *options, struct trouble *trouble)
{
    struct broker *broker = who;

    (void)options;
    (void)trouble;
    acl_follow_password(broker->acl);
    return true;
}

static bool memory_changed(void *who, const struct options *options, struct trouble *trouble)
{
    struct broker *broker = who;

    (void)options;
    (void)trouble;
    memory_limit_follow_options(broker->memory_limit);
    sessions_limit_memory(broker->sessions, memory_limit_of_clients(broker->memory_limit));
    return true;
}

static bool replication_changed(void *who, const struct options *options, struct trouble *trouble)
{
    struct broker *broker = who;

    (void)trouble;
    /* Less is not worth keeping; what is kept is what is told. */
    if (options->repl_backlog_size < BACKLOG_LEAST)
        config_settle(broker->config, "repl-backlog-size", SLICE("16384"));
    primary_follow_options(broker->primary);
    flow_choose_guards(broker->flow, broker);
    return true;
}

void heeding_bind(struct broker *broker)
{
    static const struct {
        const char *option;
        bool (*apply)(void *who, const struct options *options, struct trouble *trouble);
    } heeded[] = {
        { "list-compress-depth", limits_changed },
        { "list-max-listpack-size", limits_changed },
        { "hash-max-listpack-entries", limits_changed },
        { "hash-max-listpack-value", limits_changed },
        { "set-max-intset-entries", limits_changed },
        { "set-max-listpack-entries", limits_changed },
        { "set-max-listpack-value", limits_changed },
        { "zset-max-listpack-entries", limits_changed },
        { "zset-max-listpack-value", limits_changed },
        { "stream-node-max-bytes", limits_changed },
        { "stream-node-max-entries", limits_changed },
        { "hll-sparse-max-bytes", limits_changed },
        { "maxmemory", memory_changed },
        { "maxmemory-clients", memory_changed },
        { "maxmemory-queues", memory_changed },
        { "maxmemory-policy", memory_changed },
        { "maxmemory-samples", memory_changed },
        { "maxmemory-eviction-tenacity", memory_changed },
        { "maxmemory-evict-types", memory_changed },
        { "maxmemory-evict-prefixes", memory_changed },
        { "maxmemory-keep-prefixes", memory_changed },
        { "lfu-log-factor", memory_changed },
        { "lfu-decay-time", memory_changed },
        { "notify-keyspace-events", notices_changed },
        { "loglevel", log_changed },
        { "hz", upkeep_changed },
        { "requirepass", password_changed },
        { "slowlog-log-slower-than", witnesses_changed },
        { "slowlog-max-len", witnesses_changed },
        { "latency-monitor-threshold", witnesses_changed },
        { "repl-backlog-size", replication_changed },
        { "min-replicas-to-write", replication_changed },
    };

    for (size_t i = 0; i < sizeof(heeded) / sizeof(heeded[0]); i++)
        config_on_change(broker->config, heeded[i].option, heeded[i].apply, broker);
}
