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

/* How often `what` was asked so far. */
int faults_asked(struct faults *faults, const char *what);

#endif
