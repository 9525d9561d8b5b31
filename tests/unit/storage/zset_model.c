#include "tests/unit/storage/zset_model.h"

#include <math.h>

enum zset_outcome zset_model_add(struct zset_model *model, unsigned number, double score,
                                 unsigned terms)
{
    double had = model->score[number];

    if (!model->has[number]) {
        if (terms & ZSET_IF_THERE)
            return ZSET_KEPT;
        model->has[number] = true;
        model->score[number] = score;
        model->count++;
        return ZSET_ADDED;
    }
    if (terms & ZSET_IF_NEW)
        return ZSET_KEPT;
    if (terms & ZSET_INCREASE && isnan(had + score))
        return ZSET_NAN;
    if (terms & ZSET_INCREASE)
        score += had;
    if ((terms & ZSET_IF_GREATER && !(score > had)) || (terms & ZSET_IF_LESS && !(score < had)))
        return ZSET_KEPT;
    model->score[number] = score;
    return score == had ? ZSET_SAME : ZSET_MOVED;
}

void zset_model_remove(struct zset_model *model, unsigned number)
{
    model->count -= model->has[number];
    model->has[number] = false;
}

bool zset_model_score_within(double score, const struct zset_scores *range)
{
    return (range->min_open ? score > range->min : score >= range->min) &&
           (range->max_open ? score < range->max : score <= range->max);
}

bool zset_model_name_within(struct slice name, const struct zset_names *range)
{
    int low = range->min.place == ZSET_NAME_IS ? slice_compare(name, range->min.name)
                                               : -(int)range->min.place;
    int high = range->max.place == ZSET_NAME_IS ? slice_compare(name, range->max.name)
                                                : -(int)range->max.place;

    return (range->min.open ? low > 0 : low >= 0) && (range->max.open ? high < 0 : high <= 0);
}
