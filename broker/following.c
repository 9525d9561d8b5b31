/* What the follower cannot reach itself: databases beside ours, the configuration, replicas. */
#include "broker/following.h"

#include "broker/config/config.h"
#include "broker/config/options.h"
#include "broker/dispatch/caller.h"
#include "broker/effects/propagate.h"
#include "broker/effects/watch.h"
#include "broker/flow.h"
#include "broker/oom_score.h"
#include "broker/replication/follower.h"
#include "broker/replication/primary.h"
#include "broker/replication/role.h"
#include "broker/session/session.h"
#include "storage/base/log.h"
#include "storage/keyspace/keyspace.h"
#include "storage/persist/snapshot.h"

static struct keyspaces *another_set(void *who)
{
    struct broker *broker = who;
    struct keyspaces *all = keyspaces_new(&(struct keyspaces_setup){
        .count = keyspaces_count(broker->keyspaces),
        .types = broker_types(),
        .secret = broker->secret,
        .reclaim = broker->worker });

    keyspaces_set_now(all, keyspaces_now(broker->keyspaces));
    return all;
}

static void settle(void *who, struct slice peer)
{
    struct broker *broker = who;

    config_settle(broker->config, "replicaof", peer);
    oom_score_of_replica(broker->oom_score, peer.len > 0);
    flow_choose_guards(broker->flow, broker);
}

static void relay(void *who, struct slice bytes)
{
    primary_relay(who, bytes);
}

static void part(void *who)
{
    primary_drop_replicas(who);
}

static void restart(void *who)
{
    primary_keep_backlog(who);
    primary_restart_backlog(who);
}

static void keep(void *who)
{
    primary_keep_backlog(who);
}

void following_make(struct broker *broker)
{
    broker->follower = follower_new(&(struct follower_setup){
        .loop = broker->loop,
        .connections = broker->connections,
        .ledger = broker->ledger,
        .waiting = broker->waiting,
        .pausing = broker->pausing,
        .keyspaces = broker->keyspaces,
        .snapshot = broker->snapshot,
        .aof = broker->aof,
        .clock = broker->clock,
        .log = broker->log,
        .metrics = broker->metrics,
        .role = broker->role,
        .options = broker->options,
        .downstream = { relay, part, restart, keep, broker->primary },
        .another_set = another_set,
        .unwatch = watch_forget,
        .unwatch_who = broker->watch,
        .hand_on = propagate_finished,
        .hand_on_who = broker->propagate,
        .settle = settle,
        .who = broker });
}

void following_bind(struct broker *broker)
{
    follower_bind(broker->follower, broker->sessions, broker->caller);
}

enum refusal following_stands_in_way(void *who, const struct session *session, bool writes,
                                     bool bears_stale)
{
    const struct broker *broker = who;
    const struct options *options = broker->options;

    if (session->connection == NULL)
        return REFUSAL_NONE;
    if (writes && follower_is_read_only(broker->follower))
        return REFUSAL_READ_ONLY_REPLICA;
    if (writes && options->min_replicas_to_write > 0 && options->min_replicas_max_lag > 0 &&
        !broker->role->is_replica &&
        primary_count_good(broker->primary) < (uint64_t)options->min_replicas_to_write)
        return REFUSAL_NO_REPLICAS;
    if (!bears_stale && follower_is_stale(broker->follower))
        return REFUSAL_PRIMARY_DOWN;
    return REFUSAL_NONE;
}

/* Those who followed us have it still. */
static void tell_expired(void *who, uint32_t db, struct slice key)
{
    const struct change_sink *sink = ledger_change_sink(who);

    sink->tell(sink->who, db, key, CHANGE_EXPIRED);
}

static void unheard(void *who, uint32_t db, struct slice key)
{
    (void)who;
    (void)db;
    (void)key;
}

void following_begin(struct broker *broker)
{
    /* A log has gone on behind its base, nobody knows how far. */
    const struct rdb_stream *stream =
        broker->options->appendonly ? NULL : snapshot_stream(broker->snapshot);

    follower_begin(broker->follower, stream);
    if (broker->role->is_replica || stream == NULL || stream->id[0] == '\0' ||
        stream->offset < 0) {
        (void)snapshot_tell_expired(broker->snapshot, unheard, NULL);
        return;
    }
    /* Those who followed us before can go on from what was saved. */
    role_resume(broker->role, slice_text(stream->id), stream->offset);
    restart(broker->primary);
    caller_open_own(broker->caller);
    if (!snapshot_tell_expired(broker->snapshot, tell_expired, broker->ledger))
        role_begin_history(broker->role);
    caller_close_own(broker->caller);
}
