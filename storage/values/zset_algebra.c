/*
 * Combining sorted sets.
 *
 * An outcome is gathered as the blocks of a large zset; a union, whose members
 * come more than once, in its table too. When all scores are final the blocks
 * are sorted once, unless they came in order, and table and tree are filled from
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
    score = source->counts ? source->weight : score * source->weight;
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

enum { BATCH = ZSET_BATCH };

struct gathering {
    struct zset *zset;          /* of a union: large; its tree is empty so far. Otherwise NULL. */
    struct zset_block **blocks; /* in the order of their coming */
    size_t count;
    size_t room;
    size_t longest;             /* member */
};

/* Adds a member that was not gathered yet. */
static struct zset_block *take_in(struct gathering *gathering, struct slice member, double score)
{
    struct zset_block *block = zset_block_new(member, score);

    if (gathering->count == gathering->room) {
        gathering->room = gathering->room == 0 ? 64 : 2 * gathering->room;
        gathering->blocks = memory_resize(gathering->blocks,
                                          gathering->room * sizeof(*gathering->blocks));
    }
    gathering->blocks[gathering->count++] = block;
    if (member.len > gathering->longest)
        gathering->longest = member.len;
    return block;
}

static int by_order(const void *a, const void *b)
{
    return zset_compare(a, b, NULL);
}

/* All that was gathered, in order, owned by the caller. Often it came so. */
static struct zset_record *sorted(const struct gathering *gathering)
{
    struct zset_record *list = memory_new(gathering->count * sizeof(*list));
    bool in_order = true;

    for (size_t i = 0; i < gathering->count; i++) {
        list[i] = (struct zset_record){ gathering->blocks[i]->score, gathering->blocks[i] };
        in_order = in_order && (i == 0 || by_order(&list[i - 1], &list[i]) < 0);
    }
    if (!in_order)
        qsort(list, gathering->count, sizeof(*list), by_order);
    return list;
}

static struct zset *make_packed(struct gathering *gathering, const struct zset_record *list)
{
    struct zset *packed = zset_new();

    for (size_t i = 0; i < gathering->count; i++)
        zset_append_packed(packed, zset_block_name(list[i].block), list[i].score);
    for (size_t i = 0; gathering->zset == NULL && i < gathering->count; i++)
        memory_free(gathering->blocks[i]);
    zset_free(gathering->zset);
    return packed;
}

static struct zset *make_large(struct gathering *gathering, const struct zset_record *list,
                               const struct value_limits *limits)
{
    struct zset *zset = gathering->zset;

    if (zset == NULL) {
        zset = zset_new_large(limits->secret, gathering->count);
        /* In order, the blocks take the place of what they were gathered in. */
        for (size_t i = 0; i < gathering->count; i++)
            gathering->blocks[i] = (struct zset_block *)(uintptr_t)list[i].block;
        zset_append_large(zset, gathering->blocks, gathering->count);
        return zset;
    }
    for (size_t i = 0; i < gathering->count; i++) {
        bool added = ordered_insert(zset->of.large->tree, &list[i]);

        must(added);
    }
    return zset;
}

/* Makes what was gathered a zset in the form that the limits want. */
static struct zset *outcome(struct gathering *gathering, const struct value_limits *limits)
{
    bool small = gathering->count <= limits->zset_entries &&
                 gathering->longest <= limits->zset_value;
    struct zset_record *list = sorted(gathering);
    struct zset *zset = small ? make_packed(gathering, list) : make_large(gathering, list, limits);

    memory_free(list);
    memory_free(gathering->blocks);
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
            table_add(table, take_in(gathering, member, weighted(source, score)), digest);
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
    struct gathering gathering = { 0 };

    sort_sources(sources, count);
    gathering.zset = zset_new_large(limits->secret, source_count(&sources[count - 1]));
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
        *score = folded(fold, *score, sources[i].counts ? sources[i].weight : other * sources[i].weight);
    }
    return true;
}

/* Members of the first source that are looked for in the others together. */
struct batch_member {
    struct slice member;
    double score;
    uint64_t digests[BATCH]; /* in the first so many of the others */
};

/* Whether what a walk shows stays where it is when the walk goes on. */
static bool stays(const struct zset_source *source)
{
    return source->zset != NULL ? zset_is_large(source->zset)
                                : source->set != NULL && set_is_table(source->set);
}

/* The table of a source that is worth being asked ahead, or NULL. */
static const struct table *table_of(const struct zset_source *source)
{
    return source->zset != NULL && zset_is_large(source->zset) ? &source->zset->of.large->table
                                                               : NULL;
}

/* Has the memory of all these members in the other sources come near. */
static void ask_ahead(const struct zset_source *sources, size_t count, struct batch_member *batch,
                      size_t members)
{
    for (size_t i = 1; i < count && i <= BATCH; i++) {
        const struct table *table = table_of(&sources[i]);

        for (size_t k = 0; table != NULL && k < members; k++) {
            batch[k].digests[i - 1] = table_hash(table, batch[k].member);
            table_prefetch(table, batch[k].digests[i - 1]);
        }
        for (size_t k = 0; table != NULL && k < members; k++)
            (void)table_prefetch_item(table, batch[k].digests[i - 1]);
    }
}

struct zset *zset_intersection(struct zset_source *sources, size_t count, enum zset_fold fold,
                               const struct value_limits *limits)
{
    struct gathering gathering = { 0 };
    struct batch_member batch[BATCH];
    struct source_walk walk;
    size_t most, members;

    sort_sources(sources, count);
    most = stays(&sources[0]) ? BATCH : 1;
    walk_begin(&walk, &sources[0]);
    do {
        members = 0;
        while (members < most && walk_next(&walk, &batch[members].member, &batch[members].score))
            members++;
        if (most > 1)
            ask_ahead(sources, count, batch, members);
        for (size_t i = 0; i < members; i++) {
            if (fold_others(sources, count, batch[i].member, fold, &batch[i].score))
                (void)take_in(&gathering, batch[i].member, batch[i].score);
        }
    } while (members == most);
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
    struct gathering gathering = { 0 };
    struct source_walk walk;
    struct slice member;
    double score;

    walk_begin(&walk, &sources[0]);
    while (walk_next(&walk, &member, &score)) {
        if (!others_have(sources, count, member))
            (void)take_in(&gathering, member, score);
    }
    walk_end(&walk);
    return outcome(&gathering, limits);
}
