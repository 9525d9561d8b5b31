/*
 * Moving live values out of thin slabs, so that the pages of these can be given
 * back.
 *
 * Memory of a size is handed out from slabs. After many keys came and went each may
 * be half empty, and none can go back while one block of it is in use. A pass looks
 * at every block of all databases, and of rooms that asked for it, and moves those
 * which lie where few others do (storage/base/mover.h); the allocator then fills
 * other slabs up, and the thin ones become empty.
 *
 * A pass goes in steps, between calls: keys and fields may come and go between one
 * step and the next. A value with many elements is moved in steps too, its key kept
 * meanwhile. Nothing is moved while a child saves, which would copy pages.
 *
 * Costs: a block that stays about 100 ns, one that moves about 300 ns.
 */
#ifndef STORAGE_KEYSPACE_DEFRAG_H
#define STORAGE_KEYSPACE_DEFRAG_H

#include "storage/base/mover.h"

struct defrag;
struct keyspaces;

/* Somebody else with blocks to move: as `defragment` of storage/values/value.h. */
struct defrag_room {
    uint64_t (*move)(void *who, struct mover *mover, uint64_t at);
    void *who;
};

/* Since the start, or the last reset. */
struct defrag_counts {
    uint64_t moved;     /* blocks */
    uint64_t left;
    uint64_t keys;      /* of which something was moved */
    uint64_t keys_left;
};

/* The databases are borrowed. `wanted` says which blocks move (mover.h). */
struct defrag *defrag_new(struct keyspaces *all, bool (*wanted)(const void *block));
void defrag_free(struct defrag *defrag);

/* Has a room looked at in every pass, behind the databases. A few at most. */
void defrag_add(struct defrag *defrag, struct defrag_room room);

/*
 * Goes on with a pass until it is at its end, which is true, or `is_over` says that
 * time is: it is asked after every few dozen blocks. Values with more than `most`
 * elements wait until their turn comes, and go in steps. The next call after the end
 * begins a new pass.
 */
bool defrag_run(struct defrag *defrag, size_t most, bool (*is_over)(void *who), void *who);

/* Forgets where the pass is. */
void defrag_stop(struct defrag *defrag);

/* The counts, the owner's to reset. */
struct defrag_counts *defrag_counts(struct defrag *defrag);

#endif
