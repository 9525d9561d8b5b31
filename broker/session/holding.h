/*
 * Sessions whose next request must wait: its bytes stay where they are, and are
 * shown again when the session goes on.
 *
 * Whoever holds sessions back has a holding of its own: CLIENT PAUSE, the limit
 * of queues. A session is in at most one, and goes on in the order of coming.
 */
#ifndef BROKER_SESSION_HOLDING_H
#define BROKER_SESSION_HOLDING_H

#include "broker/session/session.h"

struct metrics;

struct holding {
    struct chain    held;    /* Private: links are session->held */
    size_t          count;
    struct metrics *metrics; /* counts them as blocked */
};

/* Nobody is held. The metrics are borrowed. */
void holding_init(struct holding *holding, struct metrics *metrics);

/* Holds a session back until `until`, for whoever looks at session->held_until; 0 is for ever. */
void holding_add(struct holding *holding, struct session *session, millis until);

/* The same in front of all others: one who was let go too early. */
void holding_add_first(struct holding *holding, struct session *session, millis until);

/* Lets the first go on, or all. */
void holding_release_first(struct holding *holding);
void holding_release_all(struct holding *holding);

/* The one who came first, or NULL. */
struct session *holding_first(const struct holding *holding);

/* Forgets a session that ends, if it is one of these. */
void holding_forget(struct holding *holding, struct session *session);

#endif
