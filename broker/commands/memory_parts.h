/*
 * Where memory goes: what is in use, divided among those who are answerable
 * for it. INFO memory and MEMORY STATS tell the same parts.
 *
 *   used = startup + sessions + spare output + AOF buffer + subscriptions + scripts + tables +
 *          dataset
 *
 * The dataset is what is left: items and their values. MEMORY TYPES measures
 * these one by one, and so shows that the sum is right.
 */
#ifndef BROKER_COMMANDS_MEMORY_PARTS_H
#define BROKER_COMMANDS_MEMORY_PARTS_H

#include <stddef.h>
#include <stdint.h>

struct broker;

struct memory_parts {
    size_t used;
    size_t peak;
    size_t startup;       /* in use before there was data */
    size_t clients;       /* sessions that are not replicas, what they have not read, the pool */
    size_t replicas;
    size_t monitors;      /* of the clients: those that are shown every call */
    size_t largest_input; /* of any session */
    size_t largest_output;
    size_t sessions;      /* how many */
    size_t subscribed;    /* how many of them subscribe */
    size_t pool;          /* of the clients: chunks of output kept for later */
    size_t backlog;       /* of replication, up to its size */
    size_t excess;        /* what replicas hold beyond that */
    size_t feed;          /* room for what is said in a turn */
    size_t aof;           /* not written yet */
    size_t pubsub;        /* topics and who hears them */
    size_t tracking;      /* keys remembered for client-side caching */
    size_t scripts;       /* of EVAL, with their machine */
    size_t functions;     /* the same for libraries */
    size_t counts;        /* histograms of commands */
    size_t tables;        /* of the databases, with the order of what expires */
    size_t overhead;      /* the sum of all of these but `used` and `peak` */
    size_t dataset;       /* what is left */
    size_t keys;          /* in all databases */
    size_t resident;      /* pages of the process in memory */
};

/* Looks at everything now. O(sessions + databases). */
void memory_parts_look(const struct broker *broker, struct memory_parts *parts);

/* `of` divided by `to`, 0 if that is nothing. */
double memory_ratio(size_t of, size_t to);

#endif
