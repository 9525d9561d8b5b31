/*
 * A sorted set: members, each with a score, in the order of the scores.
 *
 *     packed   one block: member score member score ...       (index/packed.h)
 *     large    a table of members, each one allocation:       (index/table.h)
 *                  score | length | bytes
 *              and a counted tree of score and member         (index/ordered.h)
 *
 * Members of one score lie in the order of their bytes. A zset begins packed
 * and becomes large, for good, when it has more members or a longer one than
 * the limits allow. The header is 16 bytes; a member of a large zset costs its
 * bytes, nine of score and length, about 17 of table and 16 to 20 of tree.
 *
 * A score is a double and never NaN. The packed form keeps it as an integer or
 * as its 17 digits, which read back as the same double, but for -0, which it
 * keeps as 0; so does Redis.
 *
 * A rank counts members from the lowest score, from 0; a span is a run of ranks.
 * An empty zset is legal here; the keyspace does not keep one.
 *
 * What is returned is borrowed: from the zset, until it is next changed, or from
 * the `room` that the caller gave, if it was packed as an integer.
 *
 * Costs: packed O(n), where n is at most zset-max-listpack-entries; large O(1)
 * to find a score and O(log n) for all else, if nothing else is said.
 */
#ifndef STORAGE_VALUES_ZSET_H
#define STORAGE_VALUES_ZSET_H

#include "storage/base/must.h"
#include "storage/base/number.h"
#include "storage/base/random.h"
#include "storage/index/ordered.h"
#include "storage/index/packed.h"
#include "storage/index/table.h"
#include "storage/values/value.h"

struct zset;

/* Room for a member that is packed as an integer. */
struct zset_room {
    char digits[NUMBER_INTEGER_MAX];
};

/* Ranks from <= rank < to. */
struct zset_span {
    size_t from;
    size_t to;
};

/* What the registry of types knows of sorted sets. */
extern const struct value_type zset_type;

struct zset *zset_new(void);
void zset_free(struct zset *zset); /* NULL is fine. */

/* A deep copy, owned by the caller. O(n). */
struct zset *zset_copy(const struct zset *zset);

/* How many members. O(1). */
size_t zset_count(const struct zset *zset);

/* -- Changing. */

/* On which terms a score is given; any of them together. */
enum zset_terms {
    ZSET_IF_NEW = 1 << 0,     /* not to a member that is there */
    ZSET_IF_THERE = 1 << 1,   /* only to one that is there */
    ZSET_IF_GREATER = 1 << 2, /* to one that is there only if it becomes greater */
    ZSET_IF_LESS = 1 << 3,    /* to one that is there only if it becomes less */
    ZSET_INCREASE = 1 << 4    /* the score is added to what the member has */
};

enum zset_outcome {
    ZSET_ADDED,
    ZSET_MOVED,  /* the member was there and has another score now */
    ZSET_SAME,   /* it had this score */
    ZSET_KEPT,   /* the terms forbade it */
    ZSET_NAN     /* the sum would be none: infinity and minus infinity */
};

/*
 * Gives a member a score on these terms. `now`, if not NULL, is set to the
 * score that was given (of ADDED, MOVED, SAME). The member is not borrowed from
 * this zset.
 */
enum zset_outcome zset_add(struct zset *zset, const struct value_limits *limits,
                           struct slice member, double score, unsigned terms, double *now);

/* Says that it will have so many members: it becomes large at once if they are too many to pack. */
void zset_reserve(struct zset *zset, const struct value_limits *limits, size_t count);

/*
 * Says which members are to be given scores next: every second of `words`, `count` of
 * them; and how many are coming in all. What is said of hash_ask_ahead holds.
 */
void zset_ask_ahead(struct zset *zset, const struct slice *words, size_t count, size_t coming);

/* Takes a member out. False if there is none such. */
bool zset_remove(struct zset *zset, struct slice member);

/* Takes out the members of a span, which may reach past the end. Returns how many. O(log n + them). */
size_t zset_remove_span(struct zset *zset, struct zset_span span);

/* -- Looking. */

/* The score of a member. False if there is none such. */
MUST_USE bool zset_score(const struct zset *zset, struct slice member, double *score);

/* The rank of a member. False if there is none such. */
MUST_USE bool zset_rank(const struct zset *zset, struct slice member, size_t *rank);

/*
 * A walk over a span in either direction. The zset must not change meanwhile;
 * nothing needs to be ended. O(log n) to begin, O(1) a step.
 *
 *     zset_walk_begin(&walk, zset, span, ZSET_RISING);
 *     while (zset_walk_next(&walk, &member, &score))
 *         ...
 */
enum zset_direction { ZSET_RISING, ZSET_FALLING };

struct zset_walk {
    /* Private. */
    const struct packed  *packed; /* NULL: it is large */
    const struct ordered *tree;
    size_t                place;  /* of the packed member */
    size_t                left;   /* members still to be shown */
    struct ordered_cursor cursor;
    struct ordered_cursor ahead;  /* whose member is asked for already */
    enum zset_direction   direction;
    struct zset_room      room;
};
void zset_walk_begin(struct zset_walk *walk, const struct zset *zset, struct zset_span span,
                     enum zset_direction direction);
MUST_USE bool zset_walk_next(struct zset_walk *walk, struct slice *member, double *score);

/* The span of all members. */
static inline struct zset_span zset_all(const struct zset *zset)
{
    return (struct zset_span){ 0, zset_count(zset) };
}

/* Is shown a member; it must not touch the zset. */
typedef void zset_visitor(void *who, struct slice member, double score);

/*
 * Shows some members and returns the next cursor, 0 when all is seen. Begin
 * with 0. What is there from the first call to the last is shown at least once.
 */
uint64_t zset_scan(const struct zset *zset, uint64_t cursor, zset_visitor *visit, void *who);

/* The member of a rank below the count. */
struct slice zset_at(const struct zset *zset, size_t rank, struct zset_room *room, double *score);

/* -- For saving, loading and measuring. */

/* Whether it has become large. */
bool zset_is_large(const struct zset *zset);

/* Whether a packed zset keeps this score as an integer: a whole number of up to 62 bits. */
static inline bool zset_packs_integer(double score)
{
    const double most = (double)(INT64_C(1) << 62);

    return score >= -most && score <= most && (double)(int64_t)score == score;
}

/* The block of a packed zset, or NULL if it is large or nothing was ever added. */
const struct packed *zset_packed(const struct zset *zset);

/* The table that a large one has its members in, borrowed; NULL while it is packed. */
const struct table *zset_table(const struct zset *zset);

/* Asserts every invariant. O(n), O(n * n) while packed. */
void zset_check(const struct zset *zset);

#endif
