/*
 * How a sorted set is made, for the files of this module alone.
 *
 * A record of the tree leads with the score, so that most steps of a search
 * look at nothing else; only between equal scores does it ask the members.
 */
#ifndef STORAGE_VALUES_ZSET_PRIVATE_H
#define STORAGE_VALUES_ZSET_PRIVATE_H

#include "storage/values/counted.h"
#include "storage/values/zset.h"

enum zset_form { ZSET_PACKED, ZSET_LARGE };

/* A member of a large zset. */
struct zset_block {
    double        score;
    unsigned char name[]; /* counted.h */
};

/* What the tree is of. */
struct zset_record {
    double                   score;
    const struct zset_block *block; /* in a probe also one of the two below */
};

/* A probe with no member lies before all that have its score; with this one, behind them. */
#define ZSET_BEFORE_ALL NULL
extern const struct zset_block zset_behind_all;

struct zset_large {
    struct table    table;
    struct ordered *tree;
};

struct zset {
    struct value value;
    union {
        struct packed     *packed; /* NULL: nothing yet */
        struct zset_large *large;
    } of;
};

static inline struct slice zset_block_name(const void *block)
{
    return counted_text(((const struct zset_block *)block)->name);
}

/* The bytes a member of this length takes in a large zset. */
static inline size_t zset_block_size(size_t len)
{
    return sizeof(struct zset_block) + counted_size(len);
}

struct zset_block *zset_block_new(struct slice member, double score);

/* The order of the tree. */
int zset_compare(const void *a, const void *b, void *who);

/* The score whose packed place this is. */
double zset_packed_score(const struct packed *packed, size_t place);

/* Appends a member that belongs behind all others of a packed zset, missing block or not. */
void zset_append_packed(struct zset *zset, struct slice member, double score);

/* Members that are looked for, or put, together, so that one's misses hide another's. */
enum { ZSET_BATCH = 16 };

/* Takes new blocks, in order and behind all others, into a large zset. */
void zset_append_large(struct zset *zset, struct zset_block *const *blocks, size_t count);

/* An empty zset that is large from the beginning, its table made for `count` members. */
struct zset *zset_new_large(const struct hash_key *key, size_t count);

#endif
