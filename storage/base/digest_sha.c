/*
 * SHA-1 and SHA-256 as FIPS 180-4 defines them, over bytes that are all there.
 *
 * Both cut the message into blocks of 64 bytes, big-endian, and end it with a
 * bit 1, zeros, and the length in bits in the last eight bytes. Scripts are
 * named by SHA-1 and passwords kept as SHA-256, so neither is on a hot path.
 */
#include "storage/base/digest.h"

enum { SHA_BLOCK = 64 };

static const uint32_t sha256_constants[64] = {
    0x428a2f98, 0x71374491, 0xb5c0fbcf, 0xe9b5dba5, 0x3956c25b, 0x59f111f1, 0x923f82a4, 0xab1c5ed5,
    0xd807aa98, 0x12835b01, 0x243185be, 0x550c7dc3, 0x72be5d74, 0x80deb1fe, 0x9bdc06a7, 0xc19bf174,
    0xe49b69c1, 0xefbe4786, 0x0fc19dc6, 0x240ca1cc, 0x2de92c6f, 0x4a7484aa, 0x5cb0a9dc, 0x76f988da,
    0x983e5152, 0xa831c66d, 0xb00327c8, 0xbf597fc7, 0xc6e00bf3, 0xd5a79147, 0x06ca6351, 0x14292967,
    0x27b70a85, 0x2e1b2138, 0x4d2c6dfc, 0x53380d13, 0x650a7354, 0x766a0abb, 0x81c2c92e, 0x92722c85,
    0xa2bfe8a1, 0xa81a664b, 0xc24b8b70, 0xc76c51a3, 0xd192e819, 0xd6990624, 0xf40e3585, 0x106aa070,
    0x19a4c116, 0x1e376c08, 0x2748774c, 0x34b0bcb5, 0x391c0cb3, 0x4ed8aa4a, 0x5b9cca4f, 0x682e6ff3,
    0x748f82ee, 0x78a5636f, 0x84c87814, 0x8cc70208, 0x90befffa, 0xa4506ceb, 0xbef9a3f7, 0xc67178f2,
};

static inline uint32_t turn_left(uint32_t word, int by)
{
    return word << by | word >> (32 - by);
}

static inline uint32_t turn_right(uint32_t word, int by)
{
    return word >> by | word << (32 - by);
}

static void load_words(uint32_t words[16], const unsigned char *block)
{
    for (int i = 0; i < 16; i++) {
        words[i] = (uint32_t)block[4 * i] << 24 | (uint32_t)block[4 * i + 1] << 16 |
                   (uint32_t)block[4 * i + 2] << 8 | block[4 * i + 3];
    }
}

static void sha1_block(uint32_t state[8], const unsigned char *block)
{
    uint32_t w[80];
    uint32_t a = state[0], b = state[1], c = state[2], d = state[3], e = state[4];

    load_words(w, block);
    for (int i = 16; i < 80; i++)
        w[i] = turn_left(w[i - 3] ^ w[i - 8] ^ w[i - 14] ^ w[i - 16], 1);
    for (int i = 0; i < 80; i++) {
        uint32_t mixed;

        if (i < 20)
            mixed = (d ^ (b & (c ^ d))) + 0x5a827999;
        else if (i < 40)
            mixed = (b ^ c ^ d) + 0x6ed9eba1;
        else if (i < 60)
            mixed = ((b & c) | (d & (b | c))) + 0x8f1bbcdc;
        else
            mixed = (b ^ c ^ d) + 0xca62c1d6;
        mixed += turn_left(a, 5) + e + w[i];
        e = d;
        d = c;
        c = turn_left(b, 30);
        b = a;
        a = mixed;
    }
    state[0] += a;
    state[1] += b;
    state[2] += c;
    state[3] += d;
    state[4] += e;
}

static void sha256_block(uint32_t state[8], const unsigned char *block)
{
    uint32_t w[64];
    uint32_t s[8];

    load_words(w, block);
    for (int i = 16; i < 64; i++) {
        uint32_t x = w[i - 15];
        uint32_t y = w[i - 2];

        w[i] = w[i - 16] + (turn_right(x, 7) ^ turn_right(x, 18) ^ x >> 3) + w[i - 7] +
               (turn_right(y, 17) ^ turn_right(y, 19) ^ y >> 10);
    }
    memcpy(s, state, sizeof(s));
    for (int i = 0; i < 64; i++) {
        uint32_t choice = s[6] ^ (s[4] & (s[5] ^ s[6]));
        uint32_t majority = (s[0] & s[1]) | (s[2] & (s[0] | s[1]));
        uint32_t first = s[7] + choice + sha256_constants[i] + w[i] +
                         (turn_right(s[4], 6) ^ turn_right(s[4], 11) ^ turn_right(s[4], 25));
        uint32_t second =
            majority + (turn_right(s[0], 2) ^ turn_right(s[0], 13) ^ turn_right(s[0], 22));

        memmove(s + 1, s, 7 * sizeof(s[0]));
        s[4] += first;
        s[0] = first + second;
    }
    for (int i = 0; i < 8; i++)
        state[i] += s[i];
}

/* Runs a whole message through `step`, padding included, and writes `words` words of state. */
static void run(struct slice bytes, uint32_t state[8], int words, unsigned char *to,
                void (*step)(uint32_t state[8], const unsigned char *block))
{
    unsigned char tail[2 * SHA_BLOCK] = { 0 };
    size_t whole = bytes.len - bytes.len % SHA_BLOCK;
    size_t left = bytes.len - whole;
    size_t tail_len = left + 9 <= SHA_BLOCK ? SHA_BLOCK : 2 * SHA_BLOCK;
    uint64_t bits = (uint64_t)bytes.len * 8;

    for (size_t i = 0; i < whole; i += SHA_BLOCK)
        step(state, (const unsigned char *)bytes.at + i);
    if (left > 0)
        memcpy(tail, bytes.at + whole, left);
    tail[left] = 0x80;
    for (int i = 0; i < 8; i++)
        tail[tail_len - 1 - (size_t)i] = (unsigned char)(bits >> (8 * i));
    for (size_t i = 0; i < tail_len; i += SHA_BLOCK)
        step(state, tail + i);
    for (int i = 0; i < 4 * words; i++)
        to[i] = (unsigned char)(state[i / 4] >> (24 - 8 * (i % 4)));
}

void digest_sha1(struct slice bytes, unsigned char to[DIGEST_SHA1_SIZE])
{
    uint32_t state[8] = { 0x67452301, 0xefcdab89, 0x98badcfe, 0x10325476, 0xc3d2e1f0, 0, 0, 0 };

    run(bytes, state, 5, to, sha1_block);
}

void digest_sha256(struct slice bytes, unsigned char to[DIGEST_SHA256_SIZE])
{
    uint32_t state[8] = { 0x6a09e667, 0xbb67ae85, 0x3c6ef372, 0xa54ff53a,
                          0x510e527f, 0x9b05688c, 0x1f83d9ab, 0x5be0cd19 };

    run(bytes, state, 8, to, sha256_block);
}
