/* What the files of the follower share. */
#ifndef BROKER_REPLICATION_FOLLOWER_PRIVATE_H
#define BROKER_REPLICATION_FOLLOWER_PRIVATE_H

#include "broker/replication/arrival.h"
#include "broker/replication/follower.h"
#include "broker/replication/greeting.h"
#include "broker/replication/seal.h"

struct connection;
struct lookup;
struct reader;

/* One connection to a primary. It outlives the follower's interest until it is closed. */
struct peer {
    struct follower   *follower; /* NULL: it is to be closed, and nobody cares */
    struct connection *connection;
};

struct follower {
    struct follower_setup setup;
    enum follower_state   state;
    char                 *host;
    int64_t               port;
    bool                  can_resume;  /* invariant 3 */
    micros                heard;       /* when the primary last said something */
    int64_t               down_since;  /* seconds since 1970; 0: it never was up */
    struct loop_timer    *timer;
    unsigned              ticks;
    bool                  hurry;       /* connect again with the next tick, not the next second */

    struct lookup        *lookup;      /* of the host, while that is under way, else NULL */
    int                   fd;          /* while it connects, else -1 */
    struct loop_watch    *watch;
    struct peer          *peer;        /* once it is connected, or NULL */
    bool                  demanding;   /* a failover */
    void                (*demanded)(void *who, bool agreed);
    void                 *demanded_who;
    struct greeting       greeting;

    struct arrival        arrival;
    bool                  direct;      /* loaded from the socket, not through a file */
    int                   file;        /* -1: none */
    char                  file_name[64];
    bool                  file_failed;
    struct seal           seal;        /* of what was written to it */
    struct buffer         early;       /* bytes that came and were not loaded yet */
    size_t                early_at;
    bool                  reading_paused;
    bool                  in_load;     /* a load is under way, further up the stack */
    bool                  scheduled;   /* one is to begin when the turn is over */
    uint64_t              arrivals;    /* rises when what came is dropped: its load is to end */
    micros                newline_at;  /* when the primary last heard from the load */

    struct session       *session;     /* statements run on it; NULL unless FOLLOWING */
    struct request        request;
    struct buffer         unit;        /* bytes of the transaction that is open */
    size_t                left;        /* bytes seen but not taken, which were counted as read already */
    bool                  stalled;     /* a call is under way: bytes wait */
    int64_t               on_disk;     /* of the stream, as far as our log has it on disk; -1: not known */
    uint64_t              next_said;   /* once the disk has so much of the log, or 0 */
    int64_t               next_offset; /* it has the stream up to here */
    int64_t               owed;        /* our disk is to have it, and then the primary is told; -1: nothing */
};

/* Says bytes to the primary. */
void follower_say(struct follower *follower, struct slice bytes);

/* Drops the link and the data that came half; connects again, at once if the stream was followed,
 * else with a later tick. */
void follower_disconnect(struct follower *follower);

/* Stops or goes on reading from the primary. */
void follower_pause_reading(struct follower *follower, bool pause);

/* -- Receiving and loading: follower_load.c -- */

/* All data is to come. */
void follower_receive(struct follower *follower);

/* Takes bytes of it. */
size_t follower_take_data(struct follower *follower, struct slice bytes);

/* Forgets what came of it. */
void follower_drop_data(struct follower *follower);

/* Turns the AOF on again if it was turned off to replace all data. */
void follower_keep_log(struct follower *follower);

/* -- The stream: follower_stream.c -- */

/* From now on the stream comes. */
void follower_begin_stream(struct follower *follower);
void follower_end_stream(struct follower *follower);

/* Does the statements that are whole; returns the bytes taken. */
size_t follower_take_stream(struct follower *follower, struct slice bytes, size_t *wanted);

/* Looks how far the disk has the stream; whether that is farther than it was. */
bool follower_look_at_disk(struct follower *follower);

/* Tells the primary how far we are: with `always`, what our log has on disk. */
void follower_acknowledge(struct follower *follower);

#endif
