/*
 * What becomes of messages that a subscriber does not read: CLIENT OVERFLOW.
 *
 * A session that chooses nothing is closed at the limits of its class, as in Redis. One
 * that chose otherwise is kept: while its outbox is full, messages wait in a queue of
 * bounded size, by reference; what does not fit is dropped and counted.
 *
 *     published ──► outbox has room ──► outbox ──► socket
 *                └► it has not ──► queue ──► outbox, when it was sent
 *                                    └► full: the oldest goes, or the newest, or all but the
 *                                       latest of each channel
 *
 * Under RESP3 the session is told behind a gap how many messages it missed, by a
 * push ["overflow", "dropped", count]; and, once it lies behind its soft limit,
 * ["overflow", "warning", bytes, limit].
 */
#ifndef BROKER_SESSION_OVERFLOW_H
#define BROKER_SESSION_OVERFLOW_H

#include "broker/session/session.h"

struct message;
struct metrics;
struct options;

enum overflow_mode {
    OVERFLOW_DISCONNECT,
    OVERFLOW_DROP_OLDEST,
    OVERFLOW_DROP_NEWEST,
    OVERFLOW_LATEST, /* of each channel only the newest waits */
    OVERFLOW_MODES
};

/* "drop-oldest". */
const char *overflow_mode_name(enum overflow_mode mode);

/* Chooses a mode. The queue holds `most` bytes, 0 leaves that to the limits of the class. */
void overflow_set(struct session *session, enum overflow_mode mode, size_t most,
                  struct metrics *metrics);

/* What was chosen; OVERFLOW_DISCONNECT if nothing was. */
enum overflow_mode overflow_mode_of(const struct session *session);

/* Messages that were dropped so far. */
uint64_t overflow_dropped(const struct session *session);

/*
 * Takes care of a message if it may not go to the outbox now; false if it may.
 * O(1), and one comparison for who chose nothing.
 */
bool overflow_takes(struct session *session, const struct message *message,
                    const struct options *options);

/* The outbox is empty again: moves messages there. */
void overflow_go_on(struct session *session);

/* Tells a session once that so many bytes are more than its soft limit; if it wants to know. */
void overflow_warn(struct session *session, size_t pending, size_t soft);

/* Drops what waits, and the choice; fine if there is none. */
void overflow_end(struct session *session);

/* Bytes of memory. A message that n sessions share counts in full in the first, and as an n-th part
 * in the second. */
size_t overflow_memory(const struct session *session);
size_t overflow_memory_own(const struct session *session);

#endif
