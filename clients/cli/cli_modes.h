/*
 * The uses besides commands. Each connects by itself and returns the exit status.
 */
#ifndef CLI_MODES_H
#define CLI_MODES_H

#include <stdbool.h>

#include "clients/cli/cli.h"

/* Sends standard input as it is, counts the replies and the errors among them. */
int cli_mode_pipe(struct cli *cli);

/* Prints every key, or those of a pattern, one a line. */
int cli_mode_scan(struct cli *cli);

/* Prints a line of numbers again and again. */
int cli_mode_stat(struct cli *cli);

/*
 * Measures how long PING takes: moving numbers on a terminal, else one line after
 * a while. With 'history' a new line begins every 15 seconds, or every -i.
 */
int cli_mode_latency(struct cli *cli, bool history);

/* Looks at every key and tells of the largest of each type. */
int cli_mode_big_keys(struct cli *cli);

#endif
