/*
 * Writers and readers over files and memory.
 *
 * A checksum is not taken piece by piece, because most pieces are a few bytes
 * and CRC64 is fast only over many: each side remembers how far into its
 * buffer the sum reaches, and catches up when the buffer is emptied or the sum
 * is asked for.
 *
 * What always holds of a writer:
 *   (1) bytes of `out` from `summed` on are not yet in `sum`.
 *   (2) once `failed`, nothing more goes to the file.
 * and of a reader:
 *   (3) at <= end; bytes between them are read from the file and not yet taken.
 *   (4) bytes from `summed` up to `at` are not yet in `sum`; summed <= at.
 *   (5) a reader of memory has all of it between `at` and `end` from the start.
 */
#include "storage/base/io.h"

#include <errno.h>
#include <unistd.h>

#include "storage/base/digest.h"
#include "storage/base/faults.h"
#include "storage/base/memory.h"

enum { IO_ROOM = 64 * 1024, IO_GROWTH = 1024 * 1024 };

struct writer {
    int fd; /* -1: to memory */
    bool failed;
    bool summing;
    struct faults *faults; /* borrowed; may be NULL */
    struct buffer *out;    /* the caller's, or `own` */
    struct buffer own;
    size_t began;     /* in memory: where the buffer ended before us */
    uint64_t emptied; /* bytes that have left the buffer */
    size_t summed;
    uint64_t sum;
    uint64_t sync_every;
    uint64_t synced; /* `emptied` at the last fdatasync */
    struct trouble trouble;
};

static struct writer *new_writer(int fd, struct buffer *to)
{
    struct writer *writer = memory_new_zeroed(1, sizeof(*writer));

    writer->fd = fd;
    writer->out = to == NULL ? &writer->own : to;
    writer->began = writer->out->len;
    return writer;
}

struct writer *writer_new_file(int fd, struct faults *faults)
{
    struct writer *writer = new_writer(fd, NULL);

    writer->faults = faults;
    (void)buffer_reserve(&writer->own, IO_ROOM);
    return writer;
}

struct writer *writer_new_memory(struct buffer *to)
{
    return new_writer(-1, to);
}

void writer_free(struct writer *writer)
{
    if (writer == NULL)
        return;
    buffer_clear(&writer->own);
    memory_free(writer);
}

static void fail(struct writer *writer, const char *what)
{
    (void)trouble_errno(&writer->trouble, "%s", what);
    writer->failed = true;
}

/* Hands bytes to the kernel, all of them or none more. */
static void write_out(struct writer *writer, struct slice bytes)
{
    while (bytes.len > 0 && !writer->failed) {
        ssize_t written =
            faults_hit(writer->faults, "write") ? -1 : write(writer->fd, bytes.at, bytes.len);

        if (written >= 0) {
            bytes = slice_after(bytes, (size_t)written);
            writer->emptied += (uint64_t)written;
        } else if (errno != EINTR) {
            fail(writer, "writing");
        }
    }
    if (writer->sync_every > 0 && writer->emptied - writer->synced >= writer->sync_every &&
        !writer->failed) {
        /* Often and little, so that the disk is not handed gigabytes at the end. */
        if (faults_hit(writer->faults, "fsync") || fdatasync(writer->fd) != 0)
            fail(writer, "syncing");
        writer->synced = writer->emptied;
    }
}

static uint64_t sum_of_rest(const struct writer *writer)
{
    if (writer->summed == writer->out->len)
        return writer->sum;
    return digest_crc64(writer->sum, slice_after(buffer_slice(writer->out), writer->summed));
}

static void empty_buffer(struct writer *writer)
{
    if (writer->summing)
        writer->sum = sum_of_rest(writer);
    write_out(writer, buffer_slice(&writer->own));
    buffer_rewind(&writer->own);
    writer->summed = 0;
}

void writer_put(struct writer *writer, struct slice bytes)
{
    if (LIKELY(writer->fd < 0 || bytes.len <= IO_ROOM - writer->own.len)) {
        buffer_add(writer->out, bytes);
        return;
    }
    if (writer->failed)
        return;
    empty_buffer(writer);
    if (bytes.len < IO_ROOM) {
        buffer_add(&writer->own, bytes);
        return;
    }
    if (writer->summing)
        writer->sum = digest_crc64(writer->sum, bytes);
    write_out(writer, bytes);
}

void writer_checksum_begin(struct writer *writer)
{
    writer->summing = true;
    writer->sum = 0;
    writer->summed = writer->out->len;
}

uint64_t writer_checksum(const struct writer *writer)
{
    must(writer->summing);
    return sum_of_rest(writer);
}

uint64_t writer_position(const struct writer *writer)
{
    return writer->emptied + (writer->out->len - writer->began);
}

void writer_sync_every(struct writer *writer, uint64_t every)
{
    must(writer->fd >= 0);
    writer->sync_every = every;
    writer->synced = writer->emptied;
}

bool writer_flush(struct writer *writer, struct trouble *trouble)
{
    if (writer->fd >= 0 && !writer->failed)
        empty_buffer(writer);
    if (writer->failed)
        *trouble = writer->trouble;
    return !writer->failed;
}

struct reader {
    int fd; /* -1: from memory, or from `source` */
    struct source source; /* of who has the bytes, or nobody */
    bool ended;
    bool failed;
    bool summing;
    const char *at;
    const char *end;
    const char *summed;
    char *room; /* the file's buffer; NULL for memory */
    size_t capacity;
    uint64_t fetched; /* bytes that came to `end` so far */
    uint64_t sum;
    struct trouble trouble;
};

struct reader *reader_new_file(int fd)
{
    struct reader *reader = memory_new_zeroed(1, sizeof(*reader));

    reader->fd = fd;
    reader->room = memory_new(IO_ROOM);
    reader->capacity = IO_ROOM;
    reader->at = reader->room;
    reader->end = reader->room;
    reader->summed = reader->room;
    return reader;
}

struct reader *reader_new_source(struct source source)
{
    struct reader *reader = reader_new_file(-1);

    reader->source = source;
    return reader;
}

struct reader *reader_new_memory(struct slice from)
{
    struct reader *reader = memory_new_zeroed(1, sizeof(*reader));

    reader->fd = -1;
    reader->ended = true;
    reader->at = from.len == 0 ? "" : from.at;
    reader->end = reader->at + from.len;
    reader->summed = reader->at;
    reader->fetched = from.len;
    return reader;
}

void reader_free(struct reader *reader)
{
    if (reader == NULL)
        return;
    memory_free(reader->room);
    memory_free(reader);
}

static size_t waiting(const struct reader *reader)
{
    return (size_t)(reader->end - reader->at);
}

static uint64_t sum_of_taken(const struct reader *reader)
{
    return digest_crc64(reader->sum,
                        slice_of(reader->summed, (size_t)(reader->at - reader->summed)));
}

static ssize_t read_once(struct reader *reader, char *to, size_t most)
{
    ssize_t got;

    if (reader->source.pull != NULL)
        return reader->source.pull(reader->source.who, to, most, &reader->trouble);
    do
        got = read(reader->fd, to, most);
    while (got < 0 && errno == EINTR);
    if (got < 0)
        (void)trouble_errno(&reader->trouble, "reading");
    return got;
}

/* Reads once from the file to a place; 0 at its end or on an error. */
static size_t read_some(struct reader *reader, char *to, size_t most)
{
    ssize_t got;

    if (reader->ended)
        return 0;
    got = read_once(reader, to, most);
    if (got < 0)
        reader->failed = true;
    reader->ended = got <= 0;
    if (got <= 0)
        return 0;
    reader->fetched += (uint64_t)got;
    return (size_t)got;
}

/* Fetches more behind what waits; false at the end. What waits may move. */
static bool refill(struct reader *reader)
{
    size_t left = waiting(reader);

    if (reader->ended)
        return false;
    if (reader->summing)
        reader->sum = sum_of_taken(reader);
    if (left > 0)
        memmove(reader->room, reader->at, left);
    if (left == reader->capacity) {
        reader->capacity *= 2;
        reader->room = memory_resize(reader->room, reader->capacity);
    }
    reader->at = reader->room;
    reader->summed = reader->room;
    reader->end = reader->room + left;
    left = read_some(reader, reader->room + left, reader->capacity - left);
    reader->end += left;
    return left > 0;
}

static void take(struct reader *reader, char *to, size_t len)
{
    if (len > 0)
        memcpy(to, reader->at, len);
    reader->at += len;
}

/* What did not fit the buffer: takes what waits, then reads past the buffer. */
static bool get_long(struct reader *reader, char *to, size_t len)
{
    while (len > 0) {
        size_t some = waiting(reader) < len ? waiting(reader) : len;

        take(reader, to, some);
        to += some;
        len -= some;
        if (len < reader->capacity) {
            if (len > 0 && waiting(reader) == 0 && !refill(reader))
                return false;
            continue;
        }
        some = read_some(reader, to, len);
        if (some == 0)
            return false;
        if (reader->summing) {
            reader->sum = digest_crc64(sum_of_taken(reader), slice_of(to, some));
            reader->summed = reader->at;
        }
        to += some;
        len -= some;
    }
    return true;
}

bool reader_get(struct reader *reader, void *to, size_t len)
{
    if (LIKELY(waiting(reader) >= len)) {
        take(reader, to, len);
        return true;
    }
    return get_long(reader, to, len);
}

bool reader_get_into(struct reader *reader, struct buffer *to, size_t len)
{
    /* A length read from a torn file must not make us allocate what never comes. */
    while (len > 0) {
        size_t some = len < IO_GROWTH ? len : IO_GROWTH;

        if (!reader_get(reader, buffer_reserve(to, some), some))
            return false;
        buffer_commit(to, some);
        len -= some;
    }
    return true;
}

bool reader_get_line(struct reader *reader, size_t most, struct slice *line)
{
    size_t searched = 0;

    for (;;) {
        size_t shown = waiting(reader) < most ? waiting(reader) : most;
        const char *found = NULL;

        if (shown > searched)
            found = memchr(reader->at + searched, '\n', shown - searched);
        if (found != NULL) {
            *line = slice_of(reader->at, (size_t)(found + 1 - reader->at));
            reader->at = found + 1;
            return true;
        }
        searched = shown;
        if (shown == most || !refill(reader))
            return false;
    }
}

int reader_peek(struct reader *reader)
{
    if (waiting(reader) == 0 && !refill(reader))
        return -1;
    return (unsigned char)*reader->at;
}

uint64_t reader_position(const struct reader *reader)
{
    return reader->fetched - waiting(reader);
}

bool reader_failed(const struct reader *reader, struct trouble *trouble)
{
    if (reader->failed)
        *trouble = reader->trouble;
    return reader->failed;
}

void reader_checksum_begin(struct reader *reader)
{
    reader->summing = true;
    reader->sum = 0;
    reader->summed = reader->at;
}

uint64_t reader_checksum(const struct reader *reader)
{
    must(reader->summing);
    return sum_of_taken(reader);
}
