/*
 * Bytes out and in, over file, memory or whatever comes later: `struct writer`
 * and `struct reader` are small interfaces that formats are written against,
 * so that the same code fills a file, a socket or a test's memory.
 *
 * Both are buffered. A writer that failed stays failed: callers may write a
 * whole structure and ask once at the end.
 */
#ifndef STORAGE_BASE_IO_H
#define STORAGE_BASE_IO_H

#include <stdint.h>
#include <sys/types.h>

#include "storage/base/buffer.h"
#include "storage/base/must.h"
#include "storage/base/slice.h"
#include "storage/base/trouble.h"

struct faults;

struct writer;

/* Writes to an open descriptor, which stays the caller's. `faults` may be NULL. */
struct writer *writer_new_file(int fd, struct faults *faults);

/* Appends to a buffer, which stays the caller's. */
struct writer *writer_new_memory(struct buffer *to);

/* Frees the writer. What was not flushed is lost. NULL is fine. */
void writer_free(struct writer *writer);

/* Writes bytes; an error is kept for writer_flush. */
void writer_put(struct writer *writer, struct slice bytes);

/* A CRC64 (digest.h) over the bytes put since _begin; without it nothing is summed. */
void writer_checksum_begin(struct writer *writer);
uint64_t writer_checksum(const struct writer *writer);

/* Bytes put so far. */
uint64_t writer_position(const struct writer *writer);

/* Calls fdatasync by itself each time another `every` bytes went to the file; 0 never. */
void writer_sync_every(struct writer *writer, uint64_t every);

/* Hands everything to the kernel; says whether all went well since the beginning. */
MUST_USE bool writer_flush(struct writer *writer, struct trouble *trouble);

struct reader;

/* Reads from an open descriptor, which stays the caller's. */
struct reader *reader_new_file(int fd);

/*
 * Reads from wherever `pull` has bytes: it puts up to `most` of them and says how
 * many; 0 is the end, -1 an error, said in `trouble`. It may take its time.
 */
struct source {
    ssize_t (*pull)(void *who, void *to, size_t most, struct trouble *trouble);
    void *who;
};
struct reader *reader_new_source(struct source source);

/* Reads bytes in place; they must stay until the reader is freed. */
struct reader *reader_new_memory(struct slice from);
void reader_free(struct reader *reader);

/* Reads exactly `len` bytes; false at the end of the input or on an error. */
MUST_USE bool reader_get(struct reader *reader, void *to, size_t len);

/* Reads exactly `len` bytes into the end of a buffer, growing it as bytes really come. */
MUST_USE bool reader_get_into(struct reader *reader, struct buffer *to, size_t len);

/*
 * Reads up to and including a line feed, at most `most` bytes. The slice shows
 * the line with its end and is borrowed until the next read.
 */
MUST_USE bool reader_get_line(struct reader *reader, size_t most, struct slice *line);

/* The next byte without taking it, or -1 at the end. */
int reader_peek(struct reader *reader);

/* Bytes read so far: the offset of the next one. */
uint64_t reader_position(const struct reader *reader);

/* Whether the reader stopped for an error of the file, not for its end. */
bool reader_failed(const struct reader *reader, struct trouble *trouble);

/* A CRC64 over all bytes taken since this was asked for. */
void reader_checksum_begin(struct reader *reader);
uint64_t reader_checksum(const struct reader *reader);

#endif
