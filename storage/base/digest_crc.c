/*
 * CRC16 and CRC64.
 *
 * A checksum is linear: the remainder of a byte is the exclusive or of the
 * remainders of its bits. So the table of CRC16 is written down as eight numbers,
 * and the preprocessor makes all 256 entries of them.
 *
 * CRC64 is the library's (ISA-L), which multiplies without carry where the
 * processor can: 4 KiB in 65 ns, a table of eight bytes a step needs 1,770. It
 * inverts the sum before and after; snapshots want neither.
 */
#include <isa-l/crc64.h>

#include "storage/base/digest.h"

#define ENTRY(n, a, b, c, d, e, f, g, h)                                             \
    (((n)&1 ? (a) : 0) ^ ((n)&2 ? (b) : 0) ^ ((n)&4 ? (c) : 0) ^ ((n)&8 ? (d) : 0) ^ \
     ((n)&16 ? (e) : 0) ^ ((n)&32 ? (f) : 0) ^ ((n)&64 ? (g) : 0) ^ ((n)&128 ? (h) : 0))
#define FOUR(n, ...)                                                                 \
    ENTRY(n, __VA_ARGS__), ENTRY((n) + 1, __VA_ARGS__), ENTRY((n) + 2, __VA_ARGS__), \
        ENTRY((n) + 3, __VA_ARGS__)
#define SIXTEEN(n, ...)                                                           \
    FOUR(n, __VA_ARGS__), FOUR((n) + 4, __VA_ARGS__), FOUR((n) + 8, __VA_ARGS__), \
        FOUR((n) + 12, __VA_ARGS__)
#define SIXTY_FOUR(n, ...)                                                                   \
    SIXTEEN(n, __VA_ARGS__), SIXTEEN((n) + 16, __VA_ARGS__), SIXTEEN((n) + 32, __VA_ARGS__), \
        SIXTEEN((n) + 48, __VA_ARGS__)
#define TABLE(...)                                                                         \
    SIXTY_FOUR(0, __VA_ARGS__), SIXTY_FOUR(64, __VA_ARGS__), SIXTY_FOUR(128, __VA_ARGS__), \
        SIXTY_FOUR(192, __VA_ARGS__)

static const uint16_t crc16_table[256] = { TABLE(0x1021, 0x2042, 0x4084, 0x8108, 0x1231, 0x2462,
                                                 0x48c4, 0x9188) };

uint16_t digest_crc16(struct slice bytes)
{
    unsigned crc = 0;

    for (size_t i = 0; i < bytes.len; i++)
        crc = (crc << 8 & 0xffff) ^ crc16_table[crc >> 8 ^ (unsigned char)bytes.at[i]];
    return (uint16_t)crc;
}

uint64_t digest_crc64(uint64_t crc, struct slice bytes)
{
    if (bytes.len == 0)
        return crc;
    return ~crc64_jones_refl(~crc, (const unsigned char *)bytes.at, bytes.len);
}
