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

/* The `nth` time (from 1) `what` is asked from now on, it fails, and `times` times in a row. */
void faults_arm(struct faults *faults, const char *what, int nth, int times, int error);

/* Whether this one fails; sets errno if so. `faults` may be NULL. */
bool faults_hit(struct faults *faults, const char *what);

/*
 * Orders an end: the `nth` time (from 1) that `point` is passed, in this process
 * or a child of it, this process and all its children are gone as by kill -9.
 * Faults that were made for an end have no other: whatever is asked of them is well.
 */
void faults_end_at(struct faults *faults, const char *point, int nth);

/* Passes a point by its name. `faults` may be NULL. */
void faults_pass(struct faults *faults, const char *point);

/* How often `what` was asked so far. */
int faults_asked(struct faults *faults, const char *what);

#endif
