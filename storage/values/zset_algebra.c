/*
 * Combining sorted sets.
 *
 * An outcome is gathered in the table of a large zset without its tree. When
 * all scores are final its members are sorted once, and the tree is filled from
 * one end to the other, or, if they are few, a packed zset.
 */
#include "storage/values/zset_algebra.h"

#include <math.h>
#include <stdlib.h>

#include "storage/base/memory.h"
#include "storage/values/zset_private.h"

/* -- Sources. */

static size_t source_count(const struct zset_source *source)
{
    if (source->zset != NULL)
        return zset_count(source->zset);
    return source->set != NULL ? set_count(source->set) : 0;
}

static bool source_score(const struct zset_source *source, struct slice member, double *score)
{
    if (source->zset != NULL)
        return zset_score(source->zset, member, score);
    *score = 1;
    return source->set != NULL && set_has(source->set, member);
}

struct source_walk {
    const struct zset_source *source;
    struct zset_walk zset;
    struct set_walk set;
};

static void walk_begin(struct source_walk *walk, const struct zset_source *source)
{
    walk->source = source;
    if (source->zset != NULL)
        zset_walk_begin(&walk->zset, source->zset, zset_all(source->zset), ZSET_RISING);
    else if (source->set != NULL)
        set_walk_begin(&walk->set, source->set);
}

static bool walk_next(struct source_walk *walk, struct slice *member, double *score)
{
    if (walk->source->zset != NULL)
        return zset_walk_next(&walk->zset, member, score);
    *score = 1;
    return walk->source->set != NULL && set_walk_next(&walk->set, member);
}

static void walk_end(struct source_walk *walk)
{
    if (walk->source->set != NULL)
        set_walk_end(&walk->set);
}

static int smallest_first(const void *a, const void *b)
{
    const struct zset_source *x = a;
    const struct zset_source *y = b;
    size_t one = source_count(x);
    size_t two = source_count(y);

    if (one != two)
        return one < two ? -1 : 1;
    return (x->turn > y->turn) - (x->turn < y->turn);
}

/* Puts the smallest first and leaves equals as they are: the order of additions shows in the sum.
 */
static void sort_sources(struct zset_source *sources, size_t count)
{
    for (size_t i = 0; i < count; i++)
        sources[i].turn = i;
    qsort(sources, count, sizeof(*sources), smallest_first);
}

/* -- Scores. */

static double weighted(const struct zset_source *source, double score)
{
    score *= source->weight;
    return isnan(score) ? 0 : score;
}

static double folded(enum zset_fold fold, double into, double score)
{
    switch (fold) {
    case ZSET_FOLD_SUM:
        into += score;
        break;
    case ZSET_FOLD_MIN:
        into = score < into ? score : into;
        break;
    case ZSET_FOLD_MAX:
        into = score > into ? score : into;
        break;
    }
    return isnan(into) ? 0 : into;
}

/* -- Outcomes. */

struct gathering {
    struct zset *zset; /* large; its tree is empty so far */
    size_t longest;    /* member */
};

static struct gathering gather(const struct value_limits *limits, size_t members)
{
    return (struct gathering){ zset_new_large(limits->secret, members), 0 };
}

/* Adds a member that was not gathered yet. */
static void take_in(struct gathering *gathering, struct slice member, uint64_t digest, double score)
{
    table_add(&gathering->zset->of.large->table, zset_block_new(member, score), digest);
    if (member.len > gathering->longest)
        gathering->longest = member.len;
}

static void take_in_new(struct gathering *gathering, struct slice member, double score)
{
    take_in(gathering, member, table_hash(&gathering->zset->of.large->table, member), score);
}

static int by_order(const void *a, const void *b)
{
    return zset_compare(a, b, NULL);
}

/* All that was gathered, in order, owned by the caller. */
static struct zset_record *sorted(struct zset_large *large, size_t count)
{
    struct zset_record *list = memory_new(count * sizeof(*list));
    struct table_walk walk;
    size_t i = 0;

    for (struct zset_block *block = table_walk_begin(&walk, &large->table); block != NULL;
         block = table_walk_next(&walk))
        list[i++] = (struct zset_record){ block->score, block };
    table_walk_end(&walk);
    must(i == count);
    qsort(list, count, sizeof(*list), by_order);
    return list;
}

/* Makes what was gathered a zset in the form that the limits want. */
static struct zset *outcome(struct gathering *gathering, const struct value_limits *limits)
{
    struct zset *zset = gathering->zset;
    size_t count = zset_count(zset);
    struct zset_record *list = sorted(zset->of.large, count);

    if (count <= limits->zset_entries && gathering->longest <= limits->zset_value) {
        struct zset *packed = zset_new();

        for (size_t i = 0; i < count; i++)
            zset_append_packed(packed, zset_block_name(list[i].block), list[i].score);
        zset_free(zset);
        zset = packed;
    } else {
        for (size_t i = 0; i < count; i++) {
            bool added = ordered_insert(zset->of.large->tree, &list[i]);

            must(added);
        }
    }
    memory_free(list);
    return zset;
}

/* -- The operations. */

static void unite(struct gathering *gathering, const struct zset_source *source,
                  enum zset_fold fold)
{
    struct table *table = &gathering->zset->of.large->table;
    struct source_walk walk;
    struct slice member;
    double score;

    walk_begin(&walk, source);
    while (walk_next(&walk, &member, &score)) {
        uint64_t digest = table_hash(table, member);
        void **slot = table_find_slot_by(table, member, digest, zset_block_name);

        if (slot == NULL) {
            take_in(gathering, member, digest, weighted(source, score));
        } else {
            struct zset_block *block = *slot;

            block->score = folded(fold, block->score, weighted(source, score));
        }
    }
    walk_end(&walk);
}

struct zset *zset_union(struct zset_source *sources, size_t count, enum zset_fold fold,
                        const struct value_limits *limits)
{
    struct gathering gathering;

    sort_sources(sources, count);
    gathering = gather(limits, source_count(&sources[count - 1]));
    for (size_t i = 0; i < count; i++)
        unite(&gathering, &sources[i], fold);
    return outcome(&gathering, limits);
}

/* Folds the scores that a member of the first source has in the others; false if one has it not. */
static bool fold_others(const struct zset_source *sources, size_t count, struct slice member,
                        enum zset_fold fold, double *score)
{
    *score = weighted(&sources[0], *score);
    for (size_t i = 1; i < count; i++) {
        double other;

        if (!source_score(&sources[i], member, &other))
            return false;
        *score = folded(fold, *score, other * sources[i].weight);
    }
    return true;
}

struct zset *zset_intersection(struct zset_source *sources, size_t count, enum zset_fold fold,
                               const struct value_limits *limits)
{
    struct gathering gathering = gather(limits, 0);
    struct source_walk walk;
    struct slice member;
    double score;

    sort_sources(sources, count);
    walk_begin(&walk, &sources[0]);
    while (walk_next(&walk, &member, &score)) {
        if (fold_others(sources, count, member, fold, &score))
            take_in_new(&gathering, member, score);
    }
    walk_end(&walk);
    return outcome(&gathering, limits);
}

size_t zset_intersection_count(struct zset_source *sources, size_t count, size_t most)
{
    struct source_walk walk;
    struct slice member;
    double score;
    size_t found = 0;

    sort_sources(sources, count);
    walk_begin(&walk, &sources[0]);
    while (found < most && walk_next(&walk, &member, &score)) {
        if (fold_others(sources, count, member, ZSET_FOLD_MIN, &score))
            found++;
    }
    walk_end(&walk);
    return found;
}

/* Whether any source but the first has a member. */
static bool others_have(const struct zset_source *sources, size_t count, struct slice member)
{
    double score;

    for (size_t i = 1; i < count; i++) {
        if (source_score(&sources[i], member, &score))
            return true;
    }
    return false;
}

struct zset *zset_difference(const struct zset_source *sources, size_t count,
                             const struct value_limits *limits)
{
    struct gathering gathering = gather(limits, 0);
    struct source_walk walk;
    struct slice member;
    double score;

    walk_begin(&walk, &sources[0]);
    while (walk_next(&walk, &member, &score)) {
        if (!others_have(sources, count, member))
            take_in_new(&gathering, member, score);
    }
    walk_end(&walk);
    return outcome(&gathering, limits);
}
