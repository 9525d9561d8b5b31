/*
 * Deleting entries together with what refers to them, and handing entries back:
 * XDELEX, XACKDEL, XNACK. All three name their IDs in a block, IDS numids id...,
 * that stands anywhere among the options.
 */
#include "handlers.h"

#include "broker/commands/do_stream_private.h"

/* A block of IDs, every one of which could be read. */
struct id_block {
    size_t first; /* the first one's place among the words, 0 if there was no block */
    size_t count;
};

/* What was wrong with a block, in the words of one command or another. */
struct id_refusals {
    enum refusal count;
    enum refusal match;
};

static const struct id_refusals delete_refusals = { REFUSAL_STREAM_NUMIDS,
                                                    REFUSAL_STREAM_NUMIDS_MATCH };
static const struct id_refusals nack_refusals = { REFUSAL_NACK_NUMIDS,
                                                  REFUSAL_NACK_NUMIDS_MATCH };

/* Takes what follows IDS. Every ID is read before anything is done: a bad one changes nothing. */
static enum refusal next_id_block(struct args *args, const struct id_refusals *refusals,
                                  struct id_block *block)
{
    struct entry_id id;
    int64_t count;

    if (block->first != 0 || !args_more(args))
        return REFUSAL_SYNTAX;
    if (!args_next_integer(args, &count) || count <= 0)
        return refusals->count;
    if ((uint64_t)count > args_left(args))
        return refusals->match;
    block->first = args_position(args);
    block->count = (size_t)count;
    for (size_t i = 0; i < block->count; i++) {
        if (!next_entry_id(args, &id))
            return REFUSAL_STREAM_BAD_ID;
    }
    return REFUSAL_NONE;
}

static struct entry_id id_in(const struct call *call, const struct id_block *block, size_t i)
{
    struct entry_id id;

    must(entry_id_read(call->args->words[block->first + i], 0, &id));
    return id;
}

/* ---- XDELEX and XACKDEL ---- */

/* What is answered for each ID. */
enum { ANSWER_MISSING = -1, ANSWER_DELETED = 1, ANSWER_REFERENCED = 2 };

static enum refusal read_delete_words(struct args *args, struct id_block *block,
                                      enum reference_rule *rule)
{
    bool has_rule = false;

    while (args_more(args)) {
        enum refusal refusal = REFUSAL_NONE;

        if (take_reference_rule(args, rule)) {
            refusal = has_rule ? REFUSAL_SYNTAX : REFUSAL_NONE;
            has_rule = true;
        } else if (args_take(args, SLICE("ids"))) {
            refusal = next_id_block(args, &delete_refusals, block);
        } else {
            refusal = REFUSAL_SYNTAX;
        }
        if (refusal != REFUSAL_NONE)
            return refusal;
    }
    return block->first != 0 ? REFUSAL_NONE : REFUSAL_SYNTAX;
}

static enum verdict reply_all_missing(struct call *call, size_t count)
{
    reply_array(call->reply, count);
    for (size_t i = 0; i < count; i++)
        reply_integer(call->reply, ANSWER_MISSING);
    return VERDICT_DONE;
}

static int answer_of(enum reference_answer answer)
{
    return answer == REFERENCE_DELETED   ? ANSWER_DELETED
           : answer == REFERENCE_REFUSED ? ANSWER_REFERENCED
                                         : ANSWER_MISSING;
}

/* Notes that entries were deleted, and that so many deliveries are pending no more. */
static void note_deleted(struct call *call, struct slice key, uint64_t deleted, uint64_t pending)
{
    if (deleted > 0) {
        ledger_changed(call->ledger, key, EVENT_STREAM, "xdel");
        ledger_count(call->ledger, deleted - 1);
    }
    ledger_count(call->ledger, pending);
}

/* Looks at all groups once, if the rule asks for them at all. */
static void begin_view(struct reference_view *view, const struct stream *stream,
                       enum reference_rule rule)
{
    if (rule == REFERENCE_KEEP)
        *view = (struct reference_view){ .stream = stream };
    else
        reference_view_begin(view, stream, 0);
}

/* XDELEX key [KEEPREF|DELREF|ACKED] IDS numids id [id ...] */
enum verdict do_xdelex(struct call *call)
{
    struct slice key = args_next(call->args);
    struct id_block block = { .first = 0 };
    enum reference_rule rule = REFERENCE_KEEP;
    uint64_t deleted = 0, dropped = 0;
    struct reference_view view;
    struct stream *stream = NULL;
    enum refusal refusal = read_delete_words(call->args, &block, &rule);

    if (refusal == REFUSAL_NONE)
        refusal = find_stream(call, key, LOOK_WRITE, &stream);
    if (refusal != REFUSAL_NONE)
        return call_refuse(call, refusal);
    if (stream == NULL)
        return reply_all_missing(call, block.count);

    begin_view(&view, stream, rule);
    reply_array(call->reply, block.count);
    for (size_t i = 0; i < block.count; i++) {
        struct entry_id id = id_in(call, &block, i);
        int answer = answer_of(reference_delete(stream, id, rule, &view, &dropped));

        deleted += answer == ANSWER_DELETED;
        reply_integer(call->reply, answer);
    }
    reference_view_end(&view);
    note_deleted(call, key, deleted, dropped);
    return VERDICT_DONE;
}

/* XACKDEL key group [KEEPREF|DELREF|ACKED] IDS numids id [id ...] */
enum verdict do_xackdel(struct call *call)
{
    struct slice key = args_next(call->args);
    struct slice name = args_next(call->args);
    struct id_block block = { .first = 0 };
    enum reference_rule rule = REFERENCE_KEEP;
    uint64_t deleted = 0, pending = 0;
    struct reference_view view;
    struct stream *stream = NULL;
    struct group *group = NULL;
    enum refusal refusal = read_delete_words(call->args, &block, &rule);

    if (refusal == REFUSAL_NONE)
        refusal = find_group(call, key, name, LOOK_WRITE, &stream, &group);
    if (refusal != REFUSAL_NONE)
        return call_refuse(call, refusal);
    if (group == NULL)
        return reply_all_missing(call, block.count);

    group_touch(group, call->now);
    begin_view(&view, stream, rule);
    reply_array(call->reply, block.count);
    for (size_t i = 0; i < block.count; i++) {
        struct entry_id id = id_in(call, &block, i);
        enum reference_answer answer;
        struct entry entry;

        if (!group_acknowledge(group, id)) {
            /* What is gone anyway shall dangle nowhere. */
            if (rule == REFERENCE_DROP && !stream_find(stream, id, &entry))
                pending += reference_view_drop(&view, id, id, NULL);
            reply_integer(call->reply, ANSWER_MISSING);
            continue;
        }
        pending++;
        answer = reference_delete(stream, id, rule, &view, &pending);
        deleted += answer == REFERENCE_DELETED;
        reply_integer(call->reply, answer == REFERENCE_REFUSED ? ANSWER_REFERENCED
                                                               : ANSWER_DELETED);
    }
    reference_view_end(&view);
    note_deleted(call, key, deleted, pending);
    return VERDICT_DONE;
}

/* ---- XNACK ---- */

enum nack_mode {
    NACK_SILENT, /* the delivery does not count */
    NACK_FAIL,   /* it counts */
    NACK_FATAL,  /* no other will do better */
};

struct nack_words {
    enum nack_mode  mode;
    struct id_block block;
    int64_t         times; /* -1: as the mode says */
    bool            force; /* what is not pending becomes so */
};

static enum verdict refuse_nack_option(struct call *call)
{
    struct slice word = args_next(call->args);

    return call_refuse_with(call, "ERR Unrecognized XNACK option '%.*s'",
                            (int)(word.len < 128 ? word.len : 128), word.at);
}

static bool take_nack_mode(struct args *args, enum nack_mode *mode)
{
    if (args_take(args, SLICE("silent")))
        *mode = NACK_SILENT;
    else if (args_take(args, SLICE("fail")))
        *mode = NACK_FAIL;
    else if (args_take(args, SLICE("fatal")))
        *mode = NACK_FATAL;
    else
        return false;
    return true;
}

/* VERDICT_DONE, or it has refused. */
static enum verdict read_nack_words(struct call *call, struct nack_words *words)
{
    struct args *args = call->args;

    if (!take_nack_mode(args, &words->mode))
        return call_refuse(call, REFUSAL_NACK_MODE);
    while (args_more(args)) {
        enum refusal refusal = REFUSAL_NONE;

        if (args_take(args, SLICE("force"))) {
            words->force = true;
        } else if (args_left(args) > 1 && args_take(args, SLICE("retrycount"))) {
            if (!args_next_integer(args, &words->times))
                refusal = REFUSAL_NOT_INTEGER;
            else if (words->times < 0)
                refusal = REFUSAL_NACK_RETRYCOUNT;
        } else if (words->block.first == 0 && args_left(args) > 1 &&
                   args_take(args, SLICE("ids"))) {
            refusal = next_id_block(args, &nack_refusals, &words->block);
        } else {
            return refuse_nack_option(call);
        }
        if (refusal != REFUSAL_NONE)
            return call_refuse(call, refusal);
    }
    return words->block.first != 0 ? VERDICT_DONE : call_refuse(call, REFUSAL_NACK_IDS);
}

/* How often an entry counts as delivered once it was handed back. */
static uint64_t times_after(const struct nack_words *words, uint64_t before)
{
    if (words->times >= 0)
        return (uint64_t)words->times;
    if (words->mode == NACK_FATAL)
        return INT64_MAX;
    return words->mode == NACK_SILENT && before > 0 ? before - 1 : before;
}

/* Tells the request with those IDs alone that were released: who hears it does not look for
 * entries. */
static void say_released(struct call *call, const struct nack_words *words,
                         const struct slice *released, size_t count)
{
    const struct args *args = call->args;
    size_t behind = words->block.first + words->block.count;
    struct slice *said;
    size_t at = 0;
    struct word_text text;

    if (!ledger_heard_by(call->ledger, LISTENER_FEED))
        return;
    said = arena_take(call->arena, args->count * sizeof(struct slice));
    for (size_t i = 0; i < words->block.first - 1; i++)
        said[at++] = args->words[i];
    said[at++] = number_word((int64_t)count, &text);
    for (size_t i = 0; i < count; i++)
        said[at++] = released[i];
    for (size_t i = behind; i < args->count; i++)
        said[at++] = args->words[i];
    ledger_say(call->ledger, said, at);
}

/* XNACK key group SILENT|FAIL|FATAL IDS numids id [id ...] [RETRYCOUNT n] [FORCE] */
enum verdict do_xnack(struct call *call)
{
    struct slice key = args_next(call->args);
    struct slice name = args_next(call->args);
    struct nack_words words = { .times = -1 };
    struct stream *stream;
    struct group *group;
    struct slice *released;
    size_t count = 0;
    enum refusal refusal;
    enum verdict verdict = read_nack_words(call, &words);

    if (verdict != VERDICT_DONE)
        return verdict;
    refusal = find_group(call, key, name, LOOK_WRITE, &stream, &group);
    if (refusal != REFUSAL_NONE)
        return call_refuse(call, refusal);
    if (group == NULL)
        return refuse_no_group(call, key, name, "");

    released = arena_take(call->arena, words.block.count * sizeof(struct slice));
    for (size_t i = 0; i < words.block.count; i++) {
        struct entry_id id = id_in(call, &words.block, i);
        struct delivery delivery = { .times = 0 };
        struct entry entry;

        if (!pending_find(group_pending(group), id, &delivery) &&
            (!words.force || (entries_leave_here(call) && !stream_find(stream, id, &entry))))
            continue;
        (void)group_release(group, id, times_after(&words, delivery.times));
        released[count++] = call->args->words[words.block.first + i];
    }

    group_touch(group, call->now);
    ledger_count(call->ledger, count);
    if (count > 0 && words.force)
        say_released(call, &words, released, count);
    if (count > 0)
        call_due_earlier(call, key);
    reply_integer(call->reply, (int64_t)count);
    return VERDICT_DONE;
}
