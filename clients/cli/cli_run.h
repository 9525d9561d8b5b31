/*
 * One command: its words to the broker, its reply to the terminal.
 *
 * A lost connection is made anew once before a command is given up. SELECT,
 * MULTI, EXEC, HELLO and AUTH are watched, so that the prompt tells the truth and
 * a new connection finds the same database and user.
 */
#ifndef CLI_RUN_H
#define CLI_RUN_H

#include <stdbool.h>

#include "clients/cli/cli.h"
#include "clients/cli/cli_words.h"

/*
 * Connects, authenticates, selects. What the broker refuses is told on stderr
 * and does not count as failure: the commands that follow will say it again.
 */
bool cli_connect(struct cli *cli);

/* Connects if there is no connection. */
bool cli_ensure(struct cli *cli);

/*
 * Runs a command 'repeat' times (-1: for ever) at the interval of the options.
 * False if the connection is lost for good, or an error reply is to end all (-e).
 */
bool cli_run(struct cli *cli, const struct cli_words *words, long repeat);

#endif
