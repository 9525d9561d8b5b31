/* What primary.c and full_sync.c share. */
#ifndef BROKER_REPLICATION_PRIMARY_PRIVATE_H
#define BROKER_REPLICATION_PRIMARY_PRIVATE_H

#include "broker/replication/backlog.h"
#include "broker/replication/full_sync.h"
#include "broker/replication/primary.h"

struct primary {
    struct primary_setup setup;
    struct backlog      *backlog;   /* NULL: nothing is kept */
    struct chain         replicas;
    size_t               count;
    struct full_sync    *full_sync;
    bool                 wants_acks;
    bool                 quiet;
    millis               alone_since; /* when the last replica went */
    millis               pinged_at;
    millis               ticked_at;   /* when the work of each second was last done */
};

/* How many bytes the backlog keeps, by the options. */
size_t primary_backlog_size(const struct primary *primary);

/* A replica has everything up to `from`: it hears the stream. */
void primary_put_online(struct primary *primary, struct replica *replica);

/* Puts what a replica missed into its outbox, and feeds it from now on. */
void primary_begin_stream(struct primary *primary, struct replica *replica);

#endif
