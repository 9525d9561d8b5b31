/* Pointers to what is to be freed. */
#include "streams/discard.h"

#include "storage/base/memory.h"
#include "storage/index/ordered.h"
#include "streams/stream_private.h"

enum { RECORDS_IN_LEAF = 40 };

void discard_segment(struct discard *discard, struct segment *segment)
{
    buffer_add(&discard->segments, slice_of(&segment, sizeof(segment)));
    discard->effort++;
}

void discard_sealed(struct discard *discard, struct ordered *sealed)
{
    buffer_add(&discard->sealed, slice_of(&sealed, sizeof(sealed)));
    discard->effort += ordered_count(sealed);
}

void discard_group(struct discard *discard, struct group *group)
{
    buffer_add(&discard->groups, slice_of(&group, sizeof(group)));
    discard->effort +=
        1 + pending_count(group_pending(group)) / RECORDS_IN_LEAF + group_consumers(group);
}

void discard_pending(struct discard *discard, struct pending *pending)
{
    buffer_add(&discard->pending, slice_of(&pending, sizeof(pending)));
    discard->effort += 1 + pending_count(pending) / RECORDS_IN_LEAF;
}

struct discard *discard_move(struct discard *discard)
{
    struct discard *moved = memory_new(sizeof(*moved));

    *moved = *discard;
    *discard = DISCARD_NONE;
    return moved;
}

/* The pointer of a place among those that a buffer has; NULL behind the last. */
static void *pointer_at(const struct buffer *pointers, size_t i)
{
    void *pointer = NULL;

    if (i < pointers->len / sizeof(pointer))
        memcpy(&pointer, pointers->at + i * sizeof(pointer), sizeof(pointer));
    return pointer;
}

void discard_clear(struct discard *discard)
{
    void *what;

    for (size_t i = 0; (what = pointer_at(&discard->segments, i)) != NULL; i++)
        segment_free(what);
    for (size_t i = 0; (what = pointer_at(&discard->sealed, i)) != NULL; i++)
        stream_free_sealed(what);
    for (size_t i = 0; (what = pointer_at(&discard->groups, i)) != NULL; i++)
        group_free(what);
    for (size_t i = 0; (what = pointer_at(&discard->pending, i)) != NULL; i++)
        pending_free(what);
    buffer_clear(&discard->segments);
    buffer_clear(&discard->sealed);
    buffer_clear(&discard->groups);
    buffer_clear(&discard->pending);
    discard->effort = 0;
}

void discard_free(void *what)
{
    struct discard *discard = what;

    discard_clear(discard);
    memory_free(discard);
}
