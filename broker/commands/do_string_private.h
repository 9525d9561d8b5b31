/* What the commands that edit strings as bytes share. */
#ifndef BROKER_COMMANDS_DO_STRING_PRIVATE_H
#define BROKER_COMMANDS_DO_STRING_PRIVATE_H

#include "broker/dispatch/call.h"

/*
 * Makes a key hold these bytes as they are: what was computed is shown as
 * "raw", even if it is short or happens to be a number.
 */
void put_raw_string(struct call *call, struct slice key, struct slice bytes, bool keep_expiry);

/* The bytes of an item, which may be NULL: then none. Valid as item_string says. */
struct slice string_or_empty(const struct item *item, struct item_digits *digits);

/* ---- Comparing with what is there: SET and DELEX ---- */

enum comparison_how {
    COMPARE_NOTHING,
    COMPARE_EQUAL,           /* IFEQ */
    COMPARE_OTHER,           /* IFNE */
    COMPARE_DIGEST_EQUAL,    /* IFDEQ */
    COMPARE_DIGEST_OTHER     /* IFDNE */
};

struct comparison {
    enum comparison_how how;
    struct slice        with; /* borrowed from the words */
};

/* Takes IFEQ, IFNE, IFDEQ or IFDNE with its word, if one stands there. */
bool comparison_take(struct args *args, struct comparison *comparison);

/*
 * Whether the comparison holds of an item, which may be NULL: then of nothing,
 * which is other than everything. Refuses another kind of value, and a digest
 * that is none.
 */
MUST_USE bool comparison_settle(struct call *call, const struct comparison *comparison,
                                const struct item *item, bool *holds);

#endif
