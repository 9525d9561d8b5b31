/* The words are bytes in their order here: nothing depends on how a machine keeps numbers. */
#include "storage/values/fingerprint.h"

#include "storage/base/digest.h"

void fingerprint_add_bytes(struct fingerprint *into, struct slice bytes)
{
    uint32_t words[DIGEST_SHA1_SIZE / sizeof(uint32_t)];
    unsigned char digest[DIGEST_SHA1_SIZE];

    digest_sha1(bytes, digest);
    memcpy(words, digest, sizeof(words));
    for (int i = 0; i < 5; i++)
        into->words[i] ^= words[i];
}

void fingerprint_mix(struct fingerprint *into, struct slice bytes)
{
    unsigned char mixed[DIGEST_SHA1_SIZE];

    fingerprint_add_bytes(into, bytes);
    digest_sha1(slice_of(into->words, sizeof(into->words)), mixed);
    memcpy(into->words, mixed, sizeof(into->words));
}

void fingerprint_mix_integer(struct fingerprint *into, int64_t value)
{
    fingerprint_mix(into, slice_of(&value, sizeof(value)));
}

void fingerprint_mix_number(struct fingerprint *into, uint32_t value)
{
    unsigned char bytes[4] = { (unsigned char)(value >> 24), (unsigned char)(value >> 16),
                               (unsigned char)(value >> 8), (unsigned char)value };

    fingerprint_mix(into, slice_of(bytes, sizeof(bytes)));
}

void fingerprint_add(struct fingerprint *into, const struct fingerprint *other)
{
    fingerprint_add_bytes(into, slice_of(other->words, sizeof(other->words)));
}

void fingerprint_print(const struct fingerprint *fingerprint, char to[41])
{
    digest_hex((const unsigned char *)fingerprint->words, sizeof(fingerprint->words), to);
}
