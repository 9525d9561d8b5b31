/* The bytes of values are their types' affair; what stands around them is written here. */
#include "storage/persist/rdb_save.h"

#include "storage/base/number.h"
#include "storage/persist/rdb_content.h"

enum { FREQUENCY_MOST = 255 };

/* What these files say that wrote them: the server whose format it is. */
#define SPEAKS_AS SLICE("7.0.15")

struct saving {
    const struct rdb_save_setup *setup;
    struct rdb_writer            to;
    const struct value_types    *types;
    uint64_t                     keys;
};

static void put_fact(struct rdb_writer *to, struct slice name, struct slice value)
{
    rdb_put_byte(to, RDB_AUX);
    rdb_put_string(to, name);
    rdb_put_string(to, value);
}

static void put_number_fact(struct rdb_writer *to, struct slice name, int64_t value)
{
    rdb_put_byte(to, RDB_AUX);
    rdb_put_string(to, name);
    rdb_put_integer(to, value);
}

/* Whether there is anything that only newer servers read. */
static bool has_dated_fields(struct keyspaces *keyspaces)
{
    for (uint32_t db = 0; db < keyspaces_count(keyspaces); db++) {
        if (keyspace_expiring_fields(keyspaces_at(keyspaces, db)) > 0)
            return true;
    }
    return false;
}

static void put_head(struct saving *saving)
{
    const struct rdb_save_setup *setup = saving->setup;
    struct rdb_writer *to = &saving->to;

    rdb_put_raw(to, has_dated_fields(setup->keyspaces) ? SLICE("REDIS0012") : SLICE("REDIS0010"));
    put_fact(to, SLICE("redis-ver"), SPEAKS_AS);
    put_number_fact(to, SLICE("redis-bits"), 64);
    put_number_fact(to, SLICE("ctime"), setup->created);
    put_number_fact(to, SLICE("used-mem"), (int64_t)setup->memory);
    if (setup->replication != NULL) {
        put_number_fact(to, SLICE("repl-stream-db"), setup->replication->db);
        put_fact(to, SLICE("repl-id"), slice_text(setup->replication->id));
        put_number_fact(to, SLICE("repl-offset"), setup->replication->offset);
    }
    put_number_fact(to, SLICE("aof-base"), setup->is_base);
}

static void put_function(void *who, struct slice code)
{
    struct saving *saving = who;

    rdb_put_byte(&saving->to, RDB_FUNCTION);
    rdb_put_string(&saving->to, code);
}

static void put_use(struct saving *saving, const struct item *item)
{
    const struct keyspaces *all = saving->setup->keyspaces;

    if (saving->setup->idle) {
        rdb_put_byte(&saving->to, RDB_IDLE);
        rdb_put_length(&saving->to, (uint64_t)(keyspaces_idle(all, item) / 1000));
    } else if (saving->setup->frequency) {
        uint32_t often = keyspaces_frequency(all, item);

        rdb_put_byte(&saving->to, RDB_FREQUENCY);
        rdb_put_byte(&saving->to, often < FREQUENCY_MOST ? often : FREQUENCY_MOST);
    }
}

static bool put_item(void *who, struct item *item)
{
    struct saving *saving = who;
    struct rdb_writer *to = &saving->to;

    if (item_expires(item)) {
        rdb_put_byte(to, RDB_EXPIRY_MS);
        rdb_put_millis(to, item_due(item));
    }
    put_use(saving, item);
    rdb_put_byte(to, (unsigned)rdb_content_type(item, saving->types));
    rdb_put_string(to, item_key(item));
    rdb_content_put(item, saving->types, to);
    rdb_content_put_rest(item, saving->types, to);
    saving->keys++;
    if (saving->setup->wrote != NULL)
        saving->setup->wrote(saving->setup->who, saving->keys);
    return true;
}

static void put_databases(struct saving *saving)
{
    struct keyspaces *all = saving->setup->keyspaces;

    for (uint32_t db = 0; db < keyspaces_count(all); db++) {
        struct keyspace *keys = keyspaces_at(all, db);

        if (keyspace_count(keys) == 0)
            continue;
        rdb_put_byte(&saving->to, RDB_SELECT);
        rdb_put_length(&saving->to, db);
        rdb_put_byte(&saving->to, RDB_RESIZE);
        rdb_put_length(&saving->to, keyspace_count(keys));
        rdb_put_length(&saving->to, keyspace_expiring(keys));
        keyspace_each(keys, put_item, saving);
    }
}

void rdb_save(const struct rdb_save_setup *setup, struct writer *to)
{
    struct saving saving = { .setup = setup, .types = keyspaces_types(setup->keyspaces) };
    uint64_t sum = 0;

    rdb_writer_init(&saving.to, to, setup->compress);
    if (setup->checksum)
        writer_checksum_begin(to);
    put_head(&saving);
    if (setup->functions != NULL)
        setup->functions->each(setup->functions->who, put_function, &saving);
    if (!setup->no_keys)
        put_databases(&saving);
    rdb_put_byte(&saving.to, RDB_END);
    if (setup->checksum)
        sum = writer_checksum(to);
    rdb_put_millis(&saving.to, (int64_t)sum);
    rdb_writer_clear(&saving.to);
}
