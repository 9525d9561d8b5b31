/*
 * Statements from a log, run as calls on a stand-in session.
 *
 * The same code that answers clients rebuilds the data, so a log can hold
 * nothing that the commands do not know. Nothing expires while it runs: what
 * was to go is a DEL in the log.
 */
#ifndef BROKER_DISPATCH_REPLAY_H
#define BROKER_DISPATCH_REPLAY_H

#include "broker/dispatch/caller.h"
#include "storage/base/trouble.h"

struct replay;
struct sessions;

struct replay *replay_new(struct caller *caller, struct sessions *sessions);
void replay_free(struct replay *replay);

/* What became of a statement. */
enum replayed {
    REPLAYED,
    REPLAYED_NOT,      /* there is no such command: the log is not one of ours */
    REPLAYED_TO_ERROR  /* it was run and answered with an error: the data are not what they were */
};

/* Runs one statement. With trouble unless it is REPLAYED. */
MUST_USE enum replayed replay_statement(struct replay *replay, const struct slice *words,
                                        size_t count, struct trouble *trouble);

#endif
