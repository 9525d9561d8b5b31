/*
 * Moving the blocks of a stream.
 *
 * A place is a part of the stream and a place in that: ranks of sealed segments,
 * ranks of groups, a group and a place in its pending list, a place of producers.
 *
 *     bit 60, 61  which part        40 to 59  which group       0 to 39  where in it
 *
 * Groups come and go between one step and the next: a place then means another
 * group, and at worst something is looked at twice or not at all.
 */
#include "storage/base/mover.h"
#include "streams/group.h"
#include "streams/producers.h"
#include "streams/stream_private.h"

enum { PART_SHIFT = 60, GROUP_SHIFT = 40 };
enum part { PART_SEGMENTS, PART_GROUPS, PART_PENDING, PART_PRODUCERS };

#define PLACE_MASK ((UINT64_C(1) << GROUP_SHIFT) - 1)
#define GROUP_MASK ((UINT64_C(1) << (PART_SHIFT - GROUP_SHIFT)) - 1)

static uint64_t place_in(enum part part, uint64_t group, uint64_t at)
{
    return (uint64_t)part << PART_SHIFT | (group & GROUP_MASK) << GROUP_SHIFT | at;
}

static void move_segment(void *mover, void *record)
{
    struct sealed *sealed = record;

    (void)mover_move(mover, &sealed->segment);
}

static void move_group(void *mover, void *record)
{
    struct named_group *named = record;

    group_move(&named->group, mover);
    named->name = group_name(named->group);
}

/* What there is one of. */
static void move_heads(struct stream **moving, struct mover *mover)
{
    struct stream *stream;

    (void)mover_move(mover, moving);
    stream = *moving;
    (void)mover_move(mover, &stream->extra);
    (void)mover_move(mover, &stream->sealed);
    (void)mover_move(mover, &stream->groups);
    (void)mover_move(mover, &stream->tail);
}

/* Part of one pending list; then of the next group's. */
static uint64_t move_pending(struct stream *stream, struct mover *mover, uint64_t at)
{
    uint64_t number = at >> GROUP_SHIFT & GROUP_MASK;
    const struct named_group *named = ordered_at(stream->groups, number).record;

    if (named == NULL)
        return place_in(PART_PRODUCERS, 0, 0);
    at = group_move_pending(named->group, mover, at & PLACE_MASK);
    return at > 0 ? place_in(PART_PENDING, number, at) : place_in(PART_PENDING, number + 1, 0);
}

uint64_t stream_move(struct stream **moving, struct mover *mover, uint64_t at)
{
    enum part part = (enum part)(at >> PART_SHIFT & 3);
    struct stream *stream;
    uint64_t next = 0;

    if (at == 0)
        move_heads(moving, mover);
    stream = *moving;
    if (part == PART_SEGMENTS && stream->sealed != NULL) {
        next = ordered_move(stream->sealed, mover, at, move_segment, mover);
        if (next > 0)
            return next;
    }
    if (part == PART_SEGMENTS)
        return place_in(PART_GROUPS, 0, 0);
    if (part == PART_GROUPS && stream->groups != NULL) {
        next = ordered_move(stream->groups, mover, at & PLACE_MASK, move_group, mover);
        return next > 0 ? place_in(PART_GROUPS, 0, next) : place_in(PART_PENDING, 0, 0);
    }
    if (part == PART_PENDING && stream->groups != NULL)
        return move_pending(stream, mover, at);
    if (stream->extra == NULL || stream->extra->producers == NULL)
        return 0;
    next = producers_move(&stream->extra->producers, mover, at & PLACE_MASK);
    return next > 0 ? place_in(PART_PRODUCERS, 0, next) : 0;
}
