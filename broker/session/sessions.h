/*
 * All sessions: made, found, listed, killed, ended.
 *
 * Rooms above that hang something on a session give a farewell when the broker
 * is made; all farewells run, in order, when a session ends.
 */
#ifndef BROKER_SESSION_SESSIONS_H
#define BROKER_SESSION_SESSIONS_H

#include "broker/session/session.h"

struct connections;
struct error_counts;
struct hash_key;
struct metrics;
struct options;
struct sessions;

/* Called when a session ends, to take back what a room hung on it. */
struct farewell {
    void (*say)(void *who, struct session *session);
    void *who;
};

struct preview;

/* What happens with the bytes of a session: broker/dispatch/intake. */
struct session_intake {
    size_t (*input)(void *who, struct session *session, struct slice bytes, size_t *wanted);
    void (*ahead)(void *who, const struct preview *previews, size_t count); /* of sessions */
    void *who;
};

/* Called first for every session with a connection: gives it a user. */
struct welcome {
    void (*say)(void *who, struct session *session);
    void *who;
};

struct sessions_setup {
    struct connections   *connections;
    struct metrics       *metrics;
    const struct options *options;
    struct error_counts  *errors; /* counts every error line */
    const struct hash_key *secret;
    struct session_intake intake;
    struct welcome        welcome; /* decides whether it is signed in, and what it may */
};

struct sessions *sessions_new(const struct sessions_setup *setup);
void sessions_free(struct sessions *all);

/* Adds a farewell for every session that ends; they are called in the order of adding. */
void sessions_add_farewell(struct sessions *all, struct farewell farewell);

/* Takes a socket over: greets it, or refuses it with a clear error if there are too many. */
void sessions_accept(struct sessions *all, int fd, millis now);

/* Says to a socket that there are too many already, and closes it. */
void sessions_refuse(struct sessions *all, int fd);

/* A session without a connection, for replay; ended with sessions_end. */
struct session *sessions_stand_in(struct sessions *all, millis now);

/* Ends a session now and frees it; its connection, if any, is gone already. */
void sessions_end(struct sessions *all, struct session *session);

/* Closes a session at the end of the turn, after its replies or at once. */
void sessions_close(struct sessions *all, struct session *session, bool after_replies);

/* How many have a connection; and the one with an id, or NULL. O(1). */
size_t sessions_count(const struct sessions *all);
struct session *sessions_find(struct sessions *all, uint64_t id);

/* The options that sessions follow. */
const struct options *sessions_options(const struct sessions *all);

/* The head of the chain of sessions with a connection, oldest first; links are session->all. */
struct chain *sessions_chain(struct sessions *all);

/* Closes sessions idle for longer than the option `timeout`. O(n): once a second is enough. */
void sessions_close_idle(struct sessions *all, millis now);

/*
 * The memory of all sessions: while there is a limit every session is weighed
 * when it has spoken and when it falls behind, and a step of the turn closes the
 * largest until all are within it. Those with CLIENT NO-EVICT, replicas and
 * monitors weigh nothing. 0 is no limit.
 */
void sessions_limit_memory(struct sessions *all, size_t bytes);
bool sessions_evict(void *sessions);

/* Weighs a session anew, whose memory changed otherwise. O(1). */
void sessions_weigh(struct sessions *all, struct session *session);

/* Closes sessions over their soft output limit for too long. O(those that read too slowly). */
void sessions_close_slow(struct sessions *all, millis now);

/*
 * Says how far what sessions said may be acknowledged (session->said): replies of
 * those who said more wait for that. If it is broken they are not sent, and who
 * waits is closed.
 */
void sessions_promise(struct sessions *all, uint64_t upto, bool broken);

#endif
