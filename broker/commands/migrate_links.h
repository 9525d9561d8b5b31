/*
 * Connections to other servers that MIGRATE keeps for a while, since one key is
 * often followed by the next. Connections that signed in are not kept: the next
 * MIGRATE may be somebody else's.
 */
#ifndef BROKER_COMMANDS_MIGRATE_LINKS_H
#define BROKER_COMMANDS_MIGRATE_LINKS_H

#include <stddef.h>

#include "storage/base/slice.h"

struct loop;
struct migrate_links;

/* None yet. The loop is borrowed. */
struct migrate_links *migrate_links_new(struct loop *loop);

/* Closes them all. NULL is fine. */
void migrate_links_free(struct migrate_links *links);

/* Takes out a connection to a place; it is the caller's then. -1 if there is none that is still open. */
int migrate_links_take(struct migrate_links *links, struct slice host, struct slice port);

/* Keeps a connection on which nothing is under way, for ten seconds at least. */
void migrate_links_keep(struct migrate_links *links, struct slice host, struct slice port, int fd);

/* How many there are. */
size_t migrate_links_count(const struct migrate_links *links);

#endif
