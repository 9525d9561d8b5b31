/*
 * The broker: every module of the house, made in order and freed in reverse.
 *
 * The struct is a list of pointers to modules that keep their own state. It is
 * visible to broker/commands and the files at the top of broker/ only;
 * every other room is handed what it needs when it is made.
 */
#ifndef BROKER_BROKER_H
#define BROKER_BROKER_H

#include <stdbool.h>

#include "storage/base/clock.h"

struct acl;
struct aof;
struct boot;
struct bridge;
struct caller;
struct clock;
struct command_counts;
struct config;
struct connections;
struct crash_report;
struct defragmenter;
struct departure;
struct durable_wake;
struct error_counts;
struct faults;
struct flow;
struct follower;
struct functions;
struct handover;
struct hash_key;
struct hub;
struct info;
struct intake;
struct keeper;
struct keyspaces;
struct latency;
struct ledger;
struct log;
struct loop;
struct memory_limit;
struct metrics;
struct migrate_links;
struct monitor;
struct naming;
struct notice;
struct oom_score;
struct options;
struct patience;
struct pausing;
struct primary;
struct propagate;
struct random;
struct role;
struct save_points;
struct scripts;
struct sessions;
struct slowlog;
struct snapshot;
struct tracking;
struct upkeep;
struct value_limits;
struct value_types;
struct vitals;
struct waiting;
struct watch;
struct watchdog;
struct worker;

struct broker {
    struct clock         *clock;
    struct log           *log;
    struct config        *config;
    const struct options *options;    /* those of config */
    struct metrics       *metrics;
    struct error_counts  *errors;
    struct random        *random;
    struct hash_key      *secret;     /* of every hash table */
    struct value_limits  *limits;     /* filled from the options */
    struct worker        *worker;     /* frees and closes what is large or slow */
    struct ledger        *ledger;
    struct keyspaces     *keyspaces;
    struct hub           *hub;
    struct loop          *loop;
    struct connections   *connections;
    struct waiting       *waiting;
    struct watch         *watch;
    struct tracking      *tracking;   /* client-side caching */
    struct notice        *notice;
    struct slowlog       *slowlog;
    struct latency       *latency;    /* events that were slow */
    struct monitor       *monitor;    /* who is shown every call */
    struct memory_limit  *memory_limit;
    struct patience      *patience;   /* with the script that runs */
    struct bridge        *bridge;     /* what scripts call */
    struct scripts       *scripts;    /* those of EVAL */
    struct pausing       *pausing;    /* CLIENT PAUSE */
    struct functions     *functions;  /* those of FCALL */
    struct flow          *flow;
    struct caller        *caller;
    struct naming        *naming;     /* commands that are called otherwise */
    struct intake        *intake;
    struct acl           *acl;        /* users, and what they may do */
    struct sessions      *sessions;
    struct upkeep        *upkeep;
    struct defragmenter  *defragmenter; /* moves values out of thin slabs */
    struct keeper        *keeper;     /* of streams that entries leave by themselves */
    struct info          *info;       /* the sections of INFO */
    struct vitals        *vitals;     /* run id, rates, peaks */
    struct faults        *faults;     /* of a test; NULL otherwise */
    struct crash_report  *crash_report; /* once it runs */
    struct watchdog      *watchdog;   /* over turns that take long, once it runs */
    struct durable_wake  *wake;       /* of the log's threads */
    struct aof           *aof;        /* off until data is opened */
    struct snapshot      *snapshot;   /* the RDB file */
    struct save_points   *save_points; /* when it is written, and what follows if it is not */
    struct propagate     *propagate;  /* hands what is said to the AOF */
    struct role          *role;       /* primary or replica, of which history */
    struct primary       *primary;    /* who follows us */
    struct follower      *follower;   /* whom we follow */
    struct migrate_links *migrate_links; /* connections that MIGRATE keeps */
    struct oom_score     *oom_score;  /* oom-score-adj */
    struct handover      *handover;   /* of our role to a replica: FAILOVER */
    struct departure     *departure;  /* waiting for replicas before the end */
    struct boot          *boot;       /* listeners, signals, shutting down */
    bool                  placed;     /* it was said in which folder data is to be */
    int                   launcher;   /* told when we listen, if there is one: see background.h */
    micros                started;    /* wall clock */
};

/* Makes every module, with the options that the configuration has. */
void broker_init(struct broker *broker, struct config *config, struct clock *clock,
                 struct log *log);

/* All types a value may have: for `millrace check`, which reads files without a broker. */
const struct value_types *broker_types(void);

/* Frees them in reverse; connections end without a word. */
void broker_clear(struct broker *broker);

#endif
