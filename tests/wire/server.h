/*
 * A real server in a temporary folder of its own, for tests: it is started with
 * options, stopped, killed and started again over the same files.
 *
 * The server listens on a unix socket in that folder and on a free TCP port of
 * 127.0.0.1. It ends with the program that started it, whatever happens to that.
 */
#ifndef TESTS_WIRE_SERVER_H
#define TESTS_WIRE_SERVER_H

#include <stdbool.h>
#include <stddef.h>
#include <sys/types.h>

#include "tests/wire/talk_text.h"

struct server_setup {
    const char *program;
    bool oracle;                 /* it is redis-server: it is told not to write snapshots */
    const struct words *options; /* further command line words, or NULL; borrowed for good */
};

struct server;

/* Makes the temporary folder; nothing runs yet. NULL with the reason in `trouble`. */
struct server *server_new(const struct server_setup *setup, struct text *trouble);

/*
 * Starts the program and waits until it answers PING. False with the reason and
 * the end of its log in `trouble` if it ends or does not answer within 30 s.
 */
bool server_start(struct server *server, struct text *trouble);

/* Asks it to end (SIGTERM) and waits; after 10 s it is killed. Harmless if it does not run. */
void server_stop(struct server *server);

/* kill -9, and waits until it is gone. */
void server_crash(struct server *server);

/* Whether the process is still there. */
bool server_runs(struct server *server);

/* Stops the server and removes its folder. NULL is fine. */
void server_free(struct server *server);

/* A new connection over the unix socket, or -1. */
int server_connect(const struct server *server);

/* Where it keeps its files, which program it is, its TCP port, its process. */
const char *server_folder(const struct server *server);
const char *server_program(const struct server *server);
int server_port(const struct server *server);
pid_t server_process(const struct server *server);

/* Appends the last lines that the server logged. */
void server_log_end(const struct server *server, struct text *out);

/* Copies a file, or a folder with all that is in it. */
bool copy_tree(const char *from, const char *to);

/* Removes a file, or a folder with all that is in it. */
void remove_tree(const char *path);

#endif
