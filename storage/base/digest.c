/*
 * SipHash-1-3, CRC16 and CRC64.
 *
 * SipHash reads eight bytes at a time; the last, short word is gathered by
 * loads that overlap rather than byte by byte. The variant that ignores case
 * lowers the letters of a whole word at once.
 *
 * Both checksums are linear: the remainder of a byte is the exclusive or of the
 * remainders of its bits. So each table is written down as eight numbers, and
 * the preprocessor makes all 256 entries of them. CRC64 takes eight bytes a
 * step through eight tables; table k is for a byte with k bytes behind it, and
 * the numbers in its row are 1 shifted out 8k+8, 8k+7, ... 8k+1 times.
 */
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

static const uint64_t crc64_tables[8][256] = {
    { TABLE(UINT64_C(0x7ad870c830358979), UINT64_C(0xf5b0e190606b12f2),
            UINT64_C(0xc038e5739841b68f), UINT64_C(0xab28ecb46814fe75),
            UINT64_C(0x7d08ff3b88be6f81), UINT64_C(0xfa11fe77117cdf02),
            UINT64_C(0xdf7adabd7a6e2d6f), UINT64_C(0x95ac9329ac4bc9b5)) },
    { TABLE(UINT64_C(0x89e99ffd73bddf69), UINT64_C(0x388a19a9bfec2db9),
            UINT64_C(0x711433537fd85b72), UINT64_C(0xe22866a6ffb0b6e4),
            UINT64_C(0xef09eb1ea7f6fea3), UINT64_C(0xf54af06e177a6e2d),
            UINT64_C(0xc1ccc68f76634f31), UINT64_C(0xa8c0ab4db4510d09)) },
    { TABLE(UINT64_C(0xf4125129ce4038be), UINT64_C(0xc37d8400c417e217),
            UINT64_C(0xada22e52d0b85745), UINT64_C(0x701d7af6f9e73de1),
            UINT64_C(0xe03af5edf3ce7bc2), UINT64_C(0xeb2ccd88bf0b64ef),
            UINT64_C(0xfd00bd4226815ab5), UINT64_C(0xd1585cd715952601)) },
    { TABLE(UINT64_C(0x8ce168638c796306), UINT64_C(0x329bf69440655567),
            UINT64_C(0x6537ed2880caaace), UINT64_C(0xca6fda510195559c),
            UINT64_C(0xbf8692f15bbd3853), UINT64_C(0x545403b1efede3cd),
            UINT64_C(0xa8a80763dfdbc79a), UINT64_C(0x7a092894e7201c5f)) },
    { TABLE(UINT64_C(0x3504e58b9ba6dd1e), UINT64_C(0x6a09cb17374dba3c),
            UINT64_C(0xd413962e6e9b7478), UINT64_C(0x837e0a0f85a17b9b),
            UINT64_C(0x2da5324c53d5645d), UINT64_C(0x5b4a6498a7aac8ba),
            UINT64_C(0xb694c9314f559174), UINT64_C(0x4670b431c63cb183)) },
    { TABLE(UINT64_C(0xe39d1389931b9354), UINT64_C(0xec6301407ea0b5c3),
            UINT64_C(0xf39f24d3a5d6f8ed), UINT64_C(0xcc676ff4133a62b1),
            UINT64_C(0xb397f9bb7ee35609), UINT64_C(0x4c76d525a5513f79),
            UINT64_C(0x98edaa4b4aa27ef2), UINT64_C(0x1a8272c5cdd36e8f)) },
    { TABLE(UINT64_C(0x62a95de6e302eff2), UINT64_C(0xc552bbcdc605dfe4),
            UINT64_C(0xa1fc51c8d49c2ca3), UINT64_C(0x68a185c2f1afca2d),
            UINT64_C(0xd1430b85e35f945a), UINT64_C(0x89df31589e28bbdf),
            UINT64_C(0x38e744e264c6e4d5), UINT64_C(0x71ce89c4c98dc9aa)) },
    { TABLE(UINT64_C(0x381d0015c96f4444), UINT64_C(0x703a002b92de8888),
            UINT64_C(0xe074005725bd1110), UINT64_C(0xebb126fd13edb14b),
            UINT64_C(0xfc3b6ba97f4cf1fd), UINT64_C(0xd32ff101a60e7091),
            UINT64_C(0x8d06c450148b7249), UINT64_C(0x3154aef3718177f9)) },
};

static inline uint64_t load_word(const char *at)
{
    uint64_t word;

    /* The machine is little-endian, as the digests are. */
    memcpy(&word, at, sizeof(word));
    return word;
}

static inline uint64_t load_half(const char *at)
{
    uint32_t half;

    memcpy(&half, at, sizeof(half));
    return half;
}

/* The last len % 8 bytes of a slice as a number, the first of them lowest. */
static inline uint64_t load_tail(struct slice bytes)
{
    size_t left = bytes.len & 7;
    const char *at = bytes.at + (bytes.len - left);

    if (left == 0)
        return 0;
    /* Eight bytes that end where the slice ends; those before the tail fall out. */
    if (bytes.len >= 8)
        return load_word(at + left - 8) >> (8 * (8 - left));
    if (left >= 4)
        return load_half(at) | load_half(at + left - 4) << (8 * (left - 4));
    return (uint64_t)(unsigned char)at[0] |
           (uint64_t)(unsigned char)at[left / 2] << (8 * (left / 2)) |
           (uint64_t)(unsigned char)at[left - 1] << (8 * (left - 1));
}

/* Sets bit 5 of every byte from 'A' to 'Z'. */
static inline uint64_t lower_letters(uint64_t word)
{
    const uint64_t ones = UINT64_C(0x0101010101010101);
    uint64_t low = word & (ones * 0x7f);
    uint64_t from_a = low + ones * (0x80 - 'A');
    uint64_t past_z = low + ones * (0x80 - 'Z' - 1);

    return word | ((from_a & ~past_z & ~word & (ones * 0x80)) >> 2);
}

static inline uint64_t turn_left(uint64_t word, int by)
{
    return word << by | word >> (64 - by);
}

struct sip {
    uint64_t a, b, c, d;
};

static inline struct sip sip_round(struct sip sip)
{
    sip.a += sip.b;
    sip.c += sip.d;
    sip.b = turn_left(sip.b, 13) ^ sip.a;
    sip.d = turn_left(sip.d, 16) ^ sip.c;
    sip.a = turn_left(sip.a, 32);
    sip.c += sip.b;
    sip.a += sip.d;
    sip.b = turn_left(sip.b, 17) ^ sip.c;
    sip.d = turn_left(sip.d, 21) ^ sip.a;
    sip.c = turn_left(sip.c, 32);
    return sip;
}

static inline __attribute__((always_inline)) uint64_t
sip_hash(struct slice bytes, const struct hash_key *key, bool lower)
{
    struct sip sip = { key->words[0] ^ UINT64_C(0x736f6d6570736575),
                       key->words[1] ^ UINT64_C(0x646f72616e646f6d),
                       key->words[0] ^ UINT64_C(0x6c7967656e657261),
                       key->words[1] ^ UINT64_C(0x7465646279746573) };
    uint64_t word;

    for (size_t i = 0; i + 8 <= bytes.len; i += 8) {
        word = load_word(bytes.at + i);
        if (lower)
            word = lower_letters(word);
        sip.d ^= word;
        sip = sip_round(sip);
        sip.a ^= word;
    }
    word = load_tail(bytes);
    if (lower)
        word = lower_letters(word);
    word |= (uint64_t)bytes.len << 56;
    sip.d ^= word;
    sip = sip_round(sip);
    sip.a ^= word;
    sip.c ^= 0xff;
    sip = sip_round(sip_round(sip_round(sip)));
    return sip.a ^ sip.b ^ sip.c ^ sip.d;
}

uint64_t digest_sip(struct slice bytes, const struct hash_key *key)
{
    return sip_hash(bytes, key, false);
}

uint64_t digest_sip_nocase(struct slice bytes, const struct hash_key *key)
{
    return sip_hash(bytes, key, true);
}

uint16_t digest_crc16(struct slice bytes)
{
    unsigned crc = 0;

    for (size_t i = 0; i < bytes.len; i++)
        crc = (crc << 8 & 0xffff) ^ crc16_table[crc >> 8 ^ (unsigned char)bytes.at[i]];
    return (uint16_t)crc;
}

uint64_t digest_crc64(uint64_t crc, struct slice bytes)
{
    const uint64_t(*table)[256] = crc64_tables;
    size_t i = 0;

    for (; i + 8 <= bytes.len; i += 8) {
        crc ^= load_word(bytes.at + i);
        crc = table[7][crc & 255] ^ table[6][crc >> 8 & 255] ^ table[5][crc >> 16 & 255] ^
              table[4][crc >> 24 & 255] ^ table[3][crc >> 32 & 255] ^ table[2][crc >> 40 & 255] ^
              table[1][crc >> 48 & 255] ^ table[0][crc >> 56];
    }
    for (; i < bytes.len; i++)
        crc = table[0][(crc ^ (unsigned char)bytes.at[i]) & 255] ^ crc >> 8;
    return crc;
}

void digest_hex(const unsigned char *bytes, size_t len, char *to)
{
    static const char digits[] = "0123456789abcdef";

    for (size_t i = 0; i < len; i++) {
        to[2 * i] = digits[bytes[i] >> 4];
        to[2 * i + 1] = digits[bytes[i] & 15];
    }
    to[2 * len] = '\0';
}
