/* The key space: removing, asking, renaming, moving, copying, flushing. */
#include "handlers.h"

#include "broker/broker.h"
#include "broker/config/options.h"
#include "broker/effects/tracking.h"
#include "storage/base/trouble.h"
#include "storage/persist/aof.h"
#include "storage/persist/snapshot.h"

enum { TOGETHER = 16 }; /* keys that are asked for together, so that one's misses hide another's */

/* Removes up to so many of the keys named; how many there were. */
static int64_t remove_some(struct call *call, bool lazily)
{
    size_t count = args_left(call->args) < TOGETHER ? args_left(call->args) : TOGETHER;
    const struct slice *keys = call->args->words + args_position(call->args);
    uint64_t hashes[TOGETHER];
    int64_t removed = 0;

    (void)keyspace_ask_ahead(call->keys, keys, 1, count, hashes);
    for (size_t i = 0; i < count; i++) {
        struct slice key = args_next(call->args);

        keyspaces_hint(call->keyspaces, key, hashes[i]);
        if (!keyspace_remove(call->keys, key, lazily))
            continue;
        ledger_changed(call->ledger, key, EVENT_GENERIC, "del");
        removed++;
    }
    keyspaces_hint(call->keyspaces, slice_of(NULL, 0), 0);
    return removed;
}

/* Removes the keys named; how many there were. */
static enum verdict remove_keys(struct call *call, bool lazily)
{
    bool most = args_left(call->args) > keyspace_count(call->keys) / 2;
    int64_t removed = 0;

    /* What most go from would shrink several times on the way. */
    if (most)
        keyspace_hold_size(call->keys, true);
    while (args_more(call->args))
        removed += remove_some(call, lazily);
    if (most)
        keyspace_hold_size(call->keys, false);
    reply_integer(call->reply, removed);
    return VERDICT_DONE;
}

/*
 * DEL key [key ...]
 *
 * Large values are always freed by the worker: nobody can tell but those who
 * would have had to wait.
 */
enum verdict do_del(struct call *call)
{
    return remove_keys(call, true);
}

/* UNLINK key [key ...] */
enum verdict do_unlink(struct call *call)
{
    return remove_keys(call, true);
}

static enum verdict count_keys(struct call *call, enum look why)
{
    uint64_t hashes[TOGETHER];
    int64_t found = 0;

    while (args_more(call->args)) {
        size_t count = args_left(call->args) < TOGETHER ? args_left(call->args) : TOGETHER;

        (void)keyspace_ask_ahead(call->keys, call->args->words + args_position(call->args), 1,
                                 count, hashes);
        for (size_t i = 0; i < count; i++) {
            struct slice key = args_next(call->args);

            keyspaces_hint(call->keyspaces, key, hashes[i]);
            found += keyspace_find(call->keys, key, why) != NULL;
        }
    }
    keyspaces_hint(call->keyspaces, slice_of(NULL, 0), 0);
    reply_integer(call->reply, found);
    return VERDICT_DONE;
}

/* EXISTS key [key ...]: a key named twice counts twice. */
enum verdict do_exists(struct call *call)
{
    return count_keys(call, LOOK_ASIDE);
}

/* TOUCH key [key ...] */
enum verdict do_touch(struct call *call)
{
    return count_keys(call, LOOK_READ);
}

/* TYPE key */
enum verdict do_type(struct call *call)
{
    struct item *item = keyspace_find(call->keys, args_next(call->args), LOOK_ASIDE);

    if (item == NULL)
        reply_simple(call->reply, SLICE("none"));
    else
        reply_simple(call->reply,
                     slice_text(keyspaces_types(call->keyspaces)->of[item_kind(item)]->name));
    return VERDICT_DONE;
}

static enum verdict rename_key(struct call *call, bool only_if_free)
{
    struct slice from = args_next(call->args);
    struct slice to = args_next(call->args);
    struct item *item = keyspace_find(call->keys, from, LOOK_WRITE);
    struct item *there;

    if (item == NULL)
        return call_refuse(call, REFUSAL_NO_SUCH_KEY);
    if (slice_equal(from, to)) {
        if (only_if_free)
            reply_integer(call->reply, 0);
        else
            reply_ok(call->reply);
        return VERDICT_DONE;
    }
    there = keyspace_find(call->keys, to, LOOK_WRITE);
    if (there != NULL && only_if_free) {
        reply_integer(call->reply, 0);
        return VERDICT_DONE;
    }
    /* The search for the other key may have let this one go. */
    item = keyspace_find(call->keys, from, LOOK_WRITE);
    (void)keyspace_move(call->keys, item, call->keys, to);
    ledger_followed(call->ledger, from, EVENT_GENERIC, "rename_from");
    ledger_changed(call->ledger, to, EVENT_GENERIC, "rename_to");
    if (only_if_free)
        reply_integer(call->reply, 1);
    else
        reply_ok(call->reply);
    return VERDICT_DONE;
}

/* RENAME key newkey */
enum verdict do_rename(struct call *call)
{
    return rename_key(call, false);
}

/* RENAMENX key newkey */
enum verdict do_renamenx(struct call *call)
{
    return rename_key(call, true);
}

/* Reads a word as the index of a database. */
static enum refusal next_db(struct call *call, enum refusal otherwise, uint32_t *db)
{
    int64_t value;

    if (!args_next_integer(call->args, &value))
        return otherwise;
    if (value < INT32_MIN || value > INT32_MAX)
        return REFUSAL_NOT_INT32;
    if (value < 0 || value >= keyspaces_count(call->keyspaces))
        return REFUSAL_DB_INDEX;
    *db = (uint32_t)value;
    return REFUSAL_NONE;
}

/* MOVE key db */
enum verdict do_move(struct call *call)
{
    struct slice key = args_next(call->args);
    struct keyspace *to;
    struct item *item;
    uint32_t db;
    enum refusal refusal = next_db(call, REFUSAL_NOT_INTEGER, &db);

    if (refusal != REFUSAL_NONE)
        return call_refuse(call, refusal);
    if (db == keyspace_db(call->keys))
        return call_refuse(call, REFUSAL_SAME_OBJECT);
    to = keyspaces_at(call->keyspaces, db);
    item = keyspace_find(call->keys, key, LOOK_WRITE);
    if (item == NULL || keyspace_find(to, key, LOOK_WRITE) != NULL) {
        reply_integer(call->reply, 0);
        return VERDICT_DONE;
    }
    (void)keyspace_move(call->keys, item, to, key);
    ledger_followed(call->ledger, key, EVENT_GENERIC, "move_from");
    ledger_changed_in(call->ledger, db, key, EVENT_GENERIC, "move_to");
    reply_integer(call->reply, 1);
    return VERDICT_DONE;
}

/* COPY source destination [DB destination-db] [REPLACE] */
enum verdict do_copy(struct call *call)
{
    struct slice from = args_next(call->args);
    struct slice key = args_next(call->args);
    struct keyspace *to;
    struct item *item;
    uint32_t db = keyspace_db(call->keys);
    bool replace = false;

    while (args_more(call->args)) {
        enum refusal refusal = REFUSAL_NONE;

        if (args_take(call->args, SLICE("replace")))
            replace = true;
        else if (args_left(call->args) >= 2 && args_take(call->args, SLICE("db")))
            refusal = next_db(call, REFUSAL_NOT_INTEGER, &db);
        else
            refusal = REFUSAL_SYNTAX;
        if (refusal != REFUSAL_NONE)
            return call_refuse(call, refusal);
    }
    to = keyspaces_at(call->keyspaces, db);
    if (to == call->keys && slice_equal(from, key))
        return call_refuse(call, REFUSAL_SAME_OBJECT);
    /* Looking at the destination may take away what is past, so that the source is found again. */
    if (keyspace_find(call->keys, from, LOOK_READ) == NULL ||
        (!replace && keyspace_find(to, key, LOOK_WRITE) != NULL)) {
        reply_integer(call->reply, 0);
        return VERDICT_DONE;
    }
    item = keyspace_find(call->keys, from, LOOK_QUIET);
    (void)keyspace_copy(call->keys, item, to, key);
    ledger_changed_in(call->ledger, db, key, EVENT_GENERIC, "copy_to");
    reply_integer(call->reply, 1);
    return VERDICT_DONE;
}

/* DBSIZE */
enum verdict do_dbsize(struct call *call)
{
    reply_integer(call->reply, (int64_t)keyspace_count(call->keys));
    return VERDICT_DONE;
}

/* RANDOMKEY */
enum verdict do_randomkey(struct call *call)
{
    struct item *item = keyspace_random(call->keys, call->random);

    call_lets_go_apart(call);
    if (item == NULL)
        reply_nil(call->reply);
    else
        reply_bulk(call->reply, item_key(item));
    return VERDICT_DONE;
}

/* Returns how many keys there were. */
static size_t flush_db(struct call *call, uint32_t db)
{
    struct keyspace *keys = keyspaces_at(call->keyspaces, db);
    size_t count = keyspace_count(keys);

    if (count == 0)
        return 0;
    ledger_changed_all(call->ledger, db);
    ledger_count(call->ledger, count);
    return keyspace_flush(keys, true);
}

/* Who cached that keys are not there is told of a flush all the same. */
static void flushed(struct call *call, size_t count)
{
    if (count == 0)
        tracking_invalidate_all(call->broker->tracking);
    ledger_say_anyway(call->ledger);
    reply_ok(call->reply);
}

/* FLUSHDB [ASYNC|SYNC] */
enum verdict do_flushdb(struct call *call)
{
    if (!call_take_flush_mode(call))
        return call_refuse(call, REFUSAL_SYNTAX);
    flushed(call, flush_db(call, keyspace_db(call->keys)));
    return VERDICT_DONE;
}

/*
 * What a child is saving is no longer wanted; with rules for snapshots, and no
 * log, the emptiness is, at once: it is quickly written.
 */
static void forget_snapshot(struct call *call)
{
    struct trouble trouble;

    snapshot_abort(call->broker->snapshot);
    if (call->options->save.count > 0 && !aof_is_on(call->broker->aof))
        /* The log was told what went wrong, if it did. */
        (void)!snapshot_save(call->broker->snapshot, ledger_changes(call->ledger), &trouble);
}

/* FLUSHALL [ASYNC|SYNC] */
enum verdict do_flushall(struct call *call)
{
    size_t count = 0;

    if (!call_take_flush_mode(call))
        return call_refuse(call, REFUSAL_SYNTAX);
    for (uint32_t db = 0; db < keyspaces_count(call->keyspaces); db++)
        count += flush_db(call, db);
    forget_snapshot(call);
    flushed(call, count);
    return VERDICT_DONE;
}

/* SWAPDB index1 index2 */
enum verdict do_swapdb(struct call *call)
{
    int64_t one;
    int64_t two;
    int64_t count = keyspaces_count(call->keyspaces);

    if (!args_next_integer(call->args, &one) || one < INT32_MIN || one > INT32_MAX)
        return call_refuse_with(call, "ERR invalid first DB index");
    if (!args_next_integer(call->args, &two) || two < INT32_MIN || two > INT32_MAX)
        return call_refuse_with(call, "ERR invalid second DB index");
    if (one < 0 || one >= count || two < 0 || two >= count)
        return call_refuse(call, REFUSAL_DB_INDEX);
    if (one != two) {
        /* A key that is there before or after has changed for those who watch it. */
        ledger_changed_all(call->ledger, (uint32_t)one);
        ledger_changed_all(call->ledger, (uint32_t)two);
        keyspaces_swap(call->keyspaces, (uint32_t)one, (uint32_t)two);
        ledger_changed_all(call->ledger, (uint32_t)one);
        ledger_changed_all(call->ledger, (uint32_t)two);
        ledger_count(call->ledger, 1);
    }
    reply_ok(call->reply);
    return VERDICT_DONE;
}
