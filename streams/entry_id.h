/*
 * The name of an entry: a time in milliseconds and a number within it, written
 * "ms-seq". IDs of a stream rise strictly; 0-0 is before all entries.
 *
 * Format source: the public documentation of Redis streams.
 */
#ifndef STREAMS_ENTRY_ID_H
#define STREAMS_ENTRY_ID_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "storage/base/must.h"
#include "storage/base/slice.h"

struct entry_id {
    uint64_t ms;
    uint64_t seq;
};

/* The bytes of the longest ID as text. */
enum { ENTRY_ID_TEXT_MAX = 41 };

#define ENTRY_ID_MIN ((struct entry_id){ 0, 0 })
#define ENTRY_ID_MAX ((struct entry_id){ UINT64_MAX, UINT64_MAX })

/* Less than, equal to or greater than 0. */
static inline int entry_id_compare(struct entry_id a, struct entry_id b)
{
    if (a.ms != b.ms)
        return a.ms < b.ms ? -1 : 1;
    return (a.seq > b.seq) - (a.seq < b.seq);
}

static inline bool entry_id_equal(struct entry_id a, struct entry_id b)
{
    return a.ms == b.ms && a.seq == b.seq;
}

static inline bool entry_id_is_zero(struct entry_id id)
{
    return (id.ms | id.seq) == 0;
}

/* Moves to the next ID there could be. False, changing nothing, behind the last. */
MUST_USE static inline bool entry_id_step(struct entry_id *id)
{
    if (id->seq < UINT64_MAX) {
        id->seq++;
        return true;
    }
    if (id->ms == UINT64_MAX)
        return false;
    id->ms++;
    id->seq = 0;
    return true;
}

/* Moves to the ID before. False, changing nothing, in front of the first. */
MUST_USE static inline bool entry_id_step_back(struct entry_id *id)
{
    if (id->seq > 0) {
        id->seq--;
        return true;
    }
    if (id->ms == 0)
        return false;
    id->ms--;
    id->seq = UINT64_MAX;
    return true;
}

/* Writes "ms-seq" at `to`, which has ENTRY_ID_TEXT_MAX bytes; returns its length. */
size_t entry_id_print(struct entry_id id, char *to);

/*
 * Reads "ms-seq" or "ms", of which the seq is then `missing_seq`. False,
 * changing nothing, for anything else. "-" and "+" are for whoever reads a range.
 */
MUST_USE bool entry_id_read(struct slice text, uint64_t missing_seq, struct entry_id *id);

/* How an ID for a new entry may be written. */
enum entry_id_wish {
    ENTRY_ID_NEXT,    /* "*": the clock's time, or the next after the last one */
    ENTRY_ID_NUMBER,  /* "ms-*": the next number in this time */
    ENTRY_ID_EXACTLY, /* "ms-seq" or "ms", which is "ms-0" */
};

/* Reads what XADD may be told. False if it is none of the three. */
MUST_USE bool entry_id_read_wish(struct slice text, enum entry_id_wish *wish, struct entry_id *id);

/*
 * Chooses the ID of a new entry that follows `last`: the wish of a sender, at
 * the time of the clock. False if there is none: it would not be greater than
 * the last one.
 */
MUST_USE bool entry_id_choose(enum entry_id_wish wish, struct entry_id wished,
                              struct entry_id last, uint64_t now_ms, struct entry_id *id);

#endif
