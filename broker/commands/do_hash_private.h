/* What the hash commands share with those on fields that expire. */
#ifndef BROKER_COMMANDS_DO_HASH_PRIVATE_H
#define BROKER_COMMANDS_DO_HASH_PRIVATE_H

#include "broker/dispatch/call.h"
#include "storage/values/hash_expiry.h"

/* The hash of a key, or NULL. */
MUST_USE enum refusal find_hash(struct call *call, struct slice key, enum look why,
                                struct hash **hash);

/* The same, but where there is none a fresh one is made. */
MUST_USE enum refusal find_or_create_hash(struct call *call, struct slice key,
                                          struct hash **hash);

/*
 * Takes a field out if it is past its time. Returns the hash, NULL if it went
 * with its last field or was NULL. Costs a test if nothing in it expires.
 */
static inline struct hash *expire_field(struct call *call, struct slice key, struct hash *hash,
                                        struct slice field)
{
    if (LIKELY(hash == NULL || !hash_expires(hash)))
        return hash;
    return keyspace_expire_field(call->keys, key, hash, field);
}

/* Lets the keyspace know that fields may expire at other times than before. */
static inline void follow_fields(struct call *call, struct slice key, struct hash *hash)
{
    if (UNLIKELY(hash_expires(hash)))
        keyspace_follow_fields(call->keys, key, hash);
}

/* Removes a hash that became empty, noting "del"; else as follow_fields. */
void fields_removed(struct call *call, struct slice key, struct hash *hash);

#endif
