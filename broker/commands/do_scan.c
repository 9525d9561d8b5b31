/* Seeing keys: KEYS and SCAN. */
#include "handlers.h"

#include "broker/commands/do_scan_private.h"
#include "storage/base/glob.h"

enum { SCAN_LOOKS = 10 }; /* buckets looked at for each key asked for, so that one call is bounded */

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

bool scan_read_cursor(struct slice word, uint64_t *cursor)
{
    bool negative = word.len > 0 && word.at[0] == '-';
    uint64_t value = 0;

    /* As generous as C is with numbers: a sign and leading zeros are fine. */
    if (word.len > 0 && (negative || word.at[0] == '+'))
        word = slice_after(word, 1);
    for (size_t i = 0; i < word.len; i++) {
        unsigned digit = (unsigned)(unsigned char)word.at[i] - '0';

        if (digit > 9 || __builtin_mul_overflow(value, 10, &value) ||
            __builtin_add_overflow(value, digit, &value))
            return false;
    }
    *cursor = negative ? 0 - value : value;
    return word.len > 0;
}

enum refusal scan_read_options(struct call *call, enum scan_of what, struct scan_options *options)
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

struct scan_walk {
    struct call         *call;
    struct scan_options *options;
    size_t               seen;
    size_t               shown;
};

static void show_scanned(void *who, struct item *item)
{
    struct scan_walk *walk = who;
    const struct scan_options *options = walk->options;
    struct slice key = item_key(item);

    walk->seen++;
    if (keyspace_is_past(walk->call->keys, item))
        return;
    if (options->typed && item_kind(item) != options->kind)
        return;
    if (options->matching && !glob_match(options->pattern, key))
        return;
    reply_bulk(walk->call->reply, key);
    walk->shown++;
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
    struct scan_options options;
    struct scan_walk walk = { .call = call, .options = &options };
    struct outbox_hole head;
    struct outbox_hole list;
    uint64_t cursor;
    size_t looks = 0;
    enum refusal refusal;

    if (!scan_read_cursor(args_next(call->args), &cursor))
        return call_refuse(call, REFUSAL_BAD_CURSOR);
    refusal = scan_read_options(call, SCAN_KEYS, &options);
    if (refusal != REFUSAL_NONE)
        return call_refuse(call, refusal);
    options.kind = options.typed ? kind_named(call, options.type) : VALUE_KINDS;

    reply_array(call->reply, 2);
    head = reply_open(call->reply);
    list = reply_open(call->reply);
    do {
        cursor = keyspace_scan(call->keys, cursor, show_scanned, &walk);
    } while (cursor != 0 && walk.seen < options.count && ++looks < options.count * SCAN_LOOKS);
    reply_close_cursor(call->reply, head, cursor);
    reply_close_array(call->reply, list, walk.shown);
    return VERDICT_DONE;
}
