/*
 * The command line, read.
 */
#ifndef CLI_OPTIONS_H
#define CLI_OPTIONS_H

#include "clients/cli/cli.h"

/* What the command line asks for besides options. */
struct cli_choice {
    char      **words; /* of the command; borrowed from main's arguments */
    size_t      count;
    const char *script; /* --eval */
    bool        ask_password;
    char       *uri_parts[4]; /* Private: texts cut out of a -u URI; owned. */
};

/*
 * Reads all arguments. Returns -1 to go on, or the exit status if that was all
 * (help, version) or something is wrong; it has been told then.
 */
int cli_options_read(struct cli_options *options, struct cli_choice *choice, int count,
                     char **arguments);

/* Frees what a choice owns. */
void cli_choice_clear(struct cli_choice *choice);

#endif
