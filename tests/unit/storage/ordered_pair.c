#include "tests/unit/storage/ordered_pair.h"

#include <CUnit/CUnit.h>
#include <math.h>

#include "storage/base/memory.h"

const struct ordered_kind pair_scored = {
    .record_size = sizeof(struct scored),
    .lead = ORDERED_LEAD_DOUBLE,
    .compare = scored_compare,
};

static int compare_held(const void *a, const void *b, void *who)
{
    const struct held *x = a;
    const struct held *y = b;

    (void)who;
    if (x->ms != y->ms)
        return x->ms < y->ms ? -1 : 1;
    return (x->seq > y->seq) - (x->seq < y->seq);
}

static void summarise_held(void *summary, const void *record)
{
    const struct held *held = record;
    struct held_summary *to = summary;

    to->earliest = held->since;
    to->holders = UINT64_C(1) << held->holder % 64;
    to->sum = held->seq;
}

static void combine_held(void *summary, const void *other)
{
    const struct held_summary *from = other;
    struct held_summary *to = summary;

    if (from->earliest < to->earliest)
        to->earliest = from->earliest;
    to->holders |= from->holders;
    to->sum += from->sum;
}

const struct ordered_kind pair_held = {
    .record_size = sizeof(struct held),
    .summary_size = sizeof(struct held_summary),
    .lead = ORDERED_LEAD_ID,
    .compare = compare_held,
    .summarise = summarise_held,
    .combine = combine_held,
};

static int compare_number(const void *a, const void *b, void *who)
{
    const int64_t *x = a;
    const int64_t *y = b;

    ++*(uint64_t *)who;
    return (*x > *y) - (*x < *y);
}

const struct ordered_kind pair_number = {
    .record_size = sizeof(int64_t),
    .lead = ORDERED_LEAD_NONE,
    .compare = compare_number,
};

size_t pair_rank(const struct pair *pair, int64_t number)
{
    size_t low = 0;
    size_t high = pair->model->count;

    while (low < high) {
        size_t middle = (low + high) / 2;

        if (pair->model->number[middle] < number)
            low = middle + 1;
        else
            high = middle;
    }
    return low;
}

static bool has(const struct pair *pair, int64_t number)
{
    size_t rank = pair_rank(pair, number);

    return rank < pair->model->count && pair->model->number[rank] == number;
}

static void add(struct pair *pair, int64_t number)
{
    struct model *model = pair->model;
    size_t rank = pair_rank(pair, number);

    memmove(&model->number[rank + 1], &model->number[rank],
            (model->count - rank) * sizeof(int64_t));
    model->number[rank] = number;
    model->count++;
}

void pair_drop(struct pair *pair, size_t rank, size_t count)
{
    struct model *model = pair->model;

    memmove(&model->number[rank], &model->number[rank + count],
            (model->count - rank - count) * sizeof(int64_t));
    model->count -= count;
}

union record pair_record(const struct ordered_kind *kind, int64_t number)
{
    union record record = { .number = number };

    if (kind == &pair_scored)
        record.scored = (struct scored){ floor((double)number / 4), (uint64_t)number & 3 };
    if (kind == &pair_held)
        record.held = (struct held){ (uint64_t)number / 4,
                                     (uint64_t)number % 4,
                                     (number * 7919) % 1000,
                                     (uint64_t)(number * 31) % 64,
                                     { 1, 2, 3 } };
    return record;
}

int64_t pair_number_of(const struct ordered_kind *kind, const void *bytes)
{
    const union record *record = bytes;

    if (kind == &pair_scored)
        return (int64_t)record->scored.score * 4 + (int64_t)record->scored.member;
    if (kind == &pair_held)
        return (int64_t)(record->held.ms * 4 + record->held.seq);
    return record->number;
}

struct pair *pair_new(const struct ordered_kind *kind, uint64_t seed)
{
    struct pair *pair = memory_new_zeroed(1, sizeof(*pair));

    pair->kind = kind;
    pair->tree = ordered_new(kind, &pair->compared);
    pair->model = memory_new_zeroed(1, sizeof(*pair->model));
    random_seed(&pair->random, seed);
    return pair;
}

void pair_free(struct pair *pair)
{
    ordered_check(pair->tree);
    ordered_free(pair->tree);
    memory_free(pair->model);
    memory_free(pair);
}

void pair_insert(struct pair *pair, int64_t number)
{
    union record record = pair_record(pair->kind, number);
    bool fresh = !has(pair, number);

    CU_ASSERT_EQUAL(ordered_insert(pair->tree, &record), fresh);
    if (fresh)
        add(pair, number);
    CU_ASSERT_EQUAL(ordered_count(pair->tree), pair->model->count);
}

void pair_remove(struct pair *pair, int64_t number)
{
    union record record = pair_record(pair->kind, number);
    union record removed = { .number = 0 };
    bool there = has(pair, number);

    CU_ASSERT_EQUAL(ordered_remove(pair->tree, &record, &removed), there);
    if (there) {
        CU_ASSERT_EQUAL(pair_number_of(pair->kind, &removed), number);
        pair_drop(pair, pair_rank(pair, number), 1);
    }
    CU_ASSERT_EQUAL(ordered_count(pair->tree), pair->model->count);
}

void pair_expect(const struct pair *pair, struct ordered_cursor cursor, size_t rank)
{
    if (rank >= pair->model->count) {
        CU_ASSERT_PTR_NULL(cursor.record);
        return;
    }
    CU_ASSERT_PTR_NOT_NULL_FATAL(cursor.record);
    CU_ASSERT_EQUAL(pair_number_of(pair->kind, cursor.record), pair->model->number[rank]);
}

struct bound {
    const struct ordered_kind *kind;
    int64_t number;
};

static bool reaches(const void *record, void *who)
{
    const struct bound *bound = who;

    return pair_number_of(bound->kind, record) >= bound->number;
}

void pair_look(struct pair *pair, int64_t number)
{
    union record probe = pair_record(pair->kind, number);
    size_t rank = pair_rank(pair, number);
    bool there = has(pair, number);
    size_t any = random_below(&pair->random, pair->model->count + 1);
    struct bound bound = { pair->kind, number };
    size_t found;

    CU_ASSERT_EQUAL(ordered_find(pair->tree, &probe) != NULL, there);
    CU_ASSERT_EQUAL(ordered_rank(pair->tree, &probe), rank);
    CU_ASSERT_EQUAL(ordered_fold_before(pair->tree, &probe, NULL), rank);
    pair_expect(pair, ordered_lower_bound(pair->tree, &probe), rank);
    pair_expect(pair, ordered_upper_bound(pair->tree, &probe), rank + there);
    pair_expect(pair, ordered_partition(pair->tree, reaches, &bound, &found), rank);
    CU_ASSERT_EQUAL(found, rank);
    pair_expect(pair, ordered_at(pair->tree, any), any);
    pair_expect(pair, ordered_next(pair->tree, ordered_at(pair->tree, any)), any + 1);
    pair_expect(pair, ordered_previous(pair->tree, ordered_at(pair->tree, any)), any - 1);
    pair_expect(pair, ordered_first(pair->tree), 0);
    pair_expect(pair, ordered_last(pair->tree), pair->model->count - 1);
}
