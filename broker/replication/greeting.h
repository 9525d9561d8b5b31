/*
 * The greeting: what a replica and its primary say to each other before data
 * flows. A machine without sockets: it is handed lines and says what to answer.
 *
 *   replica                              primary
 *   PING                                 +PONG, or an error that AUTH may cure
 *   AUTH [user] password                 +OK          only with a password
 *   REPLCONF listening-port N            +OK, or an error that does not matter
 *   REPLCONF ip-address IP               the same     only if one is announced
 *   REPLCONF capa eof capa psync2        the same
 *   PSYNC id offset [FAILOVER]           +FULLRESYNC id offset: all data follows
 *                                        +CONTINUE [id]: the stream goes on
 *                                        -NOMASTERLINK, -LOADING: later
 *   SYNC                                 all data follows, if PSYNC is not known
 *
 * Empty lines keep the connection alive and mean nothing.
 *
 * Format source: the documentation of Redis on replication, and what
 * redis-server 7.0.15 says.
 */
#ifndef BROKER_REPLICATION_GREETING_H
#define BROKER_REPLICATION_GREETING_H

#include <stdbool.h>
#include <stdint.h>

#include "broker/replication/role.h"
#include "storage/base/buffer.h"

struct log;

enum { GREETING_LINE_MOST = 4096 }; /* no line of a primary is longer */

/* What a replica tells of itself; slices are borrowed until it ends. */
struct greeting_facts {
    struct slice user;     /* of masteruser; empty: none */
    struct slice password; /* of masterauth; empty: no AUTH */
    struct slice address;  /* to announce; empty: none */
    int64_t      port;     /* where it listens */
    struct slice id;       /* the history it has; empty: none */
    int64_t      next;     /* the byte of it that it lacks */
    bool         failover; /* the primary is to hand its role over */
};

enum greeting_outcome {
    GREETING_MORE,     /* it goes on */
    GREETING_WHOLE,    /* all data follows; `id` and `offset` if they are known */
    GREETING_CONTINUE, /* the stream goes on; `id` if it is another now */
    GREETING_LATER,    /* it cannot now: try again */
    GREETING_FAILED    /* the primary cannot be followed; the reason was logged */
};

struct greeting {
    struct greeting_facts facts;
    struct log           *log;
    int                   step;      /* Private. */
    char                  id[ROLE_ID + 1]; /* "" if none was told */
    int64_t               offset;    /* -1 if none was told */
    bool                  refused_failover; /* the primary would not take over */
};

/* Begins: appends the first words to say. */
void greeting_begin(struct greeting *greeting, const struct greeting_facts *facts,
                    struct log *log, struct buffer *to);

/* Hears one line, without its end, and appends what to say. */
enum greeting_outcome greeting_hear(struct greeting *greeting, struct slice line,
                                    struct buffer *say);

#endif
