/* In what form data is kept: subcommands of DEBUG that show it to people. */
#include <inttypes.h>

#include "broker/broker.h"
#include "broker/commands/do_inspect_private.h"
#include "storage/base/glob.h"
#include "storage/base/log.h"
#include "storage/base/memory.h"
#include "storage/base/panic.h"
#include "storage/values/list.h"

enum { MATCHES = 100000, MATCH_BYTES = 24, SHOWN_BYTES = 1024 };

enum verdict debug_string_length(struct call *call)
{
    struct slice key = args_next(call->args);
    struct item *item = keyspace_find(call->keys, key, LOOK_QUIET);
    struct buffer line = { 0 };
    struct item_digits digits;
    struct bytes *apart;
    int64_t integer;

    if (item == NULL)
        return call_refuse(call, REFUSAL_NO_SUCH_KEY);
    if (item_kind(item) != VALUE_STRING || item_integer(item, &integer))
        return call_refuse_with(call, "ERR Not an sds encoded string.");
    apart = item_bytes(item);
    /* Nothing is kept in reserve; a short string lies in the allocation of its item. */
    buffer_print(&line,
                 "key_sds_len:%zu, key_sds_avail:0, key_zmalloc: %zu, val_sds_len:%zu, "
                 "val_sds_avail:0, val_zmalloc: %zu",
                 key.len, memory_usable(item), item_string(item, &digits).len,
                 apart == NULL ? 0 : memory_usable(apart));
    reply_simple(call->reply, buffer_slice(&line));
    buffer_clear(&line);
    return VERDICT_DONE;
}

enum verdict debug_struct_sizes(struct call *call)
{
    struct buffer line = { 0 };

    buffer_print(&line, "bits:%zu item:%zu session:%zu", sizeof(void *) * 8, sizeof(struct item),
                 sizeof(struct session));
    reply_simple(call->reply, buffer_slice(&line));
    buffer_clear(&line);
    return VERDICT_DONE;
}

/* Logs what is in a list, and with `all` each element. */
static void log_list(struct call *call, const struct list *list, bool all)
{
    struct list_walk walk;
    struct slice element;
    uint64_t whole, kept;

    list_run_bytes(list, &whole, &kept);
    log_line(call->broker->log, LOG_WARNING,
             "DEBUG QUICKLIST: %zu elements in %zu nodes, %" PRIu64 " bytes in %" PRIu64,
             list_length(list), list_nodes(list), whole, kept);
    if (!all)
        return;
    list_walk_begin(&walk, list, 0, LIST_BACK);
    while (list_walk_next(&walk, &element))
        log_line(call->broker->log, LOG_WARNING, "DEBUG QUICKLIST: %.*s",
                 (int)(element.len > SHOWN_BYTES ? SHOWN_BYTES : element.len), element.at);
}

enum verdict debug_list(struct call *call)
{
    struct item *item = keyspace_find(call->keys, args_next(call->args), LOOK_QUIET);
    int64_t all = 0;

    if (item == NULL)
        return call_refuse(call, REFUSAL_NO_SUCH_KEY);
    if (args_more(call->args) && !args_next_integer(call->args, &all))
        return call_refuse(call, REFUSAL_NOT_INTEGER);
    if (item_kind(item) != VALUE_LIST)
        return call_refuse_with(call, "ERR Not a quicklist encoded object.");
    log_list(call, (const struct list *)(const void *)item_value(item), all != 0);
    reply_simple(call->reply, SLICE("Quicklist structure printed on stdout"));
    return VERDICT_DONE;
}

/* Text that is full of what means something in patterns. */
static struct slice random_text(struct call *call, char *to)
{
    static const char letters[] = "ab*?[]^-\\";
    size_t len = (size_t)random_below(call->random, MATCH_BYTES);

    for (size_t i = 0; i < len; i++)
        to[i] = letters[random_below(call->random, sizeof(letters) - 1)];
    return slice_of(to, len);
}

enum verdict debug_match(struct call *call)
{
    char pattern[MATCH_BYTES];
    char text[MATCH_BYTES];
    size_t matched = 0;

    for (int i = 0; i < MATCHES; i++)
        matched += glob_match(random_text(call, pattern), random_text(call, text)) ? 1 : 0;
    /* What matched nothing, or everything, did not look at the pattern. */
    if (matched == 0 || matched == MATCHES)
        return call_refuse_with(call, "ERR %zu of %d patterns matched", matched, MATCHES);
    reply_simple(call->reply, SLICE("Apparently nothing crashed: test passed"));
    return VERDICT_DONE;
}

enum verdict debug_no_memory(struct call *call)
{
    (void)call;
    panic("Out of memory, since DEBUG OOM asked for it");
}

/* What there is no such thing as here, and why. */
static const struct {
    const char *name;
    const char *reason;
} missing[] = {
    { "CLIENT-EVICTION", "sessions lie in no pools by size; CLIENT LIST tells their tot-mem" },
    { "CLUSTERLINK", "there is no cluster mode" },
    { "CRASH-AND-RECOVER", "the server does not start itself again" },
    { "DROP-CLUSTER-PACKET-FILTER", "there is no cluster mode" },
    { "LEAK", "nothing is leaked on purpose" },
    { "RESTART", "the server does not start itself again" },
};

bool debug_refuse_missing(struct call *call)
{
    for (size_t i = 0; i < sizeof(missing) / sizeof(missing[0]); i++) {
        if (args_take(call->args, slice_text(missing[i].name))) {
            (void)call_refuse_with(call, "ERR DEBUG %s is not supported: %s", missing[i].name,
                                   missing[i].reason);
            return true;
        }
    }
    return false;
}
