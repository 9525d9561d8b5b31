/* Lines are made once and copied to each session that looks on. */
#include "broker/observe/monitor.h"

#include <inttypes.h>

#include "broker/dispatch/call.h"
#include "broker/dispatch/caller.h"
#include "broker/metrics/metrics.h"
#include "broker/net/connection.h"
#include "broker/observe/redact.h"
#include "storage/base/memory.h"
#include "storage/index/ring.h"

enum { PEER_BYTES = 160 };

/* Somebody who looks on. */
struct onlooker {
    struct session *session;
    uint64_t        dropped; /* lines since it was last shown one */
};

struct monitor {
    const struct metrics *metrics;
    struct ring           onlookers;
    struct buffer         line;
};

struct monitor *monitor_new(const struct metrics *metrics)
{
    struct monitor *monitor = memory_new_zeroed(1, sizeof(*monitor));

    monitor->metrics = metrics;
    return monitor;
}

void monitor_free(struct monitor *monitor)
{
    if (monitor == NULL)
        return;
    must(ring_count(&monitor->onlookers) == 0);
    ring_clear(&monitor->onlookers);
    buffer_clear(&monitor->line);
    memory_free(monitor);
}

micros monitor_wants(const void *who)
{
    const struct monitor *monitor = who;

    return ring_count(&monitor->onlookers) > 0 ? INT64_MIN : WITNESS_ASLEEP;
}

/* A word between quotes, as it can be typed again. */
static void add_quoted(struct buffer *to, struct slice word)
{
    static const char plain[] = "\n\r\t\a\b";
    static const char letters[] = "nrtab";

    buffer_add_byte(to, '"');
    for (size_t i = 0; i < word.len; i++) {
        unsigned char byte = (unsigned char)word.at[i];
        const char *special = byte == '\0' ? NULL : strchr(plain, byte);

        if (byte == '"' || byte == '\\') {
            buffer_add_byte(to, '\\');
            buffer_add_byte(to, (char)byte);
        } else if (special != NULL) {
            buffer_add_byte(to, '\\');
            buffer_add_byte(to, letters[special - plain]);
        } else if (byte < ' ' || byte > '~') {
            buffer_print(to, "\\x%02x", byte);
        } else {
            buffer_add_byte(to, (char)byte);
        }
    }
    buffer_add_byte(to, '"');
}

static void make_line(struct monitor *monitor, const struct call *call)
{
    struct redacted redacted = redact(call);
    micros when = caller_wall(call->caller, call->began);
    char peer[PEER_BYTES] = "lua";
    const char *kind = "";

    if (call->session->connection != NULL && !call->scripted) {
        connection_peer_name(call->session->connection, peer, sizeof(peer));
        if (connection_is_unix(call->session->connection)) {
            kind = "unix:";
            peer[strlen(peer) - 2] = '\0'; /* ":0" is not a part of the path */
        }
    }
    buffer_rewind(&monitor->line);
    buffer_print(&monitor->line, "+%" PRId64 ".%06" PRId64 " [%u %s%s]", when / 1000000,
                 when % 1000000, call->session->db, kind, peer);
    for (size_t i = 0; i < call->args->count; i++) {
        buffer_add_byte(&monitor->line, ' ');
        add_quoted(&monitor->line, redacted_word(&redacted, i));
    }
    buffer_add(&monitor->line, SLICE("\r\n"));
}

static void send_line(struct session *session, struct slice line)
{
    /* What a session said itself is shown behind the reply. */
    if (session->in_call) {
        buffer_add(&session->behind, line);
        return;
    }
    outbox_put(session->reply.out, line);
    connection_wants_send(session->connection);
}

/* Tells how many lines an onlooker missed, in the form of a line. */
static void tell_dropped(struct onlooker *onlooker)
{
    struct buffer line = { 0 };

    buffer_print(&line, "+0.000000 [0 monitor] \"dropped\" \"%" PRIu64 "\"\r\n",
                 onlooker->dropped);
    send_line(onlooker->session, buffer_slice(&line));
    buffer_clear(&line);
    onlooker->dropped = 0;
}

void monitor_show(struct monitor *monitor, const struct call *call)
{
    size_t count = ring_count(&monitor->onlookers);

    if (count == 0 || monitor->metrics->loading != 0)
        return;
    make_line(monitor, call);
    for (size_t i = 0; i < count; i++) {
        struct onlooker *onlooker = ring_at(&monitor->onlookers, i);
        size_t waiting = outbox_pending(onlooker->session->reply.out);

        if (connection_closing(onlooker->session->connection))
            continue;
        /* Once lines are dropped it must catch up first, or every other line would be. */
        if (waiting > (onlooker->dropped > 0 ? MONITOR_BACKLOG / 2 : MONITOR_BACKLOG)) {
            onlooker->dropped++;
            continue;
        }
        if (onlooker->dropped > 0)
            tell_dropped(onlooker);
        send_line(onlooker->session, buffer_slice(&monitor->line));
    }
}

void monitor_witness(void *who, const struct call *call, enum verdict verdict, micros took)
{
    (void)verdict;
    (void)took;
    if (call->again || (call->command->flags & (COMMAND_SKIP_MONITOR | COMMAND_ADMIN)) != 0)
        return;
    monitor_show(who, call);
}

static size_t place_of(const struct monitor *monitor, const struct session *session)
{
    size_t at = 0;

    while (at < ring_count(&monitor->onlookers)) {
        const struct onlooker *onlooker = ring_at(&monitor->onlookers, at);

        if (onlooker->session == session)
            break;
        at++;
    }
    return at;
}

bool monitor_join(struct monitor *monitor, struct session *session)
{
    struct onlooker *onlooker;

    if (session->is_monitor)
        return false;
    onlooker = memory_new_zeroed(1, sizeof(*onlooker));
    onlooker->session = session;
    ring_push_last(&monitor->onlookers, onlooker);
    session->is_monitor = true;
    return true;
}

bool monitor_leave(struct monitor *monitor, struct session *session)
{
    if (!session->is_monitor)
        return false;
    memory_free(ring_remove(&monitor->onlookers, place_of(monitor, session)));
    session->is_monitor = false;
    return true;
}
