#include "broker/dispatch/pausing.h"

#include "broker/dispatch/caller.h"
#include "broker/dispatch/transaction.h"
#include "broker/net/loop.h"
#include "broker/session/holding.h"
#include "storage/base/memory.h"

struct pausing {
    struct keyspaces  *keyspaces;
    struct loop_timer *timer;
    struct holding     holding;
    millis             until; /* 0: nothing is paused */
    bool               everything;
};

static void time_over(void *who)
{
    pausing_end(who);
}

struct pausing *pausing_new(struct loop *loop, struct keyspaces *keyspaces,
                            struct metrics *metrics)
{
    struct pausing *pausing = memory_new_zeroed(1, sizeof(*pausing));

    pausing->keyspaces = keyspaces;
    pausing->timer = loop_timer_new(loop, time_over, pausing);
    holding_init(&pausing->holding, metrics);
    return pausing;
}

void pausing_free(struct pausing *pausing)
{
    if (pausing == NULL)
        return;
    loop_timer_free(pausing->timer);
    memory_free(pausing);
}

void pausing_begin(struct pausing *pausing, millis now, millis until, bool everything)
{
    if (pausing->until == 0 || until > pausing->until)
        pausing->until = until;
    pausing->everything |= everything;
    keyspaces_hold(pausing->keyspaces, HOLD_PAUSED, true);
    loop_timer_start(pausing->timer, pausing->until > now ? pausing->until - now : 0, 0);
}

bool pausing_is_on(const struct pausing *pausing)
{
    return pausing->until != 0;
}

void pausing_end(struct pausing *pausing)
{
    if (pausing->until == 0)
        return;
    pausing->until = 0;
    pausing->everything = false;
    loop_timer_stop(pausing->timer);
    keyspaces_hold(pausing->keyspaces, HOLD_PAUSED, false);
    holding_release_all(&pausing->holding);
}

/* Whether a call may change something, here or for replicas; an EXEC, if what it runs may. */
static bool may_change(const struct call *call)
{
    static const struct slice exec = { "exec", 4 };
    const uint32_t flags = COMMAND_WRITE | COMMAND_MAY_REPLICATE;

    if ((caller_flags(call->caller, call) & flags) != 0)
        return true;
    return call->session->transaction != NULL &&
           slice_equal(command_full_name(call->command), exec) &&
           transaction_has(call->session, flags);
}

enum pass pausing_guard(void *who, struct call *call)
{
    struct pausing *pausing = who;

    if (LIKELY(pausing->until == 0) || call->session->is_replica ||
        call->session->connection == NULL)
        return PASS_ON;
    if (!pausing->everything && !may_change(call))
        return PASS_ON;
    holding_add(&pausing->holding, call->session, pausing->until);
    return PASS_HOLD;
}

void pausing_forget(void *who, struct session *session)
{
    struct pausing *pausing = who;

    holding_forget(&pausing->holding, session);
}
