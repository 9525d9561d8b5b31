/* The target is known by its address: its connection may come and go. */
#include "broker/handover.h"

#include <stdio.h>

#include "broker/dispatch/caller.h"
#include "broker/dispatch/pausing.h"
#include "broker/replication/follower.h"
#include "broker/replication/primary.h"
#include "storage/base/log.h"
#include "storage/base/memory.h"

#define REPLICA_AT(chain_link) \
    CHAIN_OWNER((struct chain *)(uintptr_t)(chain_link), struct replica, link)

/* A pause that nobody lives to see the end of. */
#define FOR_EVER (INT64_C(100) * 365 * 24 * 3600 * 1000)

enum handover_state { HANDOVER_NONE, HANDOVER_SYNCING, HANDOVER_ASKING };

struct handover {
    struct broker      *broker;
    enum handover_state state;
    char                address[REPLICA_ADDRESS]; /* of the target; empty: any */
    uint16_t            port;
    bool                force;
    millis              until; /* 0: as long as it takes */
};

struct handover *handover_new(struct broker *broker)
{
    struct handover *handover = memory_new_zeroed(1, sizeof(*handover));

    handover->broker = broker;
    return handover;
}

void handover_free(struct handover *handover)
{
    memory_free(handover);
}

bool handover_runs(const struct handover *handover)
{
    return handover->state != HANDOVER_NONE;
}

const char *handover_state_name(const struct handover *handover)
{
    switch (handover->state) {
    case HANDOVER_NONE:
        return "no-failover";
    case HANDOVER_SYNCING:
        return "waiting-for-sync";
    case HANDOVER_ASKING:
        return "failover-in-progress";
    }
    return "";
}

static void set_target(struct handover *handover, const struct replica *target)
{
    (void)snprintf(handover->address, sizeof(handover->address), "%s", replica_address(target));
    handover->port = target->port;
}

/* "127.0.0.1:6380", or "any replica". */
static void print_target(const struct handover *handover, char to[REPLICA_NAME])
{
    if (handover->address[0] == '\0')
        (void)snprintf(to, REPLICA_NAME, "any replica");
    else
        (void)snprintf(to, REPLICA_NAME, "%s:%u", handover->address, (unsigned)handover->port);
}

void handover_begin(struct handover *handover, const struct handover_wish *wish)
{
    struct broker *broker = handover->broker;
    millis now = caller_now(broker->caller);
    char name[REPLICA_NAME];

    must(handover->state == HANDOVER_NONE);
    handover->state = HANDOVER_SYNCING;
    handover->force = wish->force;
    handover->until = wish->timeout > 0 ? now + wish->timeout : 0;
    handover->address[0] = '\0';
    if (wish->target != NULL)
        set_target(handover, wish->target);
    print_target(handover, name);
    log_line(broker->log, LOG_NOTICE, "FAILOVER requested to %s.", name);
    pausing_begin(broker->pausing, now, now + FOR_EVER, false);
    primary_keep_quiet(broker->primary, true);
}

static void end(struct handover *handover)
{
    handover->state = HANDOVER_NONE;
    primary_keep_quiet(handover->broker->primary, false);
    pausing_end(handover->broker->pausing);
}

static void abort_because(struct handover *handover, const char *why)
{
    bool follows = handover->state == HANDOVER_ASKING;
    char name[REPLICA_NAME];

    print_target(handover, name);
    log_line(handover->broker->log, LOG_NOTICE, "FAILOVER to %s aborted: %s", name, why);
    handover->state = HANDOVER_NONE;
    if (follows)
        follower_leave(handover->broker->follower);
    end(handover);
}

bool handover_abort(struct handover *handover)
{
    if (handover->state == HANDOVER_NONE)
        return false;
    abort_because(handover, "Failover manually aborted");
    return true;
}

/* What the target said. */
static void answered(void *who, bool agreed)
{
    struct handover *handover = who;

    if (handover->state != HANDOVER_ASKING)
        return;
    if (agreed)
        end(handover);
    else
        abort_because(handover, "Failover target rejected psync request");
}

static void ask(struct handover *handover)
{
    struct broker *broker = handover->broker;

    handover->state = HANDOVER_ASKING;
    handover->until = 0;
    follower_demand_failover(broker->follower, answered, handover);
    follower_follow(broker->follower, slice_text(handover->address), handover->port);
}

/* A replica that may take over and has everything, or NULL. */
static const struct replica *find_ready(const struct handover *handover)
{
    const struct chain *all = primary_chain(handover->broker->primary);
    int64_t offset = primary_offset(handover->broker->primary);

    for (const struct chain *link = all->next; link != all; link = link->next) {
        const struct replica *replica = REPLICA_AT(link);
        bool may = handover->address[0] == '\0' ||
                   (replica->port == handover->port &&
                    slice_equal_nocase(slice_text(replica_address(replica)),
                                       slice_text(handover->address)));

        if (may && replica->port != 0 && replica->state == REPLICA_ONLINE &&
            replica->acked == offset)
            return replica;
    }
    return NULL;
}

void handover_tick(void *who)
{
    struct handover *handover = who;
    const struct replica *ready;
    char name[REPLICA_NAME];

    if (LIKELY(handover->state != HANDOVER_SYNCING))
        return;
    ready = find_ready(handover);
    if (ready != NULL) {
        set_target(handover, ready);
        print_target(handover, name);
        log_line(handover->broker->log, LOG_NOTICE,
                 "Failover target is synced, failing over to %s.", name);
        ask(handover);
    } else if (handover->until > 0 && caller_now(handover->broker->caller) >= handover->until) {
        if (!handover->force) {
            abort_because(handover, "Replica never caught up before timeout");
            return;
        }
        print_target(handover, name);
        log_line(handover->broker->log, LOG_NOTICE,
                 "FAILOVER to %s time out exceeded, failing over.", name);
        ask(handover);
    }
}

bool handover_step(void *who)
{
    handover_tick(who);
    return false;
}
