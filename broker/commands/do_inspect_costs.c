/* What data and commands cost: subcommands of DEBUG that measure. */
#include "broker/broker.h"
#include "broker/commands/do_inspect_private.h"
#include "broker/net/loop.h"
#include "broker/net/turn_watch.h"

enum verdict debug_longest_turn(struct call *call)
{
    struct turn_length turn = turn_watch_take(loop_turn_watch(call->broker->loop));

    reply_array(call->reply, 3);
    reply_integer(call->reply, turn.took);
    reply_integer(call->reply, turn.on_cpu);
    reply_integer(call->reply, turn.queued);
    return VERDICT_DONE;
}
