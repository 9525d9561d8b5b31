#include "tests/unit/broker/house.h"

#include <CUnit/CUnit.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "broker/config/config.h"
#include "broker/dispatch/caller.h"
#include "broker/dispatch/waiting.h"
#include "broker/net/connection.h"
#include "broker/session/sessions.h"
#include "storage/base/log.h"
#include "storage/base/must.h"

void house_open(struct house *house)
{
    struct slice nothing = SLICE("");
    struct trouble trouble;

    *house = (struct house){ .guests = 0 };
    house->clock = clock_new_settable(INT64_C(1700000000000000));
    house->log = log_new();
    house->config = config_new();
    must(config_set(house->config, SLICE("save"), &nothing, 1, &trouble));
    broker_init(&house->broker, house->config, house->clock, house->log);
}

void house_close(struct house *house)
{
    broker_clear(&house->broker);
    config_free(house->config);
    log_free(house->log);
    clock_free(house->clock);
    for (size_t i = 0; i < house->guests; i++)
        (void)close(house->peers[i]);
    buffer_clear(&house->heard);
}

struct session *house_guest(struct house *house)
{
    struct chain *all = sessions_chain(house->broker.sessions);
    int pair[2];

    must(house->guests < HOUSE_GUESTS);
    must(socketpair(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0, pair) == 0);
    house->peers[house->guests++] = pair[1];
    sessions_accept(house->broker.sessions, pair[0], caller_now(house->broker.caller));
    return CHAIN_OWNER(all->prev, struct session, all);
}

void house_leave(struct house *house, struct session *guest)
{
    sessions_close(house->broker.sessions, guest, false);
    (void)connections_close(house->broker.connections);
}

const char *house_heard(struct house *house, struct session *guest)
{
    struct outbox *outbox = guest->reply.out;

    buffer_rewind(&house->heard);
    outbox_copy_to(outbox, &house->heard);
    outbox_sent(outbox, outbox_pending(outbox));
    buffer_add_byte(&house->heard, '\0');
    return house->heard.at;
}

const char *house_ask(struct house *house, struct session *guest, const char *request)
{
    struct slice words[HOUSE_WORDS];
    struct args args = { .words = words };

    for (const char *word = request; *word != '\0'; word += word[0] == ' ') {
        size_t len = strcspn(word, " ");

        must(args.count < HOUSE_WORDS);
        words[args.count++] = slice_of(word, len);
        word += len;
    }
    (void)caller_begin(house->broker.caller);
    CU_ASSERT_TRUE(caller_request(house->broker.caller, guest, &args));
    return house_heard(house, guest);
}

void house_later(struct house *house, millis later)
{
    clock_move(house->clock, later * 1000);
    waiting_time_over(house->broker.waiting, house->broker.caller,
                      caller_begin(house->broker.caller));
}
