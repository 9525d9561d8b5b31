/*
 * MIGRATE: values are dumped here, restored there, and gone from here as soon
 * as the other server has said that it has them.
 *
 * Values are sent in one piece once the other server has let us in and has the
 * database, then all answers are read; meanwhile nobody else is served, so that
 * a key is never in none of both places.
 *
 * The connection may be one that an earlier MIGRATE left behind. If that turns out
 * to be dead when we say who we are, nothing was moved, and a fresh one is tried.
 */
#include "handlers.h"

#include <errno.h>
#include <fcntl.h>
#include <netdb.h>
#include <poll.h>
#include <stdio.h>
#include <sys/socket.h>
#include <unistd.h>

#include "broker/broker.h"
#include "broker/commands/migrate_links.h"
#include "storage/format/statement.h"
#include "storage/persist/dump.h"

enum { TIMEOUT_USUAL = 1000, PORT_ROOM = 16, HOST_MOST = 255, LINE_MOST = 4096 };

/* What was asked for. */
struct migration {
    struct slice host, port;
    int64_t      db;
    int64_t      timeout; /* milliseconds, of each step */
    bool         copy;
    bool         replace;
    struct slice user, password; /* without bytes if not told */
    bool         signs_in;
    size_t       first_key, keys; /* words */
};

/* The other server. */
struct peer {
    struct clock *clock;
    int           fd;
    millis        timeout;
    struct buffer heard;
    size_t        taken; /* bytes of it that were read */
};

/* ---- Words ---- */

static enum refusal read_keys(struct call *call, struct migration *wish, struct slice key)
{
    if (key.len != 0)
        return REFUSAL_MIGRATE_KEYS;
    wish->first_key = args_position(call->args);
    wish->keys = args_left(call->args);
    while (args_more(call->args))
        (void)args_next(call->args);
    return REFUSAL_NONE;
}

static enum refusal read_options(struct call *call, struct migration *wish, struct slice key)
{
    struct args *args = call->args;

    while (args_more(args)) {
        if (args_take(args, SLICE("copy"))) {
            wish->copy = true;
        } else if (args_take(args, SLICE("replace"))) {
            wish->replace = true;
        } else if (args_left(args) > 1 && args_take(args, SLICE("auth"))) {
            wish->password = args_next(args);
            wish->signs_in = true;
        } else if (args_left(args) > 2 && args_take(args, SLICE("auth2"))) {
            wish->user = args_next(args);
            wish->password = args_next(args);
            wish->signs_in = true;
        } else if (args_take(args, SLICE("keys"))) {
            return read_keys(call, wish, key);
        } else {
            return REFUSAL_SYNTAX;
        }
    }
    return REFUSAL_NONE;
}

static enum refusal read_wish(struct call *call, struct migration *wish)
{
    struct slice key, db, timeout;
    enum refusal refusal;

    *wish = (struct migration){ .keys = 1 };
    wish->host = args_next(call->args);
    wish->port = args_next(call->args);
    wish->first_key = args_position(call->args);
    key = args_next(call->args);
    db = args_next(call->args);
    timeout = args_next(call->args);
    refusal = read_options(call, wish, key);
    if (refusal != REFUSAL_NONE)
        return refusal;
    if (!number_read(timeout, &wish->timeout) || !number_read(db, &wish->db))
        return REFUSAL_NOT_INTEGER;
    if (wish->timeout <= 0)
        wish->timeout = TIMEOUT_USUAL;
    return REFUSAL_NONE;
}

/* ---- The other server ---- */

/* Waits until the socket is ready for an event; false when the time is over. */
static bool wait_for(const struct peer *peer, short event)
{
    millis until = clock_monotonic(peer->clock) / 1000 + peer->timeout;

    for (;;) {
        millis left = until - clock_monotonic(peer->clock) / 1000;
        struct pollfd watched = { .fd = peer->fd, .events = event, .revents = 0 };
        int ready = left <= 0 ? 0 : poll(&watched, 1, left > INT32_MAX ? INT32_MAX : (int)left);

        if (ready > 0)
            return true;
        if (ready == 0 || errno != EINTR)
            return false;
    }
}

static int try_address(struct peer *peer, const struct addrinfo *address)
{
    int fd = socket(address->ai_family, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);

    if (fd < 0)
        return -1;
    peer->fd = fd;
    if (connect(fd, address->ai_addr, address->ai_addrlen) == 0 || errno == EINPROGRESS)
        return fd;
    (void)close(fd);
    return -1;
}

/* Begins to connect. That nobody is there shows when something is written. */
static bool connect_to(struct peer *peer, struct slice host, struct slice port)
{
    struct addrinfo hints = { .ai_socktype = SOCK_STREAM, .ai_family = AF_UNSPEC };
    struct addrinfo *found = NULL;
    char host_text[HOST_MOST + 1];
    char port_text[PORT_ROOM];

    peer->fd = -1;
    if (host.len > HOST_MOST || port.len >= PORT_ROOM)
        return false;
    (void)snprintf(host_text, sizeof(host_text), "%.*s", (int)host.len, host.at);
    (void)snprintf(port_text, sizeof(port_text), "%.*s", (int)port.len, port.at);
    if (getaddrinfo(host_text, port_text, &hints, &found) != 0)
        return false;
    for (const struct addrinfo *at = found; at != NULL && peer->fd < 0; at = at->ai_next)
        peer->fd = try_address(peer, at);
    freeaddrinfo(found);
    return peer->fd >= 0;
}

static bool write_all(const struct peer *peer, struct slice bytes)
{
    while (bytes.len > 0) {
        ssize_t sent;

        if (!wait_for(peer, POLLOUT))
            return false;
        sent = send(peer->fd, bytes.at, bytes.len, MSG_NOSIGNAL);
        if (sent < 0 && errno != EAGAIN && errno != EINTR)
            return false;
        if (sent > 0)
            bytes = slice_after(bytes, (size_t)sent);
    }
    return true;
}

/* Reads an answer, which is one line, without its end; borrowed until the next. */
static bool read_line(struct peer *peer, struct slice *line)
{
    for (;;) {
        struct slice rest = slice_after(buffer_slice(&peer->heard), peer->taken);
        const char *end = rest.len > 0 ? memchr(rest.at, '\n', rest.len) : NULL;
        ssize_t got;

        if (end != NULL && end > rest.at) {
            *line = slice_of(rest.at, (size_t)(end - rest.at) - 1);
            peer->taken += (size_t)(end - rest.at) + 1;
            return true;
        }
        if (rest.len > LINE_MOST || !wait_for(peer, POLLIN))
            return false;
        got = recv(peer->fd, buffer_reserve(&peer->heard, LINE_MOST), LINE_MOST, 0);
        if (got == 0 || (got < 0 && errno != EAGAIN && errno != EINTR))
            return false;
        if (got > 0)
            buffer_commit(&peer->heard, (size_t)got);
    }
}

/* ---- Moving ---- */

/* What is under way. */
struct moving {
    struct call            *call;
    const struct migration *wish;
    struct peer             peer;
    struct slice           *keys; /* those that are there */
    size_t                  count;
    bool                    told; /* an error was answered */
};

static void say_restore(struct moving *moving, struct slice key, struct buffer *out,
                        struct buffer *payload)
{
    struct item *item = keyspace_find(moving->call->keys, key, LOOK_QUIET);
    char digits[NUMBER_INTEGER_MAX];
    struct slice words[5] = { SLICE("RESTORE"), key, { digits, 0 }, { 0 }, SLICE("REPLACE") };
    millis ttl = 0;

    if (item_expires(item)) {
        ttl = item_due(item) - moving->call->now;
        ttl = ttl < 1 ? 1 : ttl;
    }
    words[2].len = number_put(digits, ttl);
    buffer_rewind(payload);
    dump_put(item, keyspaces_types(moving->call->keyspaces), payload);
    words[3] = buffer_slice(payload);
    statement_put(out, words, moving->wish->replace ? 5 : 4);
}

/* Who we are, and which database is meant. */
static void say_hello(const struct moving *moving, struct buffer *out)
{
    const struct migration *wish = moving->wish;
    char digits[NUMBER_INTEGER_MAX];
    struct slice select[2] = { SLICE("SELECT"), { digits, 0 } };
    struct slice auth[3] = { SLICE("AUTH"), wish->user, wish->password };

    if (wish->signs_in && wish->user.len == 0)
        auth[1] = wish->password;
    if (wish->signs_in)
        statement_put(out, auth, wish->user.len == 0 ? 2 : 3);
    select[1].len = number_put(digits, wish->db);
    statement_put(out, select, 2);
}

static void say_values(struct moving *moving, struct buffer *out)
{
    struct buffer payload = { 0 };

    buffer_rewind(out);
    for (size_t i = 0; i < moving->count; i++)
        say_restore(moving, moving->keys[i], out, &payload);
    buffer_clear(&payload);
}

/* Hears one answer. False if the other server is gone; an error is answered once. */
static bool hear(struct moving *moving, bool *fine)
{
    struct slice line;

    if (!read_line(&moving->peer, &line))
        return false;
    *fine = line.len == 0 || line.at[0] != '-';
    if (!*fine && !moving->told)
        (void)call_refuse_with(moving->call, "ERR Target instance replied with error: %.*s",
                               (int)line.len - 1, line.at + 1);
    moving->told = moving->told || !*fine;
    return true;
}

/* A key that arrived there goes here, and others are told so. */
static void let_go(struct moving *moving, struct slice key)
{
    struct call *call = moving->call;
    const struct slice words[2] = { SLICE("DEL"), key };

    if (moving->wish->copy || !keyspace_remove(call->keys, key, false))
        return;
    ledger_changed(call->ledger, key, EVENT_GENERIC, "del");
    ledger_say(call->ledger, words, 2);
}

/* Hears what is said to who we are. False if the other server is gone. */
static bool hear_hello(struct moving *moving, bool *fine)
{
    bool signed_in = true;

    if (moving->wish->signs_in && !hear(moving, &signed_in))
        return false;
    if (!hear(moving, fine))
        return false;
    *fine = *fine && signed_in;
    return true;
}

/* Hears all answers, each for the key it is about. False if the other server is gone. */
static bool hear_values(struct moving *moving)
{
    bool fine;

    for (size_t i = 0; i < moving->count; i++) {
        if (!hear(moving, &fine))
            return false;
        if (fine)
            let_go(moving, moving->keys[i]);
    }
    return true;
}

static void refuse_io(struct moving *moving, const char *doing)
{
    if (!moving->told)
        (void)call_refuse_with(moving->call, "IOERR error or timeout %s", doing);
    moving->told = true;
}

/* What became of a connection. */
enum moved {
    MOVED_FINE, /* or an error was answered */
    MOVED_NOT_WRITTEN,
    MOVED_NOT_READ,
    MOVED_UNSAID, /* the same two before anything was moved */
    MOVED_UNHEARD
};

static enum moved move_over(struct moving *moving, struct buffer *out)
{
    bool fine;

    say_hello(moving, out);
    if (!write_all(&moving->peer, buffer_slice(out)))
        return MOVED_UNSAID;
    if (!hear_hello(moving, &fine))
        return MOVED_UNHEARD;
    if (!fine)
        return MOVED_FINE;
    say_values(moving, out);
    if (!write_all(&moving->peer, buffer_slice(out)))
        return MOVED_NOT_WRITTEN;
    return hear_values(moving) ? MOVED_FINE : MOVED_NOT_READ;
}

/* Moves over a kept connection or a fresh one; only a kept one may turn out to be dead. */
static enum moved try_link(struct moving *moving, int kept)
{
    const struct migration *wish = moving->wish;
    struct buffer out = { 0 };
    enum moved moved;

    moving->peer.fd = kept;
    moving->peer.taken = 0;
    moved = move_over(moving, &out);
    if (moved == MOVED_FINE && !wish->signs_in)
        migrate_links_keep(moving->call->broker->migrate_links, wish->host, wish->port,
                           moving->peer.fd);
    else
        (void)close(moving->peer.fd);
    buffer_clear(&out);
    buffer_clear(&moving->peer.heard);
    return moved;
}

static void move_all(struct moving *moving)
{
    const struct migration *wish = moving->wish;
    enum moved moved = MOVED_UNSAID;
    int kept = -1;

    if (!wish->signs_in)
        kept = migrate_links_take(moving->call->broker->migrate_links, wish->host, wish->port);
    if (kept >= 0)
        moved = try_link(moving, kept);
    if (moved == MOVED_UNSAID || moved == MOVED_UNHEARD) {
        if (!connect_to(&moving->peer, wish->host, wish->port)) {
            refuse_io(moving, "connecting to the client");
            return;
        }
        moved = try_link(moving, moving->peer.fd);
    }
    if (moved == MOVED_NOT_WRITTEN || moved == MOVED_UNSAID)
        refuse_io(moving, "writing to target instance");
    else if (moved != MOVED_FINE)
        refuse_io(moving, "reading from target instance");
}

/* MIGRATE host port key|"" db timeout [COPY] [REPLACE] [AUTH password | AUTH2 user password] [KEYS key ...] */
enum verdict do_migrate(struct call *call)
{
    struct migration wish;
    struct moving moving = { .call = call, .wish = &wish };
    enum refusal refusal = read_wish(call, &wish);

    if (refusal != REFUSAL_NONE)
        return call_refuse(call, refusal);
    moving.peer = (struct peer){ .clock = call->broker->clock, .timeout = wish.timeout };
    moving.keys = arena_take(call->arena, (wish.keys + 1) * sizeof(*moving.keys));
    for (size_t i = 0; i < wish.keys; i++) {
        struct slice key = call->args->words[wish.first_key + i];

        if (keyspace_find(call->keys, key, LOOK_READ) != NULL)
            moving.keys[moving.count++] = key;
    }
    if (moving.count == 0) {
        reply_simple(call->reply, SLICE("NOKEY"));
        return VERDICT_DONE;
    }
    move_all(&moving);
    if (moving.told)
        return VERDICT_DONE;
    reply_ok(call->reply);
    return VERDICT_DONE;
}
