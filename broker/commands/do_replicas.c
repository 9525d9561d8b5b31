/*
 * What replicas say to their primary, and what is asked about them: SYNC, PSYNC,
 * REPLCONF, ROLE, WAIT.
 */
#include "handlers.h"

#include "broker/broker.h"
#include "broker/dispatch/waiting.h"
#include "broker/replication/acks.h"
#include "broker/replication/follower.h"
#include "broker/replication/primary.h"
#include "storage/base/log.h"

/* Under this key, in every database, those wait who wait for replicas. Nobody else has it. */
#define WAIT_KEY SLICE("\0wait")

/* ---- Asking for data ---- */

static enum verdict accept_replica(struct call *call, const struct primary_wish *wish)
{
    /* A replica that is not up to date itself has nothing to give. */
    if (call->broker->role->is_replica &&
        follower_state(call->broker->follower) != FOLLOWER_FOLLOWING)
        return call_refuse(call, REFUSAL_NO_PRIMARY_LINK);
    if (outbox_pending(call->session->reply.out) > 0)
        return call_refuse(call, REFUSAL_SYNC_PENDING);
    primary_accept(call->broker->primary, call->session, wish);
    return VERDICT_DONE;
}

/* SYNC: everything, as old replicas ask for it. */
enum verdict do_sync(struct call *call)
{
    if (call->session->is_replica)
        return VERDICT_DONE;
    return accept_replica(call, &(struct primary_wish){ true, SLICE("?"), -1 });
}

/* Our primary hands its role over. False if it has answered with an error. */
static bool take_over(struct call *call, struct slice id)
{
    struct broker *broker = call->broker;
    struct buffer who = { 0 };

    log_line(broker->log, LOG_WARNING, "Failover request received for replid %.*s.",
             (int)(id.len < 64 ? id.len : 64), id.at);
    if (!broker->role->is_replica) {
        (void)call_refuse_with(call, "ERR PSYNC FAILOVER can't be sent to a master.");
        return false;
    }
    if (!slice_equal_nocase(id, slice_of(broker->role->id, ROLE_ID))) {
        (void)call_refuse_with(call, "ERR PSYNC FAILOVER replid must match my replid.");
        return false;
    }
    follower_leave(broker->follower);
    session_describe(call->session, call->now, &who);
    log_line(broker->log, LOG_WARNING, "MASTER MODE enabled (failover request from '%.*s')",
             (int)who.len, who.at);
    buffer_clear(&who);
    return true;
}

/* PSYNC replicationid offset: what comes from there on, or everything. */
enum verdict do_psync(struct call *call)
{
    struct primary_wish wish = { false, args_next(call->args), -1 };

    if (call->session->is_replica)
        return VERDICT_DONE;
    if (!args_next_integer(call->args, &wish.offset)) {
        char name[REPLICA_NAME];

        replica_print_name(replica_of(call->session), name);
        log_line(call->broker->log, LOG_WARNING,
                 "Replica %s asks for synchronization but with a wrong offset", name);
        return call_refuse(call, REFUSAL_NOT_INTEGER);
    }
    if (args_take(call->args, SLICE("failover")) && !take_over(call, wish.id))
        return VERDICT_REFUSED;
    return accept_replica(call, &wish);
}

/* ---- REPLCONF ---- */

static bool take_capability(struct replica *replica, struct slice word)
{
    if (slice_equal_nocase(word, SLICE("eof")))
        replica->takes_eof = true;
    else if (slice_equal_nocase(word, SLICE("psync2")))
        replica->knows_psync2 = true;
    return true; /* others may mean something to other servers */
}

/* Which parts of the data are sent: the words name those that are. */
static enum refusal take_filter(struct replica *replica, struct slice words)
{
    bool functions = false;
    size_t at = 0;

    while (at < words.len) {
        size_t len = 0;
        struct slice word;

        while (at < words.len && words.at[at] == ' ')
            at++;
        while (at + len < words.len && words.at[at + len] != ' ')
            len++;
        word = slice_of(words.at + at, len);
        if (len > 0 && !slice_equal_nocase(word, SLICE("functions")))
            return REFUSAL_SYNTAX;
        functions = functions || len > 0;
        at += len;
    }
    replica->no_keys = true;
    replica->no_functions = !functions;
    return REFUSAL_NONE;
}

/* REPLCONF ack offset [fack offset]: never answered. */
static void take_ack(struct call *call)
{
    int64_t disk = -1;
    int64_t offset;

    if (!args_next_integer(call->args, &offset))
        return;
    if (args_take(call->args, SLICE("fack")) && !args_next_integer(call->args, &disk))
        return;
    primary_acknowledged(call->broker->primary, call->session, offset, disk);
    acks_wake(call->broker->primary, call->waiting, keyspaces_count(call->keyspaces), WAIT_KEY);
}

static enum verdict take_address(struct call *call, struct replica *replica)
{
    struct slice address = args_next(call->args);

    if (address.len >= REPLICA_ADDRESS)
        return call_refuse_with(call,
                                "ERR REPLCONF ip-address provided by replica instance is too "
                                "long: %zu bytes",
                                address.len);
    memcpy(replica->address, address.at, address.len);
    replica->address[address.len] = '\0';
    return VERDICT_DONE;
}

/* One name and its value. */
static enum verdict take_detail(struct call *call, struct replica *replica)
{
    struct args *args = call->args;
    int64_t number;

    if (args_take(args, SLICE("listening-port"))) {
        if (!args_next_integer(args, &number))
            return call_refuse(call, REFUSAL_NOT_INTEGER);
        replica->port = (uint16_t)number;
    } else if (args_take(args, SLICE("ip-address"))) {
        return take_address(call, replica);
    } else if (args_take(args, SLICE("capa"))) {
        (void)take_capability(replica, args_next(args));
    } else if (args_take(args, SLICE("rdb-only"))) {
        if (!args_next_integer(args, &number))
            return call_refuse(call, REFUSAL_NOT_INTEGER);
        if (number != 0 && number != 1)
            return call_refuse_with(call, "ERR value is out of range, value must between 0 and 1");
        replica->only_snapshot = number == 1;
    } else if (args_take(args, SLICE("rdb-filter-only"))) {
        struct slice words = args_next(args);

        if (take_filter(replica, words) != REFUSAL_NONE)
            return call_refuse_with(call, "ERR Unsupported rdb-filter-only option: %.*s",
                                    (int)(words.len < 128 ? words.len : 128), words.at);
    } else {
        struct slice word = args_next(args);

        return call_refuse_with(call, "ERR Unrecognized REPLCONF option: %.*s",
                                (int)(word.len < 128 ? word.len : 128), word.at);
    }
    return VERDICT_DONE;
}

/* REPLCONF [name value ...]: what a replica tells of itself. */
enum verdict do_replconf(struct call *call)
{
    struct args *args = call->args;

    if (args->count % 2 == 0)
        return call_refuse(call, REFUSAL_SYNTAX);
    while (args_more(args)) {
        if (args_take(args, SLICE("ack"))) {
            take_ack(call);
            return VERDICT_DONE;
        }
        if (args_take(args, SLICE("getack")))
            return VERDICT_DONE; /* only the session of a primary asks, and that is not one of ours */
        if (take_detail(call, replica_of(call->session)) != VERDICT_DONE)
            return VERDICT_REFUSED;
    }
    reply_ok(call->reply);
    return VERDICT_DONE;
}

/* ---- Asking about replicas ---- */

/* ROLE: what it is, how far, and whom it follows or who follows it. */
enum verdict do_role(struct call *call)
{
    if (call->broker->role->is_replica)
        follower_reply_role(call->broker->follower, call->reply);
    else
        primary_reply_role(call->broker->primary, call->reply);
    return VERDICT_DONE;
}

/* WAIT numreplicas timeout: how many have what this session wrote. */
enum verdict do_wait(struct call *call)
{
    struct primary *primary = call->broker->primary;
    const struct slice key = WAIT_KEY;
    int64_t wanted, timeout;
    int64_t have;

    if (call->broker->role->is_replica)
        return call_refuse(call, REFUSAL_WAIT_REPLICA);
    if (!args_next_integer(call->args, &wanted))
        return call_refuse(call, REFUSAL_NOT_INTEGER);
    if (!args_next_integer(call->args, &timeout))
        return call_refuse(call, REFUSAL_TIMEOUT_INTEGER);
    if (timeout < 0)
        return call_refuse(call, REFUSAL_TIMEOUT_NEGATIVE);
    if (timeout > INT64_MAX - call->now)
        return call_refuse(call, REFUSAL_TIMEOUT_RANGE);
    if (!call->again)
        call->session->waits_offset = primary_offset_of(primary, call->session);
    have = (int64_t)acks_count(primary, call->session->waits_offset);
    if (have >= wanted || call->over || !call->may_wait) {
        reply_integer(call->reply, have);
        return VERDICT_DONE;
    }
    if (!call->again)
        primary_ask_acks(primary);
    return call_wait(call, &(struct wait){ .keys = &key, .count = 1, .kind = VALUE_STRING,
                                           .lane = SLICE("wait"), .shared = true,
                                           .on_gone = true, .timeout = timeout });
}
