/*
 * Digests and checksums: SipHash-1-3 for tables, CRC16 for slots, CRC64 for
 * RDB, SHA-1 and SHA-256, which are those of Debian's libnettle, and XXH3
 * for DIGEST, which is Debian's libxxhash.
 *
 * Sources: SipHash (Aumasson and Bernstein, 2012); CRC16 CCITT/XMODEM
 * (polynomial 0x1021); CRC64 Jones (0xad93d23594c935a9, reflected);
 * FIPS 180-4.
 */
#ifndef STORAGE_BASE_DIGEST_H
#define STORAGE_BASE_DIGEST_H

#include <stddef.h>
#include <stdint.h>

#include "storage/base/slice.h"

/* The secret of one hash table, so that nobody outside can aim at its buckets. */
struct hash_key {
    uint64_t words[2];
};

/* SipHash-1-3 of the bytes. About 12 ns for a key of 16 bytes. */
uint64_t digest_sip(struct slice bytes, const struct hash_key *key);

/* The same over the bytes with ASCII letters in lower case. */
uint64_t digest_sip_nocase(struct slice bytes, const struct hash_key *key);

/* Starts from 0; a key's slot is this modulo 16384. */
uint16_t digest_crc16(struct slice bytes);

/* Continues a CRC64 (Jones, reflected: that of RDB) from `crc` (0 to begin); 16 GB a second. */
uint64_t digest_crc64(uint64_t crc, struct slice bytes);

/* XXH3 of 64 bits with seed 0: no secret, and no defence against whoever aims. */
uint64_t digest_xxh3(struct slice bytes);

enum { DIGEST_SHA1_SIZE = 20, DIGEST_SHA256_SIZE = 32 };

/* Digests of bytes that are all there, big-endian as the standard prints them. */
void digest_sha1(struct slice bytes, unsigned char to[DIGEST_SHA1_SIZE]);
void digest_sha256(struct slice bytes, unsigned char to[DIGEST_SHA256_SIZE]);

/* Writes 2 * len lower-case hexadecimal digits and a NUL. */
void digest_hex(const unsigned char *bytes, size_t len, char *to);

#endif
