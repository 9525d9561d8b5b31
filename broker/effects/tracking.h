/*
 * Client-side caching: who keeps copies of keys is told when they change.
 *
 * A session that tracks is remembered under every key it reads; the first change
 * tells it once and forgets it. In broadcast mode nothing is remembered: it hears
 * of every change to keys that begin with its prefixes, at the end of the turn.
 *
 *     GET k ──► witness: "session 7 knows k" ──► SET k by anybody ──► invalidate k to 7
 *
 * The message is a push under RESP3. Under RESP2 it goes to another session
 * (REDIRECT), as a message on __redis__:invalidate.
 *
 * Keys are known by name, whatever the database. That a session is gone, or
 * tracks no longer, is seen when it would be told.
 *
 * Source of the rules: the documentation of client-side caching, redis-server 7.0.
 */
#ifndef BROKER_EFFECTS_TRACKING_H
#define BROKER_EFFECTS_TRACKING_H

#include "broker/dispatch/caller.h"
#include "broker/session/session.h"
#include "storage/base/slice.h"

struct hash_key;
struct options;
struct sessions;
struct tracking;

/* How a session tracks. */
enum tracking_flags {
    TRACKING_BROADCAST = 1 << 0,
    TRACKING_OPT_IN = 1 << 1,
    TRACKING_OPT_OUT = 1 << 2,
    TRACKING_NO_LOOP = 1 << 3,
    TRACKING_CACHING = 1 << 4, /* CLIENT CACHING was said of the next call */
    TRACKING_BROKEN = 1 << 5,  /* whom it redirected to is gone */
};

/* Pointers are borrowed. */
struct tracking *tracking_new(struct ledger *ledger, const struct options *options,
                              const struct hash_key *secret);

/* Hands it the sessions, which are made after it. */
void tracking_set_sessions(struct tracking *tracking, struct sessions *sessions);

/* Frees it; no session tracks any more. NULL is fine. */
void tracking_free(struct tracking *tracking);

/* Begins, or goes on in another way; 0 redirects nowhere. Prefixes are kept. */
void tracking_begin(struct tracking *tracking, struct session *session, uint32_t flags,
                    uint64_t redirect);

/* Adds a prefix to those of a session in broadcast mode; a second time is harmless. */
void tracking_add_prefix(struct tracking *tracking, struct session *session, struct slice prefix);

/* Tracks no longer; fine if it does not. */
void tracking_end(struct tracking *tracking, struct session *session);

/* A farewell for sessions.h. */
void tracking_forget(void *tracking, struct session *session);

/* enum tracking_flags of a session that tracks; and CLIENT CACHING. */
uint32_t tracking_flags_of(const struct session *session);
void tracking_set_caching(struct session *session);

/* The prefixes of a session in their order; index below the count. */
size_t tracking_prefix_count(const struct session *session);
struct slice tracking_prefix_at(const struct session *session, size_t index);

/* The witness: remembers what a session has read. */
void tracking_witness(void *tracking, const struct call *call, enum verdict verdict, micros took);
micros tracking_wants(const void *tracking);

/* The effect: tells who knows what has changed. */
void tracking_changes(void *tracking, const struct ledger_line *lines, size_t count);

/* Tells all who track that nothing they know is valid, if anything is remembered. O(sessions). */
void tracking_invalidate_all(struct tracking *tracking);

/* The step of a turn: broadcasts, and forgets keys beyond tracking-table-max-keys. */
bool tracking_step(void *tracking);

/* For INFO. */
struct tracking_figures {
    size_t sessions; /* who track */
    size_t keys;     /* that are remembered */
    size_t items;    /* pairs of a key and a session */
    size_t prefixes;
    size_t memory;   /* bytes */
};
void tracking_figures(const struct tracking *tracking, struct tracking_figures *figures);

/* Asserts every invariant; debug and sanitizer builds do it whenever a session ends. */
void tracking_check(const struct tracking *tracking);

#endif
