/* Seeing keys: KEYS and SCAN. */
#include "handlers.h"

#include "broker/commands/do_scan_private.h"
#include "storage/base/glob.h"

enum { SCAN_LOOKS = 10 }; /* steps for each element asked for, so that one call is bounded */

struct keys_walk {
    struct call   *call;
    struct slice   pattern;
    size_t         shown;
    bool           all;
};

static bool show_if_matching(void *who, struct item *item)
{
    struct keys_walk *walk = who;
    struct slice key = item_key(item);

    if (keyspace_is_past(walk->call->keys, item))
        return true;
    if (walk->all || glob_match(walk->pattern, key)) {
        reply_bulk(walk->call->reply, key);
        walk->shown++;
    }
    return true;
}

/* KEYS pattern */
enum verdict do_keys(struct call *call)
{
    struct slice pattern = args_next(call->args);
    struct keys_walk walk = { .call = call, .pattern = pattern,
                              .all = slice_equal(pattern, SLICE("*")) };
    struct outbox_hole hole = reply_open(call->reply);

    keyspace_each(call->keys, show_if_matching, &walk);
    reply_close_array(call->reply, hole, walk.shown);
    return VERDICT_DONE;
}

/* Reads a cursor; false if it is none. */
static bool read_cursor(struct slice word, uint64_t *cursor)
{
    const char *nul = word.len > 0 ? memchr(word.at, '\0', word.len) : NULL;
    bool negative = word.len > 0 && word.at[0] == '-';
    bool nothing;
    uint64_t value = 0;

    /* As generous as C is with numbers: a NUL ends it, nothing is 0, a sign and leading zeros
     * are fine. */
    if (UNLIKELY(nul != NULL))
        word.len = (size_t)(nul - word.at);
    nothing = word.len == 0;
    if (word.len > 0 && (negative || word.at[0] == '+'))
        word = slice_after(word, 1);
    for (size_t i = 0; i < word.len; i++) {
        unsigned digit = (unsigned)(unsigned char)word.at[i] - '0';

        if (digit > 9 || __builtin_mul_overflow(value, 10, &value) ||
            __builtin_add_overflow(value, digit, &value))
            return false;
    }
    *cursor = negative ? 0 - value : value;
    return nothing || word.len > 0;
}

/* Reads MATCH, COUNT and, of keys, TYPE, of fields NOVALUES, to the end of the words. */
static enum refusal read_options(struct call *call, enum scan_of what, struct scan_options *options)
{
    struct args *args = call->args;

    *options = (struct scan_options){ .count = 10, .kind = VALUE_KINDS };
    while (args_more(args)) {
        int64_t count;

        if (what == SCAN_FIELDS && args_take(args, SLICE("novalues"))) {
            options->no_values = true;
            continue;
        }
        if (args_left(args) < 2)
            return REFUSAL_SYNTAX;
        if (args_take(args, SLICE("count"))) {
            if (!args_next_integer(args, &count))
                return REFUSAL_NOT_INTEGER;
            if (count < 1)
                return REFUSAL_SYNTAX;
            options->count = (size_t)count;
        } else if (args_take(args, SLICE("match"))) {
            options->pattern = args_next(args);
            options->matching = !slice_equal(options->pattern, SLICE("*"));
        } else if (what == SCAN_KEYS && args_take(args, SLICE("type"))) {
            options->type = args_next(args);
            options->typed = true;
        } else {
            return REFUSAL_SYNTAX;
        }
    }
    return REFUSAL_NONE;
}

bool scan_meets(struct scan *scan, struct slice name)
{
    scan->seen++;
    return !scan->options.matching || glob_match(scan->options.pattern, name);
}

/* Takes steps until enough was met; replies with the cursor for the next call and what was shown. */
static void scan_on(struct scan *scan, uint64_t cursor, scan_step *step)
{
    size_t wanted = scan->options.count;
    struct outbox_hole head, list;
    size_t steps = 0;

    reply_array(scan->call->reply, 2);
    head = reply_open(scan->call->reply);
    list = reply_open(scan->call->reply);
    do {
        cursor = step(scan, cursor);
    } while (cursor != 0 && scan->seen < wanted && ++steps / SCAN_LOOKS < wanted);
    reply_close_cursor(scan->call->reply, head, cursor);
    reply_close_array(scan->call->reply, list, scan->shown);
}

static uint64_t step_nowhere(struct scan *scan, uint64_t cursor)
{
    (void)scan;
    (void)cursor;
    return 0;
}

enum verdict scan_value(struct call *call, enum value_kind kind, enum scan_of what,
                        scan_step *step)
{
    struct slice key = args_next(call->args);
    struct scan scan = { .call = call };
    enum refusal refusal;
    struct value *value;
    uint64_t cursor;

    if (!read_cursor(args_next(call->args), &cursor))
        return call_refuse(call, REFUSAL_BAD_CURSOR);
    refusal = call_find(call, key, kind, LOOK_READ, &value);
    if (refusal == REFUSAL_NONE && value != NULL)
        refusal = read_options(call, what, &scan.options);
    if (refusal != REFUSAL_NONE)
        return call_refuse(call, refusal);
    scan.value = value;
    scan_on(&scan, cursor, value != NULL ? step : step_nowhere);
    return VERDICT_DONE;
}

static void show_key(void *who, struct item *item)
{
    struct scan *scan = who;
    struct slice key = item_key(item);

    if (UNLIKELY(keyspace_is_past(scan->call->keys, item))) {
        scan->seen++;
        if (scan->past_count < SCAN_PAST)
            scan->past[scan->past_count++] = key;
        return;
    }
    if (!scan_meets(scan, key))
        return;
    if (scan->options.typed && item_kind(item) != scan->options.kind)
        return;
    reply_bulk(scan->call->reply, key);
    scan->shown++;
}

static uint64_t step_keys(struct scan *scan, uint64_t cursor)
{
    uint64_t next = keyspace_scan(scan->call->keys, cursor, scan->options.count, show_key, scan);

    /* Whoever looks for them lets them go. */
    while (scan->past_count > 0)
        (void)keyspace_find(scan->call->keys, scan->past[--scan->past_count], LOOK_QUIET);
    return next;
}

/* The kind that TYPE names; VALUE_KINDS, which no item has, if there is none such. */
static enum value_kind kind_named(struct call *call, struct slice name)
{
    const struct value_types *types = keyspaces_types(call->keyspaces);

    for (int kind = 0; kind < VALUE_KINDS; kind++) {
        if (slice_equal_nocase(name, slice_text(types->of[kind]->name)))
            return (enum value_kind)kind;
    }
    return VALUE_KINDS;
}

/* SCAN cursor [MATCH pattern] [COUNT count] [TYPE type] */
enum verdict do_scan(struct call *call)
{
    struct scan scan = { .call = call };
    enum refusal refusal;
    uint64_t cursor;

    if (!read_cursor(args_next(call->args), &cursor))
        return call_refuse(call, REFUSAL_BAD_CURSOR);
    refusal = read_options(call, SCAN_KEYS, &scan.options);
    if (refusal != REFUSAL_NONE)
        return call_refuse(call, refusal);
    if (scan.options.typed)
        scan.options.kind = kind_named(call, scan.options.type);
    scan_on(&scan, cursor, step_keys);
    call_lets_go_apart(call);
    return VERDICT_DONE;
}
