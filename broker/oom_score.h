/*
 * oom-score-adj: whom the kernel kills first when the machine is out of memory.
 *
 * The score of the process is set to the first of oom-score-adj-values, or to the
 * second while it is a replica, in addition to what it was at first, or as it stands (absolute);
 * that of a child that saves to the third. Switched off, it is what it was again.
 */
#ifndef BROKER_OOM_SCORE_H
#define BROKER_OOM_SCORE_H

#include <stdbool.h>

struct config;
struct oom_score;

/* Takes the score as it is, and follows the options from now on; they are obeyed at once. */
struct oom_score *oom_score_new(struct config *config);

/* It is a replica from now on, or a primary: the second value is a replica's. */
void oom_score_of_replica(struct oom_score *score, bool is_replica);

/* To be called in a child, whose score alone it sets. NULL is fine. */
void oom_score_in_child(const struct oom_score *score);

/* Frees it. NULL is fine. */
void oom_score_free(struct oom_score *score);

#endif
