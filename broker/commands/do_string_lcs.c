/* LCS: what two strings have in common. */
#include "handlers.h"

#include "broker/commands/do_string_private.h"
#include "broker/config/options.h"
#include "storage/base/memory.h"
#include "storage/values/lcs.h"

/* What is asked for. */
struct lcs_request {
    struct slice first;
    struct slice second;
    struct item_digits first_digits;
    struct item_digits second_digits;
    bool length;       /* LEN: how long it is */
    bool runs;         /* IDX: where it stands */
    bool run_lengths;  /* WITHMATCHLEN */
    int64_t shortest;  /* MINMATCHLEN: shorter runs are not shown */
};

static enum refusal find_strings(struct call *call, struct lcs_request *request)
{
    struct item *first, *second;
    enum refusal refusal = call_find_string(call, args_next(call->args), LOOK_READ, &first);

    if (call_find_string(call, args_next(call->args), LOOK_READ, &second) != REFUSAL_NONE ||
        refusal != REFUSAL_NONE)
        return REFUSAL_LCS_STRINGS;
    request->first = string_or_empty(first, &request->first_digits);
    request->second = string_or_empty(second, &request->second_digits);
    return REFUSAL_NONE;
}

static enum refusal next_options(struct args *args, struct lcs_request *request)
{
    while (args_more(args)) {
        if (args_take(args, SLICE("idx"))) {
            request->runs = true;
        } else if (args_take(args, SLICE("len"))) {
            request->length = true;
        } else if (args_take(args, SLICE("withmatchlen"))) {
            request->run_lengths = true;
        } else if (args_left(args) > 1 && args_take(args, SLICE("minmatchlen"))) {
            if (!args_next_integer(args, &request->shortest))
                return REFUSAL_NOT_INTEGER;
        } else {
            return REFUSAL_SYNTAX;
        }
    }
    return request->length && request->runs ? REFUSAL_LCS_LEN_IDX : REFUSAL_NONE;
}

/* Whether a table of 32-bit lengths would be larger than a string may be. Ours is smaller, but it is
 * this that is promised to be refused. */
static enum refusal judge_size(const struct call *call, const struct lcs_request *request)
{
    size_t most = (size_t)call->options->proto_max_bulk_len / sizeof(uint32_t);

    if (request->first.len >= UINT32_MAX - 1 || request->second.len >= UINT32_MAX - 1)
        return REFUSAL_LCS_LONG;
    if (request->first.len + 1 > most / (request->second.len + 1))
        return REFUSAL_LCS_MEMORY;
    return REFUSAL_NONE;
}

static void reply_run(struct reply *reply, const struct lcs_run *run, bool with_length)
{
    reply_array(reply, with_length ? 3 : 2);
    reply_array(reply, 2);
    reply_integer(reply, (int64_t)run->first);
    reply_integer(reply, (int64_t)(run->first + run->length - 1));
    reply_array(reply, 2);
    reply_integer(reply, (int64_t)run->second);
    reply_integer(reply, (int64_t)(run->second + run->length - 1));
    if (with_length)
        reply_integer(reply, (int64_t)run->length);
}

static void reply_runs(struct reply *reply, const struct lcs *lcs,
                       const struct lcs_request *request)
{
    struct outbox_hole hole;
    struct lcs_walk walk;
    struct lcs_run run;
    size_t shown = 0;

    reply_map(reply, 2);
    reply_bulk(reply, SLICE("matches"));
    hole = reply_open(reply);
    lcs_walk_begin(&walk, lcs);
    while (lcs_walk_next(&walk, &run)) {
        if (request->shortest > 0 && run.length < (uint64_t)request->shortest)
            continue;
        reply_run(reply, &run, request->run_lengths);
        shown++;
    }
    reply_close_array(reply, hole, shown);
    reply_bulk(reply, SLICE("len"));
    reply_integer(reply, (int64_t)lcs_length(lcs));
}

/* The sequence itself, put together from its last run on. */
static void reply_sequence(struct reply *reply, const struct lcs *lcs, struct slice first)
{
    size_t at = lcs_length(lcs);
    char *bytes = memory_new(at + 1);
    struct lcs_walk walk;
    struct lcs_run run;

    lcs_walk_begin(&walk, lcs);
    while (lcs_walk_next(&walk, &run)) {
        at -= run.length;
        memcpy(bytes + at, first.at + run.first, run.length);
    }
    reply_bulk(reply, slice_of(bytes, lcs_length(lcs)));
    memory_free(bytes);
}

/* LCS key1 key2 [LEN] [IDX] [MINMATCHLEN len] [WITHMATCHLEN]: the longest common sequence, its
 * length, or where its runs stand in both strings. */
enum verdict do_lcs(struct call *call)
{
    struct lcs_request request = { .shortest = 0 };
    enum refusal refusal = find_strings(call, &request);
    struct lcs *lcs;

    if (refusal == REFUSAL_NONE)
        refusal = next_options(call->args, &request);
    if (refusal == REFUSAL_NONE)
        refusal = judge_size(call, &request);
    if (refusal != REFUSAL_NONE)
        return call_refuse(call, refusal);

    lcs = lcs_new(request.first, request.second, !request.length);
    if (request.runs)
        reply_runs(call->reply, lcs, &request);
    else if (request.length)
        reply_integer(call->reply, (int64_t)lcs_length(lcs));
    else
        reply_sequence(call->reply, lcs, request.first);
    lcs_free(lcs);
    return VERDICT_DONE;
}
