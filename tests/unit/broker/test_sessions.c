/* All sessions: who is let in, found, weighed, and sent away. */
#include "broker/session/sessions.h"

#include <CUnit/CUnit.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "broker/config/config.h"
#include "broker/config/options.h"
#include "broker/dispatch/caller.h"
#include "broker/metrics/metrics.h"
#include "broker/net/connection.h"
#include "tests/unit/broker/house.h"

void suite_sessions(void);

enum { LARGE = 100000 };

static void set(struct house *house, const char *name, const char *value)
{
    struct slice word = slice_text(value);
    struct trouble trouble;

    CU_ASSERT_TRUE(config_set(house->config, slice_text(name), &word, 1, &trouble));
}

/* Has a session answerable for many bytes: replies that it does not read. */
static void burden(struct session *session, size_t bytes)
{
    static const char zeros[1000] = { 0 };

    for (size_t i = 0; i < bytes / sizeof(zeros); i++)
        reply_bulk(&session->reply, slice_of(zeros, sizeof(zeros)));
}

static void everyone_is_found_by_an_id_that_is_never_used_twice(void)
{
    struct house house;
    struct sessions *all;
    struct session *one, *other;
    uint64_t left;

    house_open(&house);
    all = house.broker.sessions;
    one = house_guest(&house);
    left = one->id;
    house_leave(&house, one);
    CU_ASSERT_PTR_NULL(sessions_find(all, left));
    CU_ASSERT_EQUAL(sessions_count(all), 0);
    one = house_guest(&house);
    other = house_guest(&house);
    CU_ASSERT(left < one->id && one->id < other->id);
    CU_ASSERT_PTR_EQUAL(sessions_find(all, one->id), one);
    CU_ASSERT_PTR_EQUAL(sessions_find(all, other->id), other);
    CU_ASSERT_PTR_EQUAL(CHAIN_OWNER(sessions_chain(all)->next, struct session, all), one);
    CU_ASSERT_EQUAL(sessions_count(all), 2);
    CU_ASSERT_EQUAL(house.broker.metrics->connected_clients, 2);
    house_close(&house);
}

static void a_stand_in_is_nobody_who_is_connected(void)
{
    struct house house;
    struct sessions *all;
    struct session *replayed;

    house_open(&house);
    all = house.broker.sessions;
    replayed = sessions_stand_in(all, 0);
    CU_ASSERT_TRUE(replayed->signed_in && replayed->may_all);
    CU_ASSERT_PTR_NULL(sessions_find(all, replayed->id));
    CU_ASSERT_EQUAL(sessions_count(all), 0);
    sessions_close(all, replayed, false); /* there is nothing to close */
    sessions_end(all, replayed);
    house_close(&house);
}

static void append(char *text, char letter)
{
    text[strlen(text)] = letter;
}

static void say_a(void *who, struct session *session)
{
    (void)session;
    append(who, 'a');
}

static void say_b(void *who, struct session *session)
{
    (void)session;
    append(who, 'b');
}

static void all_farewells_are_said_once_in_their_order(void)
{
    struct house house;
    char said[8] = "";

    house_open(&house);
    sessions_add_farewell(house.broker.sessions, (struct farewell){ say_a, said });
    sessions_add_farewell(house.broker.sessions, (struct farewell){ say_b, said });
    house_leave(&house, house_guest(&house));
    CU_ASSERT_STRING_EQUAL(said, "ab");
    house_close(&house);
}

static void who_is_one_too_many_hears_why(void)
{
    struct house house;
    char heard[64] = "";
    int pair[2];

    house_open(&house);
    set(&house, "maxclients", "1");
    (void)house_guest(&house);
    must(socketpair(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0, pair) == 0);
    sessions_accept(house.broker.sessions, pair[0], 0);
    CU_ASSERT(read(pair[1], heard, sizeof(heard) - 1) > 0);
    CU_ASSERT_STRING_EQUAL(heard, "-ERR max number of clients reached\r\n");
    CU_ASSERT_EQUAL(read(pair[1], heard, sizeof(heard)), 0); /* and is sent away */
    CU_ASSERT_EQUAL(sessions_count(house.broker.sessions), 1);
    CU_ASSERT_EQUAL(house.broker.metrics->connections_received, 2);
    CU_ASSERT_EQUAL(house.broker.metrics->connections_rejected, 1);
    (void)close(pair[1]);
    house_close(&house);
}

static void who_listens_or_waits_is_not_idle(void)
{
    struct house house;
    struct sessions *all;
    struct session *idle, *listens, *waits;

    house_open(&house);
    all = house.broker.sessions;
    idle = house_guest(&house);
    listens = house_guest(&house);
    waits = house_guest(&house);
    (void)house_ask(&house, listens, "SUBSCRIBE news");
    (void)house_ask(&house, waits, "BLPOP nothing 0");
    sessions_close_idle(all, idle->active + 1000000000);
    CU_ASSERT_FALSE(connection_closing(idle->connection)); /* there is no limit */
    set(&house, "timeout", "5");
    sessions_close_idle(all, idle->active + 5000);
    CU_ASSERT_FALSE(connection_closing(idle->connection));
    sessions_close_idle(all, idle->active + 5001);
    CU_ASSERT_TRUE(connection_closing(idle->connection));
    CU_ASSERT_FALSE(connection_closing(listens->connection));
    CU_ASSERT_FALSE(connection_closing(waits->connection));
    house_close(&house);
}

static void the_largest_goes_until_the_others_are_within_the_limit(void)
{
    struct house house;
    struct sessions *all;
    struct session *small, *large, *spared;

    house_open(&house);
    all = house.broker.sessions;
    small = house_guest(&house);
    large = house_guest(&house);
    spared = house_guest(&house);
    spared->no_evict = true;
    burden(small, LARGE);
    burden(large, 2 * LARGE);
    burden(spared, 4 * LARGE);
    CU_ASSERT_FALSE(sessions_evict(all)); /* there is no limit */
    CU_ASSERT_FALSE(connection_closing(large->connection));
    sessions_limit_memory(all, 2 * LARGE);
    (void)sessions_evict(all);
    CU_ASSERT_TRUE(connection_closing(large->connection));
    CU_ASSERT_FALSE(connection_closing(small->connection));
    CU_ASSERT_FALSE(connection_closing(spared->connection));
    CU_ASSERT_EQUAL(house.broker.metrics->evicted_clients, 1);
    sessions_limit_memory(all, LARGE / 2);
    (void)sessions_evict(all);
    CU_ASSERT_TRUE(connection_closing(small->connection));
    CU_ASSERT_FALSE(connection_closing(spared->connection));
    house_close(&house);
}

/* What a guest's own end of the socket has got. */
static ssize_t received(struct house *house, size_t guest, char *room, size_t size)
{
    (void)connections_send(house->broker.connections);
    return recv(house->peers[guest], room, size, MSG_DONTWAIT);
}

static void a_reply_waits_until_what_it_acknowledges_is_promised(void)
{
    struct house house;
    struct sessions *all;
    struct session *wrote, *looked;
    char room[64];

    house_open(&house);
    all = house.broker.sessions;
    wrote = house_guest(&house);
    looked = house_guest(&house);
    sessions_promise(all, 100, false);
    wrote->said = 150;
    reply_integer(&wrote->reply, 1);
    session_wants_send(wrote);
    reply_integer(&looked->reply, 1);
    session_wants_send(looked);
    CU_ASSERT_EQUAL(received(&house, 0, room, sizeof(room)), -1);
    CU_ASSERT_EQUAL(received(&house, 1, room, sizeof(room)), 4);
    sessions_promise(all, 149, false);
    CU_ASSERT_EQUAL(received(&house, 0, room, sizeof(room)), -1);
    sessions_promise(all, 150, false);
    CU_ASSERT_EQUAL(received(&house, 0, room, sizeof(room)), 4);
    house_close(&house);
}

static void a_promise_that_is_broken_closes_who_waits_for_it(void)
{
    struct house house;
    struct sessions *all;
    struct session *wrote, *looked;
    char room[64];

    house_open(&house);
    all = house.broker.sessions;
    wrote = house_guest(&house);
    looked = house_guest(&house);
    sessions_promise(all, 100, false);
    wrote->said = 150;
    reply_integer(&wrote->reply, 1);
    session_wants_send(wrote);
    CU_ASSERT_EQUAL(received(&house, 0, room, sizeof(room)), -1);
    sessions_promise(all, 100, true);
    CU_ASSERT_EQUAL(received(&house, 0, room, sizeof(room)), -1);
    (void)connections_close(house.broker.connections);
    CU_ASSERT_EQUAL(sessions_count(all), 1);
    CU_ASSERT_PTR_EQUAL(sessions_find(all, looked->id), looked);
    CU_ASSERT_EQUAL(received(&house, 0, room, sizeof(room)), 0); /* nothing but the end */
    house_close(&house);
}

void suite_sessions(void)
{
    CU_pSuite suite = CU_add_suite("sessions", NULL, NULL);

    CU_ADD_TEST(suite, everyone_is_found_by_an_id_that_is_never_used_twice);
    CU_ADD_TEST(suite, a_stand_in_is_nobody_who_is_connected);
    CU_ADD_TEST(suite, all_farewells_are_said_once_in_their_order);
    CU_ADD_TEST(suite, who_is_one_too_many_hears_why);
    CU_ADD_TEST(suite, who_listens_or_waits_is_not_idle);
    CU_ADD_TEST(suite, the_largest_goes_until_the_others_are_within_the_limit);
    CU_ADD_TEST(suite, a_reply_waits_until_what_it_acknowledges_is_promised);
    CU_ADD_TEST(suite, a_promise_that_is_broken_closes_who_waits_for_it);
}
