/*
 * One reservation covers header, payload and tail of most replies. Payloads
 * from SHARE_FROM bytes on leave by reference.
 */
#include "broker/protocol/reply.h"

#include "broker/metrics/error_counts.h"
#include "storage/base/number.h"

enum {
    HEADER_MAX = 1 + NUMBER_INTEGER_MAX + 2,
    SHARE_FROM = 16 * 1024,
    COPY_MOST = 1024 /* longer payloads are put piecewise, so chunks stay small */
};

static const struct slice refusal_lines[REFUSAL_COUNT] = {
#define REFUSAL(name, code, sentence) \
    [REFUSAL_##name] = { code " " sentence, sizeof(code " " sentence) - 1 },
#include "broker/protocol/errors.def"
#undef REFUSAL
};

struct slice refusal_line(enum refusal refusal)
{
    return refusal_lines[refusal];
}

static inline size_t put_header(char *to, char type, size_t count)
{
    size_t used;

    to[0] = type;
    if (count < 10) {
        to[1] = (char)('0' + count);
        used = 2;
    } else {
        used = 1 + number_put_unsigned(to + 1, count);
    }
    to[used] = '\r';
    to[used + 1] = '\n';
    return used + 2;
}

static void reply_header(struct reply *reply, char type, size_t count)
{
    char *at = outbox_reserve(reply->out, HEADER_MAX);

    outbox_commit(reply->out, put_header(at, type, count));
}

/* A line: its type, text and end. Line ends inside would break the protocol. */
static void reply_line(struct reply *reply, char type, struct slice text)
{
    char *at = outbox_reserve(reply->out, text.len + 3);

    *at++ = type;
    memcpy(at, text.at, text.len);
    for (size_t i = 0; i < text.len; i++) {
        if (at[i] == '\r' || at[i] == '\n')
            at[i] = ' ';
    }
    memcpy(at + text.len, "\r\n", 2);
    outbox_commit(reply->out, text.len + 3);
}

void reply_simple(struct reply *reply, struct slice text)
{
    reply_line(reply, '+', text);
}

void reply_ok(struct reply *reply)
{
    memcpy(outbox_reserve(reply->out, 5), "+OK\r\n", 5);
    outbox_commit(reply->out, 5);
}

void reply_error(struct reply *reply, struct slice line)
{
    reply->errors++;
    if (reply->counts != NULL)
        error_counts_add(reply->counts, line);
    /* What a quoted word ends with is no part of the sentence. */
    while (line.len > 0 && (line.at[line.len - 1] == '\r' || line.at[line.len - 1] == '\n'))
        line.len--;
    reply_line(reply, '-', line);
}

void reply_refusal(struct reply *reply, enum refusal refusal)
{
    reply_error(reply, refusal_line(refusal));
}

void reply_bulk(struct reply *reply, struct slice bytes)
{
    char *at;
    size_t used;

    if (bytes.len > COPY_MOST) {
        reply_header(reply, '$', bytes.len);
        outbox_put(reply->out, bytes);
        outbox_put(reply->out, SLICE("\r\n"));
        return;
    }
    at = outbox_reserve(reply->out, bytes.len + HEADER_MAX + 2);
    used = put_header(at, '$', bytes.len);
    if (bytes.len > 0)
        memcpy(at + used, bytes.at, bytes.len);
    memcpy(at + used + bytes.len, "\r\n", 2);
    outbox_commit(reply->out, used + bytes.len + 2);
}

void reply_bulk_integer(struct reply *reply, int64_t value)
{
    char digits[NUMBER_INTEGER_MAX];

    reply_bulk(reply, slice_of(digits, number_put(digits, value)));
}

void reply_bulk_shared(struct reply *reply, struct bytes *bytes)
{
    if (bytes_len(bytes) < SHARE_FROM) {
        reply_bulk(reply, bytes_slice(bytes));
        return;
    }
    reply_header(reply, '$', bytes_len(bytes));
    outbox_share(reply->out, bytes, bytes_slice(bytes));
    outbox_put(reply->out, SLICE("\r\n"));
}

void reply_integer(struct reply *reply, int64_t value)
{
    char *at = outbox_reserve(reply->out, HEADER_MAX);
    size_t used;

    if (value >= 0) {
        outbox_commit(reply->out, put_header(at, ':', (size_t)value));
        return;
    }
    at[0] = ':';
    used = 1 + number_put(at + 1, value);
    memcpy(at + used, "\r\n", 2);
    outbox_commit(reply->out, used + 2);
}

void reply_double(struct reply *reply, double value)
{
    char text[NUMBER_DOUBLE_MAX];
    struct slice digits = slice_of(text, number_put_double(text, value));

    if (reply->resp3)
        reply_line(reply, ',', digits);
    else
        reply_bulk(reply, digits);
}

static void reply_text(struct reply *reply, struct slice text)
{
    memcpy(outbox_reserve(reply->out, text.len), text.at, text.len);
    outbox_commit(reply->out, text.len);
}

void reply_nil(struct reply *reply)
{
    reply_text(reply, reply->resp3 ? SLICE("_\r\n") : SLICE("$-1\r\n"));
}

void reply_nil_array(struct reply *reply)
{
    reply_text(reply, reply->resp3 ? SLICE("_\r\n") : SLICE("*-1\r\n"));
}

void reply_boolean(struct reply *reply, bool value)
{
    if (reply->resp3)
        reply_text(reply, value ? SLICE("#t\r\n") : SLICE("#f\r\n"));
    else
        reply_integer(reply, value);
}

void reply_verbatim(struct reply *reply, struct slice text, const char format[3])
{
    char mark[4] = { format[0], format[1], format[2], ':' };

    if (!reply->resp3) {
        reply_bulk(reply, text);
        return;
    }
    reply_header(reply, '=', text.len + sizeof(mark));
    outbox_put(reply->out, slice_of(mark, sizeof(mark)));
    outbox_put(reply->out, text);
    outbox_put(reply->out, SLICE("\r\n"));
}

void reply_big_number(struct reply *reply, struct slice digits)
{
    if (reply->resp3)
        reply_line(reply, '(', digits);
    else
        reply_bulk(reply, digits);
}

void reply_array(struct reply *reply, size_t count)
{
    reply_header(reply, '*', count);
}

void reply_map(struct reply *reply, size_t pairs)
{
    if (reply->resp3)
        reply_header(reply, '%', pairs);
    else
        reply_header(reply, '*', 2 * pairs);
}

void reply_set(struct reply *reply, size_t count)
{
    reply_header(reply, reply->resp3 ? '~' : '*', count);
}

void reply_push(struct reply *reply, size_t count)
{
    reply->pushed = true;
    reply_header(reply, reply->resp3 ? '>' : '*', count);
}

void reply_attribute(struct reply *reply, size_t pairs)
{
    reply_header(reply, '|', pairs);
}

struct outbox_hole reply_open(struct reply *reply)
{
    return outbox_open_hole(reply->out);
}

static void close_hole(struct reply *reply, struct outbox_hole hole, char type, size_t count)
{
    char header[HEADER_MAX];

    outbox_fill_hole(reply->out, hole, slice_of(header, put_header(header, type, count)));
}

void reply_close_array(struct reply *reply, struct outbox_hole hole, size_t count)
{
    close_hole(reply, hole, '*', count);
}

void reply_close_map(struct reply *reply, struct outbox_hole hole, size_t pairs)
{
    if (reply->resp3)
        close_hole(reply, hole, '%', pairs);
    else
        close_hole(reply, hole, '*', 2 * pairs);
}

void reply_close_set(struct reply *reply, struct outbox_hole hole, size_t count)
{
    close_hole(reply, hole, reply->resp3 ? '~' : '*', count);
}

void reply_close_cursor(struct reply *reply, struct outbox_hole hole, uint64_t cursor)
{
    char digits[NUMBER_INTEGER_MAX];
    char text[OUTBOX_HOLE];
    size_t len = number_put_unsigned(digits, cursor);
    size_t used = put_header(text, '$', len);

    memcpy(text + used, digits, len);
    memcpy(text + used + len, "\r\n", 2);
    outbox_fill_hole(reply->out, hole, slice_of(text, used + len + 2));
}

void reply_raw(struct reply *reply, struct slice bytes)
{
    outbox_put(reply->out, bytes);
}

bool reply_is_lost(const struct reply *reply)
{
    return reply->out->choked;
}
