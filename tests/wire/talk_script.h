/*
 * A talk file, read into steps. A file holds one or several talks; each begins
 * with a line "== title", or with the file if there is none.
 */
#ifndef TESTS_WIRE_TALK_SCRIPT_H
#define TESTS_WIRE_TALK_SCRIPT_H

#include <stdbool.h>
#include <stddef.h>

#include "tests/wire/talk_text.h"

enum step_kind {
    STEP_SAY,   /* a> WORDS           a session says a command */
    STEP_WAIT,  /* a~ WORDS           the same, and is seen to block */
    STEP_UNTIL, /* until> WORDS       said again until the reply is as expected */
    STEP_HEAR,  /* a< REPLY           the next reply of a session */
    STEP_AOF,   /* aof< WORDS         the next statement in the AOF */
    STEP_ORDER  /* !order ...         something the runner does */
};

struct step {
    enum step_kind kind;
    size_t line;          /* of its first line, from 1 */
    size_t last_line;     /* of its last continuation */
    char session[24];     /* empty: the one without a name */
    bool named;           /* of HEAR: a session was named */
    struct text text;     /* what follows the mark */
    struct text recorded; /* filled in by a recording run */
};

struct talk {
    struct text title;
    bool titled;     /* by a line of its own, not by the name of the file */
    bool newer;      /* marked @8: the oracle does not know it */
    bool own_server; /* it restarts its server or gives options */
    bool reads_aof;
    struct words options;
    struct text  files; /* a folder whose contents the server finds in its own, or empty */
    struct step *steps;
    size_t count;
};

struct script {
    struct text path;
    struct text *lines; /* as they stand in the file, for recording */
    size_t line_count;
    struct talk *talks;
    size_t count;
};

/* Reads a file. False with the reason in `trouble`, the file and line in front. */
bool script_read(struct script *script, const char *path, struct text *trouble);

/* Writes the file again with what was recorded in its place. */
bool script_write(const struct script *script);

void script_clear(struct script *script);

#endif
