/* All sessions, oldest first, in a chain. */
#include "broker/session/sessions.h"

#include <netinet/in.h>
#include <netinet/tcp.h>
#include <sys/socket.h>
#include <unistd.h>

#include "broker/config/options.h"
#include "broker/metrics/metrics.h"
#include "broker/net/connection.h"
#include "broker/session/limits.h"
#include "broker/session/overflow.h"
#include "storage/base/memory.h"
#include "storage/base/must.h"
#include "storage/index/table.h"

enum {
    FAREWELLS = 12,
    EVICT_AT_ONCE = 16 /* sessions, each found by a walk over all */
};

struct sessions {
    struct sessions_setup     setup;
    struct connection_handler handler;
    struct chain              chain;
    struct chain              stand_ins;
    struct table              by_id; /* those with a connection */
    struct chain              slow; /* those whose peers take no more output */
    struct farewell           farewells[FAREWELLS];
    size_t                    farewell_count;
    size_t                    count;
    size_t                    most_memory; /* of all sessions together; 0: any */
    size_t                    memory;      /* the sum of their weights */
    uint64_t                  last_id;
    struct outbox_pool       *pool; /* of stand-ins */
};

static struct slice id_of(const void *item)
{
    const struct session *session = item;

    return slice_of((const char *)&session->id, sizeof(session->id));
}

static const struct table_kind by_id = { .key = id_of };

static size_t weight_of(const struct session *session)
{
    bool spared = session->no_evict || session->is_replica || session->is_monitor ||
                  connection_closing(session->connection);

    return spared ? 0 : session_memory(session);
}

void sessions_weigh(struct sessions *all, struct session *session)
{
    size_t weight;

    if (LIKELY(all->most_memory == 0) || session->connection == NULL)
        return;
    weight = weight_of(session);
    all->memory += weight - session->weight;
    session->weight = weight;
}

static size_t on_input(void *who, struct slice bytes, size_t *wanted)
{
    struct session *session = who;
    struct sessions *all = session->home;
    size_t taken;

    outbox_limit(session->reply.out, limits_hard(session, all->setup.options));
    taken = all->setup.intake.input(all->setup.intake.who, session, bytes, wanted);

    /* What it will take is known before it comes. */
    if (UNLIKELY(taken < bytes.len)) {
        size_t kept = bytes.len - taken;

        limits_input(session, *wanted > kept ? *wanted : kept, all->setup.options,
                     all->setup.metrics);
    }
    return taken;
}

static void on_ahead(const struct preview *previews, size_t count)
{
    const struct session *first = previews[0].who;
    const struct session_intake *intake = &first->home->setup.intake;

    intake->ahead(intake->who, previews, count);
}

static bool on_kept(void *who)
{
    struct session *session = who;
    struct sessions *all = session->home;

    if (UNLIKELY(all->most_memory != 0)) {
        /* Who is to go for what it does not read gives room first. */
        limits_output(session, outbox_pending(session->reply.out), all->setup.options,
                      all->setup.metrics);
        sessions_weigh(all, session);
        (void)sessions_evict(all);
    }
    return !connection_closing(session->connection);
}

/* Replies wait until what the session said may be acknowledged. */
static uint64_t on_leaving(void *who)
{
    const struct session *session = who;

    return session->said;
}

/* The peer takes no more, or has taken all again. */
static void on_backlog(void *who, size_t pending)
{
    struct session *session = who;
    struct sessions *all = session->home;

    if (pending == 0) {
        chain_leave(&session->slow);
        session->slow_since = 0;
        overflow_go_on(session);
        sessions_weigh(all, session);
        return;
    }
    if (!chain_linked(&session->slow))
        chain_put_last(&all->slow, &session->slow);
    limits_output(session, pending, all->setup.options, all->setup.metrics);
    sessions_weigh(all, session);
}

static void on_closed(void *who, const char *reason)
{
    struct session *session = who;

    (void)reason;
    sessions_end(session->home, session);
}

struct sessions *sessions_new(const struct sessions_setup *setup)
{
    struct sessions *all = memory_new_zeroed(1, sizeof(*all));

    all->setup = *setup;
    all->handler = (struct connection_handler){ on_input, on_backlog, on_kept,
                                                on_closed, on_leaving, on_ahead };
    all->pool = outbox_pool_new();
    chain_init(&all->chain);
    chain_init(&all->stand_ins);
    chain_init(&all->slow);
    table_init(&all->by_id, &by_id, setup->secret);
    return all;
}

void sessions_free(struct sessions *all)
{
    if (all == NULL)
        return;
    must(chain_is_empty(&all->chain));
    while (!chain_is_empty(&all->stand_ins))
        sessions_end(all, CHAIN_OWNER(all->stand_ins.next, struct session, all));
    outbox_pool_free(all->pool);
    table_clear(&all->by_id, NULL, NULL);
    memory_free(all);
}

void sessions_add_farewell(struct sessions *all, struct farewell farewell)
{
    must(all->farewell_count < FAREWELLS);
    all->farewells[all->farewell_count++] = farewell;
}

static struct session *make(struct sessions *all, millis now)
{
    struct session *session = memory_new_zeroed(1, sizeof(*session));

    session->home = all;
    session->id = ++all->last_id;
    session->queued = -1;
    session->redirect = -1;
    session->since = session->active = now;
    session->last_command = "NULL";
    session->reply.counts = all->setup.errors;
    chain_init(&session->all);
    chain_init(&session->slow);
    chain_init(&session->held);
    return session;
}

void sessions_refuse(struct sessions *all, int fd)
{
    struct slice line = SLICE("-ERR max number of clients reached\r\n");

    all->setup.metrics->connections_received++;
    all->setup.metrics->connections_rejected++;
    (void)send(fd, line.at, line.len, MSG_NOSIGNAL | MSG_DONTWAIT);
    close(fd);
}

/* Whether a stranger must be kept out: no password is asked and he is not of this machine. */
static bool is_protected_from(const struct sessions *all, const struct session *session)
{
    return all->setup.options->protected_mode && session->signed_in &&
           !connection_is_loopback(session->connection);
}

/* Has the kernel probe a silent peer, three times; a unix socket needs none of it. */
static void keep_alive(int fd, int seconds)
{
    int on = 1;
    int between = seconds / 3 > 0 ? seconds / 3 : 1;
    int probes = 3;

    if (seconds == 0 || setsockopt(fd, SOL_SOCKET, SO_KEEPALIVE, &on, sizeof(on)) != 0)
        return;
    (void)setsockopt(fd, IPPROTO_TCP, TCP_KEEPIDLE, &seconds, sizeof(seconds));
    (void)setsockopt(fd, IPPROTO_TCP, TCP_KEEPINTVL, &between, sizeof(between));
    (void)setsockopt(fd, IPPROTO_TCP, TCP_KEEPCNT, &probes, sizeof(probes));
}

void sessions_accept(struct sessions *all, int fd, millis now)
{
    struct session *session;

    if (all->count >= (uint64_t)all->setup.options->maxclients) {
        sessions_refuse(all, fd);
        return;
    }
    all->setup.metrics->connections_received++;
    keep_alive(fd, (int)all->setup.options->tcp_keepalive);
    session = make(all, now);
    session->connection = connection_new(all->setup.connections, fd, &transport_plain, NULL,
                                         &all->handler, session);
    session->reply.out = connection_outbox(session->connection);
    chain_put_last(&all->chain, &session->all);
    table_add(&all->by_id, session, table_hash(&all->by_id, id_of(session)));
    all->count++;
    all->setup.metrics->connected_clients = all->count;
    all->setup.welcome.say(all->setup.welcome.who, session);
    if (is_protected_from(all, session)) {
        reply_error(&session->reply,
                    SLICE("DENIED Millrace is running in protected mode: no password is set and "
                          "this connection does not come from the machine itself. Set one with "
                          "'requirepass', or allow strangers with 'protected-mode no'."));
        sessions_close(all, session, true);
    }
}

struct session *sessions_stand_in(struct sessions *all, millis now)
{
    struct session *session = make(all, now);

    session->heard = memory_new(sizeof(*session->heard));
    outbox_init(session->heard, all->pool);
    session->reply.out = session->heard;
    session->signed_in = true;
    session->may_all = true;
    chain_put_last(&all->stand_ins, &session->all);
    return session;
}

void sessions_end(struct sessions *all, struct session *session)
{
    for (size_t i = 0; i < all->farewell_count; i++)
        all->farewells[i].say(all->farewells[i].who, session);
    chain_leave(&session->all);
    chain_leave(&session->slow);
    all->memory -= session->weight;
    if (session->connection != NULL) {
        must(table_remove_item(&all->by_id, session, table_hash(&all->by_id, id_of(session))));
        all->setup.metrics->connected_clients = --all->count;
    } else {
        outbox_clear(session->heard);
        memory_free(session->heard);
    }
    overflow_end(session);
    if (session->request != NULL)
        request_clear(session->request);
    memory_free(session->request);
    buffer_clear(&session->behind);
    bytes_drop(session->name);
    bytes_drop(session->library);
    bytes_drop(session->library_version);
    memory_free(session);
}

void sessions_close(struct sessions *all, struct session *session, bool after_replies)
{
    (void)all;
    if (session->connection == NULL)
        return;
    if (after_replies)
        connection_close_when_sent(session->connection);
    else
        connection_close(session->connection, "it was closed by the broker");
}

size_t sessions_count(const struct sessions *all)
{
    return all->count;
}

struct session *sessions_find(struct sessions *all, uint64_t id)
{
    struct slice key = slice_of((const char *)&id, sizeof(id));

    return table_find(&all->by_id, key, table_hash(&all->by_id, key));
}

const struct options *sessions_options(const struct sessions *all)
{
    return all->setup.options;
}

struct chain *sessions_chain(struct sessions *all)
{
    return &all->chain;
}

void sessions_close_idle(struct sessions *all, millis now)
{
    millis most = all->setup.options->timeout * 1000;
    struct chain *link = all->chain.next;

    if (most == 0)
        return;
    while (link != &all->chain) {
        struct session *session = CHAIN_OWNER(link, struct session, all);
        bool spared = session->paused || session->is_replica || session->is_monitor ||
                      session->channels + session->patterns + session->shards > 0;

        link = link->next;
        if (!spared && now - session->active > most)
            sessions_close(all, session, false);
    }
}

void sessions_close_slow(struct sessions *all, millis now)
{
    for (struct chain *link = all->slow.next; link != &all->slow; link = link->next)
        limits_linger(CHAIN_OWNER(link, struct session, slow), now, all->setup.options,
                      all->setup.metrics);
}

/* Weighs all anew: between weighings a session's memory may have changed without a word. */
static struct session *weigh_all(struct sessions *all)
{
    struct session *largest = NULL;

    for (struct chain *link = all->chain.next; link != &all->chain; link = link->next) {
        struct session *session = CHAIN_OWNER(link, struct session, all);

        sessions_weigh(all, session);
        if (session->weight > 0 && (largest == NULL || session->weight > largest->weight))
            largest = session;
    }
    return largest;
}

void sessions_limit_memory(struct sessions *all, size_t bytes)
{
    for (struct chain *link = all->chain.next; link != &all->chain; link = link->next)
        CHAIN_OWNER(link, struct session, all)->weight = 0;
    all->memory = 0;
    all->most_memory = bytes;
    (void)weigh_all(all);
}

bool sessions_evict(void *sessions)
{
    struct sessions *all = sessions;

    for (int i = 0; i < EVICT_AT_ONCE; i++) {
        struct session *largest;

        if (LIKELY(all->most_memory == 0 || all->memory <= all->most_memory))
            return false;
        largest = weigh_all(all);
        if (all->memory <= all->most_memory || largest == NULL)
            return false;
        all->setup.metrics->evicted_clients++;
        connection_close(largest->connection, "all sessions took more than maxmemory-clients");
        sessions_weigh(all, largest);
    }
    return true;
}

void sessions_promise(struct sessions *all, uint64_t upto, bool broken)
{
    connections_promise(all->setup.connections, upto);
    connections_break(all->setup.connections, broken);
}
