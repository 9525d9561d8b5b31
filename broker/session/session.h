/*
 * A session: somebody connected. Name, user, selected database, protocol.
 *
 * The connection has the bytes, the session knows who it is. Rooms above hang
 * what they know of a session on its hooks (transaction, waiter, watches,
 * subscriptions); each room touches only its own hook and is told by
 * `sessions.h` when the session ends.
 *
 * A stand-in session has no connection: statements from a log or a primary
 * are run as calls on one, and its replies go nowhere.
 */
#ifndef BROKER_SESSION_SESSION_H
#define BROKER_SESSION_SESSION_H

#include "broker/protocol/reply.h"
#include "broker/protocol/request.h"
#include "storage/base/bytes.h"
#include "storage/base/chain.h"
#include "storage/base/clock.h"

struct connection;
struct holding;
struct overflow;
struct replica;
struct session_waiter;
struct sessions;
struct subscriber;
struct tracker;
struct transaction;
struct user;
struct watches;

/* Whether replies are sent: CLIENT REPLY. SKIP_NEXT is set by the call that asks for it and becomes
 * SKIP behind that call; SKIP becomes ON behind the call whose reply was left out. */
enum session_replies { SESSION_REPLIES_ON, SESSION_REPLIES_OFF, SESSION_REPLIES_SKIP_NEXT,
                       SESSION_REPLIES_SKIP };

struct session {
    struct chain       all;         /* link of sessions.c */
    struct chain       slow;        /* link of sessions.c, while its peer takes no more output */
    struct chain       held;        /* link of holding.c, while its next request must wait */
    struct holding    *holding;     /* who holds it, or NULL */
    millis             held_until;  /* how long at most, 0 for ever */
    struct sessions   *home;        /* all of them */
    uint64_t           id;          /* rises, never used twice */
    struct connection *connection;  /* NULL for a stand-in */
    struct connection *peer;        /* of a stand-in for a primary: where that is connected; for describing */
    struct reply       reply;       /* where answers go, in which protocol */
    uint32_t           db;          /* the selected database */
    uint8_t            replies;     /* enum session_replies */
    bool               signed_in;   /* may do what its user may */
    bool               may_all;     /* which is everything: no rules are to be asked */
    bool               no_evict;    /* CLIENT NO-EVICT */
    bool               no_touch;    /* CLIENT NO-TOUCH */
    bool               uncounted;   /* repeats what was counted when it was said: replay */
    bool               paused;      /* its requests wait: it waits for a key, or all are paused */
    bool               is_replica;  /* gets the feed */
    bool               is_primary;  /* a stand-in for the primary that is followed */
    bool               is_monitor;  /* gets every call */
    bool               watch_failed;/* a key it watches changed: its EXEC will do nothing */
    bool               wrote;       /* the call under way has said something */
    bool               in_call;     /* its own call is under way */
    bool               tracks_prefixes; /* it tracks keys in broadcast mode */
    bool               tracks_broken;   /* whom it redirects invalidations to is gone */
    int64_t            redirect;    /* to which session it redirects them, 0 to none, -1: it does not track */
    int32_t            queued;      /* calls queued by MULTI, -1 outside of it */
    uint32_t           channels;    /* how many it is subscribed to */
    uint32_t           patterns;
    uint32_t           shards;
    struct outbox     *heard;       /* Private: the outbox of a stand-in, else NULL */

    /* Each belongs to the room named; NULL while it does not concern the session. */
    struct user           *user;        /* acl/user; NULL of a stand-in, which may do all */
    struct transaction    *transaction; /* dispatch/transaction */
    struct session_waiter *waiter;      /* dispatch/waiting */
    struct overflow       *overflow;    /* session/overflow */
    struct replica        *replica;     /* replication/replica */
    struct tracker        *tracker;     /* effects/tracking */
    struct watches        *watches;     /* effects/watch */
    struct subscriber     *subscriber;  /* session/subscription */

    uint64_t           said;        /* how far the feed went with its last statement */
    int64_t            told;        /* where the stream of replicas ended then, or a little further */
    struct buffer      behind;      /* pushes that came meanwhile: they follow the reply */
    struct request    *request;     /* what is half read, owned; NULL while nothing is */
    struct slice       user_name;   /* borrowed from its user; nothing of a stand-in */
    struct bytes      *name;        /* CLIENT SETNAME, or NULL */
    struct bytes      *library;     /* CLIENT SETINFO LIB-NAME, or NULL */
    struct bytes      *library_version;
    const char        *last_command;/* full name of the last it ran, "NULL" before; static text */
    millis             since;       /* when it came */
    millis             active;      /* when it last sent something */
    micros             ran;         /* how long its waiting call has run so far */
    int64_t            waits_offset;/* of the stream, up to which its WAIT waits */
    millis             slow_since;  /* since when it is over its soft output limit, or 0 */
    uint64_t           calls;       /* commands run */
    size_t             reading;     /* bytes of requests that are being run right now */
    size_t             queued_bytes;   /* of memory: calls queued by MULTI */
    size_t             watched_bytes;  /* keys it watches */
    size_t             watched_keys;   /* how many */
    size_t             tracked_bytes;  /* prefixes it tracks */
    size_t             weight;      /* Private to sessions.c: what it counts for in the total */
    uint64_t           bytes_in;
    uint64_t           bytes_out;
};

/* Whether a session is in subscribed mode under RESP2, where few commands are allowed. */
bool session_only_hears(const struct session *session);

/* The name given with CLIENT SETNAME, or nothing. */
struct slice session_name(const struct session *session);

/* Says that something was put in its outbox outside of its own requests. */
void session_wants_send(struct session *session);

/* Puts an own share of text on one of the session's texts, dropping what was there. */
void session_set_text(struct bytes **text, struct slice to);

/*
 * Bytes of memory that the session is answerable for: replies by reference count
 * in full, as if each were a copy. O(1).
 */
size_t session_memory(const struct session *session);

/* The same for sums: of what is shared by n holders an n-th. O(replies it has not read). */
size_t session_memory_own(const struct session *session);

/* Appends the line of CLIENT LIST, without its end. */
struct buffer;
void session_describe(const struct session *session, millis now, struct buffer *to);

#endif
