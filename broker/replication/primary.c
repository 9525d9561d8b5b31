/*
 * What always holds:
 *   (1) The backlog's next byte is the role's offset plus 1.
 *   (2) A replica in the chain is a session with is_replica.
 *   (3) An outbox of a replica that is fed ends with the backlog's last byte.
 *   (4) While there is a backlog, the ledger says statements.
 */
#include "broker/replication/primary_private.h"

#include <inttypes.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <sys/socket.h>

#include "broker/config/options.h"
#include "broker/dispatch/transaction.h"
#include "broker/metrics/metrics.h"
#include "broker/net/connection.h"
#include "broker/session/limits.h"
#include "broker/session/sessions.h"
#include "storage/base/log.h"
#include "storage/base/memory.h"
#include "storage/persist/snapshot.h"

enum { SECOND = 1000, BACKLOG_LEAST = 16 * 1024 };

#define REPLICA_AT(chain_link) CHAIN_OWNER((chain_link), struct replica, link)

static bool look(void *who, struct rdb_replication *facts)
{
    const struct primary *primary = who;
    const struct role *role = primary->setup.role;

    if (primary->backlog == NULL)
        return false;
    facts->db = role->is_replica ? (uint32_t)role->stream_db : ledger_feed_db(primary->setup.ledger);
    memcpy(facts->id, role->id, sizeof(facts->id));
    facts->offset = role->offset;
    return true;
}

static void save_ended(void *who, bool streamed, bool fine)
{
    struct primary *primary = who;

    full_sync_ended(primary->full_sync, streamed, fine);
}

struct primary *primary_new(const struct primary_setup *setup)
{
    struct primary *primary = memory_new_zeroed(1, sizeof(*primary));

    primary->setup = *setup;
    chain_init(&primary->replicas);
    primary->full_sync = full_sync_new(primary);
    snapshot_set_replication(setup->snapshot,
                             &(struct snapshot_replication){ look, save_ended, primary });
    return primary;
}

void primary_bind(struct primary *primary, struct sessions *sessions, struct caller *caller)
{
    primary->setup.sessions = sessions;
    primary->setup.caller = caller;
}

void primary_free(struct primary *primary)
{
    if (primary == NULL)
        return;
    snapshot_set_replication(primary->setup.snapshot,
                             &(struct snapshot_replication){ NULL, NULL, NULL });
    full_sync_free(primary->full_sync);
    backlog_free(primary->backlog);
    memory_free(primary);
}

/* ---- The stream ---- */

size_t primary_backlog_size(const struct primary *primary)
{
    int64_t size = primary->setup.options->repl_backlog_size;

    return size > BACKLOG_LEAST ? (size_t)size : BACKLOG_LEAST;
}

void primary_follow_options(struct primary *primary)
{
    if (primary->backlog != NULL)
        backlog_resize(primary->backlog, primary_backlog_size(primary));
}

/* Closes a replica with a line in the log that names it. */
static void close_replica(struct primary *primary, struct replica *replica, const char *why)
{
    struct buffer line = { 0 };

    session_describe(replica->session, caller_now(primary->setup.caller), &line);
    log_line(primary->setup.log, LOG_WARNING, "Client %.*s %s",
             (int)(line.len < 512 ? line.len : 512), line.at, why);
    buffer_clear(&line);
    sessions_close(primary->setup.sessions, replica->session, false);
}

/* Bytes of the stream that a replica has not been handed, while it waits for its snapshot. */
static void look_at_limit(struct primary *primary, struct replica *replica)
{
    size_t most = limits_hard(replica->session, primary->setup.options);

    if (replica->held != NULL && most > 0 &&
        (uint64_t)(backlog_next(primary->backlog) - replica->from) > most &&
        !connection_closing(replica->session->connection)) {
        primary->setup.metrics->output_buffer_disconnections++;
        close_replica(primary, replica,
                      "scheduled to be closed ASAP for overcoming of output buffer limits.");
    }
}

/* Bytes that count: kept, and shared by who is ready for them. */
static void say(struct primary *primary, struct slice bytes)
{
    int64_t from = primary->setup.role->offset + 1;

    primary->setup.role->offset += (int64_t)bytes.len;
    backlog_append(primary->backlog, bytes);
    for (struct chain *link = primary->replicas.next; link != &primary->replicas;
         link = link->next) {
        struct replica *replica = REPLICA_AT(link);

        if (LIKELY(replica_is_fed(replica))) {
            backlog_share(primary->backlog, from, replica->session->reply.out);
            connection_wants_send(replica->session->connection);
            primary->setup.metrics->repl_output_bytes += bytes.len;
        } else {
            look_at_limit(primary, replica);
        }
    }
    backlog_trim(primary->backlog);
}

void primary_feed(void *who, struct slice feed)
{
    struct primary *primary = who;

    if (LIKELY(primary->backlog == NULL) || primary->setup.role->is_replica)
        return;
    say(primary, feed);
}

void primary_relay(struct primary *primary, struct slice bytes)
{
    if (primary->backlog != NULL)
        say(primary, bytes);
    else
        primary->setup.role->offset += (int64_t)bytes.len;
}

bool primary_hears(const void *who)
{
    const struct primary *primary = who;

    return primary->backlog != NULL && !primary->setup.role->is_replica;
}

void primary_keep_backlog(struct primary *primary)
{
    if (primary->backlog != NULL)
        return;
    primary->backlog = backlog_new(primary->setup.role->offset + 1, primary_backlog_size(primary));
    primary->alone_since = primary->pinged_at = caller_now(primary->setup.caller);
    if (!primary->setup.role->is_replica)
        ledger_listen(primary->setup.ledger, LISTENER_FEED | LISTENER_REPLICAS, true);
}

void primary_restart_backlog(struct primary *primary)
{
    if (primary->backlog == NULL)
        return;
    backlog_free(primary->backlog);
    primary->backlog = NULL;
    primary_keep_backlog(primary);
}

void primary_drop_replicas(struct primary *primary)
{
    for (struct chain *link = primary->replicas.next; link != &primary->replicas;
         link = link->next)
        sessions_close(primary->setup.sessions, REPLICA_AT(link)->session, false);
}

int64_t primary_offset(const struct primary *primary)
{
    int64_t offset = primary->setup.role->offset;

    return primary_hears(primary) ? offset + (int64_t)ledger_told(primary->setup.ledger)
                                  : offset;
}

/* What nobody kept, for want of replicas, did not move the stream: they get it with all data. */
int64_t primary_offset_of(const struct primary *primary, const struct session *session)
{
    int64_t offset = primary_offset(primary);

    return session->told < offset ? session->told : offset;
}

/* ---- Going on from where one was ---- */

void primary_begin_stream(struct primary *primary, struct replica *replica)
{
    struct outbox *out = replica->session->reply.out;

    replica->begins_on_ack = false;
    replica->session->reply.pushed = true; /* this is no answer */
    outbox_limit(out, limits_hard(replica->session, primary->setup.options));
    backlog_share(primary->backlog, replica->from, out);
    replica_let_go(replica);
    backlog_trim(primary->backlog);
    connection_wants_send(replica->session->connection);
}

void primary_put_online(struct primary *primary, struct replica *replica)
{
    char name[REPLICA_NAME];

    replica->state = REPLICA_ONLINE;
    replica->acked_at = caller_now(primary->setup.caller);
    replica_print_name(replica, name);
    log_line(primary->setup.log, LOG_NOTICE, "Synchronization with replica %s succeeded", name);
}

/* Why a replica cannot go on, for the log. */
static void log_refusal(const struct primary *primary, const struct replica *replica,
                        const struct primary_wish *wish)
{
    const struct role *role = primary->setup.role;
    struct log *log = primary->setup.log;
    int len = (int)(wish->id.len < 64 ? wish->id.len : 64);
    char name[REPLICA_NAME];

    replica_print_name(replica, name);
    if (slice_equal(wish->id, SLICE("?"))) {
        log_line(log, LOG_NOTICE, "Full resync requested by replica %s", name);
    } else if (!role_knows(role, wish->id, wish->offset)) {
        if (slice_equal_nocase(wish->id, slice_of(role->second_id, ROLE_ID)))
            log_line(log, LOG_NOTICE,
                     "Partial resynchronization not accepted: Requested offset for second ID was "
                     "%" PRId64 ", but I can reply up to %" PRId64,
                     wish->offset, role->second_offset);
        else
            log_line(log, LOG_NOTICE,
                     "Partial resynchronization not accepted: Replication ID mismatch (Replica "
                     "asked for '%.*s', my replication IDs are '%s' and '%s')",
                     len, wish->id.at, role->id, role->second_id);
    } else {
        log_line(log, LOG_NOTICE,
                 "Unable to partial resync with replica %s for lack of backlog (Replica request "
                 "was: %" PRId64 ").",
                 name, wish->offset);
        if (wish->offset > role->offset + 1)
            log_line(log, LOG_WARNING,
                     "Warning: replica %s tried to PSYNC with an offset that is greater than the "
                     "master replication offset.",
                     name);
    }
}

/* False if it needs everything. */
static bool go_on(struct primary *primary, struct replica *replica,
                  const struct primary_wish *wish)
{
    const struct role *role = primary->setup.role;
    struct reply *reply = &replica->session->reply;
    char line[16 + ROLE_ID + 1] = "CONTINUE ";
    char name[REPLICA_NAME];

    if (wish->is_old || primary->backlog == NULL || !role_knows(role, wish->id, wish->offset) ||
        !backlog_has(primary->backlog, wish->offset))
        return false;
    if (replica->knows_psync2) {
        memcpy(line + 9, role->id, ROLE_ID);
        reply_simple(reply, slice_of(line, 9 + ROLE_ID));
    } else {
        reply_simple(reply, SLICE("CONTINUE"));
    }
    replica->state = REPLICA_ONLINE;
    replica->acked_at = caller_now(primary->setup.caller);
    replica->from = wish->offset;
    replica_print_name(replica, name);
    log_line(primary->setup.log, LOG_NOTICE,
             "Partial resynchronization request from %s accepted. Sending %" PRId64
             " bytes of backlog starting from offset %" PRId64 ".",
             name, backlog_next(primary->backlog) - wish->offset, wish->offset);
    primary_begin_stream(primary, replica);
    return true;
}

/* ---- Replicas ---- */

static void join(struct primary *primary, struct replica *replica)
{
    struct session *session = replica->session;
    int off = 0;

    session->is_replica = true;
    /* What it is sent is the stream; an answer among it would be taken for a part. */
    session->replies = SESSION_REPLIES_OFF;
    replica->asked_at = caller_now(primary->setup.caller);
    chain_put_last(&primary->replicas, &replica->link);
    primary->count++;
    if (primary->setup.options->repl_disable_tcp_nodelay)
        (void)setsockopt(connection_descriptor(session->connection), IPPROTO_TCP, TCP_NODELAY,
                         &off, sizeof(off));
}

/* The first who asks for everything begins the history: nobody kept what was before. */
static void begin_backlog(struct primary *primary)
{
    struct role *role = primary->setup.role;

    if (primary->backlog != NULL)
        return;
    if (!role->is_replica)
        role_begin_history(role);
    primary_keep_backlog(primary);
    log_line(primary->setup.log, LOG_NOTICE,
             "Replication backlog created, my new replication IDs are '%s' and '%s'", role->id,
             role->second_id);
}

void primary_accept(struct primary *primary, struct session *session,
                    const struct primary_wish *wish)
{
    struct replica *replica = replica_of(session);
    struct metrics *metrics = primary->setup.metrics;
    char name[REPLICA_NAME];

    replica_print_name(replica, name);
    log_line(primary->setup.log, LOG_NOTICE, "Replica %s asks for synchronization", name);
    replica->is_old = wish->is_old;
    join(primary, replica);
    if (go_on(primary, replica, wish)) {
        metrics->sync_partial_ok++;
        return;
    }
    if (!wish->is_old) {
        log_refusal(primary, replica, wish);
        if (!slice_equal(wish->id, SLICE("?")))
            metrics->sync_partial_err++;
    }
    metrics->sync_full++;
    begin_backlog(primary);
    replica->state = REPLICA_WAITS;
    full_sync_ask(primary->full_sync, replica);
}

void primary_acknowledged(struct primary *primary, struct session *session, int64_t offset,
                          int64_t disk)
{
    struct replica *replica = session->replica;

    if (replica == NULL || !session->is_replica)
        return;
    if (offset > replica->acked)
        replica->acked = offset;
    if (disk > replica->acked_disk)
        replica->acked_disk = disk;
    replica->acked_at = caller_now(primary->setup.caller);
    if (replica->state == REPLICA_ONLINE && replica->begins_on_ack)
        primary_begin_stream(primary, replica);
}

size_t primary_count(const struct primary *primary)
{
    return primary->count;
}

const struct chain *primary_chain(const struct primary *primary)
{
    return &primary->replicas;
}

size_t primary_count_good(const struct primary *primary)
{
    millis now = caller_now(primary->setup.caller);
    millis most = primary->setup.options->min_replicas_max_lag * SECOND;
    size_t count = 0;

    for (const struct chain *link = primary->replicas.next; link != &primary->replicas;
         link = link->next) {
        const struct replica *replica = REPLICA_AT(link);

        count += replica->state == REPLICA_ONLINE &&
                 now / SECOND - replica->acked_at / SECOND <= most / SECOND;
    }
    return count;
}

void primary_ask_acks(struct primary *primary)
{
    primary->wants_acks = primary->count > 0;
}

void primary_keep_quiet(struct primary *primary, bool quiet)
{
    primary->quiet = quiet;
}

void primary_forget(void *who, struct session *session)
{
    struct primary *primary = who;
    struct replica *replica = session->replica;
    char name[REPLICA_NAME];

    if (LIKELY(replica == NULL))
        return;
    session->replica = NULL;
    if (chain_linked(&replica->link)) {
        replica_print_name(replica, name);
        log_line(primary->setup.log, LOG_WARNING, "Connection with replica %s lost.", name);
        chain_leave(&replica->link);
        primary->count--;
        primary->alone_since = caller_now(primary->setup.caller);
        replica_let_go(replica);
        outbox_clear(session->reply.out); /* its shares keep the backlog */
        full_sync_left(primary->full_sync, replica);
        /* What it has not taken must not keep the backlog longer than it is to be. */
        outbox_clear(session->reply.out);
        if (primary->backlog != NULL)
            backlog_trim(primary->backlog);
    }
    replica_free(replica);
}

/* ---- Guard, steps, tick ---- */

/* Whether a call is going to write: an EXEC if what it runs does, a function if it says so. */
static bool may_write(const struct call *call, bool is_exec)
{
    if (is_exec)
        return transaction_has(call->session, COMMAND_WRITE);
    if ((call->command->flags & COMMAND_WRITE) != 0)
        return true;
    return slice_equal(command_full_name(call->command), SLICE("fcall")) &&
           (caller_flags(call->caller, call) & COMMAND_MAY_REPLICATE) != 0;
}

enum pass primary_guard(void *who, struct call *call)
{
    struct primary *primary = who;
    const struct options *options = primary->setup.options;
    static const struct slice exec = { "exec", 4 };
    bool is_exec;

    if (LIKELY(options->min_replicas_to_write == 0) || options->min_replicas_max_lag == 0 ||
        primary->setup.role->is_replica || call->session->connection == NULL)
        return PASS_ON;
    is_exec = slice_equal(command_full_name(call->command), exec);
    if (!may_write(call, is_exec))
        return PASS_ON;
    if (primary_count_good(primary) >= (uint64_t)options->min_replicas_to_write)
        return PASS_ON;
    if (!is_exec) {
        (void)call_refuse(call, REFUSAL_NO_REPLICAS);
        return PASS_REFUSED;
    }
    transaction_end(call->session);
    (void)call_refuse_with(call, "EXECABORT Transaction discarded because of: NOREPLICAS Not "
                                 "enough good replicas to write.");
    return PASS_REFUSED;
}

bool primary_step(void *who)
{
    static const char ask[] = "*3\r\n$8\r\nREPLCONF\r\n$6\r\nGETACK\r\n$1\r\n*\r\n";
    struct primary *primary = who;

    if (LIKELY(primary->count == 0))
        return false;
    if (UNLIKELY(primary->wants_acks)) {
        primary->wants_acks = false;
        if (!primary->setup.role->is_replica && !primary->quiet)
            say(primary, slice_of(ask, sizeof(ask) - 1));
    }
    full_sync_step(primary->full_sync);
    return false;
}

bool primary_transfer(void *who)
{
    struct primary *primary = who;

    return UNLIKELY(primary->count > 0) && full_sync_transfer(primary->full_sync);
}

/* Who does not acknowledge is not there any more, whatever its socket says. */
static void close_silent(struct primary *primary, millis now)
{
    millis most = primary->setup.options->repl_timeout * SECOND;

    for (struct chain *link = primary->replicas.next; link != &primary->replicas;
         link = link->next) {
        struct replica *replica = REPLICA_AT(link);
        char name[REPLICA_NAME];

        if (replica->state != REPLICA_ONLINE || replica->is_old || now - replica->acked_at <= most)
            continue;
        replica_print_name(replica, name);
        log_line(primary->setup.log, LOG_WARNING,
                 "Disconnecting timedout replica (streaming sync): %s", name);
        sessions_close(primary->setup.sessions, replica->session, false);
    }
}

/* A history that nobody has followed for long is not told any further. */
static void end_backlog(struct primary *primary, millis now)
{
    int64_t ttl = primary->setup.options->repl_backlog_ttl;

    if (primary->count > 0 || primary->backlog == NULL || ttl == 0 ||
        primary->setup.role->is_replica || now - primary->alone_since < ttl * SECOND)
        return;
    /* What changes from now on is in no stream: nobody can go on from here. */
    role_begin_history(primary->setup.role);
    backlog_free(primary->backlog);
    primary->backlog = NULL;
    log_line(primary->setup.log, LOG_NOTICE,
             "Replication backlog freed after %" PRId64 " seconds without connected replicas.",
             ttl);
}

void primary_tick(void *who)
{
    static const char ping[] = "*1\r\n$4\r\nPING\r\n";
    struct primary *primary = who;
    const struct options *options = primary->setup.options;
    millis now = caller_now(primary->setup.caller);

    if (primary->backlog == NULL || now - primary->ticked_at < SECOND)
        return;
    primary->ticked_at = now;
    backlog_trim(primary->backlog);
    if (primary->count > 0) {
        close_silent(primary, now);
        full_sync_tick(primary->full_sync, now);
        if (!primary->setup.role->is_replica && !primary->quiet &&
            ledger_feed(primary->setup.ledger)->len == 0 &&
            now - primary->pinged_at >= options->repl_ping_replica_period * SECOND) {
            primary->pinged_at = now;
            say(primary, slice_of(ping, sizeof(ping) - 1));
        }
    }
    end_backlog(primary, now);
}
