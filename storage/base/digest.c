/*
 * SipHash-1-3, and digits.
 *
 * SipHash reads eight bytes at a time; the last, short word is gathered by
 * loads that overlap rather than byte by byte. The variant that ignores case
 * lowers the letters of a whole word at once.
 */
#include "storage/base/digest.h"

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

void digest_hex(const unsigned char *bytes, size_t len, char *to)
{
    static const char digits[] = "0123456789abcdef";

    for (size_t i = 0; i < len; i++) {
        to[2 * i] = digits[bytes[i] >> 4];
        to[2 * i + 1] = digits[bytes[i] & 15];
    }
    to[2 * len] = '\0';
}
