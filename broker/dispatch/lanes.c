#include "broker/dispatch/lanes.h"

#include "storage/base/memory.h"
#include "storage/index/ordered.h"
#include "storage/index/table.h"

struct alarm {
    int64_t      at;
    struct lane *lane;
};

static struct slice key_of_awaited(const void *item)
{
    const struct awaited *awaited = item;

    return slice_of(awaited->key, awaited->len);
}

static const struct table_kind awaited_kind = { .key = key_of_awaited };

struct slice lanes_key(const struct awaited *awaited)
{
    return key_of_awaited(awaited);
}

static int compare_alarms(const void *a, const void *b, void *who)
{
    const struct alarm *x = a;
    const struct alarm *y = b;

    (void)who;
    if (x->at != y->at)
        return x->at < y->at ? -1 : 1;
    return (x->lane->serial > y->lane->serial) - (x->lane->serial < y->lane->serial);
}

static const struct ordered_kind alarm_kind = {
    .record_size = sizeof(struct alarm),
    .lead = ORDERED_LEAD_SIGNED,
    .compare = compare_alarms,
};

void lanes_init(struct lanes *lanes, uint32_t dbs, const struct hash_key *secret)
{
    lanes->dbs = dbs;
    lanes->keys = memory_new_zeroed(dbs, sizeof(struct table));
    for (uint32_t db = 0; db < dbs; db++)
        table_init(&lanes->keys[db], &awaited_kind, secret);
    lanes->alarms = ordered_new(&alarm_kind, NULL);
    lanes->made = 0;
}

void lanes_clear(struct lanes *lanes)
{
    for (uint32_t db = 0; db < lanes->dbs; db++)
        table_clear(&lanes->keys[db], NULL, NULL);
    memory_free(lanes->keys);
    ordered_free(lanes->alarms);
}

struct awaited *lanes_find(const struct lanes *lanes, uint32_t db, struct slice key)
{
    struct table *keys = &lanes->keys[db];

    return table_count(keys) == 0 ? NULL : table_find(keys, key, table_hash(keys, key));
}

static struct awaited *find_or_add_awaited(struct lanes *lanes, uint32_t db, struct slice key)
{
    struct awaited *awaited = lanes_find(lanes, db, key);

    if (awaited != NULL)
        return awaited;
    awaited = memory_new(sizeof(*awaited) + key.len);
    chain_init(&awaited->lanes);
    chain_init(&awaited->ready);
    awaited->held = false;
    awaited->db = db;
    awaited->len = (uint32_t)key.len;
    if (key.len > 0)
        memcpy(awaited->key, key.at, key.len);
    table_add(&lanes->keys[db], awaited, table_hash(&lanes->keys[db], key));
    return awaited;
}

static bool lane_is(const struct lane *lane, const struct wait *wait)
{
    return lane->kind == wait->kind && lane->shared == wait->shared &&
           lane->on_gone == wait->on_gone &&
           slice_equal(slice_of(lane->name, lane->len), wait->lane);
}

static struct lane *add_lane(struct lanes *lanes, struct awaited *awaited, const struct wait *wait)
{
    struct lane *lane = memory_new(sizeof(*lane) + wait->lane.len);

    chain_init(&lane->places);
    lane->of = awaited;
    lane->kind = (uint8_t)wait->kind;
    lane->shared = wait->shared;
    lane->on_gone = wait->on_gone;
    lane->len = (uint32_t)wait->lane.len;
    lane->least_need = wait->need;
    lane->serial = lanes->made++;
    lane->wake_at = 0;
    if (wait->lane.len > 0)
        memcpy(lane->name, wait->lane.at, wait->lane.len);
    chain_put_last(&awaited->lanes, &lane->link);
    return lane;
}

struct lane *lanes_lane(struct lanes *lanes, uint32_t db, struct slice key,
                        const struct wait *wait)
{
    struct awaited *awaited = find_or_add_awaited(lanes, db, key);

    for (struct chain *link = awaited->lanes.next; link != &awaited->lanes; link = link->next) {
        struct lane *lane = CHAIN_OWNER(link, struct lane, link);

        if (lane_is(lane, wait))
            return lane;
    }
    return add_lane(lanes, awaited, wait);
}

static void stop_alarm(struct lanes *lanes, struct lane *lane)
{
    struct alarm alarm = { lane->wake_at, lane };

    if (lane->wake_at == 0)
        return;
    must(ordered_remove(lanes->alarms, &alarm, NULL));
    lane->wake_at = 0;
}

/* A key that is or will be served is looked at again when that is done. */
void lanes_drop_key_if_empty(struct lanes *lanes, struct awaited *awaited)
{
    struct table *keys = &lanes->keys[awaited->db];

    if (!chain_is_empty(&awaited->lanes) || awaited->held || chain_linked(&awaited->ready))
        return;
    must(table_remove_item(keys, awaited, table_hash(keys, lanes_key(awaited))));
    memory_free(awaited);
}

void lanes_drop_if_empty(struct lanes *lanes, struct lane *lane)
{
    struct awaited *awaited = lane->of;

    if (!chain_is_empty(&lane->places))
        return;
    stop_alarm(lanes, lane);
    chain_leave(&lane->link);
    memory_free(lane);
    lanes_drop_key_if_empty(lanes, awaited);
}

void lanes_wake_at(struct lanes *lanes, struct lane *lane, millis at)
{
    struct alarm alarm = { at, lane };

    if (lane->wake_at != 0 && lane->wake_at <= at)
        return;
    stop_alarm(lanes, lane);
    lane->wake_at = at;
    must(ordered_insert(lanes->alarms, &alarm));
}

static const struct alarm *first_alarm(const struct lanes *lanes)
{
    return ordered_first(lanes->alarms).record;
}

millis lanes_next_alarm(const struct lanes *lanes)
{
    const struct alarm *alarm = first_alarm(lanes);

    return alarm == NULL ? -1 : alarm->at;
}

struct awaited *lanes_ring(struct lanes *lanes, millis now)
{
    const struct alarm *alarm = first_alarm(lanes);
    struct lane *lane;

    if (alarm == NULL || alarm->at > now)
        return NULL;
    lane = alarm->lane;
    stop_alarm(lanes, lane);
    return lane->of;
}

size_t lanes_keys(const struct lanes *lanes)
{
    size_t count = 0;

    for (uint32_t db = 0; db < lanes->dbs; db++)
        count += table_count(&lanes->keys[db]);
    return count;
}

static bool some_wait_for_removal(const struct awaited *awaited)
{
    for (struct chain *link = awaited->lanes.next; link != &awaited->lanes; link = link->next) {
        if (CHAIN_OWNER(link, struct lane, link)->on_gone)
            return true;
    }
    return false;
}

size_t lanes_keys_on_gone(const struct lanes *lanes)
{
    size_t count = 0;

    for (uint32_t db = 0; db < lanes->dbs; db++) {
        struct table_walk walk;

        for (struct awaited *awaited = table_walk_begin(&walk, &lanes->keys[db]);
             awaited != NULL; awaited = table_walk_next(&walk))
            count += some_wait_for_removal(awaited);
        table_walk_end(&walk);
    }
    return count;
}
