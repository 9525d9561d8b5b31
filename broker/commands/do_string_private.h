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

#endif
