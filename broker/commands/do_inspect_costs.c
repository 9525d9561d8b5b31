/* What data and commands cost: subcommands of DEBUG that measure. */
#include "broker/broker.h"
#include "broker/commands/do_inspect_private.h"
#include "broker/net/loop.h"
#include "broker/net/turn_watch.h"
#include "storage/index/table.h"
#include "storage/values/hash.h"
#include "storage/values/set.h"
#include "storage/values/zset.h"

enum verdict debug_longest_turn(struct call *call)
{
    struct turn_length turn = turn_watch_take(loop_turn_watch(call->broker->loop));

    reply_array(call->reply, 3);
    reply_integer(call->reply, turn.took);
    reply_integer(call->reply, turn.on_cpu);
    reply_integer(call->reply, turn.queued);
    return VERDICT_DONE;
}

static void answer_text(struct call *call, struct buffer *text)
{
    reply_verbatim(call->reply, buffer_slice(text), "txt");
    buffer_clear(text);
}

enum verdict debug_table(struct call *call)
{
    struct buffer text = { 0 };
    int64_t db;

    if (!args_next_integer(call->args, &db) || db < 0 || db >= (int64_t)keyspaces_count(call->keyspaces))
        return call_refuse_with(call, "ERR Out of range database");
    buffer_print(&text, "[Dictionary HT]\n");
    keyspace_describe(keyspaces_at(call->keyspaces, (uint32_t)db), &text);
    buffer_print(&text, "[Expires HT]\nNo hash table: %zu keys in order of their dates\n",
                 keyspace_expiring(keyspaces_at(call->keyspaces, (uint32_t)db)));
    answer_text(call, &text);
    return VERDICT_DONE;
}

/* The table that a value is made of, or NULL. */
static const struct table *table_of(const struct item *item)
{
    void *value = item_value(item);

    switch (item_kind(item)) {
    case VALUE_SET:
        return set_table(value);
    case VALUE_HASH:
        return hash_table(value);
    case VALUE_ZSET:
        return zset_table(value);
    default:
        return NULL;
    }
}

enum verdict debug_table_of_key(struct call *call)
{
    struct item *item = keyspace_find(call->keys, args_next(call->args), LOOK_QUIET);
    struct buffer text = { 0 };

    if (item == NULL)
        return call_refuse(call, REFUSAL_NO_SUCH_KEY);
    if (table_of(item) == NULL)
        return call_refuse_with(call, "ERR The value stored at the specified key is not "
                                      "represented using an hash table");
    table_describe(table_of(item), &text);
    answer_text(call, &text);
    return VERDICT_DONE;
}
