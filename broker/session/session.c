/* One session: its texts, its mode, its line in CLIENT LIST. */
#include "broker/session/session.h"

#include <inttypes.h>

#include "broker/net/connection.h"
#include "broker/session/overflow.h"
#include "broker/session/subscription.h"
#include "storage/base/buffer.h"
#include "storage/base/memory.h"

enum { NAME_BYTES = 160, LONG_WORD = 32 * 1024 };

bool session_only_hears(const struct session *session)
{
    return !session->reply.resp3 && session->channels + session->patterns + session->shards > 0;
}

struct slice session_name(const struct session *session)
{
    return session->name != NULL ? bytes_slice(session->name) : SLICE("");
}

void session_wants_send(struct session *session)
{
    if (session->connection != NULL)
        connection_wants_send(session->connection);
}

void session_set_text(struct bytes **text, struct slice to)
{
    bytes_drop(*text);
    *text = to.len > 0 ? bytes_copy(to) : NULL;
}

static void describe_flags(const struct session *session, struct buffer *to)
{
    size_t before = to->len;

    if (session->is_replica)
        buffer_add_byte(to, 'S');
    if (session->is_primary)
        buffer_add_byte(to, 'M');
    if (session->is_monitor)
        buffer_add_byte(to, 'O');
    if (session->channels + session->patterns + session->shards > 0)
        buffer_add_byte(to, 'P');
    if (session->queued >= 0)
        buffer_add_byte(to, 'x');
    if (session->paused)
        buffer_add_byte(to, 'b');
    if (session->tracker != NULL)
        buffer_add_byte(to, 't');
    if (session->tracks_broken)
        buffer_add_byte(to, 'R');
    if (session->tracks_prefixes)
        buffer_add_byte(to, 'B');
    if (session->watch_failed)
        buffer_add_byte(to, 'd');
    if (session->connection != NULL && connection_closing(session->connection))
        buffer_add_byte(to, 'c');
    if (session->connection != NULL && connection_is_unix(session->connection))
        buffer_add_byte(to, 'U');
    if (session->no_evict)
        buffer_add_byte(to, 'e');
    if (session->no_touch)
        buffer_add_byte(to, 'T');
    if (to->len == before)
        buffer_add_byte(to, 'N');
}

static void describe_text(const struct bytes *text, struct buffer *to)
{
    if (text != NULL)
        buffer_add(to, bytes_slice(text));
}

static size_t text_memory(const struct bytes *text)
{
    return text != NULL ? sizeof(*text) + bytes_len(text) : 0;
}

/* A request that is half read. */
static size_t request_memory(const struct request *half)
{
    return half != NULL
               ? memory_good_size(sizeof(*half)) + half->capacity * sizeof(struct slice)
               : 0;
}

/* All but what is in the outbox. */
static size_t memory_beside_outbox(const struct session *session)
{
    size_t total = memory_good_size(sizeof(*session)) + session->queued_bytes +
                   session->watched_bytes + session->tracked_bytes + session->behind.capacity +
                   request_memory(session->request);

    total += text_memory(session->name) + text_memory(session->library) +
             text_memory(session->library_version);
    if (session->subscriber != NULL)
        total += subscription_memory(session);
    if (session->connection != NULL)
        total += connection_memory(session->connection);
    return total;
}

size_t session_memory(const struct session *session)
{
    return memory_beside_outbox(session) + outbox_memory(session->reply.out) +
           overflow_memory(session);
}

size_t session_memory_own(const struct session *session)
{
    return memory_beside_outbox(session) + outbox_memory_own(session->reply.out) +
           overflow_memory_own(session);
}

/* The sizes of what waits on either side. */
static void describe_buffers(const struct session *session, struct buffer *to)
{
    const struct outbox *out = session->reply.out;
    size_t kept = session->connection != NULL ? connection_unread(session->connection) : 0;
    size_t room = session->connection != NULL ? connection_unread_room(session->connection) : 0;
    size_t unread = session->reading > kept ? session->reading : kept;
    const struct request *half = session->request;
    size_t words = half != NULL ? half->capacity * sizeof(struct slice) : 0;

    /* Of a long word under way Redis keeps the bytes alone, without what announced it. */
    if (half != NULL && half->bulk_left >= LONG_WORD && unread > half->at)
        unread -= half->at;

    buffer_print(to, " qbuf=%zu qbuf-free=%zu argv-mem=%zu multi-mem=%zu rbs=0 rbp=0", unread,
                 room - kept, words, session->queued_bytes);
    buffer_print(to, " obl=%zu oll=0 omem=%zu tot-mem=%zu events=%s", outbox_pending(out),
                 outbox_memory(out), session_memory(session), outbox_pending(out) > 0 ? "rw" : "r");
}

void session_describe(const struct session *session, millis now, struct buffer *to)
{
    char peer[NAME_BYTES] = "";
    char own[NAME_BYTES] = "";
    const struct connection *link =
        session->connection != NULL ? session->connection : session->peer;
    int fd = -1;

    if (link != NULL) {
        connection_peer_name(link, peer, sizeof(peer));
        connection_own_name(link, own, sizeof(own));
        fd = connection_descriptor(link);
    }
    buffer_print(to, "id=%" PRIu64 " addr=%s laddr=%s fd=%d name=", session->id, peer, own, fd);
    describe_text(session->name, to);
    buffer_print(to, " age=%" PRId64 " idle=%" PRId64 " flags=", (now - session->since) / 1000,
                 (now - session->active) / 1000);
    describe_flags(session, to);
    buffer_print(to, " db=%u sub=%u psub=%u ssub=%u multi=%d", session->db, session->channels,
                 session->patterns, session->shards, session->queued);
    describe_buffers(session, to);
    buffer_print(to, " cmd=%s user=", session->last_command);
    buffer_add(to, session->user_name);
    buffer_print(to, " redir=%" PRId64 " resp=%d lib-name=", session->redirect,
                 session->reply.resp3 ? 3 : 2);
    describe_text(session->library, to);
    buffer_print(to, " lib-ver=");
    describe_text(session->library_version, to);
    buffer_print(to, " watch=%zu", session->watched_keys);
    /* Told only of who asked for it, so that lines are as tools know them otherwise. */
    if (session->overflow != NULL)
        buffer_print(to, " overflow=%s dropped=%" PRIu64,
                     overflow_mode_name(overflow_mode_of(session)), overflow_dropped(session));
}
