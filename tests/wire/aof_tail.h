/*
 * Follows the AOF of a server under test, statement by statement, from the
 * outside: the newest increment of the directory, and the next one after a rewrite.
 */
#ifndef TESTS_WIRE_AOF_TAIL_H
#define TESTS_WIRE_AOF_TAIL_H

#include <stdbool.h>
#include <stddef.h>

#include "tests/wire/talk_reply.h"

struct aof_tail {
    char path[256]; /* the increment being read; empty before there is one */
    size_t offset;
};

/* Goes to the end of what is there now. False if there is no AOF. */
bool aof_tail_mark(struct aof_tail *tail, const char *server_folder);

/*
 * The next statement, an array of bulk strings, waited for up to `patience_ms`.
 * Statements that merely select a database are passed over. False if none came.
 */
bool aof_tail_next(struct aof_tail *tail, const char *server_folder, int patience_ms,
                   struct talk_reply *statement);

/* The path of the newest increment. False if there is none. */
bool aof_newest(const char *server_folder, char *path, size_t room);

#endif
