/*
 * A server under load, apart from the load: a link of its own to prepare it and to
 * ask what it is and how much CPU it has used.
 */
#ifndef BENCH_SERVER_H
#define BENCH_SERVER_H

#include <stdbool.h>

#include "clients/lib/mr_link.h"

/* Plain data; zeroed memory is a server that is not open. */
struct bench_server {
    const struct mr_link_setup *where;
    struct mr_link *link;
    char address[280]; /* "127.0.0.1:6379", or the path of its socket */
    char version[64];  /* "Redis 7.0.15"; "unknown" if it does not say */
};

/* Connects and asks for the version. False with the reason in 'trouble'. */
bool bench_server_open(struct bench_server *server, const struct mr_link_setup *where,
                       struct mr_trouble *trouble);

/* Closes the link. */
void bench_server_close(struct bench_server *server);

/* Connects again if the link was lost. False with the reason in 'trouble'. */
bool bench_server_revive(struct bench_server *server, struct mr_trouble *trouble);

/* Seconds of CPU the server has used, from INFO; negative if it does not say. */
double bench_server_cpu(struct bench_server *server);

#endif
