/* CLIENT: what a connection may take, and making connections wait. */
#include "handlers.h"

#include "broker/broker.h"
#include "broker/dispatch/pausing.h"
#include "broker/session/overflow.h"
#include "broker/session/sessions.h"

/* CLIENT NO-EVICT ON|OFF */
enum verdict do_client_no_evict(struct call *call)
{
    bool on = args_take(call->args, SLICE("on"));

    if (!on && !args_take(call->args, SLICE("off")))
        return call_refuse(call, REFUSAL_SYNTAX);
    call->session->no_evict = on;
    sessions_weigh(call->broker->sessions, call->session);
    reply_ok(call->reply);
    return VERDICT_DONE;
}

/* CLIENT PAUSE timeout [WRITE|ALL] */
enum verdict do_client_pause(struct call *call)
{
    bool everything = true;
    int64_t timeout;

    if (args_left(call->args) > 2)
        return call_refuse_subcommand(call);
    if (args_left(call->args) == 2) {
        struct slice word = call->args->words[call->args->at + 1];

        if (slice_equal_nocase(word, SLICE("write")))
            everything = false;
        else if (!slice_equal_nocase(word, SLICE("all")))
            return call_refuse_with(call, "ERR CLIENT PAUSE mode must be WRITE or ALL");
    }
    if (!args_next_integer(call->args, &timeout) || timeout > INT64_MAX - call->now)
        return call_refuse(call, REFUSAL_TIMEOUT_INTEGER);
    if (timeout < 0)
        return call_refuse(call, REFUSAL_TIMEOUT_NEGATIVE);
    pausing_begin(call->broker->pausing, call->now, call->now + timeout, everything);
    reply_ok(call->reply);
    return VERDICT_DONE;
}

/* CLIENT UNPAUSE */
enum verdict do_client_unpause(struct call *call)
{
    pausing_end(call->broker->pausing);
    reply_ok(call->reply);
    return VERDICT_DONE;
}

/* CLIENT OVERFLOW DISCONNECT|DROP-OLDEST|DROP-NEWEST|LATEST [LIMIT bytes] */
enum verdict do_client_overflow(struct call *call)
{
    struct slice word = args_next(call->args);
    enum overflow_mode mode = OVERFLOW_DISCONNECT;
    int64_t most = 0;

    while (mode < OVERFLOW_MODES &&
           !slice_equal_nocase(word, slice_text(overflow_mode_name(mode))))
        mode++;
    if (mode == OVERFLOW_MODES)
        return call_refuse(call, REFUSAL_SYNTAX);
    if (args_more(call->args)) {
        if (!args_take(call->args, SLICE("limit")) || args_left(call->args) != 1)
            return call_refuse(call, REFUSAL_SYNTAX);
        if (!args_next_integer(call->args, &most) || most < 1)
            return call_refuse(call, REFUSAL_NOT_INTEGER);
    }
    overflow_set(call->session, mode, (size_t)most, call->broker->metrics);
    reply_ok(call->reply);
    return VERDICT_DONE;
}
