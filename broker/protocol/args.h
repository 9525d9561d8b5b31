/*
 * The words of a request, read left to right.
 *
 * Word 0 is the command's name. A handler reads in the order of the usage line
 * and never asks for more words than it checked to be there: the arity was
 * checked before it ran, options ask args_more first. Words are borrowed from
 * the request and stay valid while the call runs.
 */
#ifndef BROKER_PROTOCOL_ARGS_H
#define BROKER_PROTOCOL_ARGS_H

#include <stdint.h>

#include "storage/base/must.h"
#include "storage/base/number.h"
#include "storage/base/slice.h"

struct args {
    const struct slice *words; /* all of them, the command's name first */
    size_t              count; /* how many */
    size_t              at;    /* index of the next to be read */
    struct slice        raw;   /* the request as it came, in RESP; empty if it came otherwise */
};

static inline bool args_more(const struct args *args)
{
    return args->at < args->count;
}

/* How many words are not read yet. */
static inline size_t args_left(const struct args *args)
{
    return args->count - args->at;
}

/* Takes the next word. */
static inline struct slice args_next(struct args *args)
{
    must(args->at < args->count);
    return args->words[args->at++];
}

/* The next word, left where it is. */
static inline struct slice args_peek(const struct args *args)
{
    must(args->at < args->count);
    return args->words[args->at];
}

/* Takes the next word if it is this option (given in lower case), in any case. */
static inline bool args_take(struct args *args, struct slice option)
{
    if (args->at >= args->count || !slice_equal_nocase(args->words[args->at], option))
        return false;
    args->at++;
    return true;
}

/* Takes the next word as an integer; false if it is none (the word is taken all the same). */
MUST_USE static inline bool args_next_integer(struct args *args, int64_t *value)
{
    return number_read(args_next(args), value);
}

/* Where reading stands, to come back to. */
static inline size_t args_position(const struct args *args)
{
    return args->at;
}

static inline void args_rewind(struct args *args, size_t position)
{
    args->at = position;
}

#endif
