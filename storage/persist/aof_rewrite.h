/*
 * Rewriting the log: a child writes a new base while new statements go to a
 * new increment; then one rename of the manifest puts both in the place of
 * all that was before.
 *
 *   manifest says                          files
 *   base 1, incr 1                         begin: incr 2 is made and named
 *   base 1, incr 1, incr 2                 the child writes the temporary base
 *   base 2, incr 2, history 1 and 1        its rename, then the manifest's
 *   base 2, incr 2                         the other thread removes history
 *
 * A crash at any point leaves a manifest whose files hold everything.
 */
#ifndef STORAGE_PERSIST_AOF_REWRITE_H
#define STORAGE_PERSIST_AOF_REWRITE_H

#include <stdbool.h>

#include "storage/base/must.h"

struct aof;
struct trouble;

/* Asks for a rewrite at the end of the turn; BGREWRITEAOF. */
void aof_rewrite_request(struct aof *aof);

/*
 * Whether a rewrite should begin now: it was asked for, the log has grown by
 * so much, or it was just turned on. After failures there is a pause, from the
 * third in a row on minutes. One or two comparisons.
 */
bool aof_rewrite_wanted(struct aof *aof);

/* Whether the log was turned on and its first base is to be begun at the end of the turn. */
bool aof_rewrite_is_due(const struct aof *aof);

/*
 * Begins: at a moment when everything that changed the data was appended. The
 * next statement must name its database again, whatever this returns. False
 * with trouble, which was written to the log and counted as a failure.
 */
MUST_USE bool aof_rewrite_begin(struct aof *aof, struct trouble *trouble);

/* Whether a child is at work. */
bool aof_rewrite_runs(const struct aof *aof);

/* Looks after the child, and finishes when it is done; aof_tick calls it. */
void aof_rewrite_poll(struct aof *aof);

/* Kills the child; the log goes on as it was. */
void aof_rewrite_abort(struct aof *aof);

#endif
