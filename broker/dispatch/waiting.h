/*
 * Sessions waiting for keys, and serving them, first come first served.
 *
 * A waiter keeps the words of its command, copied once, and a place under each
 * key. When a key it waits for may be ready its command is run again, whole;
 * there is nothing to serve for each type. A command that still finds nothing
 * keeps its place and its first deadline.
 *
 * Under a key, waiters stand in lanes. In a lane all compete for the same: if
 * the first cannot be served, nobody behind him can, so a push costs as many
 * runs as it brought elements and one more, however many wait. Readers of a
 * stream do not compete: their lane is shared and each is run. Where some need
 * less than others (only entries idle for longer, say), a waiter that cannot be
 * served still lets those behind try who need less than he does.
 *
 * What a lane waits for may also come with time alone: then it has an alarm, the
 * earliest that any of its waiters asked for, and is served when that rings.
 *
 *                    waiting_add                   serve: DONE or REFUSED
 *   call ──VERDICT_WAIT──► waiter in its lanes ───────────────────────────► session goes on
 *                             │    ▲                                            ▲
 *                             └────┘ serve: still VERDICT_WAIT                  │
 *                             └──── time over, CLIENT UNBLOCK, session ends ────┘
 */
#ifndef BROKER_DISPATCH_WAITING_H
#define BROKER_DISPATCH_WAITING_H

#include "broker/dispatch/call.h"

struct hash_key;
struct keyspaces;
struct ledger;
struct metrics;
struct waiting;

struct waiting_setup {
    struct keyspaces      *keyspaces;
    struct ledger         *ledger;
    struct metrics        *metrics;
    const struct hash_key *secret;
};

struct waiting *waiting_new(const struct waiting_setup *setup);
void waiting_free(struct waiting *waiting);

/* Makes the session of a call wait; only call_wait calls this. O(keys). */
void waiting_add(struct waiting *waiting, struct call *call, const struct wait *wait);

/* Sets the alarm of the lanes of a session that waits, if it is not earlier already. O(log n). */
void waiting_wake_at(struct waiting *waiting, struct session *session, millis at);

/* Says that alarms of a key's lanes may have to be earlier: their waiters are run. O(lanes). */
void waiting_due_earlier(struct waiting *waiting, uint32_t db, struct slice key);

/* What call_repeat_answer and call_keep_answer do. O(bytes of the words), and of the answer. */
MUST_USE bool waiting_repeat_answer(struct waiting *waiting, struct call *call);
void waiting_keep_answer(struct waiting *waiting, struct call *call);

/* Says that a key may have what somebody waits for. O(1) if nobody does. */
void waiting_key_changed(struct waiting *waiting, uint32_t db, struct slice key);
void waiting_all_changed(struct waiting *waiting, uint32_t db);

/* Whether a key with waiters changed and waiting_serve has something to do. */
bool waiting_is_ready(const struct waiting *waiting);

/* Serves whom it can, until no key is ready. */
void waiting_serve(struct waiting *waiting, struct caller *caller);

/* Serves lanes whose alarm rings, then answers those whose time is over. */
void waiting_time_over(struct waiting *waiting, struct caller *caller, millis now);

/* The earliest deadline or alarm, or -1 if there is none. */
millis waiting_next_deadline(const struct waiting *waiting);

/*
 * Ends a wait from outside: as if its time were over, or with the error line
 * given. False if the session does not wait.
 */
bool waiting_unblock(struct waiting *waiting, struct caller *caller, struct session *session,
                     struct slice error);

/* Forgets a session that ends. */
void waiting_forget(void *waiting, struct session *session);

/* For INFO: keys somebody waits for, and those whose removal somebody waits for too. The second
 * looks at every lane. */
size_t waiting_keys(const struct waiting *waiting);
size_t waiting_keys_on_gone(const struct waiting *waiting);

#endif
