/* The command writer: its bytes, its growth, and sending in parts. */
#include <CUnit/Basic.h>
#include <stdlib.h>
#include <string.h>

#include "clients/lib/mr_reply.h"
#include "clients/lib/mr_writer.h"

void suite_mr_writer(void);

static void a_command_becomes_its_bytes(void)
{
    struct mr_writer writer;
    const char *words[] = {"SET", "key", "a\r\nb\0c"};
    size_t lengths[] = {3, 3, 6};
    const char expected[] = "*3\r\n$3\r\nSET\r\n$3\r\nkey\r\n$6\r\na\r\nb\0c\r\n";
    size_t count;

    mr_writer_init(&writer);
    CU_ASSERT_PTR_NULL(mr_writer_bytes(&writer, &count));
    CU_ASSERT(mr_writer_add(&writer, 3, words, lengths));

    const char *bytes = mr_writer_bytes(&writer, &count);

    CU_ASSERT_EQUAL(count, sizeof expected - 1);
    CU_ASSERT(memcmp(bytes, expected, count) == 0);
    mr_writer_clear(&writer);
}

static void words_without_lengths_end_with_zero(void)
{
    struct mr_writer writer;
    const char *words[] = {"PING", ""};
    size_t count;

    mr_writer_init(&writer);
    CU_ASSERT(mr_writer_add(&writer, 2, words, NULL));
    CU_ASSERT(memcmp(mr_writer_bytes(&writer, &count), "*2\r\n$4\r\nPING\r\n$0\r\n\r\n", 20) == 0);
    CU_ASSERT_EQUAL(count, 20);
    mr_writer_clear(&writer);
}

static void no_words_are_no_command(void)
{
    struct mr_writer writer;
    size_t count;

    mr_writer_init(&writer);
    CU_ASSERT_FALSE(mr_writer_add(&writer, 0, NULL, NULL));
    mr_writer_bytes(&writer, &count);
    CU_ASSERT_EQUAL(count, 0);
    mr_writer_clear(&writer);
}

/* Writes many commands while sending odd pieces; the sum must be the same bytes. */
static void sending_in_parts_loses_nothing(void)
{
    struct mr_writer all, parts;
    size_t total, seen = 0;

    mr_writer_init(&all);
    mr_writer_init(&parts);
    for (size_t i = 0; i < 5000; i++) {
        const char *words[] = {"LPUSH", "jobs", "0123456789abcdef"};
        size_t lengths[] = {5, 4, i % 17};

        CU_ASSERT(mr_writer_add(&all, 3, words, lengths));
    }

    const char *expected = mr_writer_bytes(&all, &total);

    for (size_t i = 0; i < 5000; i++) {
        const char *words[] = {"LPUSH", "jobs", "0123456789abcdef"};
        size_t lengths[] = {5, 4, i % 17};
        size_t count;
        const char *bytes;

        CU_ASSERT(mr_writer_add(&parts, 3, words, lengths));
        bytes = mr_writer_bytes(&parts, &count);
        if (i < 4999 && count > i % 53)
            count = i % 53;
        CU_ASSERT_FATAL(seen + count <= total);
        CU_ASSERT(memcmp(bytes, expected + seen, count) == 0);
        mr_writer_sent(&parts, count);
        seen += count;
    }
    CU_ASSERT_EQUAL(seen, total);
    mr_writer_clear(&parts);
    mr_writer_clear(&all);
}

static void what_is_written_reads_back(void)
{
    struct mr_writer writer;
    struct mr_builder *builder = mr_builder_new();
    struct mr_reader *reader = mr_reader_new(mr_builder_hooks(), builder);
    const char *words[] = {"XADD", "s", "*", "f", "v"};
    size_t count;

    mr_writer_init(&writer);
    mr_writer_add(&writer, 5, words, NULL);

    const char *bytes = mr_writer_bytes(&writer, &count);

    mr_reader_feed(reader, bytes, count);
    CU_ASSERT_EQUAL_FATAL(mr_reader_next(reader), MR_READY);

    struct mr_reply *reply = mr_builder_take(builder);

    CU_ASSERT_EQUAL(reply->count, 5);
    for (size_t i = 0; i < reply->count; i++)
        CU_ASSERT(mr_reply_is(&reply->children[i], words[i]));
    mr_reply_free(reply);
    mr_reader_free(reader);
    mr_builder_free(builder);
    mr_writer_clear(&writer);
}

void suite_mr_writer(void)
{
    CU_pSuite suite = CU_add_suite("mr_writer", NULL, NULL);

    CU_add_test(suite, "a command becomes its bytes", a_command_becomes_its_bytes);
    CU_add_test(suite, "words without lengths end with zero", words_without_lengths_end_with_zero);
    CU_add_test(suite, "no words are no command", no_words_are_no_command);
    CU_add_test(suite, "sending in parts loses nothing", sending_in_parts_loses_nothing);
    CU_add_test(suite, "what is written reads back", what_is_written_reads_back);
}
