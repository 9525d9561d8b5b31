/*
 * Headers are written by hand: this runs for every write that is not its own
 * statement. They are read by hand too, byte for byte, because how far the
 * bytes made sense tells a torn end from a broken middle.
 */
#include "storage/format/statement.h"

#include "storage/base/io.h"
#include "storage/base/memory.h"
#include "storage/base/number.h"

enum {
    HEADER_MAX = 1 + NUMBER_INTEGER_MAX + 2,
    DIGITS_MOST = 18,        /* of a count or length that is read */
    WORDS_FIRST = 16,
    WORDS_KEPT = 1024,       /* room for more is given back */
    BYTES_KEPT = 1024 * 1024
};

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

/* Reads digits and the end of a header line. */
static enum statement_state get_count(struct reader *reader, size_t *count)
{
    int digits = 0;
    char byte;

    *count = 0;
    for (;;) {
        if (!reader_get(reader, &byte, 1))
            return STATEMENT_TORN;
        if (byte < '0' || byte > '9')
            break;
        if (++digits > DIGITS_MOST)
            return STATEMENT_BROKEN;
        *count = *count * 10 + (size_t)(byte - '0');
    }
    if (byte != '\r' || digits == 0)
        return STATEMENT_BROKEN;
    if (!reader_get(reader, &byte, 1))
        return STATEMENT_TORN;
    return byte == '\n' ? STATEMENT_READY : STATEMENT_BROKEN;
}

/* Reads one bulk behind the bytes there are. The word is an offset until all are read. */
static enum statement_state get_word(struct reader *reader, struct statement *into)
{
    struct buffer *bytes = &into->bytes;
    enum statement_state state;
    size_t len;
    char type;

    if (!reader_get(reader, &type, 1))
        return STATEMENT_TORN;
    if (type != '$')
        return STATEMENT_BROKEN;
    state = get_count(reader, &len);
    if (state != STATEMENT_READY)
        return state;
    if (into->count == into->capacity) {
        into->capacity = into->capacity == 0 ? WORDS_FIRST : into->capacity * 2;
        into->words = memory_resize(into->words, into->capacity * sizeof(*into->words));
    }
    into->words[into->count++] = slice_of(NULL, len);
    if (!reader_get_into(reader, bytes, len + 2))
        return STATEMENT_TORN;
    return memcmp(bytes->at + bytes->len - 2, "\r\n", 2) == 0 ? STATEMENT_READY
                                                              : STATEMENT_BROKEN;
}

/* Passes over annotations; says what the next byte is, or -1 at the end. */
static int pass_annotations(struct reader *reader, bool *torn)
{
    char byte;

    *torn = false;
    while (reader_peek(reader) == '#') {
        do {
            *torn = !reader_get(reader, &byte, 1);
        } while (!*torn && byte != '\n');
    }
    return reader_peek(reader);
}

static void begin_reading(struct statement *into)
{
    if (into->capacity > WORDS_KEPT || into->bytes.capacity > BYTES_KEPT)
        statement_clear(into);
    into->count = 0;
    buffer_rewind(&into->bytes);
}

enum statement_state statement_read(struct reader *reader, struct statement *into)
{
    enum statement_state state;
    const char *at;
    size_t count;
    bool torn;
    char type;
    int next;

    begin_reading(into);
    next = pass_annotations(reader, &torn);
    if (next < 0)
        return torn ? STATEMENT_TORN : STATEMENT_END;
    if (next != '*' || !reader_get(reader, &type, 1))
        return STATEMENT_BROKEN;
    state = get_count(reader, &count);
    if (state == STATEMENT_READY && count == 0)
        return STATEMENT_BROKEN;
    while (state == STATEMENT_READY && into->count < count)
        state = get_word(reader, into);
    if (state != STATEMENT_READY)
        return state;
    at = into->bytes.at;
    for (size_t i = 0; i < count; i++) {
        into->words[i].at = at;
        at += into->words[i].len + 2;
    }
    return STATEMENT_READY;
}

void statement_clear(struct statement *statement)
{
    memory_free(statement->words);
    buffer_clear(&statement->bytes);
    *statement = (struct statement){ 0 };
}
