/*
 * What always holds:
 *   (1) session->holding is the holding whose chain session->held is in, or NULL.
 *   (2) A held session is paused.
 */
#include "broker/session/holding.h"

#include "broker/metrics/metrics.h"
#include "broker/net/connection.h"
#include "storage/base/must.h"

void holding_init(struct holding *holding, struct metrics *metrics)
{
    chain_init(&holding->held);
    holding->count = 0;
    holding->metrics = metrics;
}

static void hold(struct holding *holding, struct session *session, millis until)
{
    must(session->holding == NULL && session->waiter == NULL);
    session->holding = holding;
    session->held_until = until;
    session->paused = true;
    holding->count++;
    holding->metrics->blocked_clients++;
}

void holding_add(struct holding *holding, struct session *session, millis until)
{
    hold(holding, session, until);
    chain_put_last(&holding->held, &session->held);
}

void holding_add_first(struct holding *holding, struct session *session, millis until)
{
    hold(holding, session, until);
    chain_put_first(&holding->held, &session->held);
}

static void leave(struct holding *holding, struct session *session)
{
    chain_leave(&session->held);
    session->holding = NULL;
    session->paused = false;
    holding->count--;
    holding->metrics->blocked_clients--;
}

struct session *holding_first(const struct holding *holding)
{
    const struct chain *first = holding->held.next;

    return first == &holding->held
               ? NULL
               : CHAIN_OWNER((struct chain *)(uintptr_t)first, struct session, held);
}

void holding_release_first(struct holding *holding)
{
    struct session *session = holding_first(holding);

    if (session == NULL)
        return;
    leave(holding, session);
    if (session->connection != NULL)
        connection_wake(session->connection);
}

void holding_release_all(struct holding *holding)
{
    while (holding->count > 0)
        holding_release_first(holding);
}

void holding_forget(struct holding *holding, struct session *session)
{
    if (session->holding == holding)
        leave(holding, session);
}
