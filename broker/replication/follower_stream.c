/*
 * The stream: statements of the primary, done as calls on a session that has no
 * connection and may do all.
 *
 * What is past its time stays visible to these statements, as it was to the
 * primary when it said them: what is to go is a DEL of its own.
 */
#include <inttypes.h>

#include "broker/config/options.h"
#include "broker/dispatch/ledger.h"
#include "broker/dispatch/pausing.h"
#include "broker/metrics/metrics.h"
#include "broker/replication/follower_private.h"
#include "broker/session/sessions.h"
#include "storage/base/log.h"
#include "storage/base/memory.h"
#include "storage/base/number.h"
#include "storage/base/panic.h"
#include "storage/format/rdb_format.h"
#include "storage/format/statement.h"
#include "storage/persist/aof.h"

enum { SHOWN_MOST = 256, UNIT_KEPT = 64 * 1024, UNIT_MOST = 1024 * 1024 * 1024 };

void follower_begin_stream(struct follower *follower)
{
    struct session *session =
        sessions_stand_in(follower->setup.sessions, caller_now(follower->setup.caller));

    if (follower->setup.role->stream_db < keyspaces_count(follower->setup.keyspaces))
        session->db = (uint32_t)follower->setup.role->stream_db;
    session->is_primary = true;
    session->peer = follower->peer->connection;
    follower->session = session;
    follower->state = FOLLOWER_FOLLOWING;
    follower->can_resume = true;
    follower->on_disk = -1;
    follower->next_said = 0;
    follower->owed = -1;
    follower->stalled = false;
    follower->left = 0;
    request_reset(&follower->request);
    buffer_clear(&follower->unit);
    follower->setup.downstream.keep(follower->setup.downstream.who);
    follower_acknowledge(follower);
}

void follower_end_stream(struct follower *follower)
{
    if (follower->session == NULL)
        return;
    sessions_end(follower->setup.sessions, follower->session);
    follower->session = NULL;
    follower->left = 0;
    /* A transaction without its end was not done: it is to come again, whole. */
    buffer_clear(&follower->unit);
    request_reset(&follower->request);
}

/*
 * The log counts bytes of its own, so a point of the stream is noted beside where the log
 * is then; when the disk has come so far, the next point is noted.
 */
bool follower_look_at_disk(struct follower *follower)
{
    const struct aof *aof = follower->setup.aof;
    int64_t before = follower->on_disk;
    uint64_t said = ledger_said(follower->setup.ledger);
    uint64_t durable;

    if (!aof_is_on(aof) || aof_is_starting(aof)) {
        follower->on_disk = -1;
        follower->next_said = 0;
        return false;
    }
    durable = aof_durable(aof);
    if (durable >= said) {
        follower->on_disk = follower->setup.role->offset;
        follower->next_said = 0;
        return follower->on_disk > before;
    }
    if (follower->next_said != 0 && durable >= follower->next_said) {
        follower->on_disk = follower->next_offset;
        follower->next_said = 0;
    }
    if (follower->next_said == 0) {
        follower->next_said = said;
        follower->next_offset = follower->setup.role->offset;
    }
    return follower->on_disk > before;
}

/* Whether what we acknowledge is to be on our disk: a log that is being begun loads nothing yet. */
static bool waits_for_disk(const struct follower *follower)
{
    const struct aof *aof = follower->setup.aof;

    return UNLIKELY(aof_waits_for_disk(aof)) && !aof_is_starting(aof);
}

/*
 * With `always` an answer leaves when the disk has what it acknowledges, and to the primary,
 * where somebody may wait for it, this is one.
 */
static int64_t acknowledged(const struct follower *follower)
{
    if (LIKELY(!waits_for_disk(follower)))
        return follower->setup.role->offset;
    return follower->on_disk < 0 ? 0 : follower->on_disk;
}

void follower_acknowledge(struct follower *follower)
{
    char digits[NUMBER_INTEGER_MAX], disk_digits[NUMBER_INTEGER_MAX];
    struct slice words[5] = { SLICE("REPLCONF"), SLICE("ACK"), { digits, 0 }, SLICE("FACK"),
                              { disk_digits, 0 } };
    struct buffer say = { 0 };

    (void)follower_look_at_disk(follower);
    words[2].len = number_put(digits, acknowledged(follower));
    if (follower->on_disk >= 0)
        words[4].len = number_put(disk_digits, follower->on_disk);
    statement_put(&say, words, follower->on_disk >= 0 ? 5 : 3);
    follower_say(follower, buffer_slice(&say));
    buffer_clear(&say);
}

/* The primary wants to know at once, which with `always` is when the disk has it. */
static void answer_primary(struct follower *follower)
{
    if (waits_for_disk(follower))
        follower->owed = follower->setup.role->offset;
    else
        follower_acknowledge(follower);
}

bool follower_step(void *who)
{
    struct follower *follower = who;

    if (LIKELY(follower->owed < 0))
        return false;
    if (follower->state == FOLLOWER_FOLLOWING) {
        (void)follower_look_at_disk(follower);
        if (acknowledged(follower) < follower->owed)
            return false;
        follower_acknowledge(follower);
    }
    follower->owed = -1;
    return false;
}

/*
 * The answer to a statement is an error: our data is not what the primary thinks. A replica
 * that others may write to differs in any case, and goes on.
 */
static void tell_error(struct follower *follower, const struct request *request)
{
    const struct options *options = follower->setup.options;
    struct buffer heard = { 0 };
    struct slice name = request->words[0];
    struct slice line;

    outbox_copy_to(follower->session->reply.out, &heard);
    line = buffer_slice(&heard);
    while (line.len > 0 && (line.at[line.len - 1] == '\n' || line.at[line.len - 1] == '\r'))
        line.len--;
    log_line(follower->setup.log, LOG_WARNING,
             "== CRITICAL == This replica is sending an error to its master: '%.*s' after "
             "processing the command '%.*s'",
             (int)(line.len < SHOWN_MOST ? line.len : SHOWN_MOST), line.len > 0 ? line.at : "",
             (int)(name.len < SHOWN_MOST ? name.len : SHOWN_MOST), name.at);
    follower->setup.metrics->unexpected_error_replies++;
    if (options->propagation_error_behavior != OPTION_PROPAGATION_IGNORE &&
        options->replica_read_only)
        panic("the statement '%.*s' of the primary ended in an error: '%.*s' "
              "(propagation-error-behavior)",
              (int)(name.len < SHOWN_MOST ? name.len : SHOWN_MOST), name.at,
              (int)(line.len < SHOWN_MOST ? line.len : SHOWN_MOST), line.len > 0 ? line.at : "");
    buffer_clear(&heard);
}

static void run(struct follower *follower, const struct request *request, struct slice raw)
{
    struct session *session = follower->session;
    struct args args = { .words = request->words, .count = request->count };
    uint64_t errors = session->reply.errors;
    struct outbox *out;

    if (!request->inlined)
        args.raw = raw;
    session->active = caller_now(follower->setup.caller);
    keyspaces_keep_expired(follower->setup.keyspaces, true);
    (void)caller_request(follower->setup.caller, session, &args);
    keyspaces_keep_expired(follower->setup.keyspaces, false);
    out = session->reply.out;
    if (UNLIKELY(session->reply.errors != errors))
        tell_error(follower, request);
    outbox_sent(out, outbox_pending(out));
}

/* REPLCONF GETACK: the primary wants to know at once. */
static bool is_for_us(const struct request *request)
{
    return request->count >= 1 && slice_equal_nocase(request->words[0], SLICE("replconf"));
}

/* Bytes of statements that were done go on, as they came. */
static void hand_on(struct follower *follower, struct slice raw)
{
    const struct downstream *downstream = &follower->setup.downstream;
    struct buffer *unit = &follower->unit;

    if (LIKELY(follower->session->transaction == NULL && unit->len == 0)) {
        follower->setup.role->stream_db = follower->session->db;
        downstream->relay(downstream->who, raw);
        return;
    }
    buffer_add(unit, raw);
    if (follower->session->transaction != NULL)
        return;
    follower->setup.role->stream_db = follower->session->db;
    downstream->relay(downstream->who, buffer_slice(unit));
    if (unit->capacity > UNIT_KEPT)
        buffer_clear(unit);
    else
        buffer_rewind(unit);
}

/* One statement, whole. */
static void take_statement(struct follower *follower, struct slice raw)
{
    const struct request *request = &follower->request;
    bool asks = false;

    if (request->count > 0 && is_for_us(request))
        asks = request->count >= 2 && slice_equal_nocase(request->words[1], SLICE("getack"));
    else if (request->count > 0)
        run(follower, request, raw);
    if (follower->session == NULL)
        return; /* it ended in the midst of it */
    hand_on(follower, raw);
    if (UNLIKELY(follower->unit.len > UNIT_MOST)) {
        log_line(follower->setup.log, LOG_WARNING,
                 "Master sends a transaction that does not end, giving up");
        follower_disconnect(follower);
        return;
    }
    if (asks)
        answer_primary(follower);
}

size_t follower_take_stream(struct follower *follower, struct slice bytes, size_t *wanted)
{
    struct request *request = &follower->request;
    const struct request_limits limits = { .words = INT32_MAX,
                                           .bulk_bytes = RDB_STRING_MAX,
                                           .signed_in = true };
    size_t at = 0;

    /* A script that takes long looks around: the primary has to wait for it, as it has to where
     * writing is paused. */
    if (UNLIKELY(caller_is_running(follower->setup.caller)) ||
        UNLIKELY(pausing_is_on(follower->setup.pausing))) {
        follower->stalled = true;
        follower->left = bytes.len;
        follower_pause_reading(follower, true);
        return 0;
    }
    (void)caller_begin(follower->setup.caller);
    while (at < bytes.len && follower->state == FOLLOWER_FOLLOWING) {
        struct slice rest = slice_after(bytes, at);
        enum request_state state = request_parse(request, rest, &limits);

        if (state == REQUEST_MORE) {
            *wanted = request_wanted(request);
            break;
        }
        if (state == REQUEST_BROKEN) {
            log_line(follower->setup.log, LOG_WARNING,
                     "Protocol error (Master using the inline protocol. Desync?) at offset "
                     "%" PRId64 ": %s",
                     follower->setup.role->offset, request->trouble);
            request_reset(request);
            follower_disconnect(follower);
            return bytes.len;
        }
        at += request->length;
        take_statement(follower, slice_of(rest.at, request->length));
        request_reset(request);
    }
    follower->left = bytes.len - at;
    return at;
}
