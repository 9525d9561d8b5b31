/*
 * The list commands that wait. Each first does what it can at once, as its
 * sister that does not wait; if there is nothing to take it waits, and is run
 * again whole when one of its keys may have something.
 *
 * What replicas hear is never the waiting command but the pop or move it made.
 */
#include "handlers.h"

#include "broker/commands/do_list_private.h"

/* Pops one element from the first key that has some, or waits. The timeout is the last word. */
static enum verdict wait_pop(struct call *call, enum list_end end)
{
    const struct slice *keys = call->args->words + args_position(call->args);
    size_t count = args_left(call->args) - 1;
    struct list *list = NULL;
    millis timeout;
    enum refusal refusal = call_read_timeout(keys[count], &timeout);

    if (refusal != REFUSAL_NONE)
        return call_refuse(call, refusal);
    for (size_t i = 0; i < count; i++) {
        refusal = find_list(call, keys[i], LOOK_WRITE, &list);
        /* Something else came to a key while we waited: it is as good as missing. */
        if (refusal != REFUSAL_NONE && !call->again)
            return call_refuse(call, refusal);
        if (refusal != REFUSAL_NONE || list == NULL)
            continue;
        reply_array(call->reply, 2);
        reply_bulk(call->reply, keys[i]);
        pop_element(call, keys[i], list, end);
        ledger_say(call->ledger,
                   (const struct slice[]){ end == LIST_FRONT ? SLICE("LPOP") : SLICE("RPOP"),
                                           keys[i] },
                   2);
        return VERDICT_DONE;
    }
    return call_wait(call, &(struct wait){ .keys = keys,
                                           .count = count,
                                           .kind = VALUE_LIST,
                                           .timeout = timeout,
                                           .nil_array = true });
}

/* BLPOP key [key ...] timeout: the first list's key and its first element. */
enum verdict do_blpop(struct call *call)
{
    return wait_pop(call, LIST_FRONT);
}

/* BRPOP key [key ...] timeout: the first list's key and its last element. */
enum verdict do_brpop(struct call *call)
{
    return wait_pop(call, LIST_BACK);
}

/* BLMPOP timeout numkeys key [key ...] LEFT|RIGHT [COUNT count]: a key and what was popped. */
enum verdict do_blmpop(struct call *call)
{
    struct slice word = args_next(call->args);
    struct list_mpop mpop;
    millis timeout;
    enum refusal refusal = next_list_mpop(call, &mpop);

    if (refusal == REFUSAL_NONE)
        refusal = call_read_timeout(word, &timeout);
    if (refusal != REFUSAL_NONE)
        return call_refuse(call, refusal);
    if (pop_from_first(call, &mpop, &refusal))
        return VERDICT_DONE;
    if (refusal != REFUSAL_NONE)
        return call_refuse(call, refusal);
    return call_wait(call, &(struct wait){ .keys = mpop.keys,
                                           .count = mpop.count,
                                           .kind = VALUE_LIST,
                                           .timeout = timeout,
                                           .nil_array = true });
}

/* Moves an element, or waits for one. `said` is what the others hear, `count` words of it. */
static enum verdict wait_move(struct call *call, const struct list_move *move, millis timeout,
                              const struct slice *said, size_t count)
{
    struct list *list;
    enum refusal refusal = find_list(call, move->source, LOOK_WRITE, &list);

    if (refusal != REFUSAL_NONE && !call->again)
        return call_refuse(call, refusal);
    if (refusal == REFUSAL_NONE && list != NULL) {
        refusal = move_element(call, move, list);
        if (refusal != REFUSAL_NONE)
            return call_refuse(call, refusal);
        ledger_say(call->ledger, said, count);
        return VERDICT_DONE;
    }
    /* Where it may not wait it answers as its sister does, which is not as when its time is over. */
    return call_wait(call, &(struct wait){ .keys = &move->source,
                                           .count = 1,
                                           .kind = VALUE_LIST,
                                           .timeout = timeout,
                                           .nil_array = call->may_wait || call->over });
}

/* BLMOVE source destination LEFT|RIGHT LEFT|RIGHT timeout: the element that was moved. */
enum verdict do_blmove(struct call *call)
{
    struct list_move move = { .source = args_next(call->args) };
    millis timeout;

    move.destination = args_next(call->args);
    if (next_list_end(call, &move.from) || next_list_end(call, &move.to))
        return call_refuse(call, REFUSAL_SYNTAX);

    enum refusal refusal = call_read_timeout(args_next(call->args), &timeout);
    if (refusal != REFUSAL_NONE)
        return call_refuse(call, refusal);

    const struct slice said[] = {
        SLICE("LMOVE"),
        move.source,
        move.destination,
        move.from == LIST_FRONT ? SLICE("left") : SLICE("right"),
        move.to == LIST_FRONT ? SLICE("left") : SLICE("right"),
    };
    return wait_move(call, &move, timeout, said, sizeof(said) / sizeof(said[0]));
}

/* BRPOPLPUSH source destination timeout: the element that was moved. */
enum verdict do_brpoplpush(struct call *call)
{
    struct list_move move = { args_next(call->args), { 0 }, LIST_BACK, LIST_FRONT };
    millis timeout;

    move.destination = args_next(call->args);

    const struct slice said[] = { SLICE("RPOPLPUSH"), move.source, move.destination };
    enum refusal refusal = call_read_timeout(args_next(call->args), &timeout);
    if (refusal != REFUSAL_NONE)
        return call_refuse(call, refusal);
    return wait_move(call, &move, timeout, said, sizeof(said) / sizeof(said[0]));
}
