/*
 * What the parts of millrace-cli share: the options of the command line, the
 * state of the conversation, and the two or three things all of them need.
 */
#ifndef CLI_H
#define CLI_H

#include <stdbool.h>
#include <stddef.h>

#include "clients/cli/cli_print.h"
#include "clients/lib/millrace.h"

enum cli_mode {
    CLI_COMMAND, /* words on the command line, or a conversation without them */
    CLI_PIPE,
    CLI_SCAN,
    CLI_STAT,
    CLI_LATENCY,
    CLI_LATENCY_HISTORY,
    CLI_BIG_KEYS,
    CLI_DEMO
};

struct cli_options {
    const char    *host;
    int            port;
    const char    *path;
    const char    *user;
    const char    *password;
    int            database;
    int            protocol; /* 0: not said; 2 or 3 */
    long           repeat;   /* -1: for ever */
    double         interval; /* seconds; 0: none said */
    bool           style_said;
    enum cli_style style;
    const char    *delimiter;     /* between elements in the raw style */
    const char    *end_delimiter; /* between replies in the raw style */
    bool           last_from_input; /* -x */
    const char    *input_tag;       /* -X */
    bool           quoted_input;
    bool           exit_on_error;
    bool           quiet_about_passwords;
    int            show_pushes; /* -1: only on a terminal */
    const char    *pattern;
    int            pipe_timeout; /* seconds; 0: for ever */
    double         demo_seconds;
    long           demo_jobs; /* 0: as many as the time allows */
    enum cli_mode  mode;
};

/* One conversation. */
struct cli {
    struct cli_options options;
    struct mr_link    *link; /* NULL until the first connection */
    int                database;
    int                protocol;
    bool               in_transaction;
    bool               interactive;
    char              *user; /* as last accepted by AUTH; owned */
    char              *password;
};

/* realloc that ends the program without memory: a tool has nothing better to do. */
void *cli_memory(void *old, size_t size);

/* What a link to the broker is made from, greeting included. */
struct mr_link_setup cli_setup(const struct cli *cli);

/* True on a terminal: colours and moving counters are welcome. */
bool cli_on_terminal(void);

#endif
