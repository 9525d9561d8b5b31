/*
 * WATCHed keys: which sessions' EXEC a change makes fail.
 */
#ifndef BROKER_EFFECTS_WATCH_H
#define BROKER_EFFECTS_WATCH_H

#include "broker/dispatch/ledger.h"
#include "broker/session/session.h"

struct hash_key;
struct keyspaces;
struct watch;

/* Pointers are borrowed. */
struct watch *watch_new(struct ledger *ledger, struct keyspaces *keyspaces,
                        const struct hash_key *secret);
void watch_free(struct watch *watch);

/* Begins to watch a key of a database; a second time is harmless. O(keys the session watches). */
void watch_key(struct watch *watch, struct session *session, uint32_t db, struct slice key);

/* Watches nothing any longer, and forgets what changed: UNWATCH, EXEC, DISCARD. */
void watch_end(struct watch *watch, struct session *session);

/*
 * Looks whether a watched key went past its time since it was watched, which
 * nobody has noted yet.
 */
bool watch_any_past(struct watch *watch, struct session *session);

/* The effect: sessions that watch a changed key will fail their EXEC. */
void watch_changes(void *watch, const struct ledger_line *lines, size_t count);

/* A farewell for sessions.h. */
void watch_forget(void *watch, struct session *session);

/* Keys that anybody watches, and sessions that watch any; for INFO. O(databases). */
size_t watch_keys(const struct watch *watch);
size_t watch_sessions(const struct watch *watch);

#endif
