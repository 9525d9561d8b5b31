#include "tests/wire/talk_text.h"

#include <ctype.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

void *need(void *old, size_t size)
{
    void *block = realloc(old, size == 0 ? 1 : size);

    if (block == NULL) {
        fputs("out of memory\n", stderr);
        exit(2);
    }
    return block;
}

static void text_reserve(struct text *text, size_t more)
{
    size_t wanted = text->length + more + 1;

    if (wanted <= text->room)
        return;
    text->room = wanted < 64 ? 64 : wanted * 2;
    text->at = need(text->at, text->room);
}

void text_add(struct text *text, const char *bytes, size_t length)
{
    text_reserve(text, length);
    if (length > 0)
        memcpy(text->at + text->length, bytes, length);
    text->length += length;
    text->at[text->length] = '\0';
}

void text_say(struct text *text, const char *string)
{
    text_add(text, string, strlen(string));
}

void text_print(struct text *text, const char *format, ...)
{
    va_list arguments;
    va_list again;

    va_start(arguments, format);
    va_copy(again, arguments);
    int length = vsnprintf(NULL, 0, format, arguments);
    va_end(arguments);
    if (length > 0) {
        text_reserve(text, (size_t)length);
        vsnprintf(text->at + text->length, (size_t)length + 1, format, again);
        text->length += (size_t)length;
    }
    va_end(again);
}

void text_quote(struct text *text, const char *bytes, size_t length)
{
    text_say(text, "\"");
    for (size_t i = 0; i < length; i++) {
        unsigned char byte = (unsigned char)bytes[i];
        const char *plain = "\n\r\t\a\b\"\\";
        const char *place = byte == 0 ? NULL : strchr(plain, byte);

        if (place != NULL)
            text_print(text, "\\%c", "nrtab\"\\"[place - plain]);
        else if (isprint(byte))
            text_add(text, bytes + i, 1);
        else
            text_print(text, "\\x%02x", byte);
    }
    text_say(text, "\"");
}

void text_drop(struct text *text, size_t length)
{
    if (length == 0)
        return;
    text->length -= length;
    memmove(text->at, text->at + length, text->length + 1);
}

void text_clear(struct text *text)
{
    free(text->at);
    *text = (struct text){ 0 };
}

static int hex_digit(char digit)
{
    return isdigit((unsigned char)digit) ? digit - '0' : tolower((unsigned char)digit) - 'a' + 10;
}

/* Appends what an escape means; `from` points behind the backslash. Returns how many bytes it took.
 */
static size_t unescape(struct text *text, const char *from)
{
    const char *letters = "nrtab";
    const char *place = *from == '\0' ? NULL : strchr(letters, *from);

    if (*from == 'x' && isxdigit((unsigned char)from[1]) && isxdigit((unsigned char)from[2])) {
        char byte = (char)(hex_digit(from[1]) * 16 + hex_digit(from[2]));

        text_add(text, &byte, 1);
        return 3;
    }
    if (place != NULL)
        text_add(text, &"\n\r\t\a\b"[place - letters], 1);
    else
        text_add(text, from, 1);
    return 1;
}

/* Repeats what was added since `start`, if the quote is followed by *N. */
static void repeat_quoted(struct text *text, size_t start, const char **from)
{
    size_t length = text->length - start;
    char *end;

    if (**from != '*' || !isdigit((unsigned char)(*from)[1]))
        return;
    long times = strtol(*from + 1, &end, 10);
    *from = end;
    if (times == 0)
        text->length = start;
    text_reserve(text, length * (size_t)(times > 0 ? times : 1));
    for (long i = 1; i < times; i++)
        text_add(text, text->at + start, length);
    text->at[text->length] = '\0';
}

bool text_unquote(struct text *text, const char **from)
{
    char quote = **from;
    const char *at = *from + 1;
    size_t start = text->length;

    text_reserve(text, 0);
    while (*at != quote) {
        if (*at == '\0')
            return false;
        if (quote == '"' && *at == '\\' && at[1] != '\0')
            at += 1 + unescape(text, at + 1);
        else
            text_add(text, at++, 1);
    }
    at++;
    repeat_quoted(text, start, &at);
    *from = at;
    return true;
}

bool words_split(struct words *words, const char *line)
{
    *words = (struct words){ 0 };
    for (;;) {
        struct text word = { 0 };

        while (isspace((unsigned char)*line))
            line++;
        if (*line == '\0')
            return true;
        text_say(&word, "");
        while (*line != '\0' && !isspace((unsigned char)*line)) {
            if (*line == '"' || *line == '\'') {
                if (!text_unquote(&word, &line)) {
                    text_clear(&word);
                    words_clear(words);
                    return false;
                }
            } else {
                text_add(&word, line++, 1);
            }
        }
        words->at = need(words->at, (words->count + 1) * sizeof *words->at);
        words->at[words->count++] = word;
    }
}

void words_encode(const struct words *words, struct text *request)
{
    text_print(request, "*%zu\r\n", words->count);
    for (size_t i = 0; i < words->count; i++) {
        text_print(request, "$%zu\r\n", words->at[i].length);
        text_add(request, words->at[i].at, words->at[i].length);
        text_say(request, "\r\n");
    }
}

void words_clear(struct words *words)
{
    for (size_t i = 0; i < words->count; i++)
        text_clear(&words->at[i]);
    free(words->at);
    *words = (struct words){ 0 };
}
