/* Elements of the RDB format, written and read back, and what is refused. */
#include <CUnit/Basic.h>
#include <math.h>

#include "storage/base/io.h"
#include "storage/format/rdb_format.h"

void suite_rdb_format(void);

/* Writes with `put`, and hands the bytes back. */
struct scratch {
    struct buffer     bytes;
    struct writer    *to;
    struct rdb_writer writer;
};

static void begin(struct scratch *scratch, bool compress)
{
    *scratch = (struct scratch){ .to = NULL };
    scratch->to = writer_new_memory(&scratch->bytes);
    rdb_writer_init(&scratch->writer, scratch->to, compress);
}

static void end(struct scratch *scratch)
{
    rdb_writer_clear(&scratch->writer);
    writer_free(scratch->to);
    buffer_clear(&scratch->bytes);
}

static void a_snapshot_is_known_by_its_first_bytes(void)
{
    CU_ASSERT_TRUE(rdb_begins(SLICE("REDIS")));
    CU_ASSERT_TRUE(rdb_begins(SLICE("REDIS0010 and more")));
    CU_ASSERT_FALSE(rdb_begins(SLICE("REDI")));
    CU_ASSERT_FALSE(rdb_begins(SLICE("redis0010")));
    CU_ASSERT_FALSE(rdb_begins(SLICE("*3\r\n$3\r\nSET")));
    CU_ASSERT_EQUAL(rdb_version_of(SLICE("REDIS0010")), 10);
    CU_ASSERT_EQUAL(rdb_version_of(SLICE("REDIS9999")), 9999);
    CU_ASSERT_EQUAL(rdb_version_of(SLICE("REDIS-001")), -1);
    CU_ASSERT_EQUAL(rdb_version_of(SLICE("REDIS00 1")), -1);
}

static void lengths_take_the_fewest_bytes(void)
{
    static const struct {
        uint64_t length;
        size_t   bytes;
    } cases[] = { { 0, 1 },         { 63, 1 },        { 64, 2 },          { 16383, 2 },
                  { 16384, 5 },     { UINT32_MAX, 5 }, { UINT64_C(1) << 32, 9 }, { UINT64_MAX, 9 } };

    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        struct scratch scratch;
        struct rdb_reader reader;
        struct reader *from;
        uint64_t length = 0;

        begin(&scratch, false);
        rdb_put_length(&scratch.writer, cases[i].length);
        CU_ASSERT_EQUAL(scratch.bytes.len, cases[i].bytes);
        from = reader_new_memory(buffer_slice(&scratch.bytes));
        rdb_reader_init(&reader, from, scratch.bytes.len);
        CU_ASSERT_TRUE(rdb_get_length(&reader, &length));
        CU_ASSERT_EQUAL(length, cases[i].length);
        rdb_reader_clear(&reader);
        reader_free(from);
        end(&scratch);
    }
}

static size_t bytes_of(struct slice text, bool compress, struct slice *first)
{
    struct scratch scratch;
    struct rdb_reader reader;
    struct reader *from;
    struct slice back = { 0 };
    size_t bytes;

    begin(&scratch, compress);
    rdb_put_string(&scratch.writer, text);
    bytes = scratch.bytes.len;
    from = reader_new_memory(buffer_slice(&scratch.bytes));
    rdb_reader_init(&reader, from, bytes);
    CU_ASSERT_TRUE(rdb_get_string(&reader, 0, &back));
    CU_ASSERT_TRUE(slice_equal(back, text));
    CU_ASSERT_EQUAL(rdb_left(&reader), 0);
    if (first != NULL)
        *first = slice_of(NULL, (size_t)(unsigned char)scratch.bytes.at[0]);
    rdb_reader_clear(&reader);
    reader_free(from);
    end(&scratch);
    return bytes;
}

static void strings_are_written_as_redis_writes_them(void)
{
    char same[200];

    memset(same, 'x', sizeof(same));
    CU_ASSERT_EQUAL(bytes_of(SLICE(""), true, NULL), 1);
    CU_ASSERT_EQUAL(bytes_of(SLICE("-1"), true, NULL), 2);
    CU_ASSERT_EQUAL(bytes_of(SLICE("300"), true, NULL), 3);
    CU_ASSERT_EQUAL(bytes_of(SLICE("70000"), true, NULL), 5);
    CU_ASSERT_EQUAL(bytes_of(SLICE("-2147483648"), true, NULL), 5);
    CU_ASSERT_EQUAL(bytes_of(SLICE("2147483648"), true, NULL), 11);
    CU_ASSERT_EQUAL(bytes_of(SLICE("007"), true, NULL), 4);
    CU_ASSERT_EQUAL(bytes_of(slice_of(same, 20), true, NULL), 21);
    CU_ASSERT_TRUE(bytes_of(slice_of(same, sizeof(same)), true, NULL) < 20);
    CU_ASSERT_EQUAL(bytes_of(slice_of(same, sizeof(same)), false, NULL), 202);
}

static bool reads_string(struct slice bytes)
{
    struct reader *from = reader_new_memory(bytes);
    struct rdb_reader reader;
    struct slice text;
    bool fine;

    rdb_reader_init(&reader, from, bytes.len);
    fine = rdb_get_string(&reader, 0, &text);
    CU_ASSERT_TRUE(fine || reader.reason != NULL);
    rdb_reader_clear(&reader);
    reader_free(from);
    return fine;
}

static void strings_that_cannot_be_are_refused(void)
{
    CU_ASSERT_TRUE(reads_string(SLICE("\x03" "abc")));
    CU_ASSERT_FALSE(reads_string(SLICE("\x04" "abc")));
    CU_ASSERT_FALSE(reads_string(SLICE("")));
    CU_ASSERT_FALSE(reads_string(SLICE("\xC4")));
    CU_ASSERT_FALSE(reads_string(SLICE("\xC1\x01")));
    CU_ASSERT_FALSE(reads_string(SLICE("\x82\x01\x01")));
    /* A length of gigabytes that are not there, and LZF that cannot grow so far. */
    CU_ASSERT_FALSE(reads_string(SLICE("\x80\x7F\xFF\xFF\xFF" "abc")));
    CU_ASSERT_FALSE(reads_string(SLICE("\x81\xFF\xFF\xFF\xFF\xFF\xFF\xFF\xFF" "abc")));
    CU_ASSERT_FALSE(reads_string(SLICE("\xC3\x02\x80\x7F\xFF\xFF\xFF\x01" "ab")));
    CU_ASSERT_FALSE(reads_string(SLICE("\xC3\x03\x05\x01" "ab")));
}

static void doubles_come_back_to_the_bit(void)
{
    static const double doubles[] = { 0, -0.0, 1.5, -1e300, 5e-324, INFINITY, -INFINITY };

    for (size_t i = 0; i < sizeof(doubles) / sizeof(doubles[0]); i++) {
        struct scratch scratch;
        struct rdb_reader reader;
        struct reader *from;
        double back = 1;

        begin(&scratch, false);
        rdb_put_double(&scratch.writer, doubles[i]);
        from = reader_new_memory(buffer_slice(&scratch.bytes));
        rdb_reader_init(&reader, from, 8);
        CU_ASSERT_TRUE(rdb_get_double(&reader, &back));
        CU_ASSERT_EQUAL(memcmp(&back, &doubles[i], sizeof(back)), 0);
        reader_free(from);
        end(&scratch);
    }
}

void suite_rdb_format(void)
{
    CU_pSuite suite = CU_add_suite("rdb_format", NULL, NULL);

    CU_add_test(suite, "a snapshot is known by its first bytes",
                a_snapshot_is_known_by_its_first_bytes);
    CU_add_test(suite, "lengths take the fewest bytes", lengths_take_the_fewest_bytes);
    CU_add_test(suite, "strings are written as Redis writes them",
                strings_are_written_as_redis_writes_them);
    CU_add_test(suite, "strings that cannot be are refused", strings_that_cannot_be_are_refused);
    CU_add_test(suite, "doubles come back to the bit", doubles_come_back_to_the_bit);
}
