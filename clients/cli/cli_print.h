/*
 * Replies on paper, in four styles.
 *
 *   tty    for eyes: (integer) 3, "quoted\n", 1) 2) 1# "k" => "v", (nil)
 *   raw    for pipes: the bytes themselves, elements one a line
 *   csv    one line a reply
 *   json   one line a reply
 *
 * The bytes are those that redis-cli 7.0 prints.
 */
#ifndef CLI_PRINT_H
#define CLI_PRINT_H

#include <stddef.h>
#include <stdio.h>

#include "clients/lib/mr_reply.h"

enum cli_style { CLI_TTY, CLI_RAW, CLI_CSV, CLI_JSON, CLI_QUOTED_JSON };

/*
 * Prints a reply without the end of its last line, which belongs to whoever knows
 * what comes next. 'delimiter' stands between elements in the raw style.
 */
void cli_print(FILE *out, const struct mr_reply *reply, enum cli_style style,
               const char *delimiter);

/* Prints bytes between double quotes, all that is not plain ASCII as an escape. */
void cli_print_quoted(FILE *out, const char *bytes, size_t length);

#endif
