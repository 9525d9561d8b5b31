/*
 * Chance, handed in: a generator with a seed. xoshiro256** (Blackman and
 * Vigna); not for secrets, which come from random_secret.
 */
#ifndef STORAGE_BASE_RANDOM_H
#define STORAGE_BASE_RANDOM_H

#include <stddef.h>
#include <stdint.h>

struct random {
    uint64_t state[4]; /* Private. */
};

/* Seeds the generator: the same seed gives the same numbers. */
void random_seed(struct random *random, uint64_t seed);

/* 64 random bits. */
uint64_t random_next(struct random *random);

/* A uniform number from 0 to below - 1; below is at least 1. */
uint64_t random_below(struct random *random, uint64_t below);

/* A uniform double in [0, 1). */
double random_fraction(struct random *random);

/* Fills bytes from the kernel's generator: seeds, run IDs, passwords. */
void random_secret(void *to, size_t len);

/* Forty lower-case hexadecimal digits and a NUL. */
void random_run_id(char to[41]);

#endif
