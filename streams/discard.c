/* Pointers to what is to be freed. */
#include "streams/discard.h"

#include "storage/base/memory.h"

enum { RECORDS_IN_LEAF = 40 };

void discard_segment(struct discard *discard, struct segment *segment)
{
    buffer_add(&discard->segments, slice_of(&segment, sizeof(segment)));
    discard->effort++;
}

void discard_group(struct discard *discard, struct group *group)
{
    buffer_add(&discard->groups, slice_of(&group, sizeof(group)));
    discard->effort +=
        1 + pending_count(group_pending(group)) / RECORDS_IN_LEAF + group_consumers(group);
}

struct discard *discard_move(struct discard *discard)
{
    struct discard *moved = memory_new(sizeof(*moved));

    *moved = *discard;
    *discard = DISCARD_NONE;
    return moved;
}

void discard_clear(struct discard *discard)
{
    struct segment *const *segments = (struct segment *const *)(const void *)discard->segments.at;
    struct group *const *groups = (struct group *const *)(const void *)discard->groups.at;

    for (size_t i = 0; i < discard->segments.len / sizeof(*segments); i++)
        segment_free(segments[i]);
    for (size_t i = 0; i < discard->groups.len / sizeof(*groups); i++)
        group_free(groups[i]);
    buffer_clear(&discard->segments);
    buffer_clear(&discard->groups);
    discard->effort = 0;
}

void discard_free(void *what)
{
    struct discard *discard = what;

    discard_clear(discard);
    memory_free(discard);
}
