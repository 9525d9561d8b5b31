/*
 * The keeper of streams: entries that leave by themselves do so at their
 * millisecond, though nobody calls.
 *
 *   XADD, XCFGSET, ... ──keeper_watch──► keys by due time ──timer──► retention_step ──► ledger
 *
 * What is due is known by key. A stream that comes to a key by other ways (it
 * was renamed, copied, restored, loaded) is found by a slow walk over all keys;
 * a key that holds no such stream any more is forgotten by another.
 */
#ifndef BROKER_COMMANDS_KEEPER_H
#define BROKER_COMMANDS_KEEPER_H

#include "storage/base/clock.h"
#include "storage/base/slice.h"
#include "streams/retention.h"

struct caller;
struct keeper;
struct keyspaces;
struct ledger;
struct log;
struct loop;

/* Pointers are borrowed. */
struct keeper_setup {
    struct loop      *loop;
    struct keyspaces *keyspaces;
    struct caller    *caller;
    struct ledger    *ledger;
    struct log       *log;
};

/* One keeper, and its end. */
struct keeper *keeper_new(const struct keeper_setup *setup);
void keeper_free(struct keeper *keeper);

/*
 * Says that the stream of a key, which was changed or looked at, may have
 * something due earlier than the keeper knows. O(1) if nothing ever is, else
 * O(log n).
 */
void keeper_watch(struct keeper *keeper, uint32_t db, struct slice key, struct stream *stream);

/* Looks at some keys and some watched ones; upkeep calls it with every tick. */
void keeper_tick(void *keeper);

/* Notes and says what left a stream in a step, in the database that the ledger is at: an exact
 * XTRIM, an XDEL. */
void keeper_tell(struct ledger *ledger, struct slice key, const struct stream *stream,
                 const struct retention_step *step);

#endif
