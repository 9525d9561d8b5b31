/*
 * LMOVEM and BLMOVEM: several elements from one list to another, in one go.
 *
 * BULK keeps their order; OBO is as if they were moved one by one, which turns
 * them round where both ends are the same. They are replied in the order in
 * which they stand in the destination then.
 */
#include "handlers.h"

#include "broker/commands/do_list_private.h"

struct batch_move {
    struct list_move move;
    size_t           count;   /* at most, or exactly, so many */
    bool             exactly;
    bool             one_by_one;
};

/* Reads [COUNT n|EXACTLY n OBO|BULK] to the end of the words. */
static enum refusal next_batch(struct call *call, struct batch_move *batch)
{
    struct args *args = call->args;
    int64_t count;

    batch->count = 1;
    if (!args_more(args))
        return REFUSAL_NONE;
    batch->exactly = args_take(args, SLICE("exactly"));
    if ((!batch->exactly && !args_take(args, SLICE("count"))) || args_left(args) != 2)
        return REFUSAL_SYNTAX;
    if (call_next_integer(call, 1, INT64_MAX, REFUSAL_COUNT_POSITIVE, &count))
        return REFUSAL_COUNT_POSITIVE;
    batch->count = (size_t)count;
    batch->one_by_one = args_take(args, SLICE("obo"));
    if (!batch->one_by_one && !args_take(args, SLICE("bulk")))
        return REFUSAL_SYNTAX;
    return REFUSAL_NONE;
}

/* Reads source, destination and the two ends. */
static enum refusal next_move(struct call *call, struct list_move *move)
{
    move->source = args_next(call->args);
    move->destination = args_next(call->args);
    if (next_list_end(call, &move->from) || next_list_end(call, &move->to))
        return REFUSAL_SYNTAX;
    return REFUSAL_NONE;
}

/* Copies of the elements to be moved, in the order in which they will stand. */
static struct slice *gather(struct call *call, const struct batch_move *batch,
                            const struct list *list, size_t count)
{
    struct slice *elements = arena_take(call->arena, count * sizeof(*elements));
    bool turned = batch->one_by_one && batch->move.from == batch->move.to;
    size_t first = batch->move.from == LIST_FRONT ? 0 : list_length(list) - count;
    struct list_walk walk;
    struct slice element;
    size_t i = 0;

    list_walk_begin(&walk, list, first, LIST_BACK);
    while (i < count && list_walk_next(&walk, &element)) {
        elements[turned ? count - 1 - i : i] = arena_copy(call->arena, element);
        i++;
    }
    must(i == count);
    return elements;
}

/* Says what was moved: a waiting command must not be heard. */
static void say_moved(struct call *call, const struct batch_move *batch, size_t count)
{
    static const struct slice ends[] = { { "left", 4 }, { "right", 5 } };
    char digits[NUMBER_INTEGER_MAX];
    const struct slice words[] = {
        SLICE("LMOVEM"),
        batch->move.source,
        batch->move.destination,
        ends[batch->move.from],
        ends[batch->move.to],
        SLICE("COUNT"),
        slice_of(digits, number_put(digits, (int64_t)count)),
        batch->one_by_one ? SLICE("OBO") : SLICE("BULK"),
    };

    ledger_say(call->ledger, words, sizeof(words) / sizeof(words[0]));
}

/* Moves and replies; the list has enough. Refused, nothing changed, if the destination is none. */
static enum refusal move_batch(struct call *call, const struct batch_move *batch,
                               struct list *list)
{
    const struct list_move *move = &batch->move;
    size_t length = list_length(list);
    size_t count = batch->count < length ? batch->count : length;
    struct list *destination;
    struct slice *elements;
    enum refusal refusal = find_list(call, move->destination, LOOK_WRITE, &destination);

    if (refusal != REFUSAL_NONE)
        return refusal;
    elements = gather(call, batch, list, count);
    reply_array(call->reply, count);
    for (size_t i = 0; i < count; i++)
        reply_bulk(call->reply, elements[i]);
    list_drop(list, move->from, count);
    if (destination == NULL)
        destination = create_list(call, move->destination);
    for (size_t i = 0; i < count; i++)
        list_push(destination, move->to,
                  elements[move->to == LIST_BACK ? i : count - 1 - i]);
    note_push(call, move->destination, move->to);
    ledger_count(call->ledger, count - 1);
    note_pop(call, move->source, list, move->from);
    say_moved(call, batch, count);
    return REFUSAL_NONE;
}

static bool has_enough(const struct batch_move *batch, const struct list *list)
{
    return list != NULL && (!batch->exactly || list_length(list) >= batch->count);
}

/*
 * LMOVEM source destination LEFT|RIGHT LEFT|RIGHT [COUNT n|EXACTLY n OBO|BULK]:
 * the elements that were moved, or nil if there were none or too few.
 */
enum verdict do_lmovem(struct call *call)
{
    struct batch_move batch = { .count = 1 };
    struct list *list;
    enum refusal refusal = next_move(call, &batch.move);

    if (refusal == REFUSAL_NONE)
        refusal = next_batch(call, &batch);
    if (refusal == REFUSAL_NONE)
        refusal = find_list(call, batch.move.source, LOOK_WRITE, &list);
    if (refusal == REFUSAL_NONE && has_enough(&batch, list))
        refusal = move_batch(call, &batch, list);
    else if (refusal == REFUSAL_NONE)
        reply_nil_array(call->reply);
    return refusal == REFUSAL_NONE ? VERDICT_DONE : call_refuse(call, refusal);
}

/*
 * Waits until there are enough. Those who want exactly so many stand in a lane
 * of their own: whoever wants fewer need not wait behind them.
 */
static enum verdict wait_for_batch(struct call *call, const struct batch_move *batch,
                                   millis timeout)
{
    char digits[NUMBER_INTEGER_MAX];
    struct wait wait = { .keys = &batch->move.source,
                         .count = 1,
                         .kind = VALUE_LIST,
                         .lane = SLICE(""),
                         .timeout = timeout,
                         .nil_array = true };

    if (batch->exactly && batch->count > 1)
        wait.lane = slice_of(digits, number_put(digits, (int64_t)batch->count));
    return call_wait(call, &wait);
}

/*
 * BLMOVEM source destination LEFT|RIGHT LEFT|RIGHT timeout [COUNT n|EXACTLY n
 * OBO|BULK]: the elements that were moved, or nothing when the time is over.
 */
enum verdict do_blmovem(struct call *call)
{
    struct batch_move batch = { .count = 1 };
    struct list *list;
    millis timeout;
    enum refusal refusal = next_move(call, &batch.move);

    if (refusal == REFUSAL_NONE)
        refusal = call_read_timeout(args_next(call->args), &timeout);
    if (refusal == REFUSAL_NONE)
        refusal = next_batch(call, &batch);
    if (refusal != REFUSAL_NONE)
        return call_refuse(call, refusal);

    refusal = find_list(call, batch.move.source, LOOK_WRITE, &list);
    if (refusal != REFUSAL_NONE && !call->again)
        return call_refuse(call, refusal);
    if (refusal == REFUSAL_NONE && has_enough(&batch, list)) {
        refusal = move_batch(call, &batch, list);
        return refusal == REFUSAL_NONE ? VERDICT_DONE : call_refuse(call, refusal);
    }
    return wait_for_batch(call, &batch, timeout);
}
