/*
 * A set of members.
 *
 *     ints     one sorted block of integers                   (index/packed_ints.h)
 *     packed   one block: member member member ...            (index/packed.h)
 *     table    a table of members, each one allocation:       (index/table.h)
 *              length | bytes
 *
 * A set of integers begins as ints. The first member that is none makes it
 * packed while it is small, or a table; too many members or too long a one make
 * it a table for good. Redis 7.0 knows no packed sets, hence OBJECT ENCODING
 * calls them "hashtable" too. The header is 16 bytes; a member of a table costs
 * its bytes, one of length and about 17 of table.
 *
 * An empty set is legal here; the keyspace does not keep one.
 *
 * What is returned is borrowed: from the set, until the set is next changed, or
 * from the `room` that the caller gave, if it is kept as an integer.
 *
 * Costs: as ints O(log n) to find, O(n) to change; packed O(n), where n is at
 * most set-max-intset-entries or set-max-listpack-entries; in a table O(1).
 */
#ifndef STORAGE_VALUES_SET_H
#define STORAGE_VALUES_SET_H

#include "storage/base/must.h"
#include "storage/base/number.h"
#include "storage/base/random.h"
#include "storage/index/packed.h"
#include "storage/index/packed_ints.h"
#include "storage/index/table.h"
#include "storage/values/value.h"

struct set;

/* Room for a member that is kept as an integer. */
struct set_room {
    char digits[NUMBER_INTEGER_MAX];
};

/* What the registry of types knows of sets. */
extern const struct value_type set_type;

struct set *set_new(void);
void set_free(struct set *set); /* NULL is fine. */

/* A deep copy, owned by the caller. O(n). */
struct set *set_copy(const struct set *set);

/* How many members. O(1). */
size_t set_count(const struct set *set);

/* Whether it has a member. */
bool set_has(const struct set *set, struct slice member);

/* The same for a value as a packed list or set_walk_step gives it: faster between integers. */
bool set_has_value(const struct set *set, struct packed_value member);

/* Adds a member, not borrowed from this set. True if it is new. */
bool set_add(struct set *set, const struct value_limits *limits, struct slice member);

/* Says that about so many members are to be added. */
void set_reserve(struct set *set, const struct value_limits *limits, size_t members);

/* Says that so many more members are coming, which matters to a table only. */
void set_make_room(struct set *set, size_t coming);

/* Says which members are to be added or looked for next: in a table their buckets are asked for, so
 * that one's miss hides another's. */
void set_ask_ahead(const struct set *set, const struct slice *members, size_t count);

/* Takes a member out; it may be borrowed from this set. False if it is not there. */
bool set_remove(struct set *set, struct slice member);

/*
 * A walk over all members. The set must not change meanwhile. Every walk is ended.
 *
 *     set_walk_begin(&walk, set);
 *     while (set_walk_next(&walk, &member))
 *         ...
 *     set_walk_end(&walk);
 */
struct set_walk {
    /* Private. */
    const struct set *set;
    size_t            place; /* of the packed entry, or index of the integer */
    struct table_walk table;
    void             *block;
    struct set_room   room;
};
void set_walk_begin(struct set_walk *walk, const struct set *set);
MUST_USE bool set_walk_next(struct set_walk *walk, struct slice *member);
MUST_USE bool set_walk_step(struct set_walk *walk, struct packed_value *member);
void set_walk_end(struct set_walk *walk);

/* Is shown a member; it must not touch the set. */
typedef void set_visitor(void *who, struct slice member);

/*
 * Shows some members and returns the next cursor, 0 when all is seen. Begin
 * with 0. What is there from the first call to the last is shown at least once.
 */
uint64_t set_scan(const struct set *set, uint64_t cursor, set_visitor *visit, void *who);

/* A member chosen by chance; the set is not empty. */
struct slice set_random(const struct set *set, struct random *random, struct set_room *room);

/* -- For saving, loading and measuring. */

/* Does a little of a table's resize that is under way, which else only writes go on with. */
void set_step(struct set *set);

/* Which of its forms the set has: integers in order, a table, or else packed. */
bool set_is_ints(const struct set *set);
bool set_is_table(const struct set *set);

/* The integers of a set that is ints, or NULL if it is not or is empty. */
const struct packed_ints *set_ints(const struct set *set);

/*
 * For loaders, of a set that was never added anything. It takes a block of members, none twice and one
 * at least no integer, which the limits allow to be packed.
 */
void set_take_block(struct set *set, struct packed **taken);

/* Bytes of memory; looks at `samples` members of a table, 0 for all of them, and extrapolates. */
size_t set_bytes(const struct set *set, size_t samples);

/*
 * Moves blocks of the set (storage/base/mover.h), whose header is moved too if `at`
 * is 0: some members from a place on. Returns the next place, 0 behind the last.
 */
uint64_t set_move(struct set **set, struct mover *mover, uint64_t at);

/* The table that a large one has its members in, borrowed; NULL while it is packed. */
const struct table *set_table(const struct set *set);

/* Asserts every invariant. O(n), O(n * n) while packed. */
void set_check(const struct set *set);

#endif
