/*
 * Statements that rebuild a value, a bounded number of words at a time.
 *
 * The words that begin each statement (the command and the key) are given once;
 * those that follow are added one by one, and a full statement is said at once.
 */
#ifndef STORAGE_VALUES_BATCH_H
#define STORAGE_VALUES_BATCH_H

#include "storage/base/number.h"
#include "storage/values/value.h"

enum { BATCH_ELEMENTS = 64, BATCH_WORDS_MAX = 2 + 2 * BATCH_ELEMENTS };

/* Lives on the stack of whoever rewrites a value. */
struct batch {
    /* Private. */
    const struct statement_sink *to;
    size_t                       count; /* words so far */
    size_t                       most;  /* words of a full statement */
    struct slice                 words[BATCH_WORDS_MAX];
    char                         room[BATCH_WORDS_MAX][NUMBER_INTEGER_MAX];
};

/* Begins statements of up to BATCH_ELEMENTS elements, each of one or two words. */
void batch_begin(struct batch *batch, const struct statement_sink *to, struct slice command,
                 struct slice key, size_t words_each);

/* Adds a word. Up to NUMBER_INTEGER_MAX bytes are copied; a longer one is borrowed until batch_end. */
void batch_add(struct batch *batch, struct slice word);

/* Says what is left. */
void batch_end(struct batch *batch);

#endif
