/*
 * Moving blocks of memory to better places, one by one, under whoever owns them.
 *
 * Owners know who points at their blocks, so each data structure has a function
 * that offers its blocks to a mover and mends what pointed at those that moved:
 *
 *     if (mover_move(mover, &list->nodes)) ...           one pointer, mended here
 *
 *     struct entry *moved = mover_copy(mover, entry);    several, mended by the owner:
 *     if (moved != NULL) {                               until mover_leave both are there,
 *         ...                                            so that searches still work
 *         mover_leave(mover, entry);
 *     }
 *
 * A block that others may look at meanwhile is not to be offered.
 */
#ifndef STORAGE_BASE_MOVER_H
#define STORAGE_BASE_MOVER_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* All zero moves everything; for tests. */
struct mover {
    bool (*wanted)(const void *block); /* whether a block is to move; NULL: all are */
    uint64_t moved;
    uint64_t left; /* looked at and left where they were */
};

/* A copy of a block that is to move, or NULL if it stays. */
void *mover_copy(struct mover *mover, const void *block);

/* Gives back a block whose copy has taken its place. */
void mover_leave(struct mover *mover, void *block);

/*
 * Moves the block that a pointer points at, if it is to move; `place` is the address of
 * that pointer, the only one to the block. True if it moved. A NULL in there stays.
 */
bool mover_move(struct mover *mover, void *place);

#endif
