#include "broker/oom_score.h"

#include <stdio.h>

#include "broker/config/config.h"
#include "broker/config/options.h"
#include "storage/base/memory.h"
#include "storage/base/number.h"
#include "storage/base/trouble.h"

enum { WORST = 2000, CLASSES = 3, KERNEL_WORST = 1000 };

struct oom_score {
    int  first; /* of the process, before it was changed */
    bool on;    /* it was changed */
    bool is_replica;
    const struct config *config;
};

static bool read_score(int *score)
{
    FILE *file = fopen("/proc/self/oom_score_adj", "re");
    bool done;

    if (file == NULL)
        return false;
    done = fscanf(file, "%d", score) == 1;
    fclose(file);
    return done;
}

static bool write_score(int64_t score)
{
    FILE *file = fopen("/proc/self/oom_score_adj", "we");
    bool done;

    if (file == NULL)
        return false;
    if (score > KERNEL_WORST)
        score = KERNEL_WORST;
    if (score < -KERNEL_WORST)
        score = -KERNEL_WORST;
    done = fprintf(file, "%d\n", (int)score) > 0;
    return fclose(file) == 0 && done;
}

/* Reads the values: of a primary, of a replica, of a child. */
static bool read_values(const struct option_words *words, int64_t *values, struct trouble *trouble)
{
    if (words->count != CLASSES)
        return trouble_set(trouble, "wrong number of arguments");
    for (size_t i = 0; i < CLASSES; i++) {
        if (!number_read(slice_text(words->at[i]), &values[i]) || values[i] < -WORST ||
            values[i] > WORST)
            return trouble_set(trouble,
                               "Invalid oom-score-adj-values, elements must be between -2000 and "
                               "2000.");
    }
    return true;
}

static int64_t wanted_score(const struct oom_score *score, const struct options *options,
                            int64_t value)
{
    return options->oom_score_adj == OPTION_OOM_ABSOLUTE ? value : value + score->first;
}

static bool follow(void *who, const struct options *options, struct trouble *trouble)
{
    struct oom_score *score = who;
    int64_t values[CLASSES];
    bool wanted = options->oom_score_adj != OPTION_OOM_NO;

    if (!read_values(&options->oom_score_adj_values, values, trouble))
        return false;
    if (!wanted && !score->on)
        return true;
    /* What somebody else set meanwhile is what to come back to. */
    if (!score->on && !read_score(&score->first))
        return trouble_set(trouble, "Failed to read the oom score adjustment");
    score->on = wanted;
    if (!write_score(!wanted ? score->first
                             : wanted_score(score, options, values[score->is_replica])))
        return trouble_set(trouble, "Failed to apply new oom_score_adj configuration, check "
                                    "server logs.");
    return true;
}

struct oom_score *oom_score_new(struct config *config)
{
    struct oom_score *score = memory_new_zeroed(1, sizeof(*score));
    struct trouble trouble = { 0 };

    score->config = config;
    (void)follow(score, config_options(config), &trouble);
    config_on_change(config, "oom-score-adj", follow, score);
    config_on_change(config, "oom-score-adj-values", follow, score);
    return score;
}

void oom_score_of_replica(struct oom_score *score, bool is_replica)
{
    struct trouble trouble = { 0 };

    score->is_replica = is_replica;
    (void)follow(score, config_options(score->config), &trouble);
}

void oom_score_in_child(const struct oom_score *score)
{
    struct trouble trouble = { 0 };
    int64_t values[CLASSES];

    if (score == NULL || !score->on ||
        !read_values(&config_options(score->config)->oom_score_adj_values, values, &trouble))
        return;
    /* A kernel that will not leaves it at that of the parent. */
    (void)write_score(wanted_score(score, config_options(score->config), values[CLASSES - 1]));
}

void oom_score_free(struct oom_score *score)
{
    memory_free(score);
}
