/* MEMORY: where memory goes, and what may be done about it. */
#include "handlers.h"

#include "broker/broker.h"
#include "broker/commands/memory_parts.h"
#include "storage/base/memory.h"

enum {
    USAGE_SAMPLES = 5,
    QUIET_BELOW = 5 * 1024 * 1024, /* what so little memory is used for says nothing */
    CLIENT_IS_LARGE = 200 * 1024,
    REPLICA_IS_LARGE = 10 * 1024 * 1024,
    WASTE_IS_LARGE = 10 * 1024 * 1024
};

static size_t table_share(const struct keyspace *keys)
{
    size_t count = keyspace_count(keys);

    return count > 0 ? keyspace_overhead(keys) / count : 0;
}

/* MEMORY USAGE key [SAMPLES count] */
enum verdict do_memory_usage(struct call *call)
{
    struct slice key = args_next(call->args);
    const struct item *item;
    int64_t samples = USAGE_SAMPLES;

    while (args_more(call->args)) {
        if (!args_take(call->args, SLICE("samples")) || !args_more(call->args))
            return call_refuse(call, REFUSAL_SYNTAX);
        if (!args_next_integer(call->args, &samples))
            return call_refuse(call, REFUSAL_NOT_INTEGER);
        if (samples < 0)
            return call_refuse(call, REFUSAL_SYNTAX);
    }
    item = keyspace_find(call->keys, key, LOOK_QUIET);
    if (item == NULL)
        reply_nil(call->reply);
    else
        reply_integer(call->reply,
                      (int64_t)(item_measure(item, keyspaces_types(call->keyspaces),
                                             (size_t)samples) +
                                table_share(call->keys)));
    return VERDICT_DONE;
}

/* ---- STATS ---- */

static void amount(struct reply *reply, struct slice name, size_t bytes, size_t *count)
{
    reply_bulk(reply, name);
    reply_integer(reply, (int64_t)bytes);
    ++*count;
}

static void proportion(struct reply *reply, struct slice name, double value, size_t *count)
{
    reply_bulk(reply, name);
    reply_double(reply, value);
    ++*count;
}

static size_t add_databases(struct call *call)
{
    size_t count = 0;

    for (uint32_t db = 0; db < keyspaces_count(call->keyspaces); db++) {
        const struct keyspace *keys = keyspaces_at(call->keyspaces, db);
        char name[24] = "db.";
        size_t inner = 0;

        if (keyspace_count(keys) == 0)
            continue;
        reply_bulk(call->reply, slice_of(name, 3 + number_put(name + 3, db)));
        reply_map(call->reply, 3);
        amount(call->reply, SLICE("overhead.hashtable.main"),
               keyspace_overhead(keys) - keyspace_overhead_of_expiry(keys), &inner);
        amount(call->reply, SLICE("overhead.hashtable.expires"),
               keyspace_overhead_of_expiry(keys), &inner);
        amount(call->reply, SLICE("overhead.hashtable.slot-to-keys"), 0, &inner);
        count++;
    }
    return count;
}

static void add_parts(struct reply *reply, const struct memory_parts *parts, size_t *count)
{
    size_t data = parts->used > parts->startup ? parts->used - parts->startup : 0;

    amount(reply, SLICE("overhead.total"), parts->overhead, count);
    amount(reply, SLICE("keys.count"), parts->keys, count);
    amount(reply, SLICE("keys.bytes-per-key"), parts->keys > 0 ? data / parts->keys : 0, count);
    amount(reply, SLICE("dataset.bytes"), parts->dataset, count);
    proportion(reply, SLICE("dataset.percentage"), 100 * memory_ratio(parts->dataset, data),
               count);
    proportion(reply, SLICE("peak.percentage"), 100 * memory_ratio(parts->used, parts->peak),
               count);
}

static void add_allocator(struct reply *reply, const struct memory_parts *parts, size_t *count)
{
    struct memory_figures of;

    memory_figures(&of);
    amount(reply, SLICE("allocator.allocated"), of.allocated, count);
    amount(reply, SLICE("allocator.active"), of.active, count);
    amount(reply, SLICE("allocator.resident"), of.resident, count);
    proportion(reply, SLICE("allocator-fragmentation.ratio"),
               memory_ratio(of.active, of.allocated), count);
    amount(reply, SLICE("allocator-fragmentation.bytes"), of.active - of.allocated, count);
    proportion(reply, SLICE("allocator-rss.ratio"), memory_ratio(of.resident, of.active), count);
    amount(reply, SLICE("allocator-rss.bytes"), of.resident - of.active, count);
    proportion(reply, SLICE("rss-overhead.ratio"), memory_ratio(parts->resident, of.resident),
               count);
    amount(reply, SLICE("rss-overhead.bytes"), parts->resident - of.resident, count);
    proportion(reply, SLICE("fragmentation"), memory_ratio(parts->resident, parts->used), count);
    amount(reply, SLICE("fragmentation.bytes"), parts->resident - parts->used, count);
}

/* MEMORY STATS */
enum verdict do_memory_stats(struct call *call)
{
    struct reply *reply = call->reply;
    struct outbox_hole hole;
    struct memory_parts parts;
    size_t count = 0;

    memory_parts_look(call->broker, &parts);
    hole = reply_open(reply);
    amount(reply, SLICE("peak.allocated"), parts.peak, &count);
    amount(reply, SLICE("total.allocated"), parts.used, &count);
    amount(reply, SLICE("startup.allocated"), parts.startup, &count);
    amount(reply, SLICE("replication.backlog"), parts.backlog, &count);
    amount(reply, SLICE("clients.slaves"), parts.replicas, &count);
    amount(reply, SLICE("clients.normal"), parts.clients, &count);
    amount(reply, SLICE("cluster.links"), 0, &count);
    amount(reply, SLICE("aof.buffer"), parts.aof, &count);
    amount(reply, SLICE("lua.caches"), parts.scripts, &count);
    amount(reply, SLICE("functions.caches"), parts.functions, &count);
    amount(reply, SLICE("output.spare"), parts.pool, &count);
    amount(reply, SLICE("pubsub"), parts.pubsub, &count);
    amount(reply, SLICE("command.counts"), parts.counts, &count);
    count += add_databases(call);
    add_parts(reply, &parts, &count);
    add_allocator(reply, &parts, &count);
    reply_close_map(reply, hole, count);
    return VERDICT_DONE;
}

/* ---- TYPES ---- */

/* What the items of one type in one database take. */
struct measured {
    size_t keys;
    size_t bytes;
};

struct measuring {
    const struct value_types *types;
    size_t          samples;
    struct measured of[VALUE_KINDS];
};

static bool measure_one(void *who, struct item *item)
{
    struct measuring *measuring = who;
    struct measured *of = &measuring->of[item_kind(item)];

    of->keys++;
    of->bytes += item_measure(item, measuring->types, measuring->samples);
    return true;
}

static void reply_types(struct call *call, const struct measuring *measured)
{
    struct outbox_hole hole = reply_open(call->reply);
    size_t count = 0;

    for (int kind = 0; kind < VALUE_KINDS; kind++) {
        const struct measured *of = &measured->of[kind];
        size_t inner = 0;

        if (of->keys == 0)
            continue;
        reply_bulk(call->reply, slice_text(measured->types->of[kind]->name));
        reply_map(call->reply, 2);
        amount(call->reply, SLICE("keys"), of->keys, &inner);
        amount(call->reply, SLICE("bytes"), of->bytes, &inner);
        count++;
    }
    reply_close_map(call->reply, hole, count);
}

/* MEMORY TYPES [SAMPLES count] */
enum verdict do_memory_types(struct call *call)
{
    struct outbox_hole hole;
    int64_t samples = USAGE_SAMPLES;
    size_t count = 0;

    if (args_more(call->args)) {
        if (!args_take(call->args, SLICE("samples")) || args_left(call->args) != 1)
            return call_refuse(call, REFUSAL_SYNTAX);
        if (!args_next_integer(call->args, &samples) || samples < 0)
            return call_refuse(call, REFUSAL_NOT_INTEGER);
    }
    hole = reply_open(call->reply);
    for (uint32_t db = 0; db < keyspaces_count(call->keyspaces); db++) {
        struct keyspace *keys = keyspaces_at(call->keyspaces, db);
        struct measuring measuring = { .types = keyspaces_types(call->keyspaces),
                                       .samples = (size_t)samples };
        char name[24] = "db.";

        if (keyspace_count(keys) == 0)
            continue;
        keyspace_each(keys, measure_one, &measuring);
        reply_bulk(call->reply, slice_of(name, 3 + number_put(name + 3, db)));
        reply_types(call, &measuring);
        count++;
    }
    reply_close_map(call->reply, hole, count);
    return VERDICT_DONE;
}

/* ---- DOCTOR, PURGE, MALLOC-STATS ---- */

static void diagnose_allocator(const struct memory_parts *parts, struct buffer *to)
{
    struct memory_figures of;

    memory_figures(&of);
    if (memory_ratio(of.active, of.allocated) > 1.1 && of.active - of.allocated > WASTE_IS_LARGE)
        buffer_print(to,
                     " * Thin pages: %.2f times the bytes in use are in pages that hold "
                     "something. Values of other sizes were here before; the space is used "
                     "again as values of these sizes come back.\n\n",
                     memory_ratio(of.active, of.allocated));
    if (memory_ratio(of.resident, of.active) > 1.1 && of.resident - of.active > WASTE_IS_LARGE)
        buffer_print(to,
                     " * Empty pages: the allocator keeps %.2f times the pages that hold "
                     "something. MEMORY PURGE gives the others back at once.\n\n",
                     memory_ratio(of.resident, of.active));
    if (memory_ratio(parts->resident, of.resident) > 1.1 &&
        parts->resident - of.resident > WASTE_IS_LARGE)
        buffer_print(to,
                     " * Other memory: the process has %.2f times what the allocator has; "
                     "libraries and stacks have the rest.\n\n",
                     memory_ratio(parts->resident, of.resident));
}

static void diagnose(const struct memory_parts *parts, struct buffer *to)
{
    if (memory_ratio(parts->peak, parts->used) > 1.5)
        buffer_print(to,
                     " * A high peak: at its most %.2f times as much memory was in use as now. "
                     "The allocator may keep what is free now for a while; MEMORY PURGE gives "
                     "pages back that are empty.\n\n",
                     memory_ratio(parts->peak, parts->used));
    if (memory_ratio(parts->resident, parts->used) > 1.4 &&
        parts->resident - parts->used > WASTE_IS_LARGE)
        buffer_print(to,
                     " * Fragmentation: the process has %.2f times the memory that is in use. "
                     "What follows says where it is.\n\n",
                     memory_ratio(parts->resident, parts->used));
    diagnose_allocator(parts, to);
    if (parts->sessions > 0 && parts->clients / parts->sessions > CLIENT_IS_LARGE)
        buffer_print(to,
                     " * Large client buffers: a connection takes %zu bytes on average. Who reads "
                     "too slowly is seen in CLIENT LIST (omem); client-output-buffer-limit and "
                     "maxmemory-clients bound it, CLIENT OVERFLOW drops messages.\n\n",
                     parts->clients / parts->sessions);
    if (parts->replicas > REPLICA_IS_LARGE)
        buffer_print(to, " * Large replica buffers: replicas read more slowly than the data "
                         "changes.\n\n");
}

/* MEMORY DOCTOR */
enum verdict do_memory_doctor(struct call *call)
{
    struct memory_parts parts;
    struct buffer text = { 0 };
    struct buffer found = { 0 };

    memory_parts_look(call->broker, &parts);
    if (parts.used < QUIET_BELOW) {
        buffer_print(&text, "Too little memory is in use to say anything about it.\n");
    } else {
        diagnose(&parts, &found);
        if (found.len == 0)
            buffer_print(&text, "Nothing is odd about memory.\n");
        else
            buffer_print(&text, "What is odd about memory:\n\n%.*s", (int)found.len, found.at);
    }
    reply_verbatim(call->reply, buffer_slice(&text), "txt");
    buffer_clear(&text);
    buffer_clear(&found);
    return VERDICT_DONE;
}

/* MEMORY PURGE */
enum verdict do_memory_purge(struct call *call)
{
    memory_purge();
    reply_ok(call->reply);
    return VERDICT_DONE;
}

static void take_line(void *who, const char *text)
{
    buffer_add(who, slice_text(text));
}

/* MEMORY MALLOC-STATS */
enum verdict do_memory_malloc_stats(struct call *call)
{
    struct buffer text = { 0 };

    memory_describe(take_line, &text);
    reply_verbatim(call->reply, buffer_slice(&text), "txt");
    buffer_clear(&text);
    return VERDICT_DONE;
}

/* MEMORY HELP */
enum verdict do_memory_help(struct call *call)
{
    static const char *const lines[] = {
        "DOCTOR", "    What is odd about how memory is used.",
        "MALLOC-STATS", "    What the allocator knows.",
        "PURGE", "    Has the allocator give empty pages back.",
        "STATS", "    Where memory goes.",
        "TYPES [SAMPLES <count>]",
        "    What the keys of each type take in each database, measured one by one.",
        "USAGE <key> [SAMPLES <count>]",
        "    What a key and its value take. Of a value's parts so many are measured",
        "    (default: 5, 0 measures all).",
        NULL,
    };

    return call_help(call, lines);
}
