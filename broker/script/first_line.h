/*
 * The first line of a script or a library, which says what it is:
 *
 *   #!lua name=mylib
 *   #!lua flags=no-writes,allow-stale
 *
 * Words are separated by blanks and may be quoted, as in the configuration.
 */
#ifndef BROKER_SCRIPT_FIRST_LINE_H
#define BROKER_SCRIPT_FIRST_LINE_H

#include <stdbool.h>

#include "storage/base/buffer.h"

enum { FIRST_LINE_WORDS = 32 };

struct first_line {
    int          count; /* words; -1 if the line has no end, or its quotes do not match */
    struct slice words[FIRST_LINE_WORDS];
    struct slice rest;  /* what follows, from the line's end on, so that lines count as written */
    struct buffer room; /* Private: what the words look into */
};

/* Reads the first line if there is one that begins with #!; false: the text has none. */
bool first_line_read(struct first_line *line, struct slice text);

/* Gives back what the words look into. */
void first_line_clear(struct first_line *line);

#endif
