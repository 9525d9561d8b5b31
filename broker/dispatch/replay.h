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

/*
 * Runs one statement. False with trouble if the command is unknown or answers
 * with an error: the log does not belong to this data.
 */
MUST_USE bool replay_statement(struct replay *replay, const struct slice *words, size_t count,
                               struct trouble *trouble);

#endif
