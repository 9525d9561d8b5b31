/*
 * Growing text for the test programs: what a talk expects, what it got, and
 * the bytes that go over the wire between the two.
 *
 * A text is plain data, empty when zeroed, and is freed with text_clear. There
 * is always a zero byte after its end, so that `at` can be printed once
 * something was added.
 */
#ifndef TESTS_WIRE_TALK_TEXT_H
#define TESTS_WIRE_TALK_TEXT_H

#include <stdbool.h>
#include <stddef.h>

struct text {
    char *at;
    size_t length;
    size_t room;
};

/* The words of one command: each a text of its own, since words may hold any byte. */
struct words {
    struct text *at;
    size_t count;
};

/* malloc and realloc that end the program instead of returning NULL. */
void *need(void *old, size_t size);

/* Appends bytes. Amortised O(length). */
void text_add(struct text *text, const char *bytes, size_t length);

/* Appends a string. */
void text_say(struct text *text, const char *string);

/* Appends as printf would. */
void text_print(struct text *text, const char *format, ...) __attribute__((format(printf, 2, 3)));

/* Appends bytes in double quotes, with the escapes that redis-cli uses. */
void text_quote(struct text *text, const char *bytes, size_t length);

/* Removes bytes from the front, because they were consumed. O(length). */
void text_drop(struct text *text, size_t length);

/* Frees the text and leaves it empty. */
void text_clear(struct text *text);

/*
 * Reads one quoted string at `*from`, which points at its opening quote, and
 * appends what it means. "x"*3 means xxx.
 *
 * Advances `*from` past it; returns false if the quote is never closed.
 */
bool text_unquote(struct text *text, const char **from);

/*
 * Splits a line into words as redis-cli does: blanks between words, double
 * quotes with escapes, single quotes without. "x"*1000 is a word of 1,000 x.
 *
 * Returns false if a quote is never closed. The words are freed with words_clear.
 */
bool words_split(struct words *words, const char *line);

/* Appends the words as a request: an array of bulk strings. */
void words_encode(const struct words *words, struct text *request);

void words_clear(struct words *words);

#endif
