/* HyperLogLogs: adding, estimating, uniting, looking inside. */
#include "handlers.h"

#include "broker/commands/do_string_private.h"
#include "storage/values/hyperlog.h"

/* The HyperLogLog of a key; `item` is NULL, and `log` empty, if there is none. */
static enum refusal find_log(struct call *call, struct slice key, enum look why,
                             struct item **item, struct slice *log)
{
    struct item_digits digits;
    enum refusal refusal = call_find_string(call, key, why, item);

    *log = SLICE("");
    if (refusal != REFUSAL_NONE || *item == NULL)
        return refusal;
    *log = item_string(*item, &digits);
    return hyperlog_is(*log) ? REFUSAL_NONE : REFUSAL_HYPERLOG_NOT_ONE;
}

/* A copy of a log to be changed, or a fresh one. */
static struct buffer copy_log(struct slice log)
{
    struct buffer copy = { 0 };

    if (log.len > 0) {
        buffer_add(&copy, log);
    } else {
        hyperlog_begin(buffer_reserve(&copy, HYPERLOG_EMPTY));
        buffer_commit(&copy, HYPERLOG_EMPTY);
    }
    return copy;
}

/* Puts a changed log into its key, which has this item, and gives the buffer back. The expiry
 * stays. */
static void put_log(struct call *call, struct slice key, struct item *item, struct buffer *log)
{
    struct item_digits digits;

    /* Of the same length or longer, it is written over what was there. */
    if (item != NULL && item_string(item, &digits).len <= log->len)
        memcpy(keyspace_edit_string(call->keys, key, item, log->len), log->at, log->len);
    else
        put_raw_string(call, key, buffer_slice(log), true);
    buffer_clear(log);
}

/* ---- Adding ---- */

/* Adds the words to the end to a dense log where it is. Returns how many changed a register. */
static uint64_t add_in_place(struct call *call, struct slice key, struct item *item, size_t len)
{
    char *log = keyspace_edit_string(call->keys, key, item, len);
    uint64_t changes = 0;

    while (args_more(call->args))
        changes += hyperlog_add_dense(log, args_next(call->args));
    if (changes > 0)
        hyperlog_forget(log);
    return changes;
}

/* The same to a copy of a sparse one, which takes its place if anything changed. A key that is
 * not there yet is a change itself. */
static enum refusal add_to_copy(struct call *call, struct slice key, struct item *item,
                                struct slice log, uint64_t *changes)
{
    struct buffer copy = copy_log(log);

    while (args_more(call->args)) {
        enum hyperlog_outcome outcome =
            hyperlog_add(&copy, call->limits->hll_sparse_bytes, args_next(call->args));

        if (outcome == HYPERLOG_BROKEN) {
            buffer_clear(&copy);
            return REFUSAL_HYPERLOG_BROKEN;
        }
        *changes += outcome == HYPERLOG_CHANGED;
    }
    if (*changes == 0) {
        buffer_clear(&copy);
        return REFUSAL_NONE;
    }
    hyperlog_forget(copy.at);
    put_log(call, key, item, &copy);
    return REFUSAL_NONE;
}

/* Passes over the words that would change nothing in a dense log. */
static void skip_known(struct args *args, struct slice log)
{
    while (args_more(args) && !hyperlog_would_raise(log.at, args_peek(args)))
        (void)args_next(args);
}

/* PFADD key [element ...]: whether the estimate may have changed, or the key is new. */
enum verdict do_pfadd(struct call *call)
{
    struct slice key = args_next(call->args);
    uint64_t changes = 0;
    struct item *item;
    struct slice log;
    enum refusal refusal = find_log(call, key, LOOK_WRITE, &item, &log);

    if (refusal != REFUSAL_NONE)
        return call_refuse(call, refusal);
    if (item != NULL && hyperlog_is_dense(log)) {
        skip_known(call->args, log);
        if (args_more(call->args))
            changes = add_in_place(call, key, item, log.len);
    } else {
        changes = item == NULL;
        refusal = add_to_copy(call, key, item, log, &changes);
    }
    if (refusal != REFUSAL_NONE)
        return call_refuse(call, refusal);

    if (changes > 0) {
        ledger_changed(call->ledger, key, EVENT_STRING, "pfadd");
        ledger_count(call->ledger, changes - 1);
    }
    reply_integer(call->reply, changes > 0);
    return VERDICT_DONE;
}

/* ---- Estimating and uniting ---- */

/* The union of the logs of all keys to the end; whether one of them is dense. */
static enum refusal gather_keys(struct call *call, enum look why,
                                struct hyperlog_registers *registers, bool *dense)
{
    struct item *item;
    struct slice log;

    while (args_more(call->args)) {
        enum refusal refusal = find_log(call, args_next(call->args), why, &item, &log);

        if (refusal != REFUSAL_NONE)
            return refusal;
        if (item == NULL)
            continue;
        *dense = *dense || hyperlog_is_dense(log);
        if (!hyperlog_gather(log, registers))
            return REFUSAL_HYPERLOG_BROKEN;
    }
    return REFUSAL_NONE;
}

static enum verdict count_union(struct call *call)
{
    struct hyperlog_registers registers = { { 0 } };
    bool dense = false;
    enum refusal refusal = gather_keys(call, LOOK_READ, &registers, &dense);

    if (refusal != REFUSAL_NONE)
        return call_refuse(call, refusal);
    reply_integer(call->reply, (int64_t)hyperlog_estimate_registers(&registers));
    return VERDICT_DONE;
}

/* PFCOUNT key [key ...]: an estimate, of one key written down for the next time. */
enum verdict do_pfcount(struct call *call)
{
    struct slice key = args_peek(call->args);
    uint64_t count = 0;
    struct item *item;
    struct slice log;
    enum refusal refusal;

    if (args_left(call->args) > 1)
        return count_union(call);
    refusal = find_log(call, key, LOOK_READ, &item, &log);
    if (refusal != REFUSAL_NONE)
        return call_refuse(call, refusal);
    if (item != NULL && !hyperlog_known(log, &count)) {
        if (!hyperlog_estimate(log, &count))
            return call_refuse(call, REFUSAL_HYPERLOG_BROKEN);
        hyperlog_remember(keyspace_edit_string(call->keys, key, item, log.len), count);
        /* Who keeps a copy of the string must write the same into it. */
        ledger_changed(call->ledger, key, EVENT_STRING, NULL);
    }
    reply_integer(call->reply, (int64_t)count);
    return VERDICT_DONE;
}

/* PFMERGE destkey [sourcekey ...]: the destination is one of the sources. */
enum verdict do_pfmerge(struct call *call)
{
    struct slice key = args_peek(call->args);
    struct hyperlog_registers registers = { { 0 } };
    bool dense = false;
    struct item *item;
    struct buffer copy;
    struct slice log;
    enum refusal refusal = gather_keys(call, LOOK_READ, &registers, &dense);

    if (refusal == REFUSAL_NONE)
        refusal = find_log(call, key, LOOK_WRITE, &item, &log);
    if (refusal != REFUSAL_NONE)
        return call_refuse(call, refusal);

    copy = copy_log(log);
    if ((dense && !hyperlog_make_dense(&copy)) ||
        hyperlog_raise(&copy, call->limits->hll_sparse_bytes, &registers) == HYPERLOG_BROKEN) {
        buffer_clear(&copy);
        return call_refuse(call, REFUSAL_HYPERLOG_BROKEN);
    }
    hyperlog_forget(copy.at);
    put_log(call, key, item, &copy);
    ledger_changed(call->ledger, key, EVENT_STRING, "pfadd");
    reply_ok(call->reply);
    return VERDICT_DONE;
}

/* ---- Looking inside ---- */

/* Makes a sparse log dense, which is a change like any other. */
static enum refusal make_dense(struct call *call, struct slice key, struct item *item,
                               struct slice log)
{
    struct buffer copy = copy_log(log);

    if (!hyperlog_make_dense(&copy)) {
        buffer_clear(&copy);
        return REFUSAL_HYPERLOG_BROKEN;
    }
    put_log(call, key, item, &copy);
    ledger_changed(call->ledger, key, EVENT_STRING, NULL);
    return REFUSAL_NONE;
}

static enum refusal show_registers(struct call *call, struct slice key, struct item *item,
                                   struct slice log)
{
    struct hyperlog_registers registers = { { 0 } };
    enum refusal refusal = REFUSAL_NONE;

    if (!hyperlog_gather(log, &registers))
        return REFUSAL_HYPERLOG_BROKEN;
    if (!hyperlog_is_dense(log))
        refusal = make_dense(call, key, item, log);
    if (refusal != REFUSAL_NONE)
        return refusal;
    reply_array(call->reply, HYPERLOG_REGISTERS);
    for (unsigned index = 0; index < HYPERLOG_REGISTERS; index++)
        reply_integer(call->reply, registers.at[index]);
    return REFUSAL_NONE;
}

static enum refusal show_runs(struct call *call, struct slice log)
{
    struct buffer text = { 0 };

    if (hyperlog_is_dense(log))
        return REFUSAL_HYPERLOG_NOT_SPARSE;
    hyperlog_describe(log, &text);
    reply_bulk(call->reply, buffer_slice(&text));
    buffer_clear(&text);
    return REFUSAL_NONE;
}

/* PFDEBUG GETREG|DECODE|ENCODING|TODENSE key */
enum verdict do_pfdebug(struct call *call)
{
    struct args *args = call->args;
    struct slice word = args_next(args);
    struct slice key = args->words[args->at];
    struct item *item;
    struct slice log;
    bool dense;
    enum refusal refusal = find_log(call, key, LOOK_WRITE, &item, &log);

    if (item == NULL)
        return call_refuse(call, REFUSAL_HYPERLOG_NO_KEY);
    if (refusal != REFUSAL_NONE)
        return call_refuse(call, refusal);
    if (args_left(args) != 1)
        return call_refuse_arity(call);
    dense = hyperlog_is_dense(log);

    if (slice_equal_nocase(word, SLICE("getreg"))) {
        refusal = show_registers(call, key, item, log);
    } else if (slice_equal_nocase(word, SLICE("decode"))) {
        refusal = show_runs(call, log);
    } else if (slice_equal_nocase(word, SLICE("encoding"))) {
        reply_simple(call->reply, dense ? SLICE("dense") : SLICE("sparse"));
    } else if (slice_equal_nocase(word, SLICE("todense"))) {
        if (!dense)
            refusal = make_dense(call, key, item, log);
        if (refusal == REFUSAL_NONE)
            reply_integer(call->reply, !dense);
    } else {
        return call_refuse_with(call, "ERR Unknown PFDEBUG subcommand '%.*s'",
                                (int)(word.len > INT16_MAX ? INT16_MAX : word.len), word.at);
    }
    return refusal == REFUSAL_NONE ? VERDICT_DONE : call_refuse(call, refusal);
}

/* PFSELFTEST */
enum verdict do_pfselftest(struct call *call)
{
    const char *wrong = hyperlog_self_test();

    if (wrong != NULL)
        return call_refuse_with(call, "ERR TESTFAILED %s", wrong);
    reply_ok(call->reply);
    return VERDICT_DONE;
}
