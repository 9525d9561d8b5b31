/*
 * The follower: this server as a replica of a primary.
 *
 *   NOBODY ──follower_follow──► WAITING ──► CONNECTING ──► GREETING ──+CONTINUE──► FOLLOWING
 *     ▲                            ▲                          │                        ▲
 *     │                            │                      +FULLRESYNC                  │
 *     └──follower_leave── (any)    └── trouble, any ──┐       ▼                        │
 *                                                     └─ RECEIVING ──► LOADING ────────┘
 *
 * Everything happens in the event loop. Only loading takes long, and makes turns
 * of the loop meanwhile.
 *
 * What always holds:
 *   (1) role->offset counts the bytes of statements that were done, no others: bytes
 *       of a transaction count when its EXEC is done.
 *   (2) Bytes that were done are handed on as they came, to the backlog and to
 *       replicas of our own.
 *   (3) `can_resume` means that our data is exactly what the history role->id has at
 *       role->offset.
 */
#ifndef BROKER_REPLICATION_FOLLOWER_H
#define BROKER_REPLICATION_FOLLOWER_H

#include <stdbool.h>
#include <stdint.h>

#include "broker/dispatch/caller.h"
#include "storage/base/buffer.h"
#include "storage/base/clock.h"

struct aof;
struct connections;
struct follower;
struct log;
struct pausing;
struct loop;
struct rdb_stream;
struct reply;
struct role;
struct sessions;
struct snapshot;

enum follower_state {
    FOLLOWER_NOBODY,     /* this is a primary */
    FOLLOWER_WAITING,    /* to connect again */
    FOLLOWER_CONNECTING,
    FOLLOWER_GREETING,
    FOLLOWER_RECEIVING,  /* a snapshot of all data comes */
    FOLLOWER_LOADING,    /* the snapshot is loaded */
    FOLLOWER_FOLLOWING   /* the stream comes */
};

/* Who hears on what we heard: replicas of our own. */
struct downstream {
    /* Bytes of the stream were done: keeps and sends them, and counts them in role->offset. */
    void (*relay)(void *who, struct slice bytes);

    /* The history has another ID now, or other data is to come: they must ask again. */
    void (*part)(void *who);

    /* All data was replaced: the stream begins at role->offset. */
    void (*restart)(void *who);

    /* The stream is to be kept from now on, for whoever may follow. */
    void (*keep)(void *who);
    void *who;
};

struct follower_setup {
    struct loop          *loop;
    struct connections   *connections;
    struct sessions      *sessions;
    struct caller        *caller;
    struct ledger        *ledger;
    struct waiting       *waiting;
    struct pausing       *pausing;
    struct keyspaces     *keyspaces;
    struct snapshot      *snapshot;
    struct aof           *aof;
    struct clock         *clock;
    struct log           *log;
    struct metrics       *metrics;
    struct role          *role;
    const struct options *options;
    struct downstream     downstream;

    /* A second set of databases, to be filled beside ours. */
    struct keyspaces *(*another_set)(void *who);

    /* Called when a transaction of the primary ends without EXEC. */
    void (*unwatch)(void *who, struct session *session);
    void *unwatch_who;

    /*
     * Hands on what calls of this turn have said so far. What was said in one role counts in
     * it: an offset without it would let another history go on behind it, and with the other
     * role it would be said once more.
     */
    void (*hand_on)(void *who);
    void *hand_on_who;

    /* Sets the option replicaof: "host port" or "". */
    void (*settle)(void *who, struct slice peer);
    void *who;
};

struct follower *follower_new(const struct follower_setup *setup);
void follower_free(struct follower *follower);

/* Hands in the sessions and the caller: they are made later, and NULL in the setup. */
void follower_bind(struct follower *follower, struct sessions *sessions, struct caller *caller);

/*
 * Follows the primary that the option replicaof names, if any, from the start on.
 * `stream` is the history and offset of the data that was loaded.
 */
void follower_begin(struct follower *follower, const struct rdb_stream *stream);

/* REPLICAOF: follows another primary, first asking it to go on from the data that we have. */
void follower_follow(struct follower *follower, struct slice host, int64_t port);

/* REPLICAOF NO ONE: becomes a primary, whose history branches off. */
void follower_leave(struct follower *follower);

/* Whether it follows this very primary already. */
bool follower_follows(const struct follower *follower, struct slice host, int64_t port);

/*
 * FAILOVER: the next greeting asks the primary to hand its role over. What came of it
 * is told by `done`: true if it agreed.
 */
void follower_demand_failover(struct follower *follower, void (*done)(void *who, bool agreed),
                              void *who);

/*
 * A step of the turn, behind the one that writes the log: tells a primary that asked, if
 * that waits for our disk and the disk has come so far.
 */
bool follower_step(void *follower);

/* CLIENT KILL TYPE master: ends the connection. False if there is none. */
bool follower_kill(struct follower *follower);

/* Guards: READONLY, and MASTERDOWN. */
enum pass follower_guard_writes(void *follower, struct call *call);
enum pass follower_guard_stale(void *follower, struct call *call);

/* Whether writes of sessions are refused here, and whether all but some commands are. */
bool follower_is_read_only(const struct follower *follower);
bool follower_is_stale(const struct follower *follower);

/* Where it is with its primary. */
enum follower_state follower_state(const struct follower *follower);

/* The session that statements of the primary run on, or NULL. */
struct session *follower_session(const struct follower *follower);

/* The lines of INFO replication about the primary, and the reply of ROLE; of a replica. */
void follower_describe(const struct follower *follower, struct buffer *to);
void follower_reply_role(const struct follower *follower, struct reply *reply);

#endif
