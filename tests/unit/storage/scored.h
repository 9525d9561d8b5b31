/* A record of trees in tests and benchmarks, and its order: by score, among equals by member. */
#ifndef TESTS_UNIT_STORAGE_SCORED_H
#define TESTS_UNIT_STORAGE_SCORED_H

#include <stdint.h>

struct scored {
    double   score;
    uint64_t member;
};

/* For struct ordered_kind. */
static inline int scored_compare(const void *a, const void *b, void *who)
{
    const struct scored *x = a;
    const struct scored *y = b;

    (void)who;
    if (x->score < y->score || x->score > y->score)
        return x->score < y->score ? -1 : 1;
    return (x->member > y->member) - (x->member < y->member);
}

#endif
