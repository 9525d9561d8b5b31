/*
 * HyperLogLog: about how many different elements were added, in at most 12 KiB.
 *
 * An element's hash chooses one of 16384 registers, which remembers the longest
 * run of zeros that the rest of a hash began with, plus one. The estimate is off
 * by 0.81 % (one standard deviation).
 *
 * The value is a string in the format that the Redis documentation calls HYLL,
 * so that it may be read and written as one, and exchanged:
 *
 *     "HYLL" | encoding 1 | 0 0 0 | estimate 8, little-endian | registers ...
 *
 *     estimate  the last one; its highest bit is set when it is out of date
 *     dense     (encoding 0) 6 bits a register, lowest bits first
 *     sparse    (encoding 1) runs of equal registers:
 *                   00nnnnnn            n + 1 registers are 0
 *                   01nnnnnn nnnnnnnn   n + 1 registers are 0
 *                   1vvvvvnn            n + 1 registers are v + 1
 *
 * Anybody may write such a string, so it is believed only as far as it was
 * looked at: whatever reads registers may answer that it is broken.
 *
 * Sources: Flajolet, Fusy, Gandouet and Meunier, 2007; the estimator is that of
 * Ertl, "New cardinality estimation algorithms for HyperLogLog sketches", 2017;
 * the hash is Appleby's MurmurHash64A.
 */
#ifndef STORAGE_VALUES_HYPERLOG_H
#define STORAGE_VALUES_HYPERLOG_H

#include <stdint.h>

#include "storage/base/buffer.h"
#include "storage/base/must.h"
#include "storage/base/slice.h"

enum {
    HYPERLOG_REGISTERS = 16384,
    HYPERLOG_HEAD = 16,                                           /* bytes before the registers */
    HYPERLOG_DENSE = HYPERLOG_HEAD + HYPERLOG_REGISTERS * 6 / 8,  /* bytes of a dense one */
    HYPERLOG_EMPTY = HYPERLOG_HEAD + 2                            /* bytes of a fresh one */
};

/* A value for each register. */
struct hyperlog_registers {
    uint8_t at[HYPERLOG_REGISTERS];
};

/* Whether a string can be one: the head is right, and the length if it is dense. O(1). */
bool hyperlog_is(struct slice log);

/* Whether it is dense, which the others of these functions ask for themselves. O(1). */
bool hyperlog_is_dense(struct slice log);

/* Writes a sparse one of no elements, HYPERLOG_EMPTY bytes. */
void hyperlog_begin(char *to);

/* -- Adding. Nothing here touches the estimate; see hyperlog_forget. */

enum hyperlog_outcome {
    HYPERLOG_SAME,    /* no register changed */
    HYPERLOG_CHANGED,
    HYPERLOG_BROKEN   /* the runs do not make up the registers; nothing changed */
};

/* Whether adding an element to a dense one would change a register. O(1). */
bool hyperlog_would_raise(const char *log, struct slice element);

/* Adds an element to a dense one where it is. Returns whether a register changed. O(1). */
bool hyperlog_add_dense(char *log, struct slice element);

/*
 * Adds an element to one of either encoding, owned by the buffer. A sparse one
 * becomes dense when it would need more than `sparse_most` bytes with its head, or a
 * register more than a run can say. O(1) if dense, else O(bytes).
 */
enum hyperlog_outcome hyperlog_add(struct buffer *log, size_t sparse_most, struct slice element);

/* Makes a sparse one dense; a dense one stays as it is. False if it is broken. O(registers). */
MUST_USE bool hyperlog_make_dense(struct buffer *log);

/* -- Uniting. */

/* Raises registers to those of a log. False if it is broken; then they are raised in part. */
MUST_USE bool hyperlog_gather(struct slice log, struct hyperlog_registers *registers);

/* Raises the registers of a log to these, as many additions would. */
enum hyperlog_outcome hyperlog_raise(struct buffer *log, size_t sparse_most,
                                     const struct hyperlog_registers *registers);

/* -- Estimating. */

/* The estimate that is written down. False if it is out of date. O(1). */
MUST_USE bool hyperlog_known(struct slice log, uint64_t *count);

/* Writes an estimate down; or says that what is written is out of date. O(1). */
void hyperlog_remember(char *log, uint64_t count);
void hyperlog_forget(char *log);

/* Estimates anew. False if the log is broken. O(registers) if dense, else O(bytes). */
MUST_USE bool hyperlog_estimate(struct slice log, uint64_t *count);
uint64_t hyperlog_estimate_registers(const struct hyperlog_registers *registers);

/* -- Looking inside. */

/* Adds the runs of a sparse one as text, right or wrong: "Z:100 v:3,1 z:5". O(bytes). */
void hyperlog_describe(struct slice log, struct buffer *text);

/* Checks itself on counted elements; returns NULL, or what was found wrong. About 50 ms. */
const char *hyperlog_self_test(void);

#endif
