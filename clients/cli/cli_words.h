/*
 * A typed line into words.
 *
 *   set key "two words\n"  'as it is'
 *
 * Blanks separate. Double quotes know \n \r \t \b \a \" \\ and \xHH; single
 * quotes know \' only. A closing quote must be followed by a blank or the end.
 */
#ifndef CLI_WORDS_H
#define CLI_WORDS_H

#include <stdbool.h>
#include <stddef.h>

/* Words that own their bytes; each also ends with a zero. */
struct cli_words {
    char  **words;
    size_t *lengths;
    size_t  count;
    size_t  room; /* Private. */
};

/* Makes an empty list. */
void cli_words_init(struct cli_words *words);

/* Frees all words; the list is as after init. */
void cli_words_clear(struct cli_words *words);

/* Adds a copy of a word. */
void cli_words_add(struct cli_words *words, const char *bytes, size_t length);

/* Forgets the first 'count' words. */
void cli_words_drop(struct cli_words *words, size_t count);

/* True if there is such a word and it equals 'name' but for upper and lower case. */
bool cli_words_is(const struct cli_words *words, size_t index, const char *name);

/*
 * Splits a line, adding its words. False if a quote is not closed or is followed
 * by more; the words before it have been added then.
 */
bool cli_words_split(struct cli_words *words, const char *line);

#endif
