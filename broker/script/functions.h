/*
 * Functions: named, kept in libraries, part of the data.
 *
 * A library is a text whose first line names it. When it is loaded the text is
 * run once, and registers functions meanwhile; these are called with FCALL
 * from then on, by a name in any case of its letters.
 *
 *   FUNCTION LOAD ──► text runs with little more than redis.register_function
 *                        │ it fails, or a name is taken        │ it ends
 *                        ▼                                     ▼
 *                  all stays as it was            the library takes its place
 *
 * All libraries share one machine, which is made for the first of them.
 */
#ifndef BROKER_SCRIPT_FUNCTIONS_H
#define BROKER_SCRIPT_FUNCTIONS_H

#include "broker/dispatch/call.h"

struct bridge;
struct clock;
struct functions;
struct hash_key;

/* Pointers are borrowed. */
struct functions_setup {
    struct bridge         *bridge;
    struct clock          *clock;
    struct random         *random;
    const struct hash_key *secret;
};

struct functions *functions_new(const struct functions_setup *setup);
void functions_free(struct functions *functions);

/*
 * Loads a library. Returns its name, borrowed while it is there; or, changing
 * nothing, an empty slice with an error line in `why`. `hasty`: somebody waits, so
 * a text that runs too long is stopped.
 */
struct slice functions_load(struct functions *functions, struct slice text, bool replace,
                            bool hasty, struct buffer *why);

/* Removes a library; false if there is none of that name. */
bool functions_delete(struct functions *functions, struct slice name);

/* Removes all libraries. */
void functions_flush(struct functions *functions);

/* What an FCALL asks for. */
struct function_request {
    bool                read_only; /* FCALL_RO */
    const struct slice *keys;
    size_t              key_count;
    const struct slice *arguments;
    size_t              argument_count;
};

struct function;

/* The function of a name, in any case of its letters; NULL if there is none. */
const struct function *functions_find(const struct functions *functions, struct slice name);

/* Whether it was registered as one that writes nothing. */
bool function_only_reads(const struct function *function);

/* Runs a function, and answers. */
enum verdict functions_call(struct functions *functions, struct call *call,
                            const struct function *function,
                            const struct function_request *request);

/* Answers with the libraries whose names match a pattern, each with its text if that is asked. */
void functions_list(const struct functions *functions, struct reply *reply, struct slice pattern,
                    bool with_code);

/* What becomes of libraries that are there when others are restored. */
enum function_policy {
    FUNCTION_APPEND,  /* they stay, and none may be restored that is there */
    FUNCTION_REPLACE, /* those of the same names go */
    FUNCTION_FLUSH,   /* all go */
};

/* Loads several libraries, all of them, or none and returns false with an error line in `why`. */
bool functions_restore(struct functions *functions, const struct slice *texts, size_t count,
                       enum function_policy policy, struct buffer *why);

/* Libraries as snapshots know them. */
struct rdb_functions;
struct rdb_functions functions_for_snapshots(struct functions *functions);

/* For INFO and FUNCTION STATS. */
struct function_figures {
    size_t libraries;
    size_t functions;
    size_t machine_bytes; /* of the Lua machine */
    size_t bytes;         /* of the libraries besides */
};
struct function_figures functions_figures(const struct functions *functions);

/* Asserts every invariant; for tests. */
void functions_check(const struct functions *functions);

#endif
