/*
 * Bad input, case by case. Each case talks to the server however it likes; a
 * separate process pings meanwhile, and the memory of the server is watched.
 */
#ifndef TESTS_WIRE_HOSTILE_H
#define TESTS_WIRE_HOSTILE_H

#include <stdbool.h>
#include <stddef.h>

#include "tests/wire/server.h"
#include "tests/wire/talker.h"

struct hostile {
    struct server *server;
    struct text trouble; /* what the case under way found wrong */
};

struct hostile_case {
    const char *name;
    void (*play)(struct hostile *);
    long megabytes; /* by how much the server may have grown meanwhile */
};

/* All cases; the last has no name. */
const struct hostile_case *hostile_cases(void);

#endif
