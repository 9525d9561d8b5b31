/*
 * A hook for tests: the n-th write, fsync, open, rename, fork or allocation
 * fails. Whoever does such a thing asks faults_hit first; with no faults
 * handed in (NULL) the question is one comparison.
 */
#ifndef STORAGE_BASE_FAULTS_H
#define STORAGE_BASE_FAULTS_H

#include <stdbool.h>

struct faults;

struct faults *faults_new(void);
void faults_free(struct faults *faults);

/* From now on the `nth` question (from 1) about `what` fails with errno `error`, and so do those
 * after it, `times` in all. */
void faults_arm(struct faults *faults, const char *what, int nth, int times, int error);

/* Whether this one fails; sets errno if so. `faults` may be NULL. */
bool faults_hit(struct faults *faults, const char *what);

/*
 * Ends the program at a point: the `nth` time (from 1) that `point` is passed, by this
 * process or a child, this process and all its children end as by kill -9. Such
 * faults cannot be armed as well: faults_hit is always false for them.
 */
void faults_end_at(struct faults *faults, const char *point, int nth);

/* Passes a point by its name. `faults` may be NULL. */
void faults_pass(struct faults *faults, const char *point);

/* How often `what` was asked so far. */
int faults_asked(struct faults *faults, const char *what);

#endif
