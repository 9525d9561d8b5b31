/* Who waits for SHUTDOWN waits under a key, and is run again when it is decided. */
#include "broker/departure.h"

#include <inttypes.h>

#include "broker/boot.h"
#include "broker/config/options.h"
#include "broker/dispatch/caller.h"
#include "broker/dispatch/pausing.h"
#include "broker/dispatch/waiting.h"
#include "broker/metrics/metrics.h"
#include "broker/replication/primary.h"
#include "storage/base/log.h"
#include "storage/base/memory.h"
#include "storage/base/trouble.h"
#include "storage/keyspace/keyspace.h"

#define REPLICA_AT(chain_link) \
    CHAIN_OWNER((struct chain *)(uintptr_t)(chain_link), struct replica, link)

enum { SECOND = 1000 };

struct departure {
    struct broker *broker;
    unsigned       how;
    millis         until; /* 0: it does not wait */
};

struct departure *departure_new(struct broker *broker)
{
    struct departure *departure = memory_new_zeroed(1, sizeof(*departure));

    departure->broker = broker;
    return departure;
}

void departure_free(struct departure *departure)
{
    memory_free(departure);
}

static bool lags(const struct replica *replica, int64_t offset)
{
    return !replica->only_snapshot && replica->acked != offset;
}

/* How many replicas have all that was said. */
static size_t count_in_sync(const struct broker *broker)
{
    const struct chain *all = primary_chain(broker->primary);
    size_t count = 0;

    for (const struct chain *link = all->next; link != all; link = link->next)
        count += !lags(REPLICA_AT(link), primary_offset(broker->primary));
    return count;
}

static bool is_ready(const struct departure *departure)
{
    return count_in_sync(departure->broker) == primary_count(departure->broker->primary);
}

/* Says who is left behind. */
static void tell_laggards(const struct broker *broker)
{
    const struct chain *all = primary_chain(broker->primary);
    millis now = caller_now(broker->caller);
    int64_t offset = primary_offset(broker->primary);
    char name[REPLICA_NAME];

    if (primary_count(broker->primary) == 0)
        return;
    for (const struct chain *link = all->next; link != all; link = link->next) {
        const struct replica *replica = REPLICA_AT(link);

        if (!lags(replica, offset))
            continue;
        replica_print_name(replica, name);
        log_line(broker->log, LOG_WARNING,
                 "Lagging replica %s reported offset %" PRId64 " behind master, lag=%" PRId64
                 ", state=%s.",
                 name, offset - replica->acked,
                 replica->state == REPLICA_ONLINE ? (now - replica->acked_at) / SECOND : 0,
                 replica_state_name(replica->state));
    }
    log_line(broker->log, LOG_NOTICE, "%zu of %zu replicas are in sync when shutting down.",
             count_in_sync(broker), primary_count(broker->primary));
}

/* It goes on as before; who waited for the end hears that it does not come. */
static void go_on(struct departure *departure)
{
    struct broker *broker = departure->broker;
    bool outermost = !caller_is_running(broker->caller);

    departure->until = 0;
    pausing_end(broker->pausing);
    if (outermost)
        caller_open_own(broker->caller);
    for (uint32_t db = 0; db < keyspaces_count(broker->keyspaces); db++)
        waiting_key_changed(broker->waiting, db, DEPARTURE_KEY);
    if (outermost)
        caller_close_own(broker->caller);
}

static enum departure_answer end(struct departure *departure, struct trouble *trouble)
{
    bool waited = departure->until > 0;

    tell_laggards(departure->broker);
    if (boot_shutdown(departure->broker, departure->how, trouble))
        return DEPARTURE_ENDS;
    if (waited) {
        log_line(departure->broker->log, LOG_WARNING,
                 "Errors trying to shut down the server. Check the logs for more information: %s",
                 trouble->text);
        go_on(departure);
    }
    return DEPARTURE_FAILED;
}

enum departure_answer departure_ask(struct departure *departure, unsigned how,
                                    struct trouble *trouble)
{
    struct broker *broker = departure->broker;
    millis timeout = broker->options->shutdown_timeout * SECOND;
    bool now = (how & BOOT_END_NOW) != 0 || timeout == 0 || broker->metrics->loading != 0 ||
               is_ready(departure);

    if (now || departure->until == 0)
        departure->how = how;
    if (now)
        return end(departure, trouble);
    if (departure->until == 0) {
        departure->until = caller_now(broker->caller) + timeout;
        log_line(broker->log, LOG_NOTICE,
                 "Waiting for replicas before shutting down, for %" PRId64 " seconds at most.",
                 timeout / SECOND);
        pausing_begin(broker->pausing, caller_now(broker->caller),
                      departure->until + timeout, false);
    }
    return DEPARTURE_WAITS;
}

void departure_postpone(struct departure *departure, unsigned how)
{
    departure->how = how;
    departure->until = caller_now(departure->broker->caller);
}

millis departure_left(const struct departure *departure)
{
    millis left = departure->until - caller_now(departure->broker->caller);

    if (departure->until == 0)
        return 0;
    return left > 0 ? left : 1;
}

bool departure_abort(struct departure *departure)
{
    if (departure->until == 0)
        return false;
    log_line(departure->broker->log, LOG_NOTICE, "Shutdown manually aborted.");
    go_on(departure);
    return true;
}

void departure_tick(void *who)
{
    struct departure *departure = who;
    struct trouble trouble = { 0 };

    if (LIKELY(departure->until == 0))
        return;
    if (is_ready(departure) || caller_now(departure->broker->caller) >= departure->until)
        (void)end(departure, &trouble);
}
