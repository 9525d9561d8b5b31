/*
 * A whole broker within a unit test, for modules that are hard to see apart from it: they are
 * reached through house->broker, and driven by what guests ask.
 *
 * Guests are sessions over pairs of sockets, but no loop runs: a request is a call of the
 * caller, and answers stay in the guest's outbox until the test looks. Time stands still
 * until it is moved. Nothing is written to disk.
 */
#ifndef TESTS_UNIT_BROKER_HOUSE_H
#define TESTS_UNIT_BROKER_HOUSE_H

#include "broker/broker.h"
#include "broker/session/session.h"
#include "storage/base/buffer.h"

enum { HOUSE_GUESTS = 16, HOUSE_WORDS = 16 };

struct house {
    struct clock  *clock;
    struct log    *log;
    struct config *config;
    struct broker  broker;
    int            peers[HOUSE_GUESTS]; /* the guests' own ends */
    size_t         guests;
    struct buffer  heard;
};

/* Makes a broker with the options as they are by themselves, and frees it with all guests. */
void house_open(struct house *house);
void house_close(struct house *house);

/* Somebody connects. The session is borrowed until it leaves. */
struct session *house_guest(struct house *house);

/* Ends a guest's session, as if its peer had hung up. */
void house_leave(struct house *house, struct session *guest);

/* Takes what waits in a guest's outbox, as text that lives until the next look. */
const char *house_heard(struct house *house, struct session *guest);

/* Asks something, of words with one space between, and returns what the guest has heard then. */
const char *house_ask(struct house *house, struct session *guest, const char *request);

/* Moves the clock; whose time to wait is over is answered. */
void house_later(struct house *house, millis later);

#endif
