/*
 * The parser reads headers byte by byte and jumps over payloads.
 *
 * What always holds between calls:
 *   (1) input[0 .. at) was understood; at never passes the end of the input.
 *   (2) words_left counts the bulks not yet in `words`, -1 before the first header.
 *   (3) bulk_left is the length of the bulk whose payload begins at `at`, or -1.
 *   (4) Words are offsets (slices from address 0) until the request is READY.
 */
#include "broker/protocol/request.h"

#include "storage/base/memory.h"
#include "storage/base/must.h"
#include "storage/base/number.h"

#include <stdio.h>

enum {
    LINE_MAX_BYTES = 64 * 1024, /* longest inline request, and header line */
    KEPT_WORDS = 64,            /* room for more words is given back */
    UNSIGNED_WORDS = 10,        /* what may come before signing in */
    UNSIGNED_BULK = 16 * 1024
};

/* What a header line held. */
enum header { HEADER_FINE, HEADER_MORE, HEADER_BROKEN };

void request_init(struct request *request)
{
    *request = (struct request){ .words_left = -1, .bulk_left = -1 };
}

void request_clear(struct request *request)
{
    memory_free(request->words);
    memory_free(request->line);
    request_init(request);
}

void request_reset(struct request *request)
{
    if (UNLIKELY(request->capacity > KEPT_WORDS)) {
        memory_free(request->words);
        request->words = NULL;
        request->capacity = 0;
    }
    if (UNLIKELY(request->line != NULL)) {
        memory_free(request->line);
        request->line = NULL;
    }
    request->count = 0;
    request->length = 0;
    request->inlined = false;
    request->trouble = NULL;
    request->at = 0;
    request->words_left = -1;
    request->bulk_left = -1;
}

static enum request_state broken(struct request *request, const char *trouble)
{
    request->trouble = trouble;
    return REQUEST_BROKEN;
}

static void add_word(struct request *request, size_t at, size_t len)
{
    if (UNLIKELY(request->count == request->capacity)) {
        request->capacity = request->capacity == 0 ? 8 : request->capacity * 2;
        request->words =
            memory_resize(request->words, request->capacity * sizeof(struct slice));
    }
    request->words[request->count++] = (struct slice){ (const char *)(uintptr_t)at, len };
}

/* The same for any number. */
static enum header read_long_header(const struct request *request, struct slice input,
                                    int64_t *value, size_t *after)
{
    const char *at = input.at + request->at + 1;
    const char *end = input.at + input.len;
    const char *stop;
    int64_t number = 0;

    for (stop = at; stop < end && *stop >= '0' && *stop <= '9' && stop - at < 10; stop++)
        number = number * 10 + (*stop - '0');
    if (LIKELY(end - stop >= 2 && stop > at && *stop == '\r' && (*at != '0' || stop == at + 1))) {
        *value = number;
        *after = (size_t)(stop + 2 - input.at);
        return HEADER_FINE;
    }
    stop = memchr(at, '\r', (size_t)(end - at));
    if (stop == NULL || end - stop < 2)
        return end - at > LINE_MAX_BYTES ? HEADER_BROKEN : HEADER_MORE;
    *after = (size_t)(stop + 2 - input.at);
    return number_read(slice_of(at, (size_t)(stop - at)), value) ? HEADER_FINE : HEADER_BROKEN;
}

/* Reads "digits CR LF" from `at` on; short canonical numbers need no copy and no library. */
static inline __attribute__((always_inline)) enum header
read_header(const struct request *request, struct slice input, int64_t *value, size_t *after)
{
    const char *at = input.at + request->at + 1;
    const char *end = input.at + input.len;

    /* Most words are shorter than ten bytes, and nearly all others than a hundred. */
    if (LIKELY(end - at >= 3 && at[1] == '\r' && at[0] >= '0' && at[0] <= '9')) {
        *value = at[0] - '0';
        *after = (size_t)(at + 3 - input.at);
        return HEADER_FINE;
    }
    if (LIKELY(end - at >= 4 && at[2] == '\r' && at[0] >= '1' && at[0] <= '9' && at[1] >= '0' &&
               at[1] <= '9')) {
        *value = (at[0] - '0') * 10 + (at[1] - '0');
        *after = (size_t)(at + 4 - input.at);
        return HEADER_FINE;
    }
    return read_long_header(request, input, value, after);
}

/* The `*` line. */
static enum request_state read_count(struct request *request, struct slice input,
                                     const struct request_limits *limits)
{
    int64_t count;
    size_t after;
    enum header header = read_header(request, input, &count, &after);

    if (header == HEADER_MORE)
        return REQUEST_MORE;
    if (header == HEADER_BROKEN && input.len - request->at > LINE_MAX_BYTES &&
        memchr(input.at + request->at, '\r', LINE_MAX_BYTES) == NULL)
        return broken(request, "ERR Protocol error: too big mbulk count string");
    if (header == HEADER_BROKEN || count > limits->words)
        return broken(request, "ERR Protocol error: invalid multibulk length");
    if (count > UNSIGNED_WORDS && !limits->signed_in)
        return broken(request, "ERR Protocol error: unauthenticated multibulk length");
    request->at = after;
    request->words_left = count > 0 ? count : 0;
    return REQUEST_READY;
}

/* A `$` line. */
static enum request_state read_bulk_length(struct request *request, struct slice input,
                                           const struct request_limits *limits)
{
    int64_t len;
    size_t after;
    enum header header;

    if (UNLIKELY(input.at[request->at] != '$')) {
        char found = input.at[request->at];

        snprintf(request->trouble_text, sizeof(request->trouble_text),
                 "ERR Protocol error: expected '$', got '%c'", found);
        return broken(request, request->trouble_text);
    }
    header = read_header(request, input, &len, &after);
    if (header == HEADER_MORE)
        return REQUEST_MORE;
    if (header == HEADER_BROKEN && input.len - request->at > LINE_MAX_BYTES &&
        memchr(input.at + request->at, '\r', LINE_MAX_BYTES) == NULL)
        return broken(request, "ERR Protocol error: too big bulk count string");
    if (header == HEADER_BROKEN || len < 0 || len > limits->bulk_bytes)
        return broken(request, "ERR Protocol error: invalid bulk length");
    if (len > UNSIGNED_BULK && !limits->signed_in)
        return broken(request, "ERR Protocol error: unauthenticated bulk length");
    request->at = after;
    request->bulk_left = len;
    return REQUEST_READY;
}

static enum request_state finish(struct request *request, struct slice input)
{
    for (size_t i = 0; i < request->count; i++)
        request->words[i].at = input.at + (uintptr_t)request->words[i].at;
    request->length = request->at;
    return REQUEST_READY;
}

static enum request_state parse_bulks(struct request *request, struct slice input,
                                      const struct request_limits *limits)
{
    while (request->words_left > 0) {
        size_t len;

        if (request->bulk_left < 0) {
            enum request_state state;

            if (request->at >= input.len)
                return REQUEST_MORE;
            state = read_bulk_length(request, input, limits);
            if (state != REQUEST_READY)
                return state;
        }
        len = (size_t)request->bulk_left;
        if (input.len - request->at < len + 2)
            return REQUEST_MORE;
        add_word(request, request->at, len);
        request->at += len + 2;
        request->bulk_left = -1;
        request->words_left--;
    }
    return finish(request, input);
}

static bool is_blank(char byte)
{
    return byte == ' ' || (byte >= '\t' && byte <= '\r') || byte == '\0';
}

static int hex_digit(char byte)
{
    if (byte >= '0' && byte <= '9')
        return byte - '0';
    if ((byte | 0x20) >= 'a' && (byte | 0x20) <= 'f')
        return (byte | 0x20) - 'a' + 10;
    return -1;
}

/* One escape of a double-quoted word; `from` stands behind the backslash. */
static size_t read_escape(const char *from, const char *end, char *to)
{
    if (*from == 'x' && end - from >= 3 && hex_digit(from[1]) >= 0 && hex_digit(from[2]) >= 0) {
        *to = (char)(hex_digit(from[1]) * 16 + hex_digit(from[2]));
        return 3;
    }
    switch (*from) {
    case 'n': *to = '\n'; break;
    case 'r': *to = '\r'; break;
    case 't': *to = '\t'; break;
    case 'b': *to = '\b'; break;
    case 'a': *to = '\a'; break;
    default: *to = *from; break;
    }
    return 1;
}

/* Copies one word of a line without its quotes; NULL if quotes do not balance. */
static const char *read_line_word(const char *from, const char *end, char *to, size_t *len)
{
    char quote = 0;
    size_t used = 0;

    while (from < end) {
        if (quote == '"' && *from == '\\' && from + 1 < end) {
            from += 1 + read_escape(from + 1, end, &to[used++]);
        } else if (quote == '\'' && end - from >= 2 && from[0] == '\\' && from[1] == '\'') {
            to[used++] = '\'';
            from += 2;
        } else if (quote != 0 && *from == quote) {
            from++;
            if (from < end && !is_blank(*from))
                return NULL;
            *len = used;
            return from;
        } else if (quote == 0 && (*from == '"' || *from == '\'')) {
            quote = *from++;
        } else if (quote == 0 && is_blank(*from)) {
            break;
        } else {
            to[used++] = *from++;
        }
    }
    *len = used;
    return quote == 0 ? from : NULL;
}

/* An inline request: words on a line, quoted as in a shell. */
static enum request_state parse_line(struct request *request, struct slice input)
{
    size_t most = input.len < LINE_MAX_BYTES ? input.len : LINE_MAX_BYTES;
    const char *feed = memchr(input.at, '\n', input.len);
    const char *from = input.at;
    const char *end;
    char *to;

    if (feed == NULL && most == LINE_MAX_BYTES)
        return broken(request, "ERR Protocol error: too big inline request");
    if (feed == NULL)
        return REQUEST_MORE;
    end = feed > input.at && feed[-1] == '\r' ? feed - 1 : feed;
    to = request->line = memory_new((size_t)(end - from) + 1);
    for (;;) {
        size_t len;

        while (from < end && is_blank(*from))
            from++;
        if (from == end)
            break;
        from = read_line_word(from, end, to, &len);
        if (from == NULL)
            return broken(request, "ERR Protocol error: unbalanced quotes in request");
        add_word(request, (uintptr_t)to, len);
        to += len;
    }
    request->inlined = true;
    request->length = (size_t)(feed + 1 - input.at);
    return REQUEST_READY;
}

enum request_state request_parse(struct request *request, struct slice input,
                                 const struct request_limits *limits)
{
    if (request->words_left < 0) {
        enum request_state state;

        if (input.len == 0)
            return REQUEST_MORE;
        if (UNLIKELY(input.at[0] != '*'))
            return parse_line(request, input);
        state = read_count(request, input, limits);
        if (state != REQUEST_READY)
            return state;
    }
    return parse_bulks(request, input, limits);
}

size_t request_wanted(const struct request *request)
{
    if (request->bulk_left >= 0)
        return request->at + (size_t)request->bulk_left + 2;
    return request->at + 1;
}

/* A header of one or two digits, the usual ones; false for any other. */
static bool glimpse_header(struct slice input, size_t *at, char mark, size_t *value)
{
    const char *from;

    if (*at + 5 > input.len)
        return false;
    from = input.at + *at;
    if (from[0] != mark || from[1] < '0' || from[1] > '9')
        return false;
    *value = (size_t)(from[1] - '0');
    from += 2;
    if (*from >= '0' && *from <= '9')
        *value = *value * 10 + (size_t)(*from++ - '0');
    *at = (size_t)(from + 2 - input.at);
    return *from == '\r';
}

size_t request_glimpse(struct slice input, struct slice *words, size_t most, size_t *whole)
{
    size_t at = 0;
    size_t count = 0;
    size_t len;

    if (!glimpse_header(input, &at, '*', whole))
        return 0;
    while (count < most && count < *whole && glimpse_header(input, &at, '$', &len) &&
           input.len - at >= len) {
        words[count++] = slice_of(input.at + at, len);
        at += len + 2;
    }
    return count;
}
