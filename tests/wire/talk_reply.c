#include "tests/wire/talk_reply.h"

#include <ctype.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

/* Deeper than any server answers; beyond it the bytes are taken for broken. */
enum { DEEPEST = 32 };

bool talk_reply_is_container(enum reply_kind kind)
{
    return kind == REPLY_ARRAY || kind == REPLY_MAP || kind == REPLY_SET || kind == REPLY_PUSH;
}

static bool kind_of(char mark, enum reply_kind *kind)
{
    static const char marks[] = "+-:$_,#(=*%~>";
    static const enum reply_kind kinds[] = {
        REPLY_SIMPLE, REPLY_ERROR,   REPLY_INTEGER,    REPLY_BULK,     REPLY_NULL,
        REPLY_DOUBLE, REPLY_BOOLEAN, REPLY_BIG_NUMBER, REPLY_VERBATIM, REPLY_ARRAY,
        REPLY_MAP,    REPLY_SET,     REPLY_PUSH,
    };
    const char *place = mark == '\0' ? NULL : strchr(marks, mark);

    if (place == NULL)
        return false;
    *kind = kinds[place - marks];
    return true;
}

static enum reply_state read_at_depth(struct talk_reply *reply, const char *bytes, size_t length,
                                      size_t *used, int depth);

static enum reply_state read_parts(struct talk_reply *reply, size_t count, const char *bytes,
                                   size_t length, size_t *used, int depth)
{
    for (size_t i = 0; i < count; i++) {
        struct talk_reply part;
        size_t taken;
        enum reply_state state =
            read_at_depth(&part, bytes + *used, length - *used, &taken, depth + 1);

        if (state != REPLY_READY)
            return state;
        if ((reply->count & (reply->count + 1)) == 0)
            reply->parts = need(reply->parts, (reply->count + 1) * 2 * sizeof part);
        reply->parts[reply->count++] = part;
        *used += taken;
    }
    return REPLY_READY;
}

/* The body of a reply whose first line told a length. */
static enum reply_state read_counted(struct talk_reply *reply, long told, const char *bytes,
                                     size_t length, size_t *used, int depth)
{
    bool container = talk_reply_is_container(reply->kind);

    if (told == -1) {
        reply->kind = container ? REPLY_NIL_ARRAY : REPLY_NIL;
        return REPLY_READY;
    }
    if (told < 0)
        return REPLY_BROKEN;
    size_t count = (size_t)told;
    if (container)
        return read_parts(reply, reply->kind == REPLY_MAP ? count * 2 : count, bytes, length, used,
                          depth);
    if (length - *used < count + 2)
        return REPLY_MORE;
    if (memcmp(bytes + *used + count, "\r\n", 2) != 0)
        return REPLY_BROKEN;
    text_add(&reply->text, bytes + *used, count);
    *used += count + 2;
    return REPLY_READY;
}

static enum reply_state read_at_depth(struct talk_reply *reply, const char *bytes, size_t length,
                                      size_t *used, int depth)
{
    const char *end = length == 0 ? NULL : memchr(bytes, '\n', length);
    enum reply_state state = REPLY_READY;

    *reply = (struct talk_reply){ 0 };
    if (length == 0)
        return REPLY_MORE;
    if (depth > DEEPEST || !kind_of(bytes[0], &reply->kind))
        return REPLY_BROKEN;
    if (end == NULL)
        return REPLY_MORE;
    if (end == bytes + 1 || end[-1] != '\r')
        return REPLY_BROKEN;
    *used = (size_t)(end - bytes) + 1;

    if (talk_reply_is_container(reply->kind) || reply->kind == REPLY_BULK ||
        reply->kind == REPLY_VERBATIM) {
        char *stop;
        long told = strtol(bytes + 1, &stop, 10);

        state = stop == bytes + 1 || *stop != '\r'
                    ? REPLY_BROKEN
                    : read_counted(reply, told, bytes, length, used, depth);
    } else {
        text_add(&reply->text, bytes + 1, (size_t)(end - bytes) - 2);
    }
    if (state != REPLY_READY)
        talk_reply_clear(reply);
    return state;
}

enum reply_state talk_reply_read(struct talk_reply *reply, const char *bytes, size_t length,
                                 size_t *used)
{
    return read_at_depth(reply, bytes, length, used, 0);
}

bool talk_reply_is_bare_word(const char *text, size_t length)
{
    if (length == 0 || !isalpha((unsigned char)text[0]))
        return false;
    for (size_t i = 0; i < length; i++) {
        if (!isalnum((unsigned char)text[i]) && text[i] != '_' && text[i] != '-')
            return false;
    }
    return !(length == 3 && memcmp(text, "nil", 3) == 0) &&
           !(length == 4 && memcmp(text, "null", 4) == 0) &&
           !(length == 9 && memcmp(text, "unordered", 9) == 0);
}

/* A long run of one byte is written as "x"*5000. */
static void print_bulk(const struct text *text, struct text *out)
{
    bool run = text->length >= 48;

    for (size_t i = 1; run && i < text->length; i++)
        run = text->at[i] == text->at[0];
    text_quote(out, text->at, run ? 1 : text->length);
    if (run)
        text_print(out, "*%zu", text->length);
}

/* Whether an error can stand unquoted on its line: nothing to escape, no blank at its end. */
static bool is_plain_line(const struct text *text)
{
    for (size_t i = 0; i < text->length; i++) {
        if (!isprint((unsigned char)text->at[i]))
            return false;
    }
    return text->length > 0 && text->at[text->length - 1] != ' ';
}

static void print_scalar(const struct talk_reply *reply, struct text *out, bool outermost)
{
    const struct text *text = &reply->text;

    switch (reply->kind) {
    case REPLY_SIMPLE:
        if (talk_reply_is_bare_word(text->at, text->length)) {
            text_add(out, text->at, text->length);
        } else {
            text_say(out, "+");
            text_quote(out, text->at, text->length);
        }
        break;
    case REPLY_ERROR:
        text_say(out, outermost ? "! " : "!");
        if (outermost && is_plain_line(text))
            text_add(out, text->at, text->length);
        else
            text_quote(out, text->at, text->length);
        break;
    case REPLY_BULK:
        print_bulk(text, out);
        break;
    case REPLY_VERBATIM:
        text_say(out, "=");
        text_quote(out, text->at, text->length);
        break;
    case REPLY_NIL:
        text_say(out, "nil");
        break;
    case REPLY_NIL_ARRAY:
        text_say(out, "nil*");
        break;
    case REPLY_NULL:
        text_say(out, "null");
        break;
    case REPLY_INTEGER:
    case REPLY_DOUBLE:
    case REPLY_BOOLEAN:
    case REPLY_BIG_NUMBER:
        text_say(out, reply->kind == REPLY_DOUBLE       ? ","
                      : reply->kind == REPLY_BOOLEAN    ? "#"
                      : reply->kind == REPLY_BIG_NUMBER ? "("
                                                        : "");
        text_add(out, text->at, text->length);
        break;
    case REPLY_ARRAY:
    case REPLY_MAP:
    case REPLY_SET:
    case REPLY_PUSH:
        break;
    }
}

static const char *opening(enum reply_kind kind)
{
    return kind == REPLY_MAP ? "{" : kind == REPLY_SET ? "~[" : kind == REPLY_PUSH ? "^[" : "[";
}

static void print_flat(const struct talk_reply *reply, struct text *out, bool outermost)
{
    bool map = reply->kind == REPLY_MAP;

    if (!talk_reply_is_container(reply->kind)) {
        print_scalar(reply, out, outermost);
        return;
    }
    text_say(out, opening(reply->kind));
    for (size_t i = 0; i < reply->count; i++) {
        if (i > 0)
            text_say(out, map && i % 2 == 1 ? ": " : ", ");
        print_flat(&reply->parts[i], out, false);
    }
    text_say(out, map ? "}" : "]");
}

void talk_reply_print(const struct talk_reply *reply, struct text *out)
{
    print_flat(reply, out, true);
}

/* Scalars that follow one another share a line as long as it is not full. */
static bool fits_on_line(const struct talk_reply *reply, size_t i, size_t column)
{
    struct text flat = { 0 };

    if (talk_reply_is_container(reply->parts[i].kind) ||
        talk_reply_is_container(reply->parts[i - 1].kind))
        return false;
    print_flat(&reply->parts[i], &flat, false);
    bool fits = column + flat.length + 3 <= 96;
    text_clear(&flat);
    return fits;
}

void talk_reply_lay_out(const struct talk_reply *reply, struct text *out, size_t indent)
{
    bool map = reply->kind == REPLY_MAP;
    struct text flat = { 0 };

    print_flat(reply, &flat, indent <= 2);
    if (flat.length + indent <= 96 || !talk_reply_is_container(reply->kind)) {
        text_add(out, flat.at, flat.length);
        text_clear(&flat);
        return;
    }
    text_clear(&flat);
    text_say(out, opening(reply->kind));
    size_t line_start = out->length;
    for (size_t i = 0; i < reply->count; i++) {
        if (map && i % 2 == 1) {
            text_say(out, ": ");
        } else if (i > 0 && !map && fits_on_line(reply, i, out->length - line_start)) {
            text_say(out, ", ");
        } else {
            text_print(out, "%s\n%*s", i > 0 ? "," : "", (int)indent + 2, "");
            line_start = out->length - indent - 2;
        }
        talk_reply_lay_out(&reply->parts[i], out, indent + 2);
    }
    text_print(out, "\n%*s%s", (int)indent, "", map ? "}" : "]");
}

static int by_printed_form(const void *left, const void *right)
{
    struct text a = { 0 };
    struct text b = { 0 };

    print_flat(left, &a, false);
    print_flat(right, &b, false);
    int order = strcmp(a.at, b.at);
    text_clear(&a);
    text_clear(&b);
    return order;
}

void talk_reply_sort(struct talk_reply *reply)
{
    size_t step = reply->kind == REPLY_MAP ? 2 : 1;

    if (talk_reply_is_container(reply->kind) && reply->count > step)
        qsort(reply->parts, reply->count / step, step * sizeof *reply->parts, by_printed_form);
}

void talk_reply_clear(struct talk_reply *reply)
{
    for (size_t i = 0; i < reply->count; i++)
        talk_reply_clear(&reply->parts[i]);
    free(reply->parts);
    text_clear(&reply->text);
    *reply = (struct talk_reply){ 0 };
}
