/* Headers are written by hand: this runs for every write that is not its own statement. */
#include "storage/format/statement.h"

#include "storage/base/number.h"

enum { HEADER_MAX = 1 + NUMBER_INTEGER_MAX + 2 };

static size_t put_header(char *to, char type, size_t count)
{
    size_t used;

    to[0] = type;
    used = 1 + number_put_unsigned(to + 1, count);
    to[used] = '\r';
    to[used + 1] = '\n';
    return used + 2;
}

void statement_begin(struct buffer *to, size_t count)
{
    buffer_commit(to, put_header(buffer_reserve(to, HEADER_MAX), '*', count));
}

void statement_word(struct buffer *to, struct slice word)
{
    char *at = buffer_reserve(to, HEADER_MAX + word.len + 2);
    size_t used = put_header(at, '$', word.len);

    if (word.len > 0)
        memcpy(at + used, word.at, word.len);
    memcpy(at + used + word.len, "\r\n", 2);
    buffer_commit(to, used + word.len + 2);
}

void statement_put(struct buffer *to, const struct slice *words, size_t count)
{
    statement_begin(to, count);
    for (size_t i = 0; i < count; i++)
        statement_word(to, words[i]);
}
