/*
 * What SORT needs to know: how elements are compared, how a part of them is put
 * in order, and what a pattern names.
 *
 * Each element has a weight: a number, or bytes, or for bytes none at all.
 * Numbers that are equal are told apart by the bytes of the elements; whatever
 * is equal then stays in the order in which it came, so that the order of all
 * is one and the same, however much of it is asked for.
 *
 * A pattern names a key, or a field of a hash, for each element: the first '*'
 * stands for the element, and what follows a "->" behind it is the field.
 */
#ifndef STORAGE_VALUES_SORTING_H
#define STORAGE_VALUES_SORTING_H

#include <stdint.h>

#include "storage/base/must.h"
#include "storage/base/slice.h"

/* An element and what it weighs. Nothing is owned. */
struct sorting_element {
    struct slice bytes;
    union {
        double       number;
        struct slice text; /* at NULL: it has no weight, and is less than all that have */
    } weight;
    size_t turn; /* when it came; no two are equal */
};

enum sorting_order {
    SORTING_NUMBERS = 0,
    SORTING_TEXT = 1 << 0,    /* weights are text */
    SORTING_FALLING = 1 << 1  /* the heaviest first */
};

/* Whether one comes before the other; never true of both. */
bool sorting_before(const struct sorting_element *one, const struct sorting_element *other,
                    unsigned order);

/*
 * Puts those elements in their places that belong to from <= place < to; at the
 * other places stand the others, somehow. O(n log (to - from)) if few are asked
 * for from the beginning, else O(n log n).
 */
void sorting_place(struct sorting_element *elements, size_t count, size_t from, size_t to,
                   unsigned order);

/*
 * Reads text as a weight as strtod does up to the first NUL: blanks in front are
 * fine, nothing at all is 0. False if it is none, too large or too small.
 */
MUST_USE bool sorting_read_number(struct slice text, double *number);

/* A pattern, taken apart. */
struct sorting_pattern {
    bool         itself; /* "#": the element */
    bool         fixed;  /* it has no '*' and so names nothing */
    struct slice before; /* the '*' */
    struct slice behind; /* it, up to the field */
    struct slice field;  /* of a hash; empty if it names a key */
};

/* Borrows from the text. */
struct sorting_pattern sorting_read_pattern(struct slice text);

/* How long a key is that a pattern names. */
static inline size_t sorting_key_length(const struct sorting_pattern *pattern, struct slice element)
{
    return pattern->before.len + element.len + pattern->behind.len;
}

/* Writes this key at `to`. */
void sorting_put_key(char *to, const struct sorting_pattern *pattern, struct slice element);

#endif
