/*
 * A transaction: the calls that MULTI queues, and whether EXEC may run them.
 *
 * It hangs on the session from MULTI to EXEC or DISCARD. A command that is
 * refused while queuing breaks it; EXEC then answers EXECABORT.
 */
#ifndef BROKER_DISPATCH_TRANSACTION_H
#define BROKER_DISPATCH_TRANSACTION_H

#include "broker/dispatch/call.h"

/* Begins a transaction on a session that has none. */
void transaction_begin(struct session *session);

/* Queues a call that is like the flags say: its words are copied. */
void transaction_queue(struct session *session, const struct command *command, uint32_t flags,
                       const struct args *args);

/* Remembers that a command was refused while queuing. */
void transaction_break(struct session *session);
bool transaction_is_broken(const struct session *session);

/* Whether any queued command lacks one of the flags. */
bool transaction_lacks(const struct session *session, uint32_t flags);

/* Whether any queued command has one of the flags. */
bool transaction_has(const struct session *session, uint32_t flags);

/* Whether any of them may add to a list or stream, so that it takes memory. */
bool transaction_adds_to_queues(const struct session *session);

/*
 * Runs what was queued, in order, each answering into the call's reply, and
 * ends the transaction. The array's header is written too.
 */
void transaction_run(struct call *call);

/* Drops what was queued and ends the transaction; fine without one. */
void transaction_end(struct session *session);

/* A farewell for sessions.h. */
void transaction_forget(void *nobody, struct session *session);

#endif
