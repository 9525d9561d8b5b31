/*
 * Expiries as the words of a request give them: for the commands that set one.
 */
#ifndef BROKER_COMMANDS_DO_EXPIRE_PRIVATE_H
#define BROKER_COMMANDS_DO_EXPIRE_PRIVATE_H

#include "broker/dispatch/call.h"

/* How a word tells when: a duration or a date, in seconds or milliseconds. */
enum expiry_unit {
    EXPIRY_NONE,
    EXPIRY_SECONDS,
    EXPIRY_MILLIS,
    EXPIRY_SECONDS_DATE,
    EXPIRY_MILLIS_DATE
};

struct expiry {
    enum expiry_unit unit; /* EXPIRY_NONE: none was asked for */
    struct slice     word;
    millis           at;   /* the date, once settled */
};

/* Takes EX, PX, EXAT or PXAT with its word, if one stands there and no other was taken before. */
bool expiry_take_option(struct call *call, struct expiry *expiry);

/* Works out the date; answers with Redis's error and returns false if there is none. */
MUST_USE bool expiry_settle(struct call *call, struct expiry *expiry);

/*
 * Sets when an item expires, notes it and says it as a date; a date that is
 * past removes the key instead, unless the log is being replayed.
 */
void expiry_apply(struct call *call, struct slice key, struct item *item, millis at);

#endif
