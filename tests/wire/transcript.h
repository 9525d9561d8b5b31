/*
 * Runs talks against a server and tells where it answered otherwise.
 *
 * One server serves all talks of a transcript: between two talks every session
 * is closed, every database emptied and every changed option put back. A talk
 * that restarts its server or gives options has a server of its own.
 */
#ifndef TESTS_WIRE_TRANSCRIPT_H
#define TESTS_WIRE_TRANSCRIPT_H

#include <stdbool.h>
#include <stddef.h>

#include "tests/wire/talk_text.h"

struct transcript_setup {
    const char *program;
    bool oracle;                 /* it is redis-server; talks marked @8 are skipped */
    bool replay;                 /* after each talk the AOF is loaded by a second server */
    bool record;                 /* missing expectations are filled into the files */
    bool without_aof;            /* the server knows no AOF; talks that read it are skipped */
    int patience_ms;             /* how long a reply may take */
    const struct words *options; /* further options for every server, or NULL */
};

struct transcript_counts {
    int passed;
    int failed;
    int skipped;
};

struct transcript;

struct transcript *transcript_new(const struct transcript_setup *setup);

/* Runs every talk of a file; what went wrong is appended to `story`. */
void transcript_run(struct transcript *transcript, const char *path, struct text *story,
                    struct transcript_counts *counts);

/* Ends the server. */
void transcript_free(struct transcript *transcript);

#endif
