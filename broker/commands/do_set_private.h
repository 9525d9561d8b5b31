/* What the set commands share with those that combine sets. */
#ifndef BROKER_COMMANDS_DO_SET_PRIVATE_H
#define BROKER_COMMANDS_DO_SET_PRIVATE_H

#include "broker/dispatch/call.h"
#include "storage/values/set.h"

/* The set of a key, or NULL. */
MUST_USE enum refusal find_set(struct call *call, struct slice key, enum look why,
                               struct set **set);

/* Makes a key hold a set, which is the keyspace's then. */
void put_set(struct call *call, struct slice key, struct set *set);

/* Replies with all members; NULL is an empty set. */
enum verdict reply_members(struct call *call, const struct set *set);

#endif
