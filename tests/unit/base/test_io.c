/* Writers and readers over files and memory. */
#include <CUnit/Basic.h>
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "storage/base/digest.h"
#include "storage/base/faults.h"
#include "storage/base/io.h"
#include "storage/base/memory.h"
#include "storage/base/random.h"

void suite_io(void);

enum { WALK_BYTES = 700 * 1000 };

static int scratch_file(void)
{
    char path[] = "/tmp/millrace-io-XXXXXX";
    int fd = mkstemp(path);

    CU_ASSERT_TRUE_FATAL(fd >= 0);
    unlink(path);
    return fd;
}

/* A size that is small mostly and sometimes larger than any buffer. */
static size_t some_size(struct random *random)
{
    return random_below(random, random_below(random, 10) == 0 ? 150000 : 300);
}

static char *some_bytes(struct random *random)
{
    char *bytes = memory_new(WALK_BYTES);

    for (size_t i = 0; i < WALK_BYTES; i++)
        bytes[i] = (char)random_next(random);
    return bytes;
}

/* Puts all the bytes in pieces, the checksum beginning somewhere; says what it was. */
static uint64_t put_in_pieces(struct writer *writer, struct random *random, const char *bytes)
{
    size_t begin = 1000;
    size_t at = begin;

    writer_put(writer, slice_of(bytes, begin));
    writer_checksum_begin(writer);
    while (at < WALK_BYTES) {
        size_t size = some_size(random);

        if (size > WALK_BYTES - at)
            size = WALK_BYTES - at;
        writer_put(writer, slice_of(bytes + at, size));
        at += size;
        CU_ASSERT_EQUAL_FATAL(writer_position(writer), at);
        if (random_below(random, 20) == 0)
            CU_ASSERT_EQUAL_FATAL(writer_checksum(writer),
                                  digest_crc64(0, slice_of(bytes + begin, at - begin)));
    }
    return writer_checksum(writer);
}

/* Gets all the bytes back in pieces and compares them. */
static uint64_t get_in_pieces(struct reader *reader, struct random *random, const char *bytes)
{
    char *piece = memory_new(WALK_BYTES);
    struct buffer buffer = { 0 };
    size_t at = 1000;

    CU_ASSERT_TRUE_FATAL(reader_get(reader, piece, at));
    reader_checksum_begin(reader);
    while (at < WALK_BYTES) {
        size_t size = some_size(random);

        if (size > WALK_BYTES - at)
            size = WALK_BYTES - at;
        CU_ASSERT_EQUAL_FATAL(reader_peek(reader), (unsigned char)bytes[at]);
        if (random_below(random, 3) == 0) {
            buffer_rewind(&buffer);
            CU_ASSERT_TRUE_FATAL(reader_get_into(reader, &buffer, size));
            CU_ASSERT_TRUE_FATAL(slice_equal(buffer_slice(&buffer), slice_of(bytes + at, size)));
        } else {
            CU_ASSERT_TRUE_FATAL(reader_get(reader, piece, size));
            CU_ASSERT_TRUE_FATAL(slice_equal(slice_of(piece, size), slice_of(bytes + at, size)));
        }
        at += size;
        CU_ASSERT_EQUAL_FATAL(reader_position(reader), at);
        if (random_below(random, 20) == 0)
            CU_ASSERT_EQUAL_FATAL(reader_checksum(reader),
                                  digest_crc64(0, slice_of(bytes + 1000, at - 1000)));
    }
    CU_ASSERT_EQUAL(reader_peek(reader), -1);
    CU_ASSERT_FALSE(reader_get(reader, piece, 1));
    buffer_clear(&buffer);
    memory_free(piece);
    return reader_checksum(reader);
}

static void what_was_written_is_read_back(void)
{
    struct random random;
    struct trouble trouble;

    random_seed(&random, 10);
    for (int round = 0; round < 6; round++) {
        char *bytes = some_bytes(&random);
        uint64_t sum = digest_crc64(0, slice_of(bytes + 1000, WALK_BYTES - 1000));
        struct buffer memory = { 0 };
        int fd = scratch_file();
        bool file = round & 1;
        struct writer *writer = file ? writer_new_file(fd, NULL) : writer_new_memory(&memory);
        struct reader *reader;

        if (file)
            writer_sync_every(writer, 100000);
        CU_ASSERT_EQUAL(put_in_pieces(writer, &random, bytes), sum);
        CU_ASSERT_TRUE(writer_flush(writer, &trouble));
        CU_ASSERT_EQUAL(writer_checksum(writer), sum);
        CU_ASSERT_EQUAL(writer_position(writer), WALK_BYTES);
        writer_free(writer);
        lseek(fd, 0, SEEK_SET);
        reader = file ? reader_new_file(fd) : reader_new_memory(buffer_slice(&memory));
        CU_ASSERT_EQUAL(get_in_pieces(reader, &random, bytes), sum);
        CU_ASSERT_FALSE(reader_failed(reader, &trouble));
        reader_free(reader);
        buffer_clear(&memory);
        memory_free(bytes);
        close(fd);
    }
    writer_free(NULL);
    reader_free(NULL);
}

static void a_memory_writer_appends(void)
{
    struct buffer buffer = { 0 };
    struct writer *writer;
    struct trouble trouble;

    buffer_add(&buffer, SLICE("before "));
    writer = writer_new_memory(&buffer);
    writer_put(writer, SLICE("after"));
    CU_ASSERT_EQUAL(writer_position(writer), 5);
    CU_ASSERT_TRUE(writer_flush(writer, &trouble));
    writer_free(writer);
    CU_ASSERT_TRUE(slice_equal(buffer_slice(&buffer), SLICE("before after")));
    buffer_clear(&buffer);
}

static void a_failed_write_is_told_at_the_flush(void)
{
    struct faults *faults = faults_new();
    int fd = scratch_file();
    struct writer *writer = writer_new_file(fd, faults);
    struct trouble trouble;

    faults_arm(faults, "write", 1, 1, ENOSPC);
    for (int i = 0; i < 100000; i++)
        writer_put(writer, SLICE("some bytes"));
    CU_ASSERT_FALSE(writer_flush(writer, &trouble));
    CU_ASSERT_EQUAL(trouble.code, ENOSPC);
    /* What failed stays failed, though the disk has room again. */
    writer_put(writer, SLICE("more"));
    CU_ASSERT_FALSE(writer_flush(writer, &trouble));
    CU_ASSERT_EQUAL(faults_asked(faults, "write"), 1);
    writer_free(writer);
    close(fd);
    faults_free(faults);
}

static void a_failed_sync_is_told_as_well(void)
{
    struct faults *faults = faults_new();
    int fd = scratch_file();
    struct writer *writer = writer_new_file(fd, faults);
    struct trouble trouble;

    writer_sync_every(writer, 10);
    faults_arm(faults, "fsync", 1, 1, EIO);
    writer_put(writer, SLICE("twelve bytes"));
    CU_ASSERT_FALSE(writer_flush(writer, &trouble));
    CU_ASSERT_EQUAL(trouble.code, EIO);
    CU_ASSERT_STRING_EQUAL(trouble.text, "syncing: Input/output error");
    writer_free(writer);
    close(fd);
    faults_free(faults);
}

static void an_unreadable_file_is_not_taken_for_a_short_one(void)
{
    struct reader *reader = reader_new_file(-1);
    struct trouble trouble;
    char byte;

    CU_ASSERT_FALSE(reader_get(reader, &byte, 1));
    CU_ASSERT_TRUE(reader_failed(reader, &trouble));
    CU_ASSERT_EQUAL(trouble.code, EBADF);
    reader_free(reader);
}

static void read_lines(struct reader *reader)
{
    struct slice line;

    CU_ASSERT_TRUE(reader_get_line(reader, 100, &line));
    CU_ASSERT_TRUE(slice_equal(line, SLICE("first\n")));
    CU_ASSERT_TRUE(reader_get_line(reader, 100, &line));
    CU_ASSERT_TRUE(slice_equal(line, SLICE("\n")));
    CU_ASSERT_FALSE(reader_get_line(reader, 1000, &line));
    CU_ASSERT_TRUE(reader_get_line(reader, 200001, &line));
    CU_ASSERT_EQUAL(line.len, 200001);
    CU_ASSERT_EQUAL(reader_position(reader), 200008);
    CU_ASSERT_FALSE(reader_get_line(reader, 100, &line));
    CU_ASSERT_EQUAL(reader_peek(reader), 't');
}

static void lines_are_read_at_any_length(void)
{
    struct buffer text = { 0 };
    struct reader *reader;
    int fd = scratch_file();

    buffer_add(&text, SLICE("first\n\n"));
    memset(buffer_reserve(&text, 200000), 'x', 200000);
    buffer_commit(&text, 200000);
    buffer_add(&text, SLICE("\ntail"));
    CU_ASSERT_EQUAL_FATAL(write(fd, text.at, text.len), (ssize_t)text.len);
    lseek(fd, 0, SEEK_SET);

    reader = reader_new_memory(buffer_slice(&text));
    read_lines(reader);
    reader_free(reader);
    reader = reader_new_file(fd);
    read_lines(reader);
    reader_free(reader);
    buffer_clear(&text);
    close(fd);
}

static void a_length_that_lies_costs_no_memory(void)
{
    struct reader *reader = reader_new_memory(SLICE("short"));
    struct buffer to = { 0 };

    CU_ASSERT_FALSE(reader_get_into(reader, &to, (size_t)1 << 50));
    CU_ASSERT_TRUE(to.capacity <= 2 * 1024 * 1024);
    buffer_clear(&to);
    reader_free(reader);
}

void suite_io(void)
{
    CU_pSuite suite = CU_add_suite("io", NULL, NULL);

    CU_add_test(suite, "what was written is read back", what_was_written_is_read_back);
    CU_add_test(suite, "a memory writer appends", a_memory_writer_appends);
    CU_add_test(suite, "a failed write is told at the flush", a_failed_write_is_told_at_the_flush);
    CU_add_test(suite, "a failed sync is told as well", a_failed_sync_is_told_as_well);
    CU_add_test(suite, "an unreadable file is not taken for a short one",
                an_unreadable_file_is_not_taken_for_a_short_one);
    CU_add_test(suite, "lines are read at any length", lines_are_read_at_any_length);
    CU_add_test(suite, "a length that lies costs no memory", a_length_that_lies_costs_no_memory);
}
