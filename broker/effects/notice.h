/*
 * Keyspace events: lines of the ledger become messages on
 * __keyspace@<db>__:<key> and __keyevent@<db>__:<event>, where the option
 * notify-keyspace-events asks for their class.
 */
#ifndef BROKER_EFFECTS_NOTICE_H
#define BROKER_EFFECTS_NOTICE_H

#include "broker/dispatch/ledger.h"

struct hub;
struct notice;
struct options;

struct notice *notice_new(struct ledger *ledger, struct hub *hub, const struct options *options);
void notice_free(struct notice *notice);

/* Takes the option as it is now: begins or ceases to listen. */
void notice_follow_option(struct notice *notice);

/* The effect. */
void notice_changes(void *notice, const struct ledger_line *lines, size_t count);

#endif
