/*
 * Mixing is SHA-1 of the fingerprint so far followed by the new bytes' own
 * SHA-1; adding is word by word addition, which commutes.
 */
#include "storage/values/fingerprint.h"

#include "storage/base/digest.h"

void fingerprint_mix(struct fingerprint *into, struct slice bytes)
{
    unsigned char both[sizeof(into->words) + DIGEST_SHA1_SIZE];
    unsigned char mixed[DIGEST_SHA1_SIZE];

    memcpy(both, into->words, sizeof(into->words));
    digest_sha1(bytes, both + sizeof(into->words));
    digest_sha1(slice_of(both, sizeof(both)), mixed);
    memcpy(into->words, mixed, sizeof(into->words));
}

void fingerprint_mix_integer(struct fingerprint *into, int64_t value)
{
    fingerprint_mix(into, slice_of(&value, sizeof(value)));
}

void fingerprint_add(struct fingerprint *into, const struct fingerprint *other)
{
    for (int i = 0; i < 5; i++)
        into->words[i] += other->words[i];
}

void fingerprint_print(const struct fingerprint *fingerprint, char to[41])
{
    digest_hex((const unsigned char *)fingerprint->words, sizeof(fingerprint->words), to);
}
