/*
 * The reader keeps the bytes that have arrived in one buffer and the aggregates
 * it is inside of on one small stack.
 *
 *   bytes   | read already | the value being read ... | room |
 *           0              at                      length  size
 *
 * What always holds:
 *   (1) at <= length <= size; the bytes from 'at' begin a value.
 *   (2) frames[0 .. depth) are the open aggregates, outermost first; each has
 *       left > 0.
 *   (3) The first 'scanned' bytes after 'at' hold no carriage return.
 *   (4) Fewer than 'wanted' bytes after 'at' cannot be a whole value.
 *   (5) Once 'trouble' is set nothing is read any more.
 *
 * (3) and (4) are what makes a slow sender cost no more than a fast one: a
 * long string is looked at when its header comes and when it is all there.
 */
#include "clients/lib/mr_reader.h"

#include <errno.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

enum {
    FIRST_ROOM = 16 * 1024,      /* the smallest buffer */
    KEPT_ROOM = 1024 * 1024,     /* an empty buffer above this is given back */
    LINE_MAX_BYTES = 1024 * 1024 /* the longest status, error or number */
};

#define STRING_MAX_BYTES ((size_t)512 * 1024 * 1024)
#define COUNT_MAX        ((int64_t)INT32_MAX)

/* What became of an attempt to read one value. */
enum step {
    STEP_VALUE,  /* a value was read whole */
    STEP_INSIDE, /* an aggregate was opened, or an attribute closed */
    STEP_MORE,
    STEP_BROKEN
};

struct frame {
    enum mr_type type;
    size_t       left;
};

struct mr_reader {
    const struct mr_hooks *hooks;
    void                  *owner;
    char                  *bytes;
    size_t                 at;
    size_t                 length;
    size_t                 size;
    size_t                 scanned;
    size_t                 wanted;
    size_t                 longest;
    size_t                 depth;
    const char            *trouble;
    bool                   described; /* an attribute was read, its value not yet */
    struct frame           frames[MR_DEPTH_MAX];
};

struct mr_reader *mr_reader_new(const struct mr_hooks *hooks, void *owner)
{
    struct mr_reader *reader = calloc(1, sizeof *reader);

    if (reader == NULL)
        return NULL;
    reader->hooks = hooks;
    reader->owner = owner;
    reader->longest = STRING_MAX_BYTES;
    return reader;
}

void mr_reader_free(struct mr_reader *reader)
{
    if (reader == NULL)
        return;
    free(reader->bytes);
    free(reader);
}

void mr_reader_bound(struct mr_reader *reader, size_t longest_string)
{
    reader->longest = longest_string < STRING_MAX_BYTES ? longest_string : STRING_MAX_BYTES;
}

const char *mr_reader_trouble(const struct mr_reader *reader)
{
    return reader->trouble;
}

size_t mr_reader_unread(const struct mr_reader *reader)
{
    return reader->length - reader->at;
}

bool mr_reader_is_between(const struct mr_reader *reader)
{
    return reader->depth == 0 && !reader->described;
}

/* Moves what is unread to the front, and lets go of a buffer grown for one reply. */
static void compact(struct mr_reader *reader)
{
    size_t unread = reader->length - reader->at;

    if (unread > 0)
        memmove(reader->bytes, reader->bytes + reader->at, unread);
    reader->at = 0;
    reader->length = unread;
    if (unread == 0 && reader->size > KEPT_ROOM) {
        free(reader->bytes);
        reader->bytes = NULL;
        reader->size = 0;
    }
}

char *mr_reader_room(struct mr_reader *reader, size_t least, size_t *room)
{
    /* Moving at most half of the buffer each time keeps the cost linear. */
    if (reader->at >= reader->length / 2)
        compact(reader);
    if (reader->size - reader->length < least || reader->size == 0) {
        size_t size = reader->size > 0 ? reader->size : FIRST_ROOM;
        char *bytes;

        if (least > SIZE_MAX / 4)
            return NULL;
        while (size - reader->length < least)
            size *= 2;
        bytes = realloc(reader->bytes, size);
        if (bytes == NULL)
            return NULL;
        reader->bytes = bytes;
        reader->size = size;
    }
    *room = reader->size - reader->length;
    return reader->bytes + reader->length;
}

void mr_reader_filled(struct mr_reader *reader, size_t count)
{
    reader->length += count;
}

bool mr_reader_feed(struct mr_reader *reader, const void *bytes, size_t count)
{
    size_t room;
    char *into;

    if (count == 0)
        return true;
    into = mr_reader_room(reader, count, &room);
    if (into == NULL)
        return false;
    memcpy(into, bytes, count);
    mr_reader_filled(reader, count);
    return true;
}

size_t mr_reader_withdraw(struct mr_reader *reader, char *into, size_t room)
{
    size_t unread = reader->length - reader->at;
    size_t count = unread < room ? unread : room;

    if (count > 0)
        memcpy(into, reader->bytes + reader->at, count);
    reader->at += count;
    reader->scanned = 0;
    reader->wanted = 0;
    return count;
}

static enum step broken(struct mr_reader *reader, const char *trouble)
{
    reader->trouble = trouble;
    return STEP_BROKEN;
}

/* Says that the value at 'at' took so many bytes and is done with. */
static void consume(struct mr_reader *reader, size_t count)
{
    reader->at += count;
    reader->scanned = 0;
    reader->wanted = 0;
}

/*
 * Finds the line that begins at 'at'. On STEP_VALUE its length without the line
 * end is in 'length'; the line end is two bytes more.
 */
static enum step find_line(struct mr_reader *reader, size_t *length)
{
    const char *from = reader->bytes + reader->at;
    size_t unread = reader->length - reader->at;
    const char *end = memchr(from + reader->scanned, '\r', unread - reader->scanned);

    if (end == NULL || (size_t)(end - from) + 1 == unread) {
        reader->scanned = end == NULL ? unread : (size_t)(end - from);
        if (reader->scanned > LINE_MAX_BYTES)
            return broken(reader, "a line has no end");
        return STEP_MORE;
    }
    if (end[1] != '\n')
        return broken(reader, "a carriage return stands alone");
    *length = (size_t)(end - from);
    return STEP_VALUE;
}

/* Reads a whole decimal number of 64 bits; nothing else may stand in the text. */
static bool parse_integer(const char *text, size_t length, int64_t *value)
{
    bool negative = length > 0 && text[0] == '-';
    size_t i = length > 0 && (text[0] == '-' || text[0] == '+') ? 1 : 0;
    uint64_t limit = negative ? (uint64_t)INT64_MAX + 1 : (uint64_t)INT64_MAX;
    uint64_t sum = 0;

    if (i == length)
        return false;
    for (; i < length; i++) {
        uint64_t digit = (uint64_t)(unsigned char)text[i] - '0';

        if (digit > 9 || sum > (limit - digit) / 10)
            return false;
        sum = sum * 10 + digit;
    }
    *value = negative ? (int64_t)(0 - sum) : (int64_t)sum;
    return true;
}

/* Reads a double as RESP3 writes it: decimal, inf, -inf or nan. */
static bool parse_double(const char *text, size_t length, double *value)
{
    char copy[384];
    char *end;

    if (length == 0 || length >= sizeof copy)
        return false;
    memcpy(copy, text, length);
    copy[length] = '\0';
    if (strcmp(copy, "inf") == 0 || strcmp(copy, "+inf") == 0) {
        *value = HUGE_VAL;
        return true;
    }
    if (strcmp(copy, "-inf") == 0) {
        *value = -HUGE_VAL;
        return true;
    }
    if (strcmp(copy, "nan") == 0 || strcmp(copy, "-nan") == 0) {
        *value = (double)NAN;
        return true;
    }
    /* strtod knows hexadecimal and more; the protocol does not. */
    if (strspn(copy, "0123456789+-.eE") != length)
        return false;
    *value = strtod(copy, &end);
    return *end == '\0';
}

static enum step tell_value(struct mr_reader *reader, const struct mr_token *token, size_t bytes)
{
    if (!reader->hooks->value(reader->owner, token))
        return broken(reader, "the reply could not be kept");
    consume(reader, bytes);
    return STEP_VALUE;
}

/* The types that are one line: the text after the first byte says it all. */
static enum step read_line_value(struct mr_reader *reader, char first, size_t line)
{
    struct mr_token token = {
        .type = MR_STATUS, .text = reader->bytes + reader->at + 1, .length = line - 1};

    switch (first) {
    case '+':
        break;
    case '-':
        token.type = MR_ERROR;
        break;
    case ':':
        token.type = MR_INTEGER;
        if (!parse_integer(token.text, token.length, &token.integer))
            return broken(reader, "an integer is not a number");
        break;
    case ',':
        token.type = MR_DOUBLE;
        if (!parse_double(token.text, token.length, &token.number))
            return broken(reader, "a double is not a number");
        break;
    case '#':
        token.type = MR_BOOLEAN;
        if (token.length != 1 || (token.text[0] != 't' && token.text[0] != 'f'))
            return broken(reader, "a boolean is neither true nor false");
        token.integer = token.text[0] == 't';
        break;
    case '_':
        token.type = MR_NIL;
        if (token.length != 0)
            return broken(reader, "a nil has a value");
        break;
    default: /* '(' */
        token.type = MR_BIG_NUMBER;
        if (token.length == 0 || strspn(token.text, "+-0123456789") != token.length)
            return broken(reader, "a big number is not a number");
        break;
    }
    return tell_value(reader, &token, line + 2);
}

static enum step read_nil(struct mr_reader *reader, size_t line)
{
    struct mr_token token = {.type = MR_NIL};

    return tell_value(reader, &token, line + 2);
}

/* The types with a length in front: $ string, ! error, = verbatim string. */
static enum step read_bulk(struct mr_reader *reader, char first, size_t line)
{
    const char *from = reader->bytes + reader->at;
    struct mr_token token = {.type = MR_STRING};
    int64_t length;

    if (!parse_integer(from + 1, line - 1, &length) || length < -1)
        return broken(reader, "a string has no proper length");
    if (length == -1)
        return first == '$' ? read_nil(reader, line)
                            : broken(reader, "a string has no proper length");
    if ((uint64_t)length > reader->longest)
        return broken(reader, "a string is longer than allowed");

    size_t whole = line + 2 + (size_t)length + 2;

    if (reader->length - reader->at < whole) {
        reader->wanted = whole;
        return STEP_MORE;
    }
    token.text = from + line + 2;
    token.length = (size_t)length;
    if (memcmp(token.text + token.length, "\r\n", 2) != 0)
        return broken(reader, "a string does not end where it said");
    if (first == '!')
        token.type = MR_ERROR;
    if (first == '=') {
        if (token.length < 4 || token.text[3] != ':')
            return broken(reader, "a verbatim string does not name its format");
        token.type = MR_VERBATIM;
        memcpy(token.format, token.text, 3);
        token.text += 4;
        token.length -= 4;
    }
    return tell_value(reader, &token, whole);
}

static enum mr_type aggregate_type(char first)
{
    switch (first) {
    case '%':
        return MR_MAP;
    case '~':
        return MR_SET;
    case '>':
        return MR_PUSH;
    case '|':
        return MR_ATTRIBUTE;
    default: /* '*' */
        return MR_ARRAY;
    }
}

/* Closes an aggregate; an attribute is no value of its own, all others are. */
static enum step close_aggregate(struct mr_reader *reader, enum mr_type type)
{
    if (!reader->hooks->close(reader->owner, type))
        return broken(reader, "the reply could not be kept");
    if (type != MR_ATTRIBUTE)
        return STEP_VALUE;
    reader->described = true;
    return STEP_INSIDE;
}

static enum step read_aggregate(struct mr_reader *reader, char first, size_t line)
{
    const char *from = reader->bytes + reader->at;
    struct mr_token token = {.type = aggregate_type(first)};
    int64_t count;

    if (!parse_integer(from + 1, line - 1, &count) || count < -1 || count > COUNT_MAX)
        return broken(reader, "an aggregate has no proper count");
    if (count == -1)
        return first == '*' ? read_nil(reader, line)
                            : broken(reader, "an aggregate has no proper count");
    if (reader->depth == MR_DEPTH_MAX)
        return broken(reader, "aggregates are nested too deeply");

    token.count = (size_t)count;
    if (token.type == MR_MAP || token.type == MR_ATTRIBUTE)
        token.count *= 2;
    if (!reader->hooks->open(reader->owner, &token))
        return broken(reader, "the reply could not be kept");
    consume(reader, line + 2);
    if (token.count == 0)
        return close_aggregate(reader, token.type);
    reader->frames[reader->depth++] = (struct frame){.type = token.type, .left = token.count};
    return STEP_INSIDE;
}

/* Reads the one value, or the opening of one aggregate, that begins at 'at'. */
static enum step read_step(struct mr_reader *reader)
{
    size_t unread = reader->length - reader->at;
    size_t line = 0;

    if (unread == 0 || unread < reader->wanted)
        return STEP_MORE;

    char first = reader->bytes[reader->at];

    if (first == '\0' || strchr("+-:,#_($!=*%~>|", first) == NULL)
        return broken(reader, "a reply begins with a byte that means nothing");

    enum step step = find_line(reader, &line);

    if (step != STEP_VALUE)
        return step;
    if (strchr("$!=", first) != NULL)
        return read_bulk(reader, first, line);
    if (strchr("*%~>|", first) != NULL)
        return read_aggregate(reader, first, line);
    return read_line_value(reader, first, line);
}

/*
 * Counts a value that was read in the aggregate around it, and closes all that
 * are full with it. STEP_VALUE if that was the last of the whole reply.
 */
static enum step settle(struct mr_reader *reader)
{
    while (reader->depth > 0) {
        struct frame *frame = &reader->frames[reader->depth - 1];

        reader->described = false;
        if (--frame->left > 0)
            return STEP_INSIDE;
        reader->depth--;

        enum step step = close_aggregate(reader, frame->type);

        if (step != STEP_VALUE)
            return step;
    }
    reader->described = false;
    return STEP_VALUE;
}

enum mr_progress mr_reader_next(struct mr_reader *reader)
{
    while (reader->trouble == NULL) {
        enum step step = read_step(reader);

        if (step == STEP_VALUE)
            step = settle(reader);
        if (step == STEP_VALUE)
            return MR_READY;
        if (step == STEP_MORE)
            return MR_MORE;
    }
    return MR_BROKEN;
}
