/*
 * All functions here call themselves for what is inside an aggregate. The reader
 * refuses replies nested deeper than MR_DEPTH_MAX, so the stack is bounded.
 */
#include "clients/cli/cli_print.h"

#include <inttypes.h>
#include <string.h>

static bool is_aggregate(const struct mr_reply *reply)
{
    return reply->type == MR_ARRAY || reply->type == MR_MAP || reply->type == MR_SET ||
           reply->type == MR_PUSH;
}

static bool is_true(const struct mr_reply *reply)
{
    return reply->integer != 0;
}

static void print_bytes(FILE *out, const struct mr_reply *reply)
{
    fwrite(reply->text, 1, reply->length, out);
}

/* The letter of an escape that has one, 0 otherwise. */
static char escape_letter(char byte)
{
    static const char bytes[] = "\\\"\n\r\t\a\b";
    static const char letters[] = "\\\"nrtab";
    const char *found = byte == '\0' ? NULL : strchr(bytes, byte);

    return found == NULL ? '\0' : letters[found - bytes];
}

void cli_print_quoted(FILE *out, const char *bytes, size_t length)
{
    fputc('"', out);
    for (size_t i = 0; i < length; i++) {
        char letter = escape_letter(bytes[i]);

        if (letter != '\0')
            fprintf(out, "\\%c", letter);
        else if (bytes[i] >= ' ' && bytes[i] <= '~')
            fputc(bytes[i], out);
        else
            fprintf(out, "\\x%02x", (unsigned)(unsigned char)bytes[i]);
    }
    fputc('"', out);
}

/* --- for eyes -------------------------------------------------------------- */

/* True if an element in the tty style takes a single line. */
static bool is_one_line(const struct mr_reply *reply)
{
    size_t entries = reply->type == MR_MAP ? reply->count / 2 : reply->count;

    if (!is_aggregate(reply) || entries == 0)
        return true;
    if (entries > 1)
        return false;
    for (size_t i = 0; i < reply->count; i++) {
        if (!is_one_line(&reply->children[i]))
            return false;
    }
    return true;
}

static int digits_of(size_t number)
{
    int digits = 1;

    while (number >= 10) {
        number /= 10;
        digits++;
    }
    return digits;
}

static void print_tty(FILE *out, const struct mr_reply *reply, int indent);

/* The elements of an aggregate, numbered; the first continues the line it is on. */
static void print_tty_elements(FILE *out, const struct mr_reply *reply, int indent, char mark)
{
    size_t step = reply->type == MR_MAP ? 2 : 1;
    size_t entries = reply->count / step;
    int width = digits_of(entries);
    int inner = indent + width + 2;

    for (size_t i = 0; i < entries; i++) {
        const struct mr_reply *value = &reply->children[i * step + step - 1];

        if (i > 0)
            fprintf(out, "\n%*s", indent, "");
        fprintf(out, "%*zu%c ", width, i + 1, mark);
        if (step == 2) {
            print_tty(out, &reply->children[i * 2], inner);
            fputs(" => ", out);
            if (!is_one_line(value))
                fprintf(out, "\n%*s", inner, "");
        }
        print_tty(out, value, inner);
    }
}

static void print_tty_aggregate(FILE *out, const struct mr_reply *reply, int indent)
{
    const char *name = "array";
    char mark = ')';

    if (reply->type == MR_MAP) {
        name = "hash";
        mark = '#';
    } else if (reply->type == MR_SET) {
        name = "set";
        mark = '~';
    } else if (reply->type == MR_PUSH) {
        name = "push";
    }
    if (reply->count == 0)
        fprintf(out, "(empty %s)", name);
    else
        print_tty_elements(out, reply, indent, mark);
}

static void print_tty(FILE *out, const struct mr_reply *reply, int indent)
{
    switch (reply->type) {
    case MR_ERROR:
        fputs("(error) ", out);
        print_bytes(out, reply);
        break;
    case MR_STATUS:
    case MR_VERBATIM:
    case MR_BIG_NUMBER:
        print_bytes(out, reply);
        break;
    case MR_INTEGER:
        fprintf(out, "(integer) %" PRId64, reply->integer);
        break;
    case MR_DOUBLE:
        fputs("(double) ", out);
        print_bytes(out, reply);
        break;
    case MR_STRING:
        cli_print_quoted(out, reply->text, reply->length);
        break;
    case MR_NIL:
        fputs("(nil)", out);
        break;
    case MR_BOOLEAN:
        fputs(is_true(reply) ? "(true)" : "(false)", out);
        break;
    case MR_ARRAY:
    case MR_MAP:
    case MR_SET:
    case MR_PUSH:
    case MR_ATTRIBUTE:
        print_tty_aggregate(out, reply, indent);
        break;
    }
}

/* --- for pipes ------------------------------------------------------------- */

static void print_raw(FILE *out, const struct mr_reply *reply, const char *delimiter)
{
    switch (reply->type) {
    case MR_ERROR:
        print_bytes(out, reply);
        fputc('\n', out);
        break;
    case MR_STATUS:
    case MR_VERBATIM:
    case MR_BIG_NUMBER:
    case MR_DOUBLE:
    case MR_STRING:
        print_bytes(out, reply);
        break;
    case MR_INTEGER:
        fprintf(out, "%" PRId64, reply->integer);
        break;
    case MR_NIL:
        break;
    case MR_BOOLEAN:
        fputs(is_true(reply) ? "(true)" : "(false)", out);
        break;
    case MR_ARRAY:
    case MR_MAP:
    case MR_SET:
    case MR_PUSH:
    case MR_ATTRIBUTE:
        for (size_t i = 0; i < reply->count; i++) {
            if (i > 0)
                fputs(reply->type == MR_MAP && i % 2 == 1 ? " " : delimiter, out);
            print_raw(out, &reply->children[i], delimiter);
        }
        break;
    }
}

/* What CSV and JSON write without quotes. */
static void print_literal(FILE *out, const struct mr_reply *reply, const char *nil)
{
    if (reply->type == MR_INTEGER)
        fprintf(out, "%" PRId64, reply->integer);
    else if (reply->type == MR_NIL)
        fputs(nil, out);
    else if (reply->type == MR_BOOLEAN)
        fputs(is_true(reply) ? "true" : "false", out);
    else
        print_bytes(out, reply);
}

static void print_csv(FILE *out, const struct mr_reply *reply)
{
    switch (reply->type) {
    case MR_ERROR:
        fputs("ERROR,", out);
        cli_print_quoted(out, reply->text, reply->length);
        break;
    case MR_STATUS:
    case MR_VERBATIM:
    case MR_STRING:
        cli_print_quoted(out, reply->text, reply->length);
        break;
    case MR_BIG_NUMBER:
    case MR_DOUBLE:
    case MR_INTEGER:
    case MR_NIL:
    case MR_BOOLEAN:
        print_literal(out, reply, "NULL");
        break;
    case MR_ARRAY:
    case MR_MAP:
    case MR_SET:
    case MR_PUSH:
    case MR_ATTRIBUTE:
        for (size_t i = 0; i < reply->count; i++) {
            if (i > 0)
                fputc(',', out);
            print_csv(out, &reply->children[i]);
        }
        break;
    }
}

/* --- JSON ------------------------------------------------------------------- */

static void print_json_text(FILE *out, const struct mr_reply *reply, bool ascii)
{
    static const char bytes[] = "\\\"\n\f\b\r\t";
    static const char letters[] = "\\\"nfbrt";

    fputc('"', out);
    for (size_t i = 0; i < reply->length; i++) {
        unsigned char byte = (unsigned char)reply->text[i];
        const char *found = byte == 0 ? NULL : strchr(bytes, byte);

        if (found != NULL)
            fprintf(out, "\\%c", letters[found - bytes]);
        else if (byte < ' ' || (ascii && byte > '~'))
            fprintf(out, "\\u%04x", (unsigned)byte);
        else
            fputc(byte, out);
    }
    fputc('"', out);
}

static void print_json(FILE *out, const struct mr_reply *reply, bool ascii);

/* The name in an object must be a text, whatever type the key of a map has. */
static void print_json_name(FILE *out, const struct mr_reply *key, bool ascii)
{
    bool is_text = key->type == MR_STRING || key->type == MR_STATUS || key->type == MR_VERBATIM;

    if (is_text) {
        print_json_text(out, key, ascii);
        return;
    }
    fputc('"', out);
    print_json(out, key, ascii);
    fputc('"', out);
}

static void print_json_aggregate(FILE *out, const struct mr_reply *reply, bool ascii)
{
    bool is_map = reply->type == MR_MAP;

    fputc(is_map ? '{' : '[', out);
    for (size_t i = 0; i < reply->count; i++) {
        if (i > 0)
            fputc(is_map && i % 2 == 1 ? ':' : ',', out);
        if (is_map && i % 2 == 0)
            print_json_name(out, &reply->children[i], ascii);
        else
            print_json(out, &reply->children[i], ascii);
    }
    fputc(is_map ? '}' : ']', out);
}

static void print_json(FILE *out, const struct mr_reply *reply, bool ascii)
{
    switch (reply->type) {
    case MR_ERROR:
        fputs("error:", out);
        print_json_text(out, reply, ascii);
        break;
    case MR_STATUS:
    case MR_VERBATIM:
    case MR_STRING:
        print_json_text(out, reply, ascii);
        break;
    case MR_BIG_NUMBER:
    case MR_DOUBLE:
    case MR_INTEGER:
    case MR_NIL:
    case MR_BOOLEAN:
        print_literal(out, reply, "null");
        break;
    case MR_ARRAY:
    case MR_MAP:
    case MR_SET:
    case MR_PUSH:
    case MR_ATTRIBUTE:
        print_json_aggregate(out, reply, ascii);
        break;
    }
}

void cli_print(FILE *out, const struct mr_reply *reply, enum cli_style style,
               const char *delimiter)
{
    switch (style) {
    case CLI_TTY:
        print_tty(out, reply, 0);
        break;
    case CLI_RAW:
        print_raw(out, reply, delimiter);
        break;
    case CLI_CSV:
        print_csv(out, reply);
        break;
    case CLI_JSON:
    case CLI_QUOTED_JSON:
        print_json(out, reply, style == CLI_QUOTED_JSON);
        break;
    }
}
