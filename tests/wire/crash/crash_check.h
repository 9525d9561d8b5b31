/* Compares what a restarted server has with what was acknowledged before it was killed. */
#ifndef TESTS_WIRE_CRASH_CHECK_H
#define TESTS_WIRE_CRASH_CHECK_H

#include "tests/wire/crash/crash_load.h"
#include "tests/wire/server.h"

/* What a check found wrong; each finding is also printed. */
struct findings {
    long lost;
    long doubled;
    long other;
};

/*
 * Checks everything, and settles in the accounts what had been in doubt, so that
 * the next round can go on where this one was killed.
 */
void crash_check(const struct server *server, struct accounts *accounts, struct findings *findings);

#endif
