/* Statements, written and read back. */
#include <CUnit/Basic.h>

#include "storage/base/io.h"
#include "storage/base/random.h"
#include "storage/format/statement.h"

void suite_statement(void);

static enum statement_state read_one(struct slice bytes, struct statement *into)
{
    struct reader *reader = reader_new_memory(bytes);
    enum statement_state state = statement_read(reader, into);

    reader_free(reader);
    return state;
}

static void what_was_put_is_read(void)
{
    const struct slice words[3] = { SLICE("SET"), SLICE(""), SLICE("a\r\n\0b") };
    struct statement statement = { 0 };
    struct buffer bytes = { 0 };

    statement_put(&bytes, words, 3);
    CU_ASSERT_EQUAL(read_one(buffer_slice(&bytes), &statement), STATEMENT_READY);
    CU_ASSERT_EQUAL(statement.count, 3);
    for (size_t i = 0; i < 3; i++)
        CU_ASSERT_TRUE(slice_equal(words[i], statement.words[i]));
    statement_clear(&statement);
    buffer_clear(&bytes);
}

static void cut_anywhere_it_is_torn(void)
{
    const struct slice whole = SLICE("#note\r\n*2\r\n$3\r\nDEL\r\n$11\r\nhello world\r\n");
    struct statement statement = { 0 };

    CU_ASSERT_EQUAL(read_one(whole, &statement), STATEMENT_READY);
    CU_ASSERT_EQUAL(read_one(slice_of(whole.at, 0), &statement), STATEMENT_END);
    CU_ASSERT_EQUAL(read_one(slice_of(whole.at, 7), &statement), STATEMENT_END);
    for (size_t len = 1; len < whole.len; len++) {
        if (len != 7)
            CU_ASSERT_EQUAL(read_one(slice_of(whole.at, len), &statement), STATEMENT_TORN);
    }
    statement_clear(&statement);
}

static void what_no_statement_has_is_broken(void)
{
    static const char *const broken[] = {
        "x",         "*0\r\n",           "*-1\r\n",         "*x\r\n",          "*\r\n",
        "*1\n",      "*1\rx",            "*1\r\n:1\r\n",    "*1\r\n$-1\r\n",   "*1\r\n$1\r\nab\r\n",
        "*1\r\n$3\r\nab\r\n\r\n", "*1\r\n$1 \r\n", "*1111111111111111111\r\n", "\r\n",
    };
    struct statement statement = { 0 };

    for (size_t i = 0; i < sizeof(broken) / sizeof(broken[0]); i++)
        CU_ASSERT_EQUAL(read_one(slice_text(broken[i]), &statement), STATEMENT_BROKEN);
    CU_ASSERT_EQUAL(read_one(slice_of("\0\0\0", 3), &statement), STATEMENT_BROKEN);
    statement_clear(&statement);
}

static void a_length_that_never_comes_costs_nothing(void)
{
    struct statement statement = { 0 };

    CU_ASSERT_EQUAL(read_one(SLICE("*999999999999999999\r\n$999999999999999999\r\nab"), &statement),
                    STATEMENT_TORN);
    CU_ASSERT(statement.bytes.capacity < 8 * 1024 * 1024);
    statement_clear(&statement);
}

void suite_statement(void)
{
    CU_pSuite suite = CU_add_suite("statement", NULL, NULL);

    CU_add_test(suite, "what was put is read", what_was_put_is_read);
    CU_add_test(suite, "cut anywhere it is torn", cut_anywhere_it_is_torn);
    CU_add_test(suite, "what no statement has is broken", what_no_statement_has_is_broken);
    CU_add_test(suite, "a length that never comes costs nothing",
                a_length_that_never_comes_costs_nothing);
}
