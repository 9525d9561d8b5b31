/*
 * Fuzzes the reader of statements: whatever it takes for one must, written
 * again, be read again as the same; and reading must end at the input's end.
 */
#include <stdint.h>
#include <stdlib.h>

#include "storage/base/io.h"
#include "storage/format/statement.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void check_again(const struct statement *first)
{
    struct buffer bytes = { 0 };
    struct statement second = { 0 };
    struct reader *reader;

    statement_put(&bytes, first->words, first->count);
    reader = reader_new_memory(buffer_slice(&bytes));
    must(statement_read(reader, &second) == STATEMENT_READY);
    must(second.count == first->count);
    for (size_t i = 0; i < first->count; i++)
        must(slice_equal(first->words[i], second.words[i]));
    must(statement_read(reader, &second) == STATEMENT_END);
    reader_free(reader);
    statement_clear(&second);
    buffer_clear(&bytes);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct reader *reader = reader_new_memory(slice_of(data, size));
    struct statement statement = { 0 };

    while (statement_read(reader, &statement) == STATEMENT_READY) {
        must(statement.count > 0);
        check_again(&statement);
    }
    must(reader_position(reader) <= size);
    reader_free(reader);
    statement_clear(&statement);
    return 0;
}
