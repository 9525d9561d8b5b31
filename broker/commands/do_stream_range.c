/* Looking at entries: XLEN, XCOUNT, XRANGE, XREVRANGE. */
#include "handlers.h"

#include "broker/commands/do_stream_private.h"

/* XLEN key */
enum verdict do_xlen(struct call *call)
{
    struct stream *stream;
    enum refusal refusal = find_stream(call, args_next(call->args), LOOK_READ, &stream);

    if (refusal != REFUSAL_NONE)
        return call_refuse(call, refusal);
    reply_integer(call->reply, stream != NULL ? (int64_t)stream_length(stream) : 0);
    return VERDICT_DONE;
}

/* XCOUNT key start end: counted in the tree, whatever was deleted between */
enum verdict do_xcount(struct call *call)
{
    struct slice key = args_next(call->args);
    struct entry_id from, to;
    struct stream *stream = NULL;
    enum refusal refusal = next_range_start(call->args, &from);

    if (refusal == REFUSAL_NONE)
        refusal = next_range_end(call->args, &to);
    if (refusal == REFUSAL_NONE)
        refusal = find_stream(call, key, LOOK_READ, &stream);
    if (refusal != REFUSAL_NONE)
        return call_refuse(call, refusal);
    reply_integer(call->reply, stream != NULL ? (int64_t)stream_count(stream, from, to) : 0);
    return VERDICT_DONE;
}

static enum verdict read_range(struct call *call, bool reverse)
{
    struct slice key = args_next(call->args);
    struct entry_id from = ENTRY_ID_MIN, to = ENTRY_ID_MAX;
    int64_t count = -1;
    struct stream *stream;
    enum refusal refusal;

    refusal = reverse ? next_range_end(call->args, &to) : next_range_start(call->args, &from);
    if (refusal == REFUSAL_NONE)
        refusal = reverse ? next_range_start(call->args, &from) : next_range_end(call->args, &to);
    if (refusal != REFUSAL_NONE)
        return call_refuse(call, refusal);
    while (args_more(call->args)) {
        if (!args_take(call->args, SLICE("count")) || !args_more(call->args))
            return call_refuse(call, REFUSAL_SYNTAX);
        if (!args_next_integer(call->args, &count))
            return call_refuse(call, REFUSAL_NOT_INTEGER);
        if (count < 0)
            count = 0;
    }
    refusal = find_stream(call, key, LOOK_READ, &stream);
    if (refusal != REFUSAL_NONE)
        return call_refuse(call, refusal);

    if (stream == NULL)
        reply_array(call->reply, 0);
    else if (count == 0)
        reply_nil_array(call->reply);
    else
        reply_entries(call->reply, stream, from, to, count < 0 ? 0 : (uint64_t)count, reverse);
    return VERDICT_DONE;
}

/* XRANGE key start end [COUNT n] */
enum verdict do_xrange(struct call *call)
{
    return read_range(call, false);
}

/* XREVRANGE key end start [COUNT n] */
enum verdict do_xrevrange(struct call *call)
{
    return read_range(call, true);
}
