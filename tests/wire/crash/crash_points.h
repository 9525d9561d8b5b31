/*
 * Rounds of the crash test in which the server ends at a named point of
 * storage/persist/points.def, instead of at random.
 */
#ifndef TESTS_WIRE_CRASH_POINTS_H
#define TESTS_WIRE_CRASH_POINTS_H

#include "tests/wire/crash/crash_check.h"
#include "tests/wire/crash/crash_load.h"

/* What the rounds at points came to. */
struct point_rounds {
    long rounds;      /* in which the server ended at its point */
    long points;      /* points at which it ended at least once */
    long never;       /* points that no round came to: a hole in the test */
    int64_t acknowledged;
};

/*
 * For each point, and each time it is passed up to `most` times: a server in a folder
 * of its own lives through load, rewrite, save, turning the log off and on, and an
 * orderly end, until it ends at the point; then it is started again and checked.
 * False as soon as something is wrong.
 */
bool crash_at_points(const struct server_setup *setup, struct accounts *accounts, int most,
                     struct findings *findings, struct point_rounds *done);

#endif
