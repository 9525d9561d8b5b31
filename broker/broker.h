/*
 * The broker: every module of the house, made in order and freed in reverse.
 *
 * The struct is a list of pointers to modules that keep their own state. It is
 * visible to broker/commands and the four files at the top of broker/ only;
 * every other room is handed what it needs when it is made.
 */
#ifndef BROKER_BROKER_H
#define BROKER_BROKER_H

#include <stdbool.h>

#include "storage/base/clock.h"

struct aof;
struct caller;
struct clock;
struct command_counts;
struct config;
struct connections;
struct error_counts;
struct hub;
struct info;
struct keyspaces;
struct ledger;
struct log;
struct loop;
struct metrics;
struct options;
struct sessions;
struct vitals;
struct waiting;
struct watch;
struct worker;

struct broker {
    struct clock     *clock;
    struct log       *log;
    struct config    *config;
    struct options   *options;
    struct metrics   *metrics;
    struct error_counts *errors;  /* error replies by code */
    struct vitals    *vitals;     /* run id, rates, peaks */
    struct info      *info;       /* the sections of INFO */
    struct worker    *worker;     /* frees and closes what is large or slow */
    struct keyspaces *keyspaces;
    struct ledger    *ledger;
    struct hub       *hub;
    struct loop      *loop;
    struct connections *connections;
    struct sessions  *sessions;
    struct waiting   *waiting;
    struct watch     *watch;
    struct caller    *caller;
    struct aof       *aof;
    micros            started;    /* wall clock */
    bool              stopping;
};

#endif
