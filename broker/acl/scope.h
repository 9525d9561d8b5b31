/*
 * A scope: which keys, or which channels, patterns let in; for keys, to read, to
 * write, or both. All zero is a scope that lets nothing in.
 */
#ifndef BROKER_ACL_SCOPE_H
#define BROKER_ACL_SCOPE_H

#include <stdbool.h>
#include <stddef.h>

#include "storage/base/slice.h"

/* What a pattern is good for. */
enum scope_ways { SCOPE_READ = 1, SCOPE_WRITE = 2, SCOPE_BOTH = SCOPE_READ | SCOPE_WRITE };

struct scope_pattern;

/* Plain data to be embedded; its fields are looked at, not changed, by its owner. */
struct scope {
    struct scope_pattern *patterns; /* none if it lets all in */
    size_t                count;
    bool                  all;
};

/* Forgets all patterns; lets all in, or nothing. */
void scope_set(struct scope *scope, bool all);

/* Makes an empty scope equal to another. */
void scope_copy(struct scope *to, const struct scope *from);

/* Adds a pattern, or ways to one that is there. To let all in is scope_set. O(patterns). */
void scope_add(struct scope *scope, struct slice pattern, unsigned ways);

/* Whether a name is let in by one pattern that is good for all these ways. O(patterns). */
bool scope_admits(const struct scope *scope, struct slice name, unsigned ways);

/* Whether a pattern is, letter for letter, one of its own, good for these ways. */
bool scope_has(const struct scope *scope, struct slice pattern, unsigned ways);

/* A pattern with its ways, by an index below the count; borrowed. */
struct slice scope_at(const struct scope *scope, size_t index, unsigned *ways);

/* Whether two have the same patterns in the same order, or both let in all. */
bool scope_equal(const struct scope *a, const struct scope *b);

#endif
