/*
 * Who this server is: a primary or a replica, of which history of the data, and
 * how far along in it.
 *
 * A history has an ID of forty hexadecimal digits, and an offset: how many bytes
 * of the stream were said since it began. Byte number 1 is the first; who asks
 * for offset n has the n - 1 bytes before. When a replica becomes a primary a new
 * history branches off: the old ID is remembered as the second, good up to the
 * byte where they part, so that the other replicas of the old primary can go on
 * from where they are.
 *
 * Plain data; these functions are the only ones that change the IDs.
 */
#ifndef BROKER_REPLICATION_ROLE_H
#define BROKER_REPLICATION_ROLE_H

#include <stdbool.h>
#include <stdint.h>

#include "storage/base/slice.h"

enum { ROLE_ID = 40 }; /* digits of an ID */

struct role {
    bool    is_replica;              /* it follows a primary, whether connected or not */
    char    id[ROLE_ID + 1];
    char    second_id[ROLE_ID + 1];  /* forty zeros: there is none */
    int64_t offset;                  /* bytes of the stream said, or heard, so far */
    int64_t stream_db;               /* the database that the stream heard has selected */
    int64_t second_offset;           /* the first byte that the second does not have; -1: none */
};

/* A primary of a history that nobody knows yet, at its beginning. */
struct role *role_new(void);

/* Frees it. NULL is fine. */
void role_free(struct role *role);

/*
 * Begins a new history and forgets the second: changes were made that no stream
 * tells of, so nobody can go on from anywhere.
 */
void role_begin_history(struct role *role);

/*
 * Branches off: the history so far becomes the second, a new one goes on from
 * here. A replica does so when it becomes a primary.
 */
void role_branch(struct role *role);

/* The same, with the ID of the new history: the primary we follow has branched off. */
void role_follow_branch(struct role *role, struct slice id);

/* Takes over the history of a primary, all of whose data came; there is no second. */
void role_adopt(struct role *role, struct slice id, int64_t offset);

/* Takes up a history again that was saved with the data: as the second, to be gone on from. */
void role_resume(struct role *role, struct slice id, int64_t offset);

/* Whether what somebody has, who asks for a byte of a history, is what we had at that point. */
bool role_knows(const struct role *role, struct slice id, int64_t offset);

#endif
