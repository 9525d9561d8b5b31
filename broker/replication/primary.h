/*
 * The primary's side of replication: who follows us, and what they hear.
 *
 *                          ┌─► AOF
 *   ledger's feed ──turn───┤                 ┌─► outbox of replica 1
 *                          └─► backlog ──────┼─► outbox of replica 2   (by reference)
 *                                            └─► ... who is not ready yet: from where it
 *                                                waits on, once it is
 *
 * Nothing is kept, and nothing costs, before the first replica asks. From then on
 * the backlog goes along until nobody has followed for repl-backlog-ttl seconds.
 *
 * A replica that is itself followed does not feed what it does: it relays the
 * bytes of its own primary as they came, so that offsets and history are the same
 * for all.
 */
#ifndef BROKER_REPLICATION_PRIMARY_H
#define BROKER_REPLICATION_PRIMARY_H

#include "broker/dispatch/caller.h"
#include "broker/replication/replica.h"
#include "broker/replication/role.h"

struct aof;
struct full_sync;
struct log;
struct loop;
struct primary;
struct sessions;
struct snapshot;

/* Pointers are borrowed for its life; sessions and caller may come later, with primary_bind. */
struct primary_setup {
    struct role          *role;
    struct loop          *loop;
    struct sessions      *sessions;
    struct caller        *caller;
    struct ledger        *ledger;
    struct snapshot      *snapshot;
    struct aof           *aof;
    struct log           *log;
    struct metrics       *metrics;
    const struct options *options;
};

struct primary *primary_new(const struct primary_setup *setup);
void primary_free(struct primary *primary);

/* Hands in what is made later. */
void primary_bind(struct primary *primary, struct sessions *sessions, struct caller *caller);

/* ---- The stream ---- */

/* Says what this server itself said; a replica's own words are for nobody else. */
void primary_feed(void *primary, struct slice feed);

/* Whether there is anybody to say it to, or a backlog that keeps it. */
bool primary_hears(const void *primary);

/* Says what a primary of ours said, as it came: for those who follow us. Counts it in the role. */
void primary_relay(struct primary *primary, struct slice bytes);

/* Keeps the stream from now on, if that is not done yet: whoever follows may be asked for it later. */
void primary_keep_backlog(struct primary *primary);

/*
 * Begins the backlog anew at the role's offset, if there is one: what is in it
 * belongs to another history. Replicas must be dropped, too.
 */
void primary_restart_backlog(struct primary *primary);

/* Closes all replicas: they are to ask again for what is now true. */
void primary_drop_replicas(struct primary *primary);

/* Follows repl-backlog-size. */
void primary_follow_options(struct primary *primary);

/* ---- Replicas ---- */

/* How one asks. */
struct primary_wish {
    bool         is_old;      /* SYNC: no reply, no acknowledgements */
    struct slice id;          /* PSYNC: history and offset; "?" to have everything */
    int64_t      offset;
};

/* Makes a session a replica: it goes on from where it was, or gets everything. It hears which. */
void primary_accept(struct primary *primary, struct session *session,
                    const struct primary_wish *wish);

/* A replica says how far it is; `disk` is -1 if it does not say that. */
void primary_acknowledged(struct primary *primary, struct session *session, int64_t offset,
                          int64_t disk);

/* How many follow in whatever state, and how many are online and heard of lately. O(replicas). */
size_t primary_count(const struct primary *primary);
size_t primary_count_good(const struct primary *primary);

/* The head of the chain of replicas, by struct replica's link, in the order of asking. */
const struct chain *primary_chain(const struct primary *primary);

/* Has all replicas say at the end of this turn how far they are. */
void primary_ask_acks(struct primary *primary);

/* While quiet, no pings and no requests for acknowledgements are sent: FAILOVER needs the stream to
 * stand still. */
void primary_keep_quiet(struct primary *primary, bool quiet);

/* How far the stream must have come for a session's own writes to be in it: no less, perhaps more. */
int64_t primary_offset_of(const struct primary *primary, const struct session *session);

/* The role's offset, with what was said in this turn. */
int64_t primary_offset(const struct primary *primary);

/* ---- Guard, steps, tick, farewell ---- */

/* NOREPLICAS: too few are close behind. */
enum pass primary_guard(void *primary, struct call *call);

/* After the AOF was written: begins saves for replicas that wait, asks for acknowledgements. */
bool primary_step(void *primary);

/* After the outboxes were sent: puts more of files and pipes into them. True if there is something to send again. */
bool primary_transfer(void *primary);

/* About ten times a second: pings, timeouts, the end of the backlog. */
void primary_tick(void *primary);

/* A session ends. */
void primary_forget(void *primary, struct session *session);

/* ---- Figures ---- */

/* INFO: the lines of the replicas; of the backlog; ROLE: the replicas. */
void primary_print_replicas(const struct primary *primary, struct buffer *to);
void primary_print_backlog(const struct primary *primary, struct buffer *to);
void primary_reply_role(const struct primary *primary, struct reply *reply);

/* Bytes: of the backlog for MEMORY STATS, of all blocks alive, of those beyond its size. */
size_t primary_backlog_memory(const struct primary *primary);
size_t primary_buffer_memory(const struct primary *primary);
size_t primary_excess_memory(const struct primary *primary);

#endif
