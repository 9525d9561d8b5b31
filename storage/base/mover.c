/* The owner's pointer is read and written as bytes, since it may be one to any type. */
#include "storage/base/mover.h"

#include <string.h>

#include "storage/base/memory.h"

void *mover_copy(struct mover *mover, const void *block)
{
    if (mover->wanted != NULL && !mover->wanted(block)) {
        mover->left++;
        return NULL;
    }
    return memory_move(block);
}

void mover_leave(struct mover *mover, void *block)
{
    mover->moved++;
    memory_leave(block);
}

bool mover_move(struct mover *mover, void *place)
{
    void *block;
    void *moved;

    memcpy(&block, place, sizeof(block));
    if (block == NULL)
        return false;
    moved = mover_copy(mover, block);
    if (moved == NULL)
        return false;
    memcpy(place, &moved, sizeof(moved));
    mover_leave(mover, block);
    return true;
}
