/*
 * What a sorted set should hold, as plain as can be: members are numbers, and each is there
 * with a score or is not. The test decides which bytes a number stands for.
 */
#ifndef TESTS_UNIT_STORAGE_ZSET_MODEL_H
#define TESTS_UNIT_STORAGE_ZSET_MODEL_H

#include "storage/values/zset_range.h"

enum { ZSET_MODEL_MEMBERS = 600 };

struct zset_model {
    bool   has[ZSET_MODEL_MEMBERS];
    double score[ZSET_MODEL_MEMBERS];
    size_t count;
};

/* What zset_add should do and answer, done to the model; and taking a number out if it is there. */
enum zset_outcome zset_model_add(struct zset_model *model, unsigned number, double score,
                                 unsigned terms);
void zset_model_remove(struct zset_model *model, unsigned number);

/* Whether a score, or the bytes of a member, lie within a range. */
bool zset_model_score_within(double score, const struct zset_scores *range);
bool zset_model_name_within(struct slice name, const struct zset_names *range);

#endif
