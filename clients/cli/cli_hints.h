/*
 * What the broker says of its commands (COMMAND DOCS), made ready for hints,
 * completion and help.
 */
#ifndef CLI_HINTS_H
#define CLI_HINTS_H

#include <stddef.h>
#include <stdio.h>

#include "clients/cli/cli.h"

/* One command or subcommand; texts may be empty, never NULL. */
struct cli_hint {
    char *name;      /* in capitals, "CONFIG GET" for a subcommand */
    char *arguments; /* "key value [NX|XX]" */
    char *summary;
    char *since;
    char *group;
};

struct cli_hints;

/* Asks the broker. An empty table if it does not know COMMAND DOCS; never NULL. */
struct cli_hints *cli_hints_load(struct cli *cli);

/* Frees the table. NULL is fine. */
void cli_hints_free(struct cli_hints *hints);

/* All commands, in the order of their names; borrowed. */
const struct cli_hint *cli_hints_all(const struct cli_hints *hints, size_t *count);

/*
 * The command a line begins with, and how many of its words are the name; NULL if
 * it is none we know.
 */
const struct cli_hint *cli_hints_find(const struct cli_hints *hints, const char *line,
                                      size_t *name_words);

/* Writes what is still to be typed behind a line; an empty text if nothing is known. */
void cli_hints_rest(const struct cli_hints *hints, const char *line, char *text, size_t room);

/* Prints help: on a command, on all of a "@group", or in general. */
void cli_hints_help(const struct cli_hints *hints, FILE *out, const char *topic);

#endif
