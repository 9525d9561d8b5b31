/* Where an element stands in a list: LPOS. */
#include "handlers.h"

#include "broker/commands/do_list_private.h"

/* What LPOS is asked for. */
struct position_query {
    int64_t rank;
    int64_t count; /* -1: one, and not as an array */
    int64_t most;  /* elements to look at, 0 for all */
};

static enum refusal next_position_query(struct call *call, struct position_query *query)
{
    struct args *args = call->args;
    enum refusal refusal = REFUSAL_NONE;

    *query = (struct position_query){ .rank = 1, .count = -1 };
    while (args_more(args) && refusal == REFUSAL_NONE) {
        if (args_left(args) < 2)
            return REFUSAL_SYNTAX;
        if (args_take(args, SLICE("rank"))) {
            refusal =
                call_next_integer(call, INT64_MIN, INT64_MAX, REFUSAL_NOT_INTEGER, &query->rank);
            if (refusal == REFUSAL_NONE && query->rank == 0)
                refusal = REFUSAL_LPOS_RANK;
            else if (refusal == REFUSAL_NONE && query->rank == INT64_MIN)
                refusal = REFUSAL_OUT_OF_RANGE;
        } else if (args_take(args, SLICE("count"))) {
            refusal = call_next_integer(call, 0, INT64_MAX, REFUSAL_LPOS_COUNT, &query->count);
        } else if (args_take(args, SLICE("maxlen"))) {
            refusal = call_next_integer(call, 0, INT64_MAX, REFUSAL_LPOS_MAXLEN, &query->most);
        } else {
            return REFUSAL_SYNTAX;
        }
    }
    return refusal;
}

/* Answers where the element is: one index or nil, or as many as are wanted in an array. */
static void reply_positions(struct call *call, const struct list *list, struct slice element,
                            const struct position_query *query)
{
    bool backwards = query->rank < 0;
    uint64_t skip = (backwards ? 0 - (uint64_t)query->rank : (uint64_t)query->rank) - 1;
    struct list_search search;
    struct outbox_hole hole;
    size_t index = 0;
    int64_t found = 0;

    if (query->count >= 0)
        hole = reply_open(call->reply);
    list_search_begin(&search, list, backwards ? LIST_BACK : LIST_FRONT, element,
                      query->most > 0 ? (size_t)query->most : SIZE_MAX);
    while (list_search_next(&search, &index)) {
        if (skip > 0) {
            skip--;
            continue;
        }
        found++;
        reply_integer(call->reply, (int64_t)index);
        if (query->count < 0 || found == query->count)
            break;
    }
    if (query->count >= 0)
        reply_close_array(call->reply, hole, (size_t)found);
    else if (found == 0)
        reply_nil(call->reply);
}

/* LPOS key element [RANK rank] [COUNT count] [MAXLEN len]: where the element is. */
enum verdict do_lpos(struct call *call)
{
    struct slice key = args_next(call->args);
    struct slice element = args_next(call->args);
    struct position_query query;
    struct list *list;
    enum refusal refusal = next_position_query(call, &query);

    if (refusal == REFUSAL_NONE)
        refusal = find_list(call, key, LOOK_READ, &list);
    if (refusal != REFUSAL_NONE)
        return call_refuse(call, refusal);
    if (list != NULL)
        reply_positions(call, list, element, &query);
    else if (query.count >= 0)
        reply_array(call->reply, 0);
    else
        reply_nil(call->reply);
    return VERDICT_DONE;
}
