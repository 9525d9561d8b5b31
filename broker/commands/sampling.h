/*
 * Choosing several different elements of a collection by chance.
 *
 * Few of many are drawn one by one, and drawn again if they were drawn before.
 * Otherwise one walk over all is made, and each element is taken with the
 * probability that it needs for every choice to be as likely as any other:
 * wanted / left. That takes exactly as many as are wanted and no memory.
 */
#ifndef BROKER_COMMANDS_SAMPLING_H
#define BROKER_COMMANDS_SAMPLING_H

#include "broker/dispatch/call.h"

struct set;

/* Takes a count, which may be negative but not the least integer. */
MUST_USE enum refusal sampling_next_count(struct call *call, int64_t *count);

/* Whether so many repetitions are a mistake, whose reply would fill the memory where nothing bounds
 * it. */
bool sampling_is_too_much(const struct call *call, int64_t count);

/* Whether `count` elements of `length` are better drawn one by one. */
static inline bool sampling_is_sparse(size_t count, size_t length)
{
    return count < length / 4;
}

/* A walk that chooses. */
struct sampling {
    size_t wanted; /* elements still to be taken */
    size_t left;   /* elements still to be met */
};

static inline void sampling_begin(struct sampling *sampling, size_t count, size_t length)
{
    *sampling = (struct sampling){ count, length };
}

/* Whether the next element is taken. */
static inline bool sampling_takes(struct sampling *sampling, struct random *random)
{
    bool taken = random_below(random, sampling->left) < sampling->wanted;

    sampling->left--;
    sampling->wanted -= taken;
    return taken;
}

/* What was drawn already. */
struct sampling_seen {
    size_t      count; /* different elements so far */
    /* Private. */
    struct call *call;
    struct set  *names;
};

/* Begins to remember what is drawn; at most `count` different elements will be. */
void sampling_seen_begin(struct sampling_seen *seen, struct call *call, size_t count);

/* Whether an element was not drawn before; it is remembered. */
bool sampling_is_new(struct sampling_seen *seen, struct slice name);

/* Forgets it all. */
void sampling_seen_end(struct sampling_seen *seen);

#endif
