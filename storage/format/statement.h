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
#include "storage/base/must.h"
#include "storage/base/slice.h"

struct reader;

/* Appends one statement. */
void statement_put(struct buffer *to, const struct slice *words, size_t count);

/* Appends the header and one word at a time, where the words are not at hand together. */
void statement_begin(struct buffer *to, size_t count);
void statement_word(struct buffer *to, struct slice word);

/* What was found where a statement should begin. */
enum statement_state {
    STATEMENT_READY,
    STATEMENT_END,   /* nothing: the input ends between two statements */
    STATEMENT_TORN,  /* the input ends inside a statement */
    STATEMENT_BROKEN /* bytes that belong to no statement */
};

/* A statement that was read. All zero is an empty one; it is used again for the next. */
struct statement {
    struct slice *words; /* borrowed until the next statement_read */
    size_t        count; /* at least 1 when it is READY */

    /* Private. */
    size_t        capacity;
    struct buffer bytes;
};

/*
 * Reads the next statement. Lines that begin with '#' stand between statements
 * and are passed over, as Redis does. Room is taken only as bytes really come,
 * so that a broken length costs nothing.
 */
MUST_USE enum statement_state statement_read(struct reader *reader, struct statement *into);

/* Gives the room of a statement back. */
void statement_clear(struct statement *statement);

#endif
