/*
 * The conversation: lines from a terminal, or from a pipe, one command each.
 *
 * On a terminal there is history (~/.millracecli_history, or the file named by
 * MILLRACECLI_HISTFILE), completion with TAB, and a hint of the arguments at the
 * right. Lines that hold passwords are not kept.
 */
#ifndef CLI_PROMPT_H
#define CLI_PROMPT_H

#include "clients/cli/cli.h"

/* Converses until the input ends or says quit. Returns the exit status. */
int cli_converse(struct cli *cli);

#endif
