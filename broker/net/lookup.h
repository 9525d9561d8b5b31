/*
 * Looking up the addresses of a host by its name, which may take a name server many
 * seconds, on a thread of its own; addresses in digits are there at once.
 *
 *   begin ──► under way ──► done ──► end
 *                └────────────────► end: the thread frees what nobody waits for any more
 */
#ifndef BROKER_NET_LOOKUP_H
#define BROKER_NET_LOOKUP_H

#include <stdbool.h>
#include <stdint.h>

struct addrinfo;
struct lookup;

/* Begins for TCP. The host is copied. Never waits. */
struct lookup *lookup_begin(const char *host, uint16_t port);

/* Whether it is over. Costs one reading of a word. */
bool lookup_is_done(struct lookup *lookup);

/* What was found, the lookup's own; NULL: nothing. Only once it is done. */
const struct addrinfo *lookup_found(const struct lookup *lookup);

/* Ends it, done or not. NULL is fine. Never waits. */
void lookup_end(struct lookup *lookup);

#endif
