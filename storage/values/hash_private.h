/*
 * What a hash is made of: for storage/values/hash*.c only.
 *
 *     plain      header | body
 *     expiring   header | expiring ──► body | fields by name | fields by due time
 *
 * A hash of which no field ever expired is its header of 16 bytes and a body.
 * The first field to expire puts `struct hash_expiring` between them, which
 * stays until the hash goes.
 */
#ifndef STORAGE_VALUES_HASH_PRIVATE_H
#define STORAGE_VALUES_HASH_PRIVATE_H

#include "storage/base/clock.h"
#include "storage/base/mover.h"
#include "storage/index/ordered.h"
#include "storage/values/hash_expiry.h"

/* The other bit of value.form, beside HASH_EXPIRING: the body is a table, not packed. */
enum { HASH_TABLE = 1 << 0 };

union hash_body {
    struct packed *packed; /* NULL: nothing yet */
    struct table  *table;
};

struct hash_expiring {
    union hash_body body;
    millis          noted;  /* see hash_noted_due */
    struct ordered *dues;   /* records are struct hash_due */
    struct table    fields; /* of struct hash_field, by name */
};

/* A field that expires: one allocation, its name behind it. */
struct hash_field {
    millis        due;
    unsigned char name[]; /* counted.h */
};

struct hash_due {
    int64_t            at;
    struct hash_field *field;
};

struct hash {
    struct value value;
    union {
        union hash_body       body;
        struct hash_expiring *expiring;
    } of;
};
_Static_assert(sizeof(struct hash) == 16, "a small hash is a small header and a block");

static inline bool hash_in_table(const struct hash *hash)
{
    return (hash->value.form & HASH_TABLE) != 0;
}

static inline union hash_body *hash_body(const struct hash *hash)
{
    struct hash *changed = (struct hash *)(uintptr_t)hash;

    return UNLIKELY(hash_expires(hash)) ? &changed->of.expiring->body : &changed->of.body;
}

/* Gives a hash that never had one what it takes to have fields that expire. */
void hash_begin_expiring(struct hash *hash, const struct hash_key *secret);

/* Frees it; the body is back in the header. */
void hash_end_expiring(struct hash *hash);

/* Bytes of it. */
size_t hash_expiring_bytes(const struct hash *hash);

/* Forgets when a field expires: it goes, or gets another value. */
void hash_forget_due(struct hash *hash, struct slice field);

/*
 * Moves blocks of what makes its fields expire (storage/base/mover.h), from a place
 * on; returns the next place, 0 behind the last. The body is not looked at.
 */
uint64_t hash_move_expiring(struct hash *hash, struct mover *mover, uint64_t at);

/* Asserts what holds between the body and the fields that expire. */
void hash_check_expiring(const struct hash *hash);

#endif
