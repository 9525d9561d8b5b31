/*
 * Writes commands as bytes of the Redis protocol into a growing buffer.
 *
 *   *3\r\n $4\r\nLPUSH\r\n $4\r\njobs\r\n $1\r\n7\r\n     (spaces for the eye only)
 *
 * The struct is plain: whoever sends takes bytes from mr_writer_bytes and says
 * how many went with mr_writer_sent. Zeroed memory is an empty writer.
 */
#ifndef MR_WRITER_H
#define MR_WRITER_H

#include <stdbool.h>
#include <stddef.h>

struct mr_writer {
    /* Private. */
    char  *bytes;
    size_t sent;   /* bytes before this one have gone */
    size_t length; /* bytes in all, those sent included */
    size_t room;
};

/* Makes an empty writer. */
void mr_writer_init(struct mr_writer *writer);

/* Forgets everything and frees the memory; the writer is as after init. */
void mr_writer_clear(struct mr_writer *writer);

/* Forgets what is written but keeps the memory for what comes. */
void mr_writer_reset(struct mr_writer *writer);

/*
 * Adds one command. 'lengths' may be NULL: every word then ends with a zero.
 * False, changing nothing, without memory or without words. O(bytes).
 */
bool mr_writer_add(struct mr_writer *writer, size_t count, const char *const *words,
                   const size_t *lengths);

/* Adds bytes as they are, already in the protocol. False without memory. */
bool mr_writer_raw(struct mr_writer *writer, const void *bytes, size_t count);

/* The bytes not yet sent, borrowed until the next call on this writer. */
const char *mr_writer_bytes(const struct mr_writer *writer, size_t *count);

/* Says that the first 'count' of those bytes are gone. */
void mr_writer_sent(struct mr_writer *writer, size_t count);

#endif
