/*
 * A pattern is a tree of its own, read by descent from the notation.
 *
 *   literal    a scalar reply, compared by kind and bytes
 *   ?          any one reply
 *   ...        within brackets any number of parts; alone, any reply
 *   <int>      an integer; <int 5..10> within bounds; <int:x> remembers it
 *   <id>       a stream ID; <id:x>          <bulk>  any bulk string; <bulk:x>
 *   /.../      an extended regular expression over any scalar with text
 *   brackets   a container with parts; "unordered" before it compares as a bag
 */
#include "tests/wire/talk_pattern.h"

#include <ctype.h>
#include <regex.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

enum pattern_kind {
    PATTERN_LITERAL,
    PATTERN_ONE,
    PATTERN_REST,
    PATTERN_INTEGER,
    PATTERN_ID,
    PATTERN_BULK,
    PATTERN_REGEX,
    PATTERN_CONTAINER
};

struct pattern {
    enum pattern_kind kind;
    struct talk_reply literal; /* kind and text of a literal; the kind of a container */
    struct text name;          /* under which the value is remembered, or empty */
    int64_t least;
    int64_t most;
    regex_t regex;
    bool any_error; /* of a regex: it stands behind '!' and wants an error */
    bool unordered;
    struct pattern **parts;
    size_t count;
};

void captures_set(struct captures *captures, const char *name, const char *value, size_t length)
{
    size_t i = 0;

    while (i < captures->count && strcmp(captures->names[i].at, name) != 0)
        i++;
    if (i == captures->count) {
        captures->names = need(captures->names, (i + 1) * sizeof(struct text));
        captures->values = need(captures->values, (i + 1) * sizeof(struct text));
        captures->names[i] = (struct text){ 0 };
        captures->values[i] = (struct text){ 0 };
        text_say(&captures->names[i], name);
        captures->count++;
    }
    text_clear(&captures->values[i]);
    text_add(&captures->values[i], value, length);
}

bool captures_fill(const struct captures *captures, const char *line, struct text *out)
{
    text_say(out, "");
    while (*line != '\0') {
        const char *end = strncmp(line, "${", 2) == 0 ? strchr(line, '}') : NULL;
        size_t i = 0;

        if (end == NULL) {
            text_add(out, line++, 1);
            continue;
        }
        size_t length = (size_t)(end - line) - 2;
        while (i < captures->count && (captures->names[i].length != length ||
                                       memcmp(captures->names[i].at, line + 2, length) != 0))
            i++;
        if (i == captures->count) {
            text_clear(out);
            text_add(out, line + 2, length);
            return false;
        }
        text_add(out, captures->values[i].at, captures->values[i].length);
        line = end + 1;
    }
    return true;
}

void captures_clear(struct captures *captures)
{
    for (size_t i = 0; i < captures->count; i++) {
        text_clear(&captures->names[i]);
        text_clear(&captures->values[i]);
    }
    free(captures->names);
    free(captures->values);
    *captures = (struct captures){ 0 };
}

static void skip_blanks(const char **at)
{
    while (isspace((unsigned char)**at))
        (*at)++;
}

static struct pattern *pattern_make(enum pattern_kind kind)
{
    struct pattern *pattern = need(NULL, sizeof *pattern);

    memset(pattern, 0, sizeof *pattern);
    pattern->kind = kind;
    return pattern;
}

static struct pattern *fail(struct pattern *pattern, struct text *trouble, const char *why,
                            const char *at)
{
    text_print(trouble, "%s at '%.40s'", why, at);
    pattern_free(pattern);
    return NULL;
}

static bool begins(const char **at, const char *with)
{
    size_t length = strlen(with);

    if (strncmp(*at, with, length) != 0)
        return false;
    *at += length;
    return true;
}

static struct pattern *literal(enum reply_kind kind, const char *text, size_t length)
{
    struct pattern *pattern = pattern_make(PATTERN_LITERAL);

    pattern->literal.kind = kind;
    text_add(&pattern->literal.text, text, length);
    return pattern;
}

/* <int>, <int 1..9>, <int:name>, <id>, <bulk> ... */
static struct pattern *read_open_place(const char **at, struct text *trouble)
{
    const char *start = *at;
    const char *end = strchr(start, '>');
    struct pattern *pattern = pattern_make(PATTERN_INTEGER);

    pattern->least = INT64_MIN;
    pattern->most = INT64_MAX;
    if (end == NULL)
        return fail(pattern, trouble, "unclosed <", start);
    if (begins(at, "int")) {
        if (**at == ' ') {
            char *stop;

            pattern->least = strtoll(*at + 1, &stop, 10);
            if (strncmp(stop, "..", 2) == 0)
                pattern->most = strtoll(stop + 2, &stop, 10);
            *at = stop;
        }
    } else if (begins(at, "id")) {
        pattern->kind = PATTERN_ID;
    } else if (begins(at, "bulk")) {
        pattern->kind = PATTERN_BULK;
    } else {
        return fail(pattern, trouble, "unknown open place", start);
    }
    if (**at == ':' && end > *at + 1) {
        text_add(&pattern->name, *at + 1, (size_t)(end - *at) - 1);
        *at = end;
    }
    if (*at != end)
        return fail(pattern, trouble, "odd open place", start);
    *at = end + 1;
    return pattern;
}

static struct pattern *read_regex(const char **at, struct text *trouble)
{
    struct pattern *pattern = pattern_make(PATTERN_ONE);
    struct text source = { 0 };
    const char *start = *at;

    text_say(&source, "");
    while (**at != '/' && **at != '\0') {
        const char *plain = strncmp(*at, "\\/", 2) == 0   ? "/"
                            : strncmp(*at, "\\r", 2) == 0 ? "\r"
                            : strncmp(*at, "\\n", 2) == 0 ? "\n"
                                                          : NULL;

        text_add(&source, plain != NULL ? plain : *at, 1);
        *at += plain != NULL ? 2 : 1;
    }
    bool fine = **at == '/' && regcomp(&pattern->regex, source.at, REG_EXTENDED | REG_NOSUB) == 0;
    text_clear(&source);
    if (!fine)
        return fail(pattern, trouble, "bad regular expression", start);
    pattern->kind = PATTERN_REGEX;
    (*at)++;
    return pattern;
}

static struct pattern *read_pattern(const char **at, struct text *trouble, bool outermost);

static struct pattern *read_container(const char **at, enum reply_kind kind, struct text *trouble)
{
    struct pattern *pattern = pattern_make(PATTERN_CONTAINER);
    char closing = kind == REPLY_MAP ? '}' : ']';

    pattern->literal.kind = kind;
    for (;;) {
        skip_blanks(at);
        if (**at == closing) {
            (*at)++;
            return pattern;
        }
        struct pattern *part = read_pattern(at, trouble, false);
        if (part == NULL) {
            pattern_free(pattern);
            return NULL;
        }
        pattern->parts = need(pattern->parts, (pattern->count + 1) * sizeof *pattern->parts);
        pattern->parts[pattern->count++] = part;
        skip_blanks(at);
        if (**at == ',' || **at == ':')
            (*at)++;
        else if (**at != closing)
            return fail(pattern, trouble, "expected a comma or an end", *at);
    }
}

static struct pattern *read_quoted(const char **at, enum reply_kind kind, struct text *trouble)
{
    struct pattern *pattern = literal(kind, "", 0);

    if (**at != '"' || !text_unquote(&pattern->literal.text, at))
        return fail(pattern, trouble, "expected a quoted text", *at);
    return pattern;
}

static struct pattern *read_error(const char **at, struct text *trouble, bool outermost)
{
    struct pattern *pattern;

    while (**at == ' ')
        (*at)++;
    if (begins(at, "/")) {
        pattern = read_regex(at, trouble);
        if (pattern != NULL)
            pattern->any_error = true;
        return pattern;
    }
    if (**at == '"' || !outermost)
        return read_quoted(at, REPLY_ERROR, trouble);
    pattern = literal(REPLY_ERROR, *at, strlen(*at));
    *at += strlen(*at);
    return pattern;
}

/* A run of the characters that a number or a bare word may have. */
static size_t plain_run(const char *at)
{
    size_t length = 0;

    while (isalnum((unsigned char)at[length]) || (at[length] != '\0' && strchr("+-._", at[length])))
        length++;
    return length;
}

static struct pattern *read_plain(const char **at, struct text *trouble)
{
    const char *start = *at;
    enum reply_kind kind = *start == ','   ? REPLY_DOUBLE
                           : *start == '(' ? REPLY_BIG_NUMBER
                           : *start == '#' ? REPLY_BOOLEAN
                                           : REPLY_INTEGER;
    const char *from = kind == REPLY_INTEGER ? start : start + 1;
    size_t length = plain_run(from);

    if (length == 0)
        return fail(NULL, trouble, "cannot read", start);
    *at = from + length;
    if (kind != REPLY_INTEGER)
        return literal(kind, from, length);
    if (length == 3 && memcmp(from, "nil", 3) == 0)
        return begins(at, "*") ? literal(REPLY_NIL_ARRAY, "", 0) : literal(REPLY_NIL, "", 0);
    if (length == 4 && memcmp(from, "null", 4) == 0)
        return literal(REPLY_NULL, "", 0);
    if (isdigit((unsigned char)*from) || *from == '-')
        return literal(REPLY_INTEGER, from, length);
    if (talk_reply_is_bare_word(from, length))
        return literal(REPLY_SIMPLE, from, length);
    return fail(NULL, trouble, "cannot read", start);
}

static struct pattern *read_pattern(const char **at, struct text *trouble, bool outermost)
{
    skip_blanks(at);
    if (begins(at, "unordered ")) {
        struct pattern *pattern = read_pattern(at, trouble, false);

        if (pattern != NULL)
            pattern->unordered = true;
        return pattern;
    }
    if (begins(at, "..."))
        return pattern_make(PATTERN_REST);
    if (begins(at, "?"))
        return pattern_make(PATTERN_ONE);
    if (begins(at, "<"))
        return read_open_place(at, trouble);
    if (begins(at, "/"))
        return read_regex(at, trouble);
    if (begins(at, "!"))
        return read_error(at, trouble, outermost);
    if (begins(at, "["))
        return read_container(at, REPLY_ARRAY, trouble);
    if (begins(at, "{"))
        return read_container(at, REPLY_MAP, trouble);
    if (begins(at, "~["))
        return read_container(at, REPLY_SET, trouble);
    if (begins(at, "^["))
        return read_container(at, REPLY_PUSH, trouble);
    if (**at == '"')
        return read_quoted(at, REPLY_BULK, trouble);
    if (begins(at, "="))
        return read_quoted(at, REPLY_VERBATIM, trouble);
    if (**at == '+' && (*at)[1] == '"') {
        (*at)++;
        return read_quoted(at, REPLY_SIMPLE, trouble);
    }
    return read_plain(at, trouble);
}

struct pattern *pattern_new(const char *notation, struct text *trouble)
{
    const char *at = notation;
    struct pattern *pattern = read_pattern(&at, trouble, true);

    if (pattern == NULL)
        return NULL;
    skip_blanks(&at);
    if (*at != '\0')
        return fail(pattern, trouble, "more than one reply", at);
    return pattern;
}

static bool is_stream_id(const struct text *text)
{
    size_t dash = text->at == NULL ? 0 : strspn(text->at, "0123456789");
    size_t rest;

    if (dash == 0 || text->at[dash] != '-')
        return false;
    rest = strspn(text->at + dash + 1, "0123456789");
    return rest > 0 && dash + 1 + rest == text->length;
}

static bool has_text(const struct talk_reply *reply)
{
    return !talk_reply_is_container(reply->kind) && reply->text.at != NULL;
}

/* Bags: each part of the pattern takes the first part of the reply that fits and is not yet taken.
 */
static bool bag_fits(const struct pattern *pattern, const struct talk_reply *reply,
                     struct captures *captures)
{
    size_t step = pattern->literal.kind == REPLY_MAP ? 2 : 1;
    bool *taken = need(NULL, reply->count + 1);
    size_t left = reply->count;
    bool fits = true;

    memset(taken, 0, reply->count + 1);
    for (size_t i = 0; fits && i < pattern->count; i += step) {
        size_t j = 0;

        if (pattern->parts[i]->kind == PATTERN_REST) {
            left = 0;
            continue;
        }
        while (j < reply->count &&
               (taken[j] || !pattern_fits(pattern->parts[i], &reply->parts[j], captures) ||
                (step == 2 && i + 1 < pattern->count &&
                 !pattern_fits(pattern->parts[i + 1], &reply->parts[j + 1], captures))))
            j += step;
        fits = j < reply->count;
        if (fits)
            taken[j] = true;
        if (fits && left > 0)
            left -= step;
    }
    free(taken);
    return fits && left == 0;
}

/* Whether the parts from `first` on fit those of the reply from `place` on. */
static bool parts_fit(const struct pattern *pattern, size_t first, const struct talk_reply *reply,
                      size_t place, struct captures *captures)
{
    for (; first < pattern->count; first++, place++) {
        if (pattern->parts[first]->kind == PATTERN_REST) {
            if (first + 1 == pattern->count)
                return true;
            for (; place <= reply->count; place++) {
                if (parts_fit(pattern, first + 1, reply, place, captures))
                    return true;
            }
            return false;
        }
        if (place >= reply->count ||
            !pattern_fits(pattern->parts[first], &reply->parts[place], captures))
            return false;
    }
    return place == reply->count;
}

static bool open_place_fits(const struct pattern *pattern, const struct talk_reply *reply,
                            struct captures *captures)
{
    bool fits = reply->kind == REPLY_BULK;

    if (pattern->kind == PATTERN_ID)
        fits = fits && is_stream_id(&reply->text);
    if (pattern->kind == PATTERN_INTEGER) {
        fits = reply->kind == REPLY_INTEGER;
        int64_t number = fits ? strtoll(reply->text.at, NULL, 10) : 0;
        fits = fits && number >= pattern->least && number <= pattern->most;
    }
    if (fits && pattern->name.length > 0)
        captures_set(captures, pattern->name.at, reply->text.at == NULL ? "" : reply->text.at,
                     reply->text.length);
    return fits;
}

static bool literal_fits(const struct talk_reply *want, const struct talk_reply *got)
{
    return want->kind == got->kind && want->text.length == got->text.length &&
           (want->text.length == 0 || memcmp(want->text.at, got->text.at, want->text.length) == 0);
}

bool pattern_fits(const struct pattern *pattern, const struct talk_reply *reply,
                  struct captures *captures)
{
    switch (pattern->kind) {
    case PATTERN_LITERAL:
        return literal_fits(&pattern->literal, reply);
    case PATTERN_ONE:
    case PATTERN_REST:
        return true;
    case PATTERN_INTEGER:
    case PATTERN_ID:
    case PATTERN_BULK:
        return open_place_fits(pattern, reply, captures);
    case PATTERN_REGEX:
        return has_text(reply) && (!pattern->any_error || reply->kind == REPLY_ERROR) &&
               regexec(&pattern->regex, reply->text.at, 0, NULL, 0) == 0;
    case PATTERN_CONTAINER:
        if (reply->kind != pattern->literal.kind)
            return false;
        return pattern->unordered ? bag_fits(pattern, reply, captures)
                                  : parts_fit(pattern, 0, reply, 0, captures);
    }
    return false;
}

bool pattern_fits_word(const struct text *word, const struct text *got)
{
    bool open = word->length > 1 && ((word->at[0] == '<' && word->at[word->length - 1] == '>') ||
                                     (word->at[0] == '/' && word->at[word->length - 1] == '/'));
    struct talk_reply reply = { .kind = REPLY_BULK, .text = *got };
    struct captures none = { 0 };
    struct text trouble = { 0 };

    if (!open)
        return word->length == got->length && strncasecmp(word->at, got->at, got->length) == 0;
    struct pattern *pattern = pattern_new(word->at, &trouble);
    if (pattern != NULL && pattern->kind == PATTERN_INTEGER)
        reply.kind = REPLY_INTEGER;
    bool fits = pattern != NULL && pattern_fits(pattern, &reply, &none);
    pattern_free(pattern);
    text_clear(&trouble);
    captures_clear(&none);
    return fits;
}

void pattern_free(struct pattern *pattern)
{
    if (pattern == NULL)
        return;
    for (size_t i = 0; i < pattern->count; i++)
        pattern_free(pattern->parts[i]);
    free(pattern->parts);
    if (pattern->kind == PATTERN_REGEX)
        regfree(&pattern->regex);
    text_clear(&pattern->literal.text);
    text_clear(&pattern->name);
    free(pattern);
}
