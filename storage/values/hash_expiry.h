/*
 * Fields of a hash that expire.
 *
 * Such a hash keeps, besides its body, its expiring fields by name and, in a
 * counted tree, by when they are due. It shows all its fields until somebody
 * takes them out: whoever knows the time asks which are past it. The keyspace
 * does so (storage/keyspace/expiry.c) and finds hashes by the earliest due time
 * of each, which they remember for it.
 *
 * Giving a field another value makes it a field that does not expire
 * (hash_put), unless it is only changed (hash_change).
 *
 * Costs: n is the number of fields of the hash that expire; a field that does
 * takes its name and about 45 bytes more, the first about 220.
 */
#ifndef STORAGE_VALUES_HASH_EXPIRY_H
#define STORAGE_VALUES_HASH_EXPIRY_H

#include "storage/base/clock.h"
#include "storage/values/hash.h"

/* A bit of value.form: a field of the hash expires, or one did. */
enum { HASH_EXPIRING = 1 << 1 };

/* Whether a field of the hash expires, or ever did. */
static inline bool hash_expires(const struct hash *hash)
{
    return (((const struct value *)(const void *)hash)->form & HASH_EXPIRING) != 0;
}

/* How many fields expire. O(1). */
size_t hash_expiring(const struct hash *hash);

/* When a field expires, or -1 if it does not or is not there. O(1). */
millis hash_due(const struct hash *hash, struct slice field);

/* Sets when a field, which is there, expires; -1 for never. O(log n). */
void hash_expire_at(struct hash *hash, const struct value_limits *limits, struct slice field,
                    millis due);

/* When the next field expires, or -1. O(1). */
millis hash_next_due(const struct hash *hash);

/* The field that expires next, borrowed until the hash changes. False if none does. O(1). */
MUST_USE bool hash_next_field(const struct hash *hash, struct slice *field, millis *due);

/* How many fields are past their time. O(log n). */
size_t hash_past(const struct hash *hash, millis now);

/* Shows all fields that expire, in the order of their times. It must not touch the hash. O(n). */
void hash_each_due(const struct hash *hash, void (*show)(void *who, struct slice field, millis due),
                   void *who);

/*
 * What the keyspace's index knows as the earliest due time of this hash, -1 if
 * the index does not know it. The hash only remembers it.
 */
millis hash_noted_due(const struct hash *hash);
void hash_note_due(struct hash *hash, millis due);

#endif
