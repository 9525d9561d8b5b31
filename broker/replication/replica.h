/*
 * One replica, as its primary knows it: a session that said REPLCONF, and is fed
 * once it has asked for it with SYNC or PSYNC.
 *
 *   KNOWN ──full_sync_ask──► WAITS ──save begins──► SAVING ──file is there──► SENDING
 *     │                                               │                         │ all sent
 *     │                                               └──stream has ended──┐    ▼
 *     └───────────────────── PSYNC can go on ──────────────────────────────► ONLINE
 *
 * From SAVING on the replica holds the backlog from the byte on that follows its
 * snapshot (`held`), until it is ONLINE and all of that is in its outbox.
 */
#ifndef BROKER_REPLICATION_REPLICA_H
#define BROKER_REPLICATION_REPLICA_H

#include "broker/session/session.h"

enum replica_state {
    REPLICA_KNOWN,   /* it told something of itself, and is not fed */
    REPLICA_WAITS,   /* for a save to begin */
    REPLICA_SAVING,  /* a child writes what it is to get, into a file or a pipe */
    REPLICA_SENDING, /* the file is sent */
    REPLICA_ONLINE   /* it hears the stream */
};

enum { REPLICA_ADDRESS = 256, REPLICA_NAME = REPLICA_ADDRESS + 32 };

struct replica {
    struct chain       link;       /* of primary.c, once it asked; in the order of asking */
    struct session    *session;
    enum replica_state state;
    bool               is_old;     /* it said SYNC: it never tells how far it is */
    bool               takes_eof;  /* REPLCONF capa eof, and so on */
    bool               knows_psync2;
    bool               only_snapshot; /* it goes when it has that */
    bool               no_keys;
    bool               no_functions;
    bool               begins_on_ack; /* online, but the stream begins when it says that it is ready */
    bool               piped;      /* SAVING: what comes out of the pipe is for it */
    uint16_t           port;       /* that it listens on; 0: not told */
    char               address[REPLICA_ADDRESS]; /* that it announced; empty: not told */
    char               peer[REPLICA_ADDRESS];    /* that of its connection */
    int64_t            from;       /* WAITS and later: the byte of the stream that it begins with */
    struct bytes      *held;       /* a share that keeps the backlog from there on, or NULL */
    int64_t            acked;      /* what it has of the stream, as it says */
    int64_t            acked_disk; /* and what its own log has on disk */
    millis             acked_at;
    millis             asked_at;
    int                file;       /* SENDING: open, else -1 */
    uint64_t           left;       /* bytes of it */
    size_t             stuck_with; /* bytes it had not taken when it was last looked at */
    millis             stuck_since;
};

/* What is known of a session as a replica; made when it is asked for first. Never NULL. */
struct replica *replica_of(struct session *session);

/* Frees it, with all it holds. NULL is fine. */
void replica_free(struct replica *replica);

/* Its address, as it announced it or as its connection tells; borrowed. */
const char *replica_address(const struct replica *replica);

/* "127.0.0.1:6380" for the log; its own port may be unknown. */
void replica_print_name(const struct replica *replica, char to[REPLICA_NAME]);

/* "online", as INFO has it. */
const char *replica_state_name(enum replica_state state);

/* Drops what it holds of the backlog. */
void replica_let_go(struct replica *replica);

/* Whether the stream goes into its outbox as it is said. */
bool replica_is_fed(const struct replica *replica);

#endif
