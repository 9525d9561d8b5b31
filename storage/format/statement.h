/*
 * Statements: the words that replicas and the AOF hear, as RESP arrays of
 * bulks.
 *
 *   *<words> CR LF  ( $<bytes> CR LF <the bytes> CR LF ) for each word
 *
 * Source: the RESP specification of the Redis documentation; AOF increments
 * are statements one after another.
 */
#ifndef STORAGE_FORMAT_STATEMENT_H
#define STORAGE_FORMAT_STATEMENT_H

#include "storage/base/buffer.h"
#include "storage/base/slice.h"

/* Appends one statement. */
void statement_put(struct buffer *to, const struct slice *words, size_t count);

/* Appends the header and one word at a time, where the words are not at hand together. */
void statement_begin(struct buffer *to, size_t count);
void statement_word(struct buffer *to, struct slice word);

#endif
