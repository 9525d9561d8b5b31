/*
 * Intersection, union and difference of sets. A set that is missing (NULL) is
 * an empty one. The same set may be given more than once.
 *
 * Costs: k is how many sets, n their members together, s the members of the
 * smallest, f those of the first; finding a member in a table is O(1).
 */
#ifndef STORAGE_VALUES_SET_ALGEBRA_H
#define STORAGE_VALUES_SET_ALGEBRA_H

#include "storage/values/set.h"

/* Is shown a member, borrowed until it returns. False ends the showing. */
typedef bool set_member_visitor(void *who, struct slice member);

/*
 * Shows each member that all sets have, once. The array is put in order of size,
 * so that the fewest members are looked for in the most. O(s * k).
 */
void set_intersection(const struct set **sets, size_t count, set_member_visitor *visit, void *who);

/* A new set of all members that any set has. O(n). */
struct set *set_union(const struct set *const *sets, size_t count,
                      const struct value_limits *limits);

/*
 * A new set of the members of the first that no other has. Either looks for
 * each member of the first in the others, largest first, or takes the members
 * of the others out of a copy, whichever is less work. The others are put in
 * order of size. O(f * k) or O(n).
 */
struct set *set_difference(const struct set **sets, size_t count,
                           const struct value_limits *limits);

/*
 * How many members any set has, counted up to `most`; 0 is no limit. Keeps
 * aside only what the largest set has not. O(n).
 */
size_t set_union_count(const struct set **sets, size_t count, const struct value_limits *limits,
                       size_t most);

/* How many members of the first no other has, counted up to `most`; 0 is no limit. The others
 * are put in order of size. O(f * k). */
size_t set_difference_count(const struct set **sets, size_t count, size_t most);

#endif
