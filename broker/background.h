/*
 * A server in the background (daemonize). Whoever started it is kept waiting until it
 * listens, so that a script may connect as soon as that command has ended, find the file
 * with the process's number, and learn from the exit status that nothing was started.
 */
#ifndef BROKER_BACKGROUND_H
#define BROKER_BACKGROUND_H

#include <stdbool.h>

/*
 * Leaves the terminal and whoever started it: returns in the process that goes on, with
 * what background_is_ready wants. The other ends with 0 when that is called, with 1 if the
 * server ends before. False with errno if there can be no other process.
 *
 * To be called before there are threads, which would stay behind.
 */
bool background_enter(int *launcher);

/* Lets go whoever started the server: it listens. Once; a second time, or with -1, is nothing. */
void background_is_ready(int *launcher);

#endif
