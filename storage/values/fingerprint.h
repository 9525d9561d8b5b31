/*
 * A 160-bit fingerprint of data, for comparing two data sets (DEBUG DIGEST).
 *
 * Elements of a list are mixed in their order; elements of a set are added, so
 * that their order does not matter. Not for secrets.
 *
 * It is that of Redis, so that a data set can be compared with what a Redis made
 * of the same: mixing in bytes is SHA-1 over the fingerprint so far, exclusive-or
 * the bytes' own SHA-1; adding them is that exclusive-or alone. Numbers of
 * databases and types are four bytes, the greatest first. (Found by asking one.)
 */
#ifndef STORAGE_VALUES_FINGERPRINT_H
#define STORAGE_VALUES_FINGERPRINT_H

#include <stdint.h>

#include "storage/base/slice.h"

struct fingerprint {
    uint32_t words[5]; /* all zero for nothing */
};

/* Mixes bytes into what is there: the order of calls matters. */
void fingerprint_mix(struct fingerprint *into, struct slice bytes);
void fingerprint_mix_integer(struct fingerprint *into, int64_t value);
void fingerprint_mix_number(struct fingerprint *into, uint32_t value); /* four bytes */

/* Adds bytes, or a whole fingerprint: the order of calls does not matter. */
void fingerprint_add_bytes(struct fingerprint *into, struct slice bytes);
void fingerprint_add(struct fingerprint *into, const struct fingerprint *other);

/* Forty lower-case hexadecimal digits and a NUL. */
void fingerprint_print(const struct fingerprint *fingerprint, char to[41]);

#endif
