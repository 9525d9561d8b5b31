/*
 * How much may wait on either side of a session before it is closed: requests
 * that are half read, and replies and messages that the peer does not take.
 *
 * Output has a hard limit, which closes at once, and a soft one, which closes if
 * it is exceeded for some seconds on end; both by class, since those who
 * subscribe are sent what they did not ask for. Limits are looked at when the
 * socket takes no more, not with every reply, so they cost nothing while peers
 * read.
 */
#ifndef BROKER_SESSION_LIMITS_H
#define BROKER_SESSION_LIMITS_H

#include "broker/session/session.h"

struct metrics;
struct options;

/* Closes a session whose request has grown, or is going to grow, to more bytes than are allowed. */
void limits_input(struct session *session, size_t kept, const struct options *options,
                  struct metrics *metrics);

/* Closes a session at its hard limit, with so many bytes that it does not read. */
void limits_output(struct session *session, size_t pending, const struct options *options,
                   struct metrics *metrics);

/* The same at its soft limit; called about once a second for each session that is over it. */
void limits_linger(struct session *session, millis now, const struct options *options,
                   struct metrics *metrics);

/* How much output a session may leave unread before it is closed, at once or if it lasts; 0 for any. */
size_t limits_hard(const struct session *session, const struct options *options);
size_t limits_soft(const struct session *session, const struct options *options);

#endif
