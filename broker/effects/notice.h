/*
 * Keyspace events: lines of the ledger become messages on
 * __keyspace@<db>__:<key> and __keyevent@<db>__:<event>, where the option
 * notify-keyspace-events asks for their class. Where it asks for them, fields of
 * hashes that changed are told on four channels more:
 *
 *     __subkeyspace@<db>__:<key>               <event>|<fields>
 *     __subkeyevent@<db>__:<event>             <length>:<key>|<fields>
 *     __subkeyspaceitem@<db>__:<key>\n<field>  <event>
 *     __subkeyspaceevent@<db>__:<event>|<key>  <fields>
 *
 *     fields   <length>:<field>,<length>:<field>...
 *
 * A key with a newline is told on no __subkeyspaceitem@. Where the option names no
 * class at all, fields are told of all events. Format source: Redis's public
 * documentation of subkey notifications.
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

/*
 * Publishes what earlier calls of the transaction or script under way noted, so that a message
 * said now comes behind it, and who subscribes now does not hear of what was before.
 */
void notice_catch_up(struct notice *notice);

#endif
