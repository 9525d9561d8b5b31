/*
 * This page is the behaviour of the server around a command: what may refuse
 * it, who is shown it, what follows from it, and what ends a turn of the loop.
 * To change an order is to change this page and nothing else.
 *
 * Each row names a function and the module of struct broker it is called with.
 */
#include "broker/flow.h"

#include <stddef.h>

#include "broker/acl/acl.h"
#include "broker/config/options.h"
#include "broker/dispatch/gate.h"
#include "broker/dispatch/pausing.h"
#include "broker/effects/notice.h"
#include "broker/effects/propagate.h"
#include "broker/effects/tracking.h"
#include "broker/effects/wake.h"
#include "broker/effects/watch.h"
#include "broker/handover.h"
#include "broker/net/connection.h"
#include "broker/observe/latency.h"
#include "broker/observe/monitor.h"
#include "broker/observe/slowlog.h"
#include "broker/replication/follower.h"
#include "broker/replication/primary.h"
#include "broker/script/patience.h"
#include "broker/session/sessions.h"
#include "broker/upkeep/memory_limit.h"
#include "broker/upkeep/save_points.h"
#include "broker/upkeep/upkeep.h"

#define MODULE(name) offsetof(struct broker, name)
#define EVERYWHERE   (GUARD_SCRIPTS | GUARD_QUEUED | GUARD_AGAIN)

/* Guards that have nothing to say are not asked: flow_choose_guards looks again. */
static bool needs_replicas(const struct broker *broker)
{
    return broker->options->min_replicas_to_write > 0;
}

static bool is_replica(const struct broker *broker)
{
    return broker->role->is_replica;
}

/* Every reason a command may be refused. The order is Redis's own, because a
 * client that offends twice sees which objection came first. */
static const struct {
    const char *name;
    enum pass (*check)(void *who, struct call *call);
    size_t module;
    unsigned places; /* who meets it beside requests: calls of scripts, of EXEC */
    bool (*wanted)(const struct broker *broker); /* whether it may object at all now; NULL: yes */
} guards[] = {
    { "known",      gate_known,         MODULE(options),      GUARD_REQUESTS, NULL },
    { "permitted",  acl_guard,          MODULE(acl),          EVERYWHERE,     NULL }, /* NOAUTH, NOPERM */
    { "memory",     memory_limit_guard, MODULE(memory_limit), GUARD_REQUESTS, NULL }, /* evicts; OOM */
    { "snapshots",  save_points_guard,  MODULE(save_points),  GUARD_SCRIPTS,  NULL }, /* MISCONF */
    { "disk",       propagate_guard,    MODULE(propagate),    GUARD_SCRIPTS,  NULL }, /* MISCONF */
    { "replicas",   primary_guard,      MODULE(primary),      GUARD_SCRIPTS,  needs_replicas }, /* NOREPLICAS */
    { "read only",  follower_guard_writes, MODULE(follower),  EVERYWHERE,     is_replica }, /* READONLY */
    { "mode",       gate_mode,          MODULE(options),      GUARD_REQUESTS, NULL }, /* in MULTI */
    { "fresh",      follower_guard_stale, MODULE(follower),   GUARD_SCRIPTS,  is_replica }, /* MASTERDOWN */
    { "loaded",     gate_loaded,        MODULE(metrics),      GUARD_REQUESTS, NULL }, /* LOADING */
    { "not busy",   patience_guard,     MODULE(patience),     GUARD_REQUESTS, NULL }, /* BUSY */
    { "not paused", pausing_guard,      MODULE(pausing),      GUARD_REQUESTS, NULL }, /* has to wait */
};

/* Everyone who is shown finished calls. All sleep unless there is something for them. */
static const struct {
    const char *name;
    void (*see)(void *who, const struct call *call, enum verdict verdict, micros took);
    micros (*wants)(const void *who);
    size_t module;
} witnesses[] = {
    { "slowlog",  slowlog_witness,  slowlog_wants,  MODULE(slowlog) },
    { "latency",  latency_witness,  latency_wants,  MODULE(latency) },
    { "tracking", tracking_witness, tracking_wants, MODULE(tracking) },
    { "monitor",  monitor_witness,  monitor_wants,  MODULE(monitor) },
};

/* Everything that follows a change, in the order it flows. What is said to AOF and replicas is in
 * the ledger's feed already, and leaves at the end of the turn. */
static const struct {
    const char *name;
    void (*run)(void *who, const struct ledger_line *lines, size_t count);
    size_t module;
} effects[] = {
    { "watch",    watch_changes,    MODULE(watch) },    /* EXECs that fail */
    { "tracking", tracking_changes, MODULE(tracking) }, /* keys that sessions cache */
    { "notices",  notice_changes,   MODULE(notice) },   /* keyspace events */
    { "wake",     wake_changes,     MODULE(waiting) },  /* who waits for a key */
};

/* What a turn of the loop does once it knows who is ready. Replies leave only after the AOF has
 * what they acknowledge. */
static const struct {
    const char *name;
    bool (*run)(void *who);
    size_t module;
} turn_end[] = {
    { "read",           connections_read,     MODULE(connections) },  /* requests run meanwhile */
    { "go on",          connections_wake,     MODULE(connections) },  /* who need not wait */
    { "expire",         upkeep_step,          MODULE(upkeep) },
    { "invalidate",     tracking_step,        MODULE(tracking) },     /* what broadcasts tell */
    { "write AOF",      propagate_step,       MODULE(propagate) },
    { "acknowledge",    follower_step,        MODULE(follower) },     /* what our disk has */
    { "feed replicas",  primary_step,         MODULE(primary) },      /* and begin their saves */
    { "send replies",   connections_send,     MODULE(connections) },
    { "hand over",      handover_step,        MODULE(handover) },     /* FAILOVER, once a replica has all */
    { "evict",          memory_limit_step,    MODULE(memory_limit) }, /* what commands left over */
    { "send again",     connections_send,     MODULE(connections) },  /* to who caches what went */
    { "relieve",        memory_limit_relieve, MODULE(memory_limit) }, /* chunks that are free now */
    { "evict sessions", sessions_evict,       MODULE(sessions) },     /* who left too much unread */
    { "send data",      primary_transfer,     MODULE(primary) },      /* to who gets all of it */
    { "close",          connections_close,    MODULE(connections) },
};

static void *module_of(struct broker *broker, size_t offset)
{
    return *(void **)(void *)((char *)broker + offset);
}

void flow_choose_guards(struct flow *flow, struct broker *broker)
{
    size_t count = 0;

    for (size_t i = 0; i < sizeof(guards) / sizeof(guards[0]); i++) {
        if (guards[i].wanted == NULL || guards[i].wanted(broker))
            flow->guards[count++] = (struct guard){ guards[i].name, guards[i].check,
                                                    module_of(broker, guards[i].module),
                                                    guards[i].places };
    }
    flow->guards[count] = (struct guard){ .name = NULL };
}

void flow_bind(struct flow *flow, struct broker *broker)
{
    *flow = (struct flow){ .guards = { { 0 } } };
    flow_choose_guards(flow, broker);
    for (size_t i = 0; i < sizeof(witnesses) / sizeof(witnesses[0]); i++)
        flow->witnesses[i] = (struct witness){ witnesses[i].name, witnesses[i].see,
                                               witnesses[i].wants,
                                               module_of(broker, witnesses[i].module) };
    for (size_t i = 0; i < sizeof(effects) / sizeof(effects[0]); i++)
        flow->effects[i] = (struct effect){ effects[i].name, effects[i].run,
                                            module_of(broker, effects[i].module) };
}

size_t flow_steps(struct step steps[FLOW_MOST], struct broker *broker)
{
    size_t count = sizeof(turn_end) / sizeof(turn_end[0]);

    for (size_t i = 0; i < count; i++)
        steps[i] = (struct step){ turn_end[i].name, turn_end[i].run,
                                  module_of(broker, turn_end[i].module) };
    return count;
}
