#include "clients/cli/cli_words.h"

#include <ctype.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

#include "clients/cli/cli.h"

void cli_words_init(struct cli_words *words)
{
    memset(words, 0, sizeof *words);
}

void cli_words_clear(struct cli_words *words)
{
    for (size_t i = 0; i < words->count; i++)
        free(words->words[i]);
    free(words->words);
    free(words->lengths);
    memset(words, 0, sizeof *words);
}

void cli_words_add(struct cli_words *words, const char *bytes, size_t length)
{
    if (words->count == words->room) {
        words->room = words->room > 0 ? words->room * 2 : 8;
        words->words = cli_memory(words->words, words->room * sizeof *words->words);
        words->lengths = cli_memory(words->lengths, words->room * sizeof *words->lengths);
    }

    char *copy = cli_memory(NULL, length + 1);

    if (length > 0)
        memcpy(copy, bytes, length);
    copy[length] = '\0';
    words->words[words->count] = copy;
    words->lengths[words->count++] = length;
}

void cli_words_drop(struct cli_words *words, size_t count)
{
    for (size_t i = 0; i < count; i++)
        free(words->words[i]);
    words->count -= count;
    memmove(words->words, words->words + count, words->count * sizeof *words->words);
    memmove(words->lengths, words->lengths + count, words->count * sizeof *words->lengths);
}

bool cli_words_is(const struct cli_words *words, size_t index, const char *name)
{
    return index < words->count && strcasecmp(words->words[index], name) == 0;
}

static bool is_blank(char byte)
{
    return isspace((unsigned char)byte) != 0;
}

static unsigned hex_value(char digit)
{
    unsigned char byte = (unsigned char)digit;

    return isdigit(byte) ? byte - (unsigned)'0' : (unsigned)tolower(byte) - (unsigned)'a' + 10U;
}

/* Reads what follows a backslash between double quotes; returns where it ends. */
static const char *read_escape(const char *at, char *to)
{
    static const char names[] = "nrtba";
    static const char bytes[] = "\n\r\t\b\a";
    const char *name;

    if (at[0] == 'x' && isxdigit((unsigned char)at[1]) && isxdigit((unsigned char)at[2])) {
        *to = (char)(unsigned char)(hex_value(at[1]) * 16U + hex_value(at[2]));
        return at + 3;
    }
    name = strchr(names, at[0]);
    *to = name != NULL ? bytes[name - names] : at[0];
    return at + 1;
}

/*
 * Reads one word into 'to', which is as long as the line. Quotes may also begin
 * inside a word. Returns where the word ends, NULL if a quote is wrong.
 */
static const char *read_word(const char *at, char *to, size_t *length)
{
    size_t count = 0;

    while (*at != '\0' && !is_blank(*at)) {
        char quote = *at;

        if (quote != '"' && quote != '\'') {
            to[count++] = *at++;
            continue;
        }
        at++;
        while (*at != quote) {
            if (*at == '\0')
                return NULL;
            if (quote == '"' && at[0] == '\\' && at[1] != '\0') {
                at = read_escape(at + 1, &to[count++]);
            } else if (quote == '\'' && at[0] == '\\' && at[1] == '\'') {
                to[count++] = '\'';
                at += 2;
            } else {
                to[count++] = *at++;
            }
        }
        at++;
        if (*at != '\0' && !is_blank(*at))
            return NULL;
        break;
    }
    *length = count;
    return at;
}

bool cli_words_split(struct cli_words *words, const char *line)
{
    char *word = cli_memory(NULL, strlen(line) + 1);
    size_t length;

    while (line != NULL) {
        while (is_blank(*line))
            line++;
        if (*line == '\0')
            break;
        line = read_word(line, word, &length);
        if (line != NULL)
            cli_words_add(words, word, length);
    }
    free(word);
    return line != NULL;
}
