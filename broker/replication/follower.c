/* Whom to follow, connecting, greeting, and time going by. */
#include "broker/replication/follower.h"

#include <errno.h>
#include <fcntl.h>
#include <netdb.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "broker/config/options.h"
#include "broker/dispatch/pausing.h"
#include "broker/dispatch/waiting.h"
#include "broker/metrics/metrics.h"
#include "broker/net/connection.h"
#include "broker/net/loop.h"
#include "broker/net/lookup.h"
#include "broker/replication/follower_private.h"
#include "broker/session/sessions.h"
#include "storage/base/log.h"
#include "storage/base/memory.h"
#include "storage/base/number.h"
#include "storage/keyspace/own_expiry.h"
#include "storage/persist/rdb_load.h"

enum { TICK = 100, TICKS_A_SECOND = 10, SECOND = 1000000 };

static void connect_to_primary(struct follower *follower);

static micros now_of(const struct follower *follower)
{
    return clock_monotonic(follower->setup.clock);
}

static micros patience_of(const struct follower *follower)
{
    return follower->setup.options->repl_timeout * SECOND;
}

/* ---- Connections ---- */

void follower_say(struct follower *follower, struct slice bytes)
{
    if (follower->peer == NULL || bytes.len == 0)
        return;
    outbox_put(connection_outbox(follower->peer->connection), bytes);
    connection_wants_send(follower->peer->connection);
}

void follower_pause_reading(struct follower *follower, bool pause)
{
    if (follower->peer == NULL || follower->reading_paused == pause)
        return;
    follower->reading_paused = pause;
    connection_pause_reading(follower->peer->connection, pause);
    if (!pause)
        connection_wake(follower->peer->connection);
}

/* Lets go of the connection; it is closed at the end of the turn. */
static void let_peer_go(struct follower *follower)
{
    struct peer *peer = follower->peer;

    if (peer != NULL) {
        peer->follower = NULL;
        connection_close(peer->connection, "it is followed no longer");
    }
    follower->peer = NULL;
    follower->reading_paused = false;
    loop_watch_free(follower->watch);
    follower->watch = NULL;
    if (follower->fd >= 0)
        (void)close(follower->fd);
    follower->fd = -1;
}

/* Back to where nothing is under way. What was received so far is of no use. */
static void drop_link(struct follower *follower)
{
    enum follower_state state = follower->state;

    let_peer_go(follower);
    if (state == FOLLOWER_FOLLOWING) {
        follower_end_stream(follower);
        follower->down_since = clock_wall(follower->setup.clock) / SECOND;
        log_line(follower->setup.log, LOG_NOTICE, "Connection with master lost.");
        if (follower->can_resume)
            log_line(follower->setup.log, LOG_NOTICE, "Caching the disconnected master state.");
    }
    if (state == FOLLOWER_RECEIVING || state == FOLLOWER_LOADING)
        follower_drop_data(follower);
    follower->state = follower->host == NULL ? FOLLOWER_NOBODY : FOLLOWER_WAITING;
}

void follower_disconnect(struct follower *follower)
{
    bool was_following = follower->state == FOLLOWER_FOLLOWING;
    bool got_data =
        (follower->state == FOLLOWER_RECEIVING || follower->state == FOLLOWER_LOADING) &&
        follower->arrival.came > 0;

    drop_link(follower);
    /* What got so far may do better the next time; a tick in between keeps it from spinning. */
    follower->hurry = got_data;
    if (!was_following || follower->host == NULL)
        return;
    /* At once: the primary's backlog does not wait. */
    log_line(follower->setup.log, LOG_NOTICE, "Reconnecting to MASTER %s:%lld", follower->host,
             (long long)follower->port);
    connect_to_primary(follower);
}

/* What the greeting came to. */
static void end_greeting(struct follower *follower, enum greeting_outcome outcome)
{
    struct role *role = follower->setup.role;
    struct slice id = slice_text(follower->greeting.id);

    if (follower->demanding && outcome != GREETING_LATER && outcome != GREETING_MORE) {
        bool agreed = outcome == GREETING_WHOLE || outcome == GREETING_CONTINUE;

        follower->demanding = false;
        follower->demanded(follower->demanded_who, agreed);
        if (follower->state != FOLLOWER_GREETING)
            return;
    }
    switch (outcome) {
    case GREETING_WHOLE:
        follower_receive(follower);
        return;
    case GREETING_CONTINUE:
        if (id.len > 0 && !slice_equal(id, slice_of(role->id, ROLE_ID))) {
            log_line(follower->setup.log, LOG_NOTICE, "Master replication ID changed to %s",
                     follower->greeting.id);
            role_follow_branch(role, id);
            follower->setup.downstream.part(follower->setup.downstream.who);
        }
        follower_begin_stream(follower);
        log_line(follower->setup.log, LOG_NOTICE,
                 "MASTER <-> REPLICA sync: Master accepted a Partial Resynchronization.");
        return;
    case GREETING_LATER:
    case GREETING_FAILED:
        follower_disconnect(follower);
        return;
    case GREETING_MORE:
        return;
    }
}

static size_t take_greeting(struct follower *follower, struct slice bytes)
{
    size_t at = 0;

    while (follower->state == FOLLOWER_GREETING) {
        struct slice rest = slice_after(bytes, at);
        const char *end = rest.len > 0 ? memchr(rest.at, '\n', rest.len) : NULL;
        struct buffer say = { 0 };
        enum greeting_outcome outcome;
        struct slice line;

        if (end == NULL) {
            if (rest.len <= GREETING_LINE_MOST)
                return at;
            log_line(follower->setup.log, LOG_WARNING,
                     "Master sends an endless line in place of an answer, giving up");
            follower_disconnect(follower);
            return bytes.len;
        }
        line = slice_of(rest.at, (size_t)(end - rest.at));
        at += line.len + 1;
        if (line.len > 0 && line.at[line.len - 1] == '\r')
            line.len--;
        outcome = greeting_hear(&follower->greeting, line, &say);
        follower_say(follower, buffer_slice(&say));
        buffer_clear(&say);
        end_greeting(follower, outcome);
    }
    return at;
}

static size_t heard(void *who, struct slice bytes, size_t *wanted)
{
    struct peer *peer = who;
    struct follower *follower = peer->follower;
    size_t at = 0;

    if (follower == NULL)
        return bytes.len;
    follower->heard = now_of(follower);
    if (follower->state == FOLLOWER_GREETING)
        at = take_greeting(follower, bytes);
    if (peer->follower != NULL &&
        (follower->state == FOLLOWER_RECEIVING || follower->state == FOLLOWER_LOADING))
        at += follower_take_data(follower, slice_after(bytes, at));
    if (peer->follower != NULL && follower->state == FOLLOWER_FOLLOWING) {
        size_t more = 0;

        at += follower_take_stream(follower, slice_after(bytes, at), &more);
        *wanted = more > 0 ? at + more : 0;
    }
    if (peer->follower == NULL)
        at = bytes.len;
    follower->setup.metrics->net_repl_input_bytes += at;
    return at;
}

static void fell_behind(void *who, size_t pending)
{
    (void)who;
    (void)pending;
}

static bool kept(void *who)
{
    const struct peer *peer = who;

    return peer->follower != NULL;
}

static void closed(void *who, const char *reason)
{
    struct peer *peer = who;
    struct follower *follower = peer->follower;

    if (follower != NULL) {
        follower->peer = NULL;
        if (follower->state != FOLLOWER_FOLLOWING)
            log_line(follower->setup.log, LOG_WARNING,
                     "I/O error reading from MASTER: the connection is lost, %s", reason);
        follower_disconnect(follower);
    }
    memory_free(peer);
}

static const struct connection_handler handler = { .input = heard, .backlog = fell_behind,
                                                   .kept = kept, .closed = closed,
                                                   .leaving = NULL, .ahead = NULL };

static void greet(struct follower *follower)
{
    const struct options *options = follower->setup.options;
    const struct role *role = follower->setup.role;
    struct buffer say = { 0 };
    struct greeting_facts facts = {
        .user = slice_text(options->masteruser),
        .password = slice_of(options->masterauth.at, options->masterauth.len),
        .address = slice_text(options->replica_announce_ip),
        .port = options->replica_announce_port != 0 ? options->replica_announce_port
                                                    : options->port,
        .failover = follower->demanding,
    };

    if (follower->can_resume) {
        facts.id = slice_of(role->id, ROLE_ID);
        facts.next = role->offset + 1;
    }
    follower->state = FOLLOWER_GREETING;
    greeting_begin(&follower->greeting, &facts, follower->setup.log, &say);
    follower_say(follower, buffer_slice(&say));
    buffer_clear(&say);
}

static void on_connected(void *who)
{
    struct follower *follower = who;
    int trouble = 0;
    socklen_t size = sizeof(trouble);
    int fd = follower->fd;
    int yes = 1;

    loop_watch_free(follower->watch);
    follower->watch = NULL;
    if (getsockopt(fd, SOL_SOCKET, SO_ERROR, &trouble, &size) < 0)
        trouble = errno;
    if (trouble != 0) {
        log_line(follower->setup.log, LOG_WARNING, "Error condition on socket for SYNC: %s",
                 strerror(trouble));
        follower_disconnect(follower);
        return;
    }
    log_line(follower->setup.log, LOG_NOTICE, "Non blocking connect for SYNC fired the event.");
    follower->fd = -1;
    (void)setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &yes, sizeof(yes));
    follower->peer = memory_new_zeroed(1, sizeof(*follower->peer));
    follower->peer->follower = follower;
    follower->peer->connection = connection_new(follower->setup.connections, fd, &transport_plain,
                                                NULL, &handler, follower->peer);
    follower->heard = now_of(follower);
    greet(follower);
}

/* Has a socket come from an address of ours; false with errno. */
static bool come_from(int fd, const char *address)
{
    struct addrinfo hints = { .ai_family = AF_UNSPEC, .ai_socktype = SOCK_STREAM,
                              .ai_flags = AI_NUMERICHOST };
    struct addrinfo *own = NULL;
    bool fine;

    if (address[0] == '\0')
        return true;
    errno = EADDRNOTAVAIL;
    if (getaddrinfo(address, NULL, &hints, &own) != 0)
        return false;
    fine = bind(fd, own->ai_addr, own->ai_addrlen) == 0;
    freeaddrinfo(own);
    return fine;
}

/* A socket that is being connected to the first address that takes it; -1 with errno. */
static int open_socket(const struct addrinfo *all, const char *from)
{
    int fd = -1;

    errno = EHOSTUNREACH;
    for (const struct addrinfo *each = all; each != NULL && fd < 0; each = each->ai_next) {
        fd = socket(each->ai_family, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
        if (fd >= 0 && (!come_from(fd, from) ||
                        (connect(fd, each->ai_addr, each->ai_addrlen) < 0 &&
                         errno != EINPROGRESS))) {
            int trouble = errno;

            (void)close(fd);
            fd = -1;
            errno = trouble;
        }
    }
    return fd;
}

static void end_lookup(struct follower *follower)
{
    lookup_end(follower->lookup);
    follower->lookup = NULL;
}

/* A host that has to be asked for is connected to by a later tick, once the answer is there. */
static void connect_to_primary(struct follower *follower)
{
    if (follower->lookup == NULL) {
        log_line(follower->setup.log, LOG_NOTICE, "Connecting to MASTER %s:%lld", follower->host,
                 (long long)follower->port);
        follower->lookup = lookup_begin(follower->host, (uint16_t)follower->port);
    }
    if (!lookup_is_done(follower->lookup))
        return;
    follower->fd = open_socket(lookup_found(follower->lookup),
                               follower->setup.options->bind_source_addr);
    end_lookup(follower);
    if (follower->fd < 0) {
        log_line(follower->setup.log, LOG_WARNING, "Unable to connect to MASTER: %s",
                 strerror(errno));
        return;
    }
    follower->state = FOLLOWER_CONNECTING;
    follower->heard = now_of(follower);
    follower->watch = loop_watch_new_writable(follower->setup.loop, follower->fd, on_connected,
                                              follower);
    log_line(follower->setup.log, LOG_NOTICE, "MASTER <-> REPLICA sync started");
}

/* ---- Time ---- */

/* Gives a primary up that has not been heard of for too long. */
static bool gives_up(struct follower *follower)
{
    if (now_of(follower) - follower->heard <= patience_of(follower))
        return false;
    if (follower->state == FOLLOWER_CONNECTING || follower->state == FOLLOWER_GREETING)
        log_line(follower->setup.log, LOG_WARNING, "Timeout connecting to the MASTER...");
    else if (follower->state == FOLLOWER_RECEIVING)
        log_line(follower->setup.log, LOG_WARNING,
                 "Timeout receiving bulk data from MASTER... If the problem persists try to set "
                 "the 'repl-timeout' parameter in redis.conf to a larger value.");
    else if (follower->state == FOLLOWER_FOLLOWING)
        log_line(follower->setup.log, LOG_WARNING,
                 "MASTER timeout: no data nor PING received...");
    else
        return false;
    follower_disconnect(follower);
    return true;
}

static void on_tick(void *who)
{
    struct follower *follower = who;

    if (follower->stalled)
        follower->heard = now_of(follower); /* it is we who do not listen */
    if (follower->stalled && !caller_is_running(follower->setup.caller) &&
        !pausing_is_on(follower->setup.pausing)) {
        follower->stalled = false;
        follower_pause_reading(follower, false);
    }
    if (own_expiry_count(follower->setup.keyspaces) > 0 && !follower->in_load) {
        caller_open_own(follower->setup.caller);
        own_expiry_sweep(follower->setup.keyspaces);
        caller_close_own(follower->setup.caller);
    }
    if (follower->hurry && follower->state == FOLLOWER_WAITING && !follower->in_load) {
        follower->hurry = false;
        log_line(follower->setup.log, LOG_NOTICE, "Reconnecting to MASTER %s:%lld after failure",
                 follower->host, (long long)follower->port);
        connect_to_primary(follower);
    }
    if (follower->lookup != NULL && follower->state == FOLLOWER_WAITING && !follower->in_load &&
        lookup_is_done(follower->lookup))
        connect_to_primary(follower);
    /* Whoever waits for our disk need not wait for the next second as well. */
    if (follower->state == FOLLOWER_FOLLOWING && follower_look_at_disk(follower))
        follower_acknowledge(follower);
    if (++follower->ticks < TICKS_A_SECOND)
        return;
    follower->ticks = 0;
    if (follower->in_load || gives_up(follower))
        return;
    if (follower->state == FOLLOWER_WAITING)
        connect_to_primary(follower);
    else if (follower->state == FOLLOWER_FOLLOWING)
        follower_acknowledge(follower);
}

/* ---- Whom to follow ---- */

/* Those who wait for keys would wait for what they may not take here. */
static void unblock_sessions(struct follower *follower)
{
    struct chain *all = sessions_chain(follower->setup.sessions);

    for (struct chain *link = all->next; link != all; link = link->next) {
        struct session *session = CHAIN_OWNER(link, struct session, all);

        if (waiting_unblock(follower->setup.waiting, follower->setup.caller, session,
                            SLICE("UNBLOCKED force unblock from blocking operation, instance "
                                  "state changed (master -> replica?)")))
            sessions_close(follower->setup.sessions, session, true);
    }
}

static void set_host(struct follower *follower, struct slice host, int64_t port)
{
    char peer[NI_MAXHOST + 16];
    char *copy = NULL;

    if (host.len > 0) {
        copy = memory_new(host.len + 1);
        memcpy(copy, host.at, host.len);
        copy[host.len] = '\0';
    }
    end_lookup(follower);
    memory_free(follower->host);
    follower->host = copy;
    follower->port = port;
    follower->setup.role->is_replica = copy != NULL;
    keyspaces_hold(follower->setup.keyspaces, HOLD_FOLLOWS, copy != NULL);
    log_set_role(follower->setup.log, copy != NULL ? 'S' : 'M');
    peer[0] = '\0';
    if (copy != NULL)
        (void)snprintf(peer, sizeof(peer), "%s %lld", copy, (long long)port);
    follower->setup.settle(follower->setup.who, slice_text(peer));
}

void follower_follow(struct follower *follower, struct slice host, int64_t port)
{
    bool was_primary = follower->host == NULL;

    follower->setup.hand_on(follower->setup.hand_on_who);
    drop_link(follower);
    unblock_sessions(follower);
    /* What we said as a primary may be the beginning of what the other says. */
    if (was_primary)
        follower->can_resume = true;
    set_host(follower, host, port);
    follower->state = FOLLOWER_WAITING;
    loop_timer_start(follower->timer, TICK, TICK);
    if (!follower->in_load)
        connect_to_primary(follower);
}

void follower_leave(struct follower *follower)
{
    if (follower->host == NULL)
        return;
    follower->setup.hand_on(follower->setup.hand_on_who);
    set_host(follower, SLICE(""), 0);
    drop_link(follower);
    follower->can_resume = false;
    log_line(follower->setup.log, LOG_NOTICE, "Discarding previously cached master state.");
    loop_timer_stop(follower->timer);
    own_expiry_forget(follower->setup.keyspaces);
    role_branch(follower->setup.role);
    log_line(follower->setup.log, LOG_NOTICE,
             "Setting secondary replication ID to %s, valid up to offset: %lld. New replication "
             "ID is %s",
             follower->setup.role->second_id, (long long)follower->setup.role->second_offset,
             follower->setup.role->id);
    follower->setup.downstream.part(follower->setup.downstream.who);
    ledger_feed_restart(follower->setup.ledger);
    follower_keep_log(follower);
    follower->down_since = 0;
}

bool follower_follows(const struct follower *follower, struct slice host, int64_t port)
{
    return follower->host != NULL && follower->port == port &&
           slice_equal_nocase(host, slice_text(follower->host));
}

void follower_demand_failover(struct follower *follower, void (*done)(void *who, bool agreed),
                              void *who)
{
    follower->demanding = true;
    follower->demanded = done;
    follower->demanded_who = who;
}

bool follower_kill(struct follower *follower)
{
    if (follower->peer == NULL || follower->state != FOLLOWER_FOLLOWING)
        return false;
    follower_disconnect(follower);
    return true;
}

void follower_begin(struct follower *follower, const struct rdb_stream *stream)
{
    const struct option_words *peer = &follower->setup.options->replicaof;
    int64_t port = 0;

    if (peer->count != 2 || !number_read(slice_text(peer->at[1]), &port))
        return;
    if (stream != NULL && stream->id[0] != '\0' && stream->offset >= 0) {
        role_adopt(follower->setup.role, slice_text(stream->id), stream->offset);
        follower->setup.role->stream_db = stream->db > 0 ? stream->db : 0;
        follower->can_resume = true;
        follower->setup.downstream.restart(follower->setup.downstream.who);
    }
    set_host(follower, slice_text(peer->at[0]), port);
    follower->state = FOLLOWER_WAITING;
    loop_timer_start(follower->timer, TICK, TICK);
    connect_to_primary(follower);
}

struct follower *follower_new(const struct follower_setup *setup)
{
    struct follower *follower = memory_new_zeroed(1, sizeof(*follower));

    follower->setup = *setup;
    follower->fd = -1;
    follower->file = -1;
    follower->owed = -1;
    request_init(&follower->request);
    follower->timer = loop_timer_new(setup->loop, on_tick, follower);
    return follower;
}

void follower_bind(struct follower *follower, struct sessions *sessions, struct caller *caller)
{
    follower->setup.sessions = sessions;
    follower->setup.caller = caller;
}

void follower_free(struct follower *follower)
{
    if (follower == NULL)
        return;
    end_lookup(follower);
    memory_free(follower->host);
    follower->host = NULL;
    let_peer_go(follower);
    (void)connections_close(follower->setup.connections);
    follower_drop_data(follower);
    follower_end_stream(follower);
    request_clear(&follower->request);
    loop_timer_free(follower->timer);
    memory_free(follower);
}
