/*
 * xoshiro256** (Blackman and Vigna, 2018), seeded through splitmix64 so that
 * even a seed of 0 fills the state.
 */
#include "storage/base/random.h"

#include <errno.h>
#include <sys/random.h>

#include "storage/base/digest.h"
#include "storage/base/must.h"

__extension__ typedef unsigned __int128 wide;

void random_seed(struct random *random, uint64_t seed)
{
    for (int i = 0; i < 4; i++) {
        uint64_t mixed = seed += UINT64_C(0x9e3779b97f4a7c15);

        mixed = (mixed ^ mixed >> 30) * UINT64_C(0xbf58476d1ce4e5b9);
        mixed = (mixed ^ mixed >> 27) * UINT64_C(0x94d049bb133111eb);
        random->state[i] = mixed ^ mixed >> 31;
    }
}

static inline uint64_t turn_left(uint64_t word, int by)
{
    return word << by | word >> (64 - by);
}

uint64_t random_next(struct random *random)
{
    uint64_t *state = random->state;
    uint64_t result = turn_left(state[1] * 5, 7) * 9;
    uint64_t shifted = state[1] << 17;

    state[2] ^= state[0];
    state[3] ^= state[1];
    state[1] ^= state[2];
    state[0] ^= state[3];
    state[2] ^= shifted;
    state[3] = turn_left(state[3], 45);
    return result;
}

uint64_t random_below(struct random *random, uint64_t below)
{
    wide product;

    must(below > 0);
    product = (wide)random_next(random) * below;
    /* The first 2^64 mod below products would make small numbers likelier (Lemire, 2019). */
    if ((uint64_t)product < below) {
        uint64_t unfair = -below % below;

        while ((uint64_t)product < unfair)
            product = (wide)random_next(random) * below;
    }
    return (uint64_t)(product >> 64);
}

double random_fraction(struct random *random)
{
    return (double)(random_next(random) >> 11) * 0x1p-53;
}

void random_secret(void *to, size_t len)
{
    char *at = to;

    while (len > 0) {
        ssize_t got = getrandom(at, len, 0);

        must(got > 0 || errno == EINTR);
        if (got > 0) {
            at += got;
            len -= (size_t)got;
        }
    }
}

void random_run_id(char to[41])
{
    unsigned char secret[20];

    random_secret(secret, sizeof(secret));
    digest_hex(secret, sizeof(secret), to);
}
