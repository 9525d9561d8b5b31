#include "broker/commands/memory_parts.h"

#include <stdio.h>
#include <unistd.h>

#include "broker/broker.h"
#include "broker/dispatch/caller.h"
#include "broker/effects/tracking.h"
#include "broker/metrics/histogram.h"
#include "broker/net/connection.h"
#include "broker/observe/vitals.h"
#include "broker/replication/primary.h"
#include "broker/script/functions.h"
#include "broker/script/scripts.h"
#include "broker/session/sessions.h"
#include "pubsub/hub.h"
#include "storage/keyspace/keyspace.h"
#include "storage/persist/aof.h"

double memory_ratio(size_t of, size_t to)
{
    return to > 0 ? (double)of / (double)to : 0;
}

static void look_at_session(const struct session *session, struct memory_parts *parts)
{
    size_t bytes = session_memory_own(session);
    size_t output = outbox_memory(session->reply.out);
    size_t input = connection_unread_room(session->connection);

    if (session->is_replica) /* what it has not taken is the backlog's */
        parts->replicas += session_memory(session) - output;
    else
        parts->clients += bytes;
    if (session->is_monitor)
        parts->monitors += bytes;
    if (output > parts->largest_output)
        parts->largest_output = output;
    if (input > parts->largest_input)
        parts->largest_input = input;
    if (session->channels + session->patterns + session->shards > 0)
        parts->subscribed++;
    parts->sessions++;
}

static size_t memory_of_counts(const struct broker *broker)
{
    const struct command_counts *counts = caller_counts(broker->caller);
    size_t bytes = 0;

    for (size_t i = 0; i < command_count(); i++)
        bytes += counts[i].took != NULL ? histogram_memory(counts[i].took) : 0;
    return bytes;
}

static size_t resident_memory(void)
{
    FILE *file = fopen("/proc/self/statm", "re");
    unsigned long pages = 0;

    if (file == NULL)
        return 0;
    if (fscanf(file, "%*u %lu", &pages) != 1)
        pages = 0;
    fclose(file);
    return pages * (size_t)sysconf(_SC_PAGESIZE);
}

void memory_parts_look(const struct broker *broker, struct memory_parts *parts)
{
    struct chain *chain = sessions_chain(broker->sessions);
    struct aof_figures aof;
    struct tracking_figures tracked;
    struct script_figures scripts;
    struct function_figures functions;

    *parts = (struct memory_parts){ .used = vitals_memory(broker->vitals),
                                    .peak = broker->vitals->memory_peak,
                                    .startup = broker->vitals->memory_at_start,
                                    .resident = resident_memory() };
    for (struct chain *link = chain->next; link != chain; link = link->next)
        look_at_session(CHAIN_OWNER(link, struct session, all), parts);
    for (uint32_t db = 0; db < keyspaces_count(broker->keyspaces); db++) {
        const struct keyspace *keys = keyspaces_at(broker->keyspaces, db);

        if (keyspace_count(keys) == 0)
            continue;
        parts->tables += keyspace_overhead(keys);
        parts->keys += keyspace_count(keys);
    }
    aof_figures(broker->aof, &aof);
    parts->aof = aof.buffer_memory;
    parts->excess = primary_excess_memory(broker->primary);
    parts->backlog = primary_backlog_memory(broker->primary);
    /* Without replicas all is the backlog's own: its blocks are not cut at its very size. */
    if (parts->replicas > 0) {
        parts->backlog -= parts->excess < parts->backlog ? parts->excess : parts->backlog;
        parts->replicas += parts->excess;
    }
    parts->feed = ledger_feed(broker->ledger)->capacity;
    parts->pool = outbox_pool_memory(connections_pool(broker->connections));
    parts->pubsub = hub_memory(broker->hub);
    parts->counts = memory_of_counts(broker);
    scripts = scripts_figures(broker->scripts);
    parts->scripts = scripts.machine_bytes + scripts.bytes;
    functions = functions_figures(broker->functions);
    parts->functions = functions.machine_bytes + functions.bytes;
    tracking_figures(broker->tracking, &tracked);
    parts->tracking = tracked.memory;
    /* Chunks that are kept for output are the clients' too, until somebody else wants one. */
    parts->clients += parts->pool;
    parts->overhead = parts->startup + parts->clients + parts->replicas + parts->backlog +
                      parts->aof + parts->pubsub + parts->scripts + parts->functions +
                      parts->counts + parts->tracking + parts->tables;
    parts->dataset = parts->used > parts->overhead ? parts->used - parts->overhead : 0;
}
