/* Values by themselves: DUMP, RESTORE. */
#include "handlers.h"

#include "broker/broker.h"
#include "broker/metrics/metrics.h"
#include "storage/base/log.h"
#include "storage/persist/dump.h"
#include "storage/persist/snapshot.h"

/* What RESTORE was told besides key, time and payload. */
struct restore {
    bool    replace;
    bool    absolute;
    int64_t idle;      /* seconds, -1 if not told */
    int64_t frequency; /* likewise */
};

/* DUMP key */
enum verdict do_dump(struct call *call)
{
    struct item *item = keyspace_find(call->keys, args_next(call->args), LOOK_READ);
    struct buffer payload = { 0 };

    if (item == NULL) {
        reply_nil(call->reply);
        return VERDICT_DONE;
    }
    dump_put(item, keyspaces_types(call->keyspaces), &payload);
    reply_bulk(call->reply, buffer_slice(&payload));
    buffer_clear(&payload);
    return VERDICT_DONE;
}

static enum refusal next_use(struct call *call, struct restore *wish, bool frequency)
{
    int64_t *told = frequency ? &wish->frequency : &wish->idle;

    if (!args_next_integer(call->args, told))
        return REFUSAL_NOT_INTEGER;
    if (frequency && (*told < 0 || *told > 255))
        return REFUSAL_RESTORE_FREQUENCY;
    return *told < 0 ? REFUSAL_RESTORE_IDLE : REFUSAL_NONE;
}

/* The words behind the payload. */
static enum refusal read_wish(struct call *call, struct restore *wish)
{
    struct args *args = call->args;

    *wish = (struct restore){ .idle = -1, .frequency = -1 };
    while (args_more(args)) {
        enum refusal refusal = REFUSAL_NONE;

        if (args_take(args, SLICE("replace")))
            wish->replace = true;
        else if (args_take(args, SLICE("absttl")))
            wish->absolute = true;
        else if (args_left(args) > 1 && wish->frequency == -1 && args_take(args, SLICE("idletime")))
            refusal = next_use(call, wish, false);
        else if (args_left(args) > 1 && wish->idle == -1 && args_take(args, SLICE("freq")))
            refusal = next_use(call, wish, true);
        else
            return REFUSAL_SYNTAX;
        if (refusal != REFUSAL_NONE)
            return refusal;
    }
    return REFUSAL_NONE;
}

/* A key whose time has passed is not made; what it would have replaced goes. */
static enum verdict restore_nothing(struct call *call, struct slice key)
{
    if (keyspace_remove(call->keys, key, false)) {
        const struct slice words[] = { SLICE("DEL"), key };

        ledger_changed(call->ledger, key, EVENT_GENERIC, "del");
        ledger_say(call->ledger, words, 2);
    }
    reply_ok(call->reply);
    return VERDICT_DONE;
}

/* Others hear when it expires, not how long it has. */
static void say_absolute(struct call *call, millis due)
{
    char digits[NUMBER_INTEGER_MAX];
    size_t count = call->args->count;
    struct slice *words = arena_take(call->arena, (count + 1) * sizeof(*words));

    for (size_t i = 0; i < count; i++)
        words[i] = call->args->words[i];
    words[2] = slice_of(digits, number_put(digits, due));
    words[count] = SLICE("ABSTTL");
    ledger_say(call->ledger, words, count + 1);
}

/* Reads the value of a payload; false if there is none in it. */
static bool place_payload(struct call *call, struct slice key, struct slice payload,
                          struct item **item)
{
    struct rdb_content content;
    struct dump dump;
    bool fine = dump_begin(&dump, payload, keyspaces_types(call->keyspaces), call->limits,
                           &content);

    call->broker->metrics->dump_payloads++;
    if (fine)
        *item = rdb_content_place(call->keys, key, &content);
    else
        log_line(call->broker->log, LOG_WARNING, "RESTORE refused a payload, %s: %s",
                 "integrity check failed", dump.reader.empty ? "it has no elements"
                 : dump.reader.reason != NULL                ? dump.reader.reason
                                                             : "it is no value");
    dump_end(&dump);
    return fine;
}

/* RESTORE key ttl payload [REPLACE] [ABSTTL] [IDLETIME seconds | FREQ frequency] */
enum verdict do_restore(struct call *call)
{
    struct slice key = args_next(call->args);
    struct slice ttl = args_next(call->args);
    struct slice payload = args_next(call->args);
    struct restore wish;
    struct item *item;
    int64_t due;

    enum refusal refusal = read_wish(call, &wish);
    if (refusal != REFUSAL_NONE)
        return call_refuse(call, refusal);
    item = keyspace_find(call->keys, key, LOOK_WRITE);
    if (item != NULL && !wish.replace)
        return call_refuse(call, REFUSAL_BUSY_KEY);
    if (!number_read(ttl, &due))
        return call_refuse(call, REFUSAL_NOT_INTEGER);
    if (due < 0)
        return call_refuse(call, REFUSAL_RESTORE_TTL);
    if (!dump_is_whole(payload, snapshot_trusts(call->broker->snapshot)))
        return call_refuse(call, REFUSAL_DUMP_BROKEN);
    if (due > 0 && !wish.absolute && due <= INT64_MAX - call->now)
        due += call->now;
    if (due > 0 && due <= call->now && !keyspaces_keeps_expired(call->keyspaces))
        return restore_nothing(call, key);
    if (!place_payload(call, key, payload, &item))
        return call_refuse(call, REFUSAL_DUMP_FORMAT);
    if (due > 0)
        item = keyspace_expire_at(call->keys, item, due);
    keyspaces_set_use(call->keyspaces, item, wish.idle < 0 ? -1 : wish.idle * 1000,
                      (int)wish.frequency);

    ledger_changed(call->ledger, key, EVENT_GENERIC, "restore");
    if (due > 0 && !wish.absolute)
        say_absolute(call, due);
    reply_ok(call->reply);
    return VERDICT_DONE;
}

/* RESTORE-ASKING key ttl payload [REPLACE] [ABSTTL] [IDLETIME seconds | FREQ frequency]: the same, by
 * a node of a cluster whose slot is on its way here */
enum verdict do_restore_asking(struct call *call)
{
    return do_restore(call);
}
