/*
 * What is said of changes goes to whoever must hear it: the AOF, and then the
 * replicas.
 *
 * Statements are encoded once, into the ledger's feed, as calls are made. At
 * the end of the turn, before any reply leaves, the whole feed is handed on. The
 * log says how far it promises what it took; replies of sessions that said more
 * wait for that. If it breaks they are not sent, for they acknowledge what may be
 * lost: these sessions are closed instead.
 */
#ifndef BROKER_EFFECTS_PROPAGATE_H
#define BROKER_EFFECTS_PROPAGATE_H

#include "broker/dispatch/caller.h"
#include "storage/base/trouble.h"

struct aof;
struct clock;
struct propagate;
struct sessions;
struct snapshot;
struct watch;

struct propagate *propagate_new(struct ledger *ledger, struct aof *aof, struct watch *watch);
void propagate_free(struct propagate *propagate);

/* Whose replies are held back when the log fails. Until then there are none. */
void propagate_set_sessions(struct propagate *propagate, struct sessions *sessions);

/* Counts the microseconds that handing statements to the log takes; borrowed, as the clock is. */
void propagate_measure(struct propagate *propagate, struct clock *clock, uint64_t *took);

/* Whose child a rewrite of the log must not run beside. Until then there is none. */
void propagate_set_snapshot(struct propagate *propagate, const struct snapshot *snapshot);

/*
 * Who else takes what is said, behind the log: replicas. `hears` tells whether
 * there is anybody.
 */
struct propagate_taker {
    void (*take)(void *who, struct slice feed);
    bool (*hears)(const void *who);
    void *who;
};
void propagate_set_taker(struct propagate *propagate, struct propagate_taker taker);

/* A guard: refuses what changes data while the log cannot keep it. */
enum pass propagate_guard(void *propagate, struct call *call);

/* Has replies leave as far as the log promises what they acknowledge. */
void propagate_promise(struct propagate *propagate);

/*
 * In the midst of a turn, and of a call: hands on what calls that have ended
 * said, so that their replies may leave.
 */
void propagate_finished(void *propagate);

/* The step of a turn. Asks for another one while what was said waits for more (aof_settle). */
bool propagate_step(void *propagate);

/*
 * Turns the log on or off, for CONFIG SET. On: what there is now is written by
 * a child, which begins at the end of this turn. Off: at the end of this turn,
 * when all that was said is written. False with trouble: it stays off.
 */
MUST_USE bool propagate_keep_log(struct propagate *propagate, bool on, struct trouble *trouble);

#endif
