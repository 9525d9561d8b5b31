/*
 * The scripts of EVAL: known by their SHA-1, compiled once, kept.
 *
 * What SCRIPT LOAD brought stays until SCRIPT FLUSH. What EVAL brought may be
 * one of many that are never seen again: of those the 500 used last are kept.
 *
 * The machine is made for the first script there is; a server without scripts
 * has none.
 */
#ifndef BROKER_SCRIPT_SCRIPTS_H
#define BROKER_SCRIPT_SCRIPTS_H

#include "broker/dispatch/call.h"

struct bridge;
struct hash_key;
struct scripts;

/* Pointers are borrowed. */
struct scripts_setup {
    struct bridge         *bridge;
    struct random         *random;
    const struct hash_key *secret;
};

struct scripts *scripts_new(const struct scripts_setup *setup);
void scripts_free(struct scripts *scripts);

/* What an EVAL asks for. */
struct script_request {
    struct slice        text;      /* of the script, or its digest in hex */
    bool                by_digest; /* EVALSHA */
    bool                read_only; /* EVAL_RO, EVALSHA_RO */
    const struct slice *keys;
    size_t              key_count;
    const struct slice *arguments;
    size_t              argument_count;
};

/* Runs a script, and answers. */
enum verdict scripts_run(struct scripts *scripts, struct call *call,
                         const struct script_request *request);

/* Compiles and keeps a script, and answers with its digest, or why it does not compile. */
enum verdict scripts_load(struct scripts *scripts, struct call *call, struct slice text);

/* Whether a script is known by its digest in hex. */
bool scripts_know(const struct scripts *scripts, struct slice digest);

/* Whether a script, given by its text or its digest, says of itself that it writes nothing. */
bool scripts_only_read(const struct scripts *scripts, struct slice text, bool by_digest);

/* Forgets all scripts. */
void scripts_flush(struct scripts *scripts);

/* For INFO. */
struct script_figures {
    size_t   count;
    size_t   machine_bytes; /* of the Lua machine */
    size_t   bytes;         /* of the scripts besides */
    uint64_t evicted;       /* forgotten because there were too many */
};
struct script_figures scripts_figures(const struct scripts *scripts);

/*
 * Moves some texts (storage/base/mover.h) from a place on; returns the next place, 0
 * behind the last. `scripts` is a struct scripts.
 */
struct mover;
uint64_t scripts_move(void *scripts, struct mover *mover, uint64_t at);

#endif
